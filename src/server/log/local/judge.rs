//! Judges a history: what is there, and what a start makes of it. A start acts on the judgement, `--check` prints it.
//! Nothing is changed here.
//!
//! Only the last segment can be torn, and only where it was not synced: less than [`HISTORY_SYNC_MAX`] and one line. So
//! a start reads all of it, but only both ends of the older segments, which were synced before the next one was begun.
//!
//! [`HISTORY_SYNC_MAX`]: crate::limits::HISTORY_SYNC_MAX

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::sync::Arc;

use rustix::fs::{Access, access};

use crate::protocol::{Mail, Seq, Time};
use crate::room::{Delivered, Pos, Tail};
use crate::server::files::Problem;
use crate::server::files::folders::UNFINISHED;
use crate::server::log::local::delivered;
use crate::server::log::local::snapshot::{self, MembersSnapshot};
use crate::server::log::local::state::{self, Lock, Stopped};
use crate::server::log::local::{
    Folder, Membership, Reader, Segments, SharedSegments, Verified, first_of_segment, firsts_of_segments,
    membership, segment_name,
};

/// How much is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Depth {
    /// What a start needs.
    Start,
    /// Everything.
    Whole,
}

/// How to judge.
#[derive(Clone, Copy, Debug)]
pub(super) struct Case {
    pub(super) depth: Depth,
    /// Bytes of the transcript's end that a start reads into memory.
    pub(super) window: usize,
    pub(super) now: Time,
    /// A server is running on this history meanwhile.
    pub(super) in_use: bool,
    pub(super) whose: Whose,
}

/// Who else may have this transcript.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// Nobody: where a copy goes on, it is another one, and what is missing is lost.
    OneServers,
    /// All nodes of a cluster: a copy is one more node's, and what is missing comes again.
    ANodes,
}

#[derive(Debug)]
pub(super) struct Judgement {
    pub(super) folder: Arc<Folder>,
    pub(super) case: Case,
    /// Why a start is refused; it reports the first.
    pub(super) mistakes: Vec<Problem>,
    /// What a start repairs, and what an admin should know.
    pub(super) warnings: Vec<Problem>,
    pub(super) evidence: Evidence,
    pub(super) renewed: Renewed,
    /// The segments, by the numbers of their first lines. Empty: a start makes a new history.
    pub(super) firsts: Vec<Seq>,
    /// The transcript's id. `None`: a start makes a new one.
    pub(super) id: Option<u32>,
    /// The members' snapshot, if it is of these events.
    pub(super) snapshot: Option<MembersSnapshot>,
    pub(super) delivered: Vec<Delivered>,
    pub(super) outdated: Outdated,
    pub(super) segments: SharedSegments,
    /// The last segment; `None` if there is none, or it cannot be read.
    pub(super) last: Option<Last>,
    pub(super) last_time: Time,
    pub(super) membership: Vec<Membership>,
    pub(super) authors: BTreeSet<Mail>,
    pub(super) tail: Tail,
}

/// Small files that a start has to rewrite.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Outdated {
    pub(super) members: bool,
    pub(super) delivered: bool,
}

/// The last segment's file, and what a start does with it.
#[derive(Debug)]
pub(super) struct Last {
    pub(super) verified: Verified,
    pub(super) len: u64,
    pub(super) stopped: Stopped,
    /// The name under which a torn tail is kept, if there is one.
    pub(super) torn_name: Option<String>,
}

/// Whether other events may exist with the same numbers, so that clients must not rely on what they remember.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Renewed {
    No,
    /// There is no `id`: an admin removed it to consent to a loss, or only the events were copied.
    NoId,
    /// The folder is a copy, and a server may have gone on with the original.
    Copied,
}

/// The highest event number in a small file, and which file. Events are durable before their numbers are recorded
/// there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Evidence {
    pub(super) seq: Seq,
    pub(super) file: &'static str,
}

impl Evidence {
    fn of(snapshot: Option<&MembersSnapshot>, delivered: &[Delivered]) -> Evidence {
        let snapshot = snapshot.map_or(Seq(0), |snapshot| snapshot.seq);
        let delivered = delivered.iter().map(|entry| entry.seq).max().unwrap_or_default();
        let file = if delivered > snapshot { delivered::NAME } else { snapshot::NAME };
        Evidence { seq: snapshot.max(delivered), file }
    }
}

