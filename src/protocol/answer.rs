//! What answers say: the greeting, what follows the verb of an `OK`, and the lines of lists. The server writes these
//! types with [`fmt::Display`], the client reads them with `parse`. Fields that a newer server added are ignored.

use std::fmt;

use super::event::MsgOk;
use super::mail::{Mail, Role};
use super::name::DisplayName;
use super::time::{Seq, Time};

/// `HELLO chat-room/… max-line=…`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hello {
    /// Bytes of a command line, with its end.
    pub line_max: usize,
}

impl Hello {
    /// Parses the first line of a connection.
    pub fn parse(line: &str) -> Option<Hello> {
        let rest = line.strip_prefix("HELLO chat-room/")?;
        Some(Hello { line_max: field(rest, "max-line")?.parse().ok()? })
    }
}

/// After `OK LOGIN` and `OK RESUME`.
#[derive(Clone, Debug, derive_more::Display, PartialEq, Eq)]
#[display("{mail} role={role} last={last} missed={missed} first={first} transcript={transcript}{last_is}")]
pub struct LoginOk {
    /// The member who is logged in.
    pub mail: Mail,
    /// Their role. One that this version does not know counts as member.
    pub role: Role,
    /// The number of the last event so far.
    pub last: Seq,
    /// How many events this device has missed.
    pub missed: u64,
    /// The number of the first event that can be read, or of the next one if there is none.
    pub first: Seq,
    /// Which transcript the numbers belong to: one word.
    pub transcript: String,
    /// What `last` says of messages that had no answer.
    pub last_is: LastIs,
}

/// Whether all that a member said before a login is among the events up to `last=`, or will never be an event. Written with a
/// blank before it.
#[derive(Clone, Copy, Debug, derive_more::Display, PartialEq, Eq)]
pub enum LastIs {
    /// It is.
    #[display("")]
    Certain,
    /// The server reaches no majority of its group's brokers: some of it may still come.
    #[display(" quorum=no")]
    Uncertain,
}

impl LoginOk {
    /// `None` if a field is missing or malformed.
    pub fn parse(rest: &str) -> Option<LoginOk> {
        let number = |key| field(rest, key)?.parse().ok();
        Some(LoginOk {
            mail: Mail::parse(split_word(rest).0.as_bytes()).ok()?,
            role: Role::parse(field(rest, "role")?).unwrap_or(Role::Member),
            last: Seq(number("last")?),
            missed: number("missed")?,
            first: Seq(number("first")?),
            transcript: field(rest, "transcript")?.to_owned(),
            last_is: if field(rest, "quorum") == Some("no") { LastIs::Uncertain } else { LastIs::Certain },
        })
    }
}

impl MsgOk {
    /// Parses what follows `OK MSG`.
    pub fn parse(rest: &str) -> Option<MsgOk> {
        let (seq, time) = split_word(rest);
        Some(MsgOk { seq: Seq(seq.parse().ok()?), time: Time::parse(split_word(time).0)? })
    }
}

/// After `OK HISTORY`.
#[derive(Clone, Copy, Debug, derive_more::Display, PartialEq, Eq)]
#[display("{count} last={last}")]
pub struct HistoryOk {
    /// How many events the answer had.
    pub count: u64,
    /// The number of the last event so far.
    pub last: Seq,
}

impl HistoryOk {
    /// A number that is missing or malformed counts as 0.
    pub fn parse(rest: &str) -> HistoryOk {
        let last = field(rest, "last").and_then(|last| last.parse().ok());
        HistoryOk { count: skipped(rest), last: Seq(last.unwrap_or(0)) }
    }
}

/// After `OK FIND`.
#[derive(Clone, Copy, Debug, derive_more::Display, PartialEq, Eq)]
#[display("{count}{}", optional("more", *more))]
pub struct FindOk {
    /// How many messages the answer had.
    pub count: u64,
    /// Before this one there may be more.
    pub more: Option<Seq>,
}

impl FindOk {
    /// A number that is missing or malformed counts as 0.
    pub fn parse(rest: &str) -> FindOk {
        let more = field(rest, "more").and_then(|more| more.parse().ok()).map(Seq);
        FindOk { count: skipped(rest), more }
    }
}

/// The number after `OK SKIP`, how many events were skipped, or `OK HISTORY` or `OK FIND`. One that is malformed counts as 0.
pub fn skipped(rest: &str) -> u64 {
    split_word(rest).0.parse().unwrap_or(0)
}

