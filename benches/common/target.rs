//! What is measured: the server's real binary, or the bare loop, as a child process on a core of its own.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::machine::{Cores, processor_seconds, stay_on};
use super::transcript::MAIL;
use super::{PATIENCE, fail};

/// The program of this build.
const SERVER: &str = env!("CARGO_BIN_EXE_chat-room-server");
/// Names the program of another build, to be measured in its place: `benches/beside.py` takes turns with the two.
const SERVER_VARIABLE: &str = "CHAT_ROOM_SERVER";
fn program() -> OsString {
    std::env::var_os(SERVER_VARIABLE).unwrap_or_else(|| SERVER.into())
}

/// The password of [`MAIL`].
pub(crate) const PASSWORD: &str = "bench-password";
/// Its hash, of the least cost there is: what is measured is not Argon2.
pub(crate) const HASH: &str =
    "$argon2id$v=19$m=8,t=1,p=1$YmVuY2gtYmVuY2gtc2FsdA$lIUYTIoA8WmcV5lqQ40KLNJe07/0jHclbaTZzFJ63iA";

/// A running child. Killed when dropped.
#[derive(Debug)]
pub(crate) struct Target {
    child: Child,
    pub(crate) address: SocketAddr,
    /// Seconds from its start until it listened.
    pub(crate) started_in: f64,
    /// Other processes that work for it: the brokers of a node.
    pub(crate) helpers: Vec<u32>,
    /// Its folder; goes with the last of its targets.
    folder: Rc<TempDir>,
}

/// Members beside [`MAIL`], who only listen: those with devices that are away.
pub(crate) const OTHERS: usize = 64;

pub(crate) fn other_member(other: usize) -> String {
    format!("away{other}@b.c")
}

/// What it says to standard error, in its folder.
const LOG: &str = "stderr";

/// Whether the server keeps what is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum History {
    /// In files, as it does unless told otherwise.
    On,
    /// `--history none`.
    Off,
}

/// The folder of the history, in the server's.
pub(crate) const HISTORY: &str = "history";

/// members.txt: one admin and [`OTHERS`].
pub(crate) fn the_members() -> String {
    let others = (0..OTHERS).map(|other| format!("{} {HASH}\n", other_member(other)));
    [format!("{MAIL} {HASH} admin\n")].into_iter().chain(others).collect()
}

impl Target {
    /// The server, with a group of one admin and [`OTHERS`].
    pub(crate) fn server(cores: Cores, history: History) -> io::Result<Target> {
        Target::server_in(&Rc::new(TempDir::new()?), cores, history, &[])
    }

    /// The same in a folder that may have a history already, with more options.
    pub(crate) fn server_in(
        folder: &Rc<TempDir>,
        cores: Cores,
        history: History,
        options: &[&str],
    ) -> io::Result<Target> {
        Target::server_of(folder, &the_members(), cores, history, options)
    }

    /// The server, where it may have no more than so many descriptors.
    pub(crate) fn server_with_descriptors(cores: Cores, descriptors: usize) -> io::Result<Target> {
        let mut command = Command::new("sh");
        command.args(["-c", "ulimit -n \"$0\" && exec \"$@\"", &descriptors.to_string()]).arg(program());
        Target::launch(command, &Rc::new(TempDir::new()?), &the_members(), cores, History::On, &[])
    }

    /// The same with this members.txt.
    pub(crate) fn server_of(
        folder: &Rc<TempDir>,
        members: &str,
        cores: Cores,
        history: History,
        options: &[&str],
    ) -> io::Result<Target> {
        Target::launch(Command::new(program()), folder, members, cores, history, options)
    }

    fn launch(
        mut command: Command,
        folder: &Rc<TempDir>,
        members: &str,
        cores: Cores,
        history: History,
        options: &[&str],
    ) -> io::Result<Target> {
        fs::write(folder.path().join("members.txt"), members)?;
        command.args(["--members", "members.txt", "--listen", "127.0.0.1:0", "--log-level", "info"]);
        // What is measured is the server, not how it limits one member at one address.
        if !options.contains(&"--rate") {
            command.args(["--rate", "0"]);
        }
        command.args(["--max-connections-per-member", "1000000", "--max-connections-per-address", "1000000"]);
        command.args(["--history", if history == History::On { HISTORY } else { "none" }]).args(options);
        Target::start(command, Rc::clone(folder), cores)
    }

