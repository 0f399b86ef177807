//! How the history is stored.

use std::time::Duration;

use crate::limits::{HISTORY_DROP_PAUSE, HISTORY_DROP_REST, HISTORY_SEGMENT_MAX, WINDOW_DEFAULT};

/// How the history is stored. The defaults are those of [`crate::limits`]; tests are less patient.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Bytes of the transcript's end that a start returns as [`Tail`](crate::room::Tail), at most.
    pub window: usize,
    /// Segments older than so many days are dropped. `None`: all are kept.
    pub keep_days: Option<u32>,
    /// How long nothing is dropped after a start, and after the clock was set.
    pub drop_rest: Duration,
    /// How long after one segment the next may be dropped.
    pub drop_pause: Duration,
    /// The size at which a new segment begins.
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
