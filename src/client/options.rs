//! The command line of the client. Help and version are results; errors name the option.

use std::ffi::OsString;
use std::path::PathBuf;

use super::flags::{SEND, TAIL, flags};
use crate::limits::DEVICE_MAX;
use crate::manual;
use crate::protocol::{Device, InviteWord, Mail, Seq, words};

/// What to do, as whom, and where.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Options {
    pub(super) command: Option<Command>,
    /// The mail to log in with; without it, that of the last chat.
    pub(super) mail: Option<Mail>,
    /// HOST:PORT of the group's servers, not resolved yet; without it, those of the last chat.
    pub(super) servers: Option<Vec<String>>,
    /// How to reach them; without it, as before, at first in plain text.
    pub(super) transport: Option<Transport>,
    pub(super) device: Option<Device>,
    /// The file with the password, if the command line names one.
    pub(super) password_file: Option<PathBuf>,
    pub(super) bell: Bell,
    /// The word of an invitation: to become a member first.
    pub(super) invitation: Option<InviteWord>,
    /// What to send, instead of standard input.
    pub(super) text: Option<String>,
}

/// How lines go over a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    /// As they are.
    Plain,
    /// TLS, with the only authorities that are trusted, if the command line names some.
    Tls { ca: Option<PathBuf> },
}

/// A command on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// Send standard input, or a text.
    Send,
    /// Print events.
    Tail(Tail),
}

/// What `tail` prints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tail {
    /// All events after this one, instead of the last few.
    pub(super) since: Option<Seq>,
    /// And new events.
    pub(super) follow: bool,
    pub(super) format: Format,
}

/// How `tail` prints an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Format {
    /// As the server sends it.
    #[default]
    Lines,
    /// As an object, for programs.
    Json,
}

words! {
    /// When the terminal's bell rings.
    #[derive(Default)]
    pub(super) Bell {
        /// Never.
        Off = "off",
        /// For a message with my name.
        #[default]
        Mention = "mention",
        /// For every message.
        All = "all",
    }
}

/// What the arguments ask for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Parsed {
    /// Print this, which is help or the version.
    Print(String),
    /// Run with these options.
    Run(Options),
    /// Forget the certificate of a server.
    Forget(Options),
}

/// Reads the arguments after the program's name. An error is a sentence that names the option.
pub(super) fn parse(args: impl Iterator<Item = OsString>) -> Result<Parsed, String> {
    let matches = manual::grammar(&flags()).parse(args).map_err(|why| why.to_string())?;
    if matches.opt_present("help") {
        return Ok(Parsed::Print(help()));
    }
    if matches.opt_present("version") {
        return Ok(Parsed::Print(concat!("chat-room-client ", env!("CARGO_PKG_VERSION"), "\n").to_owned()));
    }
    let servers = matches.opt_str("server").map(|list| servers(&list)).transpose()?;
    let transport = match (matches.opt_present("tls"), matches.opt_str("ca")) {
        (true, ca) => Some(Transport::Tls { ca: ca.as_deref().map(ca_file).transpose()? }),
        (false, None) => None,
        (false, Some(_)) => return Err("--ca has no meaning without --tls".to_owned()),
    };
    let device = matches.opt_str("device").map(|name| device(&name)).transpose()?;
    let since = matches.opt_str("since").map(|number| since(&number)).transpose()?;
    let bell = matches.opt_str("bell").map(|word| {
        Bell::parse(&word).ok_or_else(|| format!("--bell takes off, mention or all, not {word}"))
    });
    let format = if matches.opt_present("json") { Format::Json } else { Format::Lines };
    let tail = Tail { since, follow: matches.opt_present("follow"), format };
    let (mut command, mut mail, mut text) = (None, None, Vec::new());
    for word in &matches.free {
        // After `send` comes the text, or MAIL and then the text.
        let is_mail = mail.is_none() && text.is_empty() && Mail::parse(word.as_bytes()).is_ok();
        if command == Some(Command::Send) && !is_mail {
            text.push(word.as_str());
            continue;
        }
        if word.contains('@') {
            let parsed = Mail::parse(word.as_bytes());
            // A device is not written as in the protocol.
            let slash = if word.contains('/') { "; name a device with --device" } else { "" };
            let parsed = parsed.map_err(|_| format!("MAIL takes a mail address, not {word}{slash}"))?;
            if mail.replace(parsed).is_some() {
                return Err(format!("only one MAIL is expected, not also {word}"));
            }
            continue;
        }
        let parsed = match word.as_str() {
            SEND => Command::Send,
            TAIL => Command::Tail(tail),
            _ => return Err(format!("{word} is neither a mail address nor send or tail")),
        };
        if command.replace(parsed).is_some() {
            return Err(format!("only one command is expected, not also {word}"));
        }
    }
    if tail != Tail::default() && !matches!(command, Some(Command::Tail(_))) {
        return Err("--since, --follow and --json are for tail".to_owned());
    }
    let invitation = matches.opt_str("join").map(|word| invitation(&word)).transpose()?;
    if invitation.is_some() && command.is_some() {
        return Err("--join is for a chat".to_owned());
    }
    let forgets = matches.opt_present("forget");
    if forgets && (command.is_some() || invitation.is_some()) {
        return Err("--forget goes only with --server".to_owned());
    }
    let run = if forgets { Parsed::Forget } else { Parsed::Run };
    Ok(run(Options {
        command,
        mail,
        servers,
        transport,
        device,
        password_file: matches.opt_str("password-file").map(PathBuf::from),
        bell: bell.transpose()?.unwrap_or_default(),
        invitation,
        text: (!text.is_empty()).then(|| text.join(" ")),
    }))
}

