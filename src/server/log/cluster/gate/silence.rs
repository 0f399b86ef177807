//! A node that owes an answer.

use std::time::Duration;

use crate::limits::{GATE_ABSENT, GATE_SILENT};
use crate::server::log::cluster::ids::Start;

#[derive(Clone, Copy, Debug)]
pub(super) struct Silence {
    pub(super) start: Start,
    since: Duration,
    /// When it was found to have no connection to the brokers, first and last.
    pub(super) absent: Option<(Duration, Duration)>,
    pub(super) is_fenced: bool,
}

impl Silence {
    pub(super) fn of(start: Start, since: Duration) -> Silence {
        Silence { start, since, absent: None, is_fenced: false }
    }

    /// When it has lasted long enough.
    pub(super) fn ends(&self) -> Duration {
        let absent = self.absent.filter(|(first, last)| *last >= *first + GATE_ABSENT);
        absent.map_or(self.since + GATE_SILENT, |(_, last)| last)
    }

    pub(super) fn is_over(&self, now: Duration) -> bool {
        now >= self.ends()
    }
}
