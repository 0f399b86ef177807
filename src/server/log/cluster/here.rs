//! The text of what a node tells the others about who is there, a head and a line for each member:
//!
//! ```text
//! v1 <start> <version> <next> <places> <all> beat|hello|changes|whole <part> <parts>
//! <mail>[ <device>]…      is there, with these devices connected; * is the default one
//! <mail> -                is there no longer
//! ```
//!
//! A member is there without a device while a connection has no feed, or has left and some of what was said on it is not
//! settled.

use std::fmt;
use std::io::Write as _;

use crate::limits::HERE_MESSAGE;
use crate::protocol::{Device, Mail};
use crate::server::log::cluster::ids::{Start, StreamSeq};

/// Counts what a process has told about its members. Before the first of it, at 0, nobody is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct HereVersion(pub(super) u64);

/// A member's devices, in order, each once.
pub type Devices = Vec<Device>;

/// A message's head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct HereHead {
    /// The node's start.
    pub(super) start: Start,
    /// What it has told with this message.
    pub(super) version: HereVersion,
    /// The message of the stream that it applies next. What those had said who are not there was settled before it.
    pub(super) next: StreamSeq,
    /// The last message with places that it has told, and the one after which it has told all: see
    /// [`PlacesTold::state`](super::places::PlacesTold::state).
    pub(super) places: (u64, u64),
    pub(super) what: What,
}

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// Nothing has changed.
    Beat,
    /// The same, and the node wants to hear of the others.
    Hello,
    /// What has changed since the version before.
    Changes,
    /// Everybody who is there, in so many parts, of which this is one, counted from 1.
    Whole(u32, u32),
}

impl HereVersion {
    pub(super) fn next(self) -> HereVersion {
        HereVersion(self.0 + 1)
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            What::Beat => f.write_str("beat"),
            What::Hello => f.write_str("hello"),
            What::Changes => f.write_str("changes"),
            What::Whole(part, parts) => write!(f, "whole {part} {parts}"),
        }
    }
}

impl HereHead {
    /// The message with these lines.
    pub(super) fn message(&self, lines: &[u8]) -> Vec<u8> {
        let HereHead { start, version, next, places: (last, all), what } = self;
        let mut text = format!("v1 {start} {} {next} {last} {all} {what}\n", version.0).into_bytes();
        text.extend_from_slice(lines);
        text
    }

    /// The head of a message, and its lines. `None`: another version of this program tells something else.
    pub(super) fn parse(message: &[u8]) -> Option<(HereHead, &[u8])> {
        let at = memchr::memchr(b'\n', message)?;
        let mut words = str::from_utf8(&message[..at]).ok()?.split(' ');
        if words.next()? != "v1" {
            return None;
        }
        let (start, version) = (Start(words.next()?.parse().ok()?), HereVersion(words.next()?.parse().ok()?));
        let next = StreamSeq(words.next()?.parse().ok()?);
        let places = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let what = match words.next()? {
            "beat" => What::Beat,
            "hello" => What::Hello,
            "changes" => What::Changes,
            "whole" => What::Whole(words.next()?.parse().ok()?, words.next()?.parse().ok()?),
            _ => return None,
        };
        words
            .next()
            .is_none()
            .then_some((HereHead { start, version, next, places, what }, &message[at + 1..]))
    }
}

/// Appends a member's line; `None`: is there no longer.
pub(super) fn write_line(out: &mut Vec<u8>, mail: &Mail, devices: Option<&Devices>) {
    out.extend_from_slice(mail.as_str().as_bytes());
    match devices {
        Some(devices) => devices.iter().for_each(|device| match device {
            Device::Default => out.extend_from_slice(b" *"),
            Device::Named(name) => write!(out, " {name}").expect("writing to a Vec cannot fail"),
        }),
        None => out.extend_from_slice(b" -"),
    }
    out.push(b'\n');
}

/// The members of these lines. A line that is none is skipped.
pub(super) fn lines(text: &[u8]) -> impl Iterator<Item = (Mail, Option<Devices>)> {
    text.split(|&b| b == b'\n').filter_map(|line| {
        let (mail, rest) = match memchr::memchr(b' ', line) {
            Some(at) => (&line[..at], str::from_utf8(&line[at + 1..]).ok()?),
            None => (line, ""),
        };
        let mail = Mail::parse(mail).ok()?;
        let device = |word| if word == "*" { Some(Device::Default) } else { Device::parse_named(word) };
        match rest {
            "-" => Some((mail, None)),
            "" => Some((mail, Some(Devices::new()))),
            words => {
                let mut devices: Devices = words.split(' ').map(device).collect::<Option<_>>()?;
                devices.sort_unstable();
                devices.dedup();
                Some((mail, Some(devices)))
            }
        }
    })
}

/// Lines in pieces for a message each. Without lines it is one empty piece.
pub(super) fn pieces(lines: &[u8]) -> impl ExactSizeIterator<Item = &[u8]> {
    let (mut pieces, mut rest) = (Vec::new(), lines);
    while rest.len() > HERE_MESSAGE {
        let end = memchr::memrchr(b'\n', &rest[..HERE_MESSAGE]).map_or(rest.len(), |end| end + 1);
        let (piece, later) = rest.split_at(end);
        pieces.push(piece);
        rest = later;
    }
    pieces.push(rest);
    pieces.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_read_as_it_was_written() {
        for what in [What::Beat, What::Hello, What::Changes, What::Whole(2, 3)] {
            let (start, version, next) = (Start(7), HereVersion(8), StreamSeq(9));
            let head = HereHead { start, version, next, places: (10, 11), what };
            let text = head.message(b"ann@x\n");
            assert_eq!(HereHead::parse(&text), Some((head, &b"ann@x\n"[..])), "{what}");
        }
        let bad = [
            "",
            "v1 1 2 3 4 5 beat",
            "v2 1 2 3 4 5 beat\n",
            "v1 1 2 3 4 beat\n",
            "v1 1 2 3 4 5 whole 1\n",
            "v1 1 2 3 4 5 beat 6\n",
            "v1 1 2 3 4 5 bye\n",
        ];
        for bad in bad {
            assert_eq!(HereHead::parse(bad.as_bytes()), None, "{bad:?}");
        }
    }

    #[test]
    fn lines_are_members_with_their_devices() {
        let read = |text: &str| {
            let mut again = Vec::new();
            lines(text.as_bytes()).for_each(|(mail, here)| write_line(&mut again, &mail, here.as_ref()));
            String::from_utf8(again).expect("text")
        };
        let good = "ann@x\nbob@x * laptop\ncid@x -\n";
        assert_eq!(read(good), good);
        // In order and once; what is no line is skipped.
        assert_eq!(read("bob@x b a * a\nann\n\ndan@x a/b\n\u{e4}@x *\ncid@x  -"), "bob@x * a b\n");
    }

    #[test]
    fn pieces_are_whole_lines() {
        let all = "member@example.org *\n".repeat(30_000).into_bytes();
        let parts: Vec<_> = pieces(&all).collect();
        assert_eq!((parts.len(), parts.concat() == all), (3, true));
        assert!(parts.iter().all(|part| part.len() <= HERE_MESSAGE && part.ends_with(b"\n")));
        assert_eq!(pieces(b"").collect::<Vec<_>>(), [b""]);
    }
}
