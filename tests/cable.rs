//! The cable of a real `nc`, or of a WebSocket, is pulled in the middle of a stream, and the device continues where it was:
//! two network namespaces with a cable between them. Skipped without root, `ip` or `nc`.

mod common;
#[path = "common/netns.rs"]
mod netns;
#[path = "common/web.rs"]
mod web;

use std::net::SocketAddr;
use std::process::{Command, Stdio};

use common::disk::skip;
use common::peer::Peer;
use common::server::{GROUP, Server, folder_with, members_txt, until};
use netns::{Cable, End};
use rustix::process::{Pid, Signal, kill_process};

/// Lines that were acknowledged before the cable is pulled for certain.
const BEFORE: u64 = 50;
/// How far the stream has come at least when it is.
const PULLED: u64 = 150;
const ALL: u64 = 600;
/// What comes after the cable is in again.
const MORE: u64 = 610;

/// What the device uses.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Client {
    Nc,
    /// Stopped before the stream, so that it is the kernels that hold what was sent.
    StoppedNc,
    Browser,
}

/// Browsers have a listener, too; nothing is safe between the two ends.
const WEB: [&str; 2] = ["--web-listen", "10.83.0.1:0"];

/// A server at the near end, somebody there who talks, and whoever is at the far end.
struct Net {
    cable: Cable,
    server: Server,
    talker: Peer,
    /// Behind each message.
    filler: String,
    said: u64,
    answered: u64,
}

impl Net {
    fn lay(filler: usize) -> Option<Net> {
        let cable = Cable::lay();
        let nc = Command::new("nc").arg("-h").stdin(Stdio::null()).stderr(Stdio::null()).status();
        let cable = match (cable, nc) {
            (Ok(cable), Ok(_)) => cable,
            (Err(error), _) | (_, Err(error)) => {
                skip(error);
                return None;
            }
        };
        let server =
            cable.at(End::Near, || Server::at(End::Near.ip(), folder_with(&members_txt(&GROUP)), &WEB));
        let talker = cable.at(End::Near, || Peer::member(server.addr(), "bob@x/-"));
        Some(Net { cable, server, talker, filler: "x".repeat(filler), said: 0, answered: 0 })
    }

    /// Says the messages up to this number.
    fn say_up_to(&mut self, last: u64) {
        for n in self.said + 1..=last {
            self.talker.say(&format!("MSG {n} {}", self.filler));
        }
        self.said = last;
    }

    /// Waits until all is stored that was said.
    fn answers(&mut self) {
        for n in self.answered + 1..=self.said {
            self.talker.expect(&format!("OK MSG {n} <time>"));
        }
        self.answered = self.said;
    }

    /// Whether INFO says that this message has not reached the device.
    fn is_pending(&mut self, n: u64) -> bool {
        self.talker.say(&format!("INFO {n}"));
        let lines = std::iter::from_fn(|| self.talker.line());
        let lines: Vec<String> = lines.take_while(|line| !line.starts_with("OK INFO ")).collect();
        lines.iter().any(|line| line.starts_with("PENDING ann@x "))
    }

    /// Waits until INFO says that this message has reached the device.
    fn until_arrived(&mut self, n: u64) {
        until(&format!("message {n} arrives"), || !self.is_pending(n));
    }

    /// The device at this end, and its process if it is one.
    fn enter(&self, client: Client, end: End) -> (Device, Option<Pid>) {
        match client {
            Client::Nc | Client::StoppedNc => {
                let (device, pid) = self.nc(end);
                (device, Some(pid))
            }
            Client::Browser => {
                let addr = web::web_addr(&self.server);
                (Device::enter(self.cable.at(end, || web::peer(addr))), None)
            }
        }
    }

    fn nc(&self, end: End) -> (Device, Pid) {
        let SocketAddr::V4(addr) = self.server.addr() else { panic!("an IPv4 address") };
        let mut command = Command::new("sh");
        // Its own process id first, so that it can be stopped.
        let script = format!("echo $$; exec nc {} {}", addr.ip(), addr.port());
        let mut peer = self.cable.at(end, || Peer::run(command.args(["-c", &script])));
        let pid = peer.line().and_then(|line| line.parse().ok()).and_then(Pid::from_raw).expect("its id");
        (Device::enter(peer), pid)
    }
}

