//! What the wings need to handle files: paths in sentences, problems, metadata, syncing folders.

pub(super) mod access;
pub(super) mod attributes;
pub(super) mod copies;
pub(super) mod folders;

use std::fmt;
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

/// A problem with a file, for the person who can solve it: one sentence. It begins with the file's path as it was given,
/// and the line if there is one (`members.txt:7: …`), and says what to do unless that is obvious.
#[derive(Clone, Debug, derive_more::Display, derive_more::Into, PartialEq, Eq)]
pub struct Problem(pub String);

impl Problem {
    pub(in crate::server) fn of(path: &Path, what: impl fmt::Display) -> Problem {
        Problem(format!("{}: {what}", shown(path)))
    }

    /// The sentence for members: with only the file's name, because the server's folders are none of their business.
    pub(in crate::server) fn to_members(&self, path: &Path) -> String {
        let name = path.file_name().unwrap_or(path.as_os_str());
        match self.0.strip_prefix(&shown(path)) {
            Some(rest) => shown(Path::new(name)) + rest,
            None => self.0.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_comes_first_and_a_problem_is_one_line() {
        let path = Path::new("/srv/chat\n/members.txt");
        let problem = Problem::of(path, "is not a file");
        assert_eq!(problem.to_string(), "/srv/chat?/members.txt: is not a file");
        assert_eq!(problem.to_members(path), "members.txt: is not a file");
        assert_eq!(problem.to_members(Path::new("elsewhere")), problem.to_string());
    }
}
