//! A loop that has only the threads of the history, and names for what its tests need.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, UNIX_EPOCH};

use bytes::Bytes;
use chat_room::protocol::{Author, Event, EventLine, Mail, Seq, Text, Time};
use chat_room::room::{Block, BlockNo, Pos};
use chat_room::server::log::local::{
    Answered, AppendError, Checked, MembersSnapshot, Opened, Problem, ReaderDone, ReaderJob, Settings,
    SharedSegments, Storage, Whose, WriterDone, WriterJob, check as check_all, open, spawn_reader,
    spawn_writer,
};
use chat_room::server::threads::worker::Worker;
use mio::{Events, Poll, Token, Waker};

/// Files so small that a few lines fill one.
pub(crate) const SMALL: Settings = Settings {
    window: 1 << 20,
    keep_days: None,
    drop_rest: Duration::ZERO,
    drop_pause: Duration::from_millis(1),
    segment_max: 400,
};

/// The asker's end of both threads.
pub(crate) struct Store {
    pub(crate) dir: PathBuf,
    /// What the opening said, but for what the writer took.
    pub(crate) id: u32,
    pub(crate) last: Seq,
    pub(crate) end: Pos,
    /// The last `Dropped`.
    pub(crate) dropped: Option<(Seq, Pos)>,
    poll: Poll,
    /// When an append is answered.
    pub(crate) answered: Answered,
    writer: Worker<WriterJob, WriterDone>,
    reader: Worker<ReaderJob, ReaderDone>,
    pub(crate) segments: SharedSegments,
}

impl Store {
    pub(crate) fn open(dir: &Path, settings: &Settings) -> Store {
        Store::start(dir, open(dir, settings).expect("a history"))
    }

    /// Starts the threads of an opened one.
    pub(crate) fn start(dir: &Path, opened: Opened) -> Store {
        let poll = Poll::new().expect("a poll");
        let waker = Arc::new(Waker::new(poll.registry(), Token(0)).expect("a waker"));
        let Opened { id, tail, segments, storage, .. } = opened;
        let (last, end) = (tail.last, tail.base.plus(tail.bytes.len()));
        let storage: Storage = storage;
        let reader = spawn_reader(segments.clone(), Arc::clone(&waker)).expect("a thread");
        let writer = spawn_writer(storage, waker).expect("a thread");
        Store {
            dir: dir.to_owned(),
            id,
            last,
            end,
            dropped: None,
            answered: Answered::WhenDurable,
            poll,
            writer,
            reader,
            segments,
        }
    }

    fn wait<T>(poll: &mut Poll, mut look: impl FnMut() -> Option<T>) -> Option<T> {
        let mut events = Events::with_capacity(8);
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            if let Some(found) = look() {
                return Some(found);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            match poll.poll(&mut events, Some(left)) {
                // A debugger, or a stop of the whole test.
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                polled => polled.expect("a poll"),
            }
        }
    }

    /// The next thing the writer has to say that is an answer.
    fn answer(&mut self) -> WriterDone {
        loop {
            let done = Store::wait(&mut self.poll, || self.writer.try_recv()).expect("an answer");
            match done {
                WriterDone::Dropped { first, base } => self.dropped = Some((first, base)),
                answer => return answer,
            }
        }
    }

    /// Waits until files were dropped.
    pub(crate) fn drops(&mut self) -> (Seq, Pos) {
        if self.dropped.is_none() {
            let done = Store::wait(&mut self.poll, || self.writer.try_recv());
            let Some(WriterDone::Dropped { first, base }) = done else { panic!("{done:?}") };
            self.dropped = Some((first, base));
        }
        self.dropped.take().expect("just put")
    }

    /// Waits until so much was dropped.
    pub(crate) fn drops_until(&mut self, enough: impl Fn(Seq) -> bool) -> (Seq, Pos) {
        loop {
            let dropped = self.drops();
            if enough(dropped.0) {
                return dropped;
            }
        }
    }

