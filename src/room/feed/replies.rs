//! The replies owed to one connection, in the order in which they are sent, each with the position in the feed at which it
//! is inserted.

use std::collections::VecDeque;

use crate::limits::{OWED_ENTRY_COST, SEQ_DIGITS_MAX, TIME_LEN};
use crate::protocol::{Code, MsgOk, Verb, err};
use crate::room::{LogRefusal, Missing, Placed, Pos, Transcript};

/// What the log, too, may say of a command.
pub(crate) const ADMIN_ONLY: &str = "only an admin may do that";
pub(crate) const ANNOUNCE_ONLY: &str = "only admins speak at present, nobody saw the message";

/// An owed reply. `key` is its position in the feed: what of the feed comes before that is sent first.
#[derive(Debug)]
pub(crate) enum Entry {
    /// A line, or some.
    Reply { key: Pos, line: Box<[u8]> },
    /// Whole lines of the transcript.
    Range { key: Pos, from: Pos, to: Pos },
    /// The connection's own message, or its TITLE or ANNOUNCE, which the log has not answered yet.
    Ticket,
    /// The connection's own message, committed: its OK replaces the event.
    OwnMsg { start: Pos, end: Pos, ok: MsgOk },
}

impl Entry {
    /// The answer to a committed message.
    pub(crate) fn committed(placed: Placed) -> Entry {
        let ok = MsgOk { seq: placed.seq, time: placed.time };
        Entry::OwnMsg { start: placed.start, end: placed.end, ok }
    }

    /// The answer to a command whose event the log has refused.
    pub(crate) fn refused(end: Pos, verb: Verb, why: LogRefusal) -> Entry {
        let (code, sentence) = match why {
            LogRefusal::Storage if verb == Verb::Msg => {
                (Code::Storage, "the message could not be stored, nobody saw it")
            }
            LogRefusal::Storage => (Code::Storage, "it could not be stored, and is not so"),
            LogRefusal::NotAMember => {
                (Code::NoSuchMember, "you were removed from the group before the message, nobody saw it")
            }
            LogRefusal::TooLong => {
                (Code::TooLong, "the message is longer than a line of this group may be, nobody saw it")
            }
            LogRefusal::AnnounceOnly => (Code::AnnounceOnly, ANNOUNCE_ONLY),
            LogRefusal::NotAllowed => (Code::AdminOnly, ADMIN_ONLY),
            LogRefusal::SoAlready => unreachable!("what is so already is answered OK"),
        };
        Entry::answer(end, err(verb, code, sentence))
    }

    /// An answer in this place.
    pub(crate) fn answer(key: Pos, line: Vec<u8>) -> Entry {
        Entry::Reply { key, line: line.into_boxed_slice() }
    }

    /// The position before which it must not be sent; a ticket has none yet. It must not overtake an earlier entry either.
    pub(crate) fn key(&self) -> Option<Pos> {
        match self {
            Entry::Reply { key, .. } | Entry::Range { key, .. } => Some(*key),
            Entry::OwnMsg { start, .. } => Some(*start),
            Entry::Ticket => None,
        }
    }

    /// Bytes on the wire; for a ticket, as many as the answer to a message may have.
    pub(crate) fn len(&self) -> usize {
        match self {
            Entry::Reply { line, .. } => line.len(),
            Entry::Range { from, to, .. } => to.since(*from),
            Entry::OwnMsg { ok, .. } => ok.line_len(),
            Entry::Ticket => "OK MSG ".len() + SEQ_DIGITS_MAX + " ".len() + TIME_LEN + "\n".len(),
        }
    }

    /// Bytes of memory.
    pub(crate) fn cost(&self) -> usize {
        let own = match self {
            Entry::Range { .. } => 0,
            Entry::Reply { .. } | Entry::OwnMsg { .. } | Entry::Ticket => self.len(),
        };
        own + OWED_ENTRY_COST
    }

    /// Appends up to `max` bytes of it (all of a short one), from byte `sent` on, and returns how many. An error: the bytes are
    /// not in memory.
    pub(crate) fn write(
        &self,
        transcript: &Transcript,
        sent: usize,
        max: usize,
        out: &mut Vec<u8>,
    ) -> Result<usize, Missing> {
        let before = out.len();
        match self {
            Entry::Reply { line, .. } => out.extend_from_slice(&line[sent..]),
            Entry::Range { from, to, .. } => {
                let bytes = transcript.slice(from.plus(sent), *to)?;
                out.extend_from_slice(&bytes[..bytes.len().min(max)]);
            }
            Entry::OwnMsg { ok, .. } => {
                ok.write(out);
                out.drain(before..before + sent);
            }
            Entry::Ticket => unreachable!("it is not written before it is answered"),
        }
        Ok(out.len() - before)
    }

    /// The feed skips from `from` to `to`: entries between them move to `from`. An own message between them is still answered.
    pub(crate) fn pull_back(&mut self, from: Pos, to: Pos) {
        match self {
            Entry::Reply { key, .. } | Entry::Range { key, .. } if *key <= to => *key = (*key).min(from),
            Entry::OwnMsg { end, ok, .. } if *end <= to => {
                let mut line = Vec::new();
                ok.write(&mut line);
                *self = Entry::Reply { key: from, line: line.into_boxed_slice() };
            }
            Entry::Reply { .. } | Entry::Range { .. } | Entry::OwnMsg { .. } | Entry::Ticket => {}
        }
    }
}

