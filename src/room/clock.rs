//! What a time is worth when the clock was wrong, or is. Numbers give the order; times are only told.

use super::Room;
use crate::limits::{CLOCK_EPOCH, CLOCK_LEAD_MAX, MEMBERS_PER_TURN};
use crate::protocol::{Mail, Time};
use crate::room::ids::Now;

/// The times of the events step back: the clock was ahead when the last one was appended, or is behind now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepBack {
    /// The time of the event before.
    pub from: Time,
    /// The clock, by which times go on.
    pub to: Time,
}

/// The wall clock as the room has last read it.
#[derive(Debug, Default)]
pub(super) struct Clock {
    wall: Time,
    correction: Correction,
}

/// After the clock was ahead: of whom it is corrected when they were seen.
#[derive(Debug, Default)]
enum Correction {
    #[default]
    Done,
    /// Next are the members behind this one, or the first ones.
    After(Option<Mail>),
}

/// Whether `time` is so far ahead of the clock that one of the two is wrong.
pub fn is_ahead(time: Time, now: Time) -> bool {
    time.unix_ms().saturating_sub(now.unix_ms()) > CLOCK_LEAD_MAX.as_secs() * 1000
}

/// The time of an event that follows one of the time `last`. A clock that is corrected a little does not show; a
/// clock that was ahead for hours must not be followed for hours.
pub fn next_time(last: Time, now: Time) -> Time {
    if is_ahead(last, now) { now } else { now.max(last) }
}

fn is_set(now: Time) -> bool {
    now.unix_ms() >= CLOCK_EPOCH
}

/// When somebody was seen who is heard of now.
pub(super) fn heard(seen: Time, now: Time) -> Time {
    if is_set(now) { next_time(seen, now) } else { now.max(seen) }
}

/// When somebody was seen: not later than now, if the clock is right by now. The moment itself is lost.
pub(super) fn seen_by(seen: Time, now: Time) -> Time {
    if is_ahead(seen, now) && is_set(now) { now } else { seen }
}

impl Room {
    /// The clock was read.
    pub(super) fn clock_says(&mut self, now: Now) {
        if is_ahead(self.clock.wall, now.wall) {
            self.clock.correction = Correction::After(None);
        }
        self.clock.wall = now.wall;
        // Nobody was seen later than now: some members in each turn.
        if let Correction::After(after) = &self.clock.correction {
            let last = self.group.correct_seen(now.wall, after.as_ref(), MEMBERS_PER_TURN);
            self.clock.correction = last.map_or(Correction::Done, |last| Correction::After(Some(last)));
        }
    }

    /// When somebody was seen, as it is told: while the clock is behind, nobody was seen later than now.
    pub(super) fn shown_seen(&self, seen: Option<Time>) -> Option<Time> {
        seen.map(|seen| seen.min(self.clock.wall))
    }
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
