//! The command line of the client. Help and version are results, errors name the option.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::limits::LISTEN_DEFAULT;
use crate::protocol::{Device, Mail, Subscription};

/// Whom the client logs in as and where.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Options {
    /// Host and port, not resolved yet.
    pub(super) server: String,
    /// Where the password is, if the command line says so.
    pub(super) password_file: Option<PathBuf>,
    /// Who.
    pub(super) mail: Mail,
    /// What was asked for behind the mail, if anything.
    pub(super) subscription: Option<Subscription>,
}

/// The device of somebody who named none.
pub(super) const DEFAULT_DEVICE: Subscription = Subscription::Feed(Device::Default);

/// What the arguments ask for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Parsed {
    /// Help or version: print it, and that was all.
    Print(String),
    /// Connect.
    Run(Options),
}

/// Reads the arguments behind the program's name. An error is a sentence that names the option.
pub(super) fn parse(args: impl Iterator<Item = OsString>) -> Result<Parsed, String> {
    let grammar = grammar();
    let matches = grammar.parse(args).map_err(|why| why.to_string())?;
    if matches.opt_present("help") {
        return Ok(Parsed::Print(help(&grammar)));
    }
    if matches.opt_present("version") {
        return Ok(Parsed::Print(concat!("chat-room-client ", env!("CARGO_PKG_VERSION"), "\n").to_owned()));
    }
    let server = matches.opt_str("server").unwrap_or_else(|| LISTEN_DEFAULT.to_owned());
    check_server(&server)?;
    let (mail, subscription) = match matches.free.as_slice() {
        [] => return Err("MAIL is missing: the mail address you are a member with".to_owned()),
        [who] => member(who)?,
        [_, more, ..] => return Err(format!("only one MAIL is expected, not also {more}")),
    };
    let password_file = matches.opt_str("password-file").map(PathBuf::from);
    Ok(Parsed::Run(Options { server, password_file, mail, subscription }))
}

fn grammar() -> getopts::Options {
    let mut grammar = getopts::Options::new();
    grammar.optopt("", "server", &format!("where the server is (default {LISTEN_DEFAULT})"), "HOST:PORT");
    grammar.optopt("", "password-file", "take the password from the first line of FILE", "FILE");
    grammar.optflag("h", "help", "show this and end");
    grammar.optflag("V", "version", "show the version and end");
    grammar
}

fn help(grammar: &getopts::Options) -> String {
    let options = grammar.usage("Usage: chat-room-client [OPTIONS] MAIL[/DEVICE]");
    format!(
        "{options}
The password comes from --password-file, else from CHAT_ROOM_PASSWORD, else it is asked for.
DEVICE names one of your places: 1 to 32 of A-Z a-z 0-9 . _ -, or - alone to be sent no events.

At a terminal a line is a message, and a line beginning with / is a command: /who /members
/passwd /leave /ping /help /quit, for admins /add /remove /reset /stats. // begins a message
with a /. Times are UTC.

When input or output is no terminal the client is a filter: every line of input is sent as it
stands, empty ones are skipped, and exit code 0 says that the group has them all. Events come out
as raw lines, your own messages left out, if a DEVICE is named or the input is a terminal.

Exit codes: 0 all was done, 1 something failed, 2 the arguments make no sense.
"
    )
}

fn check_server(server: &str) -> Result<(), String> {
    let port = server.rsplit_once(':').filter(|(host, _)| !host.is_empty()).map(|(_, port)| port);
    match port.and_then(|port| port.parse::<u16>().ok()) {
        Some(1..) => Ok(()),
        _ => Err(format!("--server wants HOST:PORT, not {server}")),
    }
}

fn member(who: &str) -> Result<(Mail, Option<Subscription>), String> {
    let (name, suffix) = match who.split_once('/') {
        Some((name, suffix)) => (name, Some(suffix)),
        None => (who, None),
    };
    let mail = Mail::parse(name.as_bytes()).map_err(|_| format!("MAIL wants a mail address, not {name}"))?;
    let subscription = match suffix {
        None => None,
        Some("-") => Some(Subscription::Feedless),
        Some(device) => Some(Subscription::Feed(
            Device::parse_named(device)
                .ok_or_else(|| format!("DEVICE wants 1 to 32 of A-Z a-z 0-9 . _ -, not {device}"))?,
        )),
    };
    Ok((mail, subscription))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(args: &str, expected: &str) {
        let found = match parse(args.split_whitespace().map(OsString::from)) {
            Ok(Parsed::Print(text)) => text.lines().next().expect("something to print").to_owned(),
            Ok(Parsed::Run(o)) => {
                format!("{} {:?} {} {:?}", o.server, o.password_file, o.mail, o.subscription)
            }
            Err(sentence) => sentence,
        };
        assert_eq!(found, expected, "{args:?}");
    }

    #[test]
    fn understood() {
        check("Ann@x", "127.0.0.1:7667 None ann@x None");
        check("ann@x/- --server [::1]:1", "[::1]:1 None ann@x Some(Feedless)");
        check(
            "--password-file=pw ann@x/lap.top",
            "127.0.0.1:7667 Some(\"pw\") ann@x Some(Feed(Named(\"lap.top\")))",
        );
        check("-h nonsense", "Usage: chat-room-client [OPTIONS] MAIL[/DEVICE]");
        check("--version", concat!("chat-room-client ", env!("CARGO_PKG_VERSION")));
    }

    #[test]
    fn refused_by_name() {
        check("", "MAIL is missing: the mail address you are a member with");
        check("ann", "MAIL wants a mail address, not ann");
        check("ann@x/", "DEVICE wants 1 to 32 of A-Z a-z 0-9 . _ -, not ");
        check("ann@x bob@x", "only one MAIL is expected, not also bob@x");
        check("ann@x --server nowhere", "--server wants HOST:PORT, not nowhere");
        check("ann@x --server :7667", "--server wants HOST:PORT, not :7667");
        check("ann@x --server x:0", "--server wants HOST:PORT, not x:0");
        check("ann@x --server", "Argument to option 'server' missing");
        check("ann@x --sever x:1", "Unrecognized option: 'sever'");
    }
}
