//! Events: the lines of the transcript. The server writes each once; clients and the history's reader parse them.

use std::io::Write as _;

use super::mail::{Mail, Role};
use super::name::DisplayName;
use super::text::Text;
use super::time::{Seq, Time};
use super::title::{Announce, Title};
use crate::limits::TIME_LEN;

/// Who changed the group.
#[derive(Clone, Debug, derive_more::Display, PartialEq, Eq)]
pub enum Author {
    /// A member, by a command.
    Member(Mail),
    /// An edit of members.txt.
    #[display("-")]
    HandEdit,
}

/// An event without its number and time.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the words of its line")]
pub enum Event<'a> {
    /// A message, its text verbatim.
    Msg { mail: Mail, text: Text<'a> },
    /// A new member, and who added them.
    Added { by: Author, mail: Mail },
    /// A former member, and who removed them.
    Removed { by: Author, mail: Mail },
    /// Another role, and who gave it.
    Role { by: Author, mail: Mail, role: Role },
    /// Another display name, or none from now on. Members name themselves, so `by` is the member or an edit.
    Named { by: Author, mail: Mail, name: Option<DisplayName> },
    /// What the group is called, and the admin who said so.
    Titled { by: Mail, title: Title },
    /// Whether only admins speak, and the admin who said so.
    Announce { by: Mail, mode: Announce },
}

impl Event<'_> {
    /// The first words of all their lines.
    pub const NAMES: [&'static str; 8] =
        ["MSG", "ADDED", "REMOVED", "PROMOTED", "DEMOTED", "NAMED", "TITLED", "ANNOUNCE"];

    /// Whether a line with this first word is an event's.
    pub fn is_name(word: &[u8]) -> bool {
        Event::NAMES.iter().any(|name| name.as_bytes() == word)
    }

    /// The first word of its line.
    pub fn name(&self) -> &'static str {
        let [msg, added, removed, promoted, demoted, named, titled, announce] = Event::NAMES;
        match self {
            Event::Msg { .. } => msg,
            Event::Added { .. } => added,
            Event::Removed { .. } => removed,
            Event::Role { role: Role::Admin, .. } => promoted,
            Event::Role { role: Role::Member, .. } => demoted,
            Event::Named { .. } => named,
            Event::Titled { .. } => titled,
            Event::Announce { .. } => announce,
        }
    }

    /// The event, if it changes the group.
    pub fn into_change(self) -> Option<Event<'static>> {
        Some(match self {
            Event::Msg { .. } => return None,
            Event::Added { by, mail } => Event::Added { by, mail },
            Event::Removed { by, mail } => Event::Removed { by, mail },
            Event::Role { by, mail, role } => Event::Role { by, mail, role },
            Event::Named { by, mail, name } => Event::Named { by, mail, name },
            Event::Titled { by, title } => Event::Titled { by, title },
            Event::Announce { by, mode } => Event::Announce { by, mode },
        })
    }

    /// Appends what follows the number and the time in its line, with the LF.
    pub fn write_rest(&self, out: &mut Vec<u8>) {
        match self {
            Event::Msg { mail, text } => {
                for part in [mail.as_str(), " ", text.as_str(), "\n"] {
                    out.extend_from_slice(part.as_bytes());
                }
            }
            Event::Added { by, mail } | Event::Removed { by, mail } | Event::Role { by, mail, .. } => {
                writeln!(out, "{by} {mail}").expect("writing to a Vec cannot fail");
            }
            Event::Named { by, mail, name } => {
                if *by == Author::HandEdit {
                    out.extend_from_slice(b"- ");
                }
                out.extend_from_slice(mail.as_str().as_bytes());
                if let Some(name) = name {
                    out.push(b' ');
                    out.extend_from_slice(name.as_str().as_bytes());
                }
                out.push(b'\n');
            }
            Event::Titled { by, title } => {
                writeln!(out, "{by} {title}").expect("writing to a Vec cannot fail");
            }
            Event::Announce { by, mode } => {
                writeln!(out, "{by} {mode}").expect("writing to a Vec cannot fail");
            }
        }
    }
}

/// A line of the transcript.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventLine<'a> {
    /// Its number.
    pub seq: Seq,
    /// When it was appended.
    pub time: Time,
    /// The event.
    pub event: Event<'a>,
}

impl<'a> EventLine<'a> {
    /// Appends the line with its LF to `out`.
    pub fn write(&self, out: &mut Vec<u8>) {
        let EventLine { seq, time, event } = self;
        write!(out, "{} {seq} {time} ", event.name()).expect("writing to a Vec cannot fail");
        event.write_rest(out);
    }

