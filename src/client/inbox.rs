//! News for the main thread, and its end of a connection.

use std::net::TcpStream;
use std::sync::mpsc::Sender;

use super::connection::{CommandLine, End};
use super::failure::LoginError;
use super::send::Input;
use crate::protocol::LoginOk;

/// Wakes the main thread.
#[derive(Debug)]
pub(super) enum News {
    /// Bytes from the keyboard; none at its end.
    Keys(Vec<u8>),
    /// What `send` is to say.
    Input(Input),
    /// A signal.
    Signal(i32),
    /// Standard output was closed at the other end.
    Unread,
    /// From the connection with this number.
    Net(u32, Net),
}

/// What happens to a connection.
#[derive(Debug)]
pub(super) enum Net {
    /// Logged in.
    Up(LoginOk, Remote),
    /// Not logged in.
    LoginFailed(LoginError),
    /// Whole lines. The next ones come after [`Remote::more`](Remote).
    Lines(Vec<u8>),
    /// The connection has ended.
    Down(End, String),
}

/// The other side of a connection that is logged in.
#[derive(Debug)]
pub(super) struct Remote {
    /// Each is sent as soon as the network takes it. If it never does, [`Net::Down`] follows.
    pub(super) lines: Sender<CommandLine>,
    /// Takes the next lines.
    pub(super) more: Sender<()>,
    /// Ends the connection from any thread.
    pub(super) socket: TcpStream,
    /// Bytes of a command line, with its end.
    pub(super) line_max: usize,
}
