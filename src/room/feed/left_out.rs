//! What a feed leaves out: what SKIP skips, what was dropped from the files, and everything after its end.

use crate::room::feed::outbox::{Feed, Gap, Outbox};
use crate::room::feed::replies::Entry;
use crate::room::{BlockNo, Pos, Transcript};

impl Outbox {
    /// The end of the line that is being sent, or the cursor if it is between lines. An error: this block is needed to find
    /// out.
    pub(crate) fn line_end(&self, transcript: &Transcript) -> Result<Pos, BlockNo> {
        if self.cursor >= transcript.base() {
            Ok(transcript.line_end(self.cursor))
        } else if self.mid_line {
            transcript.line_end_before_window(self.cursor)
        } else {
            Ok(self.cursor)
        }
    }

    /// Ends the feed after the answer to the last command, and no earlier than at the transcript's end.
    pub(crate) fn leave_at_end(&mut self, transcript: &Transcript) {
        self.feed = match self.feed {
            Feed::Off => Feed::Last(self.cursor),
            Feed::Live if self.replies.has_tickets() => Feed::LastTicket,
            Feed::Live => Feed::Last(transcript.end()),
            earlier @ (Feed::LastTicket | Feed::Last(_) | Feed::LastLine) => earlier,
        };
    }

    /// Ends the feed after the line that is being sent, without the answers to own messages that are not the next events, and
    /// without what follows those.
    pub(crate) fn break_off(&mut self, transcript: &Transcript) {
        match self.feed {
            // There is none, or it has ended here before, and what is still owed was decided then.
            Feed::Off | Feed::LastLine => {}
            Feed::Last(end) if self.line_end(transcript).is_ok_and(|line_end| end <= line_end) => {}
            Feed::Live | Feed::LastTicket | Feed::Last(_) => {
                self.replies.forget_after(self.after_gap(self.cursor), transcript.end());
            }
        }
        self.leave_at_line_end(transcript);
    }

    /// Ends the feed after the line that is being sent. Owed replies are still sent.
    pub(crate) fn leave_at_line_end(&mut self, transcript: &Transcript) {
        let line_end = self.line_end(transcript).ok();
        self.feed = match (self.feed, line_end) {
            (Feed::Off, _) => Feed::Last(self.cursor),
            (Feed::Last(earlier), Some(line_end)) => Feed::Last(earlier.min(line_end)),
            (_, Some(line_end)) if self.feed != Feed::LastLine => Feed::Last(line_end),
            _ => Feed::LastLine,
        };
    }

    /// A feed that is leaving and waits for the answer to its last message gets no event that comes before that from now on.
    pub(crate) fn leave_without_later_events(&mut self, transcript: &Transcript) {
        if self.feed == Feed::LastTicket {
            self.feed = Feed::Last(transcript.end());
        }
    }

    /// Skips everything after the line that is being sent; own messages are still answered. Returns how many events are
    /// skipped. An error: this block is needed to find the end of that line, or its number.
    pub(crate) fn skip(&mut self, transcript: &Transcript) -> Result<u64, BlockNo> {
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
    pub(crate) fn leap(&mut self, transcript: &Transcript) -> bool {
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

    pub(crate) fn after_gap(&self, cursor: Pos) -> Pos {
        match &self.gap {
            Some(gap) if cursor == gap.from => gap.to,
            _ => cursor,
        }
    }

    pub(crate) fn cross_gap(&mut self, transcript: &Transcript) {
        let after = self.after_gap(self.cursor);
        if after != self.cursor {
            self.cursor = after;
            self.gap = None;
            self.begin_run(transcript);
        }
    }
}