    /// Parses a line without its LF. `None` unless it is an event exactly as [`EventLine::write`] writes it.
    pub fn parse(line: &'a [u8]) -> Option<EventLine<'a>> {
        let mut words = line.splitn(5, |&b| b == b' ');
        let (verb, seq, time, first) = (words.next()?, words.next()?, words.next()?, words.next()?);
        let event = match (verb, words.next()) {
            (b"NAMED", rest) => named(first, rest)?,
            (b"MSG", Some(last)) => Event::Msg { mail: mail(first)?, text: Text::parse(last).ok()? },
            (b"ADDED", Some(last)) => Event::Added { by: author(first)?, mail: mail(last)? },
            (b"REMOVED", Some(last)) => Event::Removed { by: author(first)?, mail: mail(last)? },
            (b"PROMOTED", Some(last)) => {
                Event::Role { by: author(first)?, mail: mail(last)?, role: Role::Admin }
            }
            (b"DEMOTED", Some(last)) => {
                Event::Role { by: author(first)?, mail: mail(last)?, role: Role::Member }
            }
            (b"TITLED", Some(last)) => Event::Titled { by: mail(first)?, title: Title::kept(last)? },
            (b"ANNOUNCE", Some(last)) => Event::Announce { by: mail(first)?, mode: Announce::parse(last)? },
            _ => return None,
        };
        Some(EventLine { seq: canonical_seq(seq)?, time: Time::parse(time)?, event })
    }
}

/// The number and the time of an event of a kind that a later version has added: `WORD <seq> <time> …`, and no other line has
/// this form.
pub fn newer_event(line: &[u8]) -> Option<(Seq, Time)> {
    let mut words = line.splitn(4, |&b| b == b' ');
    let kind = words.next()?;
    let is_newer = !kind.is_empty() && !Event::is_name(kind);
    let is_word = kind.iter().all(u8::is_ascii_uppercase);
    (is_newer && is_word).then_some((canonical_seq(words.next()?)?, Time::parse(words.next()?)?))
}

/// The answer to a message's author, instead of its event: `OK MSG <seq> <time>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MsgOk {
    /// The event's number.
    pub seq: Seq,
    /// The event's time.
    pub time: Time,
}

impl MsgOk {
    /// Bytes of the line with its LF.
    pub fn line_len(self) -> usize {
        let digits = self.seq.0.checked_ilog10().map_or(1, |log| log as usize + 1);
        "OK MSG ".len() + digits + " ".len() + TIME_LEN + "\n".len()
    }

    /// Appends the line with its LF to `out`.
    pub fn write(self, out: &mut Vec<u8>) {
        writeln!(out, "OK MSG {} {}", self.seq, self.time).expect("writing to a Vec cannot fail");
    }
}

/// `<mail> [<name>]`, or `- <mail> [<name>]` of an edit.
fn named<'a>(first: &[u8], rest: Option<&[u8]>) -> Option<Event<'a>> {
    let (by, mail, name) = match (author(first)?, rest) {
        (Author::HandEdit, rest) => {
            let rest = rest?;
            let end = rest.iter().position(|&b| b == b' ');
            let whose = mail(&rest[..end.unwrap_or(rest.len())])?;
            (Author::HandEdit, whose, end.map(|end| &rest[end + 1..]))
        }
        (Author::Member(mail), name) => (Author::Member(mail.clone()), mail, name),
    };
    let name = name.map(|name| DisplayName::kept(name).ok_or(())).transpose().ok()?;
    Some(Event::Named { by, mail, name })
}

fn author(word: &[u8]) -> Option<Author> {
    if word == b"-" { Some(Author::HandEdit) } else { mail(word).map(Author::Member) }
}

/// In lower case.
fn mail(word: &[u8]) -> Option<Mail> {
    Mail::parse(word).ok().filter(|mail| mail.as_str().as_bytes() == word)
}

