//! Finds out why members.txt could not be replaced, without touching it: before the first command fails, and with advice.

use std::fs::File;
use std::os::unix::fs::MetadataExt as _;

use rustix::fs::{Access, AtFlags, Mode, OFlags, StatxAttributes, StatxFlags, accessat, openat, statx};
use rustix::io::Errno;
use rustix::process::geteuid;

use crate::server::files::problem::Problem;
use crate::server::files::{attributes, folders};
use crate::server::members::file::atomic_file::{AtomicFile, FileRead};

/// The sticky bit: in such a folder only the folder's owner and the file's owner may replace the file.
const STICKY: u32 = 0o1000;

impl AtomicFile {
    /// Why the file that was read cannot be replaced, if anything is known to prevent it.
    pub(super) fn obstacle(&self, found: &FileRead) -> Option<Problem> {
        let checks = [
            AtomicFile::writable_folder,
            AtomicFile::no_mount,
            AtomicFile::changeable,
            AtomicFile::own,
            AtomicFile::kept,
        ];
        let why = checks.iter().find_map(|check| check(self, found).err())?;
        Some(Problem(format!("{}: cannot be replaced: {why}", self.shown)))
    }

    /// What a change loses even if it succeeds.
    pub(super) fn caveats(&self, found: &FileRead) -> Vec<String> {
        let mut caveats = Vec::new();
        if found.file.metadata().is_ok_and(|meta| meta.nlink() > 1) {
            caveats.push(format!(
                "{}: has another name (a hard link), which keeps the old content when the file changes; \
                 make that a symlink",
                self.shown
            ));
        }
        match folders::can_sync_alone(&self.folder) {
            Ok(true) => {}
            Ok(false) => caveats.push(format!("{}: {}", self.shown, folders::NOT_SYNCED)),
            Err(error) => caveats.push(format!("{}: its folder cannot be synced: {error}", self.shown)),
        }
        caveats
    }

    fn writable_folder(&self, _: &FileRead) -> Result<(), String> {
        let access = accessat(&self.folder, ".", Access::WRITE_OK | Access::EXEC_OK, AtFlags::empty());
        access.map_err(|error| match error {
            Errno::ROFS => format!("its folder cannot be written: {error}; mount it writable"),
            _ => format!(
                "this user cannot write in its folder, where a new file would be made: {error}; \
                 give the folder to that user (chown)"
            ),
        })
    }

    fn no_mount(&self, _: &FileRead) -> Result<(), String> {
        if self.is_mounted() {
            return Err("the file is mounted by itself; mount the folder it is in".to_owned());
        }
        Ok(())
    }

    /// Whether something is mounted at the file's name.
    pub(super) fn is_mounted(&self) -> bool {
        let attributes = self.attributes(&self.name);
        attributes.is_some_and(|attributes| attributes.contains(StatxAttributes::MOUNT_ROOT))
    }

    fn changeable(&self, _: &FileRead) -> Result<(), String> {
        for (what, name) in [("it", &*self.name), ("its folder", ".".as_ref())] {
            let Some(attributes) = self.attributes(name) else { continue };
            for (attribute, word, letter) in [
                (StatxAttributes::IMMUTABLE, "immutable", 'i'),
                (StatxAttributes::APPEND, "append-only", 'a'),
            ] {
                if attributes.contains(attribute) {
                    return Err(format!("{what} is {word}; chattr -{letter}"));
                }
            }
        }
        Ok(())
    }

    fn own(&self, found: &FileRead) -> Result<(), String> {
        let (Ok(file), Ok(folder)) = (found.file.metadata(), rustix::fs::fstat(&self.folder)) else {
            return Ok(());
        };
        let me = geteuid();
        let others = me.as_raw() != file.uid() && !me.is_root();
        if others && folder.st_mode & STICKY != 0 && me.as_raw() != folder.st_uid {
            return Err(
                "it belongs to another user, in a folder with the sticky bit; chown it to the server's user"
                    .to_owned(),
            );
        }
        Ok(())
    }

    /// Whether a new file could have the same metadata. Tried with a file without a name.
    fn kept(&self, found: &FileRead) -> Result<(), String> {
        let flags = OFlags::WRONLY | OFlags::TMPFILE | OFlags::CLOEXEC;
        // If the file system does not support that, the first change will show it.
        let Ok(file) = openat(&self.folder, ".", flags, Mode::RUSR | Mode::WUSR) else { return Ok(()) };
        attributes::keep(&found.file, &File::from(file)).map_err(|kept| {
            let cure = match kept.what.as_str() {
                "owner" => "chown it to the server's user, and chgrp it to one of that user's groups",
                "attribute system.posix_acl_access" => "remove its ACL (setfacl -b), or let a group read it",
                _ => "remove that, or put the file on another file system",
            };
            format!("its {} could not be kept: {}; {cure}", kept.what, kept.why)
        })
    }

    /// The inode's attributes; `None` if the kernel cannot tell.
    fn attributes(&self, name: &std::ffi::OsStr) -> Option<StatxAttributes> {
        let told = statx(&self.folder, name, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::BASIC_STATS).ok()?;
        Some(told.stx_attributes & told.stx_attributes_mask)
    }
}
