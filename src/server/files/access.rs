//! Whether somebody else may use a file with a secret. Its mode alone does not say so: with an ACL the group's bits are a
//! limit to what the ACL allows. systemd gives a service its credentials in this way, owned by root, with mode 0440.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt as _;

use rustix::process::geteuid;
use xattr::FileExt as _;

const ACL: &str = "system.posix_acl_access";

/// The bits of a mode that allow others something, which may be anybody but the file's owner, this user and root:
/// those of the group, and those of all others. None: nobody has access.
pub(in crate::server) fn of_others(file: &File) -> io::Result<u32> {
    let mode = file.metadata()?.mode() & 0o077;
    // A file system may have no attributes.
    let acl = if mode & 0o070 == 0 { None } else { file.get_xattr(ACL).ok().flatten() };
    Ok(match acl.as_deref().and_then(class_of_group) {
        Some(rights) => mode & 0o007 | (mode & rights << 3),
        None => mode,
    })
}

/// What an ACL allows those to whom the group's bits apply, but for this user and root. `None`: it cannot be parsed.
fn class_of_group(acl: &[u8]) -> Option<u32> {
    // linux/posix_acl_xattr.h: the version, 2; then for each entry tag, rights, and whose it is.
    let (entries, rest) = acl.strip_prefix(&2_u32.to_le_bytes())?.as_chunks::<8>();
    if !rest.is_empty() {
        return None;
    }
    let others = entries.iter().filter_map(|&[t0, t1, r0, r1, id @ ..]| {
        let (tag, rights, id) =
            (u16::from_le_bytes([t0, t1]), u16::from_le_bytes([r0, r1]), u32::from_le_bytes(id));
        match tag {
            USER if id == geteuid().as_raw() || id == 0 => None,
            USER | GROUP_OBJ | GROUP => Some(u32::from(rights)),
            _ => None,
        }
    });
    Some(others.fold(0, |all, rights| all | rights))
}

// linux/posix_acl.h
const USER: u16 = 0x02;
const GROUP_OBJ: u16 = 0x04;
const GROUP: u16 = 0x08;

#[cfg(test)]
pub(in crate::server) mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const NONE: u32 = u32::MAX;

    /// Gives the file an ACL with these entries between the owner's and the mask, whose mode is this. `false`, and it says so:
    /// there are no ACLs here.
    pub(in crate::server) fn shares(file: &File, entries: &[(u16, u16, u32)], mask: u16) -> bool {
        let is_possible = file.set_xattr(ACL, &acl(entries, mask)).is_ok();
        if !is_possible {
            #[expect(clippy::print_stdout, reason = "as other tests say what they need")]
            {
                println!("skipped: there are no ACLs here");
            }
        }
        is_possible
    }

    /// Whoever runs the tests, and nobody else.
    pub(in crate::server) fn only_us() -> [(u16, u16, u32); 2] {
        [(USER, 4, geteuid().as_raw()), (GROUP_OBJ, 0, NONE)]
    }

    /// An ACL with these entries between the owner's and the mask, whose mode is this.
    fn acl(entries: &[(u16, u16, u32)], mask: u16) -> Vec<u8> {
        let around = [(0x01, 4, NONE)].into_iter().chain(entries.iter().copied());
        let mut bytes = 2_u32.to_le_bytes().to_vec();
        for (tag, rights, id) in around.chain([(0x10, mask, NONE), (0x20, 0, NONE)]) {
            bytes.extend(tag.to_le_bytes().into_iter().chain(rights.to_le_bytes()).chain(id.to_le_bytes()));
        }
        bytes
    }

    #[test]
    fn who_else_may_use_a_file() {
        let file = tempfile::tempfile().expect("a file");
        for (mode, others) in [(0o600, 0), (0o400, 0), (0o640, 0o040), (0o604, 0o004), (0o666, 0o066)] {
            file.set_permissions(Permissions::from_mode(mode)).expect("ours");
            assert_eq!(of_others(&file).expect("a mode"), others, "{mode:o}");
        }
        if !shares(&file, &only_us(), 4) {
            return;
        }
        let own = geteuid().as_raw();
        for (entries, mask, others) in [
            (&only_us()[..], 4, 0),
            (&[(USER, 6, own), (USER, 6, own + 1), (GROUP_OBJ, 0, NONE)], 6, 0o060),
            (&[(USER, 6, own), (USER, 6, own + 1), (GROUP_OBJ, 0, NONE)], 4, 0o040),
            (&[(USER, 6, own), (USER, 6, own + 1), (GROUP_OBJ, 0, NONE)], 0, 0),
            (&[(USER, 4, own), (GROUP_OBJ, 4, NONE)], 4, 0o040),
            (&[(USER, 4, own), (GROUP_OBJ, 0, NONE), (GROUP, 4, 7)], 4, 0o040),
        ] {
            assert!(shares(&file, entries, mask), "{entries:?} {mask}");
            assert_eq!(of_others(&file).expect("a mode"), others, "{entries:?} {mask}");
        }
    }

    #[test]
    fn what_is_no_acl_says_nothing() {
        let whole = acl(&[(GROUP_OBJ, 0, NONE)], 4);
        assert_eq!(class_of_group(&whole), Some(0));
        for len in 0..whole.len() {
            let told = class_of_group(&whole[..len]);
            assert_eq!(told.is_some(), len >= 4 && len % 8 == 4, "{len}");
        }
    }
}
