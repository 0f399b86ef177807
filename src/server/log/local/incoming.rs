//! Files that are copied from another node. They gather in a folder of their own until all are here and checked; then they
//! move into the history, oldest first. So whatever is killed at whatever moment, what is in the history is good, and the
//! next start copies what is missing.

use std::fs::{File, remove_dir_all, rename};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;

use log::warn;

use crate::files::{if_there, new_file};
use crate::protocol::{Seq, Time};
use crate::server::files::{Problem, attributes};
use crate::server::log::local::disk::Folder;
use crate::server::log::local::recovery::{Opened, copy};
use crate::server::log::local::scan::{self, Verified};
use crate::server::log::local::segments::{Segments, SharedSegments, firsts_of_segments, segment_name};
use crate::server::log::local::snapshot::{self, MembersSnapshot};
use crate::server::log::local::state;

/// The folder, within the history's: so they can be renamed into it.
const INCOMING: &str = "incoming";

/// See the module.
#[derive(Debug)]
pub struct Incoming {
    history: Folder,
    folder: Arc<Folder>,
    /// In their order, without a hole. Only the last one grows.
    files: Vec<Arrived>,
    open: Option<File>,
}

/// A file that has come, as far as it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrived {
    /// Its first event.
    pub first: Seq,
    /// Its bytes.
    pub len: u64,
    /// The event after its last one, as far as its lines are verified.
    pub next: Seq,
    last_time: Time,
}

/// What a history is adopted with.
#[derive(Debug)]
pub struct Adopted<'a> {
    /// The transcript's id.
    pub id: u32,
    /// The key for tokens.
    pub key: &'a [u8; 32],
    /// The members after an event that is here.
    pub members: MembersSnapshot,
    /// The note of the stream.
    pub applied: &'a [u8],
}

impl Incoming {
    /// What an earlier process has left is kept as far as it can be continued: verified lines, without a hole, from one of
    /// `begins` on if there are any.
    pub fn open(dir: &Path, begins: Option<[Seq; 2]>) -> Result<Incoming, Problem> {
        let folder = Arc::new(Folder::new(&dir.join(INCOMING)));
        folder.create()?;
        let history = Folder::new(dir);
        let mut incoming = Incoming { history, folder, files: Vec::new(), open: None };
        let mut is_continued = true;
        for first in firsts_of_segments(&incoming.folder)? {
            is_continued &= match incoming.files.last() {
                Some(before) => before.next == first,
                None => begins.is_none_or(|begins| begins.contains(&first)),
            };
            if is_continued {
                is_continued = incoming.resume(first)?;
            } else {
                incoming.folder.remove(&segment_name(first))?;
            }
        }
        Ok(incoming)
    }

    /// Nothing is copied: whatever an earlier process has left is of no use any more.
    pub fn discard(dir: &Path) -> Result<(), Problem> {
        let removed = if_there(remove_dir_all(dir.join(INCOMING)));
        removed.map(drop).map_err(|error| Folder::new(dir).cannot(INCOMING, "remove this folder", &error))
    }

    /// Keeps the good lines of a file. Returns whether all of it was good.
    fn resume(&mut self, first: Seq) -> Result<bool, Problem> {
        let name = segment_name(first);
        let after = self.last().map_or(Time::default(), |last| last.last_time);
        let resume = || -> io::Result<(File, Verified)> {
            let file = self.folder.open(&name)?;
            let verified = scan::verify(&file, first, after)?;
            file.set_len(verified.good)?;
            Ok((file, verified))
        };
        let (file, verified) = resume().map_err(|error| self.folder.cannot(&name, "continue it", &error))?;
        let Verified { good: len, next, last_time, bad, .. } = verified;
        self.files.push(Arrived { first, len, next, last_time });
        self.open = Some(file);
        Ok(bad.is_none())
    }

    /// The last file.
    pub fn last(&self) -> Option<Arrived> {
        self.files.last().copied()
    }

    /// All of them.
    pub fn files(&self) -> &[Arrived] {
        &self.files
    }

    /// Another file follows, which begins with this event.
    pub fn begin(&mut self, first: Seq) -> Result<(), Problem> {
        let name = segment_name(first);
        let made = new_file(&self.folder.path(&name)).and_then(|_| self.folder.open(&name));
        self.open = Some(made.map_err(|error| self.folder.cannot(&name, "make it", &error))?);
        let last_time = self.last().map_or(Time::default(), |last| last.last_time);
        self.files.push(Arrived { first, len: 0, next: first, last_time });
        Ok(())
    }

    /// The same, but it begins with what the history has of it, these bytes up to the event before `next`.
    pub fn begin_with_own(&mut self, first: Seq, len: u64, next: Seq) -> Result<(), Problem> {
        let name = segment_name(first);
        self.begin(first)?;
        let begun = || -> io::Result<()> {
            let own = File::open(self.history.path(&name))?;
            let mut file = self.folder.open(&name)?;
            if let Err(kept) = attributes::keep(&own, &file) {
                warn!("{}", self.history.cannot(&name, &format!("keep its {}", kept.what), &kept.why));
            }
            copy(&own, &mut file, len)
        };
        begun().map_err(|error| self.folder.cannot(&name, "copy it", &error))?;
        let last = self.files.last_mut().expect("it was just begun");
        (last.len, last.next) = (len, next);
        Ok(())
    }

