//! What the thread reports of members.txt: edited lines, problems, and weak hashes.

use crate::limits::CHANGES_LOGGED;
use crate::protocol::Mail;
use crate::room::{MembersFile, Record, Secret};
use crate::server::files::Problem;

/// Who decides who is in the group, and so what stands still with the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decides {
    /// The file: commands change it.
    File,
    /// The nodes of a cluster: the file follows.
    Group,
}

impl Decides {
    /// What follows from a mistake in the file.
    pub fn with_mistake(self) -> &'static str {
        match self {
            Decides::File => "the members stay as they were",
            Decides::Group => "the members file neither counts nor follows the group",
        }
    }

    /// What follows if it cannot be replaced.
    pub fn with_obstacle(self) -> &'static str {
        match self {
            Decides::File => "no command changes the members",
            Decides::Group => "the members file does not follow the group",
        }
    }
}

/// A member's line that was edited by hand; `None`: there was none, or there is none any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandEdit {
    /// The member.
    pub mail: Mail,
    /// What it said before.
    pub before: Option<Record>,
    /// What it says now.
    pub after: Option<Record>,
}

/// What has changed since the last report.
#[derive(Debug, Default)]
pub struct News {
    /// Lines that were edited by hand, in the order of the edits. If commands change the file, they are as they are after the
    /// changes in the same report; if it is a view of the group, as they were before the view was written again.
    pub edits: Vec<HandEdit>,
    /// Whether the file can be read and parsed.
    pub readable: Option<Result<(), Problem>>,
    /// Whether the file can be replaced.
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
    match more {
        0 => {}
        1 => sentences.push(format!("{shown}: and 1 more hash is weak")),
        _ => sentences.push(format!("{shown}: {more} more hashes are weak, too many to list")),
    }
    sentences
}
