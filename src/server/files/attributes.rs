//! A file's metadata: owner, mode, ACL, security label, user attributes. A file that replaces another one has to have
//! the same, or the wrong people may read it. Without its ACL even the mode means something else: the group bits, which
//! were the ACL's mask, become the rights of the group.

use std::ffi::{OsStr, OsString};
use std::fs::{File, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use rustix::fs::{Gid, Uid, fchown};
use rustix::io::Errno;
use xattr::FileExt as _;

/// The kernel computes these from a file's contents.
const COMPUTED: [&str; 2] = ["security.ima", "security.evm"];

/// Metadata that could not be kept.
#[derive(Debug)]
pub(in crate::server) struct NotKept {
    /// `owner`, `mode`, or an attribute's name as getfattr(1) shows it.
    pub(in crate::server) what: String,
    pub(in crate::server) why: io::Error,
}

/// Gives `new` the owner, the extended attributes and the mode of `old`. In this order, because chown clears bits of
/// the mode, and an ACL sets some.
pub(in crate::server) fn keep(old: &File, new: &File) -> Result<(), NotKept> {
    let kept = |what: &str| {
        let what = what.to_owned();
        |why| NotKept { what, why }
    };
    let was = keep_owner(old, new).map_err(kept("owner"))?;
    keep_extended(old, new)?;
    new.set_permissions(Permissions::from_mode(was.mode() & 0o7777)).map_err(kept("mode"))
}

/// The owner alone. Returns the old file's metadata.
pub(in crate::server) fn keep_owner(old: &File, new: &File) -> io::Result<Metadata> {
    let (is, was) = (new.metadata()?, old.metadata()?);
    if (is.uid(), is.gid()) != (was.uid(), was.gid()) {
        fchown(new, Some(Uid::from_raw(was.uid())), Some(Gid::from_raw(was.gid())))?;
    }
    Ok(was)
}

/// Exactly the attributes of `old`: the folder's default ACL may have added some to `new`.
fn keep_extended(old: &File, new: &File) -> Result<(), NotKept> {
    let wanted = names(old)?;
    for name in names(new)?.iter().filter(|name| !wanted.contains(name)) {
        match new.remove_xattr(name) {
            Err(error) if Errno::from_io_error(&error) != Some(Errno::NODATA) => {
                return Err(not_kept(name)(error));
            }
            _ => {}
        }
    }
    for name in &wanted {
        let is_now = new.get_xattr(name).map_err(not_kept(name))?;
        // Not if it is the same already: most labels are, and we may have no right to set them.
        if let Some(value) = old.get_xattr(name).map_err(not_kept(name))?
            && is_now.as_ref() != Some(&value)
        {
            new.set_xattr(name, &value).map_err(not_kept(name))?;
        }
    }
    Ok(())
}

fn names(file: &File) -> Result<Vec<OsString>, NotKept> {
    let is_computed = |name: &OsString| COMPUTED.iter().any(|computed| name == computed);
    match file.list_xattr() {
        Ok(names) => Ok(names.filter(|name| !is_computed(name)).collect()),
        // A file system without attributes.
        Err(error) if matches!(Errno::from_io_error(&error), Some(Errno::OPNOTSUPP | Errno::NOSYS)) => {
            Ok(Vec::new())
        }
        Err(error) => Err(not_kept("all".as_ref())(error)),
    }
}

fn not_kept(name: &OsStr) -> impl FnOnce(io::Error) -> NotKept {
    let what = format!("attribute {}", name.to_string_lossy());
    |why| NotKept { what, why }
}
