//! The replies owed to one connection, in the order in which they are sent.

use std::collections::VecDeque;

use crate::room::feed::entry::Entry;
use crate::room::ids::Pos;

/// Nearly always empty, and then without memory.
#[derive(Debug, Default)]
pub(in crate::room) struct Replies {
    entries: VecDeque<Entry>,
    /// How many are tickets.
    tickets: u32,
    /// How many at the front are certainly no tickets, so that the oldest ticket is found without looking at them again.
    settled: u32,
    /// Bytes of the first entry that were sent already.
    sent: usize,
    /// The cost of all entries.
    cost: usize,
}

impl Replies {
    pub(in crate::room) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Bytes of memory.
    pub(in crate::room) fn cost(&self) -> usize {
        self.cost
    }

    /// The entry after `index` others.
    pub(in crate::room) fn get(&self, index: usize) -> Option<&Entry> {
        self.entries.get(index)
    }

    /// Bytes of the first entry that were sent already.
    pub(in crate::room) fn sent(&self) -> usize {
        self.sent
    }

    pub(in crate::room) fn push(&mut self, entry: Entry) {
        self.cost += entry.cost();
        self.tickets += u32::from(matches!(entry, Entry::Ticket));
        self.entries.push_back(entry);
    }

    /// Adds an entry before all others.
    pub(in crate::room) fn push_front(&mut self, entry: Entry) {
        self.cost += entry.cost();
        self.settled += 1;
        self.entries.push_front(entry);
    }

    /// Up to `n` more bytes of the first entry were sent. Returns how many of them were its, and the entry once it is sent in
    /// full.
    pub(in crate::room) fn advance(&mut self, n: usize) -> (usize, Option<Entry>) {
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
    pub(in crate::room) fn has_tickets(&self) -> bool {
        self.tickets > 0
    }

    /// Replaces the oldest ticket by its answer.
    pub(in crate::room) fn settle(&mut self, answer: Entry) {
        let from = self.settled as usize;
        let ticket = (from..self.entries.len()).find(|&at| matches!(self.entries[at], Entry::Ticket));
        // The entries may have been dropped meanwhile.
        let Some(at) = ticket else { return };
        self.cost = self.cost - self.entries[at].cost() + answer.cost();
        self.entries[at] = answer;
        self.tickets -= 1;
        self.settled = u32::try_from(at + 1).expect("what is owed is bounded");
    }

    /// Drops all tickets without an answer.
    pub(in crate::room) fn forget_tickets(&mut self) {
        self.entries.retain(|entry| !matches!(entry, Entry::Ticket));
        (self.tickets, self.settled) = (0, 0);
        self.cost = self.entries.iter().map(Entry::cost).sum();
    }

    /// The feed skips from `from` to `to`, see [`Entry::pull_back`].
    pub(in crate::room) fn pull_back(&mut self, from: Pos, to: Pos) {
        for entry in &mut self.entries {
            entry.pull_back(from, to);
        }
        self.cost = self.entries.iter().map(Entry::cost).sum();
    }

    /// Positions of own messages that were committed.
    pub(in crate::room) fn own_messages(&self) -> impl Iterator<Item = Pos> {
        self.entries.iter().filter_map(|entry| match entry {
            Entry::OwnMsg { start, .. } => Some(*start),
            Entry::Reply { .. } | Entry::Range { .. } | Entry::Ticket => None,
        })
    }

    /// Checks the invariants. `end` is the transcript's end.
    ///
    /// # Panics
    /// If one does not hold.
    pub(in crate::room) fn check(&self, end: Pos) {
        let is_ticket = |entry: &&Entry| matches!(entry, Entry::Ticket);
        assert_eq!(self.cost, self.entries.iter().map(Entry::cost).sum(), "the cost is the sum: {self:?}");
        assert_eq!(self.tickets as usize, self.entries.iter().filter(is_ticket).count(), "{self:?}");
        assert_eq!(self.entries.iter().take(self.settled as usize).filter(is_ticket).count(), 0, "{self:?}");
        assert!(self.entries.iter().filter_map(Entry::key).all(|key| key <= end), "{self:?}");
        assert!(self.own_messages().is_sorted_by(|a, b| a < b), "own messages are in their order: {self:?}");
        assert!(self.sent == 0 || self.entries.front().is_some_and(|first| self.sent < first.len()));
    }
}
