//! How far a device was shown the transcript: a small file, written each time the terminal has taken lines, so that the next chat
//! begins where the last one ended, however it ended. The server cannot know that: what it sent may have been lost in a proxy,
//! in the kernel of this machine, or in a program that was stopped.
//!
//! The record has a fixed length and is written in place, without a sync: what the kernel has taken outlives the program, and
//! after a power cut an older record repeats lines, but loses none. Chats of one device share the file, and what one of them has
//! shown counts as shown: each began where the file said, so together they leave nothing out.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::connection::numbers::Place;
use super::files::write_whole;
use crate::protocol::Seq;

/// Bytes that are read of the file: more than a record has.
const RECORD_MAX: usize = 128;

/// The file of one device at one server.
#[derive(Debug)]
pub(super) struct ShownFile {
    /// `None`: there is no folder to remember anything.
    path: Option<PathBuf>,
    file: Option<File>,
    /// What this chat read or recorded last.
    pub(super) mine: Option<Place>,
    /// To be recorded when no other chat holds the lock.
    pending: Option<Place>,
}

impl ShownFile {
    /// Reads what the last chat has recorded.
    pub(super) fn read(path: Option<PathBuf>) -> ShownFile {
        let mine = path.as_deref().and_then(|path| parse(&std::fs::read(path).ok()?));
        ShownFile { path, file: None, mine, pending: None }
    }

    /// Records a place. While another chat holds the lock it is put off, until [`ShownFile::retry`].
    pub(super) fn record(&mut self, place: &Place) -> io::Result<()> {
        self.pending = Some(place.clone());
        self.retry()
    }

    /// Records what was put off.
    pub(super) fn retry(&mut self) -> io::Result<()> {
        let (Some(place), Some(path)) = (&self.pending, &self.path) else { return Ok(()) };
        let file = match &self.file {
            Some(file) => file,
            None => self.file.insert(open(path, place)?),
        };
        // Without waiting: the other chat may have been stopped while it holds the lock. A file system without locks gives
        // another error.
        if flock(file, FlockOperation::NonBlockingLockExclusive) == Err(Errno::WOULDBLOCK) {
            return Ok(());
        }
        let recorded = write(file, place, self.mine.as_ref());
        let _ = flock(file, FlockOperation::Unlock);
        self.mine = self.pending.take();
        recorded
    }

    /// The chat is over: the record is synced to disk.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        self.retry()?;
        if let (Some(file), Some(place)) = (&self.file, self.pending.take()) {
            write(file, &place, self.mine.as_ref())?;
        }
        self.file.as_ref().map_or(Ok(()), File::sync_data)
    }
}

fn line(place: &Place) -> String {
    format!("{} {:020}\n", place.transcript, place.shown.0)
}

/// `None` for anything but a whole record.
fn parse(bytes: &[u8]) -> Option<Place> {
    let (transcript, shown) = std::str::from_utf8(bytes).ok()?.strip_suffix('\n')?.split_once(' ')?;
    let is_whole = !transcript.is_empty() && shown.len() == 20;
    is_whole.then_some(Place { transcript: transcript.to_owned(), shown: Seq(shown.parse().ok()?) })
}

fn open(path: &Path, place: &Place) -> io::Result<File> {
    let existing = || OpenOptions::new().read(true).write(true).open(path);
    match existing() {
        Err(why) if why.kind() == ErrorKind::NotFound => {
            write_whole(path, &line(place))?;
            existing()
        }
        opened => opened,
    }
}

