//! What a file carries beside bytes, owner and mode.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::collections::BTreeMap;
use std::path::Path;

use rustix::fs::{getxattr, listxattr};

/// An ACL as the kernel has it in an attribute: what it is about, what may be done, and who.
pub(crate) fn acl(entries: &[(u16, u16, u32)]) -> Vec<u8> {
    let mut bytes = 2_u32.to_le_bytes().to_vec();
    for (tag, may, who) in entries {
        bytes.extend(tag.to_le_bytes().into_iter().chain(may.to_le_bytes()).chain(who.to_le_bytes()));
    }
    bytes
}

const NOBODY: u32 = u32::MAX;
/// `user::rw-, user:3001:rw-, group::---, mask::rw-, other::---`.
pub(crate) const SHARED: [(u16, u16, u32); 5] =
    [(0x01, 6, NOBODY), (0x02, 6, 3001), (0x04, 0, NOBODY), (0x10, 6, NOBODY), (0x20, 0, NOBODY)];

/// All extended attributes of a file.
pub(crate) fn attributes(path: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut list = [0; 4096];
    let len = listxattr(path, &mut list).expect("a list");
    let names = list[..len].split(|&b| b == 0).filter(|name| !name.is_empty());
    let with_value = |name: &[u8]| {
        let mut value = [0; 4096];
        let len = getxattr(path, name, &mut value).expect("a value");
        (String::from_utf8(name.to_vec()).expect("text"), value[..len].to_vec())
    };
    names.map(with_value).collect()
}
