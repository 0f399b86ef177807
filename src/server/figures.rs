//! What STATS and the service manager are told.

use crate::server::auth::passwords::Passwords;
use crate::server::log::Log;
use crate::server::members::Members;
use crate::server::ops::{Ops, resident_kib};
use crate::server::turn::Hub;

/// The server's part of STATS; the room adds its own. The longest turn is the longest since STATS was last asked
/// for.
pub(super) fn figures(
    hub: &Hub,
    passwords: &Passwords,
    log: &mut Log,
    members: &Members,
    ops: &mut Ops,
) -> Vec<(&'static str, String)> {
    let longest_turn = ops.turns.take_longest();
    let counts = &hub.conns.counts;
    let own = [
        ("bytes-delivered", counts.bytes_delivered),
        ("writes", counts.writes),
        ("longest-turn-us", u64::try_from(longest_turn.as_micros()).unwrap_or(u64::MAX)),
        ("password-queue", passwords.queued() as u64),
        ("members-queue", members.pending() as u64),
        ("members-file-ok", u64::from(members.state.problem.is_none())),
        ("members-file-writable", u64::from(members.state.obstacle.is_none())),
        ("cut-lagging", counts.cut_lagging),
        ("given-up", counts.given_up),
        ("timed-out", counts.timed_out),
        ("history-reads-waiting", log.reads_waiting() as u64),
        ("refused-full", counts.refused_full),
        ("put-out", counts.evicted),
        ("logins-refused", hub.refusals.total),
        ("accept-errors", counts.accept_errors),
        ("log-lines-dropped", ops.logging.dropped()),
        ("uptime-seconds", hub.now.mono.as_secs()),
        ("resident-kib", resident_kib().unwrap_or(0)),
    ];
    let mut figures: Vec<_> = own.into_iter().map(|(name, value)| (name, value.to_string())).collect();
    figures.extend(log.cluster().into_iter().flat_map(|cluster| cluster.figures().list()));
    figures.extend(members.behind().map(|behind| ("members-file-behind", behind.to_string())));
    figures
}

/// The status in one line, for `systemctl status`.
pub(super) fn status(Hub { conns, room, .. }: &Hub, members: &Members) -> String {
    let (connections, logged_in, in_group) = (conns.len(), room.logged_in(), room.members());
    let mut status = format!("{connections} connections, {logged_in} logged in, {in_group} members");
    for (problem, what) in [
        (&members.state.problem, "the members stay as they were"),
        (&members.state.obstacle, "no command changes the members"),
    ] {
        if let Some(problem) = problem {
            // A path may contain line feeds; the status is one line.
            status.extend(["; ", what, ": ", &problem.0.replace(char::is_control, "?")]);
        }
    }
    status
}
