//! Where the password comes from.

use std::fs::File;
use std::io::BufReader;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use zeroize::Zeroizing;

use super::Failure;
use super::lines::{Found, read_line};
use super::options::Options;
use crate::limits::PASSWORD_MAX;
use crate::protocol::Password;

const VARIABLE: &str = "CHAT_ROOM_PASSWORD";

/// The file named on the command line, else the environment, else whoever sits at the terminal.
pub(super) fn find(options: &Options) -> Result<Password, Failure> {
    if let Some(file) = &options.password_file {
        return from_file(file);
    }
    match std::env::var_os(VARIABLE) {
        Some(value) => read(VARIABLE, value.as_bytes()),
        None => ask(options),
    }
}

fn from_file(path: &Path) -> Result<Password, Failure> {
    let name = path.display();
    let failed = |why: std::io::Error| Failure::Told(format!("--password-file {name}: {why}"));
    let mut file = BufReader::new(File::open(path).map_err(failed)?);
    let max = PASSWORD_MAX + "\r\n".len();
    // Room for all of it, so that no copy is left behind by growing.
    let mut line = Zeroizing::new(Vec::with_capacity(max));
    match read_line(&mut file, max, &mut line).map_err(failed)? {
        Found::Line | Found::Unended | Found::TooLong => read(&format!("--password-file {name}"), &line),
        Found::End => Err(Failure::Told(format!("--password-file {name} is empty"))),
    }
}

/// Asks at the terminal itself, so that it works while standard input is a pipe.
fn ask(options: &Options) -> Result<Password, Failure> {
    let typed = rpassword::prompt_password(format!("Password of {}: ", options.mail)).map_err(|why| {
        Failure::Told(format!(
            "no terminal gave a password ({why}); it can also come from {VARIABLE} or --password-file"
        ))
    })?;
    read("that", Zeroizing::new(typed).as_bytes())
}

fn read(from: &str, bytes: &[u8]) -> Result<Password, Failure> {
    Password::parse(bytes).map_err(|why| Failure::Told(format!("{from} is no password: {why}")))
}
