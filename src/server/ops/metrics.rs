//! What the server counts of itself, for STATS.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::server::Server;

/// Counters since the start.
#[derive(Debug, Default)]
pub(in crate::server) struct Figures {
    pub(in crate::server) bytes_delivered: u64,
    pub(in crate::server) writes: u64,
    pub(in crate::server) cut_lagging: u64,
    pub(in crate::server) given_up: u64,
    pub(in crate::server) timed_out: u64,
    pub(in crate::server) refused_full: u64,
    pub(in crate::server) evicted: u64,
    pub(in crate::server) accept_errors: u64,
    /// Of processor time: what the machine gave to others meanwhile is not the loop's.
    longest_turn: Duration,
    turns_until: Duration,
}

impl Figures {
    /// A turn has ended.
    pub(in crate::server) fn note_turn(&mut self) {
        let now = clock_gettime(ClockId::ThreadCPUTime);
        let now = Duration::try_from(now).expect("a thread's time begins with zero");
        self.longest_turn = self.longest_turn.max(now.saturating_sub(self.turns_until));
        self.turns_until = now;
    }
}

impl Server {
    /// The shell's part of STATS. Times are in the unit that the name says; the longest turn is since the
    /// last time somebody asked.
    pub(in crate::server) fn measure(&mut self) -> Vec<(&'static str, u64)> {
        let longest_turn = std::mem::take(&mut self.figures.longest_turn);
        vec![
            ("bytes-delivered", self.figures.bytes_delivered),
            ("writes", self.figures.writes),
            ("longest-turn-us", u64::try_from(longest_turn.as_micros()).unwrap_or(u64::MAX)),
            ("password-queue", self.passwords.queued() as u64),
            ("members-queue", self.members.pending() as u64),
            ("members-file-ok", u64::from(self.members.problem().is_none())),
            ("members-file-writable", u64::from(self.members.obstacle().is_none())),
            ("cut-lagging", self.figures.cut_lagging),
            ("given-up", self.figures.given_up),
            ("timed-out", self.figures.timed_out),
            ("history-reads-waiting", self.store.reads_waiting() as u64),
            ("refused-full", self.figures.refused_full),
            ("put-out", self.figures.evicted),
            ("logins-refused", self.refusals.total()),
            ("accept-errors", self.figures.accept_errors),
            ("log-lines-dropped", self.logging.dropped()),
            ("uptime-seconds", self.now.mono.as_secs()),
            ("resident-kib", resident_kib().unwrap_or(0)),
        ]
    }
}

/// From proc(5), which is no disk and does not wait.
fn resident_kib() -> Option<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split(' ').nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64 / 1024)
}
