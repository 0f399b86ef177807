//! What an operator sees of the server: figures, the log, what systemd is told, and `--check`.

pub mod backup;
pub mod check;
mod context;
pub mod json_line;
pub mod logging;
pub mod metrics;
pub(super) mod refusals;
mod repeats;
pub mod systemd;
mod turns;

use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use mio::Waker;

use crate::server::ops::logging::Logging;
use crate::server::ops::metrics::Metrics;
use crate::server::ops::systemd::Notify;
use crate::server::ops::turns::Turns;

#[derive(Debug)]
pub(in crate::server) struct Ops {
    pub(in crate::server) turns: Turns,
    pub(in crate::server) logging: Logging,
    pub(in crate::server) notify: Notify,
    /// Where monitors ask, if anywhere.
    pub(in crate::server) metrics: Option<Metrics>,
}

impl Ops {
    /// `monitors` is the socket where they are answered.
    pub(in crate::server) fn start(
        logging: Logging,
        monitors: Option<TcpListener>,
        waker: &Arc<Waker>,
    ) -> io::Result<Ops> {
        let metrics = monitors.map(|socket| Metrics::start(socket, Arc::clone(waker))).transpose()?;
        let (turns, notify) = (Turns::default(), Notify::from_environment());
        Ok(Ops { turns, logging, notify, metrics })
    }
}

/// The resident memory of the process. Reads proc(5), which never waits for a disk.
pub(in crate::server) fn resident_kib() -> Option<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split(' ').nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64 / 1024)
}
