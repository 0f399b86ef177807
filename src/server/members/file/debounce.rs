//! Decides that an editor is done when the file has not changed for a while. The caller reads the clock.

use std::time::{Duration, Instant};

/// The last state seen, and since when.
#[derive(Debug)]
pub(super) struct Debounce<S> {
    last: Option<(S, Instant)>,
}

impl<S: PartialEq> Debounce<S> {
    pub(super) fn new() -> Debounce<S> {
        Debounce { last: None }
    }

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
        let mut settling = Debounce::new();
        let told =
            [(0, 'a', 0), (300, 'a', 300), (400, 'b', 0), (900, 'b', 500), (950, 'a', 0), (951, 'a', 1)];
        for (at, seen, calm) in told {
            let now = start + Duration::from_millis(at);
            assert_eq!(settling.calm_for(seen, now), Duration::from_millis(calm), "at {at}");
        }
    }
}
