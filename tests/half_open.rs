//! Peers who vanish without a word: the cable is pulled, nothing more comes, and no FIN ever does. The server gives
//! them up in time, and what they missed is there when they come back. Skipped without root or `ip`.

mod common;
#[path = "common/netns.rs"]
mod netns;

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use common::disk::skip;
use common::peer::Peer;
use common::server::{GROUP, Server, folder_with, members_txt};
use netns::{Cable, End};
use rustix::process::{PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};
use socket2::{SockRef, TcpKeepalive};

/// A server at the near end, and an admin there.
struct Net {
    cable: Cable,
    server: Server,
    ann: Peer,
}

impl Net {
    fn lay(options: &[&str]) -> Option<Net> {
        let cable = Cable::lay().map_err(skip).ok()?;
        let server =
            cable.at(End::Near, || Server::at(End::Near.ip(), folder_with(&members_txt(&GROUP)), options));
        let ann = cable.at(End::Near, || Peer::member(server.addr(), "ann@x"));
        Some(Net { cable, server, ann })
    }

    /// Connects from the far end.
    fn far(&self) -> Peer {
        let addr = self.server.addr();
        let mut peer = self.cable.at(End::Far, || Peer::connect(addr));
        peer.expect("HELLO …");
        peer
    }

    /// Bob is there, as everybody can see.
    fn far_bob(&mut self) -> Peer {
        let mut bob = self.far();
        bob.login("bob@x");
        assert_eq!(self.ann.stat("logged-in"), 2);
        bob
    }

    fn until_alone(&mut self) {
        self.ann.until_stat("connections", 1..=1);
        assert_eq!(self.ann.stat("logged-in"), 1);
    }

    /// Bob comes by another way, and has missed this one message.
    fn bob_missed_it(&self) {
        let addr = self.server.addr();
        let mut bob = self.cable.at(End::Near, || Peer::connect(addr));
        bob.expect("HELLO …");
        bob.say("LOGIN bob@x bob-secret");
        bob.expect("OK LOGIN bob@x role=member last=1 missed=1 …");
        bob.expect("MSG 1 <time> ann@x anybody there");
        bob.fence();
    }

    fn say_it(&mut self) {
        self.ann.say("MSG anybody there");
        self.ann.expect("OK MSG 1 <time>");
    }
}

#[test]
fn a_peer_that_vanishes_before_login_has_no_more_time_than_others() {
    let Some(mut net) = Net::lay(&["--login-timeout", "5"]) else { return };
    let silent: Vec<Peer> = (0..5).map(|_| net.far()).collect();
    let mut halfway = net.far();
    halfway.send(b"LOGIN bob@x bob-sec");
    net.ann.until_stat("connections", 7..=7);
    net.cable.pull();
    net.until_alone();
    let log = net.server.log();
    assert_eq!(log.matches(&format!("from={}:", End::Far.ip())).count(), 6, "{log}");
    assert_eq!(log.matches("why=timeout").count(), 6, "{log}");
    drop((silent, halfway));
}

#[test]
fn a_host_that_has_forgotten_its_connection_says_so_when_it_is_said_something() {
    let Some(mut net) = Net::lay(&[]) else { return };
    let bob = net.far_bob();
    net.cable.pull();
    // What it says at the end is lost, as when a host loses its power.
    drop(bob);
    net.ann.fence();
    assert_eq!(net.ann.stat("logged-in"), 2, "nobody can know");
    net.cable.plug();
    net.say_it();
    net.until_alone();
    net.bob_missed_it();
}

#[test]
fn a_silent_peer_with_outstanding_bytes_is_given_up() {
    let Some(mut net) = Net::lay(&[]) else { return };
    // The kernel gives up after some seconds instead of fifteen minutes. Our own five are told by a clock in the
    // tests of src/server/net/tcp_info.rs.
    let retries = net.cable.at(End::Near, || fs::write("/proc/sys/net/ipv4/tcp_retries2", "2"));
    if let Err(error) = retries {
        return skip(error);
    }
    let bob = net.far_bob();
    net.cable.pull();
    net.say_it();
    net.until_alone();
    net.bob_missed_it();
    drop(bob);
}

/// The server's own socket of the connection from there.
fn socket_of(server: &Server, peer: SocketAddr) -> std::io::Result<TcpStream> {
    let process = pidfd_open(server.pid(), PidfdFlags::empty())?;
    for entry in fs::read_dir(format!("/proc/{}/fd", server.pid().as_raw_nonzero()))? {
        let Ok(number) = entry?.file_name().to_string_lossy().parse() else { continue };
        let stream = TcpStream::from(pidfd_getfd(&process, number, PidfdGetfdFlags::empty())?);
        if stream.peer_addr().is_ok_and(|addr| addr == peer) {
            return Ok(stream);
        }
    }
    Err(std::io::Error::other("the server has no such socket"))
}

#[test]
fn a_silent_peer_without_outstanding_bytes_is_probed() {
    let Some(mut net) = Net::lay(&[]) else { return };
    let mut bob = net.far_bob();
    let socket = match socket_of(&net.server, bob.local_addr()) {
        Ok(socket) => socket,
        Err(error) => return skip(error),
    };
    let ours = SockRef::from(&socket);
    assert!(ours.keepalive().expect("an option"), "the server asks for probes");
    // Sooner than the server does, which waits for two minutes.
    let second = Duration::from_secs(1);
    ours.set_tcp_keepalive(&TcpKeepalive::new().with_time(second).with_interval(second).with_retries(2))
        .expect("an option");
    drop(socket);
    // A blank line has no answer: it brings along that all that was said has arrived.
    bob.send(b"\n");
    net.ann.fence();
    // With the link down the kernel would know that its probes do not leave, and go on: they leave, and reach nobody.
    net.cable.ip(End::Far, &format!("address del {}/24 dev eth0", End::Far.ip())).expect("its address");
    net.until_alone();
    net.say_it();
    net.bob_missed_it();
    drop(bob);
}
