//! What happened, as data: what the checker judges. Clients write it down while they talk to real nodes
//! (recorder.rs), and tests of the checker write it by hand.

use std::collections::{BTreeMap, BTreeSet};

/// Everything since the record before, in the order in which this one process saw it: what a client read is there
/// before what anybody sent later. And what each node's files held at the end of it.
#[derive(Debug, Default)]
pub(super) struct Record {
    pub(super) happened: Vec<Happened>,
    pub(super) files: Vec<Files>,
    /// All faults are over, everybody has read everything, and every node has recorded that.
    pub(super) at_rest: bool,
}

/// A connection, by the order in which they were opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Conn(pub(super) usize);

/// `bob@x`, `bob@x/laptop`, or `bob@x/-` for a login without a feed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Device(pub(super) String);

/// Lines are without their LF.
#[derive(Clone, Debug)]
pub(super) enum Happened {
    Opened {
        conn: Conn,
        device: Device,
        node: String,
    },
    Sent {
        conn: Conn,
        line: String,
    },
    Got {
        conn: Conn,
        line: String,
    },
    Ended {
        conn: Conn,
        by: Side,
        /// What came last without an end.
        rest: Vec<u8>,
    },
    /// A node's files were lost: it knows of no device any more, unless the others tell it.
    Wiped {
        node: String,
    },
    /// A hand edit of some node's members.txt.
    Edited {
        change: Kind,
        mail: String,
    },
}

/// Whether nodes tell each other how far devices have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PlacesAre {
    Shared,
    /// Each node knows only of its own connections: a device is another one at each.
    Separate,
}

/// Which side of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Node,
    Client,
}

/// A change of the group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Added,
    Removed,
}

/// A node's folder.
#[derive(Clone, Debug, Default)]
pub(super) struct Files {
    pub(super) node: String,
    /// The transcript, all files of it.
    pub(super) history: Vec<u8>,
    /// The mails in members.txt.
    pub(super) members: BTreeSet<String>,
    /// How far each device has come, as the file `delivered` has it.
    pub(super) places: BTreeMap<Device, u64>,
}

impl Device {
    pub(super) fn mail(&self) -> &str {
        self.0.split('/').next().expect("split gives at least one piece")
    }

    pub(super) fn has_feed(&self) -> bool {
        !self.0.ends_with("/-")
    }
}

impl Kind {
    /// The event's first word.
    pub(super) fn event(self) -> &'static str {
        match self {
            Kind::Added => "ADDED",
            Kind::Removed => "REMOVED",
        }
    }

    /// Of a command, ADD or REMOVE.
    pub(super) fn of_command(verb: &str) -> Option<Kind> {
        match verb {
            "ADD" => Some(Kind::Added),
            "REMOVE" => Some(Kind::Removed),
            _ => None,
        }
    }

    pub(super) fn of_event(word: &str) -> Option<Kind> {
        match word {
            "ADDED" => Some(Kind::Added),
            "REMOVED" => Some(Kind::Removed),
            _ => None,
        }
    }
}

/// The value after `last=` or another field's name.
pub(super) fn field<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    line.split(' ').find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
}

pub(super) fn number(line: &str, name: &str) -> Option<u64> {
    field(line, name)?.parse().ok()
}

/// A time for those who write records by hand.
const TIME: &str = "2026-01-02T03:04:05.678Z";

/// The nodes of records that are written by hand.
const NODES: [&str; 3] = ["a", "b", "c"];

