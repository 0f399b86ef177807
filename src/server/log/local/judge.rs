//! Judges a history: what is there, and what a start makes of it. A start acts on the judgement, `--check` prints it.
//! Nothing is changed here.
//!
//! Only the last segment can be torn, and only where it was not synced: less than [`HISTORY_SYNC_MAX`] and one line. So
//! a start reads all of it, but only both ends of the older segments, which were synced before the next one was begun.
//!
//! [`HISTORY_SYNC_MAX`]: crate::limits::HISTORY_SYNC_MAX

use std::io::ErrorKind;
use std::sync::Arc;

use rustix::fs::{Access, access};

use crate::protocol::Seq;
use crate::room::Pos;
use crate::server::files::problem::Problem;
use crate::server::log::local::delivered;
use crate::server::log::local::disk::{Folder, UNFINISHED};
use crate::server::log::local::judgement::{Case, Evidence, Judgement, Renewed};
use crate::server::log::local::membership::membership;
use crate::server::log::local::reader::{Reader, Tail};
use crate::server::log::local::segments::{first_of_segment, segment_name};
use crate::server::log::local::snapshot;
use crate::server::log::local::state;
use crate::server::log::local::state::Lock;

pub(super) fn judge(folder: &Arc<Folder>, case: Case) -> Judgement {
    let mut judgement = Judgement::new(folder);
    judgement.mistakes = kinds(folder);
    if !judgement.mistakes.is_empty() {
        return judgement;
    }
    let caveat = judgement.found(folder.sync_caveat()).flatten();
    judgement.warnings.extend(caveat);
    judgement.key(folder);
    // A mistake in a small file counts only if there are events: without them a start begins a new history.
    let without_events = std::mem::take(&mut judgement.mistakes);
    // Before the transcript: a running server appends first, then records in the small files.
    let copied = judgement.small_files(folder);
    let with_events = std::mem::replace(&mut judgement.mistakes, without_events);
    match firsts_of_segments(folder) {
        Ok(firsts) => judgement.firsts = firsts,
        Err(problem) => judgement.mistakes.push(problem),
    }
    judgement.unwritable(folder);
    let evidence = Evidence::of(judgement.snapshot.as_ref(), &judgement.delivered);
    if judgement.firsts.is_empty() {
        judgement.begin(folder, &evidence);
        return judgement;
    }
    judgement.mistakes.extend(with_events);
    let renewed = judgement.renewed(folder, copied);
    judgement.older_segments(folder, case);
    judgement.last_segment(folder, case, &evidence, renewed);
    judgement.forget_missing_events(folder, &evidence, renewed);
    judgement.warn_without_members(folder);
    judgement.read_for_start(case);
    judgement
}

/// Things with the name of one of our files that are no files: reading a FIFO would not end, renaming over a folder
/// fails.
pub(super) fn kinds(folder: &Folder) -> Vec<Problem> {
    let names = match folder.names() {
        Ok(names) => names,
        Err(problem) => return vec![problem],
    };
    let is_ours = |name: &&String| {
        state::NAMES.contains(&name.as_str())
            || name.ends_with(UNFINISHED)
            || first_of_segment(name).is_some()
    };
    let problems = names.iter().filter(is_ours).filter_map(|name| match folder.path(name).metadata() {
        Ok(meta) if meta.is_file() => None,
        Ok(_) => Some(folder.problem(name, "is not a file; move it away")),
        // The running server has dropped it, or renamed it.
        Err(error) if error.kind() == ErrorKind::NotFound && !folder.has(name) => None,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Some(folder.problem(name, "is a symlink to nothing; remove it"))
        }
        Err(error) => Some(folder.cannot(name, "look at it", &error)),
    });
    problems.collect()
}

/// The segments by the numbers of their first lines, in order.
fn firsts_of_segments(folder: &Folder) -> Result<Vec<Seq>, Problem> {
    let mut firsts: Vec<Seq> = folder.names()?.iter().filter_map(|name| first_of_segment(name)).collect();
    firsts.sort_unstable();
    Ok(firsts)
}

const UNWRITABLE: &str = "this user cannot write it";

impl Judgement {
    fn key(&mut self, folder: &Folder) {
        self.found(state::read_key(folder));
        self.warnings.extend(state::others_read_key(folder));
    }

