//! What the thread reports of members.txt: edited lines, problems, and weak hashes.

use crate::limits::CHANGES_LOGGED;
use crate::room::{Edit, MembersFile, Secret};
use crate::server::files::problem::Problem;

/// What has changed since the last report.
#[derive(Debug, Default)]
pub struct News {
    /// Lines that were edited by hand, as they are after the changes in the same report.
    pub edits: Vec<Edit>,
    /// Whether the file can be read and parsed. While it cannot, the members stay as they were.
    pub readable: Option<Result<(), Problem>>,
    /// Whether the file can be replaced, so that commands can change it.
    pub replaceable: Option<Result<(), Problem>>,
}

impl News {
    /// Whether nothing has.
    pub fn is_empty(&self) -> bool {
        self.edits.is_empty() && self.readable.is_none() && self.replaceable.is_none()
    }
}

/// A problem that comes and goes, and how it was last reported.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) now: Option<Problem>,
    reported: Option<Problem>,
    /// Report it even if it is known.
    pub(super) repeat: bool,
}

impl State {
    pub(super) fn news(&mut self) -> Option<Result<(), Problem>> {
        let repeat = std::mem::take(&mut self.repeat) && self.now.is_some();
        if self.now == self.reported && !repeat {
            return None;
        }
        self.reported = self.now.clone();
        Some(self.now.clone().map_or(Ok(()), Err))
    }
}

/// A sentence for each member whose hash is weak. Of very many some are listed, and the others counted.
pub(super) fn weak(shown: &str, file: &MembersFile) -> Vec<String> {
    let mut weak = file.entries().filter(|(_, _, record)| match &record.secret {
        Secret::Hash(hash) => hash.is_weak(),
        Secret::Typed(_) => false,
    });
    let listed = weak.by_ref().take(CHANGES_LOGGED).map(|(line, mail, _)| {
        format!("{shown}:{line}: the hash of {mail} is weak; a new password gets a strong one")
    });
    let mut sentences: Vec<String> = listed.collect();
    let more = weak.count();
    if more > 0 {
        sentences.push(format!("{shown}: {more} more hashes are weak, too many to list"));
    }
    sentences
}