/// Fits one screen.
fn help() -> String {
    format!(
        "\
Usage: chat-room-client [OPTIONS] [MAIL]              chat at a terminal
       chat-room-client [OPTIONS] [MAIL] send [TEXT]  say TEXT, or its input
       chat-room-client [OPTIONS] [MAIL] tail         print the last 20 events

MAIL defaults to the last one used. In the chat, /help lists the commands.

{}
Exit codes: 0 success, 1 local failure, 2 invalid arguments, 3 no server,
4 refused, 5 removed from the group, 6 connection lost.
",
        manual::help(&flags())
    )
}

fn servers(list: &str) -> Result<Vec<String>, String> {
    let mut names: Vec<String> = Vec::new();
    for server in list.split(',') {
        let graphic = server.bytes().all(|b| b.is_ascii_graphic());
        if !matches!(host_and_port(server), Some((host, 1..)) if graphic && !host.is_empty()) {
            return Err(format!("--server takes HOST:PORT, or several with commas between them, not {list}"));
        }
        if names.iter().any(|name| name.eq_ignore_ascii_case(server)) {
            return Err(format!("--server has {server} twice"));
        }
        names.push(server.to_owned());
    }
    Ok(names)
}

/// The parts of HOST:PORT. Brackets around an IPv6 address are removed.
pub(super) fn host_and_port(server: &str) -> Option<(&str, u16)> {
    let (host, port) = server.rsplit_once(':')?;
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    Some((host, port.parse().ok()?))
}

/// As an absolute path, because it is remembered.
fn ca_file(file: &str) -> Result<PathBuf, String> {
    std::path::absolute(file).map_err(|why| format!("--ca {file}: {why}"))
}

fn device(name: &str) -> Result<Device, String> {
    Device::parse_named(name)
        .ok_or_else(|| format!("--device takes 1 to {DEVICE_MAX} of A-Z a-z 0-9 . _ -, not {name}"))
}

fn invitation(word: &str) -> Result<InviteWord, String> {
    InviteWord::parse(word.as_bytes())
        .ok_or_else(|| format!("--join takes the word of an invitation, not {word}"))
}

