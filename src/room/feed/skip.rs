//! SKIP: the cursor goes to the end, behind the line that is on its way.

use crate::room::feed::entry::Entry;
use crate::room::feed::gap::Gap;
use crate::room::feed::outbox::{Feed, Outbox};
use crate::room::ids::{BlockNo, Pos};
use crate::room::transcript::window::Transcript;

impl Outbox {
    /// Passes over everything that is durable and not yet on its way; own messages are answered all the
    /// same. Gives the number of events that are not shown because of it. An error: this block is needed to
    /// know where the line ends that is on its way, or which one it is.
    pub(in crate::room) fn skip(&mut self, transcript: &Transcript) -> Result<u64, BlockNo> {
        let (durable, last) = (transcript.durable(), transcript.durable_last());
        if self.feed != Feed::Live {
            return Ok(0);
        }
        let from = self.line_end(transcript)?;
        // Who skips twice within a line has passed over the first part already.
        let (unseen_from, seen) = match &self.gap {
            Some(gap) => (gap.to, gap.to_seq),
            None => (from, transcript.seq_before(from).ok_or(BlockNo::of(from))?),
        };
        if unseen_from >= durable {
            return Ok(0);
        }
        let own = |entry: &&Entry| matches!(entry, Entry::OwnMsg { end, .. } if *end <= durable);
        let own = self.entries.iter().filter(own).count() as u64;
        for entry in &mut self.entries {
            entry.pull_back(from, durable);
        }
        self.owed = self.entries.iter().map(Entry::cost).sum();
        self.gap = Some(Box::new(Gap { from, to: durable, to_seq: last }));
        self.cross_gap(transcript);
        Ok(last.0 - seen.0 - own)
    }

    pub(in crate::room) fn behind_gap(&self, cursor: Pos) -> Pos {
        match &self.gap {
            Some(gap) if cursor == gap.from => gap.to,
            _ => cursor,
        }
    }

    pub(in crate::room) fn cross_gap(&mut self, transcript: &Transcript) {
        let behind = self.behind_gap(self.cursor);
        if behind != self.cursor {
            self.cursor = behind;
            self.gap = None;
            self.note_place(transcript);
        }
    }
}
