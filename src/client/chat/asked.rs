//! Commands that the server has not answered.

use super::history::Pages;
use super::lists::List;
use super::prompt::secret::Purpose;
use crate::protocol::{Mail, Password, Seq};

/// What a command was sent for.
#[derive(Debug)]
pub(super) enum Asked {
    Message,
    /// To learn the members' names, after this many pages of them.
    Names(usize),
    /// To skip what was missed while a question about it is open.
    SkipHeld,
    Skip,
    History(Pages),
    /// To show events up to this one, before those that were missed.
    LeadIn(Seq),
    List(List),
    Stats,
    Password(Purpose, Password),
    Remove(Mail),
    Leave,
    Quit,
}

impl Asked {
    /// How it was typed, if a person waits for the answer.
    pub(super) fn typed(&self) -> Option<&'static str> {
        match self {
            Asked::Message | Asked::LeadIn(_) | Asked::Names(_) | Asked::SkipHeld | Asked::Quit => None,
            Asked::Skip => Some("/skip"),
            Asked::History(_) => Some("/history"),
            Asked::List(list) => Some(list.typed()),
            Asked::Stats => Some("/stats"),
            Asked::Password(purpose, _) => Some(purpose.typed()),
            Asked::Remove(_) => Some("/remove"),
            Asked::Leave => Some("/leave"),
        }
    }
}
