//! The real server on a members.txt of its own, and connections to it.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

/// Far more than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server on a port of its own; killed when dropped.
pub(crate) struct Demo {
    folder: TempDir,
    server: Child,
    addr: String,
}

impl Demo {
    /// Starts the server on the demo group as it was committed, whatever has become of it in this folder.
    pub(crate) fn start() -> Demo {
        Demo::with(&committed_members(), &[])
    }

    /// With this members.txt and these options more.
    pub(crate) fn with(members: &str, options: &[&str]) -> Demo {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("members.txt"), members).expect("written");
        let mut server = Command::new(env!("CARGO_BIN_EXE_chat-room-server"))
            .args(["--listen", "127.0.0.1:0"])
            .args(options)
            .current_dir(folder.path())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut log = BufReader::new(server.stderr.take().expect("it is piped")).lines();
        let addr = log.by_ref().map_while(Result::ok).find_map(|line| {
            let (_, addr) = line.split_once("listening on ")?;
            Some(addr.to_owned())
        });
        // The log is read on, so that the server can go on writing it.
        std::thread::spawn(move || log.map_while(Result::ok).for_each(drop));
        Demo { folder, server, addr: addr.expect("it tells where it listens") }
    }

    pub(crate) fn members(&self) -> PathBuf {
        self.folder.path().join("members.txt")
    }

    /// A new connection, its greeting not yet read.
    pub(crate) fn connect(&self) -> Peer {
        let stream = TcpStream::connect(&self.addr).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("an option");
        Peer { reader: BufReader::new(stream) }
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// members.txt of the last commit: the file itself changes as soon as somebody plays with `make run`.
pub(crate) fn committed_members() -> String {
    let root = env!("CARGO_MANIFEST_DIR");
    let shown = Command::new("git").args(["-C", root, "show", "HEAD:./members.txt"]).output();
    match shown {
        Ok(output) if output.status.success() => String::from_utf8(output.stdout).expect("text"),
        // No repository, no commit: then it is as it was unpacked.
        _ => std::fs::read_to_string(format!("{root}/members.txt")).expect("a text file"),
    }
}

/// A connection.
pub(crate) struct Peer {
    reader: BufReader<TcpStream>,
}

impl Peer {
    /// All in one packet, if it fits one.
    pub(crate) fn send(&self, text: &str) {
        self.reader.get_ref().write_all(text.as_bytes()).expect("the server reads");
    }

    /// The next line without its LF. `None`: the server has ended the connection.
    pub(crate) fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        match self.reader.read_line(&mut line).expect("a line before patience ends") {
            0 => None,
            _ => Some(line.strip_suffix('\n').expect("a whole line").to_owned()),
        }
    }

    /// Skips lines up to one that begins like this, and gives it.
    pub(crate) fn line_beginning(&mut self, begin: &str) -> String {
        loop {
            let line = self.line().expect("the connection goes on");
            if line.starts_with(begin) {
                return line;
            }
        }
    }
}
