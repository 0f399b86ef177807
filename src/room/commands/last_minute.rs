//! Events of the last minute, for STATS.

use crate::room::ids::Now;

/// Events of each of the last sixty seconds.
#[derive(Debug)]
pub(in crate::room) struct LastMinute {
    counts: [u32; 60],
    /// The second of the monotonic clock that was counted last.
    second: u64,
}

impl Default for LastMinute {
    fn default() -> LastMinute {
        LastMinute { counts: [0; 60], second: 0 }
    }
}

impl LastMinute {
    pub(in crate::room) fn count(&mut self, now: Now) {
        let place = self.at(now.mono.as_secs());
        self.counts[place] += 1;
    }

    pub(in crate::room) fn total(&mut self, now: Now) -> u64 {
        self.at(now.mono.as_secs());
        self.counts.iter().map(|&n| u64::from(n)).sum()
    }

    /// The index of a second, after resetting those that have passed since the last one.
    fn at(&mut self, second: u64) -> usize {
        let place = |second: u64| usize::try_from(second % 60).expect("below 60");
        for passed in (self.second + 1..=second).take(60) {
            self.counts[place(passed)] = 0;
        }
        self.second = self.second.max(second);
        place(second)
    }
}
