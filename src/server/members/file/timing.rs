//! The waiting times of the thread, and when an editor is done.

use std::time::{Duration, Instant};

use crate::limits::{MEMBERS_LOOK, MEMBERS_OLD_WATCH, MEMBERS_PATIENCE, MEMBERS_PROBE, MEMBERS_SETTLE};

/// The waiting times of the thread. The defaults are those of [`crate::limits`]; tests are less patient.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// How often the file is checked for edits.
    pub look: Duration,
    /// An edit counts when the file has been unchanged for this long.
    pub settle: Duration,
    /// How often an obstacle is probed again.
    pub probe: Duration,
    /// How long a replaced file is watched for late writes.
    pub old_watch: Duration,
    /// How long a change may wait for edits to settle.
    pub patience: Duration,
}

impl Timing {
    /// How often an edit that has to settle is checked.
    pub(super) fn poll(&self) -> Duration {
        (self.settle / 8).max(Duration::from_millis(1))
    }
}

impl Default for Timing {
    fn default() -> Timing {
        Timing {
            look: MEMBERS_LOOK,
            settle: MEMBERS_SETTLE,
            probe: MEMBERS_PROBE,
            old_watch: MEMBERS_OLD_WATCH,
            patience: MEMBERS_PATIENCE,
        }
    }
}

/// Decides that an editor is done when the file has not changed for a while. The caller reads the clock.
#[derive(Debug)]
pub(super) struct Debounce<S> {
    /// The last state seen, and since when.
    pub(super) last: Option<(S, Instant)>,
}

impl<S: PartialEq> Debounce<S> {
    /// Records the present state and returns for how long it has been the same.
    pub(super) fn calm_for(&mut self, seen: S, now: Instant) -> Duration {
        match &self.last {
            Some((last, since)) if *last == seen => now.saturating_duration_since(*since),
            _ => {
                self.last = Some((seen, now));
                Duration::ZERO
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calm_is_counted_from_the_last_change() {
        let start = Instant::now();
        let mut settling = Debounce { last: None };
        let told =
            [(0, 'a', 0), (300, 'a', 300), (400, 'b', 0), (900, 'b', 500), (950, 'a', 0), (951, 'a', 1)];
        for (at, seen, calm) in told {
            let now = start + Duration::from_millis(at);
            assert_eq!(settling.calm_for(seen, now), Duration::from_millis(calm), "at {at}");
        }
    }
}
