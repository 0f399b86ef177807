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
    /// Those that timed out, and whose addresses are not logged yet.
    unlogged: Vec<ConnId>,
}

impl Counts {
    /// A connection broke. If the peer's system answered nothing, not even the kernel's probes, that is counted: many of
    /// these are a sign that something is wrong with the network.
    pub(in crate::server) fn record_broken(&mut self, id: ConnId, why: ErrorKind) {
        if matches!(why, ErrorKind::TimedOut | ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable) {
            self.timed_out += 1;
            warn!("timed out: a peer's system did not answer, its connection is closed");
            self.unlogged.push(id);
        }
    }

    /// Those that have timed out since the last call.
    pub(in crate::server) fn take_timed_out(&mut self) -> Vec<ConnId> {
        std::mem::take(&mut self.unlogged)
    }
}
