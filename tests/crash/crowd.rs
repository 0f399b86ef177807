//! All clients in one loop: three members with three devices each, two temporary members who come and go, scripts that only
//! send, and an admin.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::client::{Client, Habit};
use super::common::server::PATIENCE;
use super::rng::Rng;
use super::tale::Session;

pub(super) const ADMIN: &str = "ann@x";
pub(super) const MEMBERS: [&str; 4] = [ADMIN, "bob@x", "cid@x", "dan@x"];
const TEMPORARY: [&str; 2] = ["eve@x", "fay@x"];

/// Lines of the story that are kept.
const STORY: usize = 2000;
/// One turn of the loop at the longest.
const TURN: Timespec = Timespec { tv_sec: 0, tv_nsec: 3_000_000 };

/// What each client does.
const CLIENTS: [(&str, Habit); 17] = [
    ("ann@x", Habit::Admin),
    ("ann@x/laptop", Habit::Reader),
    ("bob@x", Habit::Reader),
    ("bob@x/laptop", Habit::Talker),
    ("bob@x/phone", Habit::Slow),
    ("cid@x", Habit::Talker),
    ("cid@x/laptop", Habit::Reader),
    ("cid@x/phone", Habit::Slow),
    ("dan@x", Habit::Reader),
    ("dan@x/laptop", Habit::Reader),
    ("dan@x/phone", Habit::Reader),
    ("bob@x/-", Habit::Publisher),
    ("cid@x/-", Habit::Publisher),
    ("eve@x", Habit::Reader),
    ("eve@x/phone", Habit::Slow),
    ("fay@x", Habit::Talker),
    ("fay@x/-", Habit::Publisher),
];

#[derive(Debug)]
pub(super) struct Crowd {
    clients: Vec<Client>,
    shared: Shared,
    sessions: Vec<Session>,
}

/// What all of them know.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// The members and their passwords, as far as any client was told.
    passwords: BTreeMap<String, String>,
    /// All that were ever given, the latest last.
    given: BTreeMap<String, Vec<String>>,
    /// Guests whose last change the admin has not been shown.
    unannounced: BTreeSet<String>,
    story: VecDeque<String>,
}

/// What one client sees of the world while it acts.
pub(super) struct Around<'a> {
    pub(super) addr: SocketAddr,
    pub(super) rng: &'a mut Rng,
    pub(super) shared: &'a mut Shared,
    pub(super) sessions: &'a mut Vec<Session>,
    /// Nobody says anything, all only listen.
    pub(super) is_quiet: bool,
    pub(super) left_to_say: usize,
}

impl Crowd {
    pub(super) fn new(passwords: &BTreeMap<String, String>) -> Crowd {
        let given = passwords.iter().map(|(mail, password)| (mail.clone(), vec![password.clone()])).collect();
        let clients = (10..).zip(CLIENTS);
        let clients = clients.map(|(n, (who, habit))| Client::new(who, habit, Ipv4Addr::new(127, 0, 1, n)));
        Crowd {
            clients: clients.collect(),
            shared: Shared { passwords: passwords.clone(), given, ..Shared::default() },
            sessions: Vec::new(),
        }
    }

    /// They come, talk and go for so long, or until `is_over`.
    pub(super) fn run(&mut self, life: &mut Time<'_>, mut is_over: impl FnMut(&[Client]) -> bool) {
        let deadline = Instant::now() + life.how_long;
        let mut around = Around {
            addr: life.addr,
            rng: life.rng,
            shared: &mut self.shared,
            sessions: &mut self.sessions,
            is_quiet: life.is_quiet,
            left_to_say: life.to_say,
        };
        for client in self.clients.iter_mut().filter(|_| life.begins) {
            client.wake(&mut around);
        }
        while Instant::now() < deadline && !is_over(&self.clients) {
            for client in &mut self.clients {
                client.act(&mut around);
            }
            for at in readable(&self.clients) {
                self.clients[at].take(&mut around);
            }
        }
        life.to_say = around.left_to_say;
    }

    /// The server is gone: all read what is left. What each was told and shown in this life.
    pub(super) fn drain(&mut self, life: &mut Time<'_>) -> Vec<Session> {
        let mut around = Around {
            addr: life.addr,
            rng: life.rng,
            shared: &mut self.shared,
            sessions: &mut self.sessions,
            is_quiet: true,
            left_to_say: 0,
        };
        for client in &mut self.clients {
            client.drain(&mut around, PATIENCE);
        }
        std::mem::take(&mut self.sessions)
    }

