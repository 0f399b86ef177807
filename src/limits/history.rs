//! The files of the history.

use std::time::Duration;

/// A history file is followed by a new one at this size: large enough that a year is a folder one can look at,
/// small enough to be checked and copied at start in a fraction of a second.
pub const HISTORY_SEGMENT_MAX: u64 = 64 << 20;
/// Bytes between two fdatasyncs of the history, so the most that a crash can tear, less the line it begins in.
/// What a flood may be ahead gathers during one fdatasync, and fits.
pub const HISTORY_SYNC_MAX: usize = 256 << 10;
/// The unit in which history is read back: some hundreds of lines, a fraction of a send buffer.
pub const HISTORY_BLOCK: usize = 64 << 10;
/// Jobs waiting for the history's reader. One append is in flight at a time; notes of cursors come every two
/// seconds: the same is ample for the writer.
pub const HISTORY_QUEUE_MAX: usize = 64;
/// How long the history's reader keeps a file open that nobody asks for: `--keep-days` may have dropped it, and its
/// blocks are free when it is closed.
pub const HISTORY_READER_IDLE: Duration = Duration::from_secs(1);
/// After a start, and after the clock was set, no history file is dropped for so long: time to set a clock that is
/// wrong, by hand or over the network.
pub const HISTORY_DROP_REST: Duration = Duration::from_secs(10 * 60);
/// Then one in so long: 90 GiB a day, and who sees in the log that it is wrong has time to stop it.
pub const HISTORY_DROP_PAUSE: Duration = Duration::from_secs(60);
/// Bytes appended to `delivered` until it is written anew, whatever its size.
pub const DELIVERED_SLACK: usize = 256 << 10;
/// And as many times its size after the last time on top: in a busy group every connected device has a new place
/// every two seconds, so that of what is written most is out of date, and a start reads all of it.
pub const DELIVERED_GROWTH: usize = 8;
