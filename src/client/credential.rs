//! Passwords and tokens for the login, and where they come from.

use std::fs::File;
use std::io::BufReader;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use zeroize::Zeroizing;

use super::failure::{Failure, complain};
use super::lines::{Found, read_line};
use super::terminal::tty::NoEcho;
use crate::limits::{PASSWORD_MAX, TRIES_MAX};
use crate::protocol::{Mail, Password, Token, Verb};

const VARIABLE: &str = "CHAT_ROOM_PASSWORD";

/// A password, or a token in its place.
#[derive(Clone, Debug)]
pub(super) enum Credential {
    Password(Password),
    Token(Token),
}

impl Credential {
    /// The command for it, and its last word.
    pub(super) fn words(&self) -> (Verb, &str) {
        match self {
            Credential::Password(password) => (Verb::Login, password.expose()),
            Credential::Token(token) => (Verb::Resume, token.expose()),
        }
    }
}

/// The password from the file that the command line names, or else from the environment.
pub(super) fn given(file: Option<&Path>) -> Result<Option<Password>, Failure> {
    let Some(path) = file else {
        return std::env::var_os(VARIABLE).map(|value| read(VARIABLE, value.as_bytes())).transpose();
    };
    let name = format!("--password-file {}", path.display());
    let failed = |why: std::io::Error| Failure::failed(format!("{name}: {why}"));
    let mut file = BufReader::new(File::open(path).map_err(failed)?);
    let max = PASSWORD_MAX + "\r\n".len();
    // With room for all of it: a buffer that grows leaves copies behind.
    let mut line = Zeroizing::new(Vec::with_capacity(max));
    match read_line(&mut file, max, &mut line).map_err(failed)? {
        Found::Line | Found::Unended | Found::TooLong => read(&name, &line).map(Some),
        Found::End => Err(Failure::failed(format!("{name} is empty"))),
    }
}

/// Begins to prompt at the terminal, even while standard input is a pipe. Until it ends, nothing that is typed there is shown.
pub(super) fn begin_prompt() -> Result<NoEcho, Failure> {
    NoEcho::begin().map_err(|why| no_terminal(&why))
}

/// Asks for a password.
pub(super) fn ask(terminal: &mut NoEcho, mail: &Mail) -> Result<Password, Failure> {
    let mut tries = 0;
    loop {
        let typed = terminal.ask(&format!("Password of {mail}: ")).map_err(|why| no_terminal(&why))?;
        tries += 1;
        match Password::parse(&typed) {
            Err(why) if tries < TRIES_MAX => {
                complain(&format!("that is not a password: {why}; try again, or quit with Ctrl-C"));
            }
            _ => return read("that", &typed),
        }
    }
}

/// Asks for a password that is to be set, twice.
pub(super) fn ask_new(terminal: &mut NoEcho, mail: &Mail) -> Result<Password, Failure> {
    let mut ask = |question: &str| terminal.ask(question).map_err(|why| no_terminal(&why));
    for _ in 0..TRIES_MAX {
        let typed = ask(&format!("New password for {mail}: "))?;
        match Password::parse(&typed) {
            Err(why) => complain(&format!("{why}; choose another, or quit with Ctrl-C")),
            Ok(_) if ask("The same again: ")? != typed => {
                complain("the two passwords differ; type both again");
            }
            Ok(password) => return Ok(password),
        }
    }
    Err(Failure::failed("no password was chosen; start again with the same invitation"))
}

fn no_terminal(why: &std::io::Error) -> Failure {
    Failure::failed(format!(
        "there is no terminal at which to ask for the password ({why}); set {VARIABLE}, or use \
         --password-file"
    ))
}

fn read(from: &str, bytes: &[u8]) -> Result<Password, Failure> {
    Password::parse(bytes).map_err(|why| Failure::failed(format!("{from} is not a password: {why}")))
}
