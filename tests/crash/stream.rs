//! One connection, line by line: what it was told and shown is in the files, and its events have no hole.

use std::cmp::Ordering;
use std::collections::VecDeque;

use super::tale::{Said, Session, field};

/// What a connection proves, and what is wrong with it.
#[derive(Debug, Default)]
pub(super) struct Stream {
    pub(super) complaints: Vec<String>,
    pub(super) login: Option<Login>,
    /// The last event that its client has read.
    pub(super) read: u64,
    /// The last event that its client's kernel has certainly acknowledged: it was read before a PING was sent that
    /// the server answered.
    pub(super) fenced: u64,
    /// Its messages in the order they were sent, with their numbers as far as they were answered.
    pub(super) messages: Vec<(String, Option<u64>)>,
    pub(super) changes: Vec<Change>,
    /// Events that it was shown or told.
    pub(super) events: u64,
    /// The earliest that it was shown, in the feed or in an answer.
    pub(super) earliest: Option<u64>,
}

/// Where a feed begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Login {
    /// It has everything up to this one.
    pub(super) start: u64,
    pub(super) last: u64,
}

/// A membership change that was asked for.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) verb: String,
    pub(super) mail: String,
    pub(super) password: String,
    pub(super) answer: Answer,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Ok,
    Refused(String),
    /// The end came before.
    None,
}

/// A command without its answer.
struct Owed {
    line: String,
    /// What had been read when it was sent.
    read: u64,
}

struct Reading<'a> {
    session: &'a Session,
    lines: &'a [String],
    out: Stream,
    owed: VecDeque<Owed>,
    /// The events that HISTORY is about to show: the next, and the last.
    range: Option<(u64, u64)>,
    range_len: u64,
    /// Its feed ended before this answer; BYE comes after the answers that are still owed.
    cut: Option<String>,
    over: bool,
}

/// Reads a connection against what the files say.
pub(super) fn read(session: &Session, lines: &[String]) -> Stream {
    let mut reading = Reading {
        session,
        lines,
        out: Stream::default(),
        owed: VecDeque::new(),
        range: None,
        range_len: 0,
        cut: None,
        over: false,
    };
    for said in &session.said {
        match said {
            Said::Sent(line) => reading.sent(line),
            Said::Got(line) => reading.got(line),
        }
    }
    reading.rest();
    reading.end()
}

