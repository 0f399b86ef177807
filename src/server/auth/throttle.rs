//! Wrong passwords make an address slow: the next one from there is looked at two seconds later, then four, up to
//! twelve. Never a refusal, for others may be behind that address, and no account is ever locked. Who has guessed wrong
//! lately is known for a while longer: see `hash_queue`.

use std::collections::HashMap;
use std::time::Duration;

use crate::limits::{GUESS_DELAY_MAX, GUESS_DELAY_MIN, GUESS_FORGIVEN, GUESSER_KNOWN, GUESSERS_MAX};
use crate::server::auth::admission::Source;
use crate::server::auth::queue::{Guest, Repute};

/// Doublings until the longest delay.
const LEVELS: u32 = (GUESS_DELAY_MAX.as_secs() / GUESS_DELAY_MIN.as_secs()).ilog2() + 2;

/// Of each address the moment at which all its wrong passwords are forgiven: one in each [`GUESS_FORGIVEN`].
#[derive(Debug, Default)]
pub(in crate::server) struct Guesses {
    forgiven: HashMap<Source, Duration>,
}

impl Guesses {
    /// A password from there was wrong.
    pub(in crate::server) fn note(&mut self, source: Source, now: Duration) {
        if self.forgiven.len() >= GUESSERS_MAX && !self.forgiven.contains_key(&source) {
            self.make_room(now);
        }
        let until = self.forgiven.entry(source).or_default();
        *until = (now.max(*until) + GUESS_FORGIVEN).min(now + GUESS_FORGIVEN * LEVELS);
    }

    /// How somebody from there has to wait.
    pub(in crate::server) fn guest(&self, source: Source, now: Duration) -> Guest {
        let is_known = self.forgiven.get(&source).is_some_and(|until| *until + GUESSER_KNOWN > now);
        let repute = if is_known { Repute::Guesser } else { Repute::Unknown };
        Guest { source, repute, not_before: now + self.delay(source, now) }
    }

    /// How much later the next one is looked at.
    fn delay(&self, source: Source, now: Duration) -> Duration {
        let left = self.forgiven.get(&source).map_or(Duration::ZERO, |until| until.saturating_sub(now));
        let level = left.as_millis().div_ceil(GUESS_FORGIVEN.as_millis());
        match u32::try_from(level).unwrap_or(LEVELS) {
            0 => Duration::ZERO,
            level => (GUESS_DELAY_MIN * (1 << (level.min(LEVELS) - 1))).min(GUESS_DELAY_MAX),
        }
    }

    /// Forgets who has not guessed for long; if that is nobody, who would be first.
    fn make_room(&mut self, now: Duration) {
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
    fn later_and_later_and_forgiven() {
        let mut guesses = Guesses::default();
        let mut delays = Vec::new();
        for _ in 0..6 {
            delays.push(guesses.delay(source(1), at(9)).as_secs());
            guesses.note(source(1), at(9));
        }
        assert_eq!(delays, [0, 2, 4, 8, 12, 12]);
        assert_eq!(guesses.delay(source(2), at(9)), Duration::ZERO);
        let later: Vec<u64> =
            [0, 16, 31, 46, 59, 60].iter().map(|s| guesses.delay(source(1), at(9 + s)).as_secs()).collect();
        assert_eq!(later, [12, 8, 4, 2, 2, 0]);
    }

    #[test]
    fn known_for_a_quarter_of_an_hour_longer() {
        let mut guesses = Guesses::default();
        guesses.note(source(1), at(9));
        let repute = |n, seconds| guesses.guest(source(n), at(seconds)).repute;
        assert_eq!((repute(1, 9), repute(2, 9)), (Repute::Guesser, Repute::Unknown));
        assert_eq!((repute(1, 9 + 15 + 899), repute(1, 9 + 15 + 900)), (Repute::Guesser, Repute::Unknown));
    }

    #[test]
    fn the_book_is_bounded() {
        let mut guesses = Guesses::default();
        for n in 0..GUESSERS_MAX + 10 {
            guesses.note(source(n), at(n / 1000));
        }
        assert_eq!(guesses.forgiven.len(), GUESSERS_MAX);
        guesses.note(source(0), at(50));
        assert_eq!(guesses.forgiven.len(), GUESSERS_MAX);
        guesses.note(source(1_000_000), at(1000));
        assert_eq!(guesses.forgiven.len(), 1, "all were forgiven");
    }
}
