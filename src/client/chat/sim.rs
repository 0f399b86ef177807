//! A chat beside a model of the server, with breaks in all places, and with a person who answers the question about missed
//! events in any way, late, or by leaving. Between server and chat a proxy may read on, and the terminal may take nothing for a
//! while: what it has not taken when the chat is killed was not shown. Every text is said once, so what was shown can be
//! compared with the transcript, less what was skipped.

mod nodes;
mod terminal;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use fastrand::Rng;

use super::tests::{start, welcome};
use super::*;
use crate::client::terminal::keys::{Key, Keys};
use crate::protocol::Mail;
use terminal::Terminal;

/// What the model and the chat have done so far.
struct World {
    rng: Rng,
    now: Instant,
    chat: Chat,
    /// Who said what; [`NEWER`] for an event of a kind that the chat does not know.
    transcript: Vec<(&'static str, String)>,
    conn: Option<Conn>,
    /// Lines of connections that fell silent: they may still arrive.
    late: VecDeque<String>,
    /// How far the server thinks that the device has come.
    place: usize,
    terminal: Terminal,
    typed: Vec<String>,
    trace: String,
}

/// A connection.
#[derive(Default)]
struct Conn {
    to_server: VecDeque<String>,
    to_client: VecDeque<String>,
    /// Events that were put on the wire, and that the chat was given.
    sent: usize,
    taken: usize,
    may_read: bool,
}

const TIME: &str = "2026-01-02T03:04:05.678Z";

/// In place of an author.
const NEWER: &str = "POLLED";
/// In place of an author: Bob calls himself something else; and how that begins.
const NAMED: &str = "NAMED";
const CALLED: &str = "is now called ";

/// A chat that asks about few missed events.
fn chat(last: u64, missed: u64, recorded: Option<Place>, now: Instant) -> Chat {
    Chat::new(Start { shown_unasked: 3, lead_in: 3, ..start(welcome(last, missed), recorded) }, now)
}

fn event(seq: usize, (mail, text): &(&'static str, String)) -> String {
    if *mail == NEWER || *mail == NAMED {
        return format!("{mail} {seq} {TIME} bob@x {}", text.strip_prefix(CALLED).unwrap_or(text));
    }
    format!("MSG {seq} {TIME} {mail} {text}")
}

/// What Bob is called.
fn last_name<'a>(transcript: &'a [(&str, String)]) -> Option<&'a str> {
    transcript.iter().rev().find(|(mail, _)| *mail == NAMED)?.1.strip_prefix(CALLED)
}

impl World {
    fn new(seed: u64) -> World {
        let now = Instant::now();
        let mut world = World {
            rng: Rng::with_seed(seed),
            now,
            chat: chat(0, 0, None, now),
            transcript: Vec::new(),
            conn: Some(Conn::default()),
            late: VecDeque::new(),
            place: 0,
            terminal: Terminal::default(),
            typed: Vec::new(),
            trace: String::new(),
        };
        world.carry_out();
        world
    }

    fn trace(&mut self, what: &str) {
        self.trace.push_str(what);
        self.trace.push('\n');
    }

    /// Carries out effects; the terminal takes any part of the lines.
    fn carry_out(&mut self) {
        for effect in self.chat.out.take() {
            match effect {
                Effect::Print(line) => {
                    if let Some(said) = line.text().strip_prefix("03:04 ").filter(|_| line.is_quiet()) {
                        // From before; it was shown or skipped earlier.
                        let end = usize::try_from(self.chat.out.connection.numbers.place().shown.0)
                            .expect("there are few");
                        let text = terminal::text(said).expect("somebody said it");
                        assert!(
                            self.transcript[..end].iter().any(|(_, said)| said == text),
                            "{}",
                            self.trace
                        );
                        continue;
                    }
                    self.terminal.print(&line);
                }
                Effect::Shown(place) => self.terminal.mark(place),
                Effect::Send(line) => {
                    // What was shown is recorded first.
                    self.terminal_takes(usize::MAX);
                    let line = String::from_utf8(line.to_vec()).expect("text");
                    self.trace(&format!("< {}", line.trim_end()));
                    if let Some(conn) = &mut self.conn {
                        conn.to_server.push_back(line.trim_end().to_owned());
                    }
                }
                Effect::More => self.conn.iter_mut().for_each(|conn| conn.may_read = true),
                Effect::Connect(_) => self.connect(),
                Effect::GiveUp(why) => panic!("{why}"),
                _ => {}
            }
        }
        let some = self.rng.usize(..=self.terminal.waiting());
        self.terminal_takes(some);
    }

