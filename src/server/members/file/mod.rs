//! members.txt: the only writer of the file, and what notices hand edits.
//!
//! `thread` takes changes and looks for edits. `merge` merges both, `late_edits` watches replaced files that an editor may
//! still write to. `atomic_file` replaces the file, `obstacle` finds out why it could not, `leftovers` removes what killed
//! processes left behind. `news` is what is reported, `write` what is written, `timing` has the waiting times, and tells
//! when an editor has finished; `init` creates the file.
//!
//! In a cluster the file is a `view` of the group, with a `view_thread`, and `seen` remembers what was written.

mod atomic_file;
mod init;
mod late_edits;
mod leftovers;
mod merge;
mod news;
mod obstacle;
mod seen;
mod thread;
mod timing;
mod view;
mod view_thread;
mod write;

use std::io::{self, Write as _};
use std::path::Path;
use std::time::Instant;

pub use self::init::{create, create_view, is_free};
pub use self::news::{Decides, HandEdit, News};
pub use self::seen::{Changes, Seen};
pub use self::thread::{Done, Job, spawn};
pub use self::timing::Timing;
pub use self::view_thread::{ViewDone, ViewJob, spawn_view};

use self::atomic_file::{AtomicFile, FileRead, Put, Stamp, read_whole};
use self::late_edits::ReplacedFiles;
use self::merge::Merge;
use self::news::{State, weak};
use self::timing::Debounce;
use self::view::View;
use self::write::Write;
use crate::protocol::Author;
use crate::room::{Change, MembersFile, SaveError, Secret};
use crate::server::files::{Problem, copies, folder_of, shown};

/// The file as it is now, for the start and for `--check`. Changes nothing.
pub fn read_at_start(path: &Path) -> Result<MembersFile, Problem> {
    match path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound && folder_of(path).is_dir() => {
            Err(Problem(format!("{}: does not exist; --init MAIL makes it, with an admin", shown(path))))
        }
        _ => FileRead::at(path)?.parse(),
    }
}

/// The same for a node of a cluster, which makes the file if there is none.
pub fn read_if_there(path: &Path) -> Result<Option<MembersFile>, Problem> {
    match path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        _ => read_at_start(path).map(Some),
    }
}

/// Copies the file for a backup, once nobody is writing to it: an editor may have written half of it.
pub fn back_up(path: &Path, to: &Path) -> Result<(), Problem> {
    let timing = Timing::default();
    let (mut settling, deadline) = (Debounce { last: None }, Instant::now() + timing.patience);
    loop {
        let (found, now) = (FileRead::at(path)?, Instant::now());
        // A server that changes it all the time replaces it whole.
        if settling.calm_for(found.stamp, now) >= timing.settle || now >= deadline {
            found.parse()?;
            return copies::make_file(to, &found.file, |file| file.write_all(&found.bytes));
        }
        std::thread::sleep(timing.poll());
    }
}

/// Makes these changes in the file, while no server serves it. All of them, or it says why not.
pub fn change_now(path: &Path, file: MembersFile, changes: &[Change]) -> Result<(), Problem> {
    let timing = Timing::default();
    let mut merge = Merge::open(path.to_owned(), file, timing);
    let changes: Vec<_> = changes.iter().map(|change| (Author::HandEdit, change.clone())).collect();
    let results = merge.change(&changes, Instant::now() + timing.patience);
    results.into_iter().collect::<Result<(), SaveError>>().map_err(|error| match error {
        SaveError::Storage(what) => Problem::of(path, what),
        SaveError::Refused(_) | SaveError::Busy => Problem::of(path, "somebody is writing to it; try again"),
    })
}

/// Warnings about the file and its folder, one sentence each, for the start and for `--check`: weak hashes
/// (`members.txt:7: …`), and what replacing the file would lose. Changes nothing.
pub fn warnings(path: &Path) -> Result<Vec<String>, Problem> {
    let found = FileRead::at(path)?;
    let mut warnings = weak(&shown(path), &found.parse()?);
    warnings.extend(found.caveats());
    Ok(warnings)
}

/// Why the file cannot be replaced, what follows, and how many typed passwords stay in it, for `--check`. A running server
/// finds this out by itself.
pub fn obstacle(path: &Path, decides: Decides) -> Result<Option<String>, Problem> {
    let found = FileRead::at(path)?;
    let Some(Problem(why)) = found.obstacle() else { return Ok(None) };
    let file = found.parse()?;
    let typed = file.members().filter(|(_, record)| matches!(record.secret, Secret::Typed(_))).count();
    let stay = match typed {
        0 => String::new(),
        1 => ", and a password stays in it as it was typed".to_owned(),
        _ => format!(", and {typed} passwords stay in it as they were typed"),
    };
    let follows = decides.with_obstacle();
    Ok(Some(format!("{why} (until then {follows}{stay})")))
}
