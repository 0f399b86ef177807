//! What a connection is not shown: what it skips, and what went with a dropped file.

use crate::room::feed::entry::Entry;
use crate::room::feed::gap::Gap;
use crate::room::feed::outbox::{Feed, Outbox};
use crate::room::ids::{BlockNo, Pos};
use crate::room::transcript::window::Transcript;

impl Outbox {
    /// Passes over everything that is not yet on its way; own messages are answered all the same. Gives the number of events that are not shown because of it. An error: this block is needed to
    /// know where the line ends that is on its way, or which one it is.
    pub(in crate::room) fn skip(&mut self, transcript: &Transcript) -> Result<u64, BlockNo> {
        let (end, last) = (transcript.end(), transcript.last());
        if self.feed != Feed::Live {
            return Ok(0);
        }
        let from = self.line_end(transcript)?;
        // Who skips twice within a line has passed over the first part already.
        let (unseen_from, seen) = match &self.gap {
            Some(gap) => (gap.to, gap.to_seq),
            None => (from, transcript.seq_before(from).ok_or(BlockNo::of(from))?),
        };
        if unseen_from >= end {
            return Ok(0);
        }
        let own = self.replies.own_messages().count() as u64;
        self.replies.pull_back(from, end);
        self.gap = Some(Box::new(Gap { from, to: end, to_seq: last }));
        self.cross_gap(transcript);
        Ok(last.0 - seen.0 - own)
    }

    /// What the feed would give next went with a file that was dropped: it goes on with the oldest line kept, and the
    /// numbers tell what is missing. The line that is on its way is ended first; false if the rest of it is gone too.
    pub fn leap(&mut self, transcript: &Transcript) -> bool {
        if !transcript.has_past() || !self.is_lagging(transcript) {
            return false;
        }
        let mut rest = Vec::new();
        if self.mid_line {
            let Ok(end) = transcript.line_end_before_window(self.cursor) else { return false };
            let mut at = self.cursor;
            while at < end
                && let Ok(bytes) = transcript.slice(at, end)
            {
                rest.extend_from_slice(bytes);
                at = at.plus(bytes.len());
            }
        }
        let after_gap = self.gap.take().map_or(Pos(0), |gap| gap.to);
        let goes_on = transcript.oldest().max(after_gap);
        self.replies.pull_back(self.cursor, goes_on);
        if !rest.is_empty() {
            self.replies.push_front(Entry::Reply { key: self.cursor, line: rest.into_boxed_slice() });
        }
        (self.cursor, self.mid_line) = (goes_on, false);
        if self.feed == Feed::LastLine {
            self.feed = Feed::Last(self.cursor);
        }
        true
    }

    pub(in crate::room) fn after_gap(&self, cursor: Pos) -> Pos {
        match &self.gap {
            Some(gap) if cursor == gap.from => gap.to,
            _ => cursor,
        }
    }

    pub(in crate::room) fn cross_gap(&mut self, transcript: &Transcript) {
        let after = self.after_gap(self.cursor);
        if after != self.cursor {
            self.cursor = after;
            self.gap = None;
            self.begin_run(transcript);
        }
    }
}
