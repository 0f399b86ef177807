//! Ten thousand connections of one member: one message reaches each, and each costs little.

mod common;

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};

use common::peer::Peer;
use common::server::{GROUP, PATIENCE, Server, members_txt, raise_descriptors};

const WANTED: usize = 10_000;
/// Descriptors of this process and of the server that are no such connection.
const OTHERS: usize = 200;
/// What one connection may add to the server's resident memory.
const BYTES_EACH: usize = 1024;

/// As many as wanted, or as many as there may be descriptors.
fn possible() -> usize {
    let limit = raise_descriptors();
    let count = WANTED.min(limit.saturating_sub(OTHERS));
    if count < WANTED {
        writeln!(
            std::io::stderr(),
            "{count} instead of {WANTED} connections: the limit is {limit} descriptors"
        )
        .expect("standard error");
    }
    count
}

/// A connection that is read on demand, without a thread and with a small buffer.
struct Connection(BufReader<TcpStream>);

impl Connection {
    fn open(addr: SocketAddr) -> Connection {
        let stream = TcpStream::connect(addr).expect("the server listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("an option");
        Connection(BufReader::with_capacity(256, stream))
    }

    fn say(&mut self, line: &str) {
        self.0.get_mut().write_all(format!("{line}\n").as_bytes()).expect("the server reads");
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).expect("the server answers");
        line
    }

    #[track_caller]
    fn expect(&mut self, start: &str, end: &str) {
        let line = self.line();
        assert!(line.starts_with(start) && line.ends_with(end), "{line}");
    }
}

fn resident(server: &Server) -> usize {
    let path = format!("/proc/{}/status", server.pid().as_raw_nonzero());
    let status = fs::read_to_string(path).expect("proc is mounted");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line of proc(5)");
    let kib: usize = line.trim().trim_end_matches(" kB").parse().expect("a number");
    kib * 1024
}

#[track_caller]
fn assert_small(server: &Server, before: usize, count: usize, when: &str) {
    let each = resident(server).saturating_sub(before) / count;
    writeln!(std::io::stdout(), "{when}: {each} bytes a connection").expect("standard output");
    assert!(each <= BYTES_EACH, "{when}: {each} bytes a connection");
}

#[test]
fn ten_thousand_hear_one_message() {
    let count = possible();
    let options = ["--max-connections-per-address", "100000"];
    let server = Server::with(&members_txt(&GROUP), &options);
    let mut ann = Peer::member(server.addr(), "ann@x/-");
    // The hash of the first login is paid, its memory is there.
    let mut first = Connection::open(server.addr());
    first.say("LOGIN bob@x bob-secret");
    first.expect("HELLO ", "\n");
    first.expect("OK LOGIN ", "\n");
    let before = resident(&server);

    let mut connections: Vec<Connection> = (0..count - 1).map(|_| Connection::open(server.addr())).collect();
    for connection in &mut connections {
        connection.expect("HELLO ", "\n");
        connection.say("LOGIN bob@x bob-secret");
    }
    for connection in &mut connections {
        connection.expect("OK LOGIN bob@x role=member last=0 ", "\n");
    }
    connections.push(first);
    assert_eq!(ann.stat("logged-in"), count as u64 + 1);
    assert_small(&server, before, count, "all logged in");

    ann.say("MSG to all of you");
    ann.expect("OK MSG 1 <time>");
    for connection in &mut connections {
        connection.expect("MSG 1 ", " ann@x to all of you\n");
    }
    for connection in &mut connections {
        connection.say("PING anything else");
    }
    for connection in &mut connections {
        connection.expect("OK PING anything else\n", "");
    }
    assert_small(&server, before, count, "all served");

    drop(connections);
    ann.until_stat("connections", 1..=1);
    ann.fence();
}