    fn terminal_takes(&mut self, pieces: usize) {
        self.terminal.take(pieces, &self.transcript);
    }

    fn connect(&mut self) {
        let (last, missed) = self.login();
        self.chat.up(&welcome(last, missed), 4095, self.now);
        self.carry_out();
    }

    /// Another login. Returns what it is told.
    fn login(&mut self) -> (u64, u64) {
        let last = self.transcript.len();
        let missed = last - self.place;
        self.trace(&format!("> login last={last} missed={missed}"));
        let mut conn = Conn { sent: last, taken: self.place, ..Conn::default() };
        let events = self.transcript.iter().enumerate().skip(self.place);
        conn.to_client = events.map(|(at, said)| event(at + 1, said)).collect();
        self.conn = Some(conn);
        (last as u64, missed as u64)
    }

    /// The person leaves, or the chat is killed in the middle of anything, and another one starts. The server may think that
    /// anything it has sent was shown.
    fn again(&mut self) {
        let sent = self.conn.as_ref().map_or(self.place, |conn| conn.sent);
        self.place = self.rng.usize(self.place.min(sent)..=sent);
        if self.rng.bool() {
            self.trace("leaves");
            self.chat.leave(Ok(()));
            self.carry_out();
            self.terminal_takes(usize::MAX);
        } else {
            self.trace(&format!("killed with {} pieces not taken", self.terminal.waiting()));
            self.terminal.lose();
            let left: Vec<String> =
                self.chat.transcript.outbox.lines().map(|mine| mine.text.clone()).collect();
            self.terminal.given_back.extend(left);
        }
        let (last, missed) = self.login();
        self.chat = chat(last, missed, self.terminal.recorded.clone(), self.now);
        self.carry_out();
    }

    /// A message: every connection gets the event, its author the OK.
    fn append(&mut self, mail: &'static str, text: String, is_own: bool) {
        self.transcript.push((mail, text));
        let seq = self.transcript.len();
        if let Some(conn) = &mut self.conn {
            let said = self.transcript.last().expect("just said");
            conn.to_client.push_back(if is_own { format!("OK MSG {seq} {TIME}") } else { event(seq, said) });
            conn.sent = seq;
        }
    }

