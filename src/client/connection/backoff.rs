//! How long to wait before the next attempt to connect.

use std::time::Duration;

use crate::limits::{CLIENT_RETRY_FIRST, CLIENT_RETRY_LONGEST};

/// Doubles with each attempt that fails.
#[derive(Debug)]
pub(in crate::client) struct Backoff {
    next: Duration,
}

impl Default for Backoff {
    fn default() -> Backoff {
        Backoff { next: CLIENT_RETRY_FIRST }
    }
}

impl Backoff {
    /// The next wait, up to a quarter shorter by `chance`, from 0 to 1, so that clients which lost the same server do not
    /// come back at the same moment.
    pub(in crate::client) fn wait(&mut self, chance: f32) -> Duration {
        let wait = self.next;
        self.next = (wait * 2).min(CLIENT_RETRY_LONGEST);
        wait.mul_f32(1.0 - chance.clamp(0.0, 1.0) / 4.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_up_to_a_minute() {
        let mut backoff = Backoff::default();
        let waits: Vec<u64> = (0..8).map(|_| backoff.wait(0.0).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(backoff.wait(1.0), Duration::from_secs(45));
        for chance in [-1.0, 0.0, 0.3, 1.0, 2.0] {
            let wait = backoff.wait(chance);
            assert!((45..=60).contains(&wait.as_secs()), "{chance}: {wait:?}");
        }
    }
}