    /// Appends to the last file.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), Problem> {
        let (last, file) = (self.files.last_mut(), self.open.as_ref());
        let (last, file) = last.zip(file).expect("a file was begun");
        let written = file.write_all_at(bytes, last.len);
        written.map_err(|error| self.folder.cannot(&segment_name(last.first), "write to it", &error))?;
        last.len += bytes.len() as u64;
        Ok(())
    }

    /// Syncs and verifies the last file. An answer with an error: it has a bad line, and is removed.
    pub fn verify(&mut self) -> Result<Result<(), String>, Problem> {
        let Some((Arrived { first, .. }, file)) = self.last().zip(self.open.as_ref()) else {
            return Ok(Ok(()));
        };
        let before = self.files.iter().rev().nth(1);
        let after = before.map_or(Time::default(), |before| before.last_time);
        let name = segment_name(first);
        let verified = file.sync_all().and_then(|()| scan::verify(file, first, after));
        let verified = verified.map_err(|error| self.folder.cannot(&name, "sync it", &error));
        let Verified { next, last_time, bad, .. } = match verified {
            Ok(verified) => verified,
            Err(problem) => {
                // After a failed sync the kernel takes it for written.
                let _: Result<(), Problem> = self.forget_last();
                return Err(problem);
            }
        };
        if let Some((line, what)) = bad {
            self.forget_last()?;
            return Ok(Err(format!("line {line} of {name}: {what}")));
        }
        let last = self.files.last_mut().expect("it was just there");
        (last.next, last.last_time) = (next, last_time);
        Ok(Ok(()))
    }

    /// Removes the last file: it will come again.
    pub fn forget_last(&mut self) -> Result<(), Problem> {
        self.open = None;
        let Some(last) = self.files.pop() else { return Ok(()) };
        self.folder.remove(&segment_name(last.first))?;
        if let Some(before) = self.last() {
            let name = segment_name(before.first);
            let open = self.folder.open(&name);
            self.open = Some(open.map_err(|error| self.folder.cannot(&name, "open it", &error))?);
        }
        Ok(())
    }

    /// Removes all of them.
    pub fn clear(&mut self) -> Result<(), Problem> {
        while !self.files.is_empty() {
            self.forget_last()?;
        }
        Ok(())
    }

    /// The files as a history. `None`: there are none.
    pub fn segments(&self) -> Option<SharedSegments> {
        let mut segments = Segments::new(self.files.first()?.first);
        for (at, file) in self.files.iter().enumerate() {
            if at > 0 {
                segments.push(self.files[at - 1].last_time);
            }
            segments.grow(file.len, file.next);
        }
        Some(SharedSegments::new(Arc::clone(&self.folder), segments))
    }

    /// Moves them into the history, which has to continue with the first of them, or to have no event. Gives the history's lock
    /// back.
    pub fn adopt(mut self, opened: Opened, with: &Adopted<'_>) -> Result<(), Problem> {
        self.open = None;
        let (first, last) = opened.segments.kept();
        let steps = self.steps((last < first).then_some(first));
        steps.into_iter().try_for_each(|step| self.take(step, with))?;
        drop(opened);
        Ok(())
    }

    /// In this order: whatever the last one is that is taken, the history is good. `empty` is its only file if that has no event.
    fn steps(&self, empty: Option<Seq>) -> Vec<Step> {
        let mut steps = vec![Step::Name];
        // It may begin elsewhere than the others.
        steps.extend(empty.filter(|_| !self.files.is_empty()).map(Step::RemoveEmpty));
        steps.extend(self.files.iter().map(|file| Step::Move(file.first)));
        steps.extend([Step::Members, Step::Applied, Step::RemoveFolder]);
        steps
    }

    fn take(&self, step: Step, with: &Adopted<'_>) -> Result<(), Problem> {
        let history = &self.history;
        match step {
            Step::Name => state::adopt_in(history, with.id, with.key),
            Step::RemoveEmpty(first) => history.remove(&segment_name(first)),
            Step::Move(first) => {
                let name = segment_name(first);
                let moved =
                    rename(self.folder.path(&name), history.path(&name)).and_then(|()| history.sync());
                moved.map_err(|error| history.cannot(&name, "move it here", &error))
            }
            Step::Members => snapshot::write(history, &with.members),
            Step::Applied => history.replace(state::APPLIED, with.applied),
            Step::RemoveFolder => {
                let gone = remove_dir_all(history.path(INCOMING)).and_then(|()| history.sync());
                gone.map_err(|error| history.cannot(INCOMING, "remove this folder", &error))
            }
        }
    }
}

/// A step on the way into the history. Each is durable before the next one.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// The transcript's id and the tokens' key. Before any event: with another id they would be of another transcript.
    Name,
    RemoveEmpty(Seq),
    Move(Seq),
    Members,
    Applied,
    RemoveFolder,
}

#[cfg(test)]
mod tests;
