//! A copy of a history that a server may be writing meanwhile: what its files held at one moment, for a start elsewhere.
//!
//! The small files come first: events are written before a small file speaks of them, so the copy has all that its small files
//! speak of. The last segment ends after a whole line. The others never change again, and are linked where that is possible, so
//! that a backup beside the history costs no room for them.

use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use crate::files::if_there;
use crate::protocol::Seq;
use crate::server::files::{Problem, copies};
use crate::server::log::local::state::{self, NOT_COPIED};
use crate::server::log::local::{
    Case, Depth, Folder, Whose, firsts_of_segments, judge, recovery, scan, segment_name,
};
use crate::server::wall_clock;

/// What a backup has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackedUp {
    /// The oldest event; the next one if there is none.
    pub first: Seq,
    /// The last event; the one before `first` if there is none.
    pub last: Seq,
}

/// Copies the history into a folder that does not exist. What was stored before is in the copy, what is stored meanwhile may be.
/// A start on the copy makes a new id, as on any other, unless it is a node of a cluster.
pub fn back_up(from: &Path, to: &Path) -> Result<BackedUp, Problem> {
    let (source, copy) = (Folder::new(from), Folder::new(to));
    // Also shows that there is a folder.
    let names = source.names()?;
    copies::make_folder(to, from)?;
    let id = source.read_text(state::ID)?;
    for name in
        state::NAMES.iter().filter(|name| !NOT_COPIED.contains(name) && names.iter().any(|n| n == *name))
    {
        copies::copy(&source.path(name), &copy.path(name))?;
    }
    segments(&source, &copy)?;
    if source.read_text(state::ID)? != id {
        return Err(source.problem(state::ID, "a new history was begun meanwhile; try again"));
    }
    state::mark_as_copy(&copy)?;
    copy.sync().map_err(|error| copy.cannot("", "sync it", &error))?;
    judged(&copy)
}

fn segments(source: &Folder, copy: &Folder) -> Result<(), Problem> {
    let firsts = firsts_of_segments(source)?;
    let Some((last, whole)) = firsts.split_last() else { return Ok(()) };
    let mut copied: Vec<String> = Vec::new();
    for name in whole.iter().map(|first| segment_name(*first)) {
        if linked(source, copy, &name)? {
            copied.push(name);
            continue;
        }
        // Segments are dropped from the oldest on, so those before it are gone as well.
        for dropped in copied.drain(..) {
            copy.remove(&dropped)?;
        }
    }
    let name = segment_name(*last);
    let file = File::open(source.path(&name)).map_err(|error| source.cannot(&name, "read it", &error))?;
    let good = end_of_lines(&file).map_err(|error| source.cannot(&name, "read it", &error))?;
    copies::make_file(&copy.path(&name), &file, |copy| recovery::copy(&file, copy, good))
}

/// Links a segment that is written no more, or copies it. `false`: it was dropped meanwhile.
fn linked(source: &Folder, copy: &Folder, name: &str) -> Result<bool, Problem> {
    let (from, to) = (source.path(name), copy.path(name));
    match std::fs::hard_link(&from, &to) {
        Ok(()) => return Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        // Another file system, one without links, or a file of another user.
        Err(_) => {}
    }
    let opened = if_there(File::open(&from)).map_err(|error| source.cannot(name, "read it", &error))?;
    let Some(file) = opened else { return Ok(false) };
    let len = file.metadata().map_err(|error| source.cannot(name, "look at it", &error))?.len();
    copies::make_file(&to, &file, |copy| recovery::copy(&file, copy, len))?;
    Ok(true)
}

/// The offset after the last line that is written in full.
fn end_of_lines(file: &File) -> std::io::Result<u64> {
    let len = file.metadata()?.len();
    let from = len.saturating_sub(scan::LINE_MAX as u64);
    let end = memchr::memrchr(b'\n', &scan::read(file, from, len)?);
    Ok(end.map_or(0, |at| from + at as u64 + 1))
}

/// What a start on the copy finds.
fn judged(copy: &Folder) -> Result<BackedUp, Problem> {
    let whose = if copy.has(state::APPLIED) { Whose::ANodes } else { Whose::OneServers };
    let case = Case { depth: Depth::Start, window: 0, now: wall_clock(), in_use: false, whose };
    let judged = judge(&Arc::new(copy.clone()), case);
    if let Some(mistake) = judged.mistakes.into_iter().next() {
        return Err(mistake);
    }
    let (first, last) = judged.segments.kept();
    Ok(BackedUp { first, last })
}
