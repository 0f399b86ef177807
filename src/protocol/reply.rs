//! Answers and last words. Every command gets exactly one `OK` or `ERR` line.

use std::fmt;

use super::verb::Verb;
use super::words::VerbEcho;

/// Why a command was refused: the second word after `ERR`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// No such verb.
    UnknownCommand,
    /// A known verb with the wrong arguments.
    Usage,
    /// Only LOGIN, HELP, PING and QUIT come before entering.
    LoginFirst,
    /// A connection logs in once.
    AlreadyLoggedIn,
    /// Wrong password or no such member: the same in word and time.
    BadLogin,
    /// The command is an admin's.
    AdminOnly,
    /// Nobody of that mail is in the group.
    NoSuchMember,
    /// Somebody of that mail is in the group.
    AlreadyMember,
    /// The group would be without an admin.
    LastAdmin,
    /// Not a mail address.
    BadMail,
    /// Not a password.
    BadPassword,
    /// Text that is never passed on.
    BadText,
    /// No message of this number is kept.
    NoSuchMessage,
    /// Longer than a line may be.
    TooLong,
    /// A queue is full; try again.
    Busy,
    /// A limit on places is reached.
    Full,
    /// The disk, or the file on it, refused.
    Storage,
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Code::UnknownCommand => "unknown-command",
            Code::Usage => "usage",
            Code::LoginFirst => "login-first",
            Code::AlreadyLoggedIn => "already-logged-in",
            Code::BadLogin => "bad-login",
            Code::AdminOnly => "admin-only",
            Code::NoSuchMember => "no-such-member",
            Code::AlreadyMember => "already-member",
            Code::LastAdmin => "last-admin",
            Code::BadMail => "bad-mail",
            Code::BadPassword => "bad-password",
            Code::BadText => "bad-text",
            Code::NoSuchMessage => "no-such-message",
            Code::TooLong => "too-long",
            Code::Busy => "busy",
            Code::Full => "full",
            Code::Storage => "storage",
        })
    }
}

/// Why a connection ends: the second word after `BYE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bye {
    /// An admin, or an edit, took the member out.
    Removed,
    /// The member left.
    Left,
    /// The password is another now.
    PasswordChanged,
    /// Not logged in within the time for it.
    LoginTimeout,
    /// Too many wrong passwords.
    BadLogin,
    /// No place for one more connection.
    Full,
    /// The member has too many connections, and another one of the device came in.
    Replaced,
    /// The disk failed; the server stops.
    Storage,
    /// The server stops.
    Shutdown,
    /// The peer does not speak this protocol.
    Protocol,
}

impl Bye {
    fn code_and_sentence(self) -> (&'static str, &'static str) {
        match self {
            Bye::Removed => ("removed", "you are no longer a member of this group"),
            Bye::Left => ("left", "you have left the group"),
            Bye::PasswordChanged => ("password-changed", "the password was changed, log in with the new one"),
            Bye::LoginTimeout => ("login-timeout", "nobody logged in on this connection in time"),
            Bye::BadLogin => ("bad-login", "three wrong logins, connect again to try again"),
            Bye::Full => ("full", "no place for one more connection, try again later"),
            Bye::Replaced => {
                ("replaced", "you have too many connections, and another one of this device logged in")
            }
            Bye::Storage => ("storage", "the server's disk failed"),
            Bye::Shutdown => ("shutdown", "the server is shutting down, connect again soon"),
            Bye::Protocol => {
                ("protocol", "this is a chat-room server, which speaks plain lines: try nc and type HELP")
            }
        }
    }
}

/// The first line of a connection. Not a word of it may look like the prompt for a password, in no case: Emacs' telnet
/// asks for one when it sees `passw`, and sends what it gets.
pub fn hello(line_max: usize) -> Vec<u8> {
    let version = env!("CARGO_PKG_VERSION");
    format!(
        "HELLO chat-room/{version} max-line={line_max} type LOGIN <mail> <secret> to enter, HELP for help\n"
    )
    .into_bytes()
}

/// `IAC WONT TIMING-MARK` (RFC 860), what telnet waits for after Ctrl-C. The only answer that is no line.
pub fn no_timing_mark() -> Vec<u8> {
    vec![255, 252, 6]
}

/// `OK VERB …`. `rest` is empty or what stands behind the verb, without a leading blank.
pub fn ok(verb: Verb, rest: impl fmt::Display) -> Vec<u8> {
    let line = format!("OK {verb} {rest}");
    let mut line = line.trim_end_matches(' ').to_owned().into_bytes();
    line.push(b'\n');
    line
}

/// `ERR VERB code sentence`.
pub fn err(verb: impl fmt::Display, code: Code, sentence: impl fmt::Display) -> Vec<u8> {
    format!("ERR {verb} {code} {sentence}\n").into_bytes()
}

/// `BYE code sentence`, the last line of a connection.
pub fn bye(why: Bye) -> Vec<u8> {
    let (code, sentence) = why.code_and_sentence();
    format!("BYE {code} {sentence}\n").into_bytes()
}

/// A line that is answered with `ERR` whatever state its connection is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What `ERR` repeats.
    pub verb: VerbEcho,
    /// Why.
    pub code: Code,
    /// Why, for a person.
    pub sentence: String,
}

impl Refusal {
    /// The answer.
    pub fn line(&self) -> Vec<u8> {
        err(&self.verb, self.code, &self.sentence)
    }
}
