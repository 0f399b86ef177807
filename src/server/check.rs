//! `--check`: all that a start would read is read, and what is wrong or unwise is told. Changes nothing.

use std::fmt::Display;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::fs::{Access, access};

use super::certificate::{Certificate, Source};
use super::history::{self, Summary};
use super::paths::folder_of;
use super::{listen, members_file};
use crate::options::Options;

/// What there is, a sentence each.
#[derive(Debug, Default)]
pub struct Report {
    /// What is right.
    pub found: Vec<String>,
    /// What a start takes, and an admin should not leave so.
    pub warnings: Vec<String>,
    /// What a start refuses.
    pub mistakes: Vec<String>,
}

/// Checks what these options name.
pub fn check(options: &Options) -> Report {
    let mut report = Report::default();
    report.members(&options.members);
    if let Some(folder) = options.history.as_deref().filter(|folder| folder.exists()) {
        report.history(folder);
    }
    if let Some(tls) = &options.tls {
        report.tls(&tls.source);
    }
    if let Some(path) = &options.log_file
        && access(if path.exists() { path } else { folder_of(path) }, Access::WRITE_OK).is_err()
    {
        report.mistakes.push(format!("{}: this user cannot write the log there", path.display()));
    }
    let possible = listen::connections_possible();
    if let Some(most) = options.connections_max.filter(|most| *most > possible) {
        report.warnings.push(format!(
            "--max-connections {most}: there are descriptors for {possible}; raise the limit (ulimit -n, LimitNOFILE=)"
        ));
    }
    report
}

impl Report {
    fn warn(&mut self, path: &Path, what: impl Display) {
        self.warnings.push(format!("{}: {what}", path.display()));
    }

    fn members(&mut self, path: &Path) {
        match members_file::read_at_start(path) {
            Ok(roster) => {
                let members = if roster.len() == 1 { "member" } else { "members" };
                self.found.push(format!("{}: {} {members}, no mistakes", path.display(), roster.len()));
                self.warnings.extend(members_file::weak_hashes(path).unwrap_or_default());
            }
            Err(problem) => self.mistakes.push(problem.to_string()),
        }
        match mode(path) {
            mode if mode & 0o002 != 0 => {
                self.warn(path, "others may write it, and enter as anybody; chmod 600");
            }
            mode if mode & 0o004 != 0 => {
                self.warn(path, "others may read it, and guess at the passwords; chmod 600");
            }
            _ => {}
        }
        let folder = folder_of(path);
        if mode(folder) & 0o1002 == 0o002 {
            self.warn(folder, "others may put a members file of their own here; chmod o-w");
        }
        if access(folder, Access::WRITE_OK).is_err() {
            self.warn(folder, "this user cannot write here, and so no command can change the members");
        }
    }

    fn history(&mut self, folder: &Path) {
        match history::check(folder) {
            Ok(Summary { files, bytes, first, last }) => self.found.push(format!(
                "{}: events {first} to {last} in {files} files of {bytes} bytes, no mistakes",
                folder.display()
            )),
            Err(problems) => self.mistakes.extend(problems.iter().map(ToString::to_string)),
        }
        match mode(folder) {
            mode if mode & 0o002 != 0 => {
                self.warn(folder, "others may write here, and change what was said; chmod 700");
            }
            mode if mode & 0o005 != 0 => self.warn(folder, "others may read what was said; chmod 700"),
            _ => {}
        }
        let key = folder.join("key");
        if key.exists() {
            self.mistakes.extend(history::key(folder).err().map(|problem| problem.to_string()));
            if mode(&key) & 0o077 != 0 {
                self.warn(&key, "others may read it, and with it enter as anybody; chmod 600, or remove it");
            }
        }
    }

    fn tls(&mut self, source: &Source) {
        let (path, private) = match source {
            Source::Files { cert, key } => (cert, key),
            // A start makes it.
            Source::SelfSigned(path) if !path.exists() => return,
            Source::SelfSigned(path) => (path, path),
        };
        match Certificate::load(source) {
            Ok(certificate) => {
                let fingerprint = certificate.fingerprint();
                self.found
                    .push(format!("{}: certificate SHA-256 {fingerprint}, fits its key", path.display()));
            }
            Err(problem) => self.mistakes.push(problem.to_string()),
        }
        if mode(private) & 0o007 != 0 {
            self.warn(private, "others may read the key, and pass for this server; chmod o-rwx");
        }
    }
}

/// Who may do what; nothing of what is not there.
fn mode(path: &Path) -> u32 {
    path.metadata().as_ref().map_or(0, Metadata::mode)
}
