//! What is written into members.txt.

use crate::protocol::Mail;
use crate::room::{Change, ChangeError, MembersFile, Standing};

/// One line's change.
#[derive(Clone, Debug)]
pub(super) enum Write {
    /// A command's, which may be refused.
    Command(Change),
    /// Makes the line say what the group says already; `None`: there is no such member.
    View(Mail, Option<Standing>),
}

impl Write {
    pub(super) fn apply(&self, file: &mut MembersFile) -> Result<(), ChangeError> {
        match self {
            Write::Command(change) => file.apply(change),
            Write::View(mail, standing) => file.set(mail, standing.as_ref()),
        }
    }
}