/// The one device of this test, over one of its connections.
struct Device {
    peer: Peer,
    /// Where it began.
    start: u64,
    /// The last event it was shown.
    shown: u64,
}

impl Device {
    fn enter(mut peer: Peer) -> Device {
        peer.expect("HELLO …");
        peer.say("LOGIN ann@x/laptop ann-secret");
        let line = peer.line().expect("an answer");
        let field = |name: &str| {
            let value = line.split(' ').find_map(|word| word.strip_prefix(name));
            value.and_then(|value| value.parse::<u64>().ok()).expect("a number")
        };
        let start = field("last=") - field("missed=");
        Device { peer, start, shown: start }
    }

    /// Takes events up to this one; each is the next.
    #[track_caller]
    fn take_up_to(&mut self, last: u64) {
        while self.shown < last {
            let n = self.shown + 1;
            self.peer.expect(&format!("MSG {n} <time> bob@x {n} …"));
            self.shown = n;
        }
    }
}

#[track_caller]
fn pulled_in_the_midst_of_a_stream(filler: usize, client: Client) {
    let Some(mut net) = Net::lay(filler) else { return };
    let (mut first, pid) = net.enter(client, End::Far);
    assert_eq!(first.start, 0);
    net.say_up_to(BEFORE);
    first.take_up_to(BEFORE);
    first.peer.fence();
    if let (Client::StoppedNc, Some(pid)) = (client, pid) {
        kill_process(pid, Signal::STOP).expect("it runs");
        net.say_up_to(ALL);
        net.answers();
        net.cable.pull();
        kill_process(pid, Signal::CONT).expect("it is there");
    } else {
        net.say_up_to(ALL);
        first.take_up_to(PULLED);
        net.cable.pull();
        net.answers();
    }
    net.until_arrived(BEFORE);
    let is_pending = net.is_pending(ALL);

    // The cable is still out, and the device comes back by another way.
    let (mut second, _) = net.enter(client, End::Near);
    assert!(BEFORE <= second.start, "acknowledged lines come again from {}", second.start);
    assert!(is_pending || second.start == ALL, "INFO said that all had arrived");
    // No hole: the first connection was shown all before.
    first.take_up_to(second.start);
    second.take_up_to(ALL);
    second.peer.fence();
    net.until_arrived(ALL);

    // The cable is in again: the first goes on where it was, and a third one has nothing to catch up on.
    net.cable.plug();
    let (mut third, _) = net.enter(client, End::Far);
    assert_eq!(third.start, ALL);
    net.say_up_to(MORE);
    for device in [&mut first, &mut second, &mut third] {
        device.take_up_to(MORE);
    }
}

#[test]
fn a_pulled_cable_leaves_no_hole() {
    pulled_in_the_midst_of_a_stream(1000, Client::Nc);
}

#[test]
fn a_pulled_cable_of_one_who_had_stopped_reading_leaves_no_hole() {
    // More than both kernels hold.
    pulled_in_the_midst_of_a_stream(4000, Client::StoppedNc);
}

#[test]
fn a_pulled_cable_of_a_browser_leaves_no_hole() {
    pulled_in_the_midst_of_a_stream(1000, Client::Browser);
}

#[test]
fn a_server_killed_while_the_cable_is_out_leaves_no_hole() {
    let Some(mut net) = Net::lay(100) else { return };
    let (mut first, _) = net.nc(End::Far);
    net.say_up_to(ALL);
    first.take_up_to(BEFORE);
    net.cable.pull();
    net.answers();
    let Net { cable, server, .. } = net;
    let folder = server.into_folder();
    let server = cable.at(End::Near, || Server::at(End::Near.ip(), folder, &[]));
    let mut second = Device::enter(cable.at(End::Near, || Peer::connect(server.addr())));
    first.take_up_to(second.start);
    second.take_up_to(ALL);
}
