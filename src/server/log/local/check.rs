//! `--check`: reads everything in full and judges it as a start would. Changes nothing.

use std::path::Path;
use std::sync::Arc;

use crate::protocol::Seq;
use crate::server::files::{Problem, folders};
use crate::server::log::local::state::{self, Lock, Stopped};
use crate::server::log::local::{Case, Depth, Folder, Judgement, SharedSegments, Whose, judge};
use crate::server::wall_clock;

/// What there is, and what a start would make of it.
#[derive(Clone, Debug)]
pub struct Checked {
    /// Files of the transcript.
    pub files: usize,
    /// Their bytes, up to the first bad one.
    pub bytes: u64,
    /// The oldest line; the next one if there is none.
    pub first: Seq,
    /// The last line; the one before `first` if there is none.
    pub last: Seq,
    /// The files, as far as they are good.
    pub segments: SharedSegments,
    /// What a start would repair, and what an admin should know.
    pub warnings: Vec<Problem>,
    /// Why a start would be refused.
    pub mistakes: Vec<Problem>,
}

/// Reads the whole history. A server may be running on it: what that writes or drops meanwhile is no mistake.
pub fn check(dir: &Path, window: usize, whose: Whose) -> Checked {
    let folder = Arc::new(Folder::new(dir));
    let in_use = Lock::is_taken(&folder);
    let case = Case { depth: Depth::Whole, window, now: wall_clock(), in_use, whose };
    let mut judged = judge(&folder, case);
    if in_use && !judged.mistakes.is_empty() {
        // The server may have dropped a file meanwhile. It drops the next one a minute later at the earliest.
        judged = judge(&folder, case);
    }
    let Judgement { mut mistakes, warnings, firsts, segments, last, .. } = judged;
    let copied = last.filter(|last| !in_use && last.stopped != Stopped::Clean).map(|last| last.verified.good);
    if let Some(bytes) = copied.filter(|bytes| folders::free(dir).is_ok_and(|free| free < *bytes)) {
        mistakes
            .push(Problem::of(dir, format!("a start after a crash needs room for {bytes} bytes: make room")));
    }
    let (first, last) = segments.kept();
    let bytes = segments.lock().len();
    Checked { files: firsts.len(), bytes, first, last, segments, warnings, mistakes }
}

/// The process id of the server that runs on this folder, if it is known; `None` if none does.
pub fn user_of(dir: &Path) -> Option<Option<u32>> {
    let folder = Folder::new(dir);
    Lock::is_taken(&folder).then(|| state::read_lock(&folder).pid)
}
