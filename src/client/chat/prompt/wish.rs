//! What goes into the prompt besides keys, and what comes out of it.

use crate::client::chat::commands::Command;
use crate::client::chat::names::Names;
use crate::client::terminal::layout::Line;

/// What the prompt has to know of the chat.
#[derive(Debug)]
pub(in crate::client::chat) struct Around<'a> {
    pub(in crate::client::chat) names: &'a Names,
    pub(in crate::client::chat) is_up: bool,
    /// Bytes of a message's text.
    pub(in crate::client::chat) room: usize,
}

/// What the person at the keyboard wants.
#[derive(Debug)]
pub(in crate::client::chat) enum Wish {
    Print(Line),
    Say(String),
    Do(Command),
    /// Nothing but Enter.
    Enter,
    /// Ctrl-C where there is nothing to clear.
    Interrupt,
    Redraw,
    Suspend,
}
