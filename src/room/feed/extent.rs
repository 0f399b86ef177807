//! How much of the transcript a connection receives.

use crate::room::ids::Pos;

/// Which part of the transcript a connection receives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Feed {
    #[default]
    /// None: before login, or logged in without a feed. Replies only.
    Off,
    /// All of it from the cursor on: out of the window, or out of blocks of the files if the cursor is before the window.
    Live,
    /// Leaving: up to the last own message, which the log has not answered yet.
    LastTicket,
    /// Leaving: up to this position, then the remaining replies.
    Last(Pos),
    /// Leaving: up to the end of the line that is being sent, which is in a block that is not in memory yet.
    LastLine,
}
