//! Replaces members.txt atomically.
//!
//! The new file is exchanged with the old one in one system call, and what came out is compared with what was read: if an editor
//! was faster, its version is put back. A process that is killed at any point leaves a complete file under the name, and at most
//! one temporary file, which the next start removes.

use std::ffi::OsString;
use std::fs::{File, Metadata};
use std::io::{self, ErrorKind, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::Path;

use rustix::fs::{AtFlags, Mode, OFlags, RenameFlags, openat, renameat, renameat_with, unlinkat};
use rustix::io::Errno;

use crate::limits::MEMBERS_FILE_MAX;
use crate::room::MembersFile;
use crate::server::files::{Problem, attributes, folder_of, folders, shown};

/// How often a file is put back before we assume that another program does the same.
const PUT_BACK_MAX: usize = 16;

/// How often a file is reopened that was replaced while it was being opened.
const REOPEN_MAX: usize = 16;

/// Bytes of a file that are compared at once: few enough to stay in a core's cache.
const COMPARED_AT_ONCE: usize = 64 << 10;

/// The file's open folder, and names in it.
#[derive(Debug)]
pub(super) struct AtomicFile {
    /// The file's path as sentences show it.
    pub(super) shown: String,
    pub(super) folder: OwnedFd,
    pub(super) name: OsString,
    temp: OsString,
}

/// A file as it was read.
#[derive(Debug)]
pub(super) struct FileRead {
    pub(super) target: AtomicFile,
    pub(super) file: File,
    pub(super) bytes: Vec<u8>,
    pub(super) stamp: Stamp,
    /// Whether it was compared with the version that is known, and is that one.
    pub(super) is_known: bool,
}

/// What changes when a file is written or replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    id: Id,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// Device and inode.
type Id = (u64, u64);

/// The result of replacing a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Put {
    /// It was replaced, durably.
    Done,
    /// It is no longer the file that was read, and was left as it is.
    Edited,
}

impl Stamp {
    pub(super) fn of(meta: &Metadata) -> Stamp {
        Stamp {
            id: id(meta),
            size: meta.len(),
            modified: (meta.mtime(), meta.mtime_nsec()),
            changed: (meta.ctime(), meta.ctime_nsec()),
        }
    }
}

fn id(meta: &Metadata) -> Id {
    (meta.dev(), meta.ino())
}

