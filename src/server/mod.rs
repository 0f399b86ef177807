//! Everything that waits or fails: mio, files, threads.

pub mod worker;
