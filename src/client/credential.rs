//! What opens the door, and where it comes from.

use std::fmt;
use std::fs::File;
use std::io::BufReader;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use zeroize::Zeroizing;

use super::exit::{Exit, Failure};
use super::lines::{Found, read_line};
use super::terminal::tty;
use crate::limits::{PASSWORD_MAX, TOKEN_MAX};
use crate::protocol::{Mail, Password};

const VARIABLE: &str = "CHAT_ROOM_PASSWORD";

/// A password, or what stands for it until it changes.
#[derive(Clone, Debug)]
pub(super) enum Credential {
    Password(Password),
    Token(Token),
}

impl Credential {
    /// The command that takes it.
    pub(super) fn verb(&self) -> &'static str {
        match self {
            Credential::Password(_) => "LOGIN",
            Credential::Token(_) => "RESUME",
        }
    }
}

/// A word that the server gave to somebody who was in. Wiped when dropped, never printed.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Token(Zeroizing<String>);

impl Token {
    /// Reads one: printable ASCII.
    pub(super) fn parse(word: &str) -> Option<Token> {
        let fits = (1..=TOKEN_MAX).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_graphic());
        fits.then(|| Token(Zeroizing::new(word.to_owned())))
    }

    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<token>")
    }
}

/// The password that was given beforehand: in the file named on the command line, else in the environment.
pub(super) fn given(file: Option<&Path>) -> Result<Option<Password>, Failure> {
    if let Some(file) = file {
        return from_file(file).map(Some);
    }
    std::env::var_os(VARIABLE).map(|value| read(VARIABLE, value.as_bytes())).transpose()
}

fn from_file(path: &Path) -> Result<Password, Failure> {
    let name = path.display();
    let failed = |why: std::io::Error| Failure::new(Exit::Failed, format!("--password-file {name}: {why}"));
    let mut file = BufReader::new(File::open(path).map_err(failed)?);
    let max = PASSWORD_MAX + "\r\n".len();
    // Room for all of it, so that no copy is left behind by growing.
    let mut line = Zeroizing::new(Vec::with_capacity(max));
    match read_line(&mut file, max, &mut line).map_err(failed)? {
        Found::Line | Found::Unended | Found::TooLong => read(&format!("--password-file {name}"), &line),
        Found::End => Err(Failure::new(Exit::Failed, format!("--password-file {name} is empty"))),
    }
}

/// Asks at the terminal itself, so that it works while standard input is a pipe.
pub(super) fn ask(mail: &Mail) -> Result<Password, Failure> {
    let typed = tty::ask_unseen(&format!("Password of {mail}: ")).map_err(|why| {
        let sources = format!("it can also come from {VARIABLE} or --password-file");
        Failure::new(Exit::Failed, format!("no terminal gave a password ({why}); {sources}"))
    })?;
    read("that", &typed)
}

fn read(from: &str, bytes: &[u8]) -> Result<Password, Failure> {
    Password::parse(bytes).map_err(|why| Failure::new(Exit::Failed, format!("{from} is no password: {why}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens() {
        for bad in ["", "two words", "a\n", "\u{e4}", &"x".repeat(TOKEN_MAX + 1)] {
            assert_eq!(Token::parse(bad), None, "{bad:?}");
        }
        let token = Token::parse("YW5u.123-_").expect("a token");
        assert_eq!(format!("{token:?}"), "<token>");
    }
}
