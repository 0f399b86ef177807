//! The passes over all receivers: each of them is served once in a pass, whatever others have said.

use crate::limits::AHEAD_MAX;
use crate::room::ids::Pos;
use crate::room::transcript::window::Transcript;

/// The transcript's end at which the present pass, or the last, began. Everybody is served up to there.
#[derive(Clone, Copy, Debug)]
pub(in crate::room) struct Pass(pub(in crate::room) Pos);

impl Pass {
    /// Whether there is something that it does not have to serve.
    pub(in crate::room) fn is_next_due(self, transcript: &Transcript) -> bool {
        transcript.end() > self.0
    }

    /// Whether the transcript, with so many bytes on their way to the log, is too far ahead of it.
    pub(in crate::room) fn is_far_behind(self, transcript: &Transcript, outstanding: usize) -> bool {
        transcript.end().since(self.0) + outstanding > AHEAD_MAX
    }
}
