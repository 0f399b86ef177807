//! Rate limits: a rate with a burst, and how much of it is left.

use std::time::Duration;

/// Lines a second on average, and lines at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Lines a second, at least 1.
    pub per_second: u32,
    /// Lines at once, at least 1.
    pub burst: u32,
}

/// The time of the monotonic clock at which everything so far is paid for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Allowance(Duration);

impl Rate {
    fn price(self, cost: u32) -> Duration {
        // A cost above the burst could never be paid, so it counts as the burst.
        Duration::from_secs(1) * cost.min(self.burst) / self.per_second
    }
}

impl Allowance {
    /// Pays for something of this cost. An error: it is not allowed before this time.
    pub(super) fn pay(&mut self, rate: Rate, cost: u32, now: Duration) -> Result<(), Duration> {
        let at = (self.0 + rate.price(cost)).saturating_sub(rate.price(rate.burst));
        if at > now {
            return Err(at);
        }
        self.0 = self.0.max(now) + rate.price(cost);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many requests are allowed at each of these times, in milliseconds.
    fn asked(rate: Rate, cost: u32, moments: &[u64]) -> Vec<usize> {
        let mut allowance = Allowance::default();
        let at = |&ms: &u64| {
            let now = Duration::from_millis(ms + 10_000);
            let mut count = 0;
            while allowance.pay(rate, cost, now).is_ok() && count < 1000 {
                count += 1;
            }
            count
        };
        moments.iter().map(at).collect()
    }

    #[test]
    fn a_burst_and_then_the_rate() {
        let rate = Rate { per_second: 10, burst: 100 };
        assert_eq!(asked(rate, 1, &[0, 99, 100, 1000, 5000, 60_000]), [100, 0, 1, 9, 40, 100]);
        assert_eq!(asked(rate, 5, &[0, 400, 500, 60_000]), [20, 0, 1, 20]);
    }

    #[test]
    fn what_costs_more_than_the_burst_can_still_be_asked() {
        let rate = Rate { per_second: 3, burst: 1 };
        assert_eq!(asked(rate, 5, &[0, 300, 334, 900, 10_000]), [1, 0, 1, 1, 1]);
    }

    #[test]
    fn the_wait_is_exact() {
        let (rate, now) = (Rate { per_second: 7, burst: 3 }, Duration::from_secs(50));
        let mut allowance = Allowance::default();
        for _ in 0..1000 {
            let Err(at) = allowance.pay(rate, 1, now) else { continue };
            assert_eq!(allowance.pay(rate, 1, at), Ok(()), "it is allowed at that time");
        }
    }
}
