//! What the threads beside the loop have in common.

pub(super) mod priority;
pub mod worker;
