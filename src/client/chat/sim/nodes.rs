//! A chat beside a model of a group with two servers. Each is behind the other for a while, knows its own connections only, and
//! says what it was told at some later time, or never if it is lost before. A login waits until what any of them has taken
//! before is said or lost; or a server says that it does not know. Only what was still on its way on a connection that fell
//! silent may come later. The chat comes to either of them, after breaks in all places.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use fastrand::Rng;

use super::super::tests::{start, welcome};
use super::super::*;
use super::{TIME, Terminal, event};
use crate::client::outbox::State;
use crate::client::terminal::keys::Keys;
use crate::protocol::LastIs;

struct World {
    rng: Rng,
    now: Instant,
    chat: Chat,
    transcript: Vec<(&'static str, String)>,
    /// From which connection each came.
    from: Vec<u32>,
    /// What was taken and is in no transcript yet.
    taken: Vec<Taken>,
    /// What is on its way on connections that fell silent.
    late: Vec<Taken>,
    /// What was sent on such a connection and had no answer.
    uncertain: Vec<String>,
    nodes: [Node; 2],
    conn: Option<Conn>,
    connections: u32,
    terminal: Terminal,
    typed: Vec<String>,
    trace: String,
}

struct Taken {
    conn: u32,
    text: String,
}

#[derive(Clone, Copy, Default)]
struct Node {
    /// So many events it has.
    has: usize,
    /// How far it thinks that the device has come.
    place: usize,
}

struct Conn {
    number: u32,
    node: usize,
    to_server: VecDeque<String>,
    to_client: VecDeque<String>,
    /// Messages that are not answered.
    open: usize,
    sent: usize,
    may_read: bool,
}

/// In place of a connection: somebody else.
const BOB: u32 = u32::MAX;

fn chat(at: usize, login: LoginOk, recorded: Option<Place>, now: Instant) -> Chat {
    let servers = ["a:1", "b:1"].map(str::to_owned).to_vec();
    Chat::new(Start { servers, at, ..start(login, recorded) }, now)
}

impl World {
    fn new(seed: u64) -> World {
        let now = Instant::now();
        let mut world = World {
            rng: Rng::with_seed(seed),
            now,
            chat: chat(0, welcome(0, 0), None, now),
            transcript: Vec::new(),
            from: Vec::new(),
            taken: Vec::new(),
            late: Vec::new(),
            uncertain: Vec::new(),
            nodes: [Node::default(); 2],
            conn: None,
            connections: 0,
            terminal: Terminal::default(),
            typed: Vec::new(),
            trace: String::new(),
        };
        world.login(0, LastIs::Certain);
        world.carry_out();
        world
    }

    fn trace(&mut self, what: &str) {
        self.trace.push_str(what);
        self.trace.push('\n');
    }

    fn carry_out(&mut self) {
        let effects = self.chat.out.take();
        for effect in effects {
            match effect {
                Effect::Print(line) => {
                    if let Some((_, text)) = line.text().split_once("Up brings it back: ") {
                        let is_uncertain = self.uncertain.iter().any(|other| other == text);
                        assert!(is_uncertain, "{text} is known\n{}", self.trace);
                    }
                    self.terminal.print(&line);
                }
                Effect::Shown(place) => self.terminal.mark(place),
                Effect::Send(line) => {
                    self.terminal.take(usize::MAX, &self.transcript);
                    let line = String::from_utf8(line.to_vec()).expect("text");
                    self.trace(&format!("< {}", line.trim_end()));
                    if let Some(conn) = &mut self.conn {
                        conn.to_server.push_back(line.trim_end().to_owned());
                    }
                }
                Effect::More => self.conn.iter_mut().for_each(|conn| conn.may_read = true),
                Effect::Connect(at) => self.connect(at),
                Effect::GiveUp(why) => panic!("{why}\n{}", self.trace),
                Effect::Leave(result) => panic!("{result:?}\n{}", self.trace),
                _ => {}
            }
        }
        let some = self.rng.usize(..=self.terminal.waiting());
        self.terminal.take(some, &self.transcript);
    }

