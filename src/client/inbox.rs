//! News for the main thread, and its end of a connection.

use std::net::{Shutdown, TcpStream};
use std::sync::mpsc::Sender;

use super::connection::{CommandLine, End};
use super::login_error::LoginError;
use crate::protocol::LoginOk;

/// Wakes the main thread.
#[derive(Debug)]
pub(super) enum News {
    /// Bytes from the keyboard; none at its end.
    Keys(Vec<u8>),
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
    /// Whole lines. The next ones come after [`Remote::more`].
    Lines(Vec<u8>),
    /// The connection has ended.
    Down(End, String),
}

/// The other side of a connection that is logged in.
#[derive(Debug)]
pub(super) struct Remote {
    pub(super) lines: Sender<CommandLine>,
    pub(super) more: Sender<()>,
    pub(super) hang_up: HangUp,
    /// Bytes of a command line, with its end.
    pub(super) line_max: usize,
}

impl Remote {
    /// Sends a line as soon as the network takes it. If it never does, [`Net::Down`] follows.
    pub(super) fn send(&self, line: CommandLine) {
        let _ = self.lines.send(line);
    }

    /// Takes the next lines.
    pub(super) fn more(&self) {
        let _ = self.more.send(());
    }

    /// Ends it at once.
    pub(super) fn hang_up(&self) {
        self.hang_up.hang_up();
    }
}

/// Ends a connection from any thread.
#[derive(Debug)]
pub(super) struct HangUp(pub(super) TcpStream);

impl HangUp {
    pub(super) fn hang_up(&self) {
        // It may be gone already.
        let _ = self.0.shutdown(Shutdown::Both);
    }
}
