//! The passes over all receivers: a pass serves each of them once, however much is said meanwhile.

use crate::limits::AHEAD_MAX;
use crate::room::ids::Pos;
use crate::room::transcript::window::Transcript;

/// The present pass, or the last: where the transcript ended when it began. It serves everybody at least up to there.
#[derive(Clone, Copy, Debug)]
pub(in crate::room) struct Pass(pub(in crate::room) Pos);

impl Pass {
    /// Whether events have come since it began: they need another pass.
    pub(in crate::room) fn is_next_due(self, transcript: &Transcript) -> bool {
        transcript.end() > self.0
    }

    /// Whether the transcript, with so many bytes on their way to the log, is too far ahead of it.
    pub(in crate::room) fn is_far_behind(self, transcript: &Transcript, outstanding: usize) -> bool {
        transcript.end().since(self.0) + outstanding > AHEAD_MAX
    }
}