fn canonical_seq(word: &[u8]) -> Option<Seq> {
    let is_plain = word.iter().all(u8::is_ascii_digit) && !word.starts_with(b"0");
    let number = std::str::from_utf8(word).ok().filter(|_| is_plain)?.parse().ok();
    // The largest number would have no next.
    number.filter(|&seq| seq < u64::MAX).map(Seq)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_parsed() {
        for line in [
            "MSG 1 2026-01-02T03:04:05.678Z ann@example.org  verbatim  blanks ",
            "ADDED 20 2026-01-02T03:04:05.678Z ann@example.org bob@example.org",
            "REMOVED 300 2026-01-02T03:04:05.678Z - bob@example.org",
            "PROMOTED 301 2026-01-02T03:04:05.678Z ann@example.org bob@example.org",
            "DEMOTED 302 2026-01-02T03:04:05.678Z - bob@example.org",
            "NAMED 303 2026-01-02T03:04:05.678Z bob@example.org Bob  B.",
            "NAMED 304 2026-01-02T03:04:05.678Z bob@example.org",
            "NAMED 305 2026-01-02T03:04:05.678Z - bob@example.org - B.",
            "NAMED 306 2026-01-02T03:04:05.678Z - bob@example.org",
            "TITLED 307 2026-01-02T03:04:05.678Z ann@example.org The  Choir @home",
            "ANNOUNCE 308 2026-01-02T03:04:05.678Z ann@example.org on",
            "ANNOUNCE 309 2026-01-02T03:04:05.678Z ann@example.org off",
        ] {
            let mut written = Vec::new();
            EventLine::parse(line.as_bytes()).expect(line).write(&mut written);
            assert_eq!(written, [line.as_bytes(), b"\n"].concat());
        }
    }

    #[test]
    fn events_of_kinds_that_are_not_known() {
        let found = |line: &str| newer_event(line.as_bytes()).map(|(Seq(seq), time)| format!("{seq} {time}"));
        let expected = Some("7 2026-01-02T03:04:05.678Z".to_owned());
        for line in ["PINNED 7 TIME - bob@x", "POLL 7 TIME ann@x two  words ", "X 7 TIME", "X 7 TIME \u{1b}"]
        {
            assert_eq!(found(&line.replace("TIME", "2026-01-02T03:04:05.678Z")), expected, "{line}");
        }
        for line in [
            "MSG 7 TIME ann@x \u{1b}",
            "ADDED 7 TIME ann@x",
            "OK MSG 7 TIME",
            "Poll 7 TIME",
            " 7 TIME",
            "POLL 07 TIME",
            "POLL 7 soon",
            "POLL 7",
            "STAT members 7",
            "HISTORY 7 8",
        ] {
            assert_eq!(found(&line.replace("TIME", "2026-01-02T03:04:05.678Z")), None, "{line}");
        }
    }

    #[test]
    fn the_length_of_an_ok() {
        for seq in [0, 1, 9, 10, 99, 100, 12345, u64::MAX] {
            let ok = MsgOk { seq: Seq(seq), time: Time::from_unix_ms(0) };
            let mut line = Vec::new();
            ok.write(&mut line);
            assert_eq!(line.len(), ok.line_len());
        }
    }

    #[test]
    fn nothing_else_is_parsed() {
        for line in [
            "",
            "MSG",
            "MSG 01 2026-01-02T03:04:05.678Z ann@example.org hi",
            "MSG 18446744073709551615 2026-01-02T03:04:05.678Z ann@example.org hi",
            "MSG +1 2026-01-02T03:04:05.678Z ann@example.org hi",
            "MSG 1 2026-01-02T03:04:05Z ann@example.org hi",
            "MSG 1 2026-01-02T03:04:05.678Z Ann@example.org hi",
            "MSG 1 2026-01-02T03:04:05.678Z ann@example.org",
            "msg 1 2026-01-02T03:04:05.678Z ann@example.org hi",
            "MSG 1 2026-01-02T03:04:05.678Z ann@example.org \x1b[2J",
            "ADDED 1 2026-01-02T03:04:05.678Z - bob@example.org more",
            "NAMED 1 2026-01-02T03:04:05.678Z - bob@example.org ",
            "NAMED 1 2026-01-02T03:04:05.678Z - bob@example.org Bob ",
            "NAMED 1 2026-01-02T03:04:05.678Z bob@example.org ",
            "NAMED 1 2026-01-02T03:04:05.678Z -",
            "NAMED 1 2026-01-02T03:04:05.678Z - Bob",
            "NAMED 1 2026-01-02T03:04:05.678Z Bob",
            "TITLED 1 2026-01-02T03:04:05.678Z ann@example.org",
            "TITLED 1 2026-01-02T03:04:05.678Z ann@example.org ",
            "TITLED 1 2026-01-02T03:04:05.678Z - The Choir",
            "ANNOUNCE 1 2026-01-02T03:04:05.678Z ann@example.org",
            "ANNOUNCE 1 2026-01-02T03:04:05.678Z ann@example.org On",
            "ANNOUNCE 1 2026-01-02T03:04:05.678Z - on",
            "BYE removed you were removed by an admin",
        ] {
            assert_eq!(EventLine::parse(line.as_bytes()), None, "{line:?}");
        }
    }
}