    /// Appends bytes whatever they are.
    pub(crate) fn append_bytes(&mut self, first: Seq, bytes: Vec<u8>) -> Result<(), AppendError> {
        let job = WriterJob::Append { first, bytes: Bytes::from(bytes), answered: self.answered };
        assert!(self.writer.try_send(job).is_ok(), "the queue has room");
        match self.answer() {
            WriterDone::Appended(result) => result,
            other => panic!("{other:?}"),
        }
    }

    /// Appends the next `count` lines of [`line`] in one append.
    pub(crate) fn append(&mut self, count: u64) -> Result<(), AppendError> {
        let result = self.append_bytes(self.last.next(), lines(self.last.0 + 1, count));
        if result.is_ok() {
            self.last = Seq(self.last.0 + count);
        }
        result
    }

    /// Appends them one at a time, which has to succeed.
    pub(crate) fn append_each(&mut self, count: u64) {
        for _ in 0..count {
            assert_eq!(self.append(1), Ok(()));
        }
    }

    pub(crate) fn delivered(&mut self, lines: &str) -> Result<(), String> {
        assert!(self.writer.try_send(WriterJob::Delivered(lines.into())).is_ok(), "the queue has room");
        match self.answer() {
            WriterDone::Delivered(result) => result.map_err(|problem| problem.0),
            other => panic!("{other:?}"),
        }
    }

    /// Replaces all that was recorded.
    pub(crate) fn all_delivered(&mut self, lines: &str) -> Result<(), String> {
        assert!(self.writer.try_send(WriterJob::AllDelivered(lines.into())).is_ok(), "the queue has room");
        match self.answer() {
            WriterDone::Delivered(result) => result.map_err(|problem| problem.0),
            other => panic!("{other:?}"),
        }
    }

    /// Only asks for it; [`Store::snapshot_answer`] waits for the answer.
    pub(crate) fn request_snapshot(&self, snapshot: MembersSnapshot) {
        assert!(self.writer.try_send(WriterJob::Snapshot(snapshot)).is_ok(), "the queue has room");
    }

    pub(crate) fn snapshot(&mut self, snapshot: MembersSnapshot) -> Result<(), String> {
        self.request_snapshot(snapshot);
        self.snapshot_answer()
    }

    pub(crate) fn snapshot_answer(&mut self) -> Result<(), String> {
        match self.answer() {
            WriterDone::Snapshot(result) => result.map_err(|problem| problem.0),
            other => panic!("{other:?}"),
        }
    }

