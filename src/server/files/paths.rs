//! Names of files, taken apart and shown.

use std::path::Path;

use rustix::fs::OFlags;

/// For opening what may be a FIFO: without it that waits until the other side is opened, too.
pub(in crate::server) const NONBLOCK: i32 = OFlags::NONBLOCK.bits().cast_signed();

/// The folder in which a path lies: the present one for a mere name.
pub(in crate::server) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A path in a sentence: as it was given, without anything that could disturb a line of the log.
pub(in crate::server) fn shown(path: &Path) -> String {
    path.to_string_lossy().chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}
