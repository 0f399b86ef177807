//! The replies that are owed to one connection, in the order in which they go out.

use std::collections::VecDeque;

use crate::room::feed::entry::Entry;
use crate::room::ids::Pos;

/// See the module. Empty, as nearly always, it owns no memory.
#[derive(Debug, Default)]
pub(in crate::room) struct Replies {
    entries: VecDeque<Entry>,
    /// How many of them are tickets, and how many at the front certainly are none.
    tickets: u32,
    settled: u32,
    /// Bytes of the first that are on their way already.
    sent: usize,
    /// What all of them cost.
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

    /// The one that goes out after `index` others.
    pub(in crate::room) fn get(&self, index: usize) -> Option<&Entry> {
        self.entries.get(index)
    }

    /// Bytes of the first that are on their way already.
    pub(in crate::room) fn sent(&self) -> usize {
        self.sent
    }

    pub(in crate::room) fn push(&mut self, entry: Entry) {
        self.cost += entry.cost();
        self.tickets += u32::from(matches!(entry, Entry::Ticket));
        self.entries.push_back(entry);
    }

    /// This one goes out next, before all others.
    pub(in crate::room) fn push_front(&mut self, entry: Entry) {
        self.cost += entry.cost();
        self.settled += 1;
        self.entries.push_front(entry);
    }

    /// Up to `n` more bytes of the first are on their way. Gives how many were taken for that, and the entry once all of it
    /// is.
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
            // Most connections say little: an idle one owns no buffer.
            self.entries = VecDeque::new();
        }
        (rest, entry)
    }

    /// Whether the log has something of this connection's to answer.
    pub(in crate::room) fn has_tickets(&self) -> bool {
        self.tickets > 0
    }

    /// The oldest ticket is answered by this.
    pub(in crate::room) fn settle(&mut self, answer: Entry) {
        let from = self.settled as usize;
        let ticket = (from..self.entries.len()).find(|&at| matches!(self.entries[at], Entry::Ticket));
        // What was owed may have been dropped meanwhile.
        let Some(at) = ticket else { return };
        self.cost = self.cost - self.entries[at].cost() + answer.cost();
        self.entries[at] = answer;
        self.tickets -= 1;
        self.settled = u32::try_from(at + 1).expect("what is owed is bounded");
    }

    /// Nobody knows what became of the messages that wait for the log: nothing is said about them.
    pub(in crate::room) fn forget_tickets(&mut self) {
        self.entries.retain(|entry| !matches!(entry, Entry::Ticket));
        (self.tickets, self.settled) = (0, 0);
        self.cost = self.entries.iter().map(Entry::cost).sum();
    }

    /// What lies between `from` and `to` is passed over, see [`Entry::pull_back`].
    pub(in crate::room) fn pull_back(&mut self, from: Pos, to: Pos) {
        for entry in &mut self.entries {
            entry.pull_back(from, to);
        }
        self.cost = self.entries.iter().map(Entry::cost).sum();
    }

    /// Own messages that have their numbers.
    pub(in crate::room) fn own_messages(&self) -> impl Iterator<Item = Pos> {
        self.entries.iter().filter_map(|entry| match entry {
            Entry::OwnMsg { start, .. } => Some(*start),
            Entry::Reply { .. } | Entry::Range { .. } | Entry::Ticket => None,
        })
    }

    /// What is always true of them while the transcript ends there.
    ///
    /// # Panics
    /// If it is not.
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
