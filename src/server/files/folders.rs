//! Syncing folders, so that files created, renamed or removed in them survive a power cut. Some file systems cannot
//! sync a folder by itself: shared folders of virtual machines, some FUSE file systems. And how much room there is.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::fd::AsFd;
use std::path::Path;

use rustix::fs::{fsync, statvfs, syncfs};
use rustix::io::Errno;
use rustix::process::geteuid;

use crate::files;
use crate::server::files::folder_of;

/// The warning about a folder for which [`can_sync_alone`] is false.
pub(crate) const NOT_SYNCED: &str = "this file system cannot sync folders (a shared folder?): \
                                                after a power cut a file that was made or replaced just \
                                                before may be missing; use a local disk";

/// Bytes that this user can still write on the file system of a folder.
pub(crate) fn free(folder: &Path) -> io::Result<u64> {
    let disk = statvfs(folder)?;
    let blocks = if geteuid().is_root() { disk.f_bfree } else { disk.f_bavail };
    Ok(blocks.saturating_mul(disk.f_frsize))
}

/// Syncs an open folder; its whole file system where there is no other way.
pub(crate) fn sync(folder: impl AsFd) -> io::Result<()> {
    match fsync(&folder) {
        // fsync(2): bound to something which does not support synchronization.
        Err(Errno::INVAL | Errno::OPNOTSUPP) => sync_all_of(folder),
        synced => Ok(synced?),
    }
}

/// Syncs the folder in which a file or a folder was created.
pub(crate) fn sync_parent(created: &Path) -> io::Result<()> {
    match File::open(folder_of(created)) {
        Ok(folder) => sync(folder),
        // We may search it and write to it, but not read it: sync the file system by way of the new file.
        Err(error) if error.kind() == ErrorKind::PermissionDenied => sync_all_of(File::open(created)?),
        Err(error) => Err(error),
    }
}

/// The suffix of a file that is being written. Where a start does not remove those that a killed process left behind, the next
/// one has the same name.
pub(crate) const UNFINISHED: &str = ".new";

/// [`files::replace`], durable when it returns.
pub(crate) fn replace(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    files::replace(path, UNFINISHED, write)?;
    sync_parent(path)
}

/// Whether this folder can be synced without its whole file system. An error has to be passed on: the kernel reports a
/// failed sync only once.
pub(crate) fn can_sync_alone(folder: impl AsFd) -> io::Result<bool> {
    match fsync(folder) {
        Err(Errno::INVAL | Errno::OPNOTSUPP) => Ok(false),
        synced => Ok(synced.map(|()| true)?),
    }
}

/// Does nothing where that is impossible, too, or not permitted: a start should not fail over it, and warns with
/// [`NOT_SYNCED`].
fn sync_all_of(file: impl AsFd) -> io::Result<()> {
    match syncfs(file) {
        Err(Errno::INVAL | Errno::OPNOTSUPP | Errno::NOSYS | Errno::PERM) => Ok(()),
        synced => Ok(synced?),
    }
}
