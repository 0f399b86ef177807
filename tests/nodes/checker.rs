//! Judges what clients of several nodes have recorded: what each was told and shown against what is found in the nodes'
//! files, these against each other, and each record against those before. One server is a node, too. Pure: data in,
//! complaints out.

mod feed;
mod group;
mod messages;
mod places;

use std::collections::BTreeMap;
use std::fmt;

use chat_room::protocol::EventLine;

use crate::record::{Conn, Files, Happened, Kind, PlacesAre, Record, field, number};
use feed::{Feed, News, Reader, shortened};
use group::Group;
use messages::{Counts, Messages};
use places::{Moves, Places};

/// What the records so far have proved.
#[derive(Debug)]
pub(super) struct Checker {
    /// The transcript: number 1 comes first.
    lines: Vec<String>,
    /// The same as it was in the files.
    bytes: Vec<u8>,
    /// The word after `transcript=`.
    transcript: Option<String>,
    conns: BTreeMap<Conn, Connection>,
    messages: Messages,
    group: Group,
    places: Places,
    /// The highest number that anybody was told.
    told: u64,
    figures: Figures,
}

/// A connection that is open.
#[derive(Debug)]
struct Connection {
    feed: Feed,
    /// Its member's ADDED.
    since: Option<u64>,
}

/// What there was to judge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Figures {
    pub(super) records: u64,
    pub(super) rests: u64,
    pub(super) events: u64,
    pub(super) connections: u64,
    /// Events told or shown to somebody, each time.
    pub(super) told: u64,
    /// Changes of the group that were answered.
    pub(super) changes: u64,
    pub(super) messages: Counts,
    pub(super) moves: Moves,
}

impl Checker {
    /// Of a group that begins with these members.
    pub(super) fn new(members: &[&str], places: PlacesAre) -> Checker {
        Checker {
            lines: Vec::new(),
            bytes: Vec::new(),
            transcript: None,
            conns: BTreeMap::new(),
            messages: Messages::default(),
            group: Group::new(members),
            places: Places::new(places),
            told: 0,
            figures: Figures::default(),
        }
    }

    pub(super) fn figures(&self) -> Figures {
        let (messages, moves) = (self.messages.counts(), self.places.moves);
        Figures { events: self.lines.len() as u64, messages, moves, ..self.figures }
    }

    /// What is wrong with a record; nothing if all is as promised.
    pub(super) fn record(&mut self, record: &Record) -> Vec<String> {
        let mut complaints = Vec::new();
        let before = self.lines.len();
        self.take_files(&record.files, &mut complaints);
        let new = self.lines.get(before..).unwrap_or_default().iter().cloned();
        let new: Vec<(u64, String)> = (before as u64 + 1..).zip(new).collect();
        for (seq, line) in &new {
            self.group.event(*seq, line, &mut complaints);
        }
        for happened in &record.happened {
            self.happened(happened, &mut complaints);
        }
        let said: Vec<(u64, &str, &str)> = new.iter().filter_map(|(seq, line)| message(*seq, line)).collect();
        let group = &self.group;
        let removals = |mail: &str, seq| group.removals_before(mail, seq);
        self.messages.found(&said, removals, &mut complaints);
        self.group.check(&mut complaints);
        self.places.check(&record.files, &self.group, &mut complaints);
        if record.at_rest {
            self.rest(&record.files, &mut complaints);
        }
        self.figures.records += 1;
        complaints
    }

    /// The transcript, which is the same on all nodes, begins as it did before, and counts without a hole.
    fn take_files(&mut self, files: &[Files], complaints: &mut Vec<String>) {
        let first = files.first().expect("there is a node");
        complaints.extend(files[1..].iter().filter_map(|other| difference(first, other)));
        if let Some(new) = first.history.strip_prefix(&self.bytes[..]) {
            read_transcript(&first.node, new, &mut self.lines, complaints);
        } else {
            let before = std::mem::take(&mut self.lines);
            read_transcript(&first.node, &first.history, &mut self.lines, complaints);
            complaints.extend(lost_or_changed(&before, &self.lines));
        }
        self.bytes.clone_from(&first.history);
    }