/// Writes the record, unless another chat has shown more. A chat that goes back before what it read or recorded itself has a
/// reason: the server has begun to count from 1 again.
fn write(file: &File, place: &Place, mine: Option<&Place>) -> io::Result<()> {
    let mut bytes = [0; RECORD_MAX];
    let len = file.read_at(&mut bytes, 0)?;
    let is_further = |found: &Place| found.transcript == place.transcript && found.shown >= place.shown;
    let goes_back = mine.is_some_and(|mine| mine.transcript == place.transcript && mine.shown > place.shown);
    if !goes_back && parse(&bytes[..len]).as_ref().is_some_and(is_further) {
        return Ok(());
    }
    let record = line(place);
    file.write_all_at(record.as_bytes(), 0)?;
    if len == record.len() { Ok(()) } else { file.set_len(record.len() as u64) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(transcript: &str, shown: u64) -> Place {
        Place { transcript: transcript.to_owned(), shown: Seq(shown) }
    }

    struct Stage(tempfile::TempDir);

    impl Stage {
        fn new() -> Stage {
            Stage(tempfile::tempdir().expect("a folder"))
        }

        fn path(&self) -> PathBuf {
            self.0.path().join("shown/here/ann@x")
        }

        fn chat(&self) -> ShownFile {
            ShownFile::read(Some(self.path()))
        }

        #[track_caller]
        fn check(&self, expected: Option<&Place>) {
            assert_eq!(self.chat().mine.as_ref(), expected);
        }
    }

    #[test]
    fn what_was_recorded_is_found_by_the_next_chat() {
        let stage = Stage::new();
        stage.check(None);
        let mut chat = stage.chat();
        for shown in [7, 8, 1_000_000] {
            chat.record(&place("0123abcd", shown)).expect("written");
            stage.check(Some(&place("0123abcd", shown)));
        }
        chat.finish().expect("synced");
        // Another transcript, with a name of another length.
        chat.record(&place("a", 3)).expect("written");
        stage.check(Some(&place("a", 3)));
        chat.record(&place("0123abcd", 2)).expect("written");
        stage.check(Some(&place("0123abcd", 2)));
    }

    #[test]
    fn of_two_chats_the_one_that_has_shown_more_counts() {
        let stage = Stage::new();
        let (mut one, mut two) = (stage.chat(), stage.chat());
        one.record(&place("a", 5)).expect("written");
        two.record(&place("a", 9)).expect("written");
        one.record(&place("a", 6)).expect("written");
        stage.check(Some(&place("a", 9)));
        // But a chat that finds the server counting from 1 again records that.
        let mut next = stage.chat();
        next.record(&place("a", 2)).expect("written");
        stage.check(Some(&place("a", 2)));
        next.record(&place("a", 3)).expect("written");
        stage.check(Some(&place("a", 3)));
    }

    #[test]
    fn no_chat_waits_for_one_that_was_stopped() {
        let stage = Stage::new();
        let mut chat = stage.chat();
        chat.record(&place("a", 1)).expect("written");
        let other = File::open(stage.path()).expect("it is there");
        flock(&other, FlockOperation::LockExclusive).expect("no chat holds it");
        chat.record(&place("a", 2)).expect("put off");
        stage.check(Some(&place("a", 1)));
        drop(other);
        chat.retry().expect("written");
        stage.check(Some(&place("a", 2)));
        let other = File::open(stage.path()).expect("it is there");
        flock(&other, FlockOperation::LockExclusive).expect("no chat holds it");
        chat.record(&place("a", 3)).expect("put off");
        chat.finish().expect("written all the same");
        stage.check(Some(&place("a", 3)));
    }

    #[test]
    fn a_torn_record_counts_as_none() {
        let stage = Stage::new();
        stage.chat().record(&place("a", 1)).expect("written");
        for torn in
            ["", "a 1\n", "a 00000000000000000001", " 00000000000000000001\n", "a 0000000000000000000x\n"]
        {
            std::fs::write(stage.path(), torn).expect("written");
            stage.check(None);
        }
        stage.chat().record(&place("a", 4)).expect("written");
        stage.check(Some(&place("a", 4)));
        // Without a folder nothing is remembered, and nothing fails.
        let mut nowhere = ShownFile::read(None);
        nowhere.record(&place("a", 1)).expect("nothing to do");
        nowhere.finish().expect("nothing to do");
        let mut refused = ShownFile::read(Some(PathBuf::from("/proc/nowhere/ann@x")));
        refused.record(&place("a", 1)).expect_err("it cannot be written there");
    }
}
