//! chat-room-server: options, logger, listener, run, exit code.

use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead as _, ErrorKind, Read as _, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread::JoinHandle;

use chat_room::core_dumps;
use chat_room::fingerprint::Fingerprint;
use chat_room::limits::PASSWORD_MAX;
use chat_room::options::{self, Invocation, Options};
use chat_room::protocol::{Mail, Password};
use chat_room::room::MembersFile;
use chat_room::server::auth::passwords;
use chat_room::server::auth::tokens::Tokens;
use chat_room::server::log::local;
use chat_room::server::members::file;
use chat_room::server::net::certificate::Certificate;
use chat_room::server::net::passed::Passed;
use chat_room::server::ops::backup;
use chat_room::server::ops::check;
use chat_room::server::ops::check::Report;
use chat_room::server::ops::logging::Logging;
use chat_room::server::ops::systemd;
use chat_room::server::{Group, Outcome, Server, Speech, found, node};
use log::{info, warn};
use rustix::process::Signal;
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;
use zeroize::Zeroizing;

fn main() -> ExitCode {
    if let Err(error) = core_dumps::forbid() {
        complain(&format!("core dumps could not be switched off: {error}"));
    }
    // A file that may not grow any more (`ulimit -f`) is like a full disk, not the end of the process.
    if let Err(error) = signal_hook::flag::register(Signal::XFSZ.as_raw(), Arc::default()) {
        complain(&format!("the signal of a limit on files cannot be ignored: {error}"));
    }
    let args = std::env::args_os().skip(1).map(OsString::into_string);
    let args: Vec<String> = match args.collect() {
        Ok(args) => args,
        // A path could be one; everything that names it, the log too, is text.
        Err(odd) => {
            return fail(2, &format!("the argument '{}' is not UTF-8 (see --help)", odd.to_string_lossy()));
        }
    };
    let invocation = match options::parse(&args) {
        Ok(invocation) => invocation,
        Err(error) => return fail(2, &format!("{error} (see --help)")),
    };
    let done = match invocation {
        Invocation::Print(text) => print(&mut std::io::stdout(), &text),
        Invocation::Serve(options) => serve(&options),
        Invocation::Init(path, mail) => init(&path, &mail),
        Invocation::Check(options) => check(&options),
        Invocation::Backup(options, folder) => made(backup::back_up(&options, &folder)),
        Invocation::MakeCluster(options) => make_cluster(&options),
        Invocation::FoundCluster(options) => found_cluster(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => fail(1, &sentence),
    }
}

fn fail(code: u8, sentence: &str) -> ExitCode {
    complain(sentence);
    ExitCode::from(code)
}

fn complain(sentence: &str) {
    let _ = writeln!(std::io::stderr(), "chat-room-server: {sentence}");
}

/// Says what was done, whoever hears of it.
fn tell(sentence: &str) {
    let _ = writeln!(std::io::stdout(), "{sentence}");
}

/// A reader that went away before the end has read enough.
fn print(out: &mut impl std::io::Write, text: &str) -> Result<(), String> {
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(format!("the output cannot be written: {error}"))
        }
        _ => Ok(()),
    }
}

fn serve(options: &Options) -> Result<(), String> {
    // While this is the only thread.
    let passed = Passed::from_environment();
    // Before the log: whoever starts a server by hand sees its first sentence.
    let file = match options.cluster {
        Some(_) => None,
        None => Some(file::read_at_start(&options.members)?),
    };
    let logging = Logging::start(options.log.level, options.log.file.as_deref(), options.log.format)
        .map_err(|error| {
            let path = options.log.file.as_deref().map_or("standard error".into(), Path::to_string_lossy);
            format!("--log-file {path}: the log cannot be opened: {error}")
        })?;
    for warning in file::warnings(&options.members).unwrap_or_default() {
        warn!("{warning}");
    }
    let (options, group) = group(options, file)?;
    let tokens = match &options.history {
        Some(folder) => Tokens::new(local::key(folder)?),
        None => Tokens::ephemeral().map_err(|error| format!("no random bytes for a key: {error}"))?,
    };
    let source = options.listen.certificate.as_ref();
    let load = |source| Certificate::load(source).inspect(|certificate| certificate.log_dates(source));
    let certificate = source.map(load).transpose()?;
    let server = Server::start(&options, group, tokens, certificate.as_ref(), passed, logging.clone())
        .map_err(|error| format!("cannot serve: {error}"))?;
    // Only now: a start that fails changes nothing. Nothing is said before it runs.
    if let (None, Some(folder)) = (&options.cluster, &options.history)
        && local::leave(folder)?
    {
        let folder = folder.display();
        warn!("{folder}: this server was a node of a cluster; it has left that, and goes on alone");
    }
    let fingerprint = certificate.as_ref().map(|certificate| certificate.fingerprint);
    for (addr, speech) in server.local_addrs().map_err(|error| format!("cannot listen: {error}"))? {
        announce(addr, speech, fingerprint);
    }
    if let Some(addr) = server.metrics_addr() {
        info!("metrics on http://{addr}/metrics");
    }
    let outcome = server.run().map_err(|error| format!("the poll failed: {error}"));
    // What was counted is said before that.
    log::logger().flush();
    info!("stopped");
    logging.flush();
    match outcome? {
        Outcome::Clean => Ok(()),
        Outcome::FilesStuck => Err("the disk did not answer in time".to_owned()),
        Outcome::GroupLost => Err("this node can no longer follow its group; the log says why".to_owned()),
        Outcome::StorageFailed => Err("the disk failed; the next start checks what it holds".to_owned()),
    }
}

