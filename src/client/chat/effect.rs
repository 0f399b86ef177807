//! What the chat asks of the shell.

use zeroize::Zeroizing;

use crate::client::connection::numbers::Place;
use crate::client::exit::Failure;
use crate::client::terminal::layout::Line;
use crate::protocol::{Password, Token};

/// What the shell is to do, in this order.
#[derive(Debug)]
pub(super) enum Effect {
    Print(Line),
    Ring,
    Send(Zeroizing<Vec<u8>>),
    /// Take the next lines.
    More,
    Connect,
    /// End the connection, for this reason.
    GiveUp(&'static str),
    KeepToken(Token),
    /// What was to be printed up to now is all up to here. When the terminal has taken it, that is to be noted; and
    /// before anything more is sent.
    Shown(Place),
    /// From now on this is the password.
    NewPassword(Password),
    Redraw,
    Clear,
    Suspend,
    Leave(Result<(), Failure>),
}