    /// The server takes a line.
    fn serve(&mut self) {
        let Some(line) = self.conn.as_mut().and_then(|conn| conn.to_server.pop_front()) else { return };
        if let Some(text) = line.strip_prefix("MSG ") {
            return self.append("ann@x", text.to_owned(), true);
        }
        let conn = self.conn.as_mut().expect("just asked");
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["HISTORY", "SINCE", after, _] => {
                let after: usize = after.parse().expect("a number");
                // Small pages, so that there are several.
                let most = self.rng.usize(1..4);
                let range: Vec<String> = self
                    .transcript
                    .iter()
                    .enumerate()
                    .skip(after)
                    .take(most)
                    .map(|(at, said)| event(at + 1, said))
                    .collect();
                if !range.is_empty() {
                    conn.to_client.push_back(format!("HISTORY {} {}", after + 1, after + range.len()));
                }
                let count = range.len();
                conn.to_client.extend(range);
                conn.to_client.push_back(format!("OK HISTORY {count} last={}", self.transcript.len()));
            }
            ["SKIP"] => {
                // Some are on their way already.
                let sent = self.rng.usize(..=conn.to_client.len());
                let mut at = 0;
                conn.to_client.retain(|line| {
                    at += 1;
                    at <= sent || !["MSG ", NEWER, NAMED].iter().any(|kind| line.starts_with(kind))
                });
                conn.taken = conn.sent;
                conn.to_client.push_back("OK SKIP 7".to_owned());
            }
            ["MEMBERS"] => {
                let field = last_name(&self.transcript).map_or(String::new(), |name| format!(" name={name}"));
                conn.to_client.push_back(format!("MEMBER bob@x role=member online=no{field}"));
                conn.to_client.push_back("OK MEMBERS 1".to_owned());
            }
            [verb, ..] => conn.to_client.push_back(format!("OK {verb}")),
            [] => {}
        }
    }

    /// Some lines reach the chat, if it takes them.
    fn deliver(&mut self) {
        let Some(conn) = self.conn.as_mut().filter(|conn| conn.may_read && !conn.to_client.is_empty()) else {
            return;
        };
        conn.may_read = false;
        let count = self.rng.usize(1..=conn.to_client.len());
        let lines: Vec<String> = conn.to_client.drain(..count).collect();
        conn.taken = conn.taken.max(conn.sent.saturating_sub(conn.to_client.len()));
        let mut bytes = lines.join("\n");
        bytes.push('\n');
        self.trace(&format!("> {}", lines.join("\n> ")));
        self.chat.lines(bytes.as_bytes(), self.now);
        self.carry_out();
    }

    /// The connection breaks. What the server has read it carries out; the rest is lost, or arrives later.
    fn cut(&mut self, end: End) {
        for _ in 0..self.rng.usize(0..4) {
            self.serve();
        }
        let Some(conn) = self.conn.take() else { return };
        self.trace(&format!("cut {end:?}"));
        if end == End::Silent {
            self.late.extend(conn.to_server.into_iter().filter(|line| line.starts_with("MSG ")));
        }
        // The kernel has acknowledged what was read, or more; the server has recorded that, or less.
        let least = conn.taken.min(conn.sent).saturating_sub(2);
        self.place = self.rng.usize(least..=conn.sent);
        self.chat.down(end, "cut", self.now, 0.0);
        self.carry_out();
    }

    fn step(&mut self, number: usize) {
        match self.rng.u32(0..24) {
            0..4 => {
                let text = format!("own{number}");
                self.typed.push(text.clone());
                self.type_in(&text);
            }
            20 => self.type_in(""),
            21 if self.chat.out.connection.is_up() && self.chat.out.connection.numbers.left() > 0 => {
                self.type_in("/skip");
            }
            22 if self.rng.u8(..) < 64 => self.again(),
            4..6 => self.append("bob@x", format!("bob{number}"), false),
            6 => self.append(NEWER, format!("newer{number}"), false),
            7..11 => self.serve(),
            11..15 => self.deliver(),
            15 => self.cut(End::Closed),
            16 => self.cut(End::Silent),
            19 => self.append(NAMED, format!("{CALLED}n{number}"), false),
            17 => {
                if let Some(line) = self.late.pop_front() {
                    let text = line.strip_prefix("MSG ").expect("only such are kept").to_owned();
                    self.append("ann@x", text, false);
                }
            }
            _ => self.wait(),
        }
    }

    fn type_in(&mut self, line: &str) {
        for key in Keys::default().take(line.as_bytes()).into_iter().chain([Key::Enter]) {
            self.chat.keys(vec![key], self.now);
        }
        self.carry_out();
    }

    fn wait(&mut self) {
        // Shorter than silence that is noticed, longer than any wait before an attempt.
        self.now += Duration::from_secs(70);
        self.chat.out.connection.heard(self.now);
        self.chat.tick(self.now);
        self.carry_out();
    }

    fn finish(mut self, seed: u64) {
        for _ in 0..self.transcript.len() * 2 + 200 {
            if self.conn.is_none() {
                self.wait();
            }
            self.serve();
            self.deliver();
            // A question is answered in the end.
            self.type_in("");
        }
        self.terminal_takes(usize::MAX);
        let said: Vec<&String> = self.transcript.iter().map(|(_, text)| text).collect();
        let to_show: Vec<&String> =
            said.iter().copied().filter(|text| !self.terminal.skipped.contains(text)).collect();
        let shown: Vec<&String> = self.terminal.shown.iter().collect();
        assert_eq!(shown, to_show, "seed {seed}: what was shown is not what was said\n{}", self.trace);
        let called = self.chat.transcript.names.shown(&Mail::parse(b"bob@x").expect("a mail"));
        assert_eq!(called, last_name(&self.transcript).unwrap_or("bob"), "seed {seed}\n{}", self.trace);
        let recorded = self.terminal.recorded.as_ref().map(|place| place.shown.0);
        assert_eq!(recorded, Some(said.len() as u64), "seed {seed}\n{}", self.trace);
        self.terminal.check_typed(&self.typed, &said, &self.chat, || format!("seed {seed}\n{}", self.trace));
    }
}

#[test]
fn whatever_breaks_nothing_is_lost_duplicated_or_left_out() {
    for seed in 0..1500 {
        let mut world = World::new(seed);
        for number in 0..120 {
            world.step(number);
        }
        world.finish(seed);
    }
}
