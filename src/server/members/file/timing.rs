//! The waiting times of the thread.

use std::time::Duration;

use crate::limits::{MEMBERS_LOOK, MEMBERS_OLD_WATCH, MEMBERS_PATIENCE, MEMBERS_PROBE, MEMBERS_SETTLE};

/// The waiting times of the thread. The defaults are those of [`crate::limits`]; tests are less patient.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// How often the file is checked for edits.
    pub look: Duration,
    /// An edit counts when the file has been unchanged for this long.
    pub settle: Duration,
    /// How often an obstacle is probed again.
    pub probe: Duration,
    /// How long a replaced file is watched for late writes.
    pub old_watch: Duration,
    /// How long a change may wait for edits to settle.
    pub patience: Duration,
}

impl Timing {
    /// How often an edit that has to settle is checked.
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
