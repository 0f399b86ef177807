//! More than can be worked off: a log that nobody reads, more passwords than can be hashed.

mod common;

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use chat_room::limits::HASH_QUEUE_MAX;
use common::peer::Peer;
use common::server::{GROUP, PATIENCE, Server, hash_of_cost, members_txt, raise_descriptors};
use rustix::process::Signal;

#[test]
fn a_log_that_nobody_reads_holds_up_nobody_and_the_lost_lines_are_counted() {
    let mut server = Server::with(&members_txt(&GROUP), &["--log-level", "trace"]);
    let gate = server.log_gate();
    let held = gate.lock().expect("nobody panicked");
    let mut ann = Peer::member(server.addr(), "ann@x");
    // Each question is a line of the log: the pipe fills, then the queue before it.
    ann.until_stat("log-lines-dropped", 100..);
    let mut bob = Peer::member(server.addr(), "bob@x");
    ann.say("MSG is anybody there");
    ann.expect("OK MSG 1 <time>");
    bob.expect("MSG 1 <time> ann@x is anybody there");
    assert!(!server.log().contains("dropped"));

    drop(held);
    server.until_logged(" log lines were dropped, their reader was too slow\n");

    // The end does not wait for a reader either.
    let held = gate.lock().expect("nobody panicked");
    let dropped = ann.stat("log-lines-dropped");
    ann.until_stat("log-lines-dropped", dropped + 1..);
    server.signal(Signal::TERM);
    ann.expect("BYE shutdown …");
    bob.expect("BYE shutdown …");
    assert_eq!(server.wait().code(), Some(0));
    drop(held);
}

/// Somebody who tries a wrong password and waits for what comes of it.
struct Guesser {
    stream: TcpStream,
    heard: Vec<u8>,
}

impl Guesser {
    fn enter(addr: SocketAddr) -> Guesser {
        let mut stream = TcpStream::connect(addr).expect("the server listens");
        stream.write_all(b"LOGIN bob@x wrong-secret\n").expect("the server reads");
        stream.set_nonblocking(true).expect("an option");
        Guesser { stream, heard: Vec::new() }
    }

    /// What has come so far.
    fn hears(&mut self, what: &str) -> bool {
        let mut buf = [0; 512];
        match self.stream.read(&mut buf) {
            Ok(n) => self.heard.extend_from_slice(&buf[..n]),
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}"),
        }
        String::from_utf8_lossy(&self.heard).contains(what)
    }
}

#[test]
fn more_passwords_than_can_be_hashed_are_refused_and_those_inside_go_on() {
    let guessers = HASH_QUEUE_MAX + 76;
    if raise_descriptors() < guessers + 200 {
        writeln!(std::io::stderr(), "skipped: too few descriptors").expect("standard error");
        return;
    }
    // The longest that a check may take: the queue fills far faster than it runs empty.
    let members = members_txt(&["ann"]) + &format!("bob@x {}\n", hash_of_cost("bob-secret", 38912, 10));
    let server = Server::with(&members, &[]);
    let mut ann = Peer::member(server.addr(), "ann@x");
    let mut guessers: Vec<Guesser> = (0..guessers).map(|_| Guesser::enter(server.addr())).collect();
    let deadline = Instant::now() + PATIENCE;
    let mut refused = loop {
        if let Some(at) = guessers.iter_mut().position(|guesser| guesser.hears("\nERR LOGIN busy ")) {
            break guessers.swap_remove(at);
        }
        assert!(Instant::now() < deadline, "nobody is refused");
        ann.fence();
    };
    assert!(ann.stat("password-queue") > HASH_QUEUE_MAX as u64 / 2);
    // Who was here before needs no hash. Who was refused may try again.
    let mut again = Peer::member(server.addr(), "ann@x");
    ann.say("MSG still here");
    ann.expect("OK MSG 1 <time>");
    again.expect("MSG 1 <time> ann@x still here");
    refused.stream.write_all(b"PING again\n").expect("the server reads");
    while !refused.hears("\nOK PING again\n") {
        assert!(Instant::now() < deadline, "who was refused is not served any more");
    }
}
