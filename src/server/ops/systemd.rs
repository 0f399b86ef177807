//! Notifies systemd as `sd_notify(3)` does: a datagram for each change, to the socket that the environment names, if it
//! names one. The loop does not wait for the socket: what it does not take is sent again later.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use log::warn;

use crate::limits::{NOTIFY_PATIENCE, NOTIFY_STARTING, NOTIFY_STATUS};

#[derive(Debug, Default)]
pub(in crate::server) struct Notify {
    socket: Option<UnixDatagram>,
    interval: Duration,
    /// The manager kills a service that does not report often enough (`WatchdogSec=`).
    has_watchdog: bool,
    next: Duration,
    last_status: String,
}

impl Notify {
    pub(in crate::server) fn from_environment() -> Notify {
        let Some(name) = env::var_os("NOTIFY_SOCKET") else { return Notify::default() };
        let socket = connect(&name).inspect_err(|error| {
            warn!("NOTIFY_SOCKET={}: cannot be used: {error}", name.to_string_lossy());
        });
        let pid = env::var("WATCHDOG_PID").ok();
        let is_ours = pid.is_none_or(|pid| pid == std::process::id().to_string());
        let watchdog = env::var("WATCHDOG_USEC").ok().filter(|_| is_ours);
        let watchdog = watchdog.and_then(|text| text.parse().ok()).filter(|usec| *usec > 0);
        let half = watchdog.map(|usec| Duration::from_micros(usec) / 2);
        Notify {
            socket: socket.ok(),
            interval: half.map_or(NOTIFY_STATUS, |half| half.min(NOTIFY_STATUS)),
            has_watchdog: half.is_some(),
            ..Notify::default()
        }
    }

    /// When the next notification is due.
    pub(in crate::server) fn next_deadline(&self) -> Option<Duration> {
        self.socket.is_some().then_some(self.next)
    }

    /// The only message that waits for the socket: the manager has to get it.
    pub(in crate::server) fn say_ready(&self) {
        let Some(socket) = &self.socket else { return };
        let said = socket.send(b"READY=1").and_then(|_| socket.set_nonblocking(true));
        if let Err(error) = said {
            warn!("the service manager could not be told that all is ready: {error}");
        }
    }

    pub(in crate::server) fn say_stopping(&self, why: &str) {
        self.say(&format!("STOPPING=1\nSTATUS={why}"));
    }

    /// Gives the watchdog its sign of life when that is due. Returns whether the status is due, too.
    pub(in crate::server) fn tick(&mut self, now: Duration) -> bool {
        if self.socket.is_none() || now < self.next {
            return false;
        }
        self.next = now + self.interval;
        if self.has_watchdog {
            self.say("WATCHDOG=1");
        }
        true
    }

    pub(in crate::server) fn say_status(&mut self, status: String) {
        if status != self.last_status && self.say(&format!("STATUS={status}")) {
            self.last_status = status;
        }
    }

    fn say(&self, news: &str) -> bool {
        self.socket.as_ref().is_some_and(|socket| socket.send(news.as_bytes()).is_ok())
    }
}

/// Before there is a loop: tells the manager how far a long start has come, and that it takes longer.
pub fn say_starting(status: &str) {
    let Some(socket) = env::var_os("NOTIFY_SOCKET").and_then(|name| connect(&name).ok()) else { return };
    let usec = NOTIFY_STARTING.as_micros();
    // It is told again.
    let _ = socket.send(format!("EXTEND_TIMEOUT_USEC={usec}\nSTATUS={status}").as_bytes());
}

/// The name is a path, or an abstract socket's name after `@`.
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
