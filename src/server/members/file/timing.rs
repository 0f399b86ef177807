//! How long the thread waits, and for what.

use std::time::Duration;

use crate::limits::{MEMBERS_LOOK, MEMBERS_OLD_WATCH, MEMBERS_PATIENCE, MEMBERS_PROBE, MEMBERS_SETTLE};

/// How patient the thread is. The default is what the limits say; tests are in a hurry.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// Between two looks at the file.
    pub look: Duration,
    /// An edit counts when the file has been unchanged for this long.
    pub settle: Duration,
    /// Between two looks for what keeps the file from being replaced, while something does.
    pub probe: Duration,
    /// How long a replaced file is watched for late writes.
    pub old_watch: Duration,
    /// How long after it was asked for a change still waits for edits to settle.
    pub patience: Duration,
}

impl Timing {
    /// Between two looks at an edit that has to settle.
    pub(super) fn poll(&self) -> Duration {
        (self.settle / 8).max(Duration::from_millis(1))
    }
}

impl Default for Timing {
    fn default() -> Timing {
        Timing {
            look: MEMBERS_LOOK,
            settle: MEMBERS_SETTLE,
            probe: MEMBERS_PROBE,
            old_watch: MEMBERS_OLD_WATCH,
            patience: MEMBERS_PATIENCE,
        }
    }
}
