//! From bytes on the wire back to bytes of lines, for a layer that adds bytes of its own: TLS adds records, a WebSocket
//! frame headers. After each record or frame it records a checkpoint: how many bytes it has taken from above, and how
//! many bytes of the layer below carry them. An acknowledged count is rounded down to the last checkpoint. A layer over
//! a layer has checkpoints of its own, and is asked with the lower layer's answer.
//!
//! Forgetting a checkpoint is safe: less is then known to have arrived than has.

use crate::limits::TRANSPORT_CHECKPOINTS_MAX;

/// The end of a record or frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Point {
    /// Bytes given to the layer below.
    below: u64,
    /// Bytes taken from above for them.
    above: u64,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Checkpoints {
    /// Bytes from above that are known to have arrived.
    arrived: u64,
    /// Ascending in both counts.
    points: Vec<Point>,
}

impl Checkpoints {
    /// So many bytes from above are known to have arrived before.
    pub(super) fn after(arrived: u64) -> Checkpoints {
        Checkpoints { arrived, points: Vec::new() }
    }

    /// Bytes from above that are known to have arrived.
    pub(super) fn arrived(&self) -> u64 {
        self.arrived
    }

    /// `above` bytes were taken so far, and the first `below` bytes that are given to the layer below carry them.
    pub(super) fn record(&mut self, below: u64, above: u64) {
        let last = self.points.last().map_or(self.arrived, |point| point.above);
        if above == last {
            return;
        }
        if self.points.len() == TRANSPORT_CHECKPOINTS_MAX {
            // Drop the one that leaves the smallest gap, relative to its age. So the latest are close together, and the
            // error stays in proportion to what is under way.
            let gap = |at: usize| {
                let (before, after) = (self.points[at - 1].below, self.points[at + 1].below);
                (after - before).saturating_mul(1024) / (below - before)
            };
            let at = (1..self.points.len() - 1).min_by_key(|&at| gap(at));
            self.points.remove(at.expect("there are more than two"));
        }
        self.points.push(Point { below, above });
        debug_assert!(self.points.is_sorted_by_key(|point| (point.below, point.above)));
    }

    /// `below` bytes of those given to the layer below have arrived. Returns how many from above that is, at least.
    pub(super) fn acknowledged(&mut self, below: u64) -> u64 {
        let reached = self.points.partition_point(|point| point.below <= below);
        if let Some(point) = self.points.drain(..reached).next_back() {
            self.arrived = point.above;
        }
        if self.points.is_empty() {
            // The usual case. An idle connection owns as little memory as possible.
            self.points = Vec::new();
        }
        self.arrived
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_arrived_is_known_to_the_write() {
        let mut checkpoints = Checkpoints::default();
        // A handshake, or the answer to an upgrade, brings no lines.
        checkpoints.record(1500, 0);
        assert_eq!(checkpoints.acknowledged(1500), 0);
        checkpoints.record(1622, 100);
        checkpoints.record(1700, 150);
        // A layer's own messages, for example the answer to a ping, bring none either.
        checkpoints.record(1730, 150);
        let looks = [(1500, 0), (1621, 0), (1622, 100), (1699, 100), (1700, 150), (1730, 150), (9000, 150)];
        for (wire, lines) in looks {
            assert_eq!(checkpoints.acknowledged(wire), lines, "{wire}");
        }
        assert_eq!(checkpoints.points.capacity(), 0);
    }

    #[test]
    fn forgetting_only_ever_says_less() {
        // Records of TLS: 22 bytes more on the wire for each 78. Frames: 2 more for each 98.
        for each in [78, 98] {
            let mut checkpoints = Checkpoints::default();
            for n in 1..=10_000 {
                checkpoints.record(n * 100, n * each);
                assert!(checkpoints.points.len() <= TRANSPORT_CHECKPOINTS_MAX);
            }
            let (all, mut last) = (10_000 * each, 0);
            for wire in (0..=1_000_000).step_by(100) {
                let lines = checkpoints.acknowledged(wire);
                assert!(lines >= last && lines <= wire / 100 * each, "{wire}: {lines}");
                // What seems to be under way is at most three times what is.
                let (under_way, seems) = (all - wire / 100 * each, all - lines);
                assert!(wire < 100 || seems <= 3 * under_way + each, "{wire}: {lines}");
                last = lines;
            }
            assert_eq!(last, all);
        }
    }

    #[test]
    fn a_layer_over_a_layer_is_asked_with_what_the_lower_one_says() {
        let (mut records, mut frames) = (Checkpoints::default(), Checkpoints::default());
        // Two lines of 10 bytes, each in a frame with a header of 2, each frame in a record of 22 more.
        for n in 1..=2 {
            frames.record(n * 12, n * 10);
            records.record(n * 34, n * 12);
        }
        for (wire, lines) in [(33, 0), (34, 10), (67, 10), (68, 20)] {
            let arrived = records.acknowledged(wire);
            assert_eq!(frames.acknowledged(arrived), lines, "{wire}");
        }
    }
}
