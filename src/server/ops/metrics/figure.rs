//! The figures that STATS and the metrics tell: one table.

/// Whether a figure only grows.
#[derive(Clone, Copy, Debug, derive_more::Display, PartialEq, Eq)]
pub enum Kind {
    /// It begins with zero at a start, and only grows.
    #[display("counter")]
    Counter,
    /// It rises and falls.
    #[display("gauge")]
    Gauge,
}

/// What STATS counts. Prometheus wants seconds and bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Things, bytes, seconds: as they are.
    One,
    /// A millionth of a second.
    Microsecond,
    /// 1024 bytes.
    Kibibyte,
}

/// What a figure is.
#[derive(Clone, Copy, Debug)]
pub struct Figure {
    /// Its name in STATS.
    pub stat: &'static str,
    /// Its name in the metrics, which begins with [`PREFIX`].
    pub metric: &'static str,
    /// See there.
    pub kind: Kind,
    /// See there.
    pub unit: Unit,
    /// A sentence without its full stop.
    pub help: &'static str,
}

/// The names of all metrics begin with it.
pub const PREFIX: &str = "chat_room_";

const fn gauge(stat: &'static str, metric: &'static str, help: &'static str) -> Figure {
    Figure { stat, metric, kind: Kind::Gauge, unit: Unit::One, help }
}

const fn counter(stat: &'static str, metric: &'static str, help: &'static str) -> Figure {
    Figure { stat, metric, kind: Kind::Counter, unit: Unit::One, help }
}

const fn of_unit(unit: Unit, figure: Figure) -> Figure {
    Figure { unit, ..figure }
}

/// All numbers.
pub const FIGURES: [Figure; 27] = [
    gauge("connections", "connections", "Connections that are open"),
    gauge("logged-in", "connections_logged_in", "Connections on which a member has logged in"),
    gauge("members", "members", "Members of the group"),
    gauge("last-event", "last_event", "The number of the last event"),
    gauge("events-last-minute", "recent_events", "Events of the last 60 seconds"),
    counter("bytes-delivered", "delivered_bytes_total", "Bytes given to all sockets"),
    counter("writes", "writes_total", "System calls that sent them"),
    of_unit(
        Unit::Microsecond,
        gauge(
            "longest-turn-us",
            "longest_turn_seconds",
            "Processor time of the longest turn in the last 60 seconds",
        ),
    ),
    gauge("password-queue", "password_queue", "Passwords that wait to be checked or hashed"),
    gauge("members-queue", "members_queue", "Changes of members.txt that wait"),
    gauge("members-file-ok", "members_file_ok", "0 while members.txt has a mistake, else 1"),
    gauge("members-file-writable", "members_file_writable", "0 while members.txt cannot be replaced, else 1"),
    counter(
        "cut-lagging",
        "cut_lagging_total",
        "Connections closed because what they were owed next is gone",
    ),
    counter("given-up", "given_up_total", "Connections closed because the peer took nothing any more"),
    counter("timed-out", "timed_out_total", "Connections whose peer answered no probe of the kernel"),
    gauge("history-reads-waiting", "history_reads_waiting", "Reads of the history that wait"),
    counter("refused-full", "refused_full_total", "Connections refused because all places were taken"),
    counter("put-out", "evicted_total", "Connections evicted before a login, for new ones"),
    counter(
        "logins-refused",
        "logins_refused_total",
        "Logins refused, and connections that ended without one",
    ),
    counter("accept-errors", "accept_errors_total", "Failures to accept a connection"),
    counter(
        "log-lines-dropped",
        "log_lines_dropped_total",
        "Lines of the log dropped because its reader was slow",
    ),
    gauge("uptime-seconds", "uptime_seconds", "Time since the start"),
    of_unit(Unit::Kibibyte, gauge("resident-kib", "resident_bytes", "Memory of the process")),
    gauge(
        "stream-applied",
        "stream_applied",
        "The last message of the group's stream that this node has applied",
    ),
    gauge("stream-behind", "stream_behind", "Messages after it that this node has heard of"),
    of_unit(
        Unit::Microsecond,
        gauge(
            "commit-us",
            "last_commit_seconds",
            "How long the last batch of this node took through the brokers",
        ),
    ),
    gauge(
        "members-file-behind",
        "members_file_behind",
        "Members whose line in members.txt is not the group's yet",
    ),
];

/// The words that STATS tells of a node. They are labels of one metric.
pub const WORDS: [&str; 2] = ["node", "broker"];

/// The figure that STATS calls so.
pub fn find(stat: &str) -> Option<&'static Figure> {
    FIGURES.iter().find(|figure| figure.stat == stat)
}