    /// Reads the files that only count together with the events. Returns whether the folder is a copy of another one.
    fn small_files(&mut self, folder: &Folder) -> bool {
        let delivered = delivered::read(folder);
        let snapshot = snapshot::read(folder);
        self.id = self.found(state::read_id(folder)).flatten();
        self.snapshot = self.found(snapshot).flatten();
        if let Some(delivered::Places { entries, is_outdated, bad }) = self.found(delivered) {
            (self.delivered, self.outdated.delivered) = (entries, is_outdated);
            self.warnings.extend(bad);
        }
        self.found(state::is_copied(folder)).unwrap_or(false)
    }

    /// What this user cannot write.
    fn unwritable(&mut self, folder: &Folder) {
        if access(folder.path("."), Access::WRITE_OK | Access::EXEC_OK).is_err() {
            return self.mistakes.push(folder.problem("", UNWRITABLE));
        }
        self.found(Lock::may_take(folder));
        for name in
            [delivered::NAME.to_owned()].into_iter().chain(self.firsts.last().copied().map(segment_name))
        {
            let path = folder.path(&name);
            if path.exists() && access(&path, Access::READ_OK | Access::WRITE_OK).is_err() {
                self.mistakes.push(folder.problem(&name, UNWRITABLE));
            }
        }
    }

    /// No events: whatever the small files say is about another history.
    fn begin(&mut self, folder: &Folder, evidence: &Evidence) {
        if evidence.seq > Seq(0) {
            let Evidence { seq, file } = evidence;
            let what = format!(
                "event {seq} is recorded in it, but there are no events: a start begins a new history"
            );
            self.warnings.push(folder.problem(file, what));
        }
        (self.id, self.snapshot, self.delivered) = (None, None, Vec::new());
    }

    fn renewed(&mut self, folder: &Folder, copied: bool) -> Renewed {
        let is_bad = !self.mistakes.is_empty();
        let (renewed, what) = match self.id {
            // It may exist and be bad.
            None if is_bad => return Renewed::No,
            None => (Renewed::NoId, "does not exist"),
            Some(_) if copied => {
                (Renewed::Copied, "this folder is a copy, and the original may have gone on")
            }
            Some(_) => return Renewed::No,
        };
        let what = format!("{what}: a start makes a new one, and clients take the history for a new one");
        self.warnings.push(folder.problem(state::ID, what));
        self.id = None;
        renewed
    }

    fn warn_without_members(&mut self, folder: &Folder) {
        let first = self.firsts[0];
        if self.snapshot.is_none() && self.segments.lock().next() > first && self.mistakes.is_empty() {
            let what = "does not exist; the members are read from the events, and those who are in none \
                        of them count as new";
            self.warnings.push(folder.problem(snapshot::NAME, what));
        }
    }

    /// Cuts the small files back to the events that are here.
    fn forget_missing_events(&mut self, folder: &Folder, evidence: &Evidence, renewed: Renewed) {
        let last = Seq(self.segments.lock().next().0 - 1);
        if renewed == Renewed::No || evidence.seq <= last {
            return;
        }
        let Evidence { seq, file } = evidence;
        let what = format!(
            "event {seq} is recorded in it, but the last event here is {last}: those between are missing"
        );
        self.warnings.push(folder.problem(file, what));
        if let Some(snapshot) = self.snapshot.as_mut().filter(|snapshot| snapshot.seq > last) {
            // Members who were added by an event that is here were members at that event.
            snapshot.members.retain(|_, added| *added <= last);
            (snapshot.seq, self.outdated.members) = (last, true);
        }
        for place in self.delivered.iter_mut().filter(|place| place.seq > last) {
            (place.seq, self.outdated.delivered) = (last, true);
        }
    }

    /// The end of the transcript, and how the group has changed since the snapshot.
    fn read_for_start(&mut self, case: Case) {
        if !self.mistakes.is_empty() {
            return;
        }
        let mut reader = Reader::new(self.segments.clone());
        let end = self.segments.lock().end();
        let mut read = || -> Result<_, Problem> {
            let (base, first) = reader.line_from(Pos(end.0.saturating_sub(case.window as u64)))?;
            let tail = Tail { base, first, bytes: reader.range(base, end)? };
            Ok((tail, membership(&self.segments, &mut reader, self.snapshot.as_ref())?))
        };
        match read() {
            Ok((tail, (membership, authors))) => {
                (self.tail, self.membership, self.authors) = (tail, membership, authors);
            }
            Err(problem) => self.mistakes.push(problem),
        }
    }
}
