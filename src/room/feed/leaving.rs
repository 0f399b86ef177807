//! How a feed ends: after all events so far, or after the line that is being sent.

use crate::room::feed::extent::Feed;
use crate::room::feed::outbox::Outbox;
use crate::room::ids::{BlockNo, Pos};
use crate::room::transcript::window::Transcript;

impl Outbox {
    /// The end of the line that is being sent, or the cursor if it is between lines. An error: this block is needed to find
    /// out.
    pub(in crate::room) fn line_end(&self, transcript: &Transcript) -> Result<Pos, BlockNo> {
        if self.cursor >= transcript.base() {
            Ok(transcript.line_end(self.cursor))
        } else if self.mid_line {
            transcript.line_end_before_window(self.cursor)
        } else {
            Ok(self.cursor)
        }
    }

    /// Ends the feed after the answer to the last command, and no earlier than at the transcript's end.
    pub fn leave_at_end(&mut self, transcript: &Transcript) {
        self.feed = match self.feed {
            Feed::Off => Feed::Last(self.cursor),
            Feed::Live if self.has_tickets() => Feed::LastTicket,
            Feed::Live => Feed::Last(transcript.end()),
            earlier @ (Feed::LastTicket | Feed::Last(_) | Feed::LastLine) => earlier,
        };
    }

    /// Ends the feed after the line that is being sent. Owed replies are still sent.
    pub fn leave_at_line_end(&mut self, transcript: &Transcript) {
        let line_end = self.line_end(transcript).ok();
        self.feed = match (self.feed, line_end) {
            (Feed::Off, _) => Feed::Last(self.cursor),
            (Feed::Last(earlier), Some(line_end)) => Feed::Last(earlier.min(line_end)),
            (_, Some(line_end)) if self.feed != Feed::LastLine => Feed::Last(line_end),
            _ => Feed::LastLine,
        };
    }
}
