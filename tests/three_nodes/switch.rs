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
    pub(crate) fn join(machines: &[Systemd]) -> io::Result<Switch> {
        let switch = netns::namespace()?;
        let here = |command: &str| netns::run(&switch, command);
        here("ip link add name switch type bridge")?;
        here("ip address add 10.84.0.9/24 dev switch")?;
        here("ip link set switch up")?;
        for (number, machine) in (1..).zip(machines) {
            let network = machine.network();
            let path = format!("/proc/{}/fd/{}", std::process::id(), network.as_raw_fd());
            here(&format!("ip link add name port{number} type veth peer name eth0 netns {path}"))?;
            here(&format!("ip link set port{number} master switch"))?;
            here(&format!("ip link set port{number} up"))?;
            netns::run(&network, &format!("ip address add {}/24 dev eth0", ip(number)))?;
            netns::run(&network, "ip link set eth0 up")?;
        }
        Ok(Switch(switch))
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
