//! Merges what we write and hand edits of members.txt.
//!
//! Invariant: `file` is the last version without a mistake, our own or a settled edit, to the byte. Its members are what
//! has been reported so far, except the edits in `unreported` and `overwritten`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::protocol::{Author, Mail};
use crate::room::{Change, ChangeError, MembersFile, Record, SaveError, differences};
use crate::server::files::{Problem, shown};
use crate::server::members::file::{
    AtomicFile, Debounce, FileRead, HandEdit, News, Put, ReplacedFiles, Stamp, State, Timing, Write, weak,
};

/// The result of each change, or why none could be made.
pub(super) type Made = Result<Vec<Result<(), ChangeError>>, Problem>;

#[derive(Debug)]
pub(super) struct Merge {
    path: PathBuf,
    pub(super) timing: Timing,
    file: MembersFile,
    /// Members whose lines were edited since edits were last reported, and what they said before.
    unreported: BTreeMap<Mail, Option<Record>>,
    /// Edits over which the view has been written since.
    overwritten: Vec<HandEdit>,
    /// Why the file cannot be read or parsed, if it cannot.
    problem: State,
    /// The next look reports a problem even if it is known.
    repeat_problem: bool,
    /// Why the file cannot be replaced, if it cannot.
    obstacle: State,
    /// The last change met that obstacle, and a probe does not see it: only the next change can tell that it is gone.
    is_hidden: bool,
    /// When to look for an obstacle next.
    next_probe: Option<Instant>,
    settling: Debounce<Option<Stamp>>,
    /// The last look found an edit that may not be finished.
    is_settling: bool,
    /// The settled stamp of the file that was read last.
    seen: Option<Stamp>,
    /// When we last replaced the file.
    placed: Instant,
    replaced: ReplacedFiles,
}

impl Merge {
    pub(super) fn open(path: PathBuf, file: MembersFile, timing: Timing) -> Merge {
        if let Ok(target) = AtomicFile::find(&path) {
            target.remove_stale();
        }
        Merge {
            path,
            timing,
            file,
            unreported: BTreeMap::new(),
            overwritten: Vec::new(),
            problem: State::default(),
            repeat_problem: false,
            obstacle: State::default(),
            is_hidden: false,
            next_probe: Some(Instant::now()),
            settling: Debounce { last: None },
            is_settling: false,
            seen: None,
            placed: Instant::now(),
            replaced: ReplacedFiles::default(),
        }
    }

    /// Makes the changes, all in one replacement, and returns one result each, in order. After `give_up` it no longer waits
    /// for an editor.
    pub(super) fn change(
        &mut self,
        changes: &[(Author, Change)],
        give_up: Instant,
    ) -> Vec<Result<(), SaveError>> {
        let writes: Vec<Write> =
            changes.iter().map(|(by, change)| Write::Command(by.clone(), change.clone())).collect();
        match self.replace(None, &writes, give_up) {
            Ok(results) => results.into_iter().map(|result| result.map_err(SaveError::Refused)).collect(),
            Err(problem) => vec![Err(SaveError::Storage(problem.to_members(&self.path))); changes.len()],
        }
    }

    /// Makes the lines of these members say what the group says, all in one replacement. Edits of the same lines are reported
    /// as they were. After `give_up` it no longer waits for an editor.
    pub(super) fn view(&mut self, writes: &[Write], give_up: Instant) -> Made {
        self.replace(None, writes, give_up)
    }

    /// What has not been reported yet.
    pub(super) fn news(&mut self) -> News {
        let mut edits = std::mem::take(&mut self.overwritten);
        edits.extend(self.take_unreported());
        News { edits, readable: self.problem.news(), replaceable: self.obstacle.news() }
    }

    fn take_unreported(&mut self) -> Vec<HandEdit> {
        let unreported = std::mem::take(&mut self.unreported).into_iter();
        let edit = |(mail, before)| HandEdit { after: self.file.get(&mail).cloned(), mail, before };
        unreported.map(edit).collect()
    }

    /// Looks for an edit that has settled. Does not wait.
    pub(super) fn look(&mut self) {
        self.is_settling = false;
        let stamp = self.stamp();
        if stamp.is_some() && stamp == self.seen {
            return;
        }
        let settled = self.settling.calm_for(stamp, Instant::now()) >= self.timing.settle;
        let Some(read) = settled.then(|| self.read_as(stamp)).flatten() else {
            self.is_settling = true;
            return;
        };
        self.seen = stamp;
        self.next_probe = Some(Instant::now());
        let was_wrong = self.problem.now.is_some();
        if self.take_in(read).is_ok() && (was_wrong || !self.unreported.is_empty()) {
            for warning in weak(&shown(&self.path), &self.file) {
                log::warn!("{warning}");
            }
        }
    }

    /// How long the next look may wait.
    pub(super) fn next_look(&self) -> Duration {
        if self.is_settling { self.timing.poll() } else { self.timing.look }
    }

    /// The next look reads the file, whatever its stamp, and reports known problems again.
    pub(super) fn look_afresh(&mut self) {
        self.seen = None;
        self.next_probe = Some(Instant::now());
        self.repeat_problem = true;
        self.obstacle.repeat = true;
    }

