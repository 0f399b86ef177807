//! When the shell of the chat does what: not while the window changes, and anew after the machine has slept.

use std::time::{Duration, Instant, SystemTime};

use crate::limits::{CLIENT_RESIZE_LONGEST, CLIENT_RESIZE_QUIET};

/// More of the wall clock than of the machine's own: it has slept.
const SLEPT: Duration = Duration::from_secs(5);

/// Changes of the window's size. They come in crowds, and a terminal tells of one up to a quarter of a second after it
/// has changed its rows (tmux): until none has come for a moment nothing is written, or it would land in a wrong row.
#[derive(Debug)]
pub(super) struct Resizes {
    size: (usize, usize),
    /// When the first and the last of a crowd came.
    crowd: Option<(Instant, Instant)>,
}

impl Resizes {
    pub(super) fn of(size: (usize, usize)) -> Resizes {
        Resizes { size, crowd: None }
    }

    pub(super) fn told(&mut self, now: Instant) {
        self.crowd = Some((self.crowd.map_or(now, |(first, _)| first), now));
    }

    /// How long it is until the size, which is this now, is quiet; nothing, if it is.
    pub(super) fn unrest(&mut self, size: (usize, usize), now: Instant) -> Option<Duration> {
        // It may be seen before it is told.
        if std::mem::replace(&mut self.size, size) != size {
            self.told(now);
        }
        let (first, last) = self.crowd?;
        let until = (last + CLIENT_RESIZE_QUIET).min(first + CLIENT_RESIZE_LONGEST);
        let left = until.saturating_duration_since(now);
        if left.is_zero() {
            self.crowd = None;
            return None;
        }
        Some(left)
    }
}

/// Notices that the machine has slept: its own clock stands still then, the wall clock does not.
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
