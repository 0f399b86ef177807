//! The types of a judgement, which `judge.rs` makes, `recovery.rs` acts on and `check.rs` prints.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::protocol::{Mail, Seq, Time};
use crate::room::Pos;
use crate::server::files::problem::Problem;
use crate::server::log::local::delivered;
use crate::server::log::local::delivered::Delivered;
use crate::server::log::local::disk::Folder;
use crate::server::log::local::membership::Membership;
use crate::server::log::local::reader::Tail;
use crate::server::log::local::scan::Verified;
use crate::server::log::local::segments::{Segments, SharedSegments};
use crate::server::log::local::snapshot;
use crate::server::log::local::snapshot::MembersSnapshot;
use crate::server::log::local::state::Stopped;

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
}

#[derive(Debug)]
pub(super) struct Judgement {
    /// Why a start is refused; it reports the first.
    pub(super) mistakes: Vec<Problem>,
    /// What a start repairs, and what an admin should know.
    pub(super) warnings: Vec<Problem>,
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
pub(super) struct Evidence {
    pub(super) seq: Seq,
    pub(super) file: &'static str,
}

impl Evidence {
    pub(super) fn of(snapshot: Option<&MembersSnapshot>, delivered: &[Delivered]) -> Evidence {
        let snapshot = snapshot.map_or(Seq(0), |snapshot| snapshot.seq);
        let delivered = delivered.iter().map(|entry| entry.seq).max().unwrap_or_default();
        let file = if delivered > snapshot { delivered::NAME } else { snapshot::NAME };
        Evidence { seq: snapshot.max(delivered), file }
    }
}

impl Judgement {
    pub(super) fn new(folder: &Arc<Folder>) -> Judgement {
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

    /// What was read, or `None` if reading has shown a mistake, which is kept.
    pub(super) fn found<T>(&mut self, read: Result<T, Problem>) -> Option<T> {
        read.map_err(|problem| self.mistakes.push(problem)).ok()
    }
}
