//! The two clocks: the wall clock, which is shown and can be set, and the monotonic one, which all waiting uses.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::protocol::Time;
use crate::room::Now;

pub(super) fn wall_clock() -> Time {
    as_time(SystemTime::now())
}

/// Times before 1970 become 1970.
pub(super) fn as_time(time: SystemTime) -> Time {
    let since_1970 = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    Time::from_unix_ms(u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX))
}

/// Both clocks. The monotonic one counts from the start of the server.
#[derive(Debug)]
pub(super) struct Clocks {
    started: Instant,
}

impl Clocks {
    pub(super) fn start() -> Clocks {
        Clocks { started: Instant::now() }
    }

    /// Called once a turn.
    pub(super) fn read(&self) -> Now {
        Now { wall: wall_clock(), mono: self.started.elapsed() }
    }
}
