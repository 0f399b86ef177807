//! A server of others, as a child process on the core of what is measured, with its files in a folder that goes with it.

use std::fs::File;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::broker::free_ports;
use crate::common::machine::{Cores, stay_on};
use crate::common::running::Running;
use crate::common::{PATIENCE, fail};

/// Where a program is. Servers are where users do not always look.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&on_path).chain(["/usr/sbin".into()]);
    folders.map(|folder| folder.join(name)).find(|path| path.is_file())
}

/// The same where it has to be.
pub(crate) fn installed(name: &str) -> io::Result<PathBuf> {
    find(name).map_or_else(|| fail(format!("{name} is gone")), Ok)
}

pub(crate) struct Program {
    running: Running,
    pub(crate) address: SocketAddr,
    _folder: TempDir,
}

impl Program {
    /// `configure` writes what it needs to the folder, for this address, and says how it is called.
    pub(crate) fn start(
        cores: Cores,
        configure: impl FnOnce(&Path, SocketAddr) -> io::Result<Command>,
    ) -> io::Result<Program> {
        let folder = TempDir::new()?;
        let address = SocketAddr::from(([127, 0, 0, 1], free_ports(1)[0]));
        let mut command = configure(folder.path(), address)?;
        let log = folder.path().join("says");
        command
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(File::create(&log)?)
            .stderr(File::options().append(true).open(&log)?);
        stay_on(cores.target)?;
        let running = Running::start(&mut command);
        stay_on(cores.load)?;
        let mut running = running?;
        let start = Instant::now();
        while TcpStream::connect(address).is_err() {
            if running.has_ended() || start.elapsed() > PATIENCE {
                let said = std::fs::read_to_string(&log)?;
                return fail(format!("{command:?} does not listen; it says: {said}"));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(Program { running, address, _folder: folder })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.running.pid()
    }
}
