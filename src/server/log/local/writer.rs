//! The thread that appends: one write, one fdatasync, one answer. It also begins new segments, drops old ones, and
//! writes the small files that change while the server runs.
//!
//! On a node of a cluster the lines are on others' disks already, and the answer does not wait for the fdatasync. It comes
//! when [`HISTORY_SYNC_MAX`] bytes were written, and before anything else that speaks of these lines is: a small file, the next
//! segment.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Instant;

use bytes::Bytes;
use log::info;
use mio::Waker;

use crate::limits::{HISTORY_QUEUE_MAX, HISTORY_SYNC_MAX};
use crate::protocol::Seq;
use crate::room::Pos;
use crate::server::files::Problem;
use crate::server::log::local::disk::Folder;
use crate::server::log::local::dropping::Dropping;
use crate::server::log::local::segments::{Segment, SharedSegments, segment_name};
use crate::server::log::local::settings::Settings;
use crate::server::log::local::snapshot::{self, MembersSnapshot};
use crate::server::log::local::state::{self, Lock};
use crate::server::log::local::{delivered, scan};
use crate::server::threads::priority::Priority;
use crate::server::threads::worker::{Answers, LoopGone, Worker};

/// A request to the thread. Each gets one answer, in order.
#[derive(Debug)]
pub enum WriterJob {
    /// Append these whole lines, numbered from `first` on without a hole.
    Append {
        /// The number of the first line.
        first: Seq,
        /// The lines.
        bytes: Bytes,
        /// When to answer.
        answered: Answered,
    },
    /// Append these [`Delivered`](crate::room::Delivered) lines. Not synced: events whose record is lost
    /// are delivered again.
    Delivered(Vec<u8>),
    /// Replace the file with these lines, which are all there are. The old file stays until the new one is durable.
    AllDelivered(Vec<u8>),
    /// Write a snapshot of the members, durably. Segments before it need not be read again, and may be dropped.
    Snapshot(MembersSnapshot),
    /// Write the note of a node of a cluster, durably.
    Note(Vec<u8>),
    /// Sync, and record a clean stop. The last job: after it the thread ends and the lock is free.
    Close,
}

/// When an append is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answered {
    /// Whoever hears of these lines relies on this disk.
    WhenDurable,
    /// Others have them: what a power cut takes comes again from there.
    WhenWritten,
}

/// An answer of the thread.
#[derive(Debug)]
pub enum WriterDone {
    /// To [`WriterJob::Append`]. `Ok`: all of it is durable, or written, as was asked.
    Appended(Result<(), AppendError>),
    /// To [`WriterJob::Delivered`] and [`WriterJob::AllDelivered`]. After an error the file is as it was.
    Delivered(Result<(), Problem>),
    /// To [`WriterJob::Snapshot`]. After an error the old snapshot is still there.
    Snapshot(Result<(), Problem>),
    /// To [`WriterJob::Note`]. After an error the old note is still there.
    NoteWritten(Result<(), Problem>),
    /// To [`WriterJob::Close`].
    Closed(Result<(), Problem>),
    /// Not an answer: an old segment was dropped, and this is where the transcript begins now.
    Dropped {
        /// The oldest line kept.
        first: Seq,
        /// Where it begins.
        base: Pos,
    },
}

/// Why lines are not stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AppendError {
    /// Certainly nothing of them is in the file. The next append may succeed.
    Failed(Problem),
    /// What is on the disk is unknown. Nothing more is appended; the server has to stop, and the next start looks.
    Fatal(Problem),
}

/// The last segment, open for writing. Holds the lock.
#[derive(Debug)]
pub struct Storage {
    segments: SharedSegments,
    settings: Settings,
    file: File,
    /// Bytes written to it since the last sync.
    unsynced: usize,
    /// The event of the members' last snapshot.
    snapshot: Seq,
    /// Why nothing is appended any more, once a failure has left the disk's state unknown.
    fatal: Option<Problem>,
    _lock: Lock,
}

/// Starts the thread.
pub fn spawn_writer(storage: Storage, waker: Arc<Waker>) -> io::Result<Worker<WriterJob, WriterDone>> {
    Worker::spawn("history writer", HISTORY_QUEUE_MAX, waker, move |jobs, answers| {
        Priority::Commit.assume();
        run(storage, &jobs, &answers)
    })
}

