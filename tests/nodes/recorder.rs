//! Clients of one or more nodes that talk, read, move, add and remove members, all in one loop, and write down what they
//! send and are told.

mod client;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::record::{Device, Files, Happened, Kind, PlacesAre};
use crate::rng::Rng;
use client::{Client, Habit};

/// Who is in the group at first; the first two are admins.
pub(super) const MEMBERS: [&str; 5] = ["ann@x", "ada@x", "bob@x", "cid@x", "dan@x"];
/// Whom the admins add and remove.
const TEMPORARY: [&str; 2] = ["eve@x", "fay@x"];
/// Who is added and removed by edits of members.txt.
pub(super) const EDITED: [&str; 2] = ["gus@x", "hal@x"];

/// Messages a second, of all together: what is said is judged, and that takes time, too.
const RATE: f64 = 150.0;
/// At most so many at once.
const BURST: f64 = 60.0;

/// Lines of the story that are kept.
const STORY: usize = 3000;
/// One turn of the loop at the longest.
const TURN: Timespec = Timespec { tv_sec: 0, tv_nsec: 5_000_000 };

/// What each client does.
const CLIENTS: [(&str, Habit); 19] = [
    ("ann@x", Habit::Admin),
    ("ada@x/desk", Habit::Admin),
    ("ann@x/laptop", Habit::Reader),
    ("bob@x", Habit::Reader),
    ("bob@x/laptop", Habit::Talker),
    ("bob@x/phone", Habit::Slow),
    ("cid@x", Habit::Talker),
    ("cid@x/laptop", Habit::Reader),
    ("cid@x/phone", Habit::Slow),
    ("dan@x", Habit::Talker),
    ("dan@x/laptop", Habit::Reader),
    ("bob@x/-", Habit::Publisher),
    ("cid@x/-", Habit::Publisher),
    ("eve@x", Habit::Reader),
    ("eve@x/phone", Habit::Talker),
    ("fay@x", Habit::Talker),
    ("fay@x/-", Habit::Publisher),
    ("gus@x", Habit::Talker),
    ("hal@x", Habit::Reader),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mood {
    Talking,
    /// Nobody says anything more, all come back who had gone.
    Listening,
}

/// How many admins there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admins {
    /// One server answers OK before the event is stored, and two changes that undo each other may leave none. So each
    /// waits for the event of the one before.
    One,
    /// Each at another node, at the same time.
    Two,
}

pub(super) struct Recorder {
    places: PlacesAre,
    clients: Vec<Client>,
    shared: Shared,
}

/// What all clients know.
pub(super) struct Shared {
    nodes: Vec<(String, SocketAddr)>,
    rng: Rng,
    happened: Vec<Happened>,
    conns: usize,
    /// Who is in the group, by the latest event that anybody was shown about them.
    group: BTreeMap<String, (u64, Kind)>,
    /// The highest number that anybody was shown.
    last: u64,
    admins: Admins,
    /// Whose change was acknowledged and not announced yet: its event has a greater number.
    unannounced: BTreeMap<String, u64>,
    mood: Mood,
    /// So many messages may be said now.
    allowance: f64,
    turned_at: Instant,
    oks: Oks,
    story: VecDeque<String>,
}

/// How long nobody was told OK MSG, and how long one who wanted to say something had to wait for it.
#[derive(Clone, Debug)]
pub(super) struct Oks {
    last: Instant,
    /// When each node told it last.
    nodes: Vec<Option<Instant>>,
    silence: Duration,
    wait: Duration,
    until_told: Duration,
    told: usize,
}

/// The longest times since they were asked for last.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Longest {
    /// Nobody was told OK MSG.
    pub(super) silence: Duration,
    /// Somebody who wanted to say something was not told it.
    pub(super) wait: Duration,
    /// Somebody waited for it, and then was told that the node is cut off.
    pub(super) until_told: Duration,
    /// How many were told that.
    pub(super) told: usize,
}

impl Recorder {
    /// Clients of these nodes. Nobody is connected yet.
    pub(super) fn new(
        seed: u64,
        nodes: &[(String, SocketAddr)],
        admins: Admins,
        places: PlacesAre,
    ) -> Recorder {
        let clients = (0..).zip((10..).zip(CLIENTS)).map(|(index, (host, (device, habit)))| {
            let is_second = device.starts_with("ada@x") && admins == Admins::One;
            let habit = if is_second { Habit::Reader } else { habit };
            Client::new(device, habit, Ipv4Addr::new(127, 0, 2, host), index)
        });
        let clients = clients.collect();
        let group = MEMBERS.iter().map(|mail| ((*mail).to_owned(), (0, Kind::Added))).collect();
        let shared = Shared {
            nodes: nodes.to_vec(),
            rng: Rng::new(seed),
            happened: Vec::new(),
            conns: 0,
            group,
            last: 0,
            admins,
            unannounced: BTreeMap::new(),
            mood: Mood::Talking,
            allowance: 0.0,
            turned_at: Instant::now(),
            oks: Oks {
                last: Instant::now(),
                nodes: vec![None; nodes.len()],
                silence: Duration::ZERO,
                wait: Duration::ZERO,
                until_told: Duration::ZERO,
                told: 0,
            },
            story: VecDeque::new(),
        };
        Recorder { places, clients, shared }
    }

