//! Folders are synced so that what was made, renamed or removed in them survives a power cut. Some file systems have no
//! way to do that for a folder alone: shared folders of virtual machines, some of FUSE.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::fd::AsFd;
use std::path::Path;

use rustix::fs::{fsync, syncfs};
use rustix::io::Errno;

use crate::files;
use crate::server::files::paths::folder_of;

/// What a warning says of a folder that [`is_synced_alone`] says no of.
pub(in crate::server) const NOT_SYNCED: &str = "this file system cannot sync folders (a shared folder?): \
                                                after a power cut a file that was made or replaced just \
                                                before may be missing; use a local disk";

/// Syncs a folder that is open: all of its file system, where that is the only way.
pub(in crate::server) fn sync(folder: impl AsFd) -> io::Result<()> {
    match fsync(&folder) {
        // fsync(2): bound to something which does not support synchronization.
        Err(Errno::INVAL | Errno::OPNOTSUPP) => sync_all_of(folder),
        synced => Ok(synced?),
    }
}

/// Syncs the folder in which a file or a folder was made.
pub(in crate::server) fn sync_around(made: &Path) -> io::Result<()> {
    match File::open(folder_of(made)) {
        Ok(folder) => sync(folder),
        // We may go through it and write in it, but not read it: then from what was made there.
        Err(error) if error.kind() == ErrorKind::PermissionDenied => sync_all_of(File::open(made)?),
        Err(error) => Err(error),
    }
}

/// [`files::replace`], and when it returns, the new file is there after a power cut, too.
pub(in crate::server) fn replace(
    path: &Path,
    unfinished: &Path,
    write: impl FnOnce(&mut File) -> io::Result<()>,
) -> io::Result<()> {
    files::replace(path, unfinished, write)?;
    sync_around(path)
}

/// Whether this folder can be synced, and not only its file system as a whole. The kernel tells of a failed sync once:
/// nobody may pass over that error.
pub(in crate::server) fn is_synced_alone(folder: impl AsFd) -> io::Result<bool> {
    match fsync(folder) {
        Err(Errno::INVAL | Errno::OPNOTSUPP) => Ok(false),
        synced => Ok(synced.map(|()| true)?),
    }
}

/// Where that is not possible either, or not permitted, nothing is, and no start should fail over it: [`NOT_SYNCED`] is
/// told.
fn sync_all_of(on_it: impl AsFd) -> io::Result<()> {
    match syncfs(on_it) {
        Err(Errno::INVAL | Errno::OPNOTSUPP | Errno::NOSYS | Errno::PERM) => Ok(()),
        synced => Ok(synced?),
    }
}
