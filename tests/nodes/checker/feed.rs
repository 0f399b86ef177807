//! One connection, line by line: what it was told and shown is in the files, in its order, without a hole.

use std::cmp::Ordering;
use std::collections::VecDeque;

use crate::record::{Device, Kind, field, number};

/// A connection, as far as it was read.
#[derive(Debug)]
pub(super) struct Feed {
    pub(super) device: Device,
    pub(super) node: String,
    pub(super) login: Option<Login>,
    /// The last event that its client has read.
    pub(super) read: u64,
    owed: VecDeque<Owed>,
    /// The events that HISTORY is about to show: the next, and the last.
    range: Option<(u64, u64)>,
    range_len: u64,
    /// Its feed ended before this answer: of a removed member, who is sent the answers that are still owed, and BYE.
    cut: Option<String>,
    pub(super) bye: Option<String>,
}

/// Where a feed begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Login {
    /// It has everything up to this one.
    pub(super) start: u64,
    pub(super) last: u64,
    /// What had no answer before is up to `last`, or will never come.
    pub(super) is_certain: bool,
}

/// A command without its answer.
#[derive(Debug)]
struct Owed {
    line: String,
    /// How many of this member's messages had been left without an answer by then.
    unanswered: usize,
}

/// What a line means for more than its connection.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum News {
    Nothing,
    /// An event was shown, for the first time on this connection.
    Shown(u64),
    /// Of all messages that this connection has sent, the first without an answer has one now.
    Said(u64),
    Refused,
    /// The same, because the author was removed before.
    RefusedAsRemoved,
    /// A feed begins, and so many messages had been left without an answer before its login was sent.
    Entered {
        unanswered: usize,
    },
    /// A change of the group was answered.
    Changed {
        kind: Kind,
        mail: String,
        is_ok: bool,
    },
}

/// What belongs together while a line is read.
pub(super) struct Reader<'a> {
    pub(super) lines: &'a [String],
    pub(super) complaints: &'a mut Vec<String>,
}

/// Last words that a client may hear while nobody's password is changed and no disk fails.
const BYES: [&str; 4] = ["removed", "shutdown", "cut-off", "login-timeout"];

impl Feed {
    pub(super) fn new(device: Device, node: String) -> Feed {
        Feed {
            device,
            node,
            login: None,
            read: 0,
            owed: VecDeque::new(),
            range: None,
            range_len: 0,
            cut: None,
            bye: None,
        }
    }

    /// For complaints.
    pub(super) fn name(&self) -> String {
        format!("{} at {}", self.device.0, self.node)
    }

    pub(super) fn sent(&mut self, line: &str, unanswered: usize) {
        self.owed.push_back(Owed { line: line.to_owned(), unanswered });
    }

    /// Commands without an answer, the oldest first.
    pub(super) fn owed(&self) -> impl Iterator<Item = &str> {
        self.owed.iter().map(|owed| owed.line.as_str())
    }

    pub(super) fn got(&mut self, line: &str, reader: &mut Reader<'_>) -> News {
        if let Some(bye) = &self.bye {
            reader.complain(self, &format!("was told more after {bye}"), line);
        }
        match line.split(' ').next().unwrap_or_default() {
            "HELLO" => {}
            "MSG" | "ADDED" | "REMOVED" => return self.event(line, reader),
            "HISTORY" => self.begin_range(line, reader),
            "OK" | "ERR" => return self.answer(line, reader),
            "BYE" => self.last_words(line, reader),
            _ => reader.complain(self, "got a line that means nothing", line),
        }
        News::Nothing
    }

    /// An event, in the feed or in an answer to HISTORY.
    fn event(&mut self, line: &str, reader: &mut Reader<'_>) -> News {
        let seq = line.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or(0);
        match reader.file(seq) {
            Some(kept) if kept == line => {}
            Some(_) => reader.complain(self, "was shown an event that is another in the files", line),
            None => reader.complain(self, "was shown an event that is missing in the files", line),
        }
        if let Some((next, to)) = self.range {
            if seq != next || next > to {
                reader.complain(self, &format!("asked for history and event {next} was to come"), line);
            }
            self.range = Some((seq + 1, to));
            return News::Nothing;
        }
        self.place(seq, line, reader);
        News::Shown(seq)
    }

    /// The feed goes on with this event.
    fn place(&mut self, seq: u64, line: &str, reader: &mut Reader<'_>) {
        let next = self.read + 1;
        if let Some(answer) = self.cut.take_if(|_| !line.starts_with("OK ")) {
            reader.complain(self, &format!("has a hole, event {next} was to come"), &answer);
        }
        if self.login.is_none() || !self.device.has_feed() {
            return reader.complain(self, "has no feed and was shown an event", line);
        }
        match seq.cmp(&next) {
            Ordering::Equal => self.read = seq,
            Ordering::Greater if line.starts_with("OK ") => self.cut = Some(line.to_owned()),
            Ordering::Greater => {
                reader.complain(self, &format!("has a hole, event {next} was to come"), line);
                self.read = seq;
            }
            Ordering::Less => {
                let what = format!("was shown an event again or out of order, {next} was to come");
                reader.complain(self, &what, line);
            }
        }
    }

    fn begin_range(&mut self, line: &str, reader: &mut Reader<'_>) {
        let mut words = line.split(' ').skip(1).map(|word| word.parse::<u64>().unwrap_or(0));
        let (from, to) = (words.next().unwrap_or(0), words.next().unwrap_or(0));
        if from == 0 || from > to {
            reader.complain(self, "got a range that means nothing", line);
        }
        self.range = Some((from, to));
        self.range_len = (to + 1).saturating_sub(from);
    }

