//! How the program ends.

use std::io;
use std::process::ExitCode;

/// Exit codes, one for each thing that a script may want to tell apart. 0: done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    /// Something on this side failed: a file, the terminal, the output.
    Failed = 1,
    /// The arguments make no sense.
    Usage = 2,
    /// No server there, or no place on it now.
    Unreachable = 3,
    /// The server said no, to the login or to a line; or we did, to its certificate.
    Refused = 4,
    /// No longer in the group, or in it with another password.
    Removed = 5,
    /// The connection broke before all was done.
    Lost = 6,
}

/// Why the program ends before all was done.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// With a sentence for a person, without an end stop.
    Told(Exit, String),
    /// Nobody reads our output any more (`| head`): they have what they wanted. No error, and no noise.
    Unread,
}

impl Failure {
    pub(super) fn new(exit: Exit, sentence: impl Into<String>) -> Failure {
        Failure::Told(exit, sentence.into())
    }

    /// Standard output did not take what was written.
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
