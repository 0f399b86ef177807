//! Silent connections stay open, however many fall silent together. On a small scale, with shorter times, over a line that
//! drops bursts as a loopback interface does; skipped without root, `ip` or `tc`.
//!
//! `SILENT_CONNECTIONS=19000` for so many with the server's own times, over this machine's loopback: five minutes.

mod common;
#[path = "common/netns.rs"]
mod netns;

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::thread::sleep;
use std::time::{Duration, Instant};

use chat_room::server::net::tcp_info;
use common::disk::skip;
use common::peer::Peer;
use common::server::{GROUP, PATIENCE, Server, folder_with, members_txt, raise_descriptors};
use netns::{Cable, End};
use rustix::process::{PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};
use socket2::{SockRef, TcpKeepalive};

/// Many connections of one member who say nothing, and an admin.
struct Crowd {
    ann: Peer,
    silent: Vec<BufReader<TcpStream>>,
}

impl Crowd {
    fn enter(addr: SocketAddr, count: usize) -> Crowd {
        let ann = Peer::member(addr, "ann@x/-");
        let silent = (0..count).map(|_| {
            let stream = TcpStream::connect(addr).expect("the server listens");
            stream.set_read_timeout(Some(PATIENCE)).expect("an option");
            let mut peer = BufReader::with_capacity(256, stream);
            peer.get_mut().write_all(b"LOGIN bob@x bob-secret\n").expect("the server reads");
            expect(&mut peer, "HELLO ");
            expect(&mut peer, "OK LOGIN bob@x ");
            peer
        });
        Crowd { silent: silent.collect(), ann }
    }

    /// One message, which all of them get: from now on they are silent.
    #[track_caller]
    fn say(&mut self, seq: u64) {
        self.ann.say("MSG to all of you");
        self.ann.expect(&format!("OK MSG {seq} <time>"));
        for peer in &mut self.silent {
            expect(peer, &format!("MSG {seq} "));
        }
    }

    #[track_caller]
    fn assert_all_here(&mut self) {
        let (here, ended) = (self.ann.stat("logged-in"), self.ann.stat("timed-out"));
        assert_eq!((here, ended), (self.silent.len() as u64 + 1, 0), "here, and timed out");
    }
}

#[track_caller]
fn expect(peer: &mut BufReader<TcpStream>, start: &str) {
    let mut line = String::new();
    peer.read_line(&mut line).expect("the server goes on");
    assert!(line.starts_with(start), "{line:?}");
}

const OPTIONS: [&str; 4] = ["--max-connections-per-address", "100000", "--history", "none"];

/// The server's own sockets of its connections.
fn sockets_of(server: &Server) -> io::Result<Vec<TcpStream>> {
    let process = pidfd_open(server.pid(), PidfdFlags::empty())?;
    let mut sockets = Vec::new();
    for entry in fs::read_dir(format!("/proc/{}/fd", server.pid().as_raw_nonzero()))? {
        let Ok(number) = entry?.file_name().to_string_lossy().parse() else { continue };
        let stream = TcpStream::from(pidfd_getfd(&process, number, PidfdGetfdFlags::empty())?);
        if stream.peer_addr().is_ok() {
            sockets.push(stream);
        }
    }
    Ok(sockets)
}

#[test]
fn thousands_who_fall_silent_together_live_on() {
    const COUNT: usize = 3000;
    /// Packets of 66 bytes: a quarter of what is sent at once if all have the same time. In shorter times are fewer whole
    /// seconds, and a sixth has the same.
    const QUEUE: usize = COUNT / 4 * 66;
    /// How many times shorter than the server's the times are: of silence, and between probes.
    const SHORTER: (u32, u32) = (20, 10);

    if raise_descriptors() < 2 * COUNT + 200 {
        return skip("there are too few descriptors");
    }
    let cable = match Cable::lay() {
        Ok(cable) => cable,
        Err(error) => return skip(error),
    };
    let folder = folder_with(&members_txt(&GROUP));
    let server = cable.at(End::Near, || Server::at(End::Near.ip(), folder, &OPTIONS));
    let addr = server.addr();
    let mut crowd = cable.at(End::Far, || Crowd::enter(addr, COUNT));
    let sockets = match sockets_of(&server) {
        Ok(sockets) => sockets,
        Err(error) => return skip(error),
    };
    assert_eq!(sockets.len(), COUNT + 1);
    let mut same = BTreeMap::<(Duration, Duration), usize>::new();
    for socket in &sockets {
        let socket = SockRef::from(socket);
        let idle = socket.tcp_keepalive_time().expect("an option");
        let interval = socket.tcp_keepalive_interval().expect("an option");
        *same.entry((idle, interval)).or_default() += 1;
        let times = TcpKeepalive::new().with_time(idle / SHORTER.0).with_interval(interval / SHORTER.1);
        socket.set_tcp_keepalive(&times.with_retries(2)).expect("an option");
    }
    assert!(same.values().all(|&count| count < 15), "{same:?}");

    crowd.say(1);
    if let Err(error) = cable.narrow(End::Far, QUEUE) {
        return skip(error);
    }
    // Until each was probed and has answered, or was given up. All were heard before, and nothing else is heard.
    let began = Instant::now();
    let waits = |socket: &TcpStream| {
        let info = tcp_info::info(socket).expect("a socket");
        !info.is_closed && info.last_heard >= began.elapsed()
    };
    while sockets.iter().any(waits) {
        assert!(began.elapsed() < PATIENCE, "somebody is not even probed");
        sleep(Duration::from_millis(100));
    }
    cable.widen(End::Far);
    drop(sockets);
    crowd.assert_all_here();
    crowd.say(2);
}

#[test]
fn five_minutes_of_silence() {
    const SILENCE: Duration = Duration::from_secs(5 * 60);
    let Ok(count) = std::env::var("SILENT_CONNECTIONS") else {
        return skip("this takes minutes, and needs SILENT_CONNECTIONS");
    };
    let count = count.parse().expect("a number");
    assert!(raise_descriptors() > count + 100, "there are too few descriptors");
    let server = Server::with(&members_txt(&GROUP), &OPTIONS);
    let mut crowd = Crowd::enter(server.addr(), count);
    crowd.say(1);
    sleep(SILENCE);
    crowd.assert_all_here();
    crowd.say(2);
    let told = writeln!(io::stdout(), "{count} were silent for {} s, all are here", SILENCE.as_secs());
    told.expect("standard output");
}
