//! What is to be put into members.txt, and what in it is news.
//!
//! Invariant: `roster` and `problem` are what was told last. `known` are the bytes of the last file without a
//! mistake, ours or an edit's that has settled: a file with these bytes holds no edit.

use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::room::{Change, ChangeError, MembersFile, Roster, SaveError};
use crate::server::files::paths::shown;
use crate::server::files::problem::Problem;
use crate::server::members::file::late::Olds;
use crate::server::members::file::place::{Found, Place, Put, Stamp};
use crate::server::members::file::problem::{News, weak};
use crate::server::members::file::settling::Settling;
use crate::server::members::file::timing::Timing;

/// What became of each change, or why nothing could be done.
type Made = Result<Vec<Result<(), ChangeError>>, Problem>;

/// Why the file cannot be replaced, and what has shown it.
#[derive(Debug)]
enum Obstacle {
    /// The last look for one. The next may find that it is gone.
    Probed(Problem),
    /// The last change, where a look sees nothing. Only the next change can tell that it is gone.
    Met(Problem),
}

/// The thread's state.
#[derive(Debug)]
pub(super) struct Door {
    path: PathBuf,
    timing: Timing,
    roster: Roster,
    problem: Option<Problem>,
    obstacle: Option<Obstacle>,
    /// What was told last of it.
    obstacle_told: Option<Problem>,
    /// It is told even if it is known.
    repeat_obstacle: bool,
    /// When it is looked for at the latest, if anything tells of it but a change.
    next_probe: Option<Instant>,
    /// A problem is told even if it is known.
    repeat: bool,
    known: Option<Vec<u8>>,
    settling: Settling<Option<Stamp>>,
    /// The last look found an edit that may not be over.
    is_settling: bool,
    /// The settled stamp of which all is told.
    seen: Option<Stamp>,
    /// Since when the present file has stood there, as far as we put it there.
    placed: Instant,
    olds: Olds,
}

impl Door {
    pub(super) fn open(path: PathBuf, told: Roster, timing: Timing) -> Door {
        let mut door = Door {
            path,
            timing,
            roster: told,
            problem: None,
            obstacle: None,
            obstacle_told: None,
            repeat_obstacle: false,
            next_probe: Some(Instant::now()),
            repeat: false,
            known: None,
            settling: Settling::new(),
            is_settling: false,
            seen: None,
            placed: Instant::now(),
            olds: Olds::new(),
        };
        if let Ok(place) = Place::find(&door.path) {
            place.remove_stale();
            // Nothing to wait for, if it is still what was told.
            let bytes = place.read().ok().map(|found| found.bytes);
            door.known =
                bytes.filter(|bytes| place.parse(bytes).is_ok_and(|file| file.roster() == door.roster));
        }
        door
    }

    /// Makes the changes, all in one replacement, and says what became of each, in their order. From `give_up` on no
    /// edit is waited for any more.
    pub(super) fn change(
        &mut self,
        changes: &[Change],
        give_up: Instant,
    ) -> (Vec<Result<(), SaveError>>, Option<News>) {
        let (made, news) = self.replace(None, changes, give_up);
        let results = match made {
            Ok(results) => results.into_iter().map(|result| result.map_err(SaveError::Refused)).collect(),
            Err(problem) => vec![Err(SaveError::Storage(problem.to_members(&self.path))); changes.len()],
        };
        (results, news)
    }