/// Nearly always empty, and then without memory.
#[derive(Debug, Default)]
pub(crate) struct Replies {
    entries: VecDeque<Entry>,
    /// How many are tickets.
    tickets: u32,
    /// How many at the front are certainly no tickets, so that the oldest ticket is found without looking at them again.
    settled: u32,
    /// Bytes of the first entry that were sent already.
    pub(crate) sent: usize,
    /// Bytes of memory of all entries.
    pub(crate) cost: usize,
}

impl Replies {
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The entry after `index` others.
    pub(crate) fn get(&self, index: usize) -> Option<&Entry> {
        self.entries.get(index)
    }

    pub(crate) fn push(&mut self, entry: Entry) {
        self.cost += entry.cost();
        self.tickets += u32::from(matches!(entry, Entry::Ticket));
        self.entries.push_back(entry);
    }

    /// Adds an entry before all others.
    pub(crate) fn push_front(&mut self, entry: Entry) {
        self.cost += entry.cost();
        self.settled += 1;
        self.entries.push_front(entry);
    }

    /// Up to `n` more bytes of the first entry were sent. Returns how many of them were its, and the entry once it is sent in
    /// full.
    pub(crate) fn advance(&mut self, n: usize) -> (usize, Option<Entry>) {
        let Some(first) = self.entries.front() else { return (0, None) };
        let rest = first.len() - self.sent;
        if n < rest {
            self.sent += n;
            return (n, None);
        }
        let entry = self.entries.pop_front();
        self.sent = 0;
        self.settled = self.settled.saturating_sub(1);
        self.cost -= entry.as_ref().map_or(0, Entry::cost);
        if self.entries.is_empty() {
            // An idle connection has no buffer.
            self.entries = VecDeque::new();
        }
        (rest, entry)
    }

    /// Whether own messages wait for the log.
    pub(crate) fn has_tickets(&self) -> bool {
        self.tickets > 0
    }

    /// Replaces the oldest ticket by its answer.
    pub(crate) fn settle(&mut self, answer: Entry) {
        let from = self.settled as usize;
        let ticket = (from..self.entries.len()).find(|&at| matches!(self.entries[at], Entry::Ticket));
        // The entries may have been dropped meanwhile.
        let Some(at) = ticket else { return };
        self.cost = self.cost - self.entries[at].cost() + answer.cost();
        self.entries[at] = answer;
        self.tickets -= 1;
        self.settled = u32::try_from(at + 1).expect("what is owed is bounded");
    }

    /// Drops all tickets without an answer, and what follows the first. `end` is the transcript's end.
    pub(crate) fn forget_tickets(&mut self, end: Pos) {
        self.forget(end, |entry| matches!(entry, Entry::Ticket));
    }

    /// The same, and own messages that are not the next events after `from`.
    pub(crate) fn forget_after(&mut self, mut from: Pos, end: Pos) {
        self.forget(end, |entry| match entry {
            Entry::OwnMsg { start, end, .. } if *start <= from => {
                from = from.max(*end);
                false
            }
            Entry::OwnMsg { .. } | Entry::Ticket => true,
            Entry::Reply { .. } | Entry::Range { .. } => false,
        });
    }

    /// Drops the first of these and all answers after it: they would be taken for its own. Last words come no earlier than at
    /// `end`: the feed has gone on meanwhile, and may be within a line.
    fn forget(&mut self, end: Pos, mut is_first: impl FnMut(&Entry) -> bool) {
        let mut has_begun = false;
        self.entries.retain_mut(|entry| {
            has_begun = has_begun || is_first(entry);
            match entry {
                Entry::Reply { key, line } if has_begun => {
                    *key = end;
                    line.starts_with(b"BYE ")
                }
                _ => !has_begun,
            }
        });
        (self.tickets, self.settled) = (0, 0);
        self.cost = self.entries.iter().map(Entry::cost).sum();
    }

    /// The feed skips from `from` to `to`, see [`Entry::pull_back`].
    pub(crate) fn pull_back(&mut self, from: Pos, to: Pos) {
        for entry in &mut self.entries {
            entry.pull_back(from, to);
        }
        self.cost = self.entries.iter().map(Entry::cost).sum();
    }

    /// Positions of own messages that were committed.
    pub(crate) fn own_messages(&self) -> impl Iterator<Item = Pos> {
        self.entries.iter().filter_map(|entry| match entry {
            Entry::OwnMsg { start, .. } => Some(*start),
            Entry::Reply { .. } | Entry::Range { .. } | Entry::Ticket => None,
        })
    }

    /// Panics if an invariant does not hold. `end` is the transcript's end.
    pub(crate) fn check(&self, end: Pos) {
        let is_ticket = |entry: &&Entry| matches!(entry, Entry::Ticket);
        assert_eq!(
            self.cost,
            self.entries.iter().map(Entry::cost).sum::<usize>(),
            "the cost is the sum: {self:?}"
        );
        assert_eq!(self.tickets as usize, self.entries.iter().filter(is_ticket).count(), "{self:?}");
        assert_eq!(self.entries.iter().take(self.settled as usize).filter(is_ticket).count(), 0, "{self:?}");
        assert!(self.entries.iter().filter_map(Entry::key).all(|key| key <= end), "{self:?}");
        assert!(self.own_messages().is_sorted_by(|a, b| a < b), "own messages are in their order: {self:?}");
        assert!(self.sent == 0 || self.entries.front().is_some_and(|first| self.sent < first.len()));
    }
}