    /// Writes the note of a node.
    pub(crate) fn note(&mut self, text: &str) -> Result<(), String> {
        assert!(self.writer.try_send(WriterJob::Note(text.into())).is_ok(), "the queue has room");
        match self.answer() {
            WriterDone::NoteWritten(result) => result.map_err(|problem| problem.0),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn close(mut self) -> Result<(), String> {
        assert!(self.writer.try_send(WriterJob::Close).is_ok(), "the queue has room");
        match self.answer() {
            WriterDone::Closed(result) => result.map_err(|problem| problem.0),
            other => panic!("{other:?}"),
        }
    }

    /// Ends without a word, as a killed process does. Waits until the lock is free.
    pub(crate) fn kill(self) {
        let lock = self.dir.join("lock");
        drop(self);
        let file = fs::File::open(lock).expect("a lock");
        rustix::fs::flock(&file, rustix::fs::FlockOperation::LockExclusive).expect("free in the end");
        // Closing is not enough: a child that another test starts right now has the file open until it runs its program.
        rustix::fs::flock(&file, rustix::fs::FlockOperation::Unlock).expect("ours");
    }

    pub(crate) fn block(&mut self, number: u64) -> Block {
        let number = BlockNo(number);
        assert!(self.reader.try_send(ReaderJob::Block(number)).is_ok(), "the queue has room");
        match Store::wait(&mut self.poll, || self.reader.try_recv()).expect("an answer") {
            ReaderDone::Block(answered, result) => {
                assert_eq!(answered, number);
                result.expect("a block")
            }
            other @ ReaderDone::Line(..) => panic!("{other:?}"),
        }
    }

    pub(crate) fn locate(&mut self, seq: u64) -> Result<Pos, String> {
        assert!(self.reader.try_send(ReaderJob::Line(Seq(seq))).is_ok(), "the queue has room");
        match Store::wait(&mut self.poll, || self.reader.try_recv()).expect("an answer") {
            ReaderDone::Line(answered, result) => {
                assert_eq!(answered, Seq(seq));
                let (pos, found) = result.map_err(|problem| problem.0)?;
                let is_kept = seq <= self.last.0 && found.starts_with(b"MSG") || found.is_empty();
                assert!(!is_kept || found.is_empty() || found.ends_with(b"\n"));
                Ok(pos)
            }
            other @ ReaderDone::Block(..) => panic!("{other:?}"),
        }
    }
}

pub(crate) fn mail(text: &str) -> Mail {
    Mail::parse(text.as_bytes()).expect("a mail")
}

/// When the lines were said, in milliseconds since 1970: 2026-01-02.
const LINES_BEGIN: u64 = 1_767_323_045_678;

/// Line `seq` of the transcript of all tests: every tenth is a change of members, the others differ in length.
pub(crate) fn line(seq: u64) -> Vec<u8> {
    let who = mail(&format!("m{}@x", seq / 20));
    let text = format!("{seq} {}", "x".repeat(usize::try_from(seq * 7 % 60).expect("small")));
    let event = match seq % 20 {
        0 => Event::Added { by: Author::HandEdit, mail: who },
        10 => Event::Removed { by: Author::Member(mail("ann@x")), mail: who },
        _ => Event::Msg { mail: mail("ann@x"), text: Text::parse(text.as_bytes()).expect("a text") },
    };
    let mut line = Vec::new();
    EventLine { seq: Seq(seq), time: time(seq), event }.write(&mut line);
    line
}

/// Its time.
pub(crate) fn time(seq: u64) -> Time {
    Time::from_unix_ms(LINES_BEGIN + seq)
}

/// Lines from `first` on.
pub(crate) fn lines(first: u64, count: u64) -> Vec<u8> {
    (first..first + count).flat_map(line).collect()
}

/// Opens, looks, and lets go without a word.
pub(crate) fn look(dir: &Path, settings: &Settings) -> Result<Opened, Problem> {
    open(dir, settings)
}

/// The sentence with which opening is refused.
pub(crate) fn refused(dir: &Path, settings: &Settings) -> String {
    open(dir, settings).expect_err("refused").0
}

/// Makes all files as old as the lines of [`line`] say.
pub(crate) fn age(dir: &Path) {
    for path in files(dir) {
        // The writer may have dropped it since it was listed.
        let Ok(file) = fs::File::options().append(true).open(path) else { continue };
        file.set_modified(UNIX_EPOCH + Duration::from_millis(LINES_BEGIN)).expect("set");
    }
}

/// What `--check` finds; an error: all that it warns of, or that is wrong, except a missing snapshot of the members.
pub(crate) fn check(dir: &Path) -> Result<Checked, Vec<Problem>> {
    let checked = check_all(dir, SMALL.window, Whose::OneServers);
    let mut problems = [&checked.mistakes[..], &checked.warnings].concat();
    problems.retain(|problem| !problem.0.contains("/members: does not exist;"));
    if problems.is_empty() { Ok(checked) } else { Err(problems) }
}

/// The transcript's files, in order.
pub(crate) fn files(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = names(dir).iter().map(|name| dir.join(name)).collect();
    files.retain(|path| path.extension().is_some_and(|ext| ext == "txt"));
    files
}

/// All names in the folder, in order.
pub(crate) fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).expect("a folder");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// All that the files hold.
pub(crate) fn whole(dir: &Path) -> Vec<u8> {
    files(dir).iter().flat_map(|path| fs::read(path).expect("a file")).collect()
}
