//! The log, the service manager, and priorities of threads.

use std::time::Duration;

/// Log lines that wait for a slow reader of the log; more are dropped and counted.
pub const LOG_QUEUE_MAX: usize = 4096;
/// How long a warning or an error is counted instead of logged after it was logged.
pub const REPEATS_MINUTE: Duration = Duration::from_secs(60);
/// Texts that are remembered for that. A broken disk causes three or four.
pub const REPEATS_KEPT: usize = 32;
/// Refused logins logged in one second; more are counted. Enough to see who is guessing, and less than a gigabyte a
/// day.
pub const REFUSALS_LOGGED: u32 = 100;
/// How often at most the service manager is told the server's status.
pub const NOTIFY_STATUS: Duration = Duration::from_secs(10);
/// How long a start waits for a service manager that does not take the message that the server is ready.
pub const NOTIFY_PATIENCE: Duration = Duration::from_secs(5);
/// Added to the nice value (sched(7)) of the threads that commit, the one that appends and a node's: ten times the loop's
/// weight. An append takes 0.1 ms of work, but waits for 0.7 ms beside a loop that is never idle.
pub const NICE_COMMIT: i32 = -10;
/// Added to the nice value of the threads that hash, search and log: a tenth of the loop's weight.
pub const NICE_BACKGROUND: i32 = 10;
/// How long a start that makes progress may go on until it tells of more: the largest file can be verified meanwhile.
pub const NOTIFY_STARTING: Duration = Duration::from_secs(60);
/// How long a monitor has to send its request.
pub const METRICS_PEER: Duration = Duration::from_secs(2);
/// Connections to `--metrics-listen` whose request has not come. One more ends the oldest; they take descriptors that are
/// reserved, so there are few.
pub const METRICS_PEERS: usize = 8;
/// The send buffer for a monitor. An answer fits, so that the thread does not wait for whoever takes it.
pub const METRICS_SEND_BUFFER: usize = 64 << 10;
/// How long a monitor waits for the loop before it is told that the loop stands still: far longer than any turn, and less than
/// monitors wait for an answer, which is 10 s with Prometheus.
pub const METRICS_ANSWER: Duration = Duration::from_secs(5);
/// How long an append may take before `/healthz` says that the disk stands still.
pub const HEALTHY_APPEND: Duration = Duration::from_secs(5);
/// Longest turns that are remembered. Each ended later and was shorter than the one before it, so there are few.
pub const LONG_TURNS_KEPT: usize = 128;
/// For how long.
pub const LONG_TURNS_AGE: Duration = Duration::from_secs(60 * 60);
/// Connections of which it is remembered when they last asked for STATS.
pub const STATS_ASKERS_KEPT: usize = 64;
