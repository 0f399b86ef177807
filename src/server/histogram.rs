//! How often something has taken how long, since the start.

use std::time::Duration;

/// The upper bounds of the counts, microseconds: from a turn of the loop that has nothing to do to a login behind a full queue.
pub(super) const BOUNDS_US: [u64; 19] = [
    10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
    1_000_000, 2_500_000, 10_000_000, 30_000_000,
];

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::server) struct Histogram {
    /// How many were above the bound before and not above this one; the last one counts those above all bounds.
    counts: [u64; BOUNDS_US.len() + 1],
    sum: Duration,
}

impl Histogram {
    /// Counts one more.
    pub(in crate::server) fn observe(&mut self, took: Duration) {
        let us = u64::try_from(took.as_nanos().div_ceil(1000)).unwrap_or(u64::MAX);
        self.counts[BOUNDS_US.partition_point(|&bound| bound < us)] += 1;
        self.sum += took;
    }

    /// Each bound, and how many were not above it.
    pub(in crate::server) fn up_to(&self) -> impl Iterator<Item = (Duration, u64)> {
        let mut total = 0;
        BOUNDS_US.into_iter().zip(self.counts).map(move |(bound, count)| {
            total += count;
            (Duration::from_micros(bound), total)
        })
    }

    /// How many there were.
    pub(in crate::server) fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// How long all of them took together.
    pub(in crate::server) fn sum(&self) -> Duration {
        self.sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_belongs_to_what_is_below_it() {
        let mut histogram = Histogram::default();
        for ns in [0, 10_000, 10_001, 25_000, 2_000_000_000, 31_000_000_000] {
            histogram.observe(Duration::from_nanos(ns));
        }
        let at =
            |us| histogram.up_to().find(|(bound, _)| *bound == Duration::from_micros(us)).map(|(_, n)| n);
        assert_eq!(
            [at(10), at(25), at(50), at(2_500_000), at(30_000_000)].map(Option::unwrap),
            [2, 4, 4, 5, 5]
        );
        assert_eq!((histogram.count(), histogram.sum()), (6, Duration::from_nanos(33_000_045_001)));
        assert!(BOUNDS_US.is_sorted());
    }
}
