//! Running a command of the table against a server.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::common::disk::skip;
use crate::common::server::{Server, members_txt};
use crate::pty::Pty;

/// A server for Ann and Bob, with TLS, and a home for the programs that want one.
pub(crate) struct Place {
    pub(crate) server: Server,
    home: TempDir,
}

impl Place {
    pub(crate) fn new(options: &[&str]) -> Place {
        let options = [&["--tls-listen", "127.0.0.1:0"], options].concat();
        Place {
            server: Server::with(&members_txt(&["ann", "bob"]), &options),
            home: tempfile::tempdir().expect("a folder"),
        }
    }

    /// Where TLS is served.
    pub(crate) fn tls_port(&self) -> u16 {
        let log = self.server.log();
        let (_, told) = log.split_once("listening with TLS on 127.0.0.1:").expect("it is logged");
        let (port, _) = told.split_once(',').expect("the fingerprint follows");
        port.parse().expect("a port")
    }

    pub(crate) fn certificate(&self) -> PathBuf {
        self.server.members().with_file_name("self-signed.pem")
    }

    /// The command with what is this server's.
    pub(crate) fn meant(&self, command: &str) -> String {
        command
            .replace("7667", &self.server.addr().port().to_string())
            .replace("7668", &self.tls_port().to_string())
            .replace("self-signed.pem", self.certificate().to_str().expect("UTF-8"))
    }

    /// For files of the programs.
    pub(crate) fn folder(&self) -> &Path {
        self.home.path()
    }

    fn environment(&self) -> [(&str, &str); 2] {
        [("HOME", self.home.path().to_str().expect("UTF-8")), ("LC_ALL", "C.UTF-8")]
    }

    /// Somebody sits down in front of it.
    pub(crate) fn sit(&self, command: &str) -> Pty {
        Pty::run(180, 50, &self.meant(command), &self.environment())
    }

    /// A script runs it.
    pub(crate) fn command(&self, command: &str) -> Command {
        let mut shell = Command::new("bash");
        shell.args(["--norc", "--noprofile", "-c", &self.meant(command)]).envs(self.environment());
        shell
    }
}

/// Whether all of these are installed; otherwise says which is not.
pub(crate) fn are_there(needs: &[&str]) -> bool {
    let missing = needs.iter().find(|program| {
        let there = Command::new("bash")
            .args(["-c", "command -v \"$1\" || test -e \"$1\"", "bash", program])
            .output();
        !there.is_ok_and(|there| there.status.success())
    });
    if let Some(missing) = missing {
        skip(format_args!("no {missing} is installed"));
    }
    missing.is_none()
}

/// Does something with each, at the same time: most of it is waiting.
pub(crate) fn with_all<T: Send>(all: impl IntoIterator<Item = T>, name: fn(&T) -> &'static str, test: fn(T)) {
    let failed: Vec<&str> = std::thread::scope(|scope| {
        let running: Vec<_> =
            all.into_iter().map(|one| (name(&one), scope.spawn(move || test(one)))).collect();
        running.into_iter().filter_map(|(name, thread)| thread.join().is_err().then_some(name)).collect()
    });
    assert!(failed.is_empty(), "these failed: {failed:?}");
}
