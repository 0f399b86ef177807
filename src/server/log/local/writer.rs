//! The thread that appends: one write, one fdatasync, one answer. It also begins new segments, drops old ones, and
//! writes the small files that change while the server runs.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Instant;

use log::info;
use mio::Waker;

use crate::limits::{HISTORY_QUEUE_MAX, HISTORY_SYNC_MAX};
use crate::protocol::Seq;
use crate::server::files::problem::Problem;
use crate::server::log::local::delivered;
use crate::server::log::local::disk::Folder;
use crate::server::log::local::dropping::Dropping;
use crate::server::log::local::scan;
use crate::server::log::local::segments::{SharedSegments, segment_name};
use crate::server::log::local::settings::Settings;
use crate::server::log::local::snapshot;
use crate::server::log::local::snapshot::MembersSnapshot;
use crate::server::log::local::state;
use crate::server::log::local::state::Lock;
use crate::server::log::local::writes::{AppendResult, WriterDone, WriterJob};
use crate::server::threads::priority::Priority;
use crate::server::threads::worker::{Answers, Worker};

/// The last segment, open for writing. Holds the lock.
#[derive(Debug)]
pub struct Storage {
    segments: SharedSegments,
    settings: Settings,
    file: File,
    /// The number of its first line.
    first: Seq,
    /// Its durable bytes.
    len: u64,
    /// The number of the next line.
    next: Seq,
    /// The event of the members' last snapshot.
    snapshot: Seq,
    delivered: Option<File>,
    /// Why nothing is appended any more, once a failure has left the disk's state unknown.
    fatal: Option<String>,
    _lock: Lock,
}

/// Starts the thread.
pub fn spawn_writer(storage: Storage, waker: Arc<Waker>) -> io::Result<Worker<WriterJob, WriterDone>> {
    Worker::spawn("history writer", HISTORY_QUEUE_MAX, waker, move |jobs, answers| {
        Priority::Disk.assume();
        // An error means that the loop has gone.
        let _: Result<(), Gone> = run(storage, &jobs, &answers);
    })
}

struct Gone;

fn run(mut storage: Storage, jobs: &Receiver<WriterJob>, answers: &Answers<WriterDone>) -> Result<(), Gone> {
    let tell = |done| answers.send(done).map_err(|_| Gone);
    let mut dropping = Dropping::new(storage.segments.clone(), &storage.settings);
    loop {
        let dropped = dropping.as_mut().and_then(|dropping| dropping.try_drop(storage.snapshot));
        dropped.map_or(Ok(()), tell)?;
        let job = match &dropping {
            Some(dropping) => {
                jobs.recv_timeout(dropping.next_try().saturating_duration_since(Instant::now()))
            }
            None => jobs.recv().map_err(RecvTimeoutError::from),
        };
        let job = match job {
            Ok(job) => job,
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        };
        match job {
            WriterJob::Append { first, bytes } => {
                tell(WriterDone::Appended(storage.append(first, &bytes)))?;
            }
            WriterJob::Delivered(lines) => tell(WriterDone::Delivered(storage.delivered(&lines)))?,
            WriterJob::AllDelivered(lines) => tell(WriterDone::Delivered(storage.all_delivered(&lines)))?,
            WriterJob::Snapshot(snapshot) => tell(WriterDone::Snapshot(storage.write_snapshot(&snapshot)))?,
            WriterJob::Close => {
                let closed = storage.close();
                // Releases the lock before the answer says so.
                drop(storage);
                return tell(WriterDone::Closed(closed));
            }
        }
    }
}

/// Why an append failed.
enum AppendError {
    Failed(String),
    Fatal(String),
}

impl Storage {
    /// Opens the last segment on the list for writing.
    pub(super) fn open(
        segments: SharedSegments,
        lock: Lock,
        settings: Settings,
        snapshot: Seq,
    ) -> Result<Storage, Problem> {
        let last = segments.lock().last();
        let name = segment_name(last.first);
        let opened = OpenOptions::new().read(true).write(true).open(segments.folder.path(&name));
        let file = opened.map_err(|error| segments.folder.cannot(&name, "open it for writing", &error))?;
        Ok(Storage {
            settings,
            file,
            first: last.first,
            len: last.end.0 - last.start.0,
            next: last.next,
            snapshot,
            delivered: None,
            fatal: None,
            _lock: lock,
            segments,
        })
    }

    fn folder(&self) -> &Folder {
        &self.segments.folder
    }

    fn append(&mut self, first: Seq, bytes: &[u8]) -> AppendResult {
        if let Some(fatal) = &self.fatal {
            return AppendResult::Fatal(fatal.clone());
        }
        match self.try_append(first, bytes) {
            Ok(()) => AppendResult::Stored,
            Err(AppendError::Failed(what)) => AppendResult::Failed(what),
            Err(AppendError::Fatal(what)) => {
                self.fatal = Some(what.clone());
                AppendResult::Fatal(what)
            }
        }
    }

