//! A core dump would put passwords and keys on the disk.

use std::io;

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

/// From now on this process leaves none, however it ends.
pub fn forbid() -> io::Result<()> {
    // No core is as small as one byte; and where cores go to a program, Linux looks at no limit but this one (core(5)):
    // not at 0.
    setrlimit(Resource::Core, Rlimit { current: Some(1), maximum: Some(1) }).or_else(|_| {
        // `ulimit -c 0` was said, and a limit cannot be raised. Not the first choice: it keeps strace and perf out, too.
        set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(io::Error::from)
    })
}