    fn connect(&mut self, at: usize) {
        if self.rng.u8(..) < 64 {
            self.trace(&format!("{at} is not there"));
            let why = LoginError::Unreachable("not there".to_owned());
            self.chat.login_failed(&why, self.now, 0.0);
        } else {
            let last_is = if self.rng.u8(..) < 64 { LastIs::Uncertain } else { LastIs::Certain };
            let login = self.login(at, last_is);
            if !self.chat.enters(&login, 4095, self.now, 0.0) {
                self.end(End::Closed);
            }
        }
        self.carry_out();
    }

    /// A login at a server. If it is certain, all that the servers have taken is said or lost before. Returns the answer.
    fn login(&mut self, at: usize, last_is: LastIs) -> LoginOk {
        if last_is == LastIs::Certain {
            let said = self.rng.usize(..=self.taken.len());
            for Taken { text, conn } in std::mem::take(&mut self.taken).into_iter().take(said) {
                self.commit("ann@x", text, conn);
            }
            let own = self.transcript.iter().rposition(|(mail, _)| *mail == "ann@x").map_or(0, |at| at + 1);
            let least = self.nodes.iter().map(|node| node.has).max().unwrap_or_default().max(own);
            self.nodes[at].has = self.rng.usize(least..=self.transcript.len());
        }
        let Node { has, place } = self.nodes[at];
        self.trace(&format!(
            "> login at {at}: last={has} of {}, missed={}",
            self.transcript.len(),
            has - place
        ));
        self.connections += 1;
        let events = self.transcript[..has].iter().enumerate().skip(place);
        self.conn = Some(Conn {
            number: self.connections,
            node: at,
            to_server: VecDeque::new(),
            to_client: events.map(|(at, said)| event(at + 1, said)).collect(),
            open: 0,
            sent: has,
            may_read: false,
        });
        LoginOk { last_is, ..welcome(has as u64, (has - place) as u64) }
    }

    fn commit(&mut self, mail: &'static str, text: String, from: u32) {
        self.trace(&format!("{mail} said {text}"));
        self.transcript.push((mail, text));
        self.from.push(from);
    }

    /// A server gets its next event.
    fn apply(&mut self, node: usize) {
        let at = self.nodes[node].has;
        let Some(said) = self.transcript.get(at) else { return };
        self.nodes[node].has += 1;
        let Some(conn) = self.conn.as_mut().filter(|conn| conn.node == node) else { return };
        conn.sent = at + 1;
        if self.from[at] == conn.number {
            conn.open -= 1;
            conn.to_client.push_back(format!("OK MSG {} {TIME}", at + 1));
        } else {
            conn.to_client.push_back(event(at + 1, said));
        }
    }

    /// A server takes a line. What comes after a message waits until that is said.
    fn serve(&mut self) {
        let Some(conn) = &mut self.conn else { return };
        let Some(line) = conn.to_server.front() else { return };
        if let Some(text) = line.strip_prefix("MSG ") {
            self.taken.push(Taken { conn: conn.number, text: text.to_owned() });
            conn.open += 1;
            conn.to_server.pop_front();
            return;
        }
        if conn.open > 0 {
            return;
        }
        let words: Vec<&str> = line.split(' ').collect();
        let has = self.nodes[conn.node].has;
        match words[..] {
            ["HISTORY", "SINCE", after, _] => {
                let after: usize = after.parse().expect("a number");
                let range = self.transcript[..has].iter().enumerate().skip(after).take(self.rng.usize(1..4));
                let range: Vec<String> = range.map(|(at, said)| event(at + 1, said)).collect();
                let count = range.len();
                conn.to_client.push_back(format!("HISTORY {} {}", after + 1, after + count));
                conn.to_client.extend(range);
                conn.to_client.push_back(format!("OK HISTORY {count} last={has}"));
            }
            [verb, ..] => conn.to_client.push_back(format!("OK {verb}")),
            [] => {}
        }
        conn.to_server.pop_front();
    }

    fn deliver(&mut self) {
        let Some(conn) = self.conn.as_mut().filter(|conn| conn.may_read && !conn.to_client.is_empty()) else {
            return;
        };
        conn.may_read = false;
        let count = self.rng.usize(1..=conn.to_client.len());
        let lines: Vec<String> = conn.to_client.drain(..count).collect();
        self.trace(&format!("> {}", lines.join("\n> ")));
        self.chat.lines(format!("{}\n", lines.join("\n")).as_bytes(), self.now);
        self.carry_out();
    }

