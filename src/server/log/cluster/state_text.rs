//! A state as text: the note from which a node continues after a restart, and with which one that joins begins. It has the
//! group's hashes and the key of its tokens, so it is for its owner only.

use std::fmt::{self, Write as _};

use crate::protocol::{Announce, Seq};
use crate::room::Ended;
use crate::server::log::cluster::args::Args;
use crate::server::log::cluster::command_error::CommandError;
use crate::server::log::cluster::ids::{BatchNumber, Start, StreamSeq};
use crate::server::log::cluster::members::StateMember;
use crate::server::log::cluster::named::Named;
use crate::server::log::cluster::state::{Founded, Known, State};

/// The first line. Another version has another one.
const FIRST: &str = "applied 1";

/// What stands in the place of the last batch's number after a fence.
const FENCED: &str = "fenced";

/// Why a text is no state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoteError {
    /// Another version wrote it, or it is something else.
    Version,
    /// The end is missing.
    Torn,
    /// A line, counted from 1, is invalid.
    Line(usize, CommandError),
    /// A line is out of place.
    Place(usize),
    /// Nodes or members are not each once, in the order of their names.
    Order,
    /// All lines are valid, but they do not fit each other.
    Contradiction(&'static str),
}

impl fmt::Display for NoteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoteError::Version => write!(f, "its first line is not \"{FIRST}\""),
            NoteError::Torn => f.write_str("its end is missing"),
            NoteError::Line(line, error) => write!(f, "in line {line}, {error}"),
            NoteError::Place(line) => write!(f, "line {line} is out of place"),
            NoteError::Order => f.write_str("its nodes or members are not in order"),
            NoteError::Contradiction(what) => write!(f, "it contradicts itself: {what}"),
        }
    }
}

impl State {
    /// Appends its text.
    pub fn write(&self, out: &mut String) {
        self.try_write(out).expect("writing to a String cannot fail");
    }

    fn try_write(&self, out: &mut String) -> fmt::Result {
        writeln!(out, "{FIRST}\ncreated {}\nnext {}", self.created, self.next)?;
        writeln!(out, "last {} {}", self.last.seq, self.last.time)?;
        if let Some(Founded { transcript, token_key, line_max, founder, missing }) = &self.founded {
            write!(out, "genesis {transcript:08x} ")?;
            out.push_str(std::str::from_utf8(token_key.hex().as_ref()).expect("digits are text"));
            writeln!(out, " {line_max} {founder} {missing}")?;
        }
        if let Some(title) = &self.settings.title {
            writeln!(out, "title {title}")?;
        }
        if self.settings.announce == Announce::On {
            writeln!(out, "announce {}", self.settings.announce)?;
        }
        for (seq, sum) in &self.sums {
            writeln!(out, "sum {seq} {sum}")?;
        }
        for (name, Known { start, last }) in &self.nodes {
            match last {
                Some(last) => writeln!(out, "node {name} {start} {last}")?,
                None => writeln!(out, "node {name} {start} {FENCED}")?,
            }
        }
        for (mail, StateMember { role, hash, added, named }) in self.members() {
            let rest = Named::rest(named.as_ref());
            writeln!(out, "member {mail} {role} {} {added}{rest}", hash.as_str())?;
        }
        if let Some(ended) = &self.ended {
            writeln!(out, "invitations {}", ended.known_since())?;
            for (seq, time, mail) in ended.iter() {
                writeln!(out, "ended {seq} {time} {mail}")?;
            }
        }
        writeln!(out, "end")
    }

