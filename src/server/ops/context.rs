//! The context of `--check`: the user, the options, and the server that runs on the history. It is easy to check
//! something else than what the server uses: as root instead of the unit's user, or with the defaults instead of the
//! unit's options.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::process::geteuid;

use crate::options::{self, Invocation, Options};
use crate::server::log::local;
use crate::server::net::certificate::Source;

const PROGRAM: &str = "chat-room-server";

#[derive(Debug)]
pub(super) struct Context {
    user: User,
    options: Options,
    /// Whether a server is running on this history.
    pub(super) in_use: bool,
    /// That server, if this user may look at it.
    running: Option<Running>,
}

/// A running server.
#[derive(Debug)]
struct Running {
    pid: u32,
    user: User,
    arguments: Vec<String>,
    /// Its options as it parsed them.
    options: Option<Options>,
}

/// A user of this system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct User(u32);

impl fmt::Display for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
        let is_own = |line: &&str| line.split(':').nth(2).is_some_and(|uid| uid.parse() == Ok(self.0));
        match users.lines().find(is_own).and_then(|line| line.split(':').next()) {
            Some(name) => write!(f, "{name} ({})", self.0),
            None => write!(f, "user {}", self.0),
        }
    }
}

impl fmt::Display for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Options { members, history, listen, log, .. } = &self.options;
        let none = || "none".to_owned();
        let history = history.as_ref().map_or_else(none, |folder| folder.display().to_string());
        let plain = listen.plain.map_or_else(none, |addr| addr.to_string());
        let members = members.display();
        write!(f, "checked as {}: --members {members} --history {history} --listen {plain}", self.user)?;
        for (option, addr) in listen.addresses().filter(|(option, _)| *option != "--listen") {
            write!(f, " {option} {addr}")?;
        }
        if let Some(source) = &listen.certificate {
            match source {
                Source::Files { cert, key } => {
                    write!(f, " --tls-cert {} --tls-key {}", cert.display(), key.display())?;
                }
                Source::SelfSigned(path) => write!(f, " with {}", path.display())?,
            }
        }
        log.file.iter().try_for_each(|path| write!(f, " --log-file {}", path.display()))
    }
}

impl Context {
    pub(super) fn of(options: &Options) -> Context {
        let here = std::env::current_dir().unwrap_or_default();
        let user_of_history = options.history.as_deref().and_then(local::user_of);
        Context {
            user: User(geteuid().as_raw()),
            options: absolute(options.clone(), &here),
            in_use: user_of_history.is_some(),
            running: user_of_history.flatten().and_then(Running::look),
        }
    }

    /// Signs that the server runs in another context. Files are named as in `options`.
    pub(super) fn warnings(&self, options: &Options) -> Vec<String> {
        let mut owners: BTreeMap<User, Vec<String>> = BTreeMap::new();
        for path in paths(options) {
            // A file of root's means nothing: root provides files for everybody.
            if let Ok(meta) = path.metadata()
                && meta.uid() != self.user.0
                && (self.user == User(0) || meta.uid() != 0)
            {
                owners.entry(User(meta.uid())).or_default().push(path.display().to_string());
            }
        }
        let of_others = owners.iter().map(|(owner, names)| {
            let (names, belong) = (names.join(", "), if names.len() == 1 { "belongs" } else { "belong" });
            format!(
                "{names}: {belong} to {owner}; a server run by that user may find problems that {} does not",
                self.user
            )
        });
        let mut warnings: Vec<String> = of_others.collect();
        if let Some(Running { pid, user, arguments, options }) = &self.running {
            if *user != self.user {
                warnings.push(format!("process {pid} runs on this history as {user}: check as that user"));
            }
            if options.as_ref().is_some_and(|options| *options != self.options) {
                let arguments = arguments.join(" ");
                warnings.push(format!("process {pid} runs on this history with other options: {arguments}"));
            }
        }
        warnings
    }
}

impl Running {
    /// `None` if there is no such process, if this user may not look at it, or if it is another program: the process ids of a
    /// server in a container mean nothing outside.
    fn look(pid: u32) -> Option<Running> {
        let process = PathBuf::from(format!("/proc/{pid}"));
        let bytes = fs::read(process.join("cmdline")).ok()?;
        let words = bytes.strip_suffix(b"\0")?.split(|&b| b == 0);
        let mut words = words.map(|word| String::from_utf8_lossy(word).into_owned());
        let program = words.next()?;
        let arguments: Vec<String> = words.collect();
        if Path::new(&program).file_name()? != PROGRAM {
            return None;
        }
        let options = match options::parse(&arguments) {
            Ok(Invocation::Serve(options)) => {
                fs::read_link(process.join("cwd")).ok().map(|folder| absolute(*options, &folder))
            }
            _ => None,
        };
        Some(Running { pid, user: User(process.metadata().ok()?.uid()), arguments, options })
    }
}

/// The files that the options name.
fn paths(options: &Options) -> Vec<&Path> {
    let mut paths = vec![options.members.as_path()];
    paths.extend(options.history.as_deref());
    match &options.listen.certificate {
        Some(Source::Files { key, .. } | Source::SelfSigned(key)) => paths.push(key),
        None => {}
    }
    paths.extend(options.log.file.as_deref());
    paths
}

/// The options with absolute paths, as seen from this folder.
fn absolute(mut options: Options, folder: &Path) -> Options {
    let whole = |path: &mut PathBuf| {
        let joined = folder.join(&path);
        *path = fs::canonicalize(&joined).unwrap_or(joined);
    };
    whole(&mut options.members);
    options.history.iter_mut().for_each(whole);
    options.log.file.iter_mut().for_each(whole);
    match &mut options.listen.certificate {
        Some(Source::Files { cert, key }) => [cert, key].into_iter().for_each(whole),
        Some(Source::SelfSigned(path)) => whole(path),
        None => {}
    }
    options
}
