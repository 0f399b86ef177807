//! Everything that waits or fails: mio, files, threads.

pub mod members_file;
pub mod worker;
