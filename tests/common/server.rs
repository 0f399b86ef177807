//! The real server as a process of its own.

use std::fs;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use argon2::password_hash::{PasswordHasher as _, phc};
use argon2::{Algorithm, Argon2, Params, Version};
use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, setrlimit};
use tempfile::TempDir;

use super::net::hold;

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
    hash_of_cost(password, 8, 1)
}

/// An Argon2id hash of this memory in KiB and so many passes.
pub(crate) fn hash_of_cost(password: &str, memory: u32, passes: u32) -> String {
    let params = Params::new(memory, passes, 1, None).expect("a possible cost");
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
struct Log {
    text: Arc<Mutex<String>>,
    gate: Arc<Mutex<()>>,
}

impl Log {
    fn text(&self) -> MutexGuard<'_, String> {
        self.text.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Server {
    /// Serves [`GROUP`].
    pub(crate) fn start() -> Server {
        Server::with(&members_txt(&GROUP), &[])
    }

    /// Serves this members.txt with these options more.
    pub(crate) fn with(members: &str, options: &[&str]) -> Server {
        Server::in_folder(folder_with(members), options)
    }

    /// As [`Server::with`]; `command` is the server, or what runs it with the arguments that follow.
    pub(crate) fn launch(command: Command, members: &str, options: &[&str]) -> Server {
        Server::launch_in(folder_with(members), command, "127.0.0.1:0", options)
    }

    /// Serves the members.txt in this folder.
    pub(crate) fn in_folder(folder: TempDir, options: &[&str]) -> Server {
        let command = Command::new(env!("CARGO_BIN_EXE_chat-room-server"));
        Server::launch_in(folder, command, "127.0.0.1:0", options)
    }

    /// As [`Server::in_folder`], for other hosts too: at this address, in plain text.
    pub(crate) fn at(ip: Ipv4Addr, folder: TempDir, options: &[&str]) -> Server {
        let command = Command::new(env!("CARGO_BIN_EXE_chat-room-server"));
        let options = [&["--plaintext-anyway"], options].concat();
        Server::launch_in(folder, command, &format!("{ip}:0"), &options)
    }

    /// As [`Server::launch`], with the files that are in this folder, at this address.
    pub(crate) fn launch_in(folder: TempDir, mut command: Command, listen: &str, options: &[&str]) -> Server {
        let members = folder.path().join("members.txt");
        command.arg("--members").arg(members);
        if !options.contains(&"--history") {
            command.arg("--history").arg(folder.path().join("history"));
        }
        // Tests say more than people do; those of the limits give their own.
        for (limit, most) in [("--rate", "0"), ("--max-connections-per-member", "100000")] {
            if !options.contains(&limit) {
                command.args([limit, most]);
            }
        }
        command.args(["--listen", listen]).args(options);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
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
                Err(error) => {
                    let _ = child.kill();
                    panic!("no server came up, {error}:\n{}", log.text());
                }
            }
        };
        Server { child, addr, folder, log }
    }

    /// A server with the same files at the same address, after this one has ended.
    pub(crate) fn again(self) -> Server {
        self.again_with(&[])
    }

    /// As [`Server::again`], with these options more.
    pub(crate) fn again_with(self, options: &[&str]) -> Server {
        let addr = self.addr;
        let folder = self.into_folder();
        // Nobody else gets the port meanwhile; in another network namespace nobody wants it.
        let _held = hold(addr);
        let command = Command::new(env!("CARGO_BIN_EXE_chat-room-server"));
        Server::launch_in(folder, command, &addr.to_string(), options)
    }

    /// Kills it if it has not ended. Its files.
    pub(crate) fn into_folder(mut self) -> TempDir {
        self.kill();
        std::mem::replace(&mut self.folder, tempfile::tempdir().expect("a folder"))
    }

    /// Tells it to stop, and waits until it has.
    pub(crate) fn stop(&mut self) {
        self.signal(Signal::TERM);
        assert_eq!(self.wait().code(), Some(0), "{}", self.log());
    }

    /// The folder of the history.
    pub(crate) fn history(&self) -> PathBuf {
        self.folder.path().join("history")
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

    /// Nobody reads standard error while this is locked.
    pub(crate) fn log_gate(&self) -> Arc<Mutex<()>> {
        Arc::clone(&self.log.gate)
    }

    /// Waits until the log says this.
    #[track_caller]
    pub(crate) fn until_logged(&self, what: &str) {
        until(&format!("the log says: {what}"), || self.log().contains(what));
    }

    /// The record of how far devices have come.
    pub(crate) fn delivered(&self) -> String {
        std::fs::read_to_string(self.history().join("delivered")).unwrap_or_default()
    }

    /// Waits until it is recorded that a device (`bob@x`, `bob@x/phone`) has come so far.
    #[track_caller]
    pub(crate) fn until_noted(&self, device: &str, seq: u64) {
        let begin = format!("{device} {seq} ");
        until(&begin, || self.delivered().lines().any(|line| line.starts_with(&begin)));
    }
}

/// Waits until something is so.
#[track_caller]
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(10));
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

/// A folder with this members.txt.
pub(crate) fn folder_with(members: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("members.txt"), members).expect("a file");
    folder
}

/// Raises this process's limit of descriptors as far as it may be. How many that are.
pub(crate) fn raise_descriptors() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let limit = if setrlimit(Resource::Nofile, raised).is_ok() { limit.maximum } else { limit.current };
    limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX))
}

/// Waits until a file holds this.
#[track_caller]
pub(crate) fn until_holds(path: &Path, what: &str) -> String {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let text = fs::read_to_string(path).unwrap_or_default();
        if text.contains(what) {
            return text;
        }
        assert!(Instant::now() < deadline, "{what} is not in: {text}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Waits until members.txt reads like this.
#[track_caller]
pub(crate) fn until_members(server: &Server, like_this: impl Fn(&str) -> bool) {
    let deadline = Instant::now() + PATIENCE;
    // Between two files of an exchange there is always one of them.
    while !like_this(&server.members_text()) {
        assert!(Instant::now() < deadline, "{}", server.members_text());
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The line of this member in a members.txt.
pub(crate) fn line_of(text: &str, mail: &str) -> String {
    text.lines().find(|line| line.starts_with(mail)).expect("a member").to_owned()
}

/// Lines as they come. Nobody has to take them for the server to go on.
fn tee(stderr: impl Read + Send + 'static, log: Log) -> Receiver<String> {
    let (send, lines) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            drop(log.gate.lock().unwrap_or_else(PoisonError::into_inner));
            let mut text = log.text();
            text.push_str(&line);
            text.push('\n');
            drop(text);
            let _ = send.send(line);
        }
    });
    lines
}
