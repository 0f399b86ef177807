//! The log, the service manager, and priorities of threads.

use std::time::Duration;

/// Log lines waiting for a slow reader of the log; more are dropped and counted.
pub const LOG_QUEUE_MAX: usize = 4096;
/// A warning or an error that comes again within this time is not logged again, but counted.
pub const REPEATS_MINUTE: Duration = Duration::from_secs(60);
/// Of how many texts that is remembered. A broken disk has three or four.
pub const REPEATS_KEPT: usize = 32;
/// Lines in the log a second that tell of refused logins; more are counted. Enough to tell who guesses, and less than
/// a gigabyte a day.
pub const REFUSALS_LOGGED: u32 = 100;
/// How often at most the service manager is told how things stand.
pub const NOTIFY_STATUS: Duration = Duration::from_secs(10);
/// How long it is waited for a service manager that does not take that the server is ready.
pub const NOTIFY_PATIENCE: Duration = Duration::from_secs(5);
/// Added to the nice value (sched(7)) of the thread that stores: ten times the loop's weight. An append has 0.1 ms of
/// work, and waits for 0.7 beside a loop that is never idle.
pub const NICE_DISK: i32 = -10;
/// To that of hashing and of the log: a tenth of the loop's weight.
pub const NICE_BACKGROUND: i32 = 10;
