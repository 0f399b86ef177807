//! The last events before those that were missed: fetched once, when the chat begins, and shown first. Events of the feed
//! that come meanwhile wait.

use crate::protocol::Seq;

/// What is known until all of them have come.
#[derive(Debug)]
pub(super) struct LeadIn {
    /// Whether events follow that were missed.
    has_missed: bool,
    /// Whether one of the events before was shown.
    has_any: bool,
    /// Lines of the feed, as they came.
    waiting: Vec<Vec<u8>>,
}

impl LeadIn {
    /// For `count` events, if there are some up to `shown`. Also returns the words of HISTORY for them.
    pub(super) fn new(count: u64, shown: Seq, has_missed: bool) -> Option<(LeadIn, Vec<String>)> {
        let after = shown.0.saturating_sub(count);
        let count = count.min(shown.0);
        let words = vec!["SINCE".to_owned(), after.to_string(), count.to_string()];
        (count > 0).then_some((LeadIn { has_missed, has_any: false, waiting: Vec::new() }, words))
    }

    /// Whether this event is one of them. Where older events are gone, the server goes on with those that were missed.
    pub(super) fn take(&mut self, seq: Seq, last: Seq) -> bool {
        let is_one = seq <= last;
        self.has_any |= is_one;
        is_one
    }

    /// An event of the feed comes too early.
    pub(super) fn put_off(&mut self, line: &[u8]) {
        self.waiting.push(line.to_vec());
    }

    /// Whether some were shown, and nothing was missed after them.
    pub(super) fn nothing_follows(&self) -> bool {
        self.has_any && !self.has_missed
    }

    /// The lines that waited.
    pub(super) fn into_waiting(self) -> Vec<Vec<u8>> {
        self.waiting
    }
}
