//! What the chat asks of the shell.

use crate::client::connection::CommandLine;
use crate::client::connection::numbers::Place;
use crate::client::exit::Failure;
use crate::client::terminal::layout::Line;
use crate::protocol::{Password, Token};

/// What the shell is to do, in this order.
#[derive(Debug)]
pub(super) enum Effect {
    Print(Line),
    Ring,
    Send(CommandLine),
    /// Take the next lines.
    More,
    Connect,
    /// End the connection, for this reason.
    GiveUp(&'static str),
    SaveToken(Token),
    /// When the terminal has taken everything so far, the transcript is shown up to here. That is to be recorded, before
    /// anything more is sent.
    Shown(Place),
    /// Log in with this password from now on.
    NewPassword(Password),
    Redraw,
    Clear,
    Suspend,
    Leave(Result<(), Failure>),
}
