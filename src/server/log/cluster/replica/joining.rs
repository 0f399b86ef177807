//! When a node joins, and under which start.

use std::time::Duration;

use crate::server::log::cluster::replica::Replica;
use crate::server::log::cluster::replica::phase::Phase;

impl<T> Replica<T> {
    /// Joins after [`Act::CaughtUp`](crate::server::log::cluster::Act::CaughtUp).
    pub fn join_group(&mut self, now: Duration) {
        if self.phase == Phase::Replaying {
            self.join(now);
        }
    }

    /// Before the first JOIN is back a greater start is that of an earlier process, when a clock was ahead.
    pub(super) fn look_for_namesake(&mut self, now: Duration) {
        let known = self.state.node(self.own.name()).map(|known| known.start);
        if self.phase == Phase::Joining && known.is_some_and(|start| start > self.own.start()) {
            self.join(now);
        }
    }

    pub(super) fn join(&mut self, now: Duration) {
        let known = self.state.node(self.own.name());
        self.phase = Phase::Joining;
        self.begin(now, known.map_or(self.floor, |known| self.floor.max(known.start.next())));
    }
}