/// `more=`, at the end of the `OK` of a list: the mail after which the next page begins. Written with a blank before it.
#[derive(Clone, Debug, derive_more::Display, PartialEq, Eq)]
#[display("{}", optional("more", _0.as_ref()))]
pub struct More(pub Option<Mail>);

impl More {
    /// Finds it in what follows the verb.
    pub fn parse(rest: &str) -> More {
        More(field(rest, "more").and_then(|mail| Mail::parse(mail.as_bytes()).ok()))
    }
}

/// After `OK INFO`, without `more=`.
#[derive(Clone, Copy, Debug, derive_more::Display, PartialEq, Eq)]
#[display("{seq} delivered={delivered} pending={pending}")]
pub struct InfoOk {
    /// The message.
    pub seq: Seq,
    /// How many members it has reached.
    pub delivered: u64,
    /// How many it has not.
    pub pending: u64,
}

impl InfoOk {
    /// `None` if a number is missing or malformed.
    pub fn parse(rest: &str) -> Option<InfoOk> {
        Some(InfoOk {
            seq: Seq(split_word(rest).0.parse().ok()?),
            delivered: field(rest, "delivered")?.parse().ok()?,
            pending: field(rest, "pending")?.parse().ok()?,
        })
    }
}

/// `seen=`: when a device of a member last logged in or acknowledged an event.
#[derive(Clone, Copy, Debug, derive_more::Display, PartialEq, Eq)]
pub enum Seen {
    /// Never, as far as is recorded.
    #[display("never")]
    Never,
    /// At this time.
    At(Time),
}

impl Seen {
    fn parse(word: &str) -> Option<Seen> {
        if word == "never" { Some(Seen::Never) } else { Time::parse(word).map(Seen::At) }
    }
}

impl From<Option<Time>> for Seen {
    fn from(time: Option<Time>) -> Seen {
        time.map_or(Seen::Never, Seen::At)
    }
}

/// A line of WHO.
#[derive(Clone, Debug, derive_more::Display, PartialEq, Eq)]
#[display("WHO {mail} devices={devices}")]
pub struct WhoLine {
    /// A member who is connected.
    pub mail: Mail,
    /// With how many devices.
    pub devices: usize,
}

impl WhoLine {
    /// Parses a line without its end.
    pub fn parse(line: &str) -> Option<WhoLine> {
        let (mail, fields) = subject(line, "WHO ")?;
        Some(WhoLine { mail, devices: field(fields, "devices")?.parse().ok()? })
    }
}

/// A line of MEMBERS.
#[derive(Clone, Debug, derive_more::Display, PartialEq, Eq)]
#[display(
    "MEMBER {mail} role={role} online={}{}{}",
    if *is_online { "yes" } else { "no" },
    optional("seen", *seen),
    optional("name", name.as_ref())
)]
pub struct MemberLine {
    /// A member.
    pub mail: Mail,
    /// Their role. One that this version does not know counts as member.
    pub role: Role,
    /// Whether a device of theirs is connected.
    pub is_online: bool,
    /// Only admins are told.
    pub seen: Option<Seen>,
    /// What they want to be called.
    pub name: Option<DisplayName>,
}

impl MemberLine {
    /// Parses a line without its end.
    pub fn parse(line: &str) -> Option<MemberLine> {
        let (mail, fields) = subject(line, "MEMBER ")?;
        // The name is the last field, because it may have blanks.
        let (fields, name) = match fields.split_once(" name=") {
            Some((fields, name)) => (fields, Some(DisplayName::kept(name.as_bytes())?)),
            None => (fields, None),
        };
        Some(MemberLine {
            mail,
            role: Role::parse(field(fields, "role")?).unwrap_or(Role::Member),
            is_online: field(fields, "online")? == "yes",
            seen: field(fields, "seen").and_then(Seen::parse),
            name,
        })
    }
}

/// A line of INFO.
#[derive(Clone, Debug, derive_more::Display, PartialEq, Eq)]
#[display("PENDING {mail} seen={seen}")]
pub struct PendingLine {
    /// A member whom the message has not reached.
    pub mail: Mail,
    /// When they were last seen.
    pub seen: Seen,
}

impl PendingLine {
    /// Parses a line without its end.
    pub fn parse(line: &str) -> Option<PendingLine> {
        let (mail, fields) = subject(line, "PENDING ")?;
        Some(PendingLine { mail, seen: field(fields, "seen").and_then(Seen::parse)? })
    }
}