    /// Takes over an edit that an editor wrote into a file after we had replaced it. The changes made since are applied to
    /// it.
    pub(super) fn late_edit(&mut self) {
        let Some((bytes, since)) = self.replaced.edited(Instant::now(), self.timing.settle) else { return };
        let name = shown(&self.path);
        let mut file = match MembersFile::parse(&bytes) {
            Ok(file) => file,
            Err(mistake) => {
                log::warn!("{name}: an edit written late into the replaced file is ignored, line {mistake}");
                return;
            }
        };
        for write in &since {
            // The edit has made refused ones pointless: adding a member who is there, removing one who is not.
            let _: Result<(), ChangeError> = write.apply(&mut file);
        }
        let made = self.replace(Some(&file), &[], Instant::now() + self.timing.patience);
        if let Err(problem) = made {
            log::warn!("an edit written late into the replaced file is ignored: {problem}");
        }
    }

    /// Writes into the file as it is now, or into `edited` instead. One result each, or a problem for all.
    fn replace(&mut self, edited: Option<&MembersFile>, writes: &[Write], give_up: Instant) -> Made {
        while let Some(read) = self.read_settled(give_up) {
            let old = self.take_in(read)?;
            if let Some(edited) = edited {
                self.follow(edited.clone());
            }
            if matches!(writes.first(), Some(Write::View(..))) {
                let edits = self.take_unreported();
                self.overwritten.extend(edits);
            }
            let results: Vec<_> = writes.iter().map(|write| write.make(&mut self.file)).collect();
            let new = self.file.to_bytes();
            if new == old.bytes {
                return Ok(results);
            }
            let put = old.replace(&new);
            if !matches!(put, Ok(Put::Done)) {
                // The file is as it was.
                self.file = old.parse()?;
            }
            match put {
                Ok(Put::Edited) if Instant::now() < give_up => {}
                Ok(Put::Edited) => break,
                Ok(Put::Done) => {
                    (self.obstacle.now, self.is_hidden) = (None, false);
                    let made = writes.iter().zip(&results).filter(|(_, result)| result.is_ok());
                    let made: Vec<Write> = made.map(|(write, _)| write.clone()).collect();
                    let now = Instant::now();
                    let stood = now.saturating_duration_since(std::mem::replace(&mut self.placed, now));
                    self.replaced.add(old, stood, now + self.timing.old_watch, &made);
                    return Ok(results);
                }
                // A change may have been refused because of an earlier one that has failed now, so the problem is the
                // answer to all.
                Err(met) => {
                    let probed = old.obstacle();
                    self.is_hidden = probed.is_none();
                    let problem = probed.unwrap_or(met);
                    self.obstacle.now = Some(problem.clone());
                    return Err(problem);
                }
            }
        }
        Err(Problem(format!("{}: somebody is writing to it; try again", shown(&self.path))))
    }

    /// What was read becomes the current version, unless it has a mistake.
    fn take_in(&mut self, read: Result<FileRead, Problem>) -> Result<FileRead, Problem> {
        let taken = read.and_then(|found| {
            if !found.is_known && !self.file.is(&found.bytes) {
                self.follow(found.parse()?);
            }
            Ok(found)
        });
        self.problem.now = taken.as_ref().err().cloned();
        self.problem.repeat |= std::mem::take(&mut self.repeat_problem);
        taken
    }

    /// An edited version becomes the current one. The members that differ are to be reported.
    fn follow(&mut self, edited: MembersFile) {
        for mail in differences(self.file.members(), edited.members()) {
            let before = self.file.get(&mail).cloned();
            self.unreported.entry(mail).or_insert(before);
        }
        self.file = edited;
    }

    /// Looks for obstacles to a change: after an edit, which may have changed the owner or the mode, and now and then while
    /// there is one.
    pub(super) fn probe(&mut self) {
        let now = Instant::now();
        if self.next_probe.is_none_or(|at| now < at) {
            return;
        }
        // A file that cannot be read is a problem, not an obstacle, and says nothing of one.
        if !self.is_hidden
            && let Ok(found) = FileRead::at(&self.path)
        {
            self.obstacle.now = found.obstacle();
        }
        self.next_probe = self.obstacle.now.is_some().then(|| now + self.timing.probe);
    }

    /// Reads the file as soon as no edit is in progress: at once, if it is the version we know. `None` if somebody is still
    /// writing to it at `give_up`.
    fn read_settled(&mut self, give_up: Instant) -> Option<Result<FileRead, Problem>> {
        let mut looked = None;
        loop {
            let (stamp, now) = (self.stamp(), Instant::now());
            let settled = self.settling.calm_for(stamp, now) >= self.timing.settle;
            // Once for each stamp, so that a large file is not read all the time.
            if settled || looked != Some(stamp) {
                looked = Some(stamp);
                match self.read_as(stamp) {
                    Some(read) if settled => {
                        self.seen = stamp;
                        return Some(read);
                    }
                    Some(Ok(found)) if self.file.is(&found.bytes) => {
                        return Some(Ok(FileRead { is_known: true, ..found }));
                    }
                    _ => {}
                }
            }
            if now >= give_up {
                return None;
            }
            sleep(self.timing.poll());
        }
    }

    /// Reads the file; `None` if it no longer has this stamp.
    fn read_as(&self, stamp: Option<Stamp>) -> Option<Result<FileRead, Problem>> {
        let read = FileRead::at(&self.path);
        let now = read.as_ref().map_or_else(|_| self.stamp(), |found| Some(found.stamp));
        (now == stamp).then_some(read)
    }

    fn stamp(&self) -> Option<Stamp> {
        AtomicFile::find(&self.path).ok().and_then(|target| target.stamp())
    }
}
