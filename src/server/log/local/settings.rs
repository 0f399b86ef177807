//! How the history is kept.

use std::time::Duration;

use crate::limits::{HISTORY_DROP_PAUSE, HISTORY_DROP_REST, HISTORY_SEGMENT_MAX, WINDOW_DEFAULT};

/// How the history is kept. The default is what the limits say.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// At most so many bytes of the end are handed over as [`Tail`](super::Tail).
    pub window: usize,
    /// Whole files that are older than so many days are dropped. `None`: all is kept.
    pub keep_days: Option<u32>,
    /// Nothing is dropped for so long after a start, and after the clock was set.
    pub drop_rest: Duration,
    /// Then one file in so long.
    pub drop_pause: Duration,
    /// Bytes at which a new file begins.
    pub segment_max: u64,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            window: WINDOW_DEFAULT,
            keep_days: None,
            drop_rest: HISTORY_DROP_REST,
            drop_pause: HISTORY_DROP_PAUSE,
            segment_max: HISTORY_SEGMENT_MAX,
        }
    }
}
