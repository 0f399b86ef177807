//! The transcript on disk.

pub mod local;
pub(super) mod store;
