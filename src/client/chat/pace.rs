//! Two things that the shell of the chat waits for or notices: a window whose size changes, and a machine that has slept.

use std::time::{Duration, Instant, SystemTime};

use crate::limits::{CLIENT_RESIZE_LONGEST, CLIENT_RESIZE_QUIET};

/// If the wall clock has moved this much more than the monotonic one, the machine has slept.
const SLEPT: Duration = Duration::from_secs(5);

/// Changes of the window's size. They come in bursts, and a terminal reports one up to a quarter of a second after it has moved its
/// rows (tmux): until none has come for a moment nothing is written, or it would end up in a wrong row.
#[derive(Debug)]
pub(super) struct Resizes {
    size: (usize, usize),
    /// When the first and the last of a burst came.
    burst: Option<(Instant, Instant)>,
}

impl Resizes {
    pub(super) fn of(size: (usize, usize)) -> Resizes {
        Resizes { size, burst: None }
    }

    pub(super) fn changed(&mut self, now: Instant) {
        self.burst = Some((self.burst.map_or(now, |(first, _)| first), now));
    }

    /// How long to wait until the size has settled; `size` is the present one.
    pub(super) fn settling(&mut self, size: (usize, usize), now: Instant) -> Option<Duration> {
        // The new size may be visible before the signal comes.
        if std::mem::replace(&mut self.size, size) != size {
            self.changed(now);
        }
        let (first, last) = self.burst?;
        let until = (last + CLIENT_RESIZE_QUIET).min(first + CLIENT_RESIZE_LONGEST);
        let left = until.saturating_duration_since(now);
        if left.is_zero() {
            self.burst = None;
            return None;
        }
        Some(left)
    }
}

/// Notices that the machine has slept: the monotonic clock stops then, the wall clock does not.
pub(super) struct Slept {
    at: (Instant, SystemTime),
}

impl Slept {
    pub(super) fn new() -> Slept {
        Slept { at: (Instant::now(), SystemTime::now()) }
    }

    pub(super) fn has_slept(&mut self) -> bool {
        let before = std::mem::replace(&mut self.at, (Instant::now(), SystemTime::now()));
        let awake = self.at.0.duration_since(before.0);
        self.at.1.duration_since(before.1).is_ok_and(|passed| passed > awake + SLEPT)
    }
}
