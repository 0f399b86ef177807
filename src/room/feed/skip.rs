//! What a feed leaves out: what SKIP skips, and what was dropped from the files.

use crate::room::feed::entry::Entry;
use crate::room::feed::extent::Feed;
use crate::room::feed::gap::Gap;
use crate::room::feed::outbox::Outbox;
use crate::room::ids::{BlockNo, Pos};
use crate::room::transcript::window::Transcript;

impl Outbox {
    /// Skips everything after the line that is being sent; own messages are still answered. Returns how many events are
    /// skipped. An error: this block is needed to find the end of that line, or its number.
    pub(in crate::room) fn skip(&mut self, transcript: &Transcript) -> Result<u64, BlockNo> {
        let (end, last) = (transcript.end(), transcript.last());
        if self.feed != Feed::Live {
            return Ok(0);
        }
        let from = self.line_end(transcript)?;
        // A second SKIP within the same line: the first part is skipped already.
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

    /// What comes next was dropped from the files: the feed continues with the oldest line kept, and the numbers show what is
    /// missing. The line that is being sent is completed first; false if its rest was dropped, too.
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
        let resumes_at = transcript.oldest().max(after_gap);
        self.replies.pull_back(self.cursor, resumes_at);
        if !rest.is_empty() {
            self.replies.push_front(Entry::Reply { key: self.cursor, line: rest.into_boxed_slice() });
        }
        (self.cursor, self.mid_line) = (resumes_at, false);
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