    /// Members with a feed that have not read up to this one.
    pub(super) fn behind(clients: &[Client], passwords: &BTreeMap<String, String>, last: u64) -> bool {
        let here = clients.iter().filter(|client| client.has_feed() && passwords.contains_key(client.mail()));
        here.into_iter().any(|client| client.read() != last || client.stream().is_none())
    }

    /// Passwords that this member may have, the likeliest first.
    pub(super) fn candidates(&self, mail: &str) -> impl Iterator<Item = &String> {
        self.shared.given.get(mail).into_iter().flatten().rev()
    }

    /// What members.txt says: some change may have been made without an answer.
    pub(super) fn learn(&mut self, passwords: &BTreeMap<String, String>) {
        self.shared.passwords.clone_from(passwords);
        self.shared.unannounced.clear();
    }

    pub(super) fn tell(&mut self, line: String) {
        self.shared.tell(line);
    }

    pub(super) fn story(&self) -> String {
        self.shared.story.iter().map(|line| format!("{line}\n")).collect::<Vec<_>>().concat()
    }
}

/// A stretch of a life.
pub(super) struct Time<'a> {
    pub(super) addr: SocketAddr,
    pub(super) rng: &'a mut Rng,
    pub(super) how_long: Duration,
    pub(super) is_quiet: bool,
    /// It is the first stretch.
    pub(super) begins: bool,
    /// Messages that may still be said.
    pub(super) to_say: usize,
}

/// Waits a little for something to read. Whose sockets have it.
fn readable(clients: &[Client]) -> Vec<usize> {
    let (at, streams): (Vec<usize>, Vec<_>) =
        clients.iter().enumerate().filter_map(|(at, client)| Some((at, client.stream()?))).unzip();
    let mut fds: Vec<PollFd<'_>> =
        streams.into_iter().map(|stream| PollFd::new(stream, PollFlags::IN)).collect();
    poll(&mut fds, Some(&TURN)).expect("a poll");
    let ready = at.into_iter().zip(&fds).filter(|(_, fd)| !fd.revents().is_empty());
    ready.map(|(at, _)| at).collect()
}

impl Around<'_> {
    pub(super) fn tell(&mut self, who: &str, sign: char, line: &str) {
        let line: String = line.chars().take(120).collect();
        self.shared.tell(format!("{who} {sign} {line}"));
    }

    /// The password with which a member may enter; nobody while the news of the last change is not out.
    pub(super) fn password(&self, mail: &str) -> Option<String> {
        let password = self.shared.passwords.get(mail)?;
        (!self.shared.unannounced.contains(mail)).then(|| password.clone())
    }

    /// Another change of the members, mostly one that makes sense.
    pub(super) fn change(&mut self) -> String {
        let mail = *self.rng.pick(&TEMPORARY);
        let is_in = self.shared.passwords.contains_key(mail);
        let choice = self.rng.below(20);
        let verb = match (is_in, choice) {
            (true, 0) | (false, 1..) => "ADD",
            (true, 1..8) | (false, 0) => "REMOVE",
            (true, _) => "RESET",
        };
        if verb == "REMOVE" {
            return format!("REMOVE {mail}");
        }
        let given = self.shared.given.entry(mail.to_owned()).or_default();
        let password = format!("{}-secret-{}", &mail[..3], given.len());
        given.push(password.clone());
        format!("{verb} {mail} {password}")
    }

    /// The admin was told OK.
    pub(super) fn changed(&mut self, asked: &str) {
        let words: Vec<&str> = asked.split(' ').collect();
        let mail = words[1].to_owned();
        if words[0] != "RESET" {
            self.shared.unannounced.insert(mail.clone());
        }
        match words.get(2) {
            Some(password) => drop(self.shared.passwords.insert(mail, (*password).to_owned())),
            None => drop(self.shared.passwords.remove(&mail)),
        }
    }

    /// The admin was shown an event.
    pub(super) fn announced(&mut self, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        if words[0] != "MSG" {
            self.shared.unannounced.remove(words[4]);
        }
    }
}

impl Shared {
    fn tell(&mut self, line: String) {
        if self.story.len() == STORY {
            self.story.pop_front();
        }
        self.story.push_back(line);
    }
}
