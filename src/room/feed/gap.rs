//! A stretch of the transcript that a feed skips.

use crate::protocol::Seq;
use crate::room::ids::Pos;

/// Skipped lines: the positions before and after them, and the number of the last.
#[derive(Debug)]
pub(in crate::room) struct Gap {
    pub(in crate::room) from: Pos,
    pub(in crate::room) to: Pos,
    pub(in crate::room) to_seq: Seq,
}
