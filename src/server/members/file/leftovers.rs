//! Files that killed processes left beside members.txt.

use std::os::unix::ffi::OsStrExt as _;

use rustix::fs::{AtFlags, Dir, unlinkat};
use rustix::io::Errno;
use rustix::process::{Pid, getpid, test_kill_process};

use crate::server::members::file::atomic_file::AtomicFile;

impl AtomicFile {
    /// Removes temporary files of killed processes, but not those of another running server, which may be writing one now.
    pub(super) fn remove_stale(&self) {
        let Ok(entries) = Dir::read_from(&self.folder) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let pid = name.to_bytes().strip_prefix(b".").and_then(|rest| {
                let rest = rest.strip_prefix(self.name.as_bytes())?;
                rest.strip_prefix(b".")?.strip_suffix(b".new")
            });
            if pid.is_some_and(is_gone) {
                let removed = unlinkat(&self.folder, name, AtFlags::empty());
                let name = name.to_string_lossy();
                match removed {
                    Ok(()) => log::info!("{}: removed {name}, left by a killed process", self.shown),
                    Err(error) => log::warn!("{}: cannot remove {name}: {error}", self.shown),
                }
            }
        }
    }
}

/// Whether no process has this id, or only this process: it has not made a file yet, so an earlier process with the same id
/// did.
fn is_gone(pid: &[u8]) -> bool {
    if pid.is_empty() || !pid.iter().all(u8::is_ascii_digit) {
        return false;
    }
    // A number that cannot be a process id belongs to no process.
    let pid = str::from_utf8(pid).ok().and_then(|pid| pid.parse().ok()).and_then(Pid::from_raw);
    pid.is_none_or(|pid| pid == getpid() || test_kill_process(pid) == Err(Errno::SRCH))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_files_of_the_dead_are_removed() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("members.txt");
        let beside = |pid: &str| folder.path().join(format!(".members.txt.{pid}.new"));
        let mut child = std::process::Command::new("true").spawn().expect("a program");
        child.wait().expect("it ends");
        let dead = [child.id().to_string(), std::process::id().to_string(), "99999999999".to_owned()];
        let others = [std::os::unix::process::parent_id().to_string(), "1".to_owned(), "x".to_owned()];
        for pid in dead.iter().chain(&others) {
            std::fs::write(beside(pid), "").expect("written");
        }
        AtomicFile::find(&path).expect("a folder").remove_stale();
        for pid in &dead {
            assert!(!beside(pid).exists(), "{pid}");
        }
        for pid in &others {
            assert!(beside(pid).exists(), "{pid}");
        }
    }
}
