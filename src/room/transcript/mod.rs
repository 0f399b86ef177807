//! The transcript in memory: its end, and blocks of the files before that.

pub(super) mod blocks;
pub(super) mod window;
