//! Finds out why members.txt could not be replaced, without touching it: before the first command fails, and with advice.

use std::fs::File;
use std::os::unix::fs::MetadataExt as _;

use rustix::fs::{
    Access, AtFlags, Mode, OFlags, StatxAttributes, StatxFlags, accessat, fstat, openat, statx,
};
use rustix::io::Errno;
use rustix::process::geteuid;

use crate::server::files::{Problem, attributes, folders};
use crate::server::members::file::atomic_file::{AtomicFile, FileRead};

/// The sticky bit: in such a folder only the folder's owner and the file's owner may replace the file.
const STICKY: u32 = 0o1000;

impl FileRead {
    /// Why this file cannot be replaced, if anything is known to prevent it.
    pub(super) fn obstacle(&self) -> Option<Problem> {
        let checks = [
            // Nobody may write in an immutable folder, whosever it is.
            FileRead::changeable,
            FileRead::writable_folder,
            FileRead::no_mount,
            FileRead::own,
            FileRead::kept,
        ];
        let why = checks.iter().find_map(|check| check(self))?;
        Some(Problem(format!("{}: cannot be replaced: {why}", self.target.shown)))
    }

    /// What a change loses even if it succeeds.
    pub(super) fn caveats(&self) -> Vec<String> {
        let AtomicFile { shown, folder, .. } = &self.target;
        let mut caveats = Vec::new();
        if self.file.metadata().is_ok_and(|meta| meta.nlink() > 1) {
            caveats.push(format!(
                "{shown}: has another name (a hard link), which keeps the old content when the file changes; \
                 make that a symlink"
            ));
        }
        match folders::can_sync_alone(folder) {
            Ok(true) => {}
            Ok(false) => caveats.push(format!("{shown}: {}", folders::NOT_SYNCED)),
            Err(error) => caveats.push(format!("{shown}: its folder cannot be synced: {error}")),
        }
        caveats
    }

    fn writable_folder(&self) -> Option<String> {
        let access = accessat(&self.target.folder, ".", Access::WRITE_OK | Access::EXEC_OK, AtFlags::empty());
        Some(match access.err()? {
            error @ Errno::ROFS => format!("its folder cannot be written: {error}; mount it writable"),
            error => format!(
                "this user cannot write in its folder, where a new file would be made: {error}; \
                 give the folder to that user (chown)"
            ),
        })
    }

    fn no_mount(&self) -> Option<String> {
        let sentence = "the file is mounted by itself; mount the folder it is in";
        self.target.is_mounted().then(|| sentence.to_owned())
    }

    fn changeable(&self) -> Option<String> {
        for (what, name) in [("it", &*self.target.name), ("its folder", ".".as_ref())] {
            let Some(attributes) = self.target.attributes(name) else { continue };
            for (attribute, word, letter) in [
                (StatxAttributes::IMMUTABLE, "immutable", 'i'),
                (StatxAttributes::APPEND, "append-only", 'a'),
            ] {
                if attributes.contains(attribute) {
                    return Some(format!("{what} is {word}; chattr -{letter}"));
                }
            }
        }
        None
    }

    fn own(&self) -> Option<String> {
        let (file, folder) = (self.file.metadata().ok()?, fstat(&self.target.folder).ok()?);
        let me = geteuid();
        let others = me.as_raw() != file.uid() && !me.is_root();
        let sentence =
            "it belongs to another user, in a folder with the sticky bit; chown it to the server's user";
        let is_sticky = folder.st_mode & STICKY != 0 && me.as_raw() != folder.st_uid;
        (others && is_sticky).then(|| sentence.to_owned())
    }

    /// Whether a new file could have the same metadata. Tried with a file without a name.
    fn kept(&self) -> Option<String> {
        let flags = OFlags::WRONLY | OFlags::TMPFILE | OFlags::CLOEXEC;
        // If the file system does not support that, the first change will show it.
        let file = openat(&self.target.folder, ".", flags, Mode::RUSR | Mode::WUSR).ok()?;
        let kept = attributes::keep(&self.file, &File::from(file)).err()?;
        let cure = match kept.what.as_str() {
            "owner" => "chown it to the server's user, and chgrp it to one of that user's groups",
            "attribute system.posix_acl_access" => "remove its ACL (setfacl -b), or let a group read it",
            "mode" => "put the file on another file system",
            _ => "remove that, or put the file on another file system",
        };
        Some(format!("its {} could not be kept: {}; {cure}", kept.what, kept.why))
    }
}

impl AtomicFile {
    /// Whether something is mounted at the file's name.
    pub(super) fn is_mounted(&self) -> bool {
        let attributes = self.attributes(&self.name);
        attributes.is_some_and(|attributes| attributes.contains(StatxAttributes::MOUNT_ROOT))
    }

    /// The inode's attributes; `None` if the kernel cannot tell.
    fn attributes(&self, name: &std::ffi::OsStr) -> Option<StatxAttributes> {
        let told = statx(&self.folder, name, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::BASIC_STATS).ok()?;
        Some(told.stx_attributes & told.stx_attributes_mask)
    }
}
