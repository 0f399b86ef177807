//! What STATS, monitors and the service manager are told.

use std::time::Duration;

use crate::server::auth::passwords::Passwords;
use crate::server::counted::counted;
use crate::server::files::Problem;
use crate::server::histogram::Histogram;
use crate::server::log::Log;
use crate::server::members::{FileState, Members};
use crate::server::ops::metrics::{Histograms, Snapshot};
use crate::server::ops::{Ops, resident_kib};
use crate::server::turn::Hub;
use crate::server::turn::stop::Stage;

/// The longest turn that a monitor is told of is of this time: as long as most wait between two questions.
const RECENTLY: Duration = Duration::from_secs(60);

/// The server's part of STATS; the room adds its own.
pub(super) fn figures(
    longest_turn: Duration,
    hub: &Hub,
    passwords: &Passwords,
    log: &Log,
    members: &Members,
    ops: &Ops,
) -> Vec<(&'static str, String)> {
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
    figures.extend(log.node_figures());
    figures.extend(members.behind().map(|behind| ("members-file-behind", behind.to_string())));
    figures
}

/// Tells a monitor how the server is, if one has asked.
pub(super) fn tell_monitor(
    hub: &Hub,
    passwords: &Passwords,
    log: &Log,
    members: &Members,
    ops: &Ops,
    deliveries: &Histogram,
    stage: Stage,
) {
    let Some(metrics) = &ops.metrics else { return };
    metrics.answer(|| {
        let longest_turn = ops.turns.longest_since(hub.now.mono.saturating_sub(RECENTLY));
        let rooms = hub.room.figures(hub.conns.handshakes.len());
        let rooms = rooms.map(|(name, value)| (name, value.to_string()));
        let shells = figures(longest_turn, hub, passwords, log, members, ops);
        let histograms = Histograms {
            turns: ops.turns.took.clone(),
            commits: log.commits(),
            logins: hub.logins.clone(),
            deliveries: deliveries.clone(),
        };
        let mut wrong = log.wrong();
        let FileState { problem, obstacle, .. } = &members.state;
        wrong.extend(problem.iter().chain(obstacle).map(in_one_line));
        if stage != Stage::Serving {
            wrong.push("the server stops".to_owned());
        }
        Snapshot { figures: rooms.into_iter().chain(shells).collect(), histograms, wrong }
    });
}

/// The status in one line, for `systemctl status`.
pub(super) fn status(Hub { conns, room, .. }: &Hub, members: &Members) -> String {
    let (connections, logged_in, in_group) = (conns.len(), room.logged_in(), room.members());
    let (connections, in_group) = (counted(connections, "connection"), counted(in_group, "member"));
    let mut status = format!("{connections}, {logged_in} logged in, {in_group}");
    let FileState { decides, problem, obstacle } = &members.state;
    for (problem, what) in [(problem, decides.with_mistake()), (obstacle, decides.with_obstacle())] {
        if let Some(problem) = problem {
            status.extend(["; ", what, ": ", &in_one_line(problem)]);
        }
    }
    status
}

/// A path may contain line feeds.
fn in_one_line(problem: &Problem) -> String {
    problem.0.replace(char::is_control, "?")
}
