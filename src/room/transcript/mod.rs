//! The group's transcript: its end in memory, and blocks of the files before that.

pub(super) mod blocks;
pub(super) mod window;
