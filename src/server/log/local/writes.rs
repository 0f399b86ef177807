//! What the thread that appends is asked for, and what it answers.

use bytes::Bytes;

use crate::protocol::Seq;
use crate::room::Pos;
use crate::server::log::local::snapshot::MembersSnapshot;

/// What the thread is asked for. Each job gets one answer, in order.
#[derive(Debug)]
pub enum WriterJob {
    /// Append these lines, whole ones, numbered from `first` on without a hole.
    Append {
        /// The number of the first line.
        first: Seq,
        /// The lines.
        bytes: Bytes,
    },
    /// Append these lines of [`crate::server::log::local::Delivered`]. Not synced: what is lost is delivered once more.
    Delivered(Vec<u8>),
    /// All of these lines there are, in the place of the file. Durable before the old ones go.
    AllDelivered(Vec<u8>),
    /// Note the members, durably. What is noted need not be read again, and may be dropped.
    Snapshot(MembersSnapshot),
    /// Sync, and say that the stop was clean. The last job: behind it the thread ends and the lock is free.
    Close,
}

/// What became of it.
#[derive(Debug)]
pub enum WriterDone {
    /// Of [`WriterJob::Append`].
    Appended(AppendResult),
    /// Of [`WriterJob::Delivered`] and [`WriterJob::AllDelivered`]. An error: none of the lines is noted, and the file
    /// is as it was.
    Delivered(Result<(), String>),
    /// Of [`WriterJob::Snapshot`]. An error: the members are noted as before.
    Snapshot(Result<(), String>),
    /// Of [`WriterJob::Close`].
    Closed(Result<(), String>),
    /// Unasked: an old file was dropped, and this is what the transcript begins with now.
    Dropped {
        /// The oldest line kept.
        first: Seq,
        /// Where it begins.
        base: Pos,
    },
}

/// What became of an append. The sentences name the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AppendResult {
    /// All of it is durable.
    Stored,
    /// Nothing of it is in the file, and that is certain. The next append may do better.
    Failed(String),
    /// Nobody knows what is on the disk. Nothing more is appended: stop, and let the next start find out.
    Fatal(String),
}