    fn happened(&mut self, happened: &Happened, complaints: &mut Vec<String>) {
        match happened {
            Happened::Opened { conn, device, node } => {
                self.figures.connections += 1;
                let feed = Feed::new(device.clone(), node.clone());
                self.conns.insert(*conn, Connection { feed, since: None });
            }
            Happened::Sent { conn, line } => self.sent(*conn, line),
            Happened::Got { conn, line } => self.got(*conn, line, complaints),
            Happened::Ended { conn, by, rest } => {
                let Connection { mut feed, since } = self.conns.remove(conn).expect("it was opened");
                feed.ended(rest, &mut Reader { lines: &self.lines, complaints });
                self.messages.ended(*conn, feed.device.mail(), *by);
                let mail = feed.device.mail();
                let was_removed = since.is_some_and(|since| self.group.until(mail, since).is_some());
                if feed.bye.as_deref() == Some("BYE removed") && !was_removed {
                    complaints.push(format!("{} was told BYE removed and is a member", feed.name()));
                }
            }
            Happened::Wiped { node } => self.places.wiped(node, complaints),
            Happened::Edited { change, mail } => self.group.edited(*change, mail),
        }
    }

    fn sent(&mut self, conn: Conn, line: &str) {
        let feed = &mut self.conns.get_mut(&conn).expect("it was opened").feed;
        let mail = feed.device.mail().to_owned();
        feed.sent(line, self.messages.unanswered(&mail));
        let mut words = line.split(' ');
        let verb = words.next().unwrap_or_default();
        if let Some(text) = line.strip_prefix("MSG ") {
            let removals = self.group.acknowledged_removals(&mail);
            self.messages.sent(conn, &mail, text, self.told, removals);
        } else if let Some(kind) = Kind::of_command(verb) {
            self.group.asked(&mail, kind, words.next().unwrap_or_default());
        }
    }

    fn got(&mut self, conn: Conn, line: &str, complaints: &mut Vec<String>) {
        let Connection { feed, since } = self.conns.get_mut(&conn).expect("it was opened");
        let mail = feed.device.mail().to_owned();
        let news = feed.got(line, &mut Reader { lines: &self.lines, complaints });
        self.told = self.told.max(told(line));
        if let Some(since) = *since {
            self.places.read(feed, since);
        }
        match news {
            News::Nothing => {}
            News::Shown(seq) => {
                self.figures.told += 1;
                let until = since.and_then(|since| self.group.until(&mail, since));
                if let Some(until) = until.filter(|until| seq > *until) {
                    complaints.push(format!(
                        "{} is shown event {seq}, and its member was removed by event {until}",
                        feed.name()
                    ));
                }
            }
            News::Said(_) => {
                self.figures.told += 1;
                self.messages.said(conn);
            }
            News::Refused => self.messages.refused(conn),
            News::RefusedAsRemoved => {
                self.messages.refused(conn);
                if since.and_then(|since| self.group.until(&mail, since)).is_none() {
                    complaints.push(format!("{} is a member and was told: {line}", feed.name()));
                }
            }
            News::Entered { unanswered } => {
                let Some(login) = feed.login else { return };
                *since = self.places.entered(feed, login, &self.group, complaints);
                if login.is_certain {
                    self.messages.let_in(&mail, unanswered, login.last);
                }
                let transcript = field(line, "transcript").unwrap_or_default();
                let known = self.transcript.get_or_insert_with(|| transcript.to_owned());
                if known != transcript {
                    complaints
                        .push(format!("{} is told transcript={transcript}, it was {known}", feed.name()));
                }
            }
            News::Changed { kind, mail: whom, is_ok } => {
                self.figures.changes += 1;
                self.group.answered(&mail, kind, &whom, is_ok);
            }
        }
    }

    /// Everybody has everything, nothing is owed, and all files tell it.
    fn rest(&mut self, files: &[Files], complaints: &mut Vec<String>) {
        self.figures.rests += 1;
        self.group.is_in_files(files, complaints);
        let last = self.lines.len() as u64;
        for Connection { feed, .. } in self.conns.values() {
            let device = &feed.device;
            if !self.group.is_member(device.mail()) {
                complaints.push(format!("{} is still connected and is no member", feed.name()));
                continue;
            }
            if let Some(owed) = feed.owed().next() {
                complaints.push(format!("{} waits for an answer to {}", feed.name(), shortened(owed)));
            }
            if feed.login.is_some() && device.has_feed() {
                if feed.read != last {
                    let read = feed.read;
                    complaints
                        .push(format!("{} has read up to {read} and the last event is {last}", feed.name()));
                }
                self.places.at_rest(feed, files, complaints);
            }
        }
    }
}

