//! Paths: their folder, and how sentences show them.

use std::path::Path;

use rustix::fs::OFlags;

/// For opening a file that may be a FIFO: without it, open waits for the other side.
pub(in crate::server) const NONBLOCK: i32 = OFlags::NONBLOCK.bits().cast_signed();

/// The folder of a path; `.` for a mere name.
pub(in crate::server) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A path as a sentence shows it: as it was given, but without characters that would disturb the log.
pub(in crate::server) fn shown(path: &Path) -> String {
    path.to_string_lossy().chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}
