//! Times when the clock is or was wrong. Events are ordered by their numbers; times are only shown.

use crate::limits::{CLOCK_EPOCH, CLOCK_LEAD_MAX};
use crate::protocol::Time;

/// The events' times step back: the clock was ahead when the last event was appended, or it is slow now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepBack {
    /// The time of the event before.
    pub from: Time,
    /// The clock's time, from which times continue.
    pub to: Time,
}

/// Whether `time` is so far ahead of the clock that one of the two is wrong.
pub fn is_ahead(time: Time, now: Time) -> bool {
    time.unix_ms().saturating_sub(now.unix_ms()) > CLOCK_LEAD_MAX.as_secs() * 1000
}

/// The time of the event after one with the time `last`. A small correction of the clock does not show. But after a clock was
/// hours ahead, times must not stand still for hours.
pub fn next_time(last: Time, now: Time) -> Time {
    if is_ahead(last, now) { now } else { now.max(last) }
}

fn is_set(now: Time) -> bool {
    now.unix_ms() >= CLOCK_EPOCH
}

/// When somebody was seen who shows activity now.
pub(super) fn heard(seen: Time, now: Time) -> Time {
    if is_set(now) { next_time(seen, now) } else { now.max(seen) }
}

/// The corrected time at which somebody was seen: no later than now, if the clock is right now. The real time is lost.
pub(super) fn seen_by(seen: Time, now: Time) -> Time {
    if is_ahead(seen, now) && is_set(now) { now } else { seen }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Time {
        Time::parse(text).expect("a time")
    }

    #[test]
    fn times_stay_for_a_minute_and_then_step_back() {
        let now = time("2026-01-02T03:04:05.678Z");
        for (last, expected) in [
            ("2026-01-02T03:04:05.677Z", "2026-01-02T03:04:05.678Z"),
            ("2026-01-02T03:04:05.679Z", "2026-01-02T03:04:05.679Z"),
            ("2026-01-02T03:05:05.678Z", "2026-01-02T03:05:05.678Z"),
            ("2026-01-02T03:05:05.679Z", "2026-01-02T03:04:05.678Z"),
            ("2036-01-02T03:04:05.678Z", "2026-01-02T03:04:05.678Z"),
            ("1970-01-01T00:00:00.000Z", "2026-01-02T03:04:05.678Z"),
        ] {
            assert_eq!(next_time(time(last), now), time(expected), "{last}");
        }
        let unset = Time::from_unix_ms(7);
        assert_eq!(next_time(now, unset), unset);
    }

    #[test]
    fn nobody_was_seen_in_the_future_by_a_clock_that_is_set() {
        let now = time("2026-01-02T03:04:05.678Z");
        for (seen, expected) in [
            ("2026-01-02T03:05:05.678Z", "2026-01-02T03:05:05.678Z"),
            ("2036-01-02T03:04:05.678Z", "2026-01-02T03:04:05.678Z"),
            ("2025-01-02T03:04:05.678Z", "2025-01-02T03:04:05.678Z"),
        ] {
            assert_eq!(seen_by(time(seen), now), time(expected), "{seen}");
        }
        let unset = Time::from_unix_ms(7);
        assert_eq!([seen_by(now, unset), heard(now, unset)], [now; 2], "1970 proves nothing");
    }
}
