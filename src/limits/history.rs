//! The segments of the history and the small files beside them.

use std::time::Duration;

/// The size at which a segment is followed by a new one: large enough that a year is a folder one can survey, small
/// enough to be verified and copied at a start in a fraction of a second.
pub const HISTORY_SEGMENT_MAX: u64 = 64 << 20;
/// Bytes written between two fdatasyncs, and so the most that a crash can tear, plus the line in which it begins. What
/// gathers during one fdatasync in a flood fits.
pub const HISTORY_SYNC_MAX: usize = 256 << 10;
/// The unit in which the history is read back: some hundreds of lines, a fraction of a send buffer.
pub const HISTORY_BLOCK: usize = 64 << 10;
/// Jobs that wait for the reader; the same is ample for the writer, which has one append at a time, and places of
/// devices every two seconds.
pub const HISTORY_QUEUE_MAX: usize = 64;
/// How long the reader keeps an unused segment open: `--keep-days` may have dropped it, and its disk space is free only
/// when it is closed.
pub const HISTORY_READER_IDLE: Duration = Duration::from_secs(1);
/// How long nothing is dropped after a start and after the clock was set: time to correct a wrong clock, by hand or
/// over the network.
pub const HISTORY_DROP_REST: Duration = Duration::from_secs(10 * 60);
/// How long after one segment the next may be dropped: 90 GiB a day, and an admin who sees in the log that it is wrong
/// has time to stop it.
pub const HISTORY_DROP_PAUSE: Duration = Duration::from_secs(60);
/// Bytes appended to `delivered` before it is rewritten, whatever its size.
pub const DELIVERED_SLACK: usize = 256 << 10;
/// Plus so many times its size when it was last rewritten. In a busy group every connected device has a new place every
/// two seconds, so most lines are soon out of date, and a start has to read them all.
pub const DELIVERED_GROWTH: usize = 8;
/// How long after a failed write a node of a cluster tries it again: the lines have happened already.
pub const HISTORY_WRITE_RETRY: Duration = Duration::from_secs(1);
/// Messages in one answer to FIND: a screen of them.
pub const FIND_LINES_MAX: usize = 20;
/// Characters of the part of a text that FIND looks for first: with four bytes vector instructions are at their best, and more
/// characters have more spellings.
pub const FIND_PART_CHARS: usize = 4;
/// Spellings of that part: four letters have 16, and some letters three forms.
pub const FIND_PART_FORMS: usize = 24;
/// What FIND reads of the history, or copies of the window, at a time: it stays in a core's cache, and the longest line fits.
pub const FIND_BLOCK: usize = 256 << 10;
/// What one FIND searches before others have their turn: two milliseconds' worth from memory, and a disk's tenth of a second.
pub const FIND_SLICE: usize = 8 << 20;
/// How long a FIND searches before it answers with what it has found: its connection waits, and a client of many servers soon
/// takes a silent one for gone. From memory that is some 20 GB.
pub const FIND_TIME_MAX: Duration = Duration::from_secs(5);
