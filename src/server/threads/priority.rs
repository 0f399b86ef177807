//! Which thread runs first where they share a core: those that commit, then the loop, then the others.

use libc::{SCHED_IDLE, pthread_self, pthread_setschedparam, sched_param};
use rustix::process::nice;

use crate::limits::{NICE_BACKGROUND, NICE_COMMIT};

/// A thread's priority compared with the loop. On Linux each thread has its own nice value and policy, see sched(7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum Priority {
    /// Little work, and everybody waits for it: what gives events their numbers, and what keeps them. `RLIMIT_NICE` has to
    /// allow it.
    Commit,
    /// Much work, and at most one connection waits for each piece of it.
    Background,
    /// The same, and it may come to nearly nothing while the loop is busy: the loop has the core as soon as it wants it. Beside a
    /// thread that is only nice it waits up to 3 ms, until that one has had its slice.
    Idle,
}

impl Priority {
    /// Gives it to the calling thread. If the kernel refuses, the thread keeps what it has.
    pub(in crate::server) fn assume(self) {
        let _ = nice(match self {
            Priority::Commit => NICE_COMMIT,
            Priority::Background | Priority::Idle => NICE_BACKGROUND,
        });
        if self == Priority::Idle {
            yield_to_all();
        }
    }
}

#[expect(unsafe_code, reason = "no safe call sets a thread's policy")]
fn yield_to_all() {
    let param = sched_param { sched_priority: 0 };
    // SAFETY: the calling thread runs, and `param` is only read, during the call.
    let _ = unsafe { pthread_setschedparam(pthread_self(), SCHED_IDLE, &raw const param) };
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// As `proc_pid_stat(5)` numbers them, from the third on, after the name.
    fn fields() -> Vec<String> {
        let stat = fs::read_to_string("/proc/thread-self/stat").expect("Linux");
        let (_, fields) = stat.rsplit_once(") ").expect("a name in parentheses");
        fields.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn the_kernel_knows() {
        for (priority, policy) in [(Priority::Background, 0), (Priority::Idle, SCHED_IDLE)] {
            let thread = std::thread::spawn(move || {
                let before = fields();
                priority.assume();
                (before, fields())
            });
            let (before, after) = thread.join().expect("it reads its file");
            let nice = |fields: &[String]| fields[19 - 3].parse::<i32>().expect("a number");
            assert_eq!(nice(&after), (nice(&before) + NICE_BACKGROUND).min(19));
            assert_eq!(after[41 - 3], policy.to_string(), "{priority:?}");
        }
    }
}
