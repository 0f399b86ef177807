//! The folder of the history: its files' names in sentences for an admin, and writes that are durable when they return.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use crate::files::if_there;
use crate::server::files::{Problem, folders, shown};

/// Advice about a damaged file.
pub(super) const RESTORE: &str = "restore the file from a copy";

#[derive(Clone, Debug)]
pub(super) struct Folder {
    path: PathBuf,
    /// The path as sentences show it.
    shown: String,
}

impl Folder {
    pub(super) fn new(path: &Path) -> Folder {
        Folder { path: path.to_owned(), shown: shown(path) }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Creates the folder if it does not exist, readable by this user only.
    pub(super) fn create(&self) -> Result<(), Problem> {
        let made = match DirBuilder::new().mode(0o700).create(&self.path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(()),
            made => made.and_then(|()| folders::sync_parent(&self.path)),
        };
        made.map_err(|error| Problem(format!("{}: cannot be made: {error}", self.shown)))
    }

    /// A warning if files created in it may not survive a power cut.
    pub(super) fn sync_caveat(&self) -> Result<Option<Problem>, Problem> {
        let alone = File::open(&self.path).and_then(folders::can_sync_alone);
        let alone = alone.map_err(|error| Problem(format!("{}: cannot be synced: {error}", self.shown)))?;
        Ok((!alone).then(|| Problem(format!("{}: {}", self.shown, folders::NOT_SYNCED))))
    }

    /// Whether something has this name, even a dangling link.
    pub(super) fn has(&self, name: &str) -> bool {
        self.path(name).symlink_metadata().is_ok()
    }

    /// The names in it that are UTF-8.
    pub(super) fn names(&self) -> Result<Vec<String>, Problem> {
        let read = || -> io::Result<Vec<String>> {
            let names = std::fs::read_dir(&self.path)?.map(|entry| Ok(entry?.file_name().into_string().ok()));
            names.filter_map(Result::transpose).collect()
        };
        read().map_err(|error| Problem(format!("{}: cannot be read: {error}", self.shown)))
    }

    /// Makes creations, renames and removals in it durable.
    pub(super) fn sync(&self) -> io::Result<()> {
        folders::sync(File::open(&self.path)?)
    }

    /// Opens one of its files for reading and writing.
    pub(super) fn open(&self, name: &str) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).open(self.path(name))
    }

    /// A problem with one of its files.
    pub(super) fn problem(&self, name: &str, what: impl std::fmt::Display) -> Problem {
        Problem(format!("{}/{name}: {what}", self.shown))
    }

    /// A problem with a line of one of its files.
    pub(super) fn problem_at(&self, name: &str, line: u64, what: impl std::fmt::Display) -> Problem {
        Problem(format!("{}/{name}:{line}: {what}", self.shown))
    }

    /// A failed operation on one of its files.
    pub(super) fn cannot(&self, name: &str, what: &str, error: &io::Error) -> Problem {
        self.problem(name, format!("cannot {what}: {error}"))
    }

    /// The text of a small file; `None` if it does not exist. Invalid UTF-8 becomes U+FFFD, which no parser accepts.
    pub(super) fn read_text(&self, name: &str) -> Result<Option<String>, Problem> {
        let read =
            if_there(std::fs::read(self.path(name))).map_err(|error| self.cannot(name, "read it", &error))?;
        Ok(read.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// Replaces a file with these bytes, readable by this user only. Durable when it returns; on failure the old file
    /// is still there.
    pub(super) fn replace(&self, name: &str, bytes: &[u8]) -> Result<(), Problem> {
        let replaced = folders::replace(&self.path(name), |file| file.write_all(bytes));
        replaced.map_err(|error| self.cannot(name, "write it", &error))
    }

    /// Removes a file if it exists.
    pub(super) fn remove(&self, name: &str) -> Result<(), Problem> {
        let removed = if_there(std::fs::remove_file(self.path(name)));
        removed.map(drop).map_err(|error| self.cannot(name, "remove it", &error))
    }
}
