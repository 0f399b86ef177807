//! Disks that are full, read-only, or of a kind that lets us make them so.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::fmt::Display;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// Runs a tool that not every machine has or lets us run.
pub(crate) fn tool(line: &str) -> bool {
    let mut words = line.split(' ');
    let mut command = Command::new(words.next().expect("a name"));
    command.args(words).output().is_ok_and(|output| output.status.success())
}

/// Says why a test does not do what it is for.
pub(crate) fn skip(why: impl Display) {
    writeln!(std::io::stderr(), "skipped: {why}").expect("standard error");
}

/// A file mounted over itself, until it is dropped.
pub(crate) struct Mounted(PathBuf);

impl Mounted {
    pub(crate) fn over(source: &Path, file: &Path) -> Option<Mounted> {
        let mounted = tool(&format!("mount --bind {} {}", source.display(), file.display()));
        if !mounted {
            skip("no file can be mounted here");
        }
        mounted.then(|| Mounted(file.to_owned()))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        tool(&format!("umount -l {}", self.0.display()));
    }
}

/// A small disk, unmounted at the end. Lazily, because the tested program may hold files for a moment longer.
pub(crate) struct Disk(PathBuf);

impl Disk {
    /// Mounts it over a folder. Nothing, and it says so: this is not possible here.
    pub(crate) fn mount(folder: &Path) -> Option<Disk> {
        let mounted = tool(&format!("mount -t tmpfs -o size=64k tmpfs {}", folder.display()));
        if !mounted {
            skip("no tmpfs can be mounted here");
        }
        mounted.then(|| Disk(folder.to_owned()))
    }

    /// Leaves no room. Gives the file that takes it all.
    pub(crate) fn fill(&self) -> PathBuf {
        self.until_closed();
        let filler = self.0.join("filler");
        let mut file = std::fs::File::create(&filler).expect("a file");
        while file.write_all(&[b'x'; 4096]).is_ok() {}
        filler
    }

    /// Waits until no file is open that was replaced: its room would come back later.
    fn until_closed(&self) {
        let start = Instant::now();
        while self.has_replaced_open() {
            assert!(start.elapsed() < Duration::from_secs(20), "still open");
        }
    }

    fn has_replaced_open(&self) -> bool {
        let entries = |folder: PathBuf| std::fs::read_dir(folder).into_iter().flatten().flatten();
        let mut files = entries("/proc".into()).flat_map(|process| entries(process.path().join("fd")));
        files.any(|file| {
            let target = std::fs::read_link(file.path()).unwrap_or_default();
            target.starts_with(&self.0) && target.to_string_lossy().ends_with(" (deleted)")
        })
    }

    /// Not possible while the thread still watches a file that it replaced.
    pub(crate) fn remount(&self, how: &str) {
        let start = Instant::now();
        while !tool(&format!("mount -o remount,{how} {}", self.0.display())) {
            assert!(start.elapsed() < Duration::from_secs(20), "still in use");
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        tool(&format!("umount -l {}", self.0.display()));
    }
}
