//! `--check`: reads all that a start would read, and reports what is wrong or unwise. Changes nothing.

use std::fmt::Display;
use std::fs::Metadata;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::fs::{Access, access};

use crate::limits::HISTORY_SEGMENT_MAX;
use crate::options::{ClusterOptions, Options, Purpose};
use crate::server::counted::{counted, numbered};
use crate::server::files::{Problem, folder_of, folders};
use crate::server::found;
use crate::server::log::cluster::{History, recorded};
use crate::server::log::local::{self, APPLIED, Checked, Whose};
use crate::server::members::file::{self, Decides};
use crate::server::net::{Certificate, Source, listen};
use crate::server::node;
use crate::server::ops::context::Context;
use crate::server::ops::logging;
use crate::server::wall_clock;

/// What was found, one sentence each.
#[derive(Debug, Default)]
pub struct Report {
    /// What is in order.
    pub found: Vec<String>,
    /// What does not prevent a start but should be changed.
    pub warnings: Vec<String>,
    /// What prevents a start.
    pub mistakes: Vec<String>,
}

/// Checks all that these options name.
pub fn check(options: &Options) -> Report {
    let mut report = Report::default();
    let context = Context::of(options);
    report.found.push(context.to_string());
    if is_node(options) && !is_there(&options.members) {
        report.not_there_yet(&options.members);
    } else {
        let decides = if is_node(options) { Decides::Group } else { Decides::File };
        report.members(&options.members, decides);
    }
    let checked = options.history.as_ref().and_then(|folder| report.history(folder, options));
    match (&options.cluster, &options.history) {
        (Some(cluster), _) if cluster.purpose != Purpose::Serve => report.founding(cluster),
        (Some(cluster), Some(folder)) => report.cluster(cluster, folder, checked.as_ref()),
        (None, Some(folder)) if is_there(&folder.join(APPLIED)) => report.warn(
            &folder.join(APPLIED),
            "a node of a cluster has this history; a start without --cluster takes it out of its group; if the group goes \
             on without it, remove id first, so that clients do not take one for the other",
        ),
        (_, _) => {}
    }
    if let Some(source) = &options.listen.certificate {
        report.tls(source);
    }
    if let Some(path) = &options.log.file {
        report.log(path);
    }
    report.addresses(options, &context);
    report.warnings.extend(context.warnings(options));
    let possible = listen::connections_possible();
    if let Some(most) = options.connections.in_all.filter(|most| *most > possible) {
        report.warnings.push(format!(
            "--max-connections {most}: there are descriptors for {possible}; raise the limit (ulimit -n, LimitNOFILE=)"
        ));
    }
    report
}

impl Report {
    fn warn(&mut self, path: &Path, what: impl Display) {
        self.warnings.push(format!("{}: {what}", path.display()));
    }

    fn mistake(&mut self, path: &Path, what: impl Display) {
        self.mistakes.push(format!("{}: {what}", path.display()));
    }

    /// Warns with the first sentence of whose permissions the file has any.
    fn warn_of_mode(&mut self, path: &Path, sentences: &[(u32, &str)]) {
        if let Some((_, sentence)) = sentences.iter().find(|(bits, _)| mode(path) & bits != 0) {
            self.warn(path, sentence);
        }
    }

    /// A start would create this file, if it could.
    fn not_there_yet(&mut self, path: &Path) {
        if access(folder_of(path), Access::WRITE_OK | Access::EXEC_OK).is_ok() {
            self.found.push(format!("{}: does not exist yet, a start makes it", path.display()));
        } else {
            self.mistake(path, "does not exist, and this user cannot make it");
        }
    }

    fn log(&mut self, path: &Path) {
        if !path.exists() {
            self.not_there_yet(path);
        } else if let Err(error) = logging::may_write(path) {
            self.mistake(path, format_args!("the log cannot be opened: {error}"));
        }
    }

    fn addresses(&mut self, options: &Options, context: &Context) {
        let is_used = options.history.as_ref().map(|_| context.in_use);
        for (option, addr) in options.listen.addresses() {
            if addr.port() == 0 {
                continue;
            }
            let at = format!("{option} {addr}");
            match listen::may_listen(addr) {
                Ok(()) => self.found.push(format!("{at}: free")),
                Err(error) if error.kind() != ErrorKind::AddrInUse || is_used == Some(false) => {
                    self.mistakes.push(format!("{at}: {error}"));
                }
                // Whoever checks before a restart or a SIGHUP: the running server has the address.
                Err(_) if is_used == Some(true) => {
                    self.found.push(format!("{at}: in use by the server that runs on this history"));
                }
                Err(error) => {
                    self.warnings.push(format!("{at}: {error}; by the server that is to be restarted?"));
                }
            }
        }
    }

