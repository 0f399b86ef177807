//! The real server as a process of its own, and peers that talk to it: sockets, or real `nc`.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::fs;
use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::ops::RangeBounds;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use argon2::password_hash::{PasswordHasher as _, phc};
use argon2::{Algorithm, Argon2, Params, Version};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// Nothing takes this long unless something hangs. No test waits for it to pass.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The group of most tests: the first is its admin. The password of `ann@x` is `ann-secret`.
pub(crate) const GROUP: [&str; 5] = ["ann", "bob", "cid", "dan", "eve"];

/// A members.txt of these names at `@x`, the first an admin. The hashes are as cheap as can be.
pub(crate) fn members_txt(names: &[&str]) -> String {
    let lines = names.iter().enumerate().map(|(index, name)| {
        let role = if index == 0 { " admin" } else { "" };
        format!("{name}@x {}{role}\n", cheap_hash(&format!("{name}-secret")))
    });
    lines.collect()
}

/// An Argon2id hash that costs next to nothing.
pub(crate) fn cheap_hash(password: &str) -> String {
    let params = Params::new(8, 1, 1, None).expect("the smallest cost there is");
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash: phc::PasswordHash = argon2.hash_password(password.as_bytes()).expect("the system is random");
    hash.to_string()
}

/// A running server with a folder of its own. Killed when dropped.
pub(crate) struct Server {
    child: Child,
    addr: SocketAddr,
    folder: TempDir,
    log: Log,
}

/// What it has written to standard error.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl Log {
    fn text(&self) -> MutexGuard<'_, String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Server {
    /// Serves [`GROUP`].
    pub(crate) fn start() -> Server {
        Server::with(&members_txt(&GROUP), &[])
    }

    /// Serves this members.txt with these options more.
    pub(crate) fn with(members: &str, options: &[&str]) -> Server {
        Server::launch(Command::new(env!("CARGO_BIN_EXE_chat-room-server")), members, options)
    }

    /// As [`Server::with`]; `command` is the server, or what runs it with the arguments that follow.
    pub(crate) fn launch(command: Command, members: &str, options: &[&str]) -> Server {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("members.txt"), members).expect("a file");
        Server::launch_in(folder, command, "127.0.0.1:0", options)
    }

    fn launch_in(folder: TempDir, mut command: Command, listen: &str, options: &[&str]) -> Server {
        let members = folder.path().join("members.txt");
        command.arg("--members").arg(members).args(["--listen", listen]).args(options);
        command.stdin(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("a server");
        let log = Log::default();
        let lines = tee(child.stderr.take().expect("it is piped"), log.clone());
        let addr = loop {
            match lines.recv_timeout(PATIENCE) {
                Ok(line) => {
                    if let Some((_, addr)) = line.split_once("listening on ") {
                        break addr.parse().expect("an address");
                    }
                }
                Err(_) => panic!("no server came up:\n{}", log.text()),
            }
        };
        Server { child, addr, folder, log }
    }

    /// A server with the same files at the same address, after this one has ended.
    pub(crate) fn again(mut self) -> Server {
        self.kill();
        let folder = std::mem::replace(&mut self.folder, tempfile::tempdir().expect("a folder"));
        let command = Command::new(env!("CARGO_BIN_EXE_chat-room-server"));
        Server::launch_in(folder, command, &self.addr.to_string(), &[])
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub(crate) fn members(&self) -> PathBuf {
        self.folder.path().join("members.txt")
    }

    pub(crate) fn members_text(&self) -> String {
        fs::read_to_string(self.members()).expect("members.txt is there, and text")
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("it runs");
    }

    /// kill -9, and gone.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Waits for it to end by itself.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("it is our child") {
                return status;
            }
            assert!(Instant::now() < deadline, "the server does not end:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub(crate) fn log(&self) -> String {
        self.log.text().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let _ = writeln!(std::io::stderr(), "the server's log:\n{}", self.log());
        }
    }
}

/// Lines as they come. Nobody has to take them for the server to go on.
fn tee(stderr: impl Read + Send + 'static, log: Log) -> Receiver<String> {
    let (send, lines) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            let mut text = log.text();
            text.push_str(&line);
            text.push('\n');
            drop(text);
            let _ = send.send(line);
        }
    });
    lines
}

/// One end of a conversation. All that comes is read at once and kept.
pub(crate) struct Peer {
    way: Way,
    lines: Receiver<String>,
    fences: u32,
}

enum Way {
    Socket(TcpStream),
    Nc(Child, Option<ChildStdin>),
}

impl Peer {
    /// Connects; HELLO is the first line.
    pub(crate) fn connect(addr: SocketAddr) -> Peer {
        let stream = TcpStream::connect(addr).expect("the server listens");
        let reader = stream.try_clone().expect("a descriptor");
        Peer { way: Way::Socket(stream), lines: read_lines(reader), fences: 0 }
    }

