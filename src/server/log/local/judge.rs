//! What is there, and what a start makes of it. One judgement: a start acts on it, `--check` prints it. Changes nothing.
//!
//! Only the last file can be torn, and only in what was not synced: less than [`HISTORY_SYNC_MAX`] and a line. It is
//! read whole; of the older ones, which were synced before the next was begun, a start looks at the ends.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::sync::Arc;

use rustix::fs::{Access, access};

use crate::limits::HISTORY_SYNC_MAX;
use crate::protocol::{Mail, Seq, Time};
use crate::room::{Pos, StepBack, is_ahead};
use crate::server::files::problem::Problem;
use crate::server::log::local::delivered;
use crate::server::log::local::delivered::Delivered;
use crate::server::log::local::disk::{Folder, RESTORE, UNFINISHED};
use crate::server::log::local::membership::{Membership, membership};
use crate::server::log::local::reader::{Reader, Tail};
use crate::server::log::local::scan;
use crate::server::log::local::scan::{LINE_MAX, Verified};
use crate::server::log::local::segments::{Segments, SharedSegments, first_of_segment, segment_name};
use crate::server::log::local::snapshot;
use crate::server::log::local::snapshot::MembersSnapshot;
use crate::server::log::local::state;
use crate::server::log::local::state::{Lock, Stopped};

/// How much is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Depth {
    /// What a start needs.
    Start,
    /// Everything.
    Whole,
}

/// What is judged, and by what.
#[derive(Clone, Copy, Debug)]
pub(super) struct Case {
    pub(super) depth: Depth,
    /// Bytes of the end that a start takes.
    pub(super) window: usize,
    pub(super) now: Time,
    /// Another process writes here meanwhile.
    pub(super) in_use: bool,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Judgement {
    /// Why a start is refused: the first is what it says.
    pub(super) mistakes: Vec<Problem>,
    /// What a start mends, and what an admin should know.
    pub(super) warnings: Vec<Problem>,
    /// The files of the transcript, by their first lines. None: a new history begins.
    pub(super) firsts: Vec<Seq>,
    /// Which transcript this is. `None`: a start makes it a new one.
    pub(super) id: Option<u32>,
    /// The members, if what was noted of them is of these events.
    pub(super) snapshot: Option<MembersSnapshot>,
    pub(super) delivered: Vec<Delivered>,
    /// What the file of that name says is not what counts.
    pub(super) outdated: Outdated,
    pub(super) segments: SharedSegments,
    /// The last file; `None` if there is none, or it cannot be read.
    pub(super) last: Option<Last>,
    pub(super) last_time: Time,
    pub(super) membership: Vec<Membership>,
    pub(super) authors: BTreeSet<Mail>,
    pub(super) tail: Tail,
}

/// Small files that a start has to write anew, or remove.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Outdated {
    pub(super) members: bool,
    pub(super) delivered: bool,
}

/// What is to be done with the last file.
#[derive(Debug)]
pub(super) struct Last {
    pub(super) verified: Verified,
    pub(super) len: u64,
    pub(super) stopped: Stopped,
    /// The name under which a torn tail is kept.
    pub(super) aside: Option<String>,
}

pub(super) fn judge(folder: &Arc<Folder>, case: Case) -> Judgement {
    let mut judgement = Judgement::new(folder);
    judgement.mistakes = kinds(folder);
    if !judgement.mistakes.is_empty() {
        return judgement;
    }
    let caveat = judgement.found(folder.caveat()).flatten();
    judgement.warnings.extend(caveat);
    judgement.key(folder);
    let own = std::mem::take(&mut judgement.mistakes);
    // Before the transcript: a server that runs appends first and notes then.
    let copied = judgement.small_files(folder);
    let of_events = std::mem::replace(&mut judgement.mistakes, own);
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
    judgement.mistakes.extend(of_events);
    let renewed = judgement.renewed(folder, copied);
    judgement.older_segments(folder, case);
    judgement.last_segment(folder, case, &evidence, renewed);
    judgement.forget_what_is_not_here(folder, &evidence, renewed);
    judgement.warn_without_members(folder);
    judgement.what_a_start_reads(case);
    judgement
}

/// What has a name of ours and is no file: reading would not end, and renaming not work.
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
        // Dropped, or finished, by the server that runs.
        Err(error) if error.kind() == ErrorKind::NotFound && !folder.has(name) => None,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Some(folder.problem(name, "is a symlink to nothing; remove it"))
        }
        Err(error) => Some(folder.cannot(name, "look at it", &error)),
    });
    problems.collect()
}

/// The transcript's files by their first lines, in order.
fn firsts_of_segments(folder: &Folder) -> Result<Vec<Seq>, Problem> {
    let mut firsts: Vec<Seq> = folder.names()?.iter().filter_map(|name| first_of_segment(name)).collect();
    firsts.sort_unstable();
    Ok(firsts)
}