fn run(
    mut storage: Storage,
    jobs: &Receiver<WriterJob>,
    answers: &Answers<WriterDone>,
) -> Result<(), LoopGone> {
    let mut dropping = Dropping::new(storage.segments.clone(), &storage.settings);
    loop {
        if let Some((first, base)) = dropping.as_mut().and_then(|old| old.try_drop(storage.snapshot)) {
            answers.send(WriterDone::Dropped { first, base })?;
        }
        let job = match &dropping {
            Some(old) => jobs.recv_timeout(old.next_try.saturating_duration_since(Instant::now())),
            None => jobs.recv().map_err(RecvTimeoutError::from),
        };
        answers.send(match job {
            Ok(WriterJob::Append { first, bytes, answered }) => {
                WriterDone::Appended(storage.append(first, &bytes, answered))
            }
            Ok(WriterJob::Delivered(lines)) => WriterDone::Delivered(storage.delivered(&lines)),
            Ok(WriterJob::AllDelivered(lines)) => WriterDone::Delivered(storage.put(delivered::NAME, &lines)),
            Ok(WriterJob::Snapshot(snapshot)) => WriterDone::Snapshot(storage.write_snapshot(&snapshot)),
            Ok(WriterJob::Note(note)) => WriterDone::NoteWritten(storage.put(state::APPLIED, &note)),
            Ok(WriterJob::Close) => {
                let closed = storage.close();
                // Releases the lock before the answer says so.
                drop(storage);
                return answers.send(WriterDone::Closed(closed));
            }
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        })?;
    }
}

impl Storage {
    /// Opens the last segment on the list for writing.
    pub(super) fn open(
        segments: SharedSegments,
        lock: Lock,
        settings: Settings,
        snapshot: Seq,
    ) -> Result<Storage, Problem> {
        let name = segment_name(segments.lock().last().first);
        let opened = OpenOptions::new().read(true).write(true).open(segments.folder.path(&name));
        let file = opened.map_err(|error| segments.folder.cannot(&name, "open it for writing", &error))?;
        Ok(Storage { segments, settings, file, unsynced: 0, snapshot, fatal: None, _lock: lock })
    }

    fn folder(&self) -> &Folder {
        &self.segments.folder
    }

    /// The segment that is open.
    fn last(&self) -> Segment {
        self.segments.lock().last()
    }

    pub(super) fn append(&mut self, first: Seq, bytes: &[u8], answered: Answered) -> Result<(), AppendError> {
        if let Some(fatal) = &self.fatal {
            return Err(AppendError::Fatal(fatal.clone()));
        }
        let appended = self.try_append(first, bytes, answered);
        if let Err(AppendError::Fatal(problem)) = &appended {
            self.fatal = Some(problem.clone());
        }
        appended
    }

    fn try_append(&mut self, first: Seq, bytes: &[u8], answered: Answered) -> Result<(), AppendError> {
        let next = self.last().next;
        if first != next || bytes.last().is_some_and(|&b| b != b'\n') {
            // A bug of ours must not damage the files.
            let what = format!("event {first} cannot be appended where {next} belongs");
            return Err(AppendError::Fatal(self.folder().problem(&segment_name(self.last().first), what)));
        }
        if !self.has_name() {
            let old = format!("/proc/{}/fd/{}", std::process::id(), self.file.as_raw_fd());
            let what = format!("was removed or replaced; copy it back from {old}, and restart the server");
            return Err(AppendError::Failed(self.problem(what)));
        }
        if self.last().len() > 0 && self.last().len() + bytes.len() as u64 > self.settings.segment_max {
            self.begin_segment()?;
        }
        let mut at = self.last().len();
        // Mostly one round. No more than this is ever unsynced, so that a torn tail can be told from damage.
        for piece in bytes.chunks(HISTORY_SYNC_MAX) {
            if self.unsynced + piece.len() > HISTORY_SYNC_MAX {
                self.sync().map_err(AppendError::Fatal)?;
            }
            if let Err(error) = self.file.write_all_at(piece, at) {
                return Err(self.truncate(&error));
            }
            self.unsynced += piece.len();
            at += piece.len() as u64;
        }
        if answered == Answered::WhenDurable {
            self.sync().map_err(AppendError::Fatal)?;
        }
        let lines = memchr::memchr_iter(b'\n', bytes).count() as u64;
        self.segments.lock().grow(bytes.len() as u64, Seq(next.0 + lines));
        Ok(())
    }

