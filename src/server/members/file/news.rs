//! What is told of members.txt: which lines of it were edited, what is wrong with it, and what is unwise.

use crate::room::{Edit, MembersFile, Secret};
use crate::server::files::problem::Problem;

/// What is different from what was told last.
#[derive(Debug, Default)]
pub struct News {
    /// Lines that were edited by hand, as they are now, behind all changes that were answered.
    pub edits: Vec<Edit>,
    /// Whether the file can be followed. While it cannot, the members stay as they were.
    pub readable: Option<Result<(), Problem>>,
    /// Whether the file can be replaced, so that commands can change it.
    pub replaceable: Option<Result<(), Problem>>,
}

impl News {
    /// Nothing.
    pub fn is_empty(&self) -> bool {
        self.edits.is_empty() && self.readable.is_none() && self.replaceable.is_none()
    }
}

/// Something that is right or wrong, and what was told of it last.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) now: Option<Problem>,
    told: Option<Problem>,
    /// What is wrong is told even if it is known.
    pub(super) repeat: bool,
}

impl State {
    pub(super) fn news(&mut self) -> Option<Result<(), Problem>> {
        let repeat = std::mem::take(&mut self.repeat) && self.now.is_some();
        if self.now == self.told && !repeat {
            return None;
        }
        self.told = self.now.clone();
        Some(self.now.clone().map_or(Ok(()), Err))
    }
}

/// Members whose hash is cheap to guess, a sentence each.
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
