//! Events of the last minute, for STATS.

use std::collections::VecDeque;

use crate::room::Now;

/// The seconds of the monotonic clock in which there were events, and how many.
#[derive(Debug, Default)]
pub(super) struct LastMinute(VecDeque<(u64, u64)>);

impl LastMinute {
    pub(super) fn count(&mut self, now: Now) {
        let second = now.mono.as_secs();
        match self.0.back_mut() {
            Some((last, count)) if *last == second => *count += 1,
            _ => self.0.push_back((second, 1)),
        }
        // As many as come go, so there are never many.
        if self.0.front().is_some_and(|(earlier, _)| earlier + 60 <= second) {
            self.0.pop_front();
        }
    }

    pub(super) fn total(&self, now: Now) -> u64 {
        let is_recent = |(second, _): &&(u64, u64)| second + 60 > now.mono.as_secs();
        self.0.iter().filter(is_recent).map(|(_, count)| count).sum()
    }
}
