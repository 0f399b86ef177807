//! `--init`: a members.txt with one admin.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use crate::protocol::Mail;
use crate::room::{PasswordHash, Standing};
use crate::server::files::{Problem, folders, shown};
use crate::server::members::file::view::file_of;

/// An error if the name is taken. Called before asking for a password; [`create`] checks again.
pub fn is_free(path: &Path) -> Result<(), Problem> {
    // A dangling symlink counts, too.
    if path.symlink_metadata().is_ok() { Err(is_there(path)) } else { Ok(()) }
}

fn is_there(path: &Path) -> Problem {
    Problem(format!("{}: exists already, and is left as it is", shown(path)))
}

/// Creates a members.txt with one admin, for `--init`: readable by this user only, and never over an existing file.
pub fn create(path: &Path, mail: &Mail, hash: &PasswordHash) -> Result<(), Problem> {
    make(path, &format!("{HEAD}{mail} {} admin\n", hash.as_str()))
}

/// Creates a members.txt of a group that a node has joined, in the same way.
pub fn create_view(path: &Path, group: &BTreeMap<Mail, Standing>) -> Result<(), Problem> {
    make(path, &format!("{HEAD}{}", String::from_utf8_lossy(&file_of(group))))
}

fn make(path: &Path, text: &str) -> Result<(), Problem> {
    let shown = shown(path);
    let made = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let mut file = made.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => is_there(path),
        _ => Problem(format!("{shown}: cannot be made: {error}")),
    })?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    let kept = written.and_then(|()| folders::sync_parent(path));
    kept.map_err(|error| {
        // Half a file would be refused at the next start, and by the next --init.
        let removed = std::fs::remove_file(path).is_ok();
        let rest = if removed { "" } else { "; remove the incomplete file" };
        Problem(format!("{shown}: cannot be written: {error}{rest}"))
    })
}

/// The comment that explains the file.
const HEAD: &str = "\
# The members of the group, one per line: mail, password, and admin for those who may add and remove.
#
#     bob@example.org   a-password-typed-by-hand
#     eve@example.org   $argon2id$...   admin
#
# A password typed here is replaced by its hash as soon as the server reads it. Edit this file whenever you
# like: an edit takes effect within two seconds. Comments, blank lines and spacing stay as they are.

";
