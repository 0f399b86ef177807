//! Which thread runs first where they share a core: those that commit, then the loop, then the others.

use rustix::process::nice;

use crate::limits::{NICE_BACKGROUND, NICE_COMMIT};

/// A thread's priority compared with the loop. On Linux each thread has its own nice value, see sched(7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum Priority {
    /// Little work, and everybody waits for it: what gives events their numbers, and what keeps them. `RLIMIT_NICE` has to
    /// allow it.
    Commit,
    /// Much work, and at most one connection waits for each piece of it.
    Background,
}

impl Priority {
    /// Gives it to the calling thread. If the kernel refuses, the thread keeps the loop's.
    pub(in crate::server) fn assume(self) {
        let _ = nice(match self {
            Priority::Commit => NICE_COMMIT,
            Priority::Background => NICE_BACKGROUND,
        });
    }
}
