//! What is told of members.txt: who is in it, what is wrong with it, and what is unwise.

use crate::room::{MembersFile, Roster, Secret};
use crate::server::files::problem::Problem;

/// The state of the file.
pub type News = Result<Roster, Problem>;

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
