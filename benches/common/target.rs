//! What is measured: the server's real binary, or the raw loop, as a child process on a core of its own.

use std::fs::{self, File};
use std::io;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::machine::{Cores, processor_seconds, stay_on};
use super::transcript::MAIL;
use super::{PATIENCE, fail};

/// The password of [`MAIL`].
pub(crate) const PASSWORD: &str = "bench-password";
/// Its hash, of the least cost there is: what is measured is not Argon2.
pub(crate) const HASH: &str =
    "$argon2id$v=19$m=8,t=1,p=1$YmVuY2gtYmVuY2gtc2FsdA$lIUYTIoA8WmcV5lqQ40KLNJe07/0jHclbaTZzFJ63iA";
/// A target that has not begun to listen by now will not.
const START_PATIENCE: Duration = Duration::from_secs(10);

/// A running child. Killed when dropped.
#[derive(Debug)]
pub(crate) struct Target {
    child: Child,
    pub(crate) address: SocketAddr,
    /// Its folder; goes with it.
    _folder: TempDir,
}

impl Target {
    /// The server, with a group of one admin.
    pub(crate) fn server(cores: Cores) -> io::Result<Target> {
        let folder = TempDir::new()?;
        fs::write(folder.path().join("members.txt"), format!("{MAIL} {HASH} admin\n"))?;
        let mut command = Command::new(env!("CARGO_BIN_EXE_chat-room-server"));
        command.args(["--members", "members.txt", "--listen", "127.0.0.1:0", "--log-level", "info"]);
        Target::start(command, folder, cores)
    }

    /// The raw loop: this program once more. Its lines are numbered from `first`.
    pub(crate) fn raw(cores: Cores, first: u64) -> io::Result<Target> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("--raw").arg(first.to_string());
        Target::start(command, TempDir::new()?, cores)
    }

    fn start(mut command: Command, folder: TempDir, cores: Cores) -> io::Result<Target> {
        // A file and no pipe: nobody has to read it while the load runs.
        let log = folder.path().join("stderr");
        command.current_dir(folder.path()).stdin(Stdio::null()).stderr(File::create(&log)?);
        stay_on(cores.target)?;
        let child = command.spawn();
        stay_on(cores.load)?;
        let mut child = child?;
        let start = Instant::now();
        loop {
            let said = fs::read_to_string(&log)?;
            if let Some(address) = address_in(&said) {
                return Ok(Target { child, address, _folder: folder });
            }
            if child.try_wait()?.is_some() || start.elapsed() > START_PATIENCE {
                child.kill()?;
                return fail(format!("{command:?} does not listen; it says: {said}"));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it has nothing to do: those who left are gone from its books.
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
        // It may have ended by itself, as the raw loop does when its peers go.
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