/// Whether the numbers of these events were perhaps given to others, too: clients must not go by what they remember.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Renewed {
    No,
    /// There is no `id`: an admin's consent, or only the events were copied.
    NoId,
    /// The folder was copied, and the server of the other one may have gone on.
    Copied,
}

/// The highest number that a small file speaks of, and which file. What is noted was durable before.
struct Evidence {
    seq: Seq,
    file: &'static str,
}

impl Evidence {
    fn of(snapshot: Option<&MembersSnapshot>, delivered: &[Delivered]) -> Evidence {
        let snapshot = snapshot.map_or(Seq(0), |snapshot| snapshot.seq);
        let delivered = delivered.iter().map(|entry| entry.seq).max().unwrap_or_default();
        let file = if delivered > snapshot { delivered::NAME } else { snapshot::NAME };
        Evidence { seq: snapshot.max(delivered), file }
    }
}
const GO_ON: &str = "restore the end of the history from a copy; or remove id, and the server goes on with what is here, \
                     as a new history for its clients";
const UNWRITABLE: &str = "this user cannot write it";

impl Judgement {
    fn new(folder: &Arc<Folder>) -> Judgement {
        Judgement {
            mistakes: Vec::new(),
            warnings: Vec::new(),
            firsts: Vec::new(),
            id: None,
            snapshot: None,
            delivered: Vec::new(),
            outdated: Outdated::default(),
            segments: SharedSegments::new(Arc::clone(folder), Segments::new(Seq(1))),
            last: None,
            last_time: Time::default(),
            membership: Vec::new(),
            authors: BTreeSet::new(),
            tail: Tail { base: Pos(0), first: Seq(1), bytes: Vec::new() },
        }
    }

    fn key(&mut self, folder: &Folder) {
        self.found(state::read_key(folder));
        self.warnings.extend(state::others_read_key(folder));
    }

    /// What is of the events that are here. Whether the folder is a copy of another one.
    fn small_files(&mut self, folder: &Folder) -> bool {
        let delivered = delivered::read(folder);
        let snapshot = snapshot::read(folder);
        self.id = self.found(state::read_id(folder)).flatten();
        self.snapshot = self.found(snapshot).flatten();
        if let Some(delivered::Places { entries, is_wordy, bad }) = self.found(delivered) {
            (self.delivered, self.outdated.delivered) = (entries, is_wordy);
            self.warnings.extend(bad);
        }
        self.found(state::is_copied(folder)).unwrap_or(false)
    }

    fn found<T>(&mut self, read: Result<T, Problem>) -> Option<T> {
        read.map_err(|problem| self.mistakes.push(problem)).ok()
    }

    /// What a server could not write to, as this user.
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

    /// No events: what the small files say is of another history.
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
            // It may be there and wrong.
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

    /// Lists all files but the last.
    fn older_segments(&mut self, folder: &Folder, case: Case) {
        let mut segments = Segments::new(self.firsts[0]);
        for (first, next) in self.firsts.clone().into_iter().zip(self.firsts.clone().into_iter().skip(1)) {
            let ends = older(folder, first, next);
            if case.depth == Depth::Whole {
                self.look_whole(folder, first, ends.is_ok());
            }
            let (len, time) = self.found(ends).unwrap_or((0, self.last_time));
            segments.grow(len, next);
            segments.push(time);
            self.last_time = time;
        }
        self.segments = SharedSegments::new(Arc::clone(&self.segments.folder), segments);
    }

    /// An older file, by each of its lines.
    fn look_whole(&mut self, folder: &Folder, first: Seq, is_served: bool) {
        let name = segment_name(first);
        let verified =
            match File::open(folder.path(&name)).and_then(|f| scan::verify(&f, first, self.last_time)) {
                Ok(verified) => verified,
                Err(error) => return self.mistakes.push(folder.cannot(&name, "read it", &error)),
            };
        self.step_back(folder, &name, &verified);
        if let Some((line, what)) = verified.bad {
            if is_served {
                let what = format!("{what}; a start does not look there, and serves what it can: {RESTORE}");
                self.warnings.push(folder.problem_at(&name, line, what));
            } else {
                self.mistakes.push(folder.problem_at(&name, line, what));
            }
        }
    }

    fn step_back(&mut self, folder: &Folder, name: &str, verified: &Verified) {
        if let Some((line, StepBack { from, to })) = verified.step_back {
            let what = format!("the times step back, from {from} to {to}: a clock was wrong");
            self.warnings.push(folder.problem_at(name, line, what));
        }
    }

