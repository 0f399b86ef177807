//! The two clocks: the wall's, which is told, and may be set by anybody; and the other one, for all that waits.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::protocol::Time;
use crate::room::Now;

/// The wall clock.
pub(super) fn wall_clock() -> Time {
    as_time(SystemTime::now())
}

/// What is before 1970 counts as 1970.
pub(super) fn as_time(time: SystemTime) -> Time {
    let since_1970 = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    Time::from_unix_ms(u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX))
}

/// Both clocks of a server that runs: the monotonic one counts from its start.
#[derive(Debug)]
pub(super) struct Clocks {
    started: Instant,
}

impl Clocks {
    /// The server starts now.
    pub(super) fn start() -> Clocks {
        Clocks { started: Instant::now() }
    }

    /// What they say. Once a turn.
    pub(super) fn read(&self) -> Now {
        Now { wall: wall_clock(), mono: self.started.elapsed() }
    }
}
