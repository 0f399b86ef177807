//! What happened, as data: what the checker judges. A tale is one folder's lives, and a life is one server's time
//! between a start and its end.

use std::collections::BTreeMap;

/// Between a start and the next.
#[derive(Debug, Default)]
pub(super) struct Life {
    /// Connections in the order in which they were opened. One device has one at a time.
    pub(super) sessions: Vec<Session>,
    /// What was found when it was over.
    pub(super) after: After,
}

/// One connection, as its client saw it. A client lives on when the server dies, and reads all that its kernel got.
#[derive(Debug, Default)]
pub(super) struct Session {
    pub(super) mail: String,
    /// The name; nothing for the default device, `-` for a login without a feed.
    pub(super) device: String,
    pub(super) said: Vec<Said>,
    /// What came last without an end.
    pub(super) rest: Vec<u8>,
}

/// Lines without their LF, in the order in which the client wrote and read them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    Sent(String),
    Got(String),
}

/// The folder after a life.
#[derive(Debug, Default)]
pub(super) struct After {
    /// It was asked to end, and ended with 0. Else it was killed.
    pub(super) stopped: bool,
    /// All of the transcript's files.
    pub(super) history: Vec<u8>,
    /// Of each in members.txt, which of the passwords ever given fits.
    pub(super) passwords: BTreeMap<String, String>,
    /// How far each device has come, as the file `delivered` has it.
    pub(super) recorded: BTreeMap<String, u64>,
}

impl Session {
    pub(super) fn new(who: &str) -> Session {
        let (mail, device) = who.split_once('/').unwrap_or((who, ""));
        Session { mail: mail.to_owned(), device: device.to_owned(), ..Session::default() }
    }

    /// As in the file `delivered`.
    pub(super) fn who(&self) -> String {
        if self.device.is_empty() { self.mail.clone() } else { format!("{}/{}", self.mail, self.device) }
    }

    pub(super) fn has_feed(&self) -> bool {
        self.device != "-"
    }
}

/// The number after `last=` or another field's name.
pub(super) fn field(line: &str, name: &str) -> Option<u64> {
    line.split(' ').find_map(|word| word.strip_prefix(name)?.strip_prefix('=')?.parse().ok())
}

/// The highest number that anybody was told or shown: it may never be another event's.
pub(super) fn told(sessions: &[Session]) -> u64 {
    let each = sessions.iter().map(|session| {
        let told = session.said.iter().filter_map(|said| match said {
            Said::Got(line) => Some(number(line)),
            Said::Sent(_) => None,
        });
        let told = told.max().unwrap_or(0);
        // Of an event of which a part came, the number may be incomplete: it is the next one.
        let begun = matches!(session.rest.first(), Some(b'M' | b'A' | b'R'));
        told + u64::from(begun)
    });
    each.max().unwrap_or(0)
}

fn number(line: &str) -> u64 {
    let mut words = line.split(' ');
    let number = match words.next() {
        Some("MSG" | "ADDED" | "REMOVED") => words.next().and_then(|word| word.parse().ok()),
        Some("OK") if words.next() == Some("MSG") => words.next().and_then(|word| word.parse().ok()),
        Some("OK") => field(line, "last"),
        _ => None,
    };
    number.unwrap_or(0)
}

/// A time for those who write tales by hand.
const TIME: &str = "2026-01-02T03:04:05.678Z";

/// Reads lives from text, so that tests can write them:
///
/// - `bob@x/laptop` begins a connection; `> LINE` was sent, `< LINE` came, `~ BYTES` came last without an end.
/// - `| LINE` is a line of the files, `| ~BYTES` what is left of a line, `members bob@x=password …`,
///   `recorded bob@x/laptop=3 …` what else was found.
/// - `killed` or `stopped` ends a life.
///
/// `@` alone stands for a time.
pub(super) fn lives(text: &str) -> Vec<Life> {
    let mut lives = Vec::new();
    let mut life = Life::default();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let words: Vec<&str> = line.split(' ').map(|word| if word == "@" { TIME } else { word }).collect();
        let rest = words[1..].join(" ");
        let session = life.sessions.last_mut();
        match words[0] {
            ">" => session.expect("a connection").said.push(Said::Sent(rest)),
            "<" => session.expect("a connection").said.push(Said::Got(rest)),
            "~" => session.expect("a connection").rest = rest.into_bytes(),
            "|" => match rest.strip_prefix('~') {
                Some(torn) => life.after.history.extend_from_slice(torn.as_bytes()),
                None => life.after.history.extend_from_slice(format!("{rest}\n").as_bytes()),
            },
            "members" => life.after.passwords = pairs(&words[1..], str::to_owned),
            "recorded" => life.after.recorded = pairs(&words[1..], |seq| seq.parse().expect("a number")),
            "killed" | "stopped" => {
                life.after.stopped = words[0] == "stopped";
                lives.push(std::mem::take(&mut life));
            }
            who => life.sessions.push(Session::new(who)),
        }
    }
    lives
}

fn pairs<T>(words: &[&str], value: impl Fn(&str) -> T) -> BTreeMap<String, T> {
    let pair = |word: &&str| {
        let (key, text) = word.split_once('=').expect("NAME=VALUE");
        (key.to_owned(), value(text))
    };
    words.iter().map(pair).collect()
}