    fn try_append(&mut self, first: Seq, bytes: &[u8]) -> Result<(), AppendError> {
        if first != self.next || bytes.last().is_some_and(|&b| b != b'\n') {
            // A bug of ours must not damage the files.
            let what = format!("event {first} cannot be appended where {} belongs", self.next);
            return Err(AppendError::Fatal(self.folder().problem(&segment_name(self.first), what).0));
        }
        if self.len > 0 && self.len + bytes.len() as u64 > self.settings.segment_max {
            self.begin_segment()?;
        }
        let mut at = self.len;
        // Mostly one round. No more than this is ever unsynced, so that a torn tail can be told from damage.
        for piece in bytes.chunks(HISTORY_SYNC_MAX) {
            if let Err(error) = self.file.write_all_at(piece, at) {
                return Err(self.truncate(&error));
            }
            rustix::fs::fdatasync(&self.file).map_err(|error| self.fatal("sync it", &error.into()))?;
            at += piece.len() as u64;
        }
        self.len = at;
        self.next = Seq(self.next.0 + memchr::memchr_iter(b'\n', bytes).count() as u64);
        self.segments.lock().grow(bytes.len() as u64, self.next);
        Ok(())
    }

    /// Cuts the file back to its old length after a failed write. That has to be durable before the loop is told that
    /// nothing was stored, or a crash could bring those lines back.
    fn truncate(&self, error: &io::Error) -> AppendError {
        let truncate = || -> io::Result<()> {
            // A disk that has become read-only has taken nothing, and could not be truncated.
            if self.file.metadata()?.len() != self.len {
                self.file.set_len(self.len)?;
                self.file.sync_all()?;
            }
            Ok(())
        };
        match truncate() {
            Ok(()) => AppendError::Failed(self.cannot("write to it", error)),
            Err(undo) => self.fatal("truncate it after a failed write", &undo),
        }
    }

    /// Begins a new segment. The one before it is synced up to its last byte.
    fn begin_segment(&mut self) -> Result<(), AppendError> {
        let name = segment_name(self.next);
        let last_time = match scan::ends(&self.file, self.len) {
            Ok(Some((_, _, time))) => time,
            Ok(None) => {
                return Err(AppendError::Failed(
                    self.cannot("find the last event", &io::Error::other("damaged")),
                ));
            }
            Err(error) => return Err(AppendError::Failed(self.cannot("read it", &error))),
        };
        let made = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(self.folder().path(&name));
        let file =
            made.map_err(|error| AppendError::Failed(self.folder().cannot(&name, "make it", &error).0))?;
        let synced = file.sync_all().and_then(|()| self.folder().sync());
        synced.map_err(|error| AppendError::Fatal(self.folder().cannot(&name, "sync it", &error).0))?;
        self.segments.lock().push(last_time);
        (self.file, self.first, self.len) = (file, self.next, 0);
        info!("{}", self.folder().problem(&name, "begun"));
        Ok(())
    }

    fn cannot(&self, what: &str, error: &io::Error) -> String {
        self.folder().cannot(&segment_name(self.first), what, error).0
    }

    fn fatal(&self, what: &str, error: &io::Error) -> AppendError {
        AppendError::Fatal(self.cannot(what, error))
    }

    /// Appends places of devices to `delivered`.
    fn delivered(&mut self, lines: &[u8]) -> Result<(), String> {
        let append = |file: &mut Option<File>, folder: &Folder| -> io::Result<()> {
            let file = match file {
                Some(file) => file,
                None => file.insert(
                    OpenOptions::new()
                        .write(true)
                        .create(true)
                        .truncate(false)
                        .mode(0o600)
                        .open(folder.path(delivered::NAME))?,
                ),
            };
            let len = file.metadata()?.len();
            file.write_all_at(lines, len).inspect_err(|_| {
                // Half a line would spoil the next one, too. If it cannot be cut off, that is the damage.
                let _: io::Result<()> = file.set_len(len);
            })
        };
        let folder = &self.segments.folder;
        append(&mut self.delivered, folder)
            .map_err(|error| folder.cannot(delivered::NAME, "write to it", &error).0)
    }

    /// Replaces `delivered` by a file with these lines, the places of all devices.
    fn all_delivered(&mut self, lines: &[u8]) -> Result<(), String> {
        // Even if this fails, the open file may no longer be the one with that name.
        self.delivered = None;
        self.folder()
            .replace(delivered::NAME, lines)
            .map_err(|error| self.folder().cannot(delivered::NAME, "replace it", &error).0)
    }

    fn write_snapshot(&mut self, snapshot: &MembersSnapshot) -> Result<(), String> {
        snapshot::write(self.folder(), snapshot)
            .map_err(|error| self.folder().cannot(snapshot::NAME, "replace it", &error).0)?;
        self.snapshot = snapshot.seq;
        Ok(())
    }

    fn close(&self) -> Result<(), String> {
        if let Some(fatal) = &self.fatal {
            return Err(fatal.clone());
        }
        self.file.sync_all().map_err(|error| self.cannot("sync it", &error))?;
        state::record_clean(self.folder(), self.first, self.len)
            .map_err(|error| self.folder().cannot("clean", "write it", &error).0)
    }
}
