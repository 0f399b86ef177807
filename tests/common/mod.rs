//! What the tests of the real server share: the process, who talks to it, and conversations as data.

#![allow(dead_code, reason = "each test file uses a part of it")]

pub(crate) mod disk;
pub(crate) mod grammar;
pub(crate) mod net;
pub(crate) mod peer;
pub(crate) mod read;
pub(crate) mod running;
pub(crate) mod server;
pub(crate) mod strace;
pub(crate) mod talk;
