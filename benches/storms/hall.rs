//! A network of the bench's own, with `net.core.somaxconn` raised: as many as its kernel lets wait may come at once.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsFd as _;
use std::process::Command;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::netns::namespace;

/// What ARCHITECTURE and the operator's manual name for those who all reconnect at once.
const SOMAXCONN: &str = "65535";

/// While it lives, this thread and what it starts are in that network.
pub(crate) struct Hall {
    home: File,
}

impl Hall {
    pub(crate) fn enter() -> io::Result<Hall> {
        let (home, namespace) = (File::open("/proc/thread-self/ns/net")?, namespace()?);
        move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))?;
        let hall = Hall { home };
        Command::new("ip").args(["link", "set", "lo", "up"]).status()?;
        fs::write("/proc/sys/net/core/somaxconn", SOMAXCONN)?;
        Ok(hall)
    }

    /// How often the kernel had no room for one more connection that nobody had accepted.
    pub(crate) fn overflows() -> io::Result<u64> {
        let text = fs::read_to_string("/proc/thread-self/net/netstat")?;
        let mut lines = text.lines().filter(|line| line.starts_with("TcpExt:"));
        let (names, values) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
        let mut pairs = names.split(' ').zip(values.split(' '));
        let found = pairs.find(|(name, _)| *name == "ListenOverflows");
        found.and_then(|(_, value)| value.parse().ok()).ok_or_else(|| io::Error::other("no ListenOverflows"))
    }
}

impl Drop for Hall {
    fn drop(&mut self) {
        move_into_link_name_space(self.home.as_fd(), Some(LinkNameSpaceType::Network))
            .expect("the bench came from there");
    }
}
