//! What systemd is told, as `sd_notify(3)` has it: a datagram for each piece of news, to the socket that the
//! environment names. Where it names none, nothing is said. The loop does not wait for it: what the socket does not
//! take is not told, and the next beat says it again.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use log::warn;

use crate::limits::{NOTIFY_PATIENCE, NOTIFY_STATUS};
use crate::room::Room;
use crate::server::members::Members;

/// See the module.
#[derive(Debug, Default)]
pub(in crate::server) struct Notify {
    socket: Option<UnixDatagram>,
    /// Between two looks at what there is to tell.
    beat: Duration,
    /// The manager ends who does not say often enough that it lives (`WatchdogSec=`).
    is_watched: bool,
    next: Duration,
    told: String,
}

impl Notify {
    /// To whom the environment says.
    pub(in crate::server) fn from_environment() -> Notify {
        let Some(name) = env::var_os("NOTIFY_SOCKET") else { return Notify::default() };
        match connect(&name) {
            Ok(socket) => {
                let pid = env::var("WATCHDOG_PID").ok();
                let is_ours = pid.is_none_or(|pid| pid == std::process::id().to_string());
                let watchdog = env::var("WATCHDOG_USEC").ok().filter(|_| is_ours);
                let watchdog = watchdog.and_then(|text| text.parse().ok()).filter(|usec| *usec > 0);
                let half = watchdog.map(|usec| Duration::from_micros(usec) / 2);
                Notify {
                    socket: Some(socket),
                    beat: half.map_or(NOTIFY_STATUS, |half| half.min(NOTIFY_STATUS)),
                    is_watched: half.is_some(),
                    ..Notify::default()
                }
            }
            Err(error) => {
                warn!("NOTIFY_SOCKET={}: cannot be used: {error}", name.to_string_lossy());
                Notify::default()
            }
        }
    }

    /// When it looks again what there is to tell.
    pub(in crate::server) fn next_beat(&self) -> Option<Duration> {
        self.socket.is_some().then_some(self.next)
    }

    /// Whoever comes from now on is served. The one thing that is waited for: the manager counts on it.
    pub(in crate::server) fn say_ready(&self) {
        let Some(socket) = &self.socket else { return };
        let said = socket.send(b"READY=1").and_then(|_| socket.set_nonblocking(true));
        if let Err(error) = said {
            warn!("the service manager could not be told that all is ready: {error}");
        }
    }

    /// Nobody is taken in any more.
    pub(in crate::server) fn say_stopping(&self, why: &str) {
        self.say(&format!("STOPPING=1\nSTATUS={why}"));
    }

    /// The loop lives. Whether it is time to look what there is to tell.
    pub(in crate::server) fn beat(&mut self, now: Duration) -> bool {
        if self.socket.is_none() || now < self.next {
            return false;
        }
        self.next = now + self.beat;
        if self.is_watched {
            self.say("WATCHDOG=1");
        }
        true
    }

    /// How things stand, if that has changed.
    pub(in crate::server) fn say_status(&mut self, status: String) {
        if status != self.told && self.say(&format!("STATUS={status}")) {
            self.told = status;
        }
    }

    fn say(&self, news: &str) -> bool {
        self.socket.as_ref().is_some_and(|socket| socket.send(news.as_bytes()).is_ok())
    }
}

/// A path, or, behind an `@`, a name without a file.
fn connect(name: &OsStr) -> io::Result<UnixDatagram> {
    let addr = match name.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        _ => SocketAddr::from_pathname(OsString::from(name))?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.connect_addr(&addr)?;
    socket.set_write_timeout(Some(NOTIFY_PATIENCE))?;
    Ok(socket)
}

/// How things stand, in one line, for `systemctl status`.
pub(in crate::server) fn status(connections: usize, room: &Room, members: &Members) -> String {
    let mut status =
        format!("{connections} connections, {} logged in, {} members", room.logged_in(), room.members());
    if let Some(problem) = members.problem() {
        // One line: a path may hold anything.
        status.push_str("; the members stay as they were: ");
        status.extend(problem.0.chars().map(|c| if c.is_control() { '?' } else { c }));
    }
    if let Some(obstacle) = members.obstacle() {
        status.push_str("; no command changes the members: ");
        status.extend(obstacle.0.chars().map(|c| if c.is_control() { '?' } else { c }));
    }
    status
}
