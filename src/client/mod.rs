//! chat-room-client: a person's line to the group at a terminal, a script's in a pipe.
//!
//! One thread reads standard input and writes to the server, the other reads the server and writes to
//! standard output. Between them stands only the bounded queue of what was asked and is not answered yet:
//! the reading side never writes, so a server that is slow to take our lines still gets rid of its own.

mod chat;
mod display;
mod filter;
mod lines;
mod link;
mod options;
mod password;
mod said;
mod screen;
mod typed;

use std::ffi::OsString;
use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;

use crate::protocol::Subscription;
use options::{Options, Parsed};

/// Runs the client with the arguments behind its name. Exit codes: 0 when all was done, 1 after a failure
/// told in one sentence on standard error, 2 for arguments that make no sense.
pub fn run(args: impl Iterator<Item = OsString>) -> ExitCode {
    let ended = match options::parse(args) {
        Ok(Parsed::Print(text)) => print(&text),
        Ok(Parsed::Run(options)) => enter(&options),
        Err(usage) => {
            complain(&format!("{usage}; --help tells more"));
            return ExitCode::from(2);
        }
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Told(sentence)) => {
            complain(&sentence);
            ExitCode::FAILURE
        }
        Err(Failure::Quiet) => ExitCode::FAILURE,
    }
}

/// Why the program ends with exit code 1.
#[derive(Debug)]
enum Failure {
    /// A sentence for a person, without an end stop.
    Told(String),
    /// Nobody reads our output any more (`| head`): they know, and an error would be noise.
    Quiet,
}

impl Failure {
    fn told(sentence: impl Into<String>) -> Failure {
        Failure::Told(sentence.into())
    }

    /// Standard output did not take what was written.
    fn output(why: &io::Error) -> Failure {
        match why.kind() {
            io::ErrorKind::BrokenPipe => Failure::Quiet,
            _ => Failure::Told(format!("writing the output failed: {why}")),
        }
    }
}

fn enter(options: &Options) -> Result<(), Failure> {
    let typing = io::stdin().is_terminal();
    let chatting = typing && io::stdout().is_terminal();
    let subscription = match &options.subscription {
        Some(named) => named.clone(),
        // Somebody sits there, so somebody reads.
        None if typing => options::DEFAULT_DEVICE,
        // A script that did not say as which device it reads only sends: it must not use up what the
        // default device has missed.
        None => Subscription::Feedless,
    };
    let password = password::find(options)?;
    let mut link = link::connect(&options.server)?;
    let welcome = link.login(&options.mail, &subscription, &password)?;
    drop(password);
    if chatting { chat::run(link, &welcome) } else { filter::run(link) }
}

fn print(text: &str) -> Result<(), Failure> {
    io::stdout().write_all(text.as_bytes()).map_err(|why| Failure::output(&why))
}

/// Talk goes to standard error. If nobody hears it there is nobody to tell.
fn complain(sentence: &str) {
    let _ = writeln!(io::stderr(), "chat-room-client: {}", display::clean(sentence.as_bytes()));
}
