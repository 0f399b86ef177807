//! The network of the three machines: a switch that all are joined to, where this test is somebody else.

use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::fd::AsRawFd as _;

use crate::common::server::PATIENCE;
use crate::machine::Systemd;
use crate::netns;

/// See the module.
pub(crate) struct Switch(File);

impl Switch {
    /// An error says what is missing here: `ip`, or the kernel's bridge.
    pub(crate) fn new() -> io::Result<Switch> {
        let switch = Switch(netns::namespace()?);
        switch.run("ip link add name switch type bridge")?;
        switch.run("ip address add 10.84.0.9/24 dev switch")?;
        switch.run("ip link set switch up")?;
        Ok(switch)
    }

    fn run(&self, command: &str) -> io::Result<()> {
        netns::run(&self.0, command)
    }

    /// Joins a machine: 1, 2 or 3.
    pub(crate) fn join(&self, number: u8, machine: &Systemd) -> io::Result<()> {
        let network = machine.network();
        let path = format!("/proc/{}/fd/{}", std::process::id(), network.as_raw_fd());
        self.run(&format!("ip link add name port{number} type veth peer name eth0 netns {path}"))?;
        self.run(&format!("ip link set port{number} master switch"))?;
        self.run(&format!("ip link set port{number} up"))?;
        netns::run(&network, &format!("ip address add {}/24 dev eth0", ip(number)))?;
        netns::run(&network, "ip link set eth0 up")
    }

    /// Pulls the cable of a machine for good.
    pub(crate) fn part(&self, number: u8) {
        self.run(&format!("ip link delete port{number}")).expect("it was joined");
    }

    /// A connection from the switch to a machine, if anybody listens there.
    pub(crate) fn connect(&self, number: u8, port: u16) -> io::Result<TcpStream> {
        let stream = netns::inside(&self.0, || TcpStream::connect(SocketAddr::from((ip(number), port))))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(stream)
    }
}

/// The address of a machine: 1, 2 or 3.
pub(crate) fn ip(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 84, 0, number)
}

/// Its name.
pub(crate) fn host(number: u8) -> String {
    format!("chat{number}.example.org")
}
