//! The pure half: no sockets, clock, disk, threads, randomness, hash maps or log macros.

mod roster;

pub use roster::{Change, ChangeError, HashError, PasswordHash, Record, Roster, Secret};