    fn members(&mut self, path: &Path, decides: Decides) {
        match file::read_at_start(path) {
            Ok(file) => {
                let members = counted(file.members().count(), "member");
                self.found.push(format!("{}: {members}, no mistakes", path.display()));
                self.warnings.extend(file::warnings(path).unwrap_or_default());
                self.warnings.extend(file::obstacle(path, decides).unwrap_or_default());
            }
            Err(problem) => self.mistakes.push(problem.to_string()),
        }
        let writable = "others can write it, and log in as anybody; chmod 600";
        let readable = "others can read it, and guess at the passwords; chmod 600";
        self.warn_of_mode(path, &[(0o002, writable), (0o004, readable)]);
        let folder = folder_of(path);
        if mode(folder) & 0o1002 == 0o002 {
            self.warn(folder, "others can put a members file of their own here; chmod o-w");
        }
    }

    /// Returns what a start would go on with.
    fn history(&mut self, folder: &Path, options: &Options) -> Option<Checked> {
        if !is_there(folder) {
            self.not_there_yet(folder);
            return None;
        }
        let whose = if is_node(options) { Whose::ANodes } else { Whose::OneServers };
        let checked = local::check(folder, options.window, whose);
        let Checked { files, bytes, first, last, warnings, mistakes, .. } = &checked;
        if mistakes.is_empty() {
            let events = numbered("event", first, last);
            let (files, bytes) = (counted(*files, "file"), counted(*bytes, "byte"));
            self.found.push(format!("{}: {events} in {files} of {bytes}, no mistakes", folder.display()));
        }
        self.warnings.extend(warnings.iter().map(ToString::to_string));
        self.mistakes.extend(mistakes.iter().map(ToString::to_string));
        let writable = "others can write here, and change what was said; chmod 700";
        let readable = "others can read what was said; chmod 700";
        self.warn_of_mode(folder, &[(0o002, writable), (0o005, readable)]);
        if folders::free(folder).is_ok_and(|free| free < HISTORY_SEGMENT_MAX) {
            self.warn(
                folder,
                "less than 64 MiB of room: a start after a crash makes a copy of the last file",
            );
        }
        checked.mistakes.is_empty().then_some(checked)
    }

    /// `--make-cluster` and `--cluster-found` need brokers without the group's stream.
    fn founding(&mut self, cluster: &ClusterOptions) {
        match found::can_be_made(cluster) {
            Ok(()) => self.found.push("--cluster: the group's stream can be made".to_owned()),
            Err(problem) => self.mistakes.push(problem.to_string()),
        }
    }

    fn cluster(&mut self, cluster: &ClusterOptions, folder: &Path, checked: Option<&Checked>) {
        let of_one = |problem| vec![problem];
        let starts = local::next_start(folder).map_err(of_one);
        let proved = starts.and_then(|_| recorded(folder).map_err(of_one)).and_then(|state| {
            let reach = node::reach(cluster).map_err(of_one)?;
            let proof = reach.prove(state.as_ref())?;
            let lacks = match checked {
                Some(Checked { last, segments, .. }) => {
                    let id = local::id(folder).map_err(of_one)?;
                    let history = History { folder, id, last: *last, files: segments };
                    reach.lacks(&proof, state.as_ref(), history).map_err(of_one)?
                }
                None => None,
            };
            Ok((proof, lacks))
        });
        match proved {
            Ok((proof, lacks)) => {
                let (kept, broker) = (proof.replicas.join(", "), &proof.broker);
                let messages = numbered("message", proof.first, proof.last);
                self.found.push(format!(
                    "--cluster: the group's stream has {messages}, kept by {kept}; asked of {broker}"
                ));
                let lacks = lacks.map(|what| format!("{what}: a start gets the rest from another node"));
                self.warnings.extend(lacks.map(|what| Problem::of(folder, what).to_string()));
                self.warnings.extend(proof.tolerated.iter().map(ToString::to_string));
            }
            Err(problems) => self.mistakes.extend(problems.iter().map(ToString::to_string)),
        }
    }

    fn tls(&mut self, source: &Source) {
        let (path, private) = match source {
            Source::Files { cert, key } => (cert, key),
            Source::SelfSigned(path) if !is_there(path) => return self.not_there_yet(path),
            Source::SelfSigned(path) => (path, path),
        };
        match Certificate::load(source) {
            Ok(certificate) => {
                let fingerprint = certificate.fingerprint;
                self.found
                    .push(format!("{}: certificate SHA-256 {fingerprint}, matches its key", path.display()));
                // A start serves it nevertheless.
                if let Some((_, told)) = certificate.complaint(wall_clock()) {
                    self.warn(path, told);
                }
            }
            Err(problem) => self.mistakes.push(problem.to_string()),
        }
        let open = "others can read the key, and impersonate this server; chmod o-rwx";
        self.warn_of_mode(private, &[(0o007, open)]);
    }
}

/// Whether a start with these options joins a group of many nodes.
fn is_node(options: &Options) -> bool {
    options.cluster.as_ref().is_some_and(|cluster| cluster.purpose == Purpose::Serve)
}

/// True for a dangling symlink, too: a start would not create a file there.
fn is_there(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// The permission bits; none if the file does not exist.
fn mode(path: &Path) -> u32 {
    path.metadata().as_ref().map_or(0, Metadata::mode)
}
