//! What is to be put into members.txt, and what in it is news.
//!
//! Invariant: `file` is the last file without a mistake, ours or an edit's that has settled, to the byte. Who was told of
//! all changes and edits but those of `untold` knows the group as it stands in it.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::protocol::Mail;
use crate::room::{Change, ChangeError, MembersFile, SaveError, differences};
use crate::server::files::paths::shown;
use crate::server::files::problem::Problem;
use crate::server::members::file::atomic_file::{AtomicFile, FileRead, Put, Stamp};
use crate::server::members::file::debounce::Debounce;
use crate::server::members::file::late_edits::ReplacedFiles;
use crate::server::members::file::news::{News, State, weak};
use crate::server::members::file::timing::Timing;

/// What became of each change, or why nothing could be done.
type Made = Result<Vec<Result<(), ChangeError>>, Problem>;

/// The thread's state.
#[derive(Debug)]
pub(super) struct Merge {
    path: PathBuf,
    timing: Timing,
    file: MembersFile,
    /// Whose lines were edited since it was last told of edits.
    untold: BTreeSet<Mail>,
    /// Why the file cannot be followed.
    problem: State,
    /// The next look tells a problem even if it is known.
    repeat_problem: bool,
    /// Why the file cannot be replaced.
    obstacle: State,
    /// That was shown by the last change, where a look sees nothing: only the next change can tell that it is gone.
    is_met: bool,
    /// When it is looked for at the latest, if anything tells of it but a change.
    next_probe: Option<Instant>,
    settling: Debounce<Option<Stamp>>,
    /// The last look found an edit that may not be over.
    is_settling: bool,
    /// The settled stamp of which all is known.
    seen: Option<Stamp>,
    /// Since when the present file has stood there, as far as we put it there.
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
            untold: BTreeSet::new(),
            problem: State::default(),
            repeat_problem: false,
            obstacle: State::default(),
            is_met: false,
            next_probe: Some(Instant::now()),
            settling: Debounce::new(),
            is_settling: false,
            seen: None,
            placed: Instant::now(),
            replaced: ReplacedFiles::new(),
        }
    }

    /// Makes the changes, all in one replacement, and says what became of each, in their order. From `give_up` on no
    /// edit is waited for any more.
    pub(super) fn change(&mut self, changes: &[Change], give_up: Instant) -> Vec<Result<(), SaveError>> {
        match self.replace(None, changes, give_up) {
            Ok(results) => results.into_iter().map(|result| result.map_err(SaveError::Refused)).collect(),
            Err(problem) => vec![Err(SaveError::Storage(problem.to_members(&self.path))); changes.len()],
        }
    }

    /// What was not told yet.
    pub(super) fn news(&mut self) -> News {
        let untold = std::mem::take(&mut self.untold).into_iter();
        News {
            edits: untold.map(|mail| (mail.clone(), self.file.get(&mail).cloned())).collect(),
            readable: self.problem.news(),
            replaceable: self.obstacle.news(),
        }
    }

    /// Looks at the file, and waits for nothing. There is news, if there is an edit that has settled.
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
        if self.take_in(read).is_ok() && (was_wrong || !self.untold.is_empty()) {
            for warning in weak(&shown(&self.path), &self.file) {
                log::warn!("{warning}");
            }
        }
    }

    /// How long the next look may wait.
    pub(super) fn next_look(&self) -> Duration {
        if self.is_settling { self.timing.poll() } else { self.timing.look }
    }

    /// The next look reads, whatever the stamp, and a problem is told again.
    pub(super) fn look_afresh(&mut self) {
        self.seen = None;
        self.next_probe = Some(Instant::now());
        self.repeat_problem = true;
        self.obstacle.repeat = true;
    }

    /// Takes over an edit that was written into a file after that was replaced: what commands have changed since
    /// is made anew on top of it.
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
        for change in &since {
            // What is refused, the edit has made pointless: adding who is there, removing who is not.
            let _: Result<(), ChangeError> = file.apply(change);
        }
        let made = self.replace(Some(&file.to_bytes()), &[], Instant::now() + self.timing.patience);
        if let Err(problem) = made {
            log::warn!("an edit written late into the replaced file is ignored: {problem}");
        }
    }

    /// Makes the changes to the file as it is now, or puts `edited` there. One result each, or a problem for all.
    fn replace(&mut self, edited: Option<&[u8]>, changes: &[Change], give_up: Instant) -> Made {
        while let Some(read) = self.read_settled(give_up) {
            let (target, old) = self.take_in(read)?;
            if let Some(edited) = edited {
                self.follow(target.parse(edited)?);
            }
            let results: Vec<_> = changes.iter().map(|change| self.file.apply(change)).collect();
            if self.file.is(&old.bytes) {
                return Ok(results);
            }
            let put = target.put(&self.file.to_bytes(), &old);
            if !matches!(put, Ok(Put::Done)) {
                // Nothing has come of it.
                self.file = target.parse(&old.bytes)?;
            }
            match put {
                Ok(Put::Edited) if Instant::now() < give_up => {}
                Ok(Put::Edited) => break,
                Ok(Put::Done) => {
                    (self.obstacle.now, self.is_met) = (None, false);
                    let made = changes.iter().zip(&results).filter(|(_, result)| result.is_ok());
                    let made: Vec<Change> = made.map(|(change, _)| change.clone()).collect();
                    self.went_out(old, &made);
                    return Ok(results);
                }
                // A change may have been refused because of one before it that has now failed: the problem is
                // the answer to all.
                Err(met) => {
                    let probed = target.obstacle(&old);
                    self.is_met = probed.is_none();
                    let problem = probed.unwrap_or(met);
                    self.obstacle.now = Some(problem.clone());
                    return Err(problem);
                }
            }
        }
        Err(Problem(format!("{}: somebody is writing to it; try again", shown(&self.path))))
    }

    /// What was read is the file from now on, if there is no mistake in it.
    fn take_in(
        &mut self,
        read: Result<(AtomicFile, FileRead), Problem>,
    ) -> Result<(AtomicFile, FileRead), Problem> {
        let taken = read.and_then(|(target, found)| {
            if !self.file.is(&found.bytes) {
                self.follow(target.parse(&found.bytes)?);
            }
            Ok((target, found))
        });
        self.problem.now = taken.as_ref().err().cloned();
        self.problem.repeat |= std::mem::take(&mut self.repeat_problem);
        taken
    }

    /// An edit: whose lines are others is to be told.
    fn follow(&mut self, edited: MembersFile) {
        self.untold.extend(differences(self.file.members(), edited.members()));
        self.file = edited;
    }

    /// Looks for what would keep a change from being made: after an edit, which may be of the owner or the mode, and
    /// now and then while there is something.
    pub(super) fn probe(&mut self) {
        let now = Instant::now();
        if self.next_probe.is_none_or(|at| now < at) {
            return;
        }
        if !self.is_met {
            let read = AtomicFile::find(&self.path).and_then(|target| Ok((target.read()?, target)));
            // A file that cannot be read is a problem of its own.
            self.obstacle.now = read.ok().and_then(|(found, target)| target.obstacle(&found));
        }
        self.next_probe = self.obstacle.now.is_some().then(|| now + self.timing.probe);
    }

    fn went_out(&mut self, old: FileRead, changes: &[Change]) {
        let now = Instant::now();
        let stood = now.saturating_duration_since(self.placed);
        self.placed = now;
        self.replaced.add(old.file, &old.bytes, stood, now + self.timing.old_watch, changes);
    }

    /// Reads the file as soon as no edit is under way: at once, if it holds what we know. `None`: somebody is still
    /// writing to it at `give_up`.
    fn read_settled(&mut self, give_up: Instant) -> Option<Result<(AtomicFile, FileRead), Problem>> {
        let mut looked = None;
        loop {
            let (stamp, now) = (self.stamp(), Instant::now());
            let settled = self.settling.calm_for(stamp, now) >= self.timing.settle;
            // Once for each state in which it is found: a large file is not read all the time.
            if settled || looked != Some(stamp) {
                looked = Some(stamp);
                let read = self.read_as(stamp);
                let is_known = |found: &FileRead| self.file.is(&found.bytes);
                match read {
                    Some(read) if settled => {
                        self.seen = stamp;
                        return Some(read);
                    }
                    Some(Ok((target, found))) if is_known(&found) => return Some(Ok((target, found))),
                    _ => {}
                }
            }
            if now >= give_up {
                return None;
            }
            sleep(self.timing.poll());
        }
    }

    /// Reads the file; nothing, if it is not the one any more that this is the stamp of.
    fn read_as(&self, stamp: Option<Stamp>) -> Option<Result<(AtomicFile, FileRead), Problem>> {
        let read = AtomicFile::find(&self.path).and_then(|target| {
            let found = target.read()?;
            Ok((target, found))
        });
        let now = read.as_ref().map_or_else(|_| self.stamp(), |(_, found)| Some(found.stamp));
        (now == stamp).then_some(read)
    }

    fn stamp(&self) -> Option<Stamp> {
        AtomicFile::find(&self.path).ok().and_then(|target| target.stamp())
    }
}
