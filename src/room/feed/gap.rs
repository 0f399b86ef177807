//! A stretch of the transcript that a connection is not shown.

use crate::protocol::Seq;
use crate::room::ids::Pos;

/// Lines that are passed over: the boundaries before and behind them, and the number of the last.
#[derive(Debug)]
pub(in crate::room) struct Gap {
    pub(in crate::room) from: Pos,
    pub(in crate::room) to: Pos,
    pub(in crate::room) to_seq: Seq,
}