    /// Looks at the file, and waits for nothing. News, if there is an edit that has settled.
    pub(super) fn look(&mut self) -> Option<News> {
        self.is_settling = false;
        let stamp = self.stamp();
        if stamp.is_some() && stamp == self.seen {
            return None;
        }
        let settled = self.settling.calm(stamp, Instant::now()) >= self.timing.settle;
        let Some(read) = settled.then(|| self.read_as(stamp)).flatten() else {
            self.is_settling = true;
            return None;
        };
        self.seen = stamp;
        self.next_probe = Some(Instant::now());
        let parsed = read.and_then(|(place, found)| Ok((place.parse(&found.bytes)?, found)));
        match parsed {
            Ok((file, found)) => {
                let news = self.tell(found.bytes, file.roster());
                if news.is_some() {
                    for warning in weak(&shown(&self.path), &file) {
                        log::warn!("{warning}");
                    }
                }
                news
            }
            Err(problem) => self.tell_problem(problem),
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
        self.repeat = true;
        self.repeat_obstacle = true;
    }

    /// Takes over an edit that was written into a file after that was replaced: what commands have changed since
    /// is made anew on top of it.
    pub(super) fn late_edit(&mut self) -> Option<News> {
        let (bytes, since) = self.olds.edited(Instant::now(), self.timing.settle)?;
        let name = shown(&self.path);
        let mut file = match MembersFile::parse(&bytes) {
            Ok(file) => file,
            Err(mistake) => {
                log::warn!("{name}: an edit written late into the replaced file is ignored, line {mistake}");
                return None;
            }
        };
        for change in &since {
            // What is refused, the edit has made pointless: adding who is there, removing who is not.
            let _: Result<(), ChangeError> = file.apply(change);
        }
        let (made, news) = self.replace(Some(&file), &[], Instant::now() + self.timing.patience);
        if let Err(problem) = made {
            log::warn!("an edit written late into the replaced file is ignored: {problem}");
        }
        news
    }

    /// Makes the changes to the file as it is now, or to `base` instead. One result each, or a problem for all.
    fn replace(
        &mut self,
        base: Option<&MembersFile>,
        changes: &[Change],
        give_up: Instant,
    ) -> (Made, Option<News>) {
        while let Some(read) = self.read_settled(give_up) {
            let read = read.and_then(|(place, found)| {
                let file = place.parse(&found.bytes)?;
                Ok((place, found, file))
            });
            let (place, old, current) = match read {
                Ok(read) => read,
                Err(problem) => return (Err(problem.clone()), self.tell_problem(problem)),
            };
            let mut file = base.unwrap_or(&current).clone();
            let results: Vec<_> = changes.iter().map(|change| file.apply(change)).collect();
            let bytes = file.to_bytes();
            if bytes == old.bytes {
                return (Ok(results), self.tell(bytes, file.roster()));
            }
            match place.put(&bytes, &old) {
                Ok(Put::Edited) if Instant::now() < give_up => {}
                Ok(Put::Edited) => break,
                Ok(Put::Done) => {
                    self.obstacle = None;
                    let made = changes.iter().zip(&results).filter(|(_, result)| result.is_ok());
                    let made: Vec<Change> = made.map(|(change, _)| change.clone()).collect();
                    self.went_out(old, &made);
                    return (Ok(results), self.tell(bytes, file.roster()));
                }
                // A change may have been refused because of one before it that has now failed: the problem is
                // the answer to all.
                Err(met) => {
                    let probed = place.obstacle(&old);
                    let problem = probed.clone().unwrap_or_else(|| met.clone());
                    self.obstacle = Some(probed.map_or(Obstacle::Met(met), Obstacle::Probed));
                    return (Err(problem), self.tell(old.bytes, current.roster()));
                }
            }
        }
        let busy = format!("{}: somebody is writing to it; try again", shown(&self.path));
        (Err(Problem(busy)), None)
    }

    /// Looks for what would keep a change from being made: after an edit, which may be of the owner or the mode, and
    /// now and then while there is something.
    pub(super) fn probe(&mut self) {
        let now = Instant::now();
        if self.next_probe.is_none_or(|at| now < at) {
            return;
        }
        if !matches!(self.obstacle, Some(Obstacle::Met(_))) {
            let read = Place::find(&self.path).and_then(|place| Ok((place.read()?, place)));
            // A file that cannot be read is a problem of its own.
            let probed = read.ok().and_then(|(found, place)| place.obstacle(&found));
            self.obstacle = probed.map(Obstacle::Probed);
        }
        self.next_probe = self.obstacle.is_some().then(|| now + self.timing.probe);
    }

    /// Whether the file can be replaced, if that is news.
    pub(super) fn replaceable(&mut self) -> Option<Result<(), Problem>> {
        let obstacle = self.obstacle.as_ref().map(|(Obstacle::Probed(why) | Obstacle::Met(why))| why);
        let repeat = std::mem::take(&mut self.repeat_obstacle) && obstacle.is_some();
        if obstacle == self.obstacle_told.as_ref() && !repeat {
            return None;
        }
        self.obstacle_told = obstacle.cloned();
        Some(self.obstacle_told.clone().map_or(Ok(()), Err))
    }

    /// The roster that was told last.
    pub(super) fn roster(&self) -> &Roster {
        &self.roster
    }

    fn went_out(&mut self, old: Found, changes: &[Change]) {
        let now = Instant::now();
        let stood = now.saturating_duration_since(self.placed);
        self.placed = now;
        self.olds.add(old.file, &old.bytes, stood, now + self.timing.old_watch, changes);
    }

    /// Reads the file as soon as no edit is under way: at once, if it holds what we know. `None`: somebody is still
    /// writing to it at `give_up`.
    fn read_settled(&mut self, give_up: Instant) -> Option<Result<(Place, Found), Problem>> {
        let mut looked = None;
        loop {
            let (stamp, now) = (self.stamp(), Instant::now());
            let settled = self.settling.calm(stamp, now) >= self.timing.settle;
            // Once for each state in which it is found: a large file is not read all the time.
            if settled || looked != Some(stamp) {
                looked = Some(stamp);
                let read = self.read_as(stamp);
                let is_known = |found: &Found| self.known.as_ref() == Some(&found.bytes);
                match read {
                    Some(read) if settled => {
                        self.seen = stamp;
                        return Some(read);
                    }
                    Some(Ok((place, found))) if is_known(&found) => return Some(Ok((place, found))),
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
    fn read_as(&self, stamp: Option<Stamp>) -> Option<Result<(Place, Found), Problem>> {
        let read = Place::find(&self.path).and_then(|place| {
            let found = place.read()?;
            Ok((place, found))
        });
        let now = read.as_ref().map_or_else(|_| self.stamp(), |(_, found)| Some(found.stamp));
        (now == stamp).then_some(read)
    }

    fn stamp(&self) -> Option<Stamp> {
        Place::find(&self.path).ok().and_then(|place| place.stamp())
    }

    fn tell(&mut self, bytes: Vec<u8>, roster: Roster) -> Option<News> {
        self.known = Some(bytes);
        self.repeat = false;
        let repaired = self.problem.take().is_some();
        let news = repaired || roster != self.roster;
        self.roster = roster;
        news.then(|| Ok(self.roster.clone()))
    }

    fn tell_problem(&mut self, problem: Problem) -> Option<News> {
        let news = std::mem::take(&mut self.repeat) || self.problem.as_ref() != Some(&problem);
        self.problem = Some(problem.clone());
        news.then_some(Err(problem))
    }
}
