//! What an operator sees of the server: figures, the log, what systemd is told, and `--check`.

pub mod check;
mod context;
pub mod logging;
pub(super) mod metrics;
pub(super) mod refusals;
mod repeats;
pub(super) mod systemd;

use crate::room::Now;
use crate::server::auth::passwords::Passwords;
use crate::server::log::Log;
use crate::server::members::Members;
use crate::server::net::connections::Connections;
use crate::server::ops::logging::Logging;
use crate::server::ops::metrics::{Turns, resident_kib};
use crate::server::ops::refusals::Refusals;
use crate::server::ops::systemd::Notify;

#[derive(Debug)]
pub(in crate::server) struct Ops {
    pub(in crate::server) turns: Turns,
    pub(in crate::server) refusals: Refusals,
    pub(in crate::server) logging: Logging,
    pub(in crate::server) notify: Notify,
}

impl Ops {
    pub(in crate::server) fn start(logging: Logging) -> Ops {
        Ops {
            turns: Turns::default(),
            refusals: Refusals::default(),
            logging,
            notify: Notify::from_environment(),
        }
    }

    /// The server's part of STATS; the room adds its own. The longest turn is the longest since STATS was last asked
    /// for.
    pub(in crate::server) fn measure(
        &mut self,
        now: Now,
        conns: &Connections,
        passwords: &Passwords,
        log: &Log,
        members: &Members,
    ) -> Vec<(&'static str, u64)> {
        let longest_turn = self.turns.take_longest();
        let counts = &conns.counts;
        vec![
            ("bytes-delivered", counts.bytes_delivered),
            ("writes", counts.writes),
            ("longest-turn-us", u64::try_from(longest_turn.as_micros()).unwrap_or(u64::MAX)),
            ("password-queue", passwords.queued() as u64),
            ("members-queue", members.pending() as u64),
            ("members-file-ok", u64::from(members.problem().is_none())),
            ("members-file-writable", u64::from(members.obstacle().is_none())),
            ("cut-lagging", counts.cut_lagging),
            ("given-up", counts.given_up),
            ("timed-out", counts.timed_out),
            ("history-reads-waiting", log.reads_waiting() as u64),
            ("refused-full", counts.refused_full),
            ("put-out", counts.evicted),
            ("logins-refused", self.refusals.total()),
            ("accept-errors", counts.accept_errors),
            ("log-lines-dropped", self.logging.dropped()),
            ("uptime-seconds", now.mono.as_secs()),
            ("resident-kib", resident_kib().unwrap_or(0)),
        ]
    }
}