impl Reading<'_> {
    fn complain(&mut self, what: &str, line: &str) {
        let line: String = line.chars().take(160).collect();
        self.out.complaints.push(format!("{} {what}: {line}", self.session.who()));
    }

    fn file(&self, seq: u64) -> Option<&str> {
        let index = usize::try_from(seq).ok()?.checked_sub(1)?;
        self.lines.get(index).map(String::as_str)
    }

    fn sent(&mut self, line: &str) {
        let read = self.out.read;
        if let Some(text) = line.strip_prefix("MSG ") {
            self.out.messages.push((text.to_owned(), None));
        }
        self.owed.push_back(Owed { line: line.to_owned(), read });
    }

    fn got(&mut self, line: &str) {
        if self.over {
            self.complain("was told more after BYE", line);
        }
        let verb = line.split(' ').next().unwrap_or_default();
        match verb {
            "HELLO" => {}
            "MSG" | "ADDED" | "REMOVED" => self.event(line),
            "HISTORY" => self.begin_range(line),
            "OK" | "ERR" => self.answer(line),
            "BYE" => {
                self.over = true;
                if ["BYE removed ", "BYE password-changed "].iter().any(|bye| line.starts_with(bye)) {
                    self.cut = None;
                }
            }
            _ => self.complain("got a line that means nothing", line),
        }
    }

    /// An event, in the feed or in an answer to HISTORY.
    fn event(&mut self, line: &str) {
        let seq = line.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or(0);
        match self.file(seq) {
            Some(kept) if kept == line => {}
            Some(_) => self.complain("was shown an event that is another in the files", line),
            None => self.complain("was shown an event that is missing in the files", line),
        }
        self.out.events += 1;
        self.out.earliest = Some(self.out.earliest.map_or(seq, |earliest| earliest.min(seq)));
        if let Some((next, to)) = self.range {
            if seq != next || next > to {
                self.complain(&format!("asked for history and event {next} was to come"), line);
            }
            self.range = Some((seq + 1, to));
        } else {
            self.place(seq, line);
        }
    }

    /// The feed goes on with this event.
    fn place(&mut self, seq: u64, line: &str) {
        if let Some(answer) = self.cut.take_if(|_| !line.starts_with("OK ")) {
            self.complain(&format!("has a hole, event {} was to come", self.out.read + 1), &answer);
        }
        if self.out.login.is_none() || !self.session.has_feed() {
            return self.complain("has no feed and was shown an event", line);
        }
        let next = self.out.read + 1;
        match seq.cmp(&next) {
            Ordering::Equal => self.out.read = seq,
            // A removed member gets the answers that are owed, and nothing else that was said meanwhile.
            Ordering::Greater if line.starts_with("OK ") => self.cut = Some(line.to_owned()),
            Ordering::Greater => {
                self.complain(&format!("has a hole, event {next} was to come"), line);
                self.out.read = seq;
            }
            Ordering::Less => {
                self.complain(&format!("was shown an event again or out of order, {next} was to come"), line);
            }
        }
    }

    fn begin_range(&mut self, line: &str) {
        let mut words = line.split(' ').skip(1).map(|word| word.parse::<u64>().unwrap_or(0));
        let (from, to) = (words.next().unwrap_or(0), words.next().unwrap_or(0));
        if from == 0 || from > to {
            self.complain("got a range that means nothing", line);
        }
        self.range = Some((from, to));
        self.range_len = (to + 1).saturating_sub(from);
    }

    fn answer(&mut self, line: &str) {
        let mut words = line.splitn(4, ' ');
        let is_ok = words.next() == Some("OK");
        let verb = words.next().unwrap_or_default();
        let (third, rest) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let Some(owed) = self.owed.pop_front() else {
            return self.complain("got an answer to nothing", line);
        };
        if owed.line.split(' ').next() != Some(verb) {
            return self.complain(&format!("asked {} and got", owed.line), line);
        }
        match (verb, is_ok) {
            ("LOGIN", true) => self.login(line),
            // A temporary member who was just removed, or whose password was just changed, perhaps while it was checked.
            ("LOGIN", false) if ["bad-login", "busy"].contains(&third) => {}
            ("MSG", true) => self.own(&owed, third.parse().unwrap_or(0), rest, line),
            ("PING", true) if line[3..] == owed.line => self.out.fenced = self.out.fenced.max(owed.read),
            ("HISTORY", true) => {
                let (next, to) = self.range.take().unwrap_or((1, 0));
                let count = std::mem::take(&mut self.range_len);
                if next <= to || third.parse() != Ok(count) {
                    self.complain("asked for history and got less than was said", line);
                }
                self.number_told(line);
            }
            ("ADD" | "REMOVE" | "RESET", _) => {
                let answer = if is_ok { Answer::Ok } else { Answer::Refused(third.to_owned()) };
                self.change(&owed.line, answer);
            }
            ("QUIT", true) if self.cut.is_none() => {}
            _ => self.complain(&format!("asked {} and got", owed.line), line),
        }
    }

    fn login(&mut self, line: &str) {
        let (Some(last), Some(missed)) = (field(line, "last"), field(line, "missed")) else {
            return self.complain("cannot tell where its feed begins", line);
        };
        self.number_told(line);
        let start = last.saturating_sub(missed);
        self.out.login = Some(Login { start, last });
        (self.out.read, self.out.fenced) = (start, start);
    }

    /// A number told belongs to an event that is there.
    fn number_told(&mut self, line: &str) {
        if field(line, "last").is_none_or(|last| last > self.lines.len() as u64) {
            self.complain("was told a number that no event in the files has", line);
        }
    }

    /// The answer to a message, in the place of its event.
    fn own(&mut self, owed: &Owed, seq: u64, time: &str, line: &str) {
        let text = &owed.line["MSG ".len()..];
        let event = format!("MSG {seq} {time} {} {text}", self.session.mail);
        match self.file(seq) {
            Some(kept) if *kept == event => {}
            Some(kept) => {
                let kept: String = kept.chars().take(160).collect();
                self.complain(&format!("was told OK, and the files have {kept} instead of {text}"), line);
            }
            None => self.complain("was told OK of a message that is missing in the files", line),
        }
        self.out.events += 1;
        let answered = self.out.messages.iter_mut().find(|(_, seq)| seq.is_none());
        answered.expect("it was sent").1 = Some(seq);
        if self.session.has_feed() {
            self.place(seq, line);
        }
    }

    fn change(&mut self, asked: &str, answer: Answer) {
        let mut words = asked.split(' ').map(str::to_owned);
        let mut word = || words.next().unwrap_or_default();
        self.out.changes.push(Change { verb: word(), mail: word(), password: word(), answer });
    }

    /// A part of a line is a part of the one that has to come.
    fn rest(&mut self) {
        let rest = String::from_utf8_lossy(&self.session.rest).into_owned();
        let is_event = ["MSG ", "ADDED ", "REMOVED "].iter().any(|verb| rest.starts_with(verb));
        let next = self.range.map_or(self.out.read + 1, |(next, _)| next);
        // A character may be cut in its middle.
        let whole = rest.trim_end_matches('\u{fffd}');
        if is_event && !self.file(next).is_some_and(|line| line.starts_with(whole)) {
            self.complain(
                &format!("was shown a part of an event that is not event {next} of the files"),
                &rest,
            );
        }
    }

    fn end(mut self) -> Stream {
        // The end may have come before BYE.
        if let Some(line) = self.cut.take().filter(|_| self.over) {
            self.complain(&format!("has a hole, event {} was to come", self.out.read + 1), &line);
        }
        for owed in std::mem::take(&mut self.owed) {
            if ["ADD ", "REMOVE ", "RESET "].iter().any(|verb| owed.line.starts_with(verb)) {
                self.change(&owed.line, Answer::None);
            }
        }
        self.out
    }
}
