//! From acknowledged bytes on the wire back to lines of the transcript.
//!
//! What was sent is kept as runs: a run is a stretch of the transcript that begins at a byte of the wire. A plain receiver has
//! one run that grows; after a reply a new one begins. Forgetting a run is safe: the tracker then reports less than was
//! acknowledged, never more.

use std::collections::VecDeque;

use crate::limits::CHECKPOINTS_MAX;
use crate::protocol::Seq;
use crate::room::Pos;

/// A stretch of the transcript on the wire.
#[derive(Clone, Copy, Debug, Default)]
struct Run {
    wire: u64,
    pos: Pos,
    len: u64,
    /// The last whole line before `pos`, for when the bytes are no longer in memory.
    seq: Seq,
}

/// How far the feed is acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Arrived {
    /// Everything before this is acknowledged.
    pub(crate) pos: Pos,
    /// A line that certainly is.
    pub(crate) at_least: Seq,
}

#[derive(Debug, Default)]
pub(crate) struct AckTracker {
    /// Bytes sent.
    pub(crate) sent: u64,
    acknowledged: u64,
    run: Run,
    /// Earlier runs that are not acknowledged in full; `None` if there are none, as in most connections.
    #[expect(clippy::box_collection, reason = "32 bytes of every idle connection")]
    older: Option<Box<VecDeque<Run>>>,
}

impl AckTracker {
    /// Bytes sent and not acknowledged.
    pub(crate) fn outstanding(&self) -> u64 {
        self.sent - self.acknowledged
    }

    /// `n` bytes that are not part of the feed were sent.
    pub(crate) fn sent_reply(&mut self, n: usize) {
        self.sent += n as u64;
    }

    /// Whether the next bytes of the feed, at `pos`, continue the last run.
    pub(crate) fn continues(&self, pos: Pos) -> bool {
        self.run.wire + self.run.len == self.sent && self.run.pos.0 + self.run.len == pos.0 && self.sent > 0
    }

    /// The feed continues at `pos`, after line `seq`: at its start, after a reply, or after skipped lines.
    pub(crate) fn begin_run(&mut self, pos: Pos, seq: Seq) {
        if self.run.len > 0 || self.run.wire > self.acknowledged {
            let older = self.older.get_or_insert_default();
            older.push_back(self.run);
            if older.len() > CHECKPOINTS_MAX {
                older.remove(1);
            }
        }
        self.run = Run { wire: self.sent, pos, len: 0, seq };
    }

    /// `n` bytes of the feed were sent; they continue the last run.
    pub(crate) fn sent_feed(&mut self, n: usize) {
        self.run.len += n as u64;
        self.sent += n as u64;
    }

    /// The peer's kernel has acknowledged `total` of all bytes sent. Returns how far that is in the feed, if it is news.
    pub(crate) fn acknowledge(&mut self, total: u64) -> Option<Arrived> {
        let total = total.min(self.sent);
        if total <= self.acknowledged {
            return None;
        }
        self.acknowledged = total;
        let mut reached = None;
        if let Some(older) = &mut self.older {
            while let Some(run) = older.front().copied()
                && run.wire <= total
            {
                reached = Some(run);
                if total < run.wire + run.len {
                    break;
                }
                older.pop_front();
            }
            if older.is_empty() {
                self.older = None;
            }
        }
        if self.run.wire <= total {
            reached = Some(self.run);
        }
        reached.map(|run| {
            let pos = Pos(run.pos.0 + (total - run.wire).min(run.len));
            Arrived { pos, at_least: run.seq }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_and_jumps_do_not_count() {
        let mut tracker = AckTracker::default();
        tracker.sent_reply(50);
        tracker.begin_run(Pos(1000), Seq(10));
        tracker.sent_feed(100);
        tracker.sent_reply(7);
        tracker.begin_run(Pos(1100), Seq(11));
        tracker.sent_feed(20);
        tracker.sent_reply(9);
        tracker.begin_run(Pos(1500), Seq(14));
        let arrived =
            |tracker: &mut AckTracker, total| tracker.acknowledge(total).map(|arrived| arrived.pos.0);
        assert_eq!(arrived(&mut tracker, 30), None);
        assert_eq!(arrived(&mut tracker, 51), Some(1001));
        assert_eq!(arrived(&mut tracker, 51), None);
        assert_eq!(arrived(&mut tracker, 155), Some(1100));
        assert_eq!(arrived(&mut tracker, 160), Some(1103));
        assert_eq!(arrived(&mut tracker, 180), Some(1120));
        assert_eq!(arrived(&mut tracker, 186), Some(1500));
        assert_eq!(tracker.outstanding(), 0);
        assert!(tracker.older.is_none());
        assert!(tracker.continues(Pos(1500)));
        tracker.sent_feed(5);
        assert_eq!(arrived(&mut tracker, u64::MAX), Some(1505));
    }

    #[test]
    fn forgetting_runs_only_ever_says_less() {
        let mut tracker = AckTracker::default();
        for n in 0..1000u64 {
            tracker.begin_run(Pos(n * 100), Seq(n));
            tracker.sent_feed(10);
        }
        let mut last = 0;
        for total in 1..=10_000u64 {
            if let Some(arrived) = tracker.acknowledge(total) {
                let truth = total / 10 * 100 + total % 10;
                assert!(arrived.pos.0 <= truth && arrived.pos.0 >= last, "{total}: {arrived:?}");
                last = arrived.pos.0;
            }
        }
        assert_eq!(last, 99_910);
    }
}
