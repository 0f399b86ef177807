//! The phases of a turn. Each is a function that takes what it may touch, and says whether it left work.

pub(super) mod accept;
pub(super) mod acks;
pub(super) mod close;
pub(super) mod handshake;
pub(super) mod hashes;
pub(super) mod read;
pub(super) mod rewrite;
pub(super) mod stop;
pub(super) mod verdict;
pub(super) mod write;

use std::ops::BitOrAssign;

/// Whether a phase left work that no event will announce. If so, the next turn does not wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(super) enum Work {
    Done,
    Remains,
}

impl Work {
    pub(super) fn remains_if(remains: bool) -> Work {
        if remains { Work::Remains } else { Work::Done }
    }
}

impl BitOrAssign for Work {
    fn bitor_assign(&mut self, other: Work) {
        if other == Work::Remains {
            *self = Work::Remains;
        }
    }
}
