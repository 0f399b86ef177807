//! A file's metadata: owner, mode, ACL, security label, user attributes. A file that replaces another one has to have
//! the same, or the wrong people may read it. Without its ACL even the mode means something else: the group bits, which
//! were the ACL's mask, become the rights of the group.

use std::ffi::{CStr, CString};
use std::fs::{File, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use rustix::fs::{Gid, Uid, XattrFlags, fchown, fgetxattr, flistxattr, fremovexattr, fsetxattr};
use rustix::io::Errno;

/// The kernel's limit of a list of names, and of a value (xattr(7)).
const MAX: usize = 64 << 10;

/// The kernel computes these from a file's contents.
const COMPUTED: [&CStr; 2] = [c"security.ima", c"security.evm"];

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

fn keep_owner(old: &File, new: &File) -> io::Result<Metadata> {
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
        match fremovexattr(new, name.as_c_str()) {
            Ok(()) | Err(Errno::NODATA) => {}
            Err(error) => return Err(not_kept(name, error)),
        }
    }
    for name in &wanted {
        let value = value(old, name)?;
        // Not if it is the same already: most labels are, and we may have no right to set them.
        if value.is_some() && value != self::value(new, name)? {
            fsetxattr(new, name.as_c_str(), &value.unwrap_or_default(), XattrFlags::empty())
                .map_err(|error| not_kept(name, error))?;
        }
    }
    Ok(())
}

fn names(file: &File) -> Result<Vec<CString>, NotKept> {
    let mut list = vec![0; MAX];
    let len = match flistxattr(file, &mut *list) {
        Ok(len) => len,
        // A file system without attributes.
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => 0,
        Err(error) => return Err(not_kept(c"all", error)),
    };
    let names =
        list[..len].split_inclusive(|&b| b == 0).filter_map(|name| CStr::from_bytes_with_nul(name).ok());
    Ok(names.filter(|name| !COMPUTED.contains(name)).map(CStr::to_owned).collect())
}

/// An attribute's value; `None` if the file does not have it.
fn value(file: &File, name: &CStr) -> Result<Option<Vec<u8>>, NotKept> {
    let mut value = vec![0; MAX];
    match fgetxattr(file, name, &mut *value) {
        Ok(len) => {
            value.truncate(len);
            Ok(Some(value))
        }
        Err(Errno::NODATA) => Ok(None),
        Err(error) => Err(not_kept(name, error)),
    }
}

fn not_kept(name: &CStr, error: Errno) -> NotKept {
    NotKept { what: format!("attribute {}", name.to_string_lossy()), why: error.into() }
}
