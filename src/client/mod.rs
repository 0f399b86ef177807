//! chat-room-client: for a person at a terminal and for scripts in a pipe.
//!
//! What decides is pure: what is known of the connection (`connection`), what happens to messages that are not acknowledged
//! (`outbox`), what keys and lines do (`chat`), where characters go (`terminal`). Around it are a few threads, each of which
//! waits for one thing and puts what comes into one inbox.

mod attempt;
mod chat;
mod connection;
mod credential;
mod display;
mod failure;
mod files;
pub mod flags;
mod inbox;
mod known;
mod lines;
mod link;
mod login;
mod network;
mod options;
mod outbox;
mod reach;
mod send;
mod server;
mod shown;
mod split;
mod state;
mod tail;
mod terminal;
mod tls;
mod trust;

use std::ffi::OsString;
use std::io::{self, IsTerminal as _};
use std::process::ExitCode;

use crate::core_dumps;
use failure::{Exit, Failure, complain};
use options::{Command, Options, Parsed};

/// Runs the client with the arguments after its name. Exit codes: see `Exit`; a failure is reported in one sentence on
/// standard error.
pub fn run(args: impl Iterator<Item = OsString>) -> ExitCode {
    if let Err(error) = core_dumps::forbid() {
        complain(&format!("core dumps could not be switched off: {error}"));
    }
    let ended = match options::parse(args) {
        Ok(Parsed::Print(text)) => tail::print(text.as_bytes()),
        Ok(Parsed::Run(options)) => work(&options),
        Ok(Parsed::Forget(options)) => login::forget(&options),
        Err(usage) => Err(Failure::new(Exit::Usage, usage)),
    };
    match ended {
        Ok(()) | Err(Failure::Unread) => ExitCode::SUCCESS,
        Err(Failure::Told(exit, sentence)) => {
            let more = if exit == Exit::Usage { "; see --help" } else { "" };
            complain(&format!("{sentence}{more}"));
            ExitCode::from(exit as u8)
        }
    }
}

fn work(options: &Options) -> Result<(), Failure> {
    // Without a command it is a chat, unless the input is a pipe. If only the output is not a terminal, as with `| tee log`, it
    // is a chat as well.
    let command = options.command.or((!io::stdin().is_terminal()).then_some(Command::Send));
    let mut entered = login::enter(options, command)?;
    match command {
        None => chat::run::run(entered, options.bell),
        Some(Command::Tail(tail)) => tail::run(entered, tail),
        Some(Command::Send) => {
            login::renew(&mut entered);
            send::run(entered, options.text.as_deref())
        }
    }
}