    /// Makes the stream of a cluster at these brokers, with the same group.
    pub(crate) fn make_cluster(brokers: &str, credentials: &Path) -> io::Result<()> {
        let folder = TempDir::new()?;
        let members = folder.path().join("members.txt");
        fs::write(&members, the_members())?;
        let mut command = Command::new(program());
        command.args(["--make-cluster", "--cluster", brokers, "--cluster-credentials"]);
        let output = command.arg(credentials).arg("--members").arg(members).output()?;
        if output.status.success() {
            return Ok(());
        }
        fail(format!("no cluster was made: {}", String::from_utf8_lossy(&output.stderr)))
    }

    /// The bare loop: this program once more. Its lines are numbered from `first`.
    pub(crate) fn raw(cores: Cores, first: u64) -> io::Result<Target> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("--raw").arg(first.to_string());
        Target::start(command, Rc::new(TempDir::new()?), cores)
    }

    fn start(mut command: Command, folder: Rc<TempDir>, cores: Cores) -> io::Result<Target> {
        // A file and no pipe: nobody has to read it while the load runs.
        let log = folder.path().join(LOG);
        command
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log)?);
        stay_on(cores.target)?;
        let start = Instant::now();
        let child = command.spawn();
        stay_on(cores.load)?;
        let mut child = child?;
        loop {
            let said = fs::read_to_string(&log)?;
            if let Some(address) = address_in(&said) {
                let started_in = start.elapsed().as_secs_f64();
                return Ok(Target { child, address, started_in, helpers: Vec::new(), folder });
            }
            if child.try_wait()?.is_some() || start.elapsed() > PATIENCE {
                child.kill()?;
                return fail(format!("{command:?} does not listen; it says: {said}"));
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// `--backup` of its files, into this new folder.
    pub(crate) fn backup(&self, to: &Path) -> Command {
        let mut command = Command::new(program());
        command.current_dir(self.folder.path()).arg("--backup").arg(to);
        command
    }

    /// Where browsers go, with `--web-listen`.
    pub(crate) fn web_address(&self) -> io::Result<SocketAddr> {
        self.address_after("listening for browsers, http://")
    }

    /// Where TLS is, with `--tls-listen`.
    pub(crate) fn tls_address(&self) -> io::Result<SocketAddr> {
        self.address_after("listening with TLS on ")
    }

    /// An address that is logged before that of the plain listener.
    fn address_after(&self, words: &str) -> io::Result<SocketAddr> {
        let said = fs::read_to_string(self.folder.path().join(LOG))?;
        let after = said.split(words).nth(1);
        let address = after.and_then(|after| after.split([' ', ',', '\n']).next()?.parse().ok());
        address.map_or_else(|| fail(format!("{words:?} is missing; it says: {said}")), Ok)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Stops it as an admin does.
    pub(crate) fn stop(self) -> io::Result<()> {
        self.signal(Signal::TERM)?;
        self.ended_well()
    }

    pub(crate) fn signal(&self, signal: Signal) -> io::Result<()> {
        Ok(kill_process(Pid::from_child(&self.child), signal)?)
    }

    /// Waits for its end.
    pub(crate) fn ended_well(mut self) -> io::Result<()> {
        match self.child.wait()? {
            status if status.success() => Ok(()),
            status => fail(format!("the target stopped with {status}")),
        }
    }

    /// Waits until it is idle, so that connections that have ended are removed.
    pub(crate) fn settle(&self) -> io::Result<()> {
        let (start, mut before) = (Instant::now(), f64::NEG_INFINITY);
        while start.elapsed() < PATIENCE {
            let used = processor_seconds(self.pid())?;
            // Less than one tick of its clock within the nap.
            if used - before < 0.005 {
                return Ok(());
            }
            before = used;
            std::thread::sleep(Duration::from_millis(50));
        }
        fail("the target is never idle")
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        // It may have ended by itself, as the bare loop does when its peers go.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The address in `… listening on 127.0.0.1:PORT …`, once its line is whole.
fn address_in(said: &str) -> Option<SocketAddr> {
    let line =
        said.split_inclusive('\n').find(|line| line.ends_with('\n') && line.contains("listening on "))?;
    line.split("listening on ").nth(1)?.split_whitespace().next()?.parse().ok()
}
