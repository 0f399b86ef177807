//! What a node hears of the stream, and when it asks for what it may have missed. Messages come in any order, late, twice or
//! not at all; they leave one after the other.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;

use crate::limits::{
    TAIL_AHEAD_MAX, TAIL_ANSWER, TAIL_BEHIND_ACK, TAIL_GONE_ANSWERS, TAIL_PAUSE, TAIL_SILENCE,
};
use crate::protocol::Time;
use crate::server::log::cluster::ids::StreamSeq;

/// A message of the stream.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) seq: StreamSeq,
    pub(super) stamp: Time,
    pub(super) body: Bytes,
}

/// What the end of an answer tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// There is more, or may be.
    More,
    /// Nothing is known of that has not come.
    AtEnd,
    /// The stream begins with this message, which is too late.
    Gone(StreamSeq),
}

#[derive(Debug)]
pub(super) struct Tail {
    /// Messages that came before their turn.
    ahead: BTreeMap<StreamSeq, Message>,
    ahead_bytes: usize,
    /// The last message that was heard of.
    end: StreamSeq,
    asking: Asking,
    /// After an answer that brought nothing, nothing is asked before this.
    rest_until: Duration,
    /// Answers in a row that began too late.
    gone: u32,
}

#[derive(Debug)]
enum Asking {
    /// There is no broker to ask.
    Down,
    /// At this time, unless something comes.
    At(Duration),
    Asked(Question),
}

#[derive(Debug)]
struct Question {
    from: StreamSeq,
    /// The first message that came since.
    first: Option<StreamSeq>,
    /// When it is asked again.
    until: Duration,
}

impl Tail {
    pub(super) fn new() -> Tail {
        Tail {
            ahead: BTreeMap::new(),
            ahead_bytes: 0,
            end: StreamSeq(0),
            asking: Asking::Down,
            rest_until: Duration::ZERO,
            gone: 0,
        }
    }

    /// There is a broker.
    pub(super) fn up(&mut self, now: Duration) {
        self.asking = Asking::At(now);
        self.rest_until = now;
    }

    /// There is none any more.
    pub(super) fn down(&mut self) {
        self.asking = Asking::Down;
    }

    /// A message came by itself, while `next` is the one to apply next.
    pub(super) fn live(&mut self, now: Duration, next: StreamSeq, message: Message) {
        self.end = self.end.max(message.seq);
        self.keep(next, message);
        self.plan(now, next);
    }

    /// A message came because it was asked for.
    pub(super) fn fetched(&mut self, now: Duration, next: StreamSeq, message: Message) {
        if let Asking::Asked(question) = &mut self.asking {
            question.first.get_or_insert(message.seq);
            question.until = now + TAIL_ANSWER;
        }
        self.live(now, next, message);
    }

    /// A broker has stored a message with this number.
    pub(super) fn heard_of(&mut self, now: Duration, next: StreamSeq, seq: StreamSeq) {
        self.end = self.end.max(seq);
        self.plan(now, next);
    }

    /// The answer to a question has ended. It is one replica's, which may be behind.
    pub(super) fn ended(&mut self, now: Duration, next: StreamSeq, more: bool) -> Told {
        // The end of an older answer comes too late to tell anything.
        let Asking::Asked(Question { from, first, .. }) = self.asking else { return Told::More };
        let has_brought = next > from;
        let has_more = more || self.is_behind(next);
        if has_more && !has_brought {
            self.rest_until = now + TAIL_PAUSE;
        }
        self.asking = Asking::At(if has_more { now.max(self.rest_until) } else { now + TAIL_SILENCE });
        match first.filter(|first| !has_brought && *first > next) {
            Some(first) => {
                self.gone += 1;
                if self.gone >= TAIL_GONE_ANSWERS { Told::Gone(first) } else { Told::More }
            }
            None if has_more => Told::More,
            None => Told::AtEnd,
        }
    }

    /// There is no answer.
    pub(super) fn failed(&mut self, now: Duration) {
        if matches!(self.asking, Asking::Asked(_)) {
            self.rest_until = now + TAIL_PAUSE;
            self.asking = Asking::At(self.rest_until);
        }
    }

    /// The message to apply next, if it is here.
    pub(super) fn take(&mut self, next: StreamSeq) -> Option<Message> {
        let message = self.ahead.remove(&next)?;
        self.ahead_bytes -= message.body.len();
        Some(message)
    }

    /// Some were applied; now this is the next.
    pub(super) fn has_applied(&mut self, now: Duration, next: StreamSeq) {
        self.gone = 0;
        if let Asking::At(at) = &mut self.asking {
            *at = now + TAIL_SILENCE;
        }
        self.plan(now, next);
    }

    /// From which message on to ask now, if it is time. To be answered by [`Tail::ended`] or [`Tail::failed`].
    pub(super) fn ask(&mut self, now: Duration, next: StreamSeq) -> Option<StreamSeq> {
        match &self.asking {
            Asking::At(at) if now >= *at => {}
            Asking::Asked(question) if now >= question.until => {}
            _ => return None,
        }
        self.asking = Asking::Asked(Question { from: next, first: None, until: now + TAIL_ANSWER });
        Some(next)
    }

    /// When to call [`Tail::ask`] even if nothing comes.
    pub(super) fn deadline(&self) -> Option<Duration> {
        match &self.asking {
            Asking::Down => None,
            Asking::At(at) => Some(*at),
            Asking::Asked(question) => Some(question.until),
        }
    }

    /// How many messages are known of that were not applied.
    pub(super) fn lag(&self, next: StreamSeq) -> u64 {
        self.end.next().0.saturating_sub(next.0)
    }

    /// Whether something is known of that has not come.
    fn is_behind(&self, next: StreamSeq) -> bool {
        !self.ahead.is_empty() || self.end >= next
    }

    /// Asks sooner if something is known to be missing.
    fn plan(&mut self, now: Duration, next: StreamSeq) {
        let is_next_here = self.ahead.contains_key(&next);
        let Asking::At(at) = &mut self.asking else { return };
        if !self.ahead.is_empty() && !is_next_here {
            *at = now.max(self.rest_until).min(*at);
        } else if self.end >= next && !is_next_here {
            *at = (now + TAIL_BEHIND_ACK).max(self.rest_until).min(*at);
        }
    }

    fn keep(&mut self, next: StreamSeq, message: Message) {
        if message.seq < next {
            return;
        }
        self.ahead_bytes += message.body.len();
        if let Some(before) = self.ahead.insert(message.seq, message) {
            self.ahead_bytes -= before.body.len();
        }
        // The last ones can be asked for again.
        while self.ahead_bytes > TAIL_AHEAD_MAX
            && let Some((_, last)) = self.ahead.pop_last()
        {
            self.ahead_bytes -= last.body.len();
        }
    }

    /// Panics if an invariant does not hold between inputs.
    pub(super) fn check(&self, next: StreamSeq) {
        let bytes: usize = self.ahead.values().map(|message| message.body.len()).sum();
        assert_eq!(bytes, self.ahead_bytes, "what came ahead is counted");
        assert!(self.ahead.keys().all(|seq| *seq > next), "what can be applied is not kept");
    }
}