/// Reads records from text, so that tests can write them. `@` alone stands for a time.
///
/// - `bob1: a laptop` opens a connection of `bob@x/laptop` to node a; without a word, of the default device. A member's
///   connections differ in their digits.
/// - `bob1> LINE` was sent, `bob1< LINE` came.
/// - `bob1+ 7 2` logs in: LOGIN, and an OK with `last=7 missed=2`; `bob1+ 7 2 quorum=no` at a node that is alone.
/// - `bob1. BYTES` the node ended it, after bytes without an end; `bob1/` the client went away.
/// - `- ADDED eve@x` is an edit of members.txt, by hand; `wiped a` means that node a has lost its files.
/// - `| LINE` is a line of every node's files, `a| LINE` of one node's.
/// - `members ann bob` is who is in every node's members.txt, `members-a ann` in one node's.
/// - `places bob@x/laptop=3` is what every node has recorded, `places-a …` one node.
/// - `judged` ends a record, `at rest` one at whose end everything has come to rest. The files stay as they are for the
///   next one; `forgotten` empties every node's history.
pub(super) fn records(text: &str) -> Vec<Record> {
    let mut records = Vec::new();
    let mut writing = Writing::default();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let words: Vec<&str> = line.split(' ').map(|word| if word == "@" { TIME } else { word }).collect();
        let (first, rest) = (words[0], words[1..].join(" "));
        match first {
            "judged" | "at" => {
                let happened = std::mem::take(&mut writing.record.happened);
                writing.each("", |_| {});
                let files = writing.files.values().cloned().collect();
                records.push(Record { happened, files, at_rest: first == "at" });
            }
            "wiped" => writing.record.happened.push(Happened::Wiped { node: rest }),
            "forgotten" => writing.each("", |files| files.history.clear()),
            "-" => writing.record.happened.push(Happened::Edited {
                change: Kind::of_event(words[1]).expect("ADDED or REMOVED"),
                mail: words[2].to_owned(),
            }),
            _ if first.ends_with('|') => writing.each(first.trim_end_matches('|'), |files| {
                files.history.extend_from_slice(format!("{rest}\n").as_bytes());
            }),
            _ if first.starts_with("members") => {
                let members: BTreeSet<String> = words[1..].iter().map(|name| format!("{name}@x")).collect();
                writing.each(node_of(first), |files| files.members.clone_from(&members));
            }
            _ if first.starts_with("places") => {
                let place = |pair: &&str| {
                    let (device, seq) = pair.split_once('=').expect("DEVICE=NUMBER");
                    (Device(device.to_owned()), seq.parse().expect("a number"))
                };
                let places: BTreeMap<Device, u64> = words[1..].iter().map(place).collect();
                writing.each(node_of(first), |files| files.places.clone_from(&places));
            }
            _ => writing.connection(first, &words[1..], rest),
        }
    }
    assert!(writing.record.happened.is_empty(), "the last record has no end");
    records
}

/// `members-a` is about node a alone.
fn node_of(word: &str) -> &str {
    word.split_once('-').map_or("", |(_, node)| node)
}

#[derive(Default)]
struct Writing {
    record: Record,
    files: BTreeMap<String, Files>,
    /// By the name in the text.
    conns: BTreeMap<String, (Conn, Device)>,
}

impl Writing {
    /// One node's files, or all nodes'.
    fn each(&mut self, node: &str, mut write: impl FnMut(&mut Files)) {
        for name in NODES.iter().filter(|name| node.is_empty() || **name == node) {
            let node = (*name).to_owned();
            write(self.files.entry(node.clone()).or_insert_with(|| Files { node, ..Files::default() }));
        }
    }

    fn connection(&mut self, first: &str, words: &[&str], rest: String) {
        let (name, sign) = first.split_at(first.len() - 1);
        if sign == ":" {
            let mail = format!("{}@x", name.trim_end_matches(|c: char| c.is_ascii_digit()));
            let device = Device(words.get(1).map_or(mail.clone(), |device| format!("{mail}/{device}")));
            let conn = Conn(self.conns.len());
            let before = self.conns.insert(name.to_owned(), (conn, device.clone()));
            assert!(before.is_none(), "{name} is there already");
            return self.record.happened.push(Happened::Opened { conn, device, node: words[0].to_owned() });
        }
        let (conn, device) = self.conns.get(name).unwrap_or_else(|| panic!("what is {first}?")).clone();
        let ended = |by| Happened::Ended { conn, by, rest: rest.clone().into_bytes() };
        let happened = match sign {
            ">" => Happened::Sent { conn, line: rest },
            "<" => Happened::Got { conn, line: rest },
            "." => ended(Side::Node),
            "/" => ended(Side::Client),
            "+" => {
                self.record
                    .happened
                    .push(Happened::Sent { conn, line: format!("LOGIN {} secret", device.0) });
                let (mail, last, missed) = (device.mail(), words[0], words[1]);
                let mut line = format!(
                    "OK LOGIN {mail} role=member last={last} missed={missed} first=1 transcript=01234567"
                );
                line.extend(words.get(2).map(|last_is| format!(" {last_is}")));
                Happened::Got { conn, line }
            }
            _ => panic!("no such sign: {first}"),
        };
        self.record.happened.push(happened);
    }
}
