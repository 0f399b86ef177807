//! What was asked of the server and is not answered yet.

use super::password::Purpose;
use crate::protocol::{Password, Seq};

/// What an answer belongs to. Lists gather their lines over their pages.
#[derive(Debug)]
pub(super) enum Asked {
    Message,
    /// A hole that is being filled.
    Hole,
    /// Names to be learned, and how many pages before.
    Names(usize),
    Token,
    /// What was asked only to be done, or to be answered at all.
    Nothing,
    Skip,
    History(Pages),
    /// What was said up to here, shown before what was missed.
    LeadIn(Seq),
    Who(Vec<String>),
    Members(Vec<String>),
    Info(Seq, Vec<String>),
    Stats,
    Password(Purpose, Password),
    /// A command whose answer says no more than that it was done: as it was typed, and what to tell then.
    Plain {
        typed: &'static str,
        done: String,
    },
    Leave,
    Quit,
}

/// What is left to be shown again.
#[derive(Debug)]
pub(super) struct Pages {
    /// Everything up to here was shown, or is not wanted.
    pub(super) after: Seq,
    /// The last one that is wanted.
    pub(super) to: Seq,
    pub(super) shown: u64,
    /// As many as somebody asked for by number.
    pub(super) wanted: Option<u64>,
}
