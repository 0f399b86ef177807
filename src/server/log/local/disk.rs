//! The folder: names in it as an admin is told them, and writes that are safe when they return.

use std::fs::File;
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use crate::server::files::folders;
use crate::server::files::paths::shown;
use crate::server::files::problem::Problem;

/// What an admin is to do about a damaged file.
pub(super) const RESTORE: &str = "restore the file from a copy";

/// A file being made, before it gets its name. What a killed process leaves of these, the next start removes.
pub(super) const UNFINISHED: &str = ".new";

/// The folder of the history.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    path: PathBuf,
    /// Its name in sentences.
    shown: String,
}

impl Folder {
    pub(super) fn new(path: &Path) -> Folder {
        Folder { path: path.to_owned(), shown: shown(path) }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Makes the folder if it is not there, for nobody else to read.
    pub(super) fn make(&self) -> Result<(), Problem> {
        let mut builder = std::fs::DirBuilder::new();
        match std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700).create(&self.path) {
            Ok(()) => {
                let synced = folders::sync_around(&self.path);
                synced.map_err(|error| Problem(format!("{}: cannot be made: {error}", self.shown)))
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(Problem(format!("{}: cannot be made: {error}", self.shown))),
        }
    }

    /// Why what is made in it may not survive a power cut, if that is so.
    pub(super) fn caveat(&self) -> Result<Option<Problem>, Problem> {
        let alone = File::open(&self.path).and_then(folders::is_synced_alone);
        let alone = alone.map_err(|error| Problem(format!("{}: cannot be synced: {error}", self.shown)))?;
        Ok((!alone).then(|| Problem(format!("{}: {}", self.shown, folders::NOT_SYNCED))))
    }

    /// Whether something has this name, a link to nothing too.
    pub(super) fn has(&self, name: &str) -> bool {
        self.path(name).symlink_metadata().is_ok()
    }

    /// The names in it, those that are text.
    pub(super) fn names(&self) -> Result<Vec<String>, Problem> {
        let read = || -> io::Result<Vec<String>> {
            let names = std::fs::read_dir(&self.path)?.map(|entry| Ok(entry?.file_name().into_string().ok()));
            names.filter_map(Result::transpose).collect()
        };
        read().map_err(|error| Problem(format!("{}: cannot be read: {error}", self.shown)))
    }

    /// What was made, renamed or removed in it is safe.
    pub(super) fn sync(&self) -> io::Result<()> {
        folders::sync(File::open(&self.path)?)
    }

    /// A problem with one of its files.
    pub(super) fn problem(&self, name: &str, what: impl std::fmt::Display) -> Problem {
        Problem(format!("{}/{name}: {what}", self.shown))
    }

    /// A problem with a line of one of its files.
    pub(super) fn problem_at(&self, name: &str, line: u64, what: impl std::fmt::Display) -> Problem {
        Problem(format!("{}/{name}:{line}: {what}", self.shown))
    }

    /// Something could not be done with one of its files.
    pub(super) fn cannot(&self, name: &str, what: &str, error: &io::Error) -> Problem {
        self.problem(name, format!("cannot {what}: {error}"))
    }

    /// The text of a small file; `None` if there is none. Bytes that are no text become characters that are wrong.
    pub(super) fn read_text(&self, name: &str) -> Result<Option<String>, Problem> {
        match std::fs::read(self.path(name)) {
            Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.cannot(name, "read it", &error)),
        }
    }

    /// Puts a file with these bytes in the place of the old one, for nobody else to read. When it returns, the new
    /// one is safe; on failure the old one is there.
    pub(super) fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.replace_with(name, |file| file.write_all(bytes))
    }

    /// The same with what `write` writes.
    pub(super) fn replace_with(
        &self,
        name: &str,
        write: impl FnOnce(&mut File) -> io::Result<()>,
    ) -> io::Result<()> {
        let unfinished = self.path(&format!("{name}{UNFINISHED}"));
        folders::replace(&self.path(name), &unfinished, write)
    }

    /// Removes a file if it is there.
    pub(super) fn remove(&self, name: &str) -> Result<(), Problem> {
        match std::fs::remove_file(self.path(name)) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(self.cannot(name, "remove it", &error)),
            _ => Ok(()),
        }
    }
}