/// All bytes, and the stamp after reading them, in which a write meanwhile shows.
pub(super) fn read_whole(file: &File) -> io::Result<(Vec<u8>, Stamp)> {
    let expected = file.metadata()?.len();
    if expected > MEMBERS_FILE_MAX {
        return Err(io::Error::other(format!("larger than {MEMBERS_FILE_MAX} bytes")));
    }
    let mut bytes = vec![0; usize::try_from(expected).expect("at most MEMBERS_FILE_MAX") + 1];
    let mut len = 0;
    // If the file grows meanwhile, the rest is left out; its stamp shows that it has changed.
    while len < bytes.len() {
        match file.read_at(&mut bytes[len..], len as u64) {
            Ok(0) => break,
            Ok(read) => len += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(len);
    Ok((bytes, Stamp::of(&file.metadata()?)))
}

/// Whether a file has exactly these bytes. They are compared piece by piece: a large file is not in memory once more.
fn has_bytes(file: &File, bytes: &[u8]) -> io::Result<bool> {
    let (mut piece, mut at) = (vec![0; COMPARED_AT_ONCE], 0);
    loop {
        match file.read_at(&mut piece, at as u64) {
            Ok(0) => return Ok(at == bytes.len()),
            Ok(read) if bytes[at..].starts_with(&piece[..read]) => at += read,
            Ok(_) => return Ok(false),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

impl FileRead {
    pub(super) fn at(path: &Path) -> Result<FileRead, Problem> {
        let target = AtomicFile::find(path)?;
        let file = target.open()?;
        let (bytes, stamp) = read_whole(&file).map_err(|error| target.cannot("read it", &error))?;
        Ok(FileRead { target, file, bytes, stamp, is_known: false })
    }

    pub(super) fn parse(&self) -> Result<MembersFile, Problem> {
        MembersFile::parse(&self.bytes).map_err(|mistake| Problem(mistake.in_file(&self.target.shown)))
    }

    /// Replaces this file, keeping its mode, owner, ACL and other attributes.
    pub(super) fn replace(&self, new: &[u8]) -> Result<Put, Problem> {
        let target = &self.target;
        if new.len() as u64 > MEMBERS_FILE_MAX {
            return Err(Problem(format!("{}: would be larger than {MEMBERS_FILE_MAX} bytes", target.shown)));
        }
        let ours = target.make_temp(new, self)?;
        let cannot = |error: Errno| Err(target.cannot("replace it", &error.into()));
        let synced = || folders::sync(&target.folder).map(|()| Put::Done);
        let safely = |put: io::Result<Put>| put.map_err(|error| target.cannot("replace it safely", &error));
        let put = match target.exchange() {
            Ok(()) => {
                let same = target.came_out_as(self);
                let put = same.and_then(|same| if same { synced() } else { Ok(Put::Edited) });
                if !matches!(put, Ok(Put::Done)) {
                    target.put_back(ours)?;
                }
                safely(put)
            }
            // The filesystem (NFS, FUSE, some others) cannot exchange. An edit between this comparison and the renaming is
            // not noticed.
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) if target.is_still(self) => {
                match renameat(&target.folder, &target.temp, &target.folder, &target.name) {
                    Ok(()) => return safely(synced()),
                    Err(error) => cannot(error),
                }
            }
            // Or an editor has moved it away and is about to create a new one.
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP | Errno::NOENT) => Ok(Put::Edited),
            Err(error) => cannot(error),
        };
        target.remove_temp();
        put
    }
}

impl AtomicFile {
    /// Opens the folder. A symlink at `path` is followed once, so that its target is replaced and not the link.
    pub(super) fn find(path: &Path) -> Result<AtomicFile, Problem> {
        let shown = shown(path);
        let target = match std::fs::read_link(path) {
            Ok(target) => folder_of(path).join(target),
            Err(_) => path.to_owned(),
        };
        let Some(name) = target.file_name().map(ToOwned::to_owned) else {
            return Err(Problem(format!("{shown}: is a folder")));
        };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = rustix::fs::open(folder_of(&target), flags, Mode::empty())
            .map_err(|error| Problem(format!("{shown}: cannot open its folder: {error}")))?;
        let mut temp = OsString::from(".");
        temp.push(&name);
        temp.push(format!(".{}.new", std::process::id()));
        Ok(AtomicFile { shown, folder, name, temp })
    }

    /// The file's stamp, without reading it.
    pub(super) fn stamp(&self) -> Option<Stamp> {
        self.open().ok()?.metadata().ok().map(|meta| Stamp::of(&meta))
    }

    fn exchange(&self) -> Result<(), Errno> {
        renameat_with(&self.folder, &self.temp, &self.folder, &self.name, RenameFlags::EXCHANGE)
    }

    /// Whether the file is still the one that was read.
    fn is_still(&self, old: &FileRead) -> bool {
        let now = self.open().ok().and_then(|file| read_whole(&file).ok());
        now.is_some_and(|(bytes, stamp)| stamp.id == old.stamp.id && bytes == old.bytes)
    }

    /// Whether the file that was exchanged for ours has exactly the bytes that were read.
    fn came_out_as(&self, old: &FileRead) -> io::Result<bool> {
        if self.temp_id()? != old.stamp.id {
            return Ok(false);
        }
        // The same inode, so its open descriptor can be read.
        has_bytes(&old.file, &old.bytes)
    }

    /// Undoes an exchange. If what comes out is not what was put in last, it is newer than what has just been put back, so it is
    /// put back in turn.
    fn put_back(&self, ours: Id) -> Result<(), Problem> {
        let kept = |error: io::Error| {
            let what = format!("put it back (it is kept as {})", self.temp.to_string_lossy());
            self.cannot(&what, &error)
        };
        let mut placed = ours;
        for _ in 0..PUT_BACK_MAX {
            let going_in = self.temp_id().map_err(kept)?;
            self.exchange().map_err(|error| kept(error.into()))?;
            if self.temp_id().map_err(kept)? == placed {
                return Ok(());
            }
            placed = going_in;
        }
        Err(kept(io::Error::other("somebody replaces it all the time")))
    }

    /// Creates a durable temporary file with the new bytes. On failure there is none.
    fn make_temp(&self, new: &[u8], old: &FileRead) -> Result<Id, Problem> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = openat(&self.folder, &self.temp, flags, Mode::RUSR | Mode::WUSR)
            .map_err(|error| self.cannot("make a new one beside it", &error.into()))?;
        let mut file = File::from(file);
        // A file that cannot have the same metadata replaces nothing.
        attributes::keep(&old.file, &file)
            .map_err(|kept| self.cannot(&format!("keep its {}", kept.what), &kept.why))
            .and_then(|()| {
                let written = file.write_all(new).and_then(|()| file.sync_all());
                let id = written.and_then(|()| Ok(id(&file.metadata()?)));
                id.map_err(|error| self.cannot("write a new one beside it", &error))
            })
            .inspect_err(|_| self.remove_temp())
    }

    fn remove_temp(&self) {
        if let Err(error) = unlinkat(&self.folder, &self.temp, AtFlags::empty()) {
            log::warn!("{}: cannot remove {}: {error}", self.shown, self.temp.to_string_lossy());
        }
    }

    fn temp_id(&self) -> io::Result<Id> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = File::from(openat(&self.folder, &self.temp, flags, Mode::empty())?);
        Ok(id(&file.metadata()?))
    }

    fn open(&self) -> Result<File, Problem> {
        // A file without links has just been replaced, so the name is another's by now. Some file systems do not count links.
        for _ in 0..REOPEN_MAX {
            let file = self.open_once()?;
            if file.metadata().is_ok_and(|meta| meta.nlink() > 0) || !self.is_mounted() {
                return Ok(file);
            }
        }
        Err(Problem(format!(
            "{}: was mounted here by itself, and has been replaced where it comes from: edits there are \
             not seen here; mount the folder it is in",
            self.shown
        )))
    }

    fn open_once(&self) -> Result<File, Problem> {
        // NONBLOCK: if there is a pipe, do not wait for its writer.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = openat(&self.folder, &self.name, flags, Mode::empty()).map_err(|error| match error {
            Errno::NOENT => Problem(format!("{}: does not exist", self.shown)),
            Errno::LOOP => Problem(format!("{}: is a symlink to a symlink", self.shown)),
            error => self.cannot("open it", &error.into()),
        })?;
        let file = File::from(file);
        match file.metadata() {
            Ok(meta) if meta.is_file() => Ok(file),
            Ok(_) => Err(Problem(format!("{}: is not a file", self.shown))),
            Err(error) => Err(self.cannot("open it", &error)),
        }
    }

    fn cannot(&self, what: &str, error: &io::Error) -> Problem {
        let cure = match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "; make room",
            ErrorKind::ReadOnlyFilesystem => "; mount it writable",
            _ => "",
        };
        Problem(format!("{}: cannot {what}: {error}{cure}", self.shown))
    }
}
