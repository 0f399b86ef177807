//! Judges lives: what every client was told and shown against what is found in the folder, and each life against
//! those before. Pure: data in, complaints out.

use std::collections::BTreeMap;
use std::fmt;

use chat_room::protocol::EventLine;

use super::devices::{Devices, Repeated};
use super::group::Group;
use super::stream::{Stream, read};
use super::tale::{Life, Session};

/// What the lives so far have proved.
#[derive(Debug)]
pub(super) struct Checker {
    /// The files, line by line: number 1 comes first.
    lines: Vec<String>,
    /// Every text in them, and whose number it is.
    texts: BTreeMap<String, u64>,
    group: Group,
    devices: Devices,
    figures: Figures,
}

/// What there was to judge.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Figures {
    pub(super) lives: u64,
    pub(super) events: u64,
    pub(super) connections: u64,
    /// Events told or shown to somebody, each time.
    pub(super) told: u64,
    /// Messages that were answered with OK, that were stored without an answer, and of which nothing is there.
    pub(super) answered: u64,
    pub(super) stored: u64,
    pub(super) lost: u64,
    pub(super) changes: u64,
    pub(super) repeated: Repeated,
}

impl Checker {
    pub(super) fn new(admin: &str, passwords: BTreeMap<String, String>) -> Checker {
        Checker {
            lines: Vec::new(),
            texts: BTreeMap::new(),
            group: Group::new(admin, passwords),
            devices: Devices::default(),
            figures: Figures::default(),
        }
    }

    pub(super) fn figures(&self) -> Figures {
        self.figures
    }

    /// What is wrong with a life; nothing if all is as promised.
    pub(super) fn life(&mut self, life: &Life) -> Vec<String> {
        let mut complaints = Vec::new();
        let before = self.lines.len();
        self.take_files(&life.after.history, &mut complaints);
        let streams: Vec<(&Session, Stream)> =
            life.sessions.iter().map(|session| (session, read(session, &self.lines))).collect();
        let mut changes = Vec::new();
        for (_, stream) in &streams {
            complaints.extend(stream.complaints.iter().cloned());
            changes.extend(stream.changes.iter().cloned());
        }
        self.check_messages(before, &streams, &mut complaints);
        let new = self.lines.get(before..).unwrap_or_default();
        let in_file = self.group.passwords().clone();
        complaints.extend(self.group.life(before as u64 + 1, new, &changes, &life.after));
        for (session, stream) in &streams {
            let is_outsider = !Group::may_enter(&in_file, &session.mail, &changes);
            if stream.login.is_some() && is_outsider {
                complaints.push(format!("{} was let in and is no member", session.who()));
            }
        }
        let repeated = &mut self.figures.repeated;
        let (before, group) = (before as u64, &self.group);
        complaints.extend(self.devices.life(before, group, &streams, &life.after, repeated));

        self.figures.lives += 1;
        self.figures.events = self.lines.len() as u64;
        self.figures.connections += streams.len() as u64;
        self.figures.changes += changes.len() as u64;
        self.figures.told += streams.iter().map(|(_, stream)| stream.events).sum::<u64>();
        complaints
    }

    /// Everything has come to rest: all is announced, and everybody has everything.
    pub(super) fn settled(&self) -> Vec<String> {
        let mut complaints = self.devices.is_settled(&self.group, self.lines.len() as u64);
        if !self.group.is_settled() {
            complaints.push("the events and members.txt do not name the same members".to_owned());
        }
        complaints
    }

    /// The files go on where they ended. Behind the last good line there may be what a kill has torn.
    fn take_files(&mut self, bytes: &[u8], complaints: &mut Vec<String>) {
        let text = String::from_utf8_lossy(bytes);
        let mut lines = Vec::new();
        for line in text.split_inclusive('\n') {
            let whole = line.strip_suffix('\n');
            let event = whole.and_then(|line| EventLine::parse(line.as_bytes()));
            match event {
                Some(event) if event.seq.0 == lines.len() as u64 + 1 => {
                    lines.push(line.trim_end_matches('\n').to_owned());
                }
                _ => break,
            }
        }
        for (seq, old) in (1..).zip(&self.lines) {
            match lines.get(seq - 1) {
                Some(line) if line == old => {}
                Some(line) => complaints.push(format!("event {seq} was {old} and is now {line}")),
                None => {
                    complaints.push(format!("event {seq} was in the files and is not there any more: {old}"));
                    break;
                }
            }
        }
        self.lines = lines;
    }

    /// Every message in the files was said, once; of each connection the first ones, in their order.
    fn check_messages(
        &mut self,
        before: usize,
        streams: &[(&Session, Stream)],
        complaints: &mut Vec<String>,
    ) {
        let mut unclaimed = BTreeMap::new();
        for (seq, line) in (before as u64 + 1..).zip(self.lines.get(before..).unwrap_or_default()) {
            let Some(said) = line.strip_prefix("MSG ") else { continue };
            let words: Vec<&str> = said.splitn(4, ' ').collect();
            if let Some(first) = self.texts.insert(words[3].to_owned(), seq) {
                complaints.push(format!("event {seq} was said before, as event {first}: {line}"));
            }
            unclaimed.insert(seq, words[2]);
        }
        for (session, stream) in streams {
            let (mut at, mut missing) = (0, None);
            for (text, answered) in &stream.messages {
                let found = self.texts.get(text).copied().filter(|seq| *seq > before as u64);
                let text: String = text.chars().take(80).collect();
                match (found, answered) {
                    (Some(_), Some(_)) => self.figures.answered += 1,
                    (Some(_), None) => self.figures.stored += 1,
                    (None, _) => self.figures.lost += 1,
                }
                let Some(seq) = found else {
                    missing.get_or_insert(text);
                    continue;
                };
                if let Some(missing) = &missing {
                    complaints
                        .push(format!("event {seq}, {text}, was said behind {missing}, which is missing"));
                }
                if seq <= at {
                    complaints.push(format!("event {seq}, {text}, was said behind event {at}"));
                }
                if unclaimed.remove(&seq) != Some(session.mail.as_str()) {
                    complaints.push(format!("event {seq}, {text}, is not in the name of {}", session.mail));
                }
                at = seq;
            }
        }
        for (seq, mail) in unclaimed {
            complaints.push(format!("event {seq} of {mail} was said by nobody"));
        }
    }
}

impl Figures {
    pub(super) fn add(&mut self, other: &Figures) {
        self.lives += other.lives;
        self.events += other.events;
        self.connections += other.connections;
        self.told += other.told;
        self.answered += other.answered;
        self.stored += other.stored;
        self.lost += other.lost;
        self.changes += other.changes;
        self.repeated.logins += other.repeated.logins;
        self.repeated.events += other.repeated.events;
        self.repeated.most = self.repeated.most.max(other.repeated.most);
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Figures { lives, events, connections, told, answered, stored, lost, changes, repeated } = self;
        write!(
            f,
            "{lives} lives, {events} events, {connections} connections, {told} events told or shown, {changes} \
             membership changes; messages: {answered} answered, {stored} stored without an answer, {lost} not; \
             {} logins repeated {} events, {} at most",
            repeated.logins, repeated.events, repeated.most
        )
    }
}
