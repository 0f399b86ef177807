//! Answers, the greeting and farewells as lines. Every command gets exactly one `OK` or `ERR` line.

use std::fmt;

use super::codes::{Bye, Code};
use super::verb::Verb;

/// The first line of a connection. It must not contain `passw`, in upper or lower case: Emacs' telnet takes that for a
/// prompt, asks for a password and sends what is typed.
pub fn hello(line_max: usize) -> Vec<u8> {
    let version = env!("CARGO_PKG_VERSION");
    format!(
        "HELLO chat-room/{version} max-line={line_max} type LOGIN <mail> <secret> to enter, HELP for help\n"
    )
    .into_bytes()
}

/// `IAC WONT TIMING-MARK` (RFC 860), for which telnet waits after Ctrl-C. The only answer that is not a line.
pub fn no_timing_mark() -> Vec<u8> {
    vec![255, 252, 6]
}

/// `OK VERB …`. `rest` is what follows the verb, without a leading blank; it may be empty.
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
    format!("BYE {why} {}\n", why.sentence()).into_bytes()
}

/// Why a line cannot be a command, whatever the state of its connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What `ERR` repeats of the line.
    pub verb: String,
    /// Why, for a program.
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