/// The highest number that a line tells its reader.
fn told(line: &str) -> u64 {
    let mut words = line.split(' ');
    let told = match words.next() {
        Some("MSG" | "ADDED" | "REMOVED") => words.next().and_then(|word| word.parse().ok()),
        Some("OK") => match words.next() {
            Some("MSG") => words.next().and_then(|word| word.parse().ok()),
            Some("LOGIN" | "HISTORY") => number(line, "last"),
            _ => None,
        },
        _ => None,
    };
    told.unwrap_or(0)
}

/// A message among the events: its number, author and text.
fn message(seq: u64, line: &str) -> Option<(u64, &str, &str)> {
    let mut words = line.strip_prefix("MSG ")?.splitn(4, ' ').skip(2);
    Some((seq, words.next()?, words.next()?))
}

/// The first line in which two nodes' histories differ.
fn difference(one: &Files, other: &Files) -> Option<String> {
    if one.history == other.history {
        return None;
    }
    let lines = |files: &Files| -> Vec<String> {
        String::from_utf8_lossy(&files.history).split_inclusive('\n').map(str::to_owned).collect()
    };
    let (a, b) = (lines(one), lines(other));
    let at = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
    let shown =
        |lines: &[String]| lines.get(at).map_or("nothing".to_owned(), |line| shortened(line.trim_end()));
    Some(format!(
        "the histories of {} and {} differ in line {}: {} and {}",
        one.node,
        other.node,
        at + 1,
        shown(&a),
        shown(&b)
    ))
}

/// What is not as it was.
fn lost_or_changed(before: &[String], now: &[String]) -> Option<String> {
    let at = before.iter().zip(now).take_while(|(before, now)| before == now).count();
    let (seq, old) = (at + 1, before.get(at)?);
    Some(match now.get(at) {
        Some(now) => format!("event {seq} was {old} and is now {now}"),
        None => format!("event {seq} was in the files and is not there any more: {old}"),
    })
}

/// The events of a node's files that follow these lines. In the place of one that is missing there is an empty line.
fn read_transcript(node: &str, bytes: &[u8], lines: &mut Vec<String>, complaints: &mut Vec<String>) {
    let text = String::from_utf8_lossy(bytes);
    let time_of = |line: &str| line.split(' ').nth(2).unwrap_or_default().to_owned();
    let mut time = lines.last().map(|line| time_of(line)).unwrap_or_default();
    for line in text.split_inclusive('\n') {
        let Some((whole, event)) =
            line.strip_suffix('\n').and_then(|line| Some((line, EventLine::parse(line.as_bytes())?)))
        else {
            complaints.push(format!("{node} has a line that is no event: {}", shortened(line.trim_end())));
            continue;
        };
        let next = lines.len() as u64 + 1;
        if event.seq.0 < next {
            complaints.push(format!("{node} has event {} twice: {}", event.seq, shortened(whole)));
            continue;
        }
        if event.seq.0 > next {
            complaints
                .push(format!("{node} has a hole, event {next} is missing before {}", shortened(whole)));
            lines.resize(usize::try_from(event.seq.0 - 1).expect("a small number"), String::new());
        }
        let now = time_of(whole);
        if now < time {
            complaints.push(format!("in {node} time steps back from {time}: {}", shortened(whole)));
        }
        time = now;
        lines.push(whole.to_owned());
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Figures { records, rests, events, connections, told, changes, messages, moves } = self;
        let Counts { answered, refused, said, lost, late } = messages;
        let Moves { moved, repeats, repeated, most } = moves;
        write!(
            f,
            "judged {records} times, {rests} of them at rest; {events} events, {connections} connections, {told} \
             events told or shown, {changes} changes of the group; messages: {answered} answered, {refused} refused, \
             {said} said without an answer ({late} of them late), {lost} not said; {moved} moves between nodes; after \
             {repeats} logins {repeated} events came again, {most} at most"
        )
    }
}
