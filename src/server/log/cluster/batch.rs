//! The text of a batch, one message of the stream: a head line, `v1 <node> <start> <n> [<shown>]`, then commands. A batch
//! without commands is a probe.

use std::fmt;
use std::io::Write as _;

use memchr::memchr_iter;

use crate::limits::{BATCH_HEAD_MAX, BATCH_MAX};
use crate::protocol::Seq;
use crate::server::log::cluster::args::Args;
use crate::server::log::cluster::command::Command;
use crate::server::log::cluster::command_error::CommandError;
use crate::server::log::cluster::ids::{BatchNumber, NodeName, Start};

/// The version that this program writes, and the only one that it reads.
const VERSION: &str = "v1";

/// The first line of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The node that sends it.
    pub node: NodeName,
    /// Its start.
    pub start: Start,
    /// The number within that start.
    pub number: BatchNumber,
    /// The last change of the group that its members had been shown when they asked for this: who is a member by a later one
    /// did not ask for it as that. `None`: no member asks for anything.
    pub shown: Option<Seq>,
}

/// A batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch<'a> {
    /// Whose it is.
    pub head: Head,
    /// What it asks for.
    pub commands: Vec<Command<'a>>,
}

/// Why a message is no batch that this program understands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BatchError {
    /// Larger than a batch may be.
    TooLong,
    /// It does not end with an LF.
    Torn,
    /// The first line has another version.
    Version,
    /// The first line has another form.
    Head,
    /// Another line, counted from 1, is no command.
    Command(usize, CommandError),
}

impl fmt::Display for BatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BatchError::TooLong => write!(f, "it has more than {BATCH_MAX} bytes"),
            BatchError::Torn => f.write_str("its last line has no end"),
            BatchError::Version => write!(f, "its version is not {VERSION}"),
            BatchError::Head => {
                write!(f, "its first line is not \"{VERSION}\", a node's name and two or three numbers")
            }
            BatchError::Command(line, error) => write!(f, "in line {line}, {error}"),
        }
    }
}

impl Head {
    /// Parses the first line, and returns it with the lines after it, which [`commands`] parses.
    pub fn parse(body: &[u8]) -> Result<(Head, &[u8]), BatchError> {
        if body.len() > BATCH_MAX {
            return Err(BatchError::TooLong);
        }
        if body.last() != Some(&b'\n') {
            return Err(BatchError::Torn);
        }
        let end = body.iter().position(|&b| b == b'\n').expect("it ends with one");
        let mut args = Args(Some(&body[..end]));
        if args.word() != Ok(VERSION.as_bytes()) {
            return Err(BatchError::Version);
        }
        let mut head = || {
            let (node, start, number) = (args.node()?, Start(args.number()?), BatchNumber(args.number()?));
            let shown = if args.0.is_some() { Some(Seq(args.number()?)) } else { None };
            Ok::<_, CommandError>(Head { node, start, number, shown })
        };
        let head = head().ok().filter(|head| head.number >= BatchNumber::FIRST);
        match head {
            Some(head) if args.0.is_none() => Ok((head, &body[end + 1..])),
            _ => Err(BatchError::Head),
        }
    }

    /// Appends the line with its LF.
    pub fn write(&self, out: &mut Vec<u8>) {
        let Head { node, start, number, shown } = self;
        write!(out, "{VERSION} {node} {start} {number}").expect("writing to a Vec cannot fail");
        if let Some(shown) = shown {
            write!(out, " {shown}").expect("writing to a Vec cannot fail");
        }
        out.push(b'\n');
    }
}

/// Parses the lines after the first one, each with its LF.
pub fn commands(lines: &[u8]) -> Result<Vec<Command<'_>>, BatchError> {
    let mut commands = Vec::with_capacity(memchr_iter(b'\n', lines).count());
    for (number, line) in (2..).zip(lines.split_inclusive(|&b| b == b'\n')) {
        let line = line.strip_suffix(b"\n").ok_or(BatchError::Torn)?;
        commands.push(Command::parse(line).map_err(|error| BatchError::Command(number, error))?);
    }
    Ok(commands)
}

impl<'a> Batch<'a> {
    /// Parses a message of the stream.
    pub fn parse(body: &'a [u8]) -> Result<Batch<'a>, BatchError> {
        let (head, lines) = Head::parse(body)?;
        Ok(Batch { head, commands: commands(lines)? })
    }

    /// Appends its text.
    pub fn write(&self, out: &mut Vec<u8>) {
        self.head.write(out);
        for command in &self.commands {
            command.write(out);
        }
    }
}

/// Whether a command with so many bytes has a place in a batch whose commands have `before` bytes so far.
pub(super) fn has_place(before: usize, len: usize) -> bool {
    BATCH_HEAD_MAX + before + len <= BATCH_MAX
}

/// The batches that these commands fill, numbered from the first on: GENESIS and its MEMBER lines, for a large group, need
/// more than one.
pub fn batches<'a>(
    node: &NodeName,
    start: Start,
    commands: impl IntoIterator<Item = Command<'a>>,
) -> Vec<Vec<u8>> {
    let mut texts: Vec<Vec<u8>> = Vec::new();
    let mut line = Vec::new();
    for command in commands {
        line.clear();
        command.write(&mut line);
        match texts.last_mut() {
            Some(text) if has_place(text.len(), line.len()) => text.extend_from_slice(&line),
            _ => texts.push(line.clone()),
        }
    }
    let mut number = BatchNumber::FIRST;
    for text in &mut texts {
        let mut body = Vec::with_capacity(BATCH_HEAD_MAX + text.len());
        Head { node: node.clone(), start, number, shown: None }.write(&mut body);
        body.append(text);
        *text = body;
        number = number.next();
    }
    texts
}

#[cfg(test)]
mod tests;
