//! What is written into members.txt.

use crate::protocol::{Author, Mail};
use crate::room::{Change, ChangeError, MembersFile, Standing};

/// One line's change.
#[derive(Clone, Debug)]
pub(super) enum Write {
    /// A command's, and who asks for it. It may be refused.
    Command(Author, Change),
    /// Makes the line say what the group says already; `None`: there is no such member.
    View(Mail, Option<Standing>),
}

impl Write {
    /// Writes it.
    pub(super) fn make(&self, file: &mut MembersFile) -> Result<(), ChangeError> {
        match self {
            Write::Command(by, change) => file.ask(by, change),
            Write::View(..) => self.apply(file),
        }
    }

    /// Writes it once more, into another version of the file. It was allowed when it was made.
    pub(super) fn apply(&self, file: &mut MembersFile) -> Result<(), ChangeError> {
        match self {
            Write::Command(_, change) => file.apply(change),
            Write::View(mail, standing) => file.set(mail, standing.as_ref()),
        }
    }
}
