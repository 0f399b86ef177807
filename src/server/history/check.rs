//! `--check`: everything is read whole. Changes nothing.

use std::fs::File;
use std::io;
use std::path::Path;

use rustix::fs::{Access, access};

use super::disk::Folder;
use super::files::name_of;
use super::recovery::transcript_files;
use super::scan::{self, Verified};
use super::state::{self, Lock};
use super::{Problem, delivered, noted};
use crate::protocol::{Seq, Time};

/// What there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Files of the transcript.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
    /// The oldest line; the next one if there is none.
    pub first: Seq,
    /// The last line; the one before `first` if there is none.
    pub last: Seq,
}

/// Reads the whole history. All that is wrong with it, a sentence each; of each file the first bad line.
/// A server may run meanwhile: what it is just writing is not held against it.
pub fn check(dir: &Path) -> Result<Summary, Vec<Problem>> {
    let folder = Folder::new(dir);
    let in_use = Lock::is_taken(&folder);
    let firsts = transcript_files(&folder).map_err(|problem| vec![problem])?;
    let mut problems = Vec::new();
    problems.extend(state::read_id(&folder).err());
    problems.extend(noted::read(&folder).err());
    problems.extend(delivered::read(&folder).err());
    problems.extend(unwritable(&folder, firsts.last().copied()));

    let oldest = firsts.first().copied().unwrap_or(Seq(1));
    let mut summary = Summary { files: firsts.len(), bytes: 0, first: oldest, last: Seq(oldest.0 - 1) };
    let mut last_time = Time::default();
    for (at, &first) in firsts.iter().enumerate() {
        let name = name_of(first);
        if first != summary.last.next() {
            let what = format!("the file before it ends with event {}", summary.last);
            problems.push(folder.problem(&name, what));
        }
        let is_last = at + 1 == firsts.len();
        match read(&folder, first, last_time) {
            Err(error) => problems.push(folder.cannot(&name, "read it", &error)),
            Ok((verified, unfinished)) => {
                if let Some((line, what)) = &verified.bad
                    && !(in_use && is_last && unfinished)
                {
                    problems.push(folder.problem_at(&name, *line, what));
                }
                summary.bytes += verified.good;
                // Behind a bad line the count is lost: believe the next file's name.
                let next = firsts.get(at + 1).filter(|_| verified.bad.is_some()).copied();
                summary.last = Seq(next.unwrap_or(verified.next).0 - 1);
                last_time = verified.last_time;
            }
        }
    }
    if problems.is_empty() { Ok(summary) } else { Err(problems) }
}

/// Whether a server runs on this folder.
pub fn is_in_use(dir: &Path) -> bool {
    Lock::is_taken(&Folder::new(dir))
}

/// What a server could not write to, as this user.
fn unwritable(folder: &Folder, last: Option<Seq>) -> Vec<Problem> {
    let what = "this user cannot write it";
    if access(folder.path("."), Access::WRITE_OK | Access::EXEC_OK).is_err() {
        return vec![folder.problem("", what)];
    }
    let names = [state::LOCK.to_owned(), delivered::NAME.to_owned()].into_iter().chain(last.map(name_of));
    let mut found = Vec::new();
    for name in names {
        let path = folder.path(&name);
        if path.exists() && access(&path, Access::READ_OK | Access::WRITE_OK).is_err() {
            found.push(folder.problem(&name, what));
        }
    }
    found
}

/// Reads a file, and says whether what is wrong with it is that its last line has no end.
fn read(folder: &Folder, first: Seq, after: Time) -> io::Result<(Verified, bool)> {
    let file = File::open(folder.path(&name_of(first)))?;
    let verified = scan::verify(&file, first, after)?;
    let len = file.metadata()?.len();
    let rest = scan::read(&file, verified.good, len.min(verified.good + scan::LINE_MAX as u64))?;
    Ok((verified, !rest.contains(&b'\n')))
}
