//! How the program ends.

use std::io;
use std::process::ExitCode;

/// Exit codes, one for each case that a script may want to tell apart. 0: success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    /// Something failed on this machine: a file, the terminal, the output.
    Failed = 1,
    /// The arguments are wrong.
    Usage = 2,
    /// No server to connect to, or it has no room now.
    Unreachable = 3,
    /// The server refused the login or a line; or the client refused its certificate.
    Refused = 4,
    /// Removed from the group, or the password was changed.
    Removed = 5,
    /// The connection was lost before everything was done.
    Lost = 6,
}

/// Why the program ends before everything was done.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// With a sentence for a person, without a full stop.
    Told(Exit, String),
    /// Standard output was closed at the other end (`| head`): its reader has enough. This is no error.
    Unread,
}

impl Failure {
    pub(super) fn new(exit: Exit, sentence: impl Into<String>) -> Failure {
        Failure::Told(exit, sentence.into())
    }

    /// Writing to standard output failed.
    pub(super) fn output(why: &io::Error) -> Failure {
        match why.kind() {
            io::ErrorKind::BrokenPipe => Failure::Unread,
            _ => Failure::Told(Exit::Failed, format!("writing the output failed: {why}")),
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}