/// Says where it listens: in the log, and, whatever that leaves out, what people need who connect.
fn announce(addr: SocketAddr, speech: Speech, fingerprint: Option<Fingerprint>) {
    let fingerprint = fingerprint.map(|fingerprint| fingerprint.to_string()).unwrap_or_default();
    match speech {
        Speech::Lines => info!("listening on {addr}"),
        Speech::LinesWithTls => {
            info!("listening with TLS on {addr}, certificate SHA-256 {fingerprint}");
            // In the client's words.
            tell(&format!(
                "TLS on {addr}. Its certificate is {fingerprint}: members are shown that the first time"
            ));
        }
        Speech::Http => {
            info!("listening for browsers, http://{addr}");
            tell(&format!("open http://{addr}"));
        }
        Speech::Https => {
            info!("listening for browsers, https://{addr}, certificate SHA-256 {fingerprint}");
            tell(&format!("open https://{addr}"));
        }
    }
}

/// Opens the history, and joins the group if others have it, too: then its longest line is the group's.
fn group(options: &Options, file: Option<MembersFile>) -> Result<(Options, Group), String> {
    let settings = settings(options);
    let group = match (file, &options.cluster, &options.history) {
        (Some(file), _, Some(folder)) => Group::Alone(file, Some(Box::new(local::open(folder, &settings)?))),
        (Some(file), _, None) => Group::Alone(file, None),
        (None, Some(cluster), Some(folder)) => {
            let joined =
                node::enter(cluster, &options.members, folder, &settings, &mut systemd::say_starting)?;
            let line_max = joined.line_max().unwrap_or(options.line_max);
            return Ok((Options { line_max, ..options.clone() }, Group::Shared(Box::new(joined))));
        }
        (None, ..) => unreachable!("a cluster needs a history, and without one there is a file"),
    };
    Ok((options.clone(), group))
}

fn settings(options: &Options) -> local::Settings {
    local::Settings { window: options.window, keep_days: options.keep_days, ..local::Settings::default() }
}

fn init(path: &Path, mail: &Mail) -> Result<(), String> {
    file::is_free(path)?;
    let typed = ask(&format!("Password for {mail}, the first admin: "))?;
    let password = Password::parse(typed.as_bytes()).map_err(|why| why.to_string())?;
    if *ask("Once more: ")? != *typed {
        return Err("the two passwords differ, nothing was written".to_owned());
    }
    let hash =
        passwords::hash_now(&password).map_err(|error| format!("the password cannot be hashed: {error}"))?;
    file::create(path, mail, &hash)?;
    tell(&format!("{}: made, with {mail} as admin; the next start serves this group", path.display()));
    Ok(())
}

/// At a terminal without showing it; else a line of standard input, for scripts.
fn ask(prompt: &str) -> Result<Zeroizing<String>, String> {
    use std::io::IsTerminal as _;
    let cannot = |error| format!("the password cannot be read: {error}");
    if std::io::stdin().is_terminal() {
        let signals = restore_at_signals().map_err(cannot)?;
        let password = rpassword::prompt_password(prompt);
        if password.as_ref().is_err_and(|error| error.kind() == ErrorKind::Interrupted) {
            // rpassword has raised SIGINT, which ends the program.
            let _ = signals.join();
        }
        return password.map(Zeroizing::new).map_err(cannot);
    }
    // Room for all of it, so that no copy is left behind by growing.
    let max = PASSWORD_MAX + "\r\n".len() + 1;
    let mut line = Zeroizing::new(String::with_capacity(max));
    let read = std::io::stdin().lock().take(max as u64).read_line(&mut line);
    if read.map_err(cannot)? == 0 {
        return Err("the password is read twice, and the input ended before".to_owned());
    }
    Ok(Zeroizing::new(line.trim_end_matches(['\r', '\n']).to_owned()))
}

/// A signal that ends the program at a prompt leaves the terminal as it is now. No shell can be relied on for that.
fn restore_at_signals() -> std::io::Result<JoinHandle<()>> {
    let terminal = File::open("/dev/tty")?;
    let found = tcgetattr(&terminal)?;
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGQUIT, SIGTERM])?;
    Ok(std::thread::spawn(move || {
        for signal in &mut signals {
            // If it fails the terminal is gone.
            let _ = tcsetattr(&terminal, OptionalActions::Now, &found);
            let _ = signal_hook::low_level::emulate_default_handler(signal);
        }
    }))
}

fn check(options: &Options) -> Result<(), String> {
    let Report { found, warnings, mut mistakes } = check::check(options);
    for line in found {
        print(&mut std::io::stdout(), &format!("{line}\n"))?;
    }
    for line in warnings {
        print(&mut std::io::stderr(), &format!("{line}\n"))?;
    }
    if mistakes.len() > 1 {
        for line in &mistakes {
            let _ = writeln!(std::io::stderr(), "{line}");
        }
        return Err(format!("{} mistakes", mistakes.len()));
    }
    mistakes.pop().map_or(Ok(()), Err)
}

fn make_cluster(options: &Options) -> Result<(), String> {
    let cluster = options.cluster.as_ref().expect("the options demand it");
    made(found::make_new(cluster, &options.members, options.line_max))
}

fn found_cluster(options: &Options) -> Result<(), String> {
    let (Some(cluster), Some(history)) = (&options.cluster, &options.history) else {
        unreachable!("the options demand both")
    };
    let place = found::Place { members: &options.members, history };
    made(found::bring_in(cluster, place, options.line_max, &settings(options)))
}

fn made(made: Result<String, local::Problem>) -> Result<(), String> {
    tell(&made?);
    Ok(())
}
