//! The phases of a turn, in their order. Each is a function that takes what it may touch.

pub(super) mod accept;
pub(super) mod acks;
pub(super) mod checked;
pub(super) mod close;
pub(super) mod read;
pub(super) mod rewrite;
pub(super) mod set_up;
pub(super) mod stop;
pub(super) mod write;

use std::ops::BitOrAssign;

/// Whether a phase has left something to do that nothing else will tell of: then the next turn does not wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(super) enum Left {
    Nothing,
    Something,
}

impl Left {
    pub(super) fn when(is_left: bool) -> Left {
        if is_left { Left::Something } else { Left::Nothing }
    }
}

impl BitOrAssign for Left {
    fn bitor_assign(&mut self, other: Left) {
        if other == Left::Something {
            *self = Left::Something;
        }
    }
}
