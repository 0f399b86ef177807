//! What is to be put into members.txt, and what in it is news.
//!
//! Invariant: `roster` and `problem` are what was told last. `known` are the bytes of the last file without a
//! mistake, ours or an edit's that has settled: a file with these bytes holds no edit.

use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::late::Olds;
use super::place::{Found, Place, Put, Stamp, shown};
use super::settling::Settling;
use super::{FileProblem, News, SaveError, Timing, weak};
use crate::room::{Change, ChangeError, MembersFile, Roster};

/// How often a change is made anew because an edit came in between, each time with a wait until that settled.
const ROUNDS_MAX: usize = 8;

/// What became of each change, or why nothing could be done.
type Made = Result<Vec<Result<(), ChangeError>>, FileProblem>;

/// The thread's state.
#[derive(Debug)]
pub(super) struct Door {
    path: PathBuf,
    timing: Timing,
    roster: Roster,
    problem: Option<FileProblem>,
    /// A problem is told even if it is known.
    repeat: bool,
    known: Option<Vec<u8>>,
    settling: Settling<Option<Stamp>>,
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
            repeat: false,
            known: None,
            settling: Settling::new(),
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

    /// Makes the changes, all in one replacement, and says what became of each, in their order.
    pub(super) fn change(&mut self, changes: &[Change]) -> (Vec<Result<(), SaveError>>, Option<News>) {
        let (made, news) = self.replace(None, changes);
        let results = match made {
            Ok(results) => results.into_iter().map(|result| result.map_err(SaveError::Refused)).collect(),
            Err(problem) => vec![Err(SaveError::Storage(problem.0)); changes.len()],
        };
        (results, news)
    }

    /// Looks at the file. News, if there is an edit that has settled.
    pub(super) fn look(&mut self) -> Option<News> {
        let stamp = Place::find(&self.path).ok().and_then(|place| place.stamp());
        if stamp.is_some() && stamp == self.seen {
            return None;
        }
        let (place, found) = match self.read_settled()? {
            Ok(read) => read,
            Err(problem) => return self.tell_problem(problem),
        };
        match place.parse(&found.bytes) {
            Ok(file) => {
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

    /// The next look reads, whatever the stamp, and a problem is told again.
    pub(super) fn look_afresh(&mut self) {
        self.seen = None;
        self.repeat = true;
    }

    /// Takes over an edit that was written into a file after that was replaced: what commands have changed since
    /// is made anew on top of it.
    pub(super) fn late_edit(&mut self) -> Option<News> {
        let (bytes, since) = self.olds.edited(Instant::now(), self.timing.settle)?;
        let name = shown(&self.path);
        let mut file = match MembersFile::parse(&bytes) {
            Ok(file) => file,
            Err(mistake) => {
                log::warn!(
                    "{name}: an edit written late into the replaced file is not taken, line {mistake}"
                );
                return None;
            }
        };
        for change in &since {
            // What is refused, the edit has made pointless: adding who is there, removing who is not.
            let _: Result<(), ChangeError> = file.apply(change);
        }
        let (made, news) = self.replace(Some(&file), &[]);
        if let Err(problem) = made {
            log::warn!("an edit written late into the replaced file is not taken: {problem}");
        }
        news
    }

    /// Makes the changes to the file as it is now, or to `base` instead. One result each, or a problem for all.
    fn replace(&mut self, base: Option<&MembersFile>, changes: &[Change]) -> (Made, Option<News>) {
        for _ in 0..ROUNDS_MAX {
            let Some(read) = self.read_settled() else { break };
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
                Ok(Put::Edited) => {}
                Ok(Put::Done) => {
                    let made = changes.iter().zip(&results).filter(|(_, result)| result.is_ok());
                    let made: Vec<Change> = made.map(|(change, _)| change.clone()).collect();
                    self.went_out(old, &made);
                    return (Ok(results), self.tell(bytes, file.roster()));
                }
                // A change may have been refused because of one before it that has now failed: the problem is
                // the answer to all.
                Err(problem) => return (Err(problem), self.tell(old.bytes, current.roster())),
            }
        }
        let busy = format!("{}: somebody is writing to it; try again", shown(&self.path));
        (Err(FileProblem(busy)), None)
    }

    fn went_out(&mut self, old: Found, changes: &[Change]) {
        let now = Instant::now();
        let stood = now.saturating_duration_since(self.placed);
        self.placed = now;
        self.olds.add(old.file, &old.bytes, stood, now + self.timing.old_watch, changes);
    }

    /// Reads the file as soon as no edit is under way: at once, if it holds what we know. `None`: somebody has
    /// been writing to it for longer than we wait.
    fn read_settled(&mut self) -> Option<Result<(Place, Found), FileProblem>> {
        let give_up = Instant::now() + self.timing.patience;
        loop {
            let read = Place::find(&self.path).and_then(|place| {
                let found = place.read()?;
                Ok((place, found))
            });
            let found = read.as_ref().ok().map(|(_, found)| found);
            let stamp = found.map(|found| found.stamp);
            let now = Instant::now();
            let settled = self.settling.calm(stamp, now) >= self.timing.settle;
            if settled {
                self.seen = stamp;
            }
            if settled || found.is_some_and(|found| self.known.as_ref() == Some(&found.bytes)) {
                return Some(read);
            }
            if now >= give_up {
                return None;
            }
            sleep((self.timing.settle / 8).max(Duration::from_millis(1)));
        }
    }

    fn tell(&mut self, bytes: Vec<u8>, roster: Roster) -> Option<News> {
        self.known = Some(bytes);
        self.repeat = false;
        let repaired = self.problem.take().is_some();
        let news = repaired || roster != self.roster;
        self.roster = roster;
        news.then(|| Ok(self.roster.clone()))
    }

    fn tell_problem(&mut self, problem: FileProblem) -> Option<News> {
        let news = std::mem::take(&mut self.repeat) || self.problem.as_ref() != Some(&problem);
        self.problem = Some(problem.clone());
        news.then_some(Err(problem))
    }
}