    /// They come, talk and go for so long.
    pub(super) fn talk(&mut self, how_long: Duration) {
        self.run(Mood::Talking, how_long, |_| false);
    }

    /// They do what they are in the mood for until something is so. False: it is not in time.
    pub(super) fn run(
        &mut self,
        mood: Mood,
        patience: Duration,
        mut is_so: impl FnMut(&Recorder) -> bool,
    ) -> bool {
        self.shared.mood = mood;
        let deadline = Instant::now() + patience;
        while !is_so(self) {
            if Instant::now() > deadline {
                return false;
            }
            self.turn();
        }
        true
    }

    /// Nobody says anything more, until everybody has read everything, and all files that `files` reads tell the same and
    /// that. If that does not happen in time, what is still missing.
    pub(super) fn rest(
        &mut self,
        patience: Duration,
        mut files: impl FnMut() -> Vec<Files>,
    ) -> Result<Vec<Files>, String> {
        self.shared.mood = Mood::Listening;
        let deadline = Instant::now() + patience;
        loop {
            let read_at = Instant::now();
            // All files are read only when that can be the end.
            let unrest = match self.restless(|mail| self.shared.is_member(mail), self.shared.last) {
                Some(restless) => restless,
                None => {
                    let files = files();
                    let Some(unrest) = self.unrest(&files) else { return Ok(files) };
                    unrest
                }
            };
            if Instant::now() > deadline {
                return Err(unrest);
            }
            while read_at.elapsed() < Duration::from_millis(100) {
                self.turn();
            }
        }
    }

    /// Somebody who has not come to rest.
    fn restless(&self, is_member: impl Fn(&str) -> bool, last: u64) -> Option<String> {
        let mut clients = self.clients.iter();
        clients.find_map(|client| client.unrest(is_member(client.device().mail()), last))
    }

    /// What is still under way.
    fn unrest(&self, files: &[Files]) -> Option<String> {
        let first = files.first().expect("there is a node");
        let last = memchr::memchr_iter(b'\n', &first.history).count() as u64;
        let is_member = |mail: &str| first.members.contains(mail);
        let restless = self.restless(is_member, last);
        let devices = |node: &str| {
            let here = self.clients.iter().filter(|client| {
                self.places == PlacesAre::Shared
                    || client.node().is_some_and(|at| self.shared.nodes[at].0 == node)
            });
            let devices = here.map(Client::device).collect::<Vec<_>>().into_iter();
            devices.filter(|device| device.has_feed() && is_member(device.mail()))
        };
        let behind = |files: &Files| {
            if files.history != first.history {
                return Some(format!("the histories of {} and {} differ", first.node, files.node));
            }
            if files.members != first.members {
                return Some(format!("members.txt of {} and {} differ", first.node, files.node));
            }
            let place = |device: &Device| files.places.get(device).copied().unwrap_or(0);
            let device = devices(&files.node).find(|device| place(device) != last)?;
            Some(format!("{} has recorded {} at {} of {last}", files.node, device.0, place(device)))
        };
        let announced = |mail: &str| self.shared.is_member(mail);
        let unannounced = || {
            let all = TEMPORARY.iter().chain(&EDITED).find(|mail| announced(mail) != is_member(mail));
            all.map(|mail| format!("members.txt and the events do not agree about {mail}"))
        };
        restless.or_else(|| files.iter().find_map(behind)).or_else(unannounced)
    }

    fn turn(&mut self) {
        let elapsed = self.shared.turned_at.elapsed();
        self.shared.turned_at += elapsed;
        self.shared.allowance = (self.shared.allowance + elapsed.as_secs_f64() * RATE).min(BURST);
        for client in &mut self.clients {
            client.act(&mut self.shared);
        }
        for at in self.readable() {
            self.clients[at].take(&mut self.shared);
        }
    }

    /// Waits a little for something to read. Whose sockets have it.
    fn readable(&self) -> Vec<usize> {
        let here = self.clients.iter().enumerate();
        let (at, streams): (Vec<usize>, Vec<_>) =
            here.filter_map(|(at, client)| Some((at, client.stream()?))).unzip();
        let mut fds: Vec<PollFd<'_>> =
            streams.into_iter().map(|stream| PollFd::new(stream, PollFlags::IN)).collect();
        poll(&mut fds, Some(&TURN)).expect("a poll");
        let ready = at.into_iter().zip(&fds).filter(|(_, fd)| !fd.revents().is_empty());
        ready.map(|(at, _)| at).collect()
    }

    /// What has happened since it was taken last.
    pub(super) fn take(&mut self) -> Vec<Happened> {
        std::mem::take(&mut self.shared.happened)
    }

    /// Somebody edits a members.txt.
    pub(super) fn edited(&mut self, change: Kind, mail: &str) {
        self.shared.happened.push(Happened::Edited { change, mail: mail.to_owned() });
    }

