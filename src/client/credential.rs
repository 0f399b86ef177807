//! Passwords and tokens for the login, and where they come from.

use std::fs::File;
use std::io::BufReader;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use zeroize::Zeroizing;

use super::complain::complain;
use super::exit::{Exit, Failure};
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
    /// The command for it.
    pub(super) fn verb(&self) -> Verb {
        match self {
            Credential::Password(_) => Verb::Login,
            Credential::Token(_) => Verb::Resume,
        }
    }
}

/// The password from the file that the command line names, or else from the environment.
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
    // With room for all of it: a buffer that grows leaves copies behind.
    let mut line = Zeroizing::new(Vec::with_capacity(max));
    match read_line(&mut file, max, &mut line).map_err(failed)? {
        Found::Line | Found::Unended | Found::TooLong => read(&format!("--password-file {name}"), &line),
        Found::End => Err(Failure::new(Exit::Failed, format!("--password-file {name} is empty"))),
    }
}

/// Prompts for a password at the terminal, even while standard input is a pipe. Until this is dropped, nothing that is typed
/// there is shown.
#[derive(Debug)]
pub(super) struct PasswordPrompt(NoEcho);

impl PasswordPrompt {
    pub(super) fn begin() -> Result<PasswordPrompt, Failure> {
        NoEcho::begin().map(PasswordPrompt).map_err(|why| no_terminal(&why))
    }

    pub(super) fn ask(&mut self, mail: &Mail) -> Result<Password, Failure> {
        let mut tries = 0;
        loop {
            let typed = self.0.ask(&format!("Password of {mail}: ")).map_err(|why| no_terminal(&why))?;
            tries += 1;
            match Password::parse(&typed) {
                Err(why) if tries < TRIES_MAX => {
                    complain(&format!("that is not a password: {why}; try again, or quit with Ctrl-C"));
                }
                _ => return read("that", &typed),
            }
        }
    }
}

fn no_terminal(why: &std::io::Error) -> Failure {
    let sentence = format!(
        "there is no terminal at which to ask for the password ({why}); set {VARIABLE}, or use \
         --password-file"
    );
    Failure::new(Exit::Failed, sentence)
}

fn read(from: &str, bytes: &[u8]) -> Result<Password, Failure> {
    Password::parse(bytes)
        .map_err(|why| Failure::new(Exit::Failed, format!("{from} is not a password: {why}")))
}
