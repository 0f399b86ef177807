//! Who has the core first where threads share one: the disk, then the loop, then what nobody waits for like that.

use rustix::process::nice;

use crate::limits::{NICE_BACKGROUND, NICE_DISK};

/// How the kernel's scheduler treats a thread beside the loop. On Linux the nice value is of one thread, see sched(7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum Priority {
    /// Everybody waits for what it does, which is little. `RLIMIT_NICE` has to allow it.
    Disk,
    /// Much work, for which one waits at a time, or nobody.
    Background,
}

impl Priority {
    /// Of the calling thread from now on. If the kernel refuses, all goes on as it is.
    pub(in crate::server) fn assume(self) {
        let _ = nice(match self {
            Priority::Disk => NICE_DISK,
            Priority::Background => NICE_BACKGROUND,
        });
    }
}
