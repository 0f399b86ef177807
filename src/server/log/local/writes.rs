//! Jobs and answers of the thread that appends.

use bytes::Bytes;

use crate::protocol::Seq;
use crate::room::Pos;
use crate::server::log::local::snapshot::MembersSnapshot;

/// A request to the thread. Each gets one answer, in order.
#[derive(Debug)]
pub enum WriterJob {
    /// Append these whole lines, numbered from `first` on without a hole.
    Append {
        /// The number of the first line.
        first: Seq,
        /// The lines.
        bytes: Bytes,
    },
    /// Append these [`Delivered`](crate::server::log::local::Delivered) lines. Not synced: events whose record is lost
    /// are delivered again.
    Delivered(Vec<u8>),
    /// Replace the file with these lines, which are all there are. The old file stays until the new one is durable.
    AllDelivered(Vec<u8>),
    /// Write a snapshot of the members, durably. Segments before it need not be read again, and may be dropped.
    Snapshot(MembersSnapshot),
    /// Sync, and record a clean stop. The last job: after it the thread ends and the lock is free.
    Close,
}

/// An answer of the thread.
#[derive(Debug)]
pub enum WriterDone {
    /// To [`WriterJob::Append`].
    Appended(AppendResult),
    /// To [`WriterJob::Delivered`] and [`WriterJob::AllDelivered`]. After an error the file is as it was.
    Delivered(Result<(), String>),
    /// To [`WriterJob::Snapshot`]. After an error the old snapshot is still there.
    Snapshot(Result<(), String>),
    /// To [`WriterJob::Close`].
    Closed(Result<(), String>),
    /// Not an answer: an old segment was dropped, and this is where the transcript begins now.
    Dropped {
        /// The oldest line kept.
        first: Seq,
        /// Where it begins.
        base: Pos,
    },
}

/// The result of an append. The sentences name the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AppendResult {
    /// All of it is durable.
    Stored,
    /// Certainly nothing of it is in the file. The next append may succeed.
    Failed(String),
    /// What is on the disk is unknown. Nothing more is appended; the server has to stop, and the next start looks.
    Fatal(String),
}
