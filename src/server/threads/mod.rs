//! What every thread beside the loop is made of.

pub(super) mod priority;
pub mod worker;
