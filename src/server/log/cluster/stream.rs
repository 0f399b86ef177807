//! The stream as messages of a broker: what a node publishes and asks for, and what comes back.

use bytes::Bytes;
use log::warn;

use crate::limits::{FETCH_BYTES, FETCH_MESSAGES};
use crate::server::log::cluster::broker::{Address, Link};
use crate::server::log::cluster::ids::{NodeName, StreamSeq, parse_stamp};
use crate::server::log::cluster::interface::Heard;
use crate::server::log::cluster::nats::{Message, Sid, Subject};
use crate::server::log::cluster::prove::{
    DIRECT_GET, PERMISSIONS, REPUBLISHED, STREAM_INFO, Unfit, parse_stream,
};

/// The subscription for what the stream republishes, and the one for answers.
const TAIL: Sid = Sid(1);
const ANSWERS: Sid = Sid(2);
/// After the inbox: an answer to a batch, to the question what the stream is, and to the fetch whose number follows.
const ACK: &str = ".ack";
const INFO: &str = ".info";
const FETCH: &str = ".fetch.";

/// See the module.
#[derive(Debug)]
pub(super) struct Stream {
    /// This node's batches.
    batches: Subject,
    inbox: String,
    /// Fetches are counted, so that an answer to an earlier one is recognised.
    fetches: u64,
    /// What the stream is was asked, and not answered yet.
    asks: bool,
    /// The broker's words about what a node cannot do without, on this connection.
    refusal: Option<String>,
    /// Why no batch is stored, if the last answer to one says so.
    unstored: Option<String>,
}

/// What an answer is to.
enum AnswerTo {
    /// A batch.
    Batch,
    Info,
    Fetch(u64),
}

impl Stream {
    pub(super) fn of(name: &NodeName) -> Stream {
        Stream {
            batches: Subject::word(format!("room.{name}")),
            inbox: format!("_INBOX.{name}.{:016x}", fastrand::u64(..)),
            fetches: 0,
            asks: false,
            refusal: None,
            unstored: None,
        }
    }

    /// What subjects of answers begin with.
    pub(super) fn inbox(&self) -> &str {
        &self.inbox
    }

    pub(super) fn subscribe(&mut self, link: &mut Link) {
        self.refusal = None;
        link.subscribe(&Subject::word(REPUBLISHED), TAIL);
        link.subscribe(&Subject::word(format!("{}.>", self.inbox)), ANSWERS);
        if self.asks {
            self.ask_what_it_is(Some(link));
        }
    }

    /// Nothing is committed: perhaps there is no room, or no stream. The log tells that if the brokers say so, now or once
    /// there are some.
    pub(super) fn ask_what_it_is(&mut self, link: Option<&mut Link>) {
        if let Some(why) = &self.unstored {
            warn!("{why}");
        }
        self.asks = true;
        if let Some(link) = link.filter(|link| link.is_up()) {
            let reply = Subject::word(format!("{}{INFO}", self.inbox));
            link.publish(&Subject::word(STREAM_INFO), Some(&reply), b"");
        }
    }

    /// The broker has refused something.
    pub(super) fn forbidden(&mut self, broker: &Address, words: &str) {
        let refusal = format!("{broker}: {words}; {PERMISSIONS}");
        warn!("{refusal}");
        let needed = [&self.batches.to_string(), DIRECT_GET, &self.inbox];
        if needed.iter().any(|subject| words.contains(subject)) {
            self.refusal = Some(refusal);
        }
    }

    /// What a node cannot do without, and the broker has refused.
    pub(super) fn refusal(&self) -> Option<&str> {
        self.refusal.as_deref().or(self.unstored.as_deref())
    }

    /// A batch.
    pub(super) fn publish(&self, body: &Bytes, link: &mut Link) {
        let reply = Subject::word(format!("{}{ACK}", self.inbox));
        link.publish(&self.batches, Some(&reply), body);
    }

    /// Asks for the messages from this one on.
    pub(super) fn fetch(&mut self, from: StreamSeq, link: &mut Link) {
        self.fetches += 1;
        let reply = Subject::word(format!("{}{FETCH}{}", self.inbox, self.fetches));
        let question = format!("{{\"seq\":{from},\"batch\":{FETCH_MESSAGES},\"max_bytes\":{FETCH_BYTES}}}");
        link.publish(&Subject::word(DIRECT_GET), Some(&reply), question.as_bytes());
    }

    /// What a message tells the replica.
    pub(super) fn heard(&mut self, message: &Message) -> Option<Heard> {
        let numbered = || {
            Some((StreamSeq(message.sequence()?), parse_stamp(message.stamp()?)?, message.payload.clone()))
        };
        match message.sid {
            TAIL => numbered().map(|(seq, stamp, body)| Heard::Live { seq, stamp, body }),
            _ => match self.answer_to(&message.subject)? {
                AnswerTo::Batch => {
                    let answer: serde_json::Value =
                        serde_json::from_slice(&message.payload).unwrap_or_default();
                    self.unstored = answer["error"]["description"].as_str().map(|words| {
                        format!("JetStream stores nothing more ({words}): make room, or raise that limit")
                    });
                    Some(ack(message, &answer))
                }
                AnswerTo::Info => {
                    // What says neither that it is there nor that it is gone is no answer.
                    match parse_stream(&message.payload) {
                        Ok(_) => self.asks = false,
                        Err(gone @ Unfit::NoStream) => {
                            self.asks = false;
                            warn!("{gone}");
                        }
                        Err(_) => {}
                    }
                    None
                }
                AnswerTo::Fetch(number) if number == self.fetches => match message.status() {
                    None => numbered().map(|(seq, stamp, body)| Heard::Fetched { seq, stamp, body }),
                    Some(204) => {
                        Some(Heard::FetchEnd { more: message.pending().is_some_and(|more| more > 0) })
                    }
                    Some(404) => Some(Heard::FetchEnd { more: false }),
                    Some(_) => Some(Heard::FetchFailed),
                },
                AnswerTo::Fetch(_) => None,
            },
        }
    }

    fn answer_to(&self, subject: &Subject) -> Option<AnswerTo> {
        match str::from_utf8(subject.after(&self.inbox)?).ok()? {
            ACK => Some(AnswerTo::Batch),
            INFO => Some(AnswerTo::Info),
            fetch => Some(AnswerTo::Fetch(fetch.strip_prefix(FETCH)?.parse().ok()?)),
        }
    }
}

/// What a broker says about a batch.
fn ack(message: &Message, answer: &serde_json::Value) -> Heard {
    let seq = answer["seq"].as_u64().filter(|seq| *seq > 0);
    match seq {
        Some(seq) if message.status().is_none() => Heard::Ack { seq: StreamSeq(seq) },
        _ => Heard::NoAck,
    }
}
