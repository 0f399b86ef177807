//! Figures for STATS that nobody else has: how long turns take, and what the process has of the machine.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// How long turns take, in processor time: what the machine gave to others meanwhile is not the loop's.
#[derive(Debug, Default)]
pub(in crate::server) struct Turns {
    longest: Duration,
    until: Duration,
}

impl Turns {
    /// A turn has ended.
    pub(in crate::server) fn note(&mut self) {
        let now = clock_gettime(ClockId::ThreadCPUTime);
        let now = Duration::try_from(now).expect("a thread's time begins with zero");
        self.longest = self.longest.max(now.saturating_sub(self.until));
        self.until = now;
    }

    /// The longest since this was asked last.
    pub(super) fn take_longest(&mut self) -> Duration {
        std::mem::take(&mut self.longest)
    }
}

/// Memory of the process. From proc(5), which is no disk and does not wait.
pub(super) fn resident_kib() -> Option<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split(' ').nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64 / 1024)
}