    pub(super) fn is_member(&self, mail: &str) -> bool {
        self.shared.is_member(mail)
    }

    /// A node has lost its files.
    pub(super) fn wiped(&mut self, node: usize) {
        let node = self.shared.nodes[node].0.clone();
        self.shared.happened.push(Happened::Wiped { node });
    }

    /// How many devices of each member are connected.
    pub(super) fn devices(&self) -> BTreeMap<String, usize> {
        let mut devices = BTreeMap::new();
        let connected = self.clients.iter().filter(|client| client.stream().is_some());
        for device in connected.map(Client::device).filter(|device| device.has_feed()) {
            *devices.entry(device.mail().to_owned()).or_default() += 1;
        }
        devices
    }

    /// A line of the story, for whoever has to find out what happened.
    pub(super) fn tell(&mut self, line: String) {
        self.shared.story(line);
    }

    pub(super) fn story(&self) -> String {
        self.shared.story.iter().map(|line| format!("{line}\n")).collect::<Vec<_>>().concat()
    }

    /// When a node told somebody OK MSG last.
    pub(super) fn acknowledged(&self, node: usize) -> Option<Instant> {
        self.shared.oks.nodes[node]
    }

    /// The longest times without OK MSG since this was asked last.
    pub(super) fn longest(&mut self) -> Longest {
        let now = Instant::now();
        let waiting = self.clients.iter().filter_map(Client::unheard_since);
        let oks = &mut self.shared.oks;
        let wait = waiting.map(|since| now - since).max().unwrap_or_default().max(oks.wait);
        let (until_told, told) = (oks.until_told, oks.told);
        let longest = Longest { silence: oks.silence.max(now - oks.last), wait, until_told, told };
        (oks.last, oks.silence, oks.wait) = (now, Duration::ZERO, Duration::ZERO);
        (oks.until_told, oks.told) = (Duration::ZERO, 0);
        self.clients.iter_mut().for_each(|client| client.wait_from(now));
        longest
    }
}

impl Oks {
    /// Somebody was told OK MSG by a node, and has wanted it since then.
    fn told(&mut self, node: usize, since: Option<Instant>) {
        let now = Instant::now();
        self.nodes[node] = Some(now);
        self.silence = self.silence.max(now - self.last);
        self.last = now;
        self.wait = self.wait.max(since.map(|since| now - since).unwrap_or_default());
    }
}

impl Longest {
    /// The longer ones of both.
    pub(super) fn max(self, other: Longest) -> Longest {
        Longest {
            silence: self.silence.max(other.silence),
            wait: self.wait.max(other.wait),
            until_told: self.until_told.max(other.until_told),
            told: self.told + other.told,
        }
    }
}

impl Shared {
    fn is_member(&self, mail: &str) -> bool {
        self.group.get(mail).is_some_and(|(_, kind)| *kind == Kind::Added)
    }

    /// Somebody was shown an event.
    fn shown(&mut self, seq: u64, line: &str) {
        self.last = self.last.max(seq);
        let words: Vec<&str> = line.split(' ').collect();
        let (Some(kind), Some(mail)) = (Kind::of_event(words[0]), words.get(4)) else { return };
        let latest = self.group.entry((*mail).to_owned()).or_insert((0, kind));
        if seq >= latest.0 {
            *latest = (seq, kind);
        }
        if self.unannounced.get(*mail).is_some_and(|after| seq > *after) {
            self.unannounced.remove(*mail);
        }
    }

    /// An admin was told OK.
    fn changed(&mut self, asked: &str) {
        // Of two admins the other one may have been shown the event already, or the next one.
        if let Some((kind, mail)) = client::change(asked).filter(|_| self.admins == Admins::One) {
            let is_announced = self.group.get(&mail).is_some_and(|latest| latest.0 > 0 && latest.1 == kind);
            if !is_announced {
                self.unannounced.insert(mail, self.last);
            }
        }
    }

    /// Another change of the members, mostly one that makes sense.
    fn change(&mut self) -> Option<String> {
        let mail = *self.rng.pick(&TEMPORARY);
        if self.unannounced.contains_key(mail) {
            return None;
        }
        let makes_sense = self.rng.below(20) != 0;
        if self.is_member(mail) == makes_sense {
            return Some(format!("REMOVE {mail}"));
        }
        Some(format!("ADD {mail} {}-secret", &mail[..3]))
    }

    fn tell(&mut self, device: &Device, sign: char, line: &str) {
        let line: String = line.chars().take(120).collect();
        self.story(format!("{}{sign} {line}", device.0));
    }

    fn story(&mut self, line: String) {
        if self.story.len() == STORY {
            self.story.pop_front();
        }
        self.story.push_back(line);
    }
}

impl fmt::Display for Longest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [silence, wait, until_told] = [self.silence, self.wait, self.until_told].map(|d| d.as_secs_f32());
        write!(f, "{silence:.1} s without any OK MSG, {wait:.1} s for one who waited")?;
        if until_told > 0.0 {
            write!(f, ", {until_told:.1} s until one was told that the node is cut off")?;
        }
        Ok(())
    }
}
