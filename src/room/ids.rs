//! What names and counts things: on the ground, so that every part of the room can speak of them.

use std::fmt;
use std::time::Duration;

use crate::limits::HISTORY_BLOCK;
use crate::protocol::Time;

/// One reading of the clocks, for a whole turn.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// The wall clock, for events.
    pub wall: Time,
    /// The monotonic clock, from any beginning, for deadlines.
    pub mono: Duration,
}

/// A connection: its place among the connections, and a serial number, because places are used again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConnId {
    /// Index into the slab.
    pub slot: u32,
    /// Counts connections from the start of the process.
    pub serial: u64,
}

impl fmt::Debug for ConnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}@{}", self.serial, self.slot)
    }
}

/// What lets a member in, as of when: another one after a removal and a new addition, and whenever members.txt has another
/// password, or one that may be another. While it is the same, so is the password, though a typed one may have become its
/// hash. Travels with every job, so that an answer that comes late can be told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub(super) u64);

/// Which member: another one after a removal and a new addition of the same mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MemberId(pub(super) u64);

/// Bytes before a point of the transcript. Known within one process only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pos(pub u64);

impl Pos {
    /// `n` bytes further on.
    #[must_use]
    pub fn plus(self, n: usize) -> Pos {
        Pos(self.0 + n as u64)
    }

    /// Bytes from `earlier` to here; none if it is not earlier.
    pub fn since(self, earlier: Pos) -> usize {
        usize::try_from(self.0.saturating_sub(earlier.0)).expect("a window fits the address space")
    }
}

/// Which [`HISTORY_BLOCK`] bytes of the transcript, counted from position 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BlockNo(pub u64);

impl BlockNo {
    /// The block that holds the byte behind `pos`.
    pub fn of(pos: Pos) -> BlockNo {
        BlockNo(pos.0 / HISTORY_BLOCK as u64)
    }

    /// Where the next one begins.
    pub fn end(self) -> Pos {
        BlockNo(self.0 + 1).start()
    }

    /// Where it begins.
    pub fn start(self) -> Pos {
        Pos(self.0 * HISTORY_BLOCK as u64)
    }
}