    /// Parses what [`State::write`] writes.
    pub fn parse(text: &[u8]) -> Result<State, NoteError> {
        let mut lines = (1..).zip(text.split_inclusive(|&b| b == b'\n'));
        if lines.next().is_none_or(|(_, line)| line.strip_suffix(b"\n") != Some(FIRST.as_bytes())) {
            return Err(NoteError::Version);
        }
        let mut state = State::new("", StreamSeq(0));
        let mut before = Kind::First;
        for (number, line) in lines {
            let line = line.strip_suffix(b"\n").ok_or(NoteError::Torn)?;
            let mut args = Args(Some(line));
            let word = args.word().map_err(|error| NoteError::Line(number, error))?;
            let kind =
                Kind::of(word).filter(|kind| kind.may_follow(before)).ok_or(NoteError::Place(number))?;
            before = kind;
            state.read(kind, &mut args).map_err(|error| NoteError::Line(number, error))?;
            if args.0.is_some() {
                return Err(NoteError::Line(number, CommandError::TooMany));
            }
        }
        if before != Kind::End {
            return Err(NoteError::Torn);
        }
        if let Some(what) = state.fault() {
            return Err(NoteError::Contradiction(what));
        }
        // Of two lines for the same member one would be lost.
        let mut written = String::with_capacity(text.len());
        state.write(&mut written);
        if written.as_bytes() == text { Ok(state) } else { Err(NoteError::Order) }
    }

    fn read(&mut self, kind: Kind, args: &mut Args<'_>) -> Result<(), CommandError> {
        match kind {
            Kind::First | Kind::End => {}
            Kind::Created => {
                let rest = args.0.take().and_then(|rest| std::str::from_utf8(rest).ok());
                self.created = rest.ok_or(CommandError::Missing)?.into();
            }
            Kind::Next => self.next = StreamSeq(args.number()?),
            Kind::Last => {
                self.last.seq = Seq(args.number()?);
                self.last.time = args.time()?;
            }
            Kind::Genesis => {
                let (transcript, token_key, line_max) = (args.transcript()?, args.key()?, args.number()?);
                let line_max = usize::try_from(line_max).map_err(|_| CommandError::Number)?;
                let (founder, missing) = (args.node()?, args.number()?);
                self.founded = Some(Founded { transcript, token_key, line_max, founder, missing });
            }
            Kind::Title => self.settings.title = Some(args.title()?),
            Kind::Announce => self.settings.announce = args.announce()?,
            Kind::Sum => self.sums.push_back((Seq(args.number()?), args.sum()?)),
            Kind::Node => {
                let (name, start) = (args.node()?, Start(args.number()?));
                let last = if args.0 == Some(FENCED.as_bytes()) {
                    args.0 = None;
                    None
                } else {
                    Some(BatchNumber(args.number()?))
                };
                self.nodes.insert(name, Known { start, last });
            }
            Kind::Member => {
                let (mail, role, hash) = (args.mail()?, args.role()?, args.hash()?);
                let added = Seq(args.number()?);
                self.members.insert(mail, StateMember { role, hash, added, named: Named::parse(args)? });
            }
            Kind::Invitations => self.ended = Some(Ended::since(Seq(args.number()?))),
            Kind::Ended => {
                let (seq, time, mail) = (Seq(args.number()?), args.time()?, args.mail()?);
                self.ended.as_mut().ok_or(CommandError::Missing)?.restore(seq, time, mail);
            }
        }
        Ok(())
    }
}

/// The kinds of lines, in their order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    First,
    Created,
    Next,
    Last,
    Genesis,
    Title,
    Announce,
    Sum,
    Node,
    Member,
    Invitations,
    Ended,
    End,
}

impl Kind {
    fn of(word: &[u8]) -> Option<Kind> {
        Some(match word {
            b"created" => Kind::Created,
            b"next" => Kind::Next,
            b"last" => Kind::Last,
            b"genesis" => Kind::Genesis,
            b"title" => Kind::Title,
            b"announce" => Kind::Announce,
            b"sum" => Kind::Sum,
            b"node" => Kind::Node,
            b"member" => Kind::Member,
            b"invitations" => Kind::Invitations,
            b"ended" => Kind::Ended,
            b"end" => Kind::End,
            _ => return None,
        })
    }

    /// Whether a line of this kind may follow one of that kind: some have to be there, some may be there more than once.
    fn may_follow(self, before: Kind) -> bool {
        let repeats = matches!(self, Kind::Sum | Kind::Node | Kind::Member | Kind::Ended);
        match self {
            Kind::Created => before == Kind::First,
            Kind::Next => before == Kind::Created,
            Kind::Last => before == Kind::Next,
            _ => before >= Kind::Last && (before < self || repeats && before == self),
        }
    }
}

#[cfg(test)]
mod tests;
