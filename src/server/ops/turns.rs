//! How long turns of the loop take, in processor time, so that other processes do not count.

use std::collections::VecDeque;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::limits::{LONG_TURNS_AGE, LONG_TURNS_KEPT, STATS_ASKERS_KEPT};
use crate::room::ConnId;
use crate::server::histogram::Histogram;

/// See the module.
#[derive(Debug, Default)]
pub(in crate::server) struct Turns {
    /// The thread's processor time at the end of the last one.
    until: Duration,
    longest: Longest,
    /// Who has asked for the longest, and when they did last; the latest is at the back.
    askers: VecDeque<(ConnId, Duration)>,
    /// All of them.
    pub(in crate::server) took: Histogram,
}

impl Turns {
    pub(in crate::server) fn turn_ended(&mut self, now: Duration) {
        let until = clock_gettime(ClockId::ThreadCPUTime);
        let until = Duration::try_from(until).expect("a thread's time begins with zero");
        let took = until.saturating_sub(self.until);
        self.until = until;
        self.longest.add(now, took);
        self.took.observe(took);
    }

    /// The longest since this connection asked last. Another's question changes nothing about it.
    pub(in crate::server) fn longest_for(&mut self, asker: ConnId, now: Duration) -> Duration {
        let before = self.askers.iter().position(|(id, _)| *id == asker);
        let since = before.and_then(|at| self.askers.remove(at)).map_or(Duration::ZERO, |(_, asked)| asked);
        if self.askers.len() == STATS_ASKERS_KEPT {
            self.askers.pop_front();
        }
        self.askers.push_back((asker, now));
        self.longest_since(since)
    }

    /// The longest of those that ended then or later.
    pub(in crate::server) fn longest_since(&self, since: Duration) -> Duration {
        self.longest.since(since)
    }
}

/// The longest since any time in the last hour: each that is kept ended later than the one before it, and was shorter.
#[derive(Debug, Default)]
struct Longest(VecDeque<(Duration, Duration)>);

impl Longest {
    fn add(&mut self, now: Duration, took: Duration) {
        while self.0.back().is_some_and(|(_, other)| *other <= took) {
            self.0.pop_back();
        }
        while self.0.front().is_some_and(|(ended, _)| *ended + LONG_TURNS_AGE < now) {
            self.0.pop_front();
        }
        // One that is shorter than all of so many tells nothing new.
        if self.0.len() < LONG_TURNS_KEPT {
            self.0.push_back((now, took));
        }
    }

    fn since(&self, since: Duration) -> Duration {
        let at = self.0.partition_point(|(ended, _)| *ended < since);
        self.0.get(at).map_or(Duration::ZERO, |(_, took)| *took)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobodys_question_changes_what_another_is_told() {
        let s = Duration::from_secs;
        let [ann, bob] = [0, 1].map(|slot| ConnId { slot, serial: slot.into() });
        let mut turns = Turns::default();
        let turn = |turns: &mut Turns, now, took| turns.longest.add(s(now), s(took));
        turn(&mut turns, 1, 5);
        turn(&mut turns, 2, 3);
        assert_eq!(turns.longest_for(ann, s(3)), s(5));
        turn(&mut turns, 4, 1);
        turn(&mut turns, 5, 2);
        assert_eq!(turns.longest_for(bob, s(6)), s(5), "whatever ann was told");
        assert_eq!(turns.longest_for(ann, s(6)), s(2));
        assert_eq!(turns.longest_since(s(2)), s(3));
        assert_eq!(turns.longest_for(ann, s(7)), s(0));
        turn(&mut turns, 8, 9);
        assert_eq!([ann, bob].map(|asker| turns.longest_for(asker, s(9))), [s(9), s(9)]);
    }

    #[test]
    fn few_are_kept() {
        let mut longest = Longest::default();
        let ms = Duration::from_millis;
        for n in 0..1000 {
            longest.add(ms(n), ms(2000 - n));
        }
        assert_eq!((longest.0.len(), longest.since(ms(100))), (LONG_TURNS_KEPT, ms(1900)));
        longest.add(LONG_TURNS_AGE + ms(2000), ms(1));
        assert_eq!(longest.since(ms(0)), ms(1), "the others are too old");
    }
}