    fn answer(&mut self, line: &str, reader: &mut Reader<'_>) -> News {
        let mut words = line.splitn(4, ' ');
        let is_ok = words.next() == Some("OK");
        let verb = words.next().unwrap_or_default();
        let (third, rest) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let Some(owed) = self.owed.pop_front() else {
            reader.complain(self, "got an answer to nothing", line);
            return News::Nothing;
        };
        let asked = format!("asked {} and got", owed.line);
        if owed.line.split(' ').next() != Some(verb) {
            reader.complain(self, &asked, line);
            return News::Nothing;
        }
        match (verb, is_ok) {
            ("LOGIN", true) => {
                self.enter(line, reader);
                return News::Entered { unanswered: owed.unanswered };
            }
            // A member who was just removed, or a node that knows less or is cut off.
            ("LOGIN", false) if ["bad-login", "busy", "storage"].contains(&third) => {}
            ("MSG", true) => return self.own(&owed, third.parse().unwrap_or(0), rest, line, reader),
            ("MSG", false) if third == "storage" => return News::Refused,
            ("MSG", false) if third == "no-such-member" => return News::RefusedAsRemoved,
            ("PING", true) if line[3..] == owed.line => {}
            ("HISTORY", true) => {
                let (next, to) = self.range.take().unwrap_or((1, 0));
                let count = std::mem::take(&mut self.range_len);
                if next <= to || third.parse() != Ok(count) {
                    reader.complain(self, "asked for history and got less than was said", line);
                }
                self.number_told(line, reader);
            }
            ("ADD" | "REMOVE", _) => {
                let kind = Kind::of_command(verb).expect("it is one of them");
                let mail = owed.line.split(' ').nth(1).unwrap_or_default().to_owned();
                return News::Changed { kind, mail, is_ok };
            }
            ("QUIT", true) if self.cut.is_none() => {}
            _ => reader.complain(self, &asked, line),
        }
        News::Nothing
    }

    fn enter(&mut self, line: &str, reader: &mut Reader<'_>) {
        let (Some(last), Some(missed)) = (number(line, "last"), number(line, "missed")) else {
            return reader.complain(self, "cannot tell where its feed begins", line);
        };
        self.number_told(line, reader);
        let start = last.saturating_sub(missed);
        let is_certain = field(line, "quorum") != Some("no");
        self.login = Some(Login { start, last, is_certain });
        self.read = start;
    }

    /// A number told belongs to an event that is there.
    fn number_told(&mut self, line: &str, reader: &mut Reader<'_>) {
        if number(line, "last").is_none_or(|last| last > reader.lines.len() as u64) {
            reader.complain(self, "was told a number that no event in the files has", line);
        }
    }

    /// The answer to a message, in the place of its event.
    fn own(&mut self, owed: &Owed, seq: u64, time: &str, line: &str, reader: &mut Reader<'_>) -> News {
        let text = &owed.line["MSG ".len()..];
        let event = format!("MSG {seq} {time} {} {text}", self.device.mail());
        match reader.file(seq) {
            Some(kept) if *kept == event => {}
            Some(kept) => {
                let what = format!("was told OK, and the files have {} instead of {text}", shortened(kept));
                reader.complain(self, &what, line);
            }
            None => reader.complain(self, "was told OK of a message that is missing in the files", line),
        }
        if self.device.has_feed() {
            self.place(seq, line, reader);
        }
        News::Said(seq)
    }

    fn last_words(&mut self, line: &str, reader: &mut Reader<'_>) {
        let code = line.split(' ').nth(1).unwrap_or_default();
        if !BYES.contains(&code) {
            reader.complain(self, "was told last words that nothing is the reason for", line);
        }
        if code == "removed" {
            self.cut = None;
        }
        self.bye = Some(format!("BYE {code}"));
    }

    /// No line follows.
    pub(super) fn ended(&mut self, rest: &[u8], reader: &mut Reader<'_>) {
        // The end may have come before BYE.
        if let Some(line) = self.cut.take().filter(|_| self.bye.is_some()) {
            reader.complain(self, &format!("has a hole, event {} was to come", self.read + 1), &line);
        }
        // A part of a line is a part of the one that has to come; a character may be cut in its middle.
        let rest = String::from_utf8_lossy(rest).into_owned();
        let is_event = ["MSG ", "ADDED ", "REMOVED "].iter().any(|verb| rest.starts_with(verb));
        let next = self.range.map_or(self.read + 1, |(next, _)| next);
        let whole = rest.trim_end_matches('\u{fffd}');
        if is_event && !reader.file(next).is_some_and(|line| line.starts_with(whole)) {
            let what = format!("was shown a part of an event that is not event {next} of the files");
            reader.complain(self, &what, &rest);
        }
    }
}

impl Reader<'_> {
    fn complain(&mut self, feed: &Feed, what: &str, line: &str) {
        self.complaints.push(format!("{} {what}: {}", feed.name(), shortened(line)));
    }

    fn file(&self, seq: u64) -> Option<&str> {
        let index = usize::try_from(seq).ok()?.checked_sub(1)?;
        self.lines.get(index).map(String::as_str)
    }
}

pub(super) fn shortened(line: &str) -> String {
    line.chars().take(160).collect()
}
