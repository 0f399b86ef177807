//! The server's command line, parsed into one struct. Help and version are results; an error names its option.

mod cluster;
pub mod flags;
mod listen;
mod values;

pub use cluster::{ClusterOptions, Purpose};
pub use listen::{ListenOptions, WebOptions, Wire};

use std::path::PathBuf;
use std::time::Duration;

use getopts::Matches;
use log::LevelFilter;

use crate::limits::{
    BURST_DEFAULT, CONNECTIONS_BEFORE_LOGIN_DEFAULT, CONNECTIONS_PER_ADDRESS_DEFAULT,
    CONNECTIONS_PER_MEMBER_DEFAULT, LINE_MAX_CEILING, LINE_MAX_DEFAULT, LOGIN_TIMEOUT_DEFAULT, RATE_DEFAULT,
    RATE_MAX, WINDOW_DEFAULT, WINDOW_MAX, WINDOW_MIN,
};
use crate::manual;
use crate::protocol::Mail;
use crate::room::{PastShown, Rate};
use crate::server::ops::json_line::LogFormat;
use flags::{HISTORY_DEFAULT, MEMBERS_DEFAULT, flags};
use values::{ranged, value};

/// What the command line asks for.
#[derive(Debug)]
pub enum Invocation {
    /// Print this and exit with 0.
    Print(String),
    /// Serve.
    Serve(Box<Options>),
    /// Create a members.txt with this admin.
    Init(PathBuf, Mail),
    /// Read all that serving would read, and report what is wrong with it.
    Check(Box<Options>),
    /// Copy all that a start needs into this folder.
    Backup(Box<Options>, PathBuf),
    /// Make the stream of a group that many servers are to share.
    MakeCluster(Box<Options>),
    /// Make it of this server's history and members.
    FoundCluster(Box<Options>),
}

/// How to serve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Where to listen, and for what.
    pub listen: ListenOptions,
    /// The members file.
    pub members: PathBuf,
    /// The folder of the history; `None`: nothing is kept on disk.
    pub history: Option<PathBuf>,
    /// Drop segments older than so many days; `None`: none.
    pub keep_days: Option<u32>,
    /// What members may read from before they were added.
    pub past: PastShown,
    /// A command line with its end, bytes.
    pub line_max: usize,
    /// How many connections there may be, and how long before login.
    pub connections: ConnectionsMax,
    /// How many lines a member may send; `None`: any number.
    pub rate: Option<Rate>,
    /// Event bytes kept in memory.
    pub window: usize,
    /// The group that this server shares with others, if it is a node of a cluster.
    pub cluster: Option<ClusterOptions>,
    /// The log.
    pub log: LogOptions,
}

/// How many connections there may be at once, and how long without a login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionsMax {
    /// Of all kinds; `None`: as many as there are descriptors for.
    pub in_all: Option<usize>,
    /// On which nobody has logged in.
    pub before_login: usize,
    /// From one address.
    pub per_address: usize,
    /// Of one member.
    pub per_member: usize,
    /// From connecting to being logged in.
    pub login_timeout: Duration,
}

/// How to log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogOptions {
    /// Where it goes; `None`: standard error.
    pub file: Option<PathBuf>,
    /// What is logged.
    pub level: LevelFilter,
    /// The form of a line.
    pub format: LogFormat,
}

fn help() -> String {
    let brief = "A group chat server: members.txt says who may log in, nc is enough to take part.";
    format!("{brief}\n\nUsage: chat-room-server [OPTIONS]\n\nOptions:\n{}", manual::help(&flags()))
}

/// What can be combined with `--init`.
const WITH_INIT: [&str; 5] = ["members", "history", "init", "help", "version"];

/// What cannot be done beside `--backup`. With `--check` the other two are tried as far as the brokers go.
const NOT_WITH_BACKUP: [&str; 3] = ["check", "make-cluster", "cluster-found"];

/// Parses the arguments after the program's name. An error is a sentence that names the option.
pub fn parse(args: &[String]) -> Result<Invocation, String> {
    let matches = manual::grammar(&flags()).parse(args).map_err(|error| error.to_string())?;
    if matches.opt_present("help") {
        return Ok(Invocation::Print(help()));
    }
    if matches.opt_present("version") {
        return Ok(Invocation::Print(format!("chat-room-server {}\n", env!("CARGO_PKG_VERSION"))));
    }
    if let Some(extra) = matches.free.first() {
        return Err(format!("unexpected argument '{extra}'"));
    }
    refuse_empty(&matches)?;
    if matches.opt_present("init")
        && let Some(ignored) = flags()
            .iter()
            .map(|flag| flag.long)
            .find(|name| !WITH_INIT.contains(name) && matches.opt_present(name))
    {
        return Err(format!("--{ignored} has no meaning with --init"));
    }
    let members = PathBuf::from(matches.opt_str("members").unwrap_or_else(|| MEMBERS_DEFAULT.to_owned()));
    if let Some(mail) = matches.opt_str("init") {
        let mail =
            Mail::parse(mail.as_bytes()).map_err(|_| format!("--init takes a mail address, not '{mail}'"))?;
        return Ok(Invocation::Init(members, mail));
    }
    let options = Box::new(serving(&matches, members)?);
    if let Some(folder) = matches.opt_str("backup") {
        if let Some(other) = NOT_WITH_BACKUP.into_iter().find(|name| matches.opt_present(name)) {
            return Err(format!("--{other} has no meaning with --backup"));
        }
        if options.history.is_none() {
            return Err("--backup has no meaning with --history none".to_owned());
        }
        return Ok(Invocation::Backup(options, PathBuf::from(folder)));
    }
    Ok(if matches.opt_present("check") {
        Invocation::Check(options)
    } else if matches.opt_present("make-cluster") {
        Invocation::MakeCluster(options)
    } else if matches.opt_present("cluster-found") {
        Invocation::FoundCluster(options)
    } else {
        Invocation::Serve(options)
    })
}

