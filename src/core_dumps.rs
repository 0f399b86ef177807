//! No core dumps: they would put passwords and keys on the disk.

use std::io;

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

/// From now on this process dumps no core, however it ends.
pub fn forbid() -> io::Result<()> {
    // A limit of one byte, which no core fits: where cores are piped to a program, Linux ignores a limit of 0, but not of 1
    // (core(5)).
    setrlimit(Resource::Core, Rlimit { current: Some(1), maximum: Some(1) }).or_else(|_| {
        // The limit is 0 already (`ulimit -c 0`) and cannot be raised. Only the second choice: it keeps strace and perf out, too.
        set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(io::Error::from)
    })
}
