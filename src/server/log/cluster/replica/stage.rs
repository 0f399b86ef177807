//! A replica on a stage: what it hears, and what it does.

use super::*;
use crate::protocol::{Mail, Seq, Text, Time};
use crate::server::log::cluster::applied::Outcome;
use crate::server::log::cluster::ids::StreamSeq;
use crate::server::log::cluster::stage::genesis;

/// Node a, at a time in milliseconds, and a stream whose messages it hears of as the test wants.
pub(in crate::server::log::cluster) struct Stage {
    pub(in crate::server::log::cluster) replica: Replica<u32>,
    pub(in crate::server::log::cluster) now: u64,
    stream: Vec<Bytes>,
}

/// The stream begins with this one.
const FIRST: u64 = 1;

fn node(name: &str) -> NodeName {
    NodeName::parse(name).expect("a name")
}

impl Stage {
    /// With a broker, after GENESIS; the start is to be 500.
    pub(in crate::server::log::cluster) fn new() -> Stage {
        let before = State::new("now", StreamSeq(FIRST));
        let replica = Replica::new(node("a"), Start(500), before, Duration::ZERO);
        let mut stage = Stage { replica, now: 0, stream: Vec::new() };
        stage.store(&genesis());
        assert_eq!(stage.hears(Heard::Up), "fetch 1");
        assert_eq!(stage.fetches(1), "applied Nothing Nothing Nothing");
        stage
    }

    /// The same, and it has joined: its JOIN was message 2.
    pub(in crate::server::log::cluster) fn joined() -> Stage {
        let mut stage = Stage::new();
        assert_eq!(stage.hears(Heard::FetchEnd { more: false }), "publish v1 a 500 1 JOIN");
        stage.store("v1 a 500 1\nJOIN\n");
        assert_eq!(stage.live(2), "joined 500");
        stage
    }

    /// It says no sums.
    pub(in crate::server::log::cluster) fn without_sums(mut self) -> Stage {
        self.replica.sum_at = Duration::MAX;
        self
    }

    /// Stores a message, and returns its number.
    pub(in crate::server::log::cluster) fn store(&mut self, body: &str) -> u64 {
        self.stream.push(Bytes::from(body.to_owned()));
        FIRST - 1 + self.stream.len() as u64
    }

    fn body(&self, seq: u64) -> Bytes {
        self.stream[usize::try_from(seq - FIRST).expect("a few")].clone()
    }

    pub(in crate::server::log::cluster) fn live(&mut self, seq: u64) -> String {
        let (stamp, body) = (Time::from_unix_ms(9), self.body(seq));
        self.hears(Heard::Live { seq: StreamSeq(seq), stamp, body })
    }

    pub(in crate::server::log::cluster) fn fetches(&mut self, seq: u64) -> String {
        let (stamp, body) = (Time::from_unix_ms(9), self.body(seq));
        self.hears(Heard::Fetched { seq: StreamSeq(seq), stamp, body })
    }

    pub(in crate::server::log::cluster) fn stores_and_hears(&mut self, body: &str) -> String {
        let seq = self.store(body);
        self.live(seq)
    }

    fn now(&self) -> Duration {
        Duration::from_millis(self.now)
    }

    pub(in crate::server::log::cluster) fn hears(&mut self, heard: Heard) -> String {
        self.replica.heard(self.now(), heard);
        self.acts()
    }

    /// Says texts of ann's, each with the ticket that is its place from `ticket` on.
    pub(in crate::server::log::cluster) fn says(&mut self, ticket: u32, texts: &[&str]) -> String {
        let mail = Mail::parse(b"ann@x").expect("a mail");
        let commands = (ticket..).zip(texts).map(|(ticket, text)| {
            let text = Text::parse(text.as_bytes()).expect("a text");
            (Command::Msg { mail: mail.clone(), text }, ticket)
        });
        self.replica.propose(self.now(), Seq(0), commands);
        self.acts()
    }

    /// Each deadline until this time, and what is done then.
    pub(in crate::server::log::cluster) fn until(&mut self, ms: u64) -> String {
        let mut told = Vec::new();
        while let Some(at) = self.replica.next_deadline().filter(|at| *at <= Duration::from_millis(ms)) {
            assert!(at >= self.now(), "no deadline is in the past");
            self.now = u64::try_from(at.as_millis()).expect("a few");
            self.replica.tick(self.now());
            let acts = self.acts();
            if !acts.is_empty() {
                told.push(format!("{}: {acts}", self.now));
            }
        }
        self.now = ms;
        told.join("; ")
    }

    /// The same without questions about what was missed.
    pub(in crate::server::log::cluster) fn until_sends(&mut self, ms: u64) -> String {
        let told = self.until(ms);
        let told = told.split("; ").filter_map(|told| {
            let (at, acts) = told.split_once(": ")?;
            let acts: Vec<&str> = acts.split(", ").filter(|act| !act.starts_with("fetch")).collect();
            (!acts.is_empty()).then(|| format!("{at}: {}", acts.join(", ")))
        });
        told.collect::<Vec<_>>().join("; ")
    }

    pub(in crate::server::log::cluster) fn acts(&mut self) -> String {
        self.replica.check();
        let mut told = Vec::new();
        while let Some(act) = self.replica.poll() {
            told.push(match act {
                Act::Publish(body) => {
                    let text = std::str::from_utf8(&body).expect("it is text").trim_end();
                    format!("publish {}", text.replace('\n', " "))
                }
                Act::Fetch { from } => format!("fetch {from}"),
                Act::Applied(applied, tickets) => {
                    let outcomes = applied.outcomes.iter().map(|outcome| match outcome {
                        Outcome::Said(_) => " Said".to_owned(),
                        Outcome::Changed { .. } => " Changed".to_owned(),
                        Outcome::Summed { .. } => " Summed".to_owned(),
                        other => format!(" {other:?}"),
                    });
                    let tickets = tickets.iter().map(|ticket| format!(" {ticket}"));
                    format!("applied{}", outcomes.chain(tickets).collect::<Vec<_>>().concat())
                }
                Act::Fenced(tickets) => format!("fenced {tickets:?}"),
                // As a node does that has nothing against it.
                Act::CaughtUp => {
                    self.replica.join_group(self.now());
                    continue;
                }
                Act::Joined(start) => format!("joined {start}"),
                Act::CutOff => "cut off".to_owned(),
                Act::Back => "back".to_owned(),
                Act::Differs { node, event } => format!("{node} differs at {event}"),
                Act::Stop(stop) => format!("stop: {stop}"),
            });
        }
        told.join(", ")
    }
}