/// The mail and the fields of a list's line.
fn subject<'a>(line: &'a str, word: &str) -> Option<(Mail, &'a str)> {
    let (mail, fields) = split_word(line.strip_prefix(word)?);
    Some((Mail::parse(mail.as_bytes()).ok()?, fields))
}

/// The first word, and what follows the blank after it.
pub fn split_word(text: &str) -> (&str, &str) {
    text.split_once(' ').unwrap_or((text, ""))
}

/// ` key=value`, if there is a value.
pub(super) fn optional(key: &str, value: Option<impl fmt::Display>) -> String {
    value.map_or(String::new(), |value| format!(" {key}={value}"))
}

/// The value of `key=value` among the words.
pub(super) fn field<'a>(words: &'a str, key: &str) -> Option<&'a str> {
    words.split(' ').find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields() {
        assert_eq!(field("2 more=bob@x", "more"), Some("bob@x"));
        assert_eq!(field("2 nomore=bob@x mor=e", "more"), None);
        assert_eq!(field("missed=", "missed"), Some(""));
    }

    /// What is written can be parsed, also with a field that a newer server added.
    fn check<T: fmt::Display + fmt::Debug + PartialEq>(text: &str, parse: impl Fn(&str) -> Option<T>) {
        let parsed = parse(text).expect(text);
        assert_eq!(parsed.to_string(), text);
        assert_eq!(parse(&format!("{text} new=field")).as_ref(), Some(&parsed), "{text}");
    }

    #[test]
    fn what_is_written_is_what_is_read() {
        check("ann@x role=admin last=7 missed=2 first=1 transcript=0123abcd", LoginOk::parse);
        check("ann@x role=admin last=7 missed=2 first=1 transcript=0123abcd quorum=no", LoginOk::parse);
        check("3 last=7", |rest| Some(HistoryOk::parse(rest)));
        check("3", |rest| Some(FindOk::parse(rest)));
        check("20 more=7", |rest| Some(FindOk::parse(rest)));
        check(" more=bob@x", |rest| Some(More::parse(rest)));
        check("7 delivered=3 pending=1", InfoOk::parse);
        check("WHO ann@x devices=2", WhoLine::parse);
        check("MEMBER ann@x role=admin online=yes", MemberLine::parse);
        check("MEMBER ann@x role=member online=no seen=never", MemberLine::parse);
        // A field that a newer server adds stands before the name.
        let named = "MEMBER ann@x role=member online=no name=Ann  name=B.";
        let parsed = MemberLine::parse(named).expect(named);
        assert_eq!(parsed.to_string(), named);
        assert_eq!(MemberLine::parse(&named.replace(" name=Ann", " new=field name=Ann")), Some(parsed));
        check("MEMBER ann@x role=member online=no seen=2026-01-02T03:04:05.678Z", MemberLine::parse);
        check("PENDING bob@x seen=never", PendingLine::parse);
        let mut ok = Vec::new();
        MsgOk::parse("7 2026-01-02T03:04:05.678Z").expect("a number and a time").write(&mut ok);
        assert_eq!(ok, b"OK MSG 7 2026-01-02T03:04:05.678Z\n");
        let hello = super::super::hello(8192);
        let hello = std::str::from_utf8(&hello).expect("text").trim_end();
        assert_eq!(Hello::parse(hello), Some(Hello { line_max: 8192 }));
    }

    #[test]
    fn what_is_missing_or_malformed() {
        let login = "ann@x role=admin last=7 missed=2 first=1 transcript=0123abcd";
        for (from, to) in
            [("missed=2", "missed=many"), (" first=1", ""), ("ann@x", "ann"), ("last=7", "last=-1")]
        {
            assert_eq!(LoginOk::parse(&login.replace(from, to)), None, "{to}");
        }
        let newer = LoginOk::parse(&login.replace("admin", "owner")).expect("a role is no number");
        assert_eq!(newer.role, Role::Member);
        assert_eq!(MsgOk::parse("7"), None);
        assert_eq!(HistoryOk::parse("x"), HistoryOk { count: 0, last: Seq(0) });
        assert_eq!((skipped("12 new=field"), skipped("")), (12, 0));
        assert_eq!(InfoOk::parse("7 delivered=3"), None);
        assert_eq!(WhoLine::parse("WHO \u{fffd}[31m devices=1"), None);
        assert_eq!(Hello::parse("220 mail.example.org ESMTP"), None);
    }
}