pub(super) fn judge(folder: &Arc<Folder>, case: Case) -> Judgement {
    let mut judgement = Judgement::new(folder, case);
    judgement.mistakes = kinds(folder);
    if !judgement.mistakes.is_empty() {
        return judgement;
    }
    let caveat = judgement.found(folder.sync_caveat()).flatten();
    judgement.warnings.extend(caveat);
    judgement.key();
    // A mistake in a small file counts only if there are events: without them a start begins a new history.
    let without_events = std::mem::take(&mut judgement.mistakes);
    // Before the transcript: a running server appends first, then records in the small files.
    let copied = judgement.small_files();
    let with_events = std::mem::replace(&mut judgement.mistakes, without_events);
    judgement.firsts = judgement.found(firsts_of_segments(folder)).unwrap_or_default();
    judgement.unwritable();
    judgement.evidence = Evidence::of(judgement.snapshot.as_ref(), &judgement.delivered);
    if judgement.firsts.is_empty() {
        judgement.begin();
        return judgement;
    }
    judgement.mistakes.extend(with_events);
    judgement.renew(copied);
    judgement.older_segments();
    judgement.last_segment();
    judgement.forget_missing_events();
    judgement.warn_without_members();
    judgement.read_for_start();
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

const UNWRITABLE: &str = "this user cannot write it";

impl Judgement {
    fn new(folder: &Arc<Folder>, case: Case) -> Judgement {
        Judgement {
            folder: Arc::clone(folder),
            case,
            mistakes: Vec::new(),
            warnings: Vec::new(),
            evidence: Evidence { seq: Seq(0), file: snapshot::NAME },
            renewed: Renewed::No,
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
            tail: Tail { base: Pos(0), bytes: Vec::new(), last: Seq(0) },
        }
    }

    /// What was read, or `None` if reading has shown a mistake, which is kept.
    pub(super) fn found<T>(&mut self, read: Result<T, Problem>) -> Option<T> {
        read.map_err(|problem| self.mistakes.push(problem)).ok()
    }

    fn key(&mut self) {
        self.found(state::read_key(&self.folder));
        self.warnings.extend(state::others_read_key(&self.folder));
    }

    /// Reads the files that only count together with the events. Returns whether the folder is a copy of another one.
    fn small_files(&mut self) -> bool {
        let delivered = delivered::read(&self.folder);
        let snapshot = snapshot::read(&self.folder);
        self.id = self.found(state::read_id(&self.folder)).flatten();
        self.snapshot = self.found(snapshot).flatten();
        if let Some(delivered::Places { entries, is_outdated, bad }) = self.found(delivered) {
            (self.delivered, self.outdated.delivered) = (entries, is_outdated);
            self.warnings.extend(bad);
        }
        self.found(state::is_copied(&self.folder)).unwrap_or(false)
    }

    /// What this user cannot write.
    fn unwritable(&mut self) {
        if access(self.folder.path("."), Access::WRITE_OK | Access::EXEC_OK).is_err() {
            return self.mistakes.push(self.folder.problem("", UNWRITABLE));
        }
        self.found(Lock::may_take(&self.folder));
        let last = self.firsts.last().copied().map(segment_name);
        for name in last.iter().map(String::as_str).chain([delivered::NAME]) {
            let path = self.folder.path(name);
            if path.exists() && access(&path, Access::READ_OK | Access::WRITE_OK).is_err() {
                self.mistakes.push(self.folder.problem(name, UNWRITABLE));
            }
        }
    }

    /// No events: whatever the small files say is about another history.
    fn begin(&mut self) {
        let Evidence { seq, file } = self.evidence;
        if seq > Seq(0) {
            let what = format!(
                "event {seq} is recorded in it, but there are no events: a start begins a new history"
            );
            self.warnings.push(self.folder.problem(file, what));
        }
        (self.id, self.snapshot, self.delivered) = (None, None, Vec::new());
    }

    /// Whether a start makes a new id.
    fn renew(&mut self, copied: bool) {
        let (renewed, what) = match self.id {
            // It may exist and be bad.
            None if !self.mistakes.is_empty() => return,
            None if self.case.whose == Whose::ANodes => {
                self.warnings
                    .push(self.folder.problem(state::ID, "does not exist: a start takes the group's"));
                self.renewed = Renewed::NoId;
                return;
            }
            None => (Renewed::NoId, "does not exist"),
            Some(_) if copied && self.case.whose == Whose::ANodes => {
                self.renewed = Renewed::Copied;
                return;
            }
            Some(_) if copied => {
                (Renewed::Copied, "this folder is a copy, and the original may have gone on")
            }
            Some(_) => return,
        };
        let what = format!("{what}: a start makes a new one, and clients take the history for a new one");
        self.warnings.push(self.folder.problem(state::ID, what));
        (self.id, self.renewed) = (None, renewed);
    }

    fn warn_without_members(&mut self) {
        // A node has its members of the group.
        if self.case.whose == Whose::ANodes {
            return;
        }
        let first = self.firsts[0];
        if self.snapshot.is_none() && self.segments.lock().next > first && self.mistakes.is_empty() {
            let what = "does not exist; the members are read from the events, and those who are in none \
                        of them count as new";
            self.warnings.push(self.folder.problem(snapshot::NAME, what));
        }
    }

    /// Cuts the small files back to the events that are here.
    fn forget_missing_events(&mut self) {
        let Evidence { seq, file } = self.evidence;
        let (_, last) = self.segments.kept();
        if self.renewed == Renewed::No || seq <= last {
            return;
        }
        let what = format!(
            "event {seq} is recorded in it, but the last event here is {last}: those between are missing"
        );
        self.warnings.push(self.folder.problem(file, what));
        if let Some(snapshot) = self.snapshot.as_mut().filter(|snapshot| snapshot.seq > last) {
            // Members who were added by an event that is here were members at that event.
            snapshot.group.members.retain(|_, member| member.added <= last);
            snapshot.group.ended.cut(last);
            (snapshot.seq, self.outdated.members) = (last, true);
        }
        for place in self.delivered.iter_mut().filter(|place| place.seq > last) {
            (place.seq, self.outdated.delivered) = (last, true);
        }
    }

    /// The end of the transcript, and how the group has changed since the snapshot.
    fn read_for_start(&mut self) {
        if !self.mistakes.is_empty() {
            return;
        }
        let mut reader = Reader::new(self.segments.clone());
        let end = self.segments.lock().end;
        let (_, last) = self.segments.kept();
        let mut read = || -> Result<_, Problem> {
            let (base, _) = reader.line_from(Pos(end.0.saturating_sub(self.case.window as u64)))?;
            let tail = Tail { base, bytes: reader.range(base, end)?, last };
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
