//! What is told of members.txt: who is in it, what is wrong with it, and what is unwise.

use std::fmt;
use std::path::Path;

use crate::room::{MembersFile, Roster, Secret};
use crate::server::files::paths::shown;

/// What is wrong with members.txt: one sentence that begins with its path as it was given, and the line where there is
/// one (`members.txt:7: …`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileProblem(pub String);

impl FileProblem {
    /// As members are told it: with the file's name alone, for the server's folders are not their business.
    pub(super) fn to_members(&self, path: &Path) -> String {
        let name = path.file_name().unwrap_or(path.as_os_str());
        match self.0.strip_prefix(&shown(path)) {
            Some(rest) => shown(Path::new(name)) + rest,
            None => self.0.clone(),
        }
    }
}

impl fmt::Display for FileProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The state of the file.
pub type News = Result<Roster, FileProblem>;

pub(super) fn weak(shown: &str, file: &MembersFile) -> Vec<String> {
    let weak = file.entries().filter(|(_, _, record)| match &record.secret {
        Secret::Hash(hash) => hash.is_weak(),
        Secret::Typed(_) => false,
    });
    weak.map(|(line, mail, _)| {
        format!("{shown}:{line}: the hash of {mail} is weak; a new password gets a strong one")
    })
    .collect()
}