    /// Runs a program that connects its standard input and output to the server, as `nc` does.
    pub(crate) fn run(command: &mut Command) -> Peer {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("a program");
        let stdin = child.stdin.take();
        let stdout = child.stdout.take().expect("it is piped");
        Peer { way: Way::Nc(child, stdin), lines: read_lines(stdout), fences: 0 }
    }

    /// Sends a line.
    pub(crate) fn say(&mut self, line: &str) {
        self.send(format!("{line}\n").as_bytes());
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        // A server that has hung up does not listen any more: what it said shows in the lines.
        let _ = match &mut self.way {
            Way::Socket(stream) => stream.write_all(bytes),
            Way::Nc(_, stdin) => stdin.as_mut().expect("not half-closed").write_all(bytes),
        };
    }

    /// Says that no more will come.
    pub(crate) fn half_close(&mut self) {
        match &mut self.way {
            Way::Socket(stream) => {
                let _ = stream.shutdown(Shutdown::Write);
            }
            Way::Nc(_, stdin) => *stdin = None,
        }
    }

    /// The next line, times and the transcript's name masked. Nothing: the server has hung up.
    pub(crate) fn line(&mut self) -> Option<String> {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => Some(masked(&line)),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("nothing comes"),
        }
    }

    /// The next line has to be like this; `…` stands for anything.
    #[track_caller]
    pub(crate) fn expect(&mut self, pattern: &str) {
        let line = self.line();
        let line = line.as_deref().unwrap_or("(the end)");
        assert!(fits(pattern, line), "expected: {pattern}\nreceived: {line}");
    }

    #[track_caller]
    pub(crate) fn expect_end(&mut self) {
        assert_eq!(self.line(), None, "the connection should have ended");
    }

    /// All that was sent so far is answered, and nothing has come that was not taken.
    #[track_caller]
    pub(crate) fn fence(&mut self) {
        self.fences += 1;
        let token = format!("fence-{}", self.fences);
        self.say(&format!("PING {token}"));
        self.expect(&format!("OK PING {token}"));
    }

    /// Logs in as `who` (`ann@x`, or with a device) with the password of [`members_txt`].
    #[track_caller]
    pub(crate) fn login(&mut self, who: &str) {
        let name = who.split('@').next().expect("split gives at least one piece");
        self.say(&format!("LOGIN {who} {name}-secret"));
        self.expect(&format!("OK LOGIN {name}@x …"));
    }

    /// Connects and logs in.
    #[track_caller]
    pub(crate) fn member(addr: SocketAddr, who: &str) -> Peer {
        let mut peer = Peer::connect(addr);
        peer.expect("HELLO …");
        peer.login(who);
        peer
    }

    /// Asks until a figure of STATS is in this range.
    #[track_caller]
    pub(crate) fn until_stat(&mut self, name: &str, range: impl RangeBounds<u64>) {
        let deadline = Instant::now() + PATIENCE;
        while !range.contains(&self.stat(name)) {
            assert!(Instant::now() < deadline, "{name} never becomes that");
        }
    }

    /// One figure of STATS.
    #[track_caller]
    pub(crate) fn stat(&mut self, name: &str) -> u64 {
        self.say("STATS");
        let mut found = None;
        loop {
            let line = self.line().expect("STATS is answered");
            if line.starts_with("OK STATS ") {
                return found.expect("a figure of that name");
            }
            if let Some(value) = line.strip_prefix(&format!("STAT {name} ")) {
                found = Some(value.parse().expect("a number"));
            }
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        match &mut self.way {
            // The reading thread holds the descriptor too.
            Way::Socket(stream) => {
                let _ = stream.shutdown(Shutdown::Both);
            }
            Way::Nc(child, _) => {
                let _ = child.kill();
                let _ = child.wait();
            }
        }
    }
}

fn read_lines(from: impl Read + Send + 'static) -> Receiver<String> {
    let (send, lines) = channel();
    std::thread::spawn(move || {
        let mut from = BufReader::new(from);
        let mut line = Vec::new();
        while from.read_until(b'\n', &mut line).is_ok_and(|n| n > 0) {
            let text = match line.strip_suffix(b"\n") {
                Some(text) => String::from_utf8_lossy(text).into_owned(),
                None => format!("{} (cut)", String::from_utf8_lossy(&line)),
            };
            if send.send(text).is_err() {
                return;
            }
            line.clear();
        }
    });
    lines
}

/// The line with `<time>` for each time and `<id>` for the transcript's name.
pub(crate) fn masked(line: &str) -> String {
    let words = line.split(' ').map(|word| {
        let shape: String = word.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
        match word.strip_prefix("transcript=") {
            Some(name) if name.len() == 8 => "transcript=<id>",
            _ if shape == "0000-00-00T00:00:00.000Z" => "<time>",
            _ => word,
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Whether a line is like a pattern, in which `…` stands for anything.
pub(crate) fn fits(pattern: &str, line: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('…') else { return pattern == line };
    let Some(behind) = line.strip_prefix(head) else { return false };
    behind.char_indices().map(|(at, _)| at).chain([behind.len()]).any(|at| fits(rest, &behind[at..]))
}
