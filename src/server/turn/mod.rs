//! The phases of a turn, in their order.

pub(super) mod accept;
pub(super) mod acks;
pub(super) mod close;
pub(super) mod events;
pub(super) mod read;
pub(super) mod stop;
pub(super) mod write;
