//! After a wrong password the next one from the same address is checked two seconds later, then four, up to twelve. A
//! delay and not a refusal, because others may share the address; no account is ever locked. For a while after that the
//! address is still known as a guesser's, and has its turns in the queue among those.

use std::collections::HashMap;
use std::time::Duration;

use crate::limits::{GUESS_DELAY_MAX, GUESS_DELAY_MIN, GUESS_FORGIVEN, GUESSER_KNOWN, GUESSERS_MAX};
use crate::server::auth::admission::Source;
use crate::server::auth::queue::{Origin, Reputation};

/// Doublings until the longest delay.
const LEVELS: u32 = (GUESS_DELAY_MAX.as_secs() / GUESS_DELAY_MIN.as_secs()).ilog2() + 2;

#[derive(Debug, Default)]
pub(super) struct Throttle {
    /// When all wrong passwords from an address will be forgiven: one in each [`GUESS_FORGIVEN`].
    forgiven: HashMap<Source, Duration>,
}

impl Throttle {
    pub(super) fn record_wrong_password(&mut self, source: Source, now: Duration) {
        if self.forgiven.len() >= GUESSERS_MAX && !self.forgiven.contains_key(&source) {
            self.forget_some(now);
        }
        let until = self.forgiven.entry(source).or_default();
        *until = (now.max(*until) + GUESS_FORGIVEN).min(now + GUESS_FORGIVEN * LEVELS);
    }

    /// What the queue has to know of a login from there.
    pub(super) fn origin(&self, source: Source, now: Duration) -> Origin {
        let is_known = self.forgiven.get(&source).is_some_and(|until| *until + GUESSER_KNOWN > now);
        let reputation = if is_known { Reputation::Guesser } else { Reputation::Unknown };
        Origin { source, reputation, not_before: now + self.delay(source, now) }
    }

    /// How much later the next password is checked.
    fn delay(&self, source: Source, now: Duration) -> Duration {
        let left = self.forgiven.get(&source).map_or(Duration::ZERO, |until| until.saturating_sub(now));
        let level = left.as_millis().div_ceil(GUESS_FORGIVEN.as_millis());
        match u32::try_from(level).unwrap_or(LEVELS) {
            0 => Duration::ZERO,
            level => (GUESS_DELAY_MIN * (1 << (level.min(LEVELS) - 1))).min(GUESS_DELAY_MAX),
        }
    }

    /// Forgets the addresses that have not guessed for long; if there are none, the one that would be forgotten first.
    fn forget_some(&mut self, now: Duration) {
        self.forgiven.retain(|_, until| *until + GUESSER_KNOWN > now);
        if self.forgiven.len() >= GUESSERS_MAX
            && let Some((&source, _)) = self.forgiven.iter().min_by_key(|(_, until)| **until)
        {
            self.forgiven.remove(&source);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;

    fn source(n: usize) -> Source {
        let n = u32::try_from(n).expect("few");
        Source::of(IpAddr::V4(Ipv4Addr::from_bits(n)))
    }

    fn at(seconds: usize) -> Duration {
        Duration::from_secs(seconds as u64)
    }

    #[test]
    fn delays_grow_and_are_forgiven() {
        let mut throttle = Throttle::default();
        let mut delays = Vec::new();
        for _ in 0..6 {
            delays.push(throttle.delay(source(1), at(9)).as_secs());
            throttle.record_wrong_password(source(1), at(9));
        }
        assert_eq!(delays, [0, 2, 4, 8, 12, 12]);
        assert_eq!(throttle.delay(source(2), at(9)), Duration::ZERO);
        let later: Vec<u64> =
            [0, 16, 31, 46, 59, 60].iter().map(|s| throttle.delay(source(1), at(9 + s)).as_secs()).collect();
        assert_eq!(later, [12, 8, 4, 2, 2, 0]);
    }

    #[test]
    fn known_for_a_quarter_of_an_hour_longer() {
        let mut throttle = Throttle::default();
        throttle.record_wrong_password(source(1), at(9));
        let reputation = |n, seconds| throttle.origin(source(n), at(seconds)).reputation;
        let (guesser, unknown) = (Reputation::Guesser, Reputation::Unknown);
        assert_eq!((reputation(1, 9), reputation(2, 9)), (guesser, unknown));
        assert_eq!((reputation(1, 9 + 15 + 899), reputation(1, 9 + 15 + 900)), (guesser, unknown));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut throttle = Throttle::default();
        for n in 0..GUESSERS_MAX + 10 {
            throttle.record_wrong_password(source(n), at(n / 1000));
        }
        assert_eq!(throttle.forgiven.len(), GUESSERS_MAX);
        throttle.record_wrong_password(source(0), at(50));
        assert_eq!(throttle.forgiven.len(), GUESSERS_MAX);
        throttle.record_wrong_password(source(1_000_000), at(1000));
        assert_eq!(throttle.forgiven.len(), 1, "all were forgiven");
    }
}