/// No option's value may be empty: `--history "$DIR"` in a script that has not set DIR would be the folder where it runs.
fn refuse_empty(matches: &Matches) -> Result<(), String> {
    for flag in flags() {
        if let Some(what) = flag.value
            && matches.opt_str(flag.long).is_some_and(|value| value.is_empty())
        {
            return Err(format!("--{} takes {what}, not ''", flag.long));
        }
    }
    Ok(())
}

fn serving(matches: &Matches, members: PathBuf) -> Result<Options, String> {
    let listen = listen::listen(matches, &members)?;
    let folder = matches.opt_str("history").unwrap_or_else(|| HISTORY_DEFAULT.to_owned());
    let history = (folder != "none").then(|| PathBuf::from(folder));
    if history.is_none() && matches.opt_present("keep-days") {
        return Err("--keep-days has no meaning with --history none".to_owned());
    }
    Ok(Options {
        listen,
        members,
        history,
        keep_days: ranged(matches, "keep-days", 1, 36500)?.and_then(|days| u32::try_from(days).ok()),
        past: match matches.opt_str("past") {
            Some(word) => PastShown::parse(&word).ok_or(format!("--past takes own or all, not '{word}'"))?,
            None => PastShown::default(),
        },
        line_max: ranged(matches, "max-line", LINE_MAX_DEFAULT, LINE_MAX_CEILING)?
            .unwrap_or(LINE_MAX_DEFAULT),
        connections: connections(matches)?,
        rate: rate(matches)?,
        window: window(matches)?,
        cluster: cluster::options(matches)?,
        log: LogOptions {
            file: matches.opt_str("log-file").map(PathBuf::from),
            level: value(matches, "log-level", "off, error, warn, info, debug or trace")?
                .unwrap_or(LevelFilter::Info),
            format: value(matches, "log-format", "text or json")?.unwrap_or_default(),
        },
    })
}

fn connections(matches: &Matches) -> Result<ConnectionsMax, String> {
    let most = |name| ranged(matches, name, 1, usize::MAX);
    Ok(ConnectionsMax {
        in_all: most("max-connections")?,
        before_login: most("max-connections-before-login")?.unwrap_or(CONNECTIONS_BEFORE_LOGIN_DEFAULT),
        per_address: most("max-connections-per-address")?.unwrap_or(CONNECTIONS_PER_ADDRESS_DEFAULT),
        per_member: most("max-connections-per-member")?.unwrap_or(CONNECTIONS_PER_MEMBER_DEFAULT),
        login_timeout: ranged(matches, "login-timeout", 1, 86400)?
            .map_or(LOGIN_TIMEOUT_DEFAULT, |seconds| Duration::from_secs(seconds as u64)),
    })
}

fn rate(matches: &Matches) -> Result<Option<Rate>, String> {
    let number = |name, min, default| -> Result<u32, String> {
        let found = ranged(matches, name, min, RATE_MAX as usize)?;
        Ok(found.map_or(default, |n| u32::try_from(n).expect("the range is of 32 bits")))
    };
    let (per_second, burst) = (number("rate", 0, RATE_DEFAULT)?, number("burst", 1, BURST_DEFAULT)?);
    if per_second == 0 && matches.opt_present("burst") {
        return Err("--burst has no meaning with --rate 0".to_owned());
    }
    Ok((per_second > 0).then_some(Rate { per_second, burst }))
}

fn window(matches: &Matches) -> Result<usize, String> {
    let Some(text) = matches.opt_str("window") else { return Ok(WINDOW_DEFAULT) };
    let (digits, shift) = match text.char_indices().last() {
        Some((at, 'K' | 'k')) => (&text[..at], 10),
        Some((at, 'M' | 'm')) => (&text[..at], 20),
        Some((at, 'G' | 'g')) => (&text[..at], 30),
        _ => (&text[..], 0),
    };
    let bytes = digits.parse::<usize>().ok().and_then(|n| n.checked_mul(1 << shift));
    bytes
        .filter(|bytes| (WINDOW_MIN..=WINDOW_MAX).contains(bytes))
        .ok_or_else(|| format!("--window takes a size from 1M to 1G, not '{text}'"))
}

#[cfg(test)]
mod tests;
