//! What an operator sees of the server: figures, the log, what systemd is told, and `--check`.

pub mod backup;
pub mod check;
mod context;
pub mod logging;
pub(super) mod refusals;
mod repeats;
pub mod systemd;

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::server::ops::logging::Logging;
use crate::server::ops::systemd::Notify;

#[derive(Debug)]
pub(in crate::server) struct Ops {
    pub(in crate::server) turns: Turns,
    pub(in crate::server) logging: Logging,
    pub(in crate::server) notify: Notify,
}

impl Ops {
    pub(in crate::server) fn start(logging: Logging) -> Ops {
        Ops { turns: Turns::default(), logging, notify: Notify::from_environment() }
    }
}

/// How long turns take, in processor time, so that other processes do not count.
#[derive(Debug, Default)]
pub(in crate::server) struct Turns {
    longest: Duration,
    until: Duration,
}

impl Turns {
    pub(in crate::server) fn turn_ended(&mut self) {
        let now = clock_gettime(ClockId::ThreadCPUTime);
        let now = Duration::try_from(now).expect("a thread's time begins with zero");
        self.longest = self.longest.max(now.saturating_sub(self.until));
        self.until = now;
    }

    /// The longest since the last call.
    pub(in crate::server) fn take_longest(&mut self) -> Duration {
        std::mem::take(&mut self.longest)
    }
}

/// The resident memory of the process. Reads proc(5), which never waits for a disk.
pub(in crate::server) fn resident_kib() -> Option<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split(' ').nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64 / 1024)
}
