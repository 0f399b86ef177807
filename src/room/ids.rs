//! Ids, positions, versions: what every part of the room uses.

use std::time::Duration;

use crate::limits::HISTORY_BLOCK;
use crate::protocol::Time;

/// A reading of both clocks, one for each turn.
#[derive(Clone, Copy, Debug, Default)]
pub struct Now {
    /// The wall clock, for events.
    pub wall: Time,
    /// The monotonic clock, for deadlines. It may start anywhere.
    pub mono: Duration,
}

/// A connection: its slot, and a serial number, because slots are reused.
#[derive(Clone, Copy, derive_more::Debug, PartialEq, Eq, PartialOrd, Ord)]
#[debug("#{serial}@{slot}")]
pub struct ConnId {
    /// Index into the slab.
    pub slot: u32,
    /// Counts connections from the start of the process.
    pub serial: u64,
}

/// The version of a member's password. It changes when the member is removed and added again, and when members.txt has another
/// password, or possibly another. It does not change when a typed password is replaced by its hash. It travels with every
/// job, so that a late answer can be recognised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub(super) u64);

/// A membership: another one after the same mail was removed and added again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct MemberId(pub(super) u64);

/// A position in the transcript: the bytes before it. Only meaningful within one process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pos(pub u64);

impl Pos {
    /// The position `n` bytes further.
    #[must_use]
    pub fn plus(self, n: usize) -> Pos {
        Pos(self.0 + n as u64)
    }

    /// Bytes from `earlier` to here; 0 if it is not earlier.
    pub fn since(self, earlier: Pos) -> usize {
        usize::try_from(self.0.saturating_sub(earlier.0)).expect("a window fits the address space")
    }
}

/// The number of a block of [`HISTORY_BLOCK`] bytes of the transcript, from position 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BlockNo(pub u64);

impl BlockNo {
    /// The block with the byte at `pos`.
    pub fn of(pos: Pos) -> BlockNo {
        BlockNo(pos.0 / HISTORY_BLOCK as u64)
    }

    /// Where the next block begins.
    pub fn end(self) -> Pos {
        BlockNo(self.0 + 1).start()
    }

    /// Where it begins.
    pub fn start(self) -> Pos {
        Pos(self.0 * HISTORY_BLOCK as u64)
    }
}