    /// Whether what is written to the file can be found again: an editor or `sed -i` puts another file in its place.
    fn has_name(&self) -> bool {
        let Ok(file) = self.file.metadata() else { return true };
        let named = || self.folder().path(&segment_name(self.last().first)).metadata();
        // Some file systems count no names.
        file.nlink() > 0 || named().is_ok_and(|named| (named.dev(), named.ino()) == (file.dev(), file.ino()))
    }

    /// Makes durable what was written. If that fails, nothing is known of the file any more.
    fn sync(&mut self) -> Result<(), Problem> {
        if let Some(fatal) = &self.fatal {
            return Err(fatal.clone());
        }
        if self.unsynced > 0 {
            rustix::fs::fdatasync(&self.file).map_err(|error| {
                let problem = self.cannot("sync it", &error.into());
                self.fatal = Some(problem.clone());
                problem
            })?;
            self.unsynced = 0;
        }
        Ok(())
    }

    /// Cuts the file back to its old length after a failed write. That has to be durable before the loop is told that
    /// nothing was stored, or a crash could bring those lines back.
    fn truncate(&self, error: &io::Error) -> AppendError {
        let len = self.last().len();
        let truncate = || -> io::Result<()> {
            // A disk that has become read-only has taken nothing, and could not be truncated.
            if self.file.metadata()?.len() != len {
                self.file.set_len(len)?;
                self.file.sync_all()?;
            }
            Ok(())
        };
        match truncate() {
            Ok(()) => AppendError::Failed(self.cannot("write to it", error)),
            Err(undo) => AppendError::Fatal(self.cannot("truncate it after a failed write", &undo)),
        }
    }

    /// Begins a new segment. The one before it is synced up to its last byte.
    fn begin_segment(&mut self) -> Result<(), AppendError> {
        self.sync().map_err(AppendError::Fatal)?;
        let last = self.last();
        let ends = scan::ends(&self.file, last.len())
            .and_then(|ends| ends.ok_or_else(|| io::Error::other("damaged")))
            .map_err(|error| AppendError::Failed(self.cannot("find the last event", &error)))?;
        let name = segment_name(last.next);
        let path = self.folder().path(&name);
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path);
        let file =
            file.map_err(|error| AppendError::Failed(self.folder().cannot(&name, "make it", &error)))?;
        let synced = file.sync_all().and_then(|()| self.folder().sync());
        synced.map_err(|error| AppendError::Fatal(self.folder().cannot(&name, "sync it", &error)))?;
        let (_, _, last_time) = ends;
        self.segments.lock().push(last_time);
        self.file = file;
        info!("{}", self.folder().problem(&name, "begun"));
        Ok(())
    }

    fn cannot(&self, what: &str, error: &io::Error) -> Problem {
        self.folder().cannot(&segment_name(self.last().first), what, error)
    }

    /// Appends places of devices to `delivered`.
    fn delivered(&mut self, lines: &[u8]) -> Result<(), Problem> {
        self.sync()?;
        let append = || -> io::Result<()> {
            let path = self.folder().path(delivered::NAME);
            let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)?;
            let len = file.metadata()?.len();
            file.write_all_at(lines, len).inspect_err(|_| {
                // Half a line would spoil the next one, too. If it cannot be cut off, that is the damage.
                let _: io::Result<()> = file.set_len(len);
            })
        };
        append().map_err(|error| self.folder().cannot(delivered::NAME, "write to it", &error))
    }

    fn write_snapshot(&mut self, snapshot: &MembersSnapshot) -> Result<(), Problem> {
        self.sync()?;
        snapshot::write(self.folder(), snapshot)?;
        self.snapshot = snapshot.seq;
        Ok(())
    }

    /// Replaces a small file, durably.
    pub(super) fn put(&mut self, name: &str, bytes: &[u8]) -> Result<(), Problem> {
        self.sync()?;
        self.folder().replace(name, bytes)
    }

    /// Bytes of the last segment.
    pub(in crate::server::log) fn len(&self) -> u64 {
        self.last().len()
    }

    /// A problem with the last segment.
    pub(super) fn problem(&self, what: String) -> Problem {
        self.folder().problem(&segment_name(self.last().first), what)
    }

    /// Syncs all, and records a clean stop. The lock is given back when this is dropped.
    pub fn close(&mut self) -> Result<(), Problem> {
        self.sync()?;
        self.file.sync_all().map_err(|error| self.cannot("sync it", &error))?;
        let last = self.last();
        state::record_clean(self.folder(), last.first, last.len())
            .map_err(|error| self.folder().cannot("clean", "write it", &error))
    }
}