fn since(number: &str) -> Result<Seq, String> {
    let plain = number.bytes().all(|b| b.is_ascii_digit());
    let parsed = plain.then(|| number.parse().ok()).flatten();
    parsed.map(Seq).ok_or_else(|| format!("--since takes the number of an event, not {number}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(args: &str, expected: &str) {
        let found = match parse(args.split_whitespace().map(OsString::from)) {
            Ok(Parsed::Print(text)) => text.lines().next().expect("something to print").to_owned(),
            Ok(Parsed::Forget(o)) => format!("forget {:?}", o.servers),
            Ok(Parsed::Run(o)) => {
                let what = match o.command {
                    None => "-".to_owned(),
                    Some(Command::Send) => "send".to_owned(),
                    Some(Command::Tail(tail)) => {
                        format!("tail {:?} {} {:?}", tail.since, tail.follow, tail.format)
                    }
                };
                let transport = o.transport.map_or_else(String::new, |transport| format!(" {transport:?}"));
                let transport = o.text.map_or(transport.clone(), |text| format!("{transport} {text:?}"));
                format!(
                    "{what} {:?} {:?} {:?} {:?} {:?}{transport}",
                    o.mail, o.servers, o.device, o.password_file, o.bell
                )
            }
            Err(sentence) => sentence,
        };
        assert_eq!(found, expected, "{args:?}");
    }

    #[test]
    fn understood() {
        check("", "- None None None None Mention");
        check("Ann@x", "- Some(ann@x) None None None Mention");
        check("send ann@x --server [::1]:1", "send Some(ann@x) Some([\"[::1]:1\"]) None None Mention");
        check("send ann@x bob@x is here", "send Some(ann@x) None None None Mention \"bob@x is here\"");
        check("ann@x send ann@x send", "send Some(ann@x) None None None Mention \"ann@x send\"");
        check("send hello bob@x --tls", "send None None None None Mention Tls { ca: None } \"hello bob@x\"");
        check("ann@x tail --since 7", "tail Some(Seq(7)) false Lines Some(ann@x) None None None Mention");
        check("tail --follow --json", "tail None true Json None None None None Mention");
        check(
            "--password-file=pw --device lap.top --bell all",
            "- None None Some(Named(\"lap.top\")) Some(\"pw\") All",
        );
        check("--tls", "- None None None None Mention Tls { ca: None }");
        check("--tls --ca /a.pem", "- None None None None Mention Tls { ca: Some(\"/a.pem\") }");
        check("--forget --server x:1", "forget Some([\"x:1\"])");
        check("ann@x --server x:1,y:2", "- Some(ann@x) Some([\"x:1\", \"y:2\"]) None None Mention");
        check("-h nonsense", "Usage: chat-room-client [OPTIONS] [MAIL]              chat at a terminal");
        check("--version", concat!("chat-room-client ", env!("CARGO_PKG_VERSION")));
    }

    #[test]
    fn refused_by_name() {
        check("ann", "ann is neither a mail address nor send or tail");
        check("ann@x/laptop", "MAIL takes a mail address, not ann@x/laptop; name a device with --device");
        check("ann@x bob@x", "only one MAIL is expected, not also bob@x");
        check("tail send", "only one command is expected, not also send");
        check("send --since 7", "--since, --follow and --json are for tail");
        check("--json", "--since, --follow and --json are for tail");
        check("tail --since x", "--since takes the number of an event, not x");
        check("--ca a.pem", "--ca has no meaning without --tls");
        check("--device -", "--device takes 1 to 32 of A-Z a-z 0-9 . _ -, not -");
        check("--forget send", "--forget goes only with --server");
        check("ann@x --join w tail", "--join is for a chat");
        check("--forget --join w", "--forget goes only with --server");
        check("ann@x --join=", "--join takes the word of an invitation, not ");
        check("--bell loud", "--bell takes off, mention or all, not loud");
        check(
            "ann@x --server nowhere",
            "--server takes HOST:PORT, or several with commas between them, not nowhere",
        );
        check(
            "ann@x --server :7667",
            "--server takes HOST:PORT, or several with commas between them, not :7667",
        );
        for wrong in ["x:0", "x:1,", "x:1,,y:1", "x:1,y"] {
            let expected =
                format!("--server takes HOST:PORT, or several with commas between them, not {wrong}");
            check(&format!("ann@x --server {wrong}"), &expected);
        }
        check("ann@x --server x:1,y:1,X:1", "--server has X:1 twice");
        check("ann@x --server", "Argument to option 'server' missing");
        check("ann@x --sever x:1", "Unrecognized option: 'sever'");
    }

    #[test]
    fn help_fits_a_screen() {
        let help = help();
        assert!(help.lines().count() <= 23, "{}", help.lines().count());
        assert!(help.lines().all(|line| line.chars().count() <= 80), "{help}");
    }

    #[test]
    fn the_defaults_in_the_help_are_the_real_ones() {
        let parsed = |line: &str| parse(line.split_whitespace().map(OsString::from));
        for flag in flags() {
            if let manual::Default::Value(value) = flag.default {
                let line = format!("--{} {value}", flag.long);
                assert_eq!(parsed(&line), parsed(""), "{line}");
            }
        }
    }

    #[test]
    fn all_values_that_are_listed_are_taken_and_in_the_help() {
        for flag in flags() {
            for word in flag.words {
                let line = ["--".to_owned() + flag.long, (*word).to_owned()].map(OsString::from);
                assert!(parse(line.into_iter()).is_ok(), "--{} {word}", flag.long);
                assert!(flag.help.contains(&format!("`{word}`")), "--{} {word}", flag.long);
            }
        }
    }
}
