//! What became of connections since the start, for STATS.

use std::io::ErrorKind;

use log::warn;

use crate::room::ConnId;

/// See the module.
#[derive(Debug, Default)]
pub(in crate::server) struct Counts {
    pub(in crate::server) bytes_delivered: u64,
    pub(in crate::server) writes: u64,
    pub(in crate::server) cut_lagging: u64,
    pub(in crate::server) given_up: u64,
    pub(in crate::server) timed_out: u64,
    pub(in crate::server) refused_full: u64,
    pub(in crate::server) evicted: u64,
    pub(in crate::server) accept_errors: u64,
    /// Those that timed out, and where they came from is not told yet.
    untold: Vec<ConnId>,
}

impl Counts {
    /// A connection broke. That of a peer whose system answers nothing, not even the kernel's probes, is counted, and
    /// many of them are a sign that something is wrong between here and there.
    pub(in crate::server) fn note_broken(&mut self, id: ConnId, why: ErrorKind) {
        if matches!(why, ErrorKind::TimedOut | ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable) {
            self.timed_out += 1;
            warn!("timed out: a peer's system did not answer, its connection is closed");
            self.untold.push(id);
        }
    }

    /// Those that have timed out since this was asked last.
    pub(in crate::server) fn take_timed_out(&mut self) -> Vec<ConnId> {
        std::mem::take(&mut self.untold)
    }
}