    /// The last file is read whole, and its end is held against what was noted.
    fn last_segment(&mut self, folder: &Folder, case: Case, evidence: &Evidence, renewed: Renewed) {
        let first = self.firsts[self.firsts.len() - 1];
        let name = segment_name(first);
        let after = self.last_time;
        let read = || -> io::Result<_> {
            let file = File::open(folder.path(&name))?;
            let verified = scan::verify(&file, first, after)?;
            let len = file.metadata()?.len();
            let rest = scan::read(&file, verified.good, len.min(verified.good + LINE_MAX as u64))?;
            Ok((verified, len, !rest.contains(&b'\n')))
        };
        let read = read().map_err(|error| folder.cannot(&name, "read it", &error));
        let Some((mut verified, len, is_unfinished)) = self.found(read) else { return };
        let Some(stopped) = self.found(state::stopped(folder, first, len)) else { return };
        // How the other one stopped says nothing of a copy.
        let stopped = if renewed == Renewed::Copied { Stopped::Unclean } else { stopped };
        self.step_back(folder, &name, &verified);
        if case.in_use && is_unfinished {
            verified.bad = None;
        }
        let is_recorded_here = renewed == Renewed::No && verified.next <= evidence.seq;
        let mut aside = None;
        if let Some((line, what)) = &verified.bad {
            // After a clean stop nothing was in flight: what is wrong now was done to the file since.
            let torn_max = if stopped == Stopped::Unclean { (HISTORY_SYNC_MAX + LINE_MAX) as u64 } else { 0 };
            let bytes = len - verified.good;
            if bytes > torn_max || is_recorded_here {
                let advice =
                    "no crash does this; restore the file from a copy, or cut it before this line by hand";
                self.mistakes.push(folder.problem_at(&name, *line, format!("{what}; {advice}")));
            } else {
                let kept = free_name(folder, verified.next);
                let what =
                    format!("{what}: a start cuts a torn tail of {bytes} bytes, and keeps it as {kept}");
                self.warnings.push(folder.problem_at(&name, *line, what));
                aside = Some(kept);
            }
        } else if is_recorded_here {
            let what =
                format!("event {} is recorded in {}, but not here; {GO_ON}", evidence.seq, evidence.file);
            self.mistakes.push(folder.problem(&name, what));
        } else if renewed == Renewed::No && stopped == Stopped::Cut {
            let what = format!("the history was longer when the server last stopped; {GO_ON}");
            self.mistakes.push(folder.problem(&name, what));
        }
        self.last_time = verified.last_time;
        if is_ahead(self.last_time, case.now) {
            let (last, now) = (self.last_time, case.now);
            let what = format!(
                "the last event is from {last}, but it is {now} now: a clock was wrong, or is; times go \
                 on from now"
            );
            self.warnings.push(folder.problem(&name, what));
        }
        self.segments.lock().grow(verified.good, verified.next);
        self.last = Some(Last { verified, len, stopped, aside });
    }

    fn warn_without_members(&mut self, folder: &Folder) {
        let first = self.firsts[0];
        if self.snapshot.is_none() && self.segments.lock().next() > first && self.mistakes.is_empty() {
            let what = "does not exist; the members are read from the events, and those who are in none \
                        of them count as new";
            self.warnings.push(folder.problem(snapshot::NAME, what));
        }
    }

    /// What was noted of events that are in another history, or nowhere, is not noted.
    fn forget_what_is_not_here(&mut self, folder: &Folder, evidence: &Evidence, renewed: Renewed) {
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
            // Who is in it and was added before was here then.
            snapshot.members.retain(|_, added| *added <= last);
            (snapshot.seq, self.outdated.members) = (last, true);
        }
        for place in self.delivered.iter_mut().filter(|place| place.seq > last) {
            (place.seq, self.outdated.delivered) = (last, true);
        }
    }

    /// The end of the transcript, and who came and went.
    fn what_a_start_reads(&mut self, case: Case) {
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

/// Looks at the ends of a file behind which another one begins. Its length, and the time of its last line.
fn older(folder: &Folder, first: Seq, next: Seq) -> Result<(u64, Time), Problem> {
    let name = segment_name(first);
    let look = || -> io::Result<_> {
        let file = File::open(folder.path(&name))?;
        let len = file.metadata()?.len();
        Ok((scan::ends(&file, len)?, len))
    };
    let (ends, len) = look().map_err(|error| folder.cannot(&name, "read it", &error))?;
    match ends {
        Some((begins, last, time)) if begins == first && last.next() == next => Ok((len, time)),
        Some((begins, _, _)) if begins != first => {
            Err(folder.problem_at(&name, 1, format!("this is event {begins}; {RESTORE}")))
        }
        Some((_, last, _)) => {
            let next = segment_name(next);
            let what = format!("the file before it, {name}, ends with event {last}; {RESTORE}");
            Err(folder.problem(&next, what))
        }
        None => Err(folder.problem(&name, format!("does not begin or end with an event; {RESTORE}"))),
    }
}

fn free_name(folder: &Folder, seq: Seq) -> String {
    let names = (1..).map(|n| if n == 1 { format!("torn-{seq}") } else { format!("torn-{seq}.{n}") });
    let mut free = names.filter(|name| !folder.has(name));
    free.next().expect("there are more names than files")
}