    /// The connection is over: what the server had not taken is lost, or is taken later.
    fn end(&mut self, end: End) {
        let Some(conn) = self.conn.take() else { return };
        for line in conn.to_server {
            if let (End::Silent, Some(text)) = (end, line.strip_prefix("MSG ")) {
                self.late.push(Taken { conn: conn.number, text: text.to_owned() });
            }
        }
        let node = &mut self.nodes[conn.node];
        node.place = self.rng.usize(node.place..=conn.sent);
    }

    fn cut(&mut self, end: End) {
        if self.conn.is_some() {
            self.trace(&format!("cut {end:?}"));
            if end == End::Silent {
                let sent = self.chat.transcript.outbox.lines().filter(|mine| mine.state == State::Sent);
                self.uncertain.extend(sent.map(|mine| mine.text.clone()));
            }
            self.end(end);
            self.chat.down(end, "cut", self.now, 0.0);
            self.carry_out();
        }
    }

    /// The chat is killed, and another one comes to either server.
    fn again(&mut self) {
        self.trace("killed");
        self.end(End::Closed);
        self.terminal.lose();
        // Some of it had no answer, or the terminal was to say so.
        self.terminal.given_back.extend(self.typed.iter().cloned());
        let at = self.rng.usize(..2);
        let login = self.login(at, LastIs::Certain);
        self.chat = chat(at, login, self.terminal.recorded.clone(), self.now);
        self.carry_out();
    }

    fn step(&mut self, number: usize) {
        match self.rng.u32(0..24) {
            0..4 => {
                let text = format!("own{number}");
                self.typed.push(text.clone());
                self.chat.keys(Keys::default().take(format!("{text}\r").as_bytes()), self.now);
                self.carry_out();
            }
            4..6 => self.commit("bob@x", format!("bob{number}"), BOB),
            6..10 => self.serve(),
            10..14 => self.deliver(),
            14 if !self.taken.is_empty() => {
                let Taken { text, conn } = self.taken.remove(0);
                self.commit("ann@x", text, conn);
            }
            15 if !self.late.is_empty() => {
                let late = self.late.remove(0);
                self.taken.push(late);
            }
            16 => {
                // Lost with a server, which was killed.
                let present = self.conn.as_ref().map(|conn| conn.number);
                self.taken.retain(|taken| Some(taken.conn) == present);
            }
            17 => self.cut(End::Closed),
            18 => self.cut(End::Silent),
            19 if self.rng.u8(..) < 64 => self.again(),
            20..23 => {
                let node = self.rng.usize(..2);
                self.apply(node);
            }
            _ => self.wait(),
        }
    }

    fn wait(&mut self) {
        self.now += Duration::from_secs(self.rng.u64(0..70));
        self.chat.out.connection.heard(self.now);
        self.chat.tick(self.now);
        self.carry_out();
    }

    fn finish(mut self, seed: u64) {
        for _ in 0..self.transcript.len() * 2 + 200 {
            self.wait();
            self.serve();
            let late = std::mem::take(&mut self.late);
            for Taken { text, conn } in std::mem::take(&mut self.taken).into_iter().chain(late) {
                self.commit("ann@x", text, conn);
            }
            self.apply(0);
            self.apply(1);
            self.deliver();
        }
        self.terminal.take(usize::MAX, &self.transcript);
        let said: Vec<&String> = self.transcript.iter().map(|(_, text)| text).collect();
        let shown: Vec<&String> = self.terminal.shown.iter().collect();
        assert_eq!(shown, said, "seed {seed}: what was shown is not what was said\n{}", self.trace);
        self.terminal.check_typed(&self.typed, &said, &self.chat, || format!("seed {seed}\n{}", self.trace));
    }
}

#[test]
fn from_one_server_to_another_nothing_is_lost_duplicated_or_left_out() {
    for seed in 0..1500 {
        let mut world = World::new(seed);
        for number in 0..120 {
            world.step(number);
        }
        world.finish(seed);
    }
}
