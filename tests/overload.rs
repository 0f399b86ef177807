//! Too much work: a log that nobody reads, more passwords than can be hashed.

mod common;

use std::io::{ErrorKind, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use chat_room::limits::LOGINS_WAITING_MAX;
use common::disk::skip;
use common::peer::Peer;
use common::read::read_some;
use common::server::{GROUP, PATIENCE, Server, hash_of_cost, members_txt, raise_descriptors};
use rustix::process::Signal;
use socket2::{Domain, Socket, Type};

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
    server.until_logged(" log lines were dropped because their reader was too slow\n");

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
        Guesser::enter_from(addr, 0)
    }

    /// From one of very many addresses.
    fn enter_from(addr: SocketAddr, nth: usize) -> Guesser {
        let from = Ipv4Addr::from_bits(0x7f01_0000 + u32::try_from(nth).expect("few"));
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        socket.bind(&SocketAddr::from((from, 0)).into()).expect("an address of loopback");
        socket.connect(&addr.into()).expect("the server listens");
        let mut guesser = Guesser { stream: socket.into(), heard: Vec::new() };
        guesser.stream.set_nonblocking(true).expect("an option");
        guesser.guess("bob@x");
        guesser
    }

    fn guess(&mut self, mail: &str) {
        self.heard.clear();
        self.stream.write_all(format!("LOGIN {mail} wrong-secret\n").as_bytes()).expect("the server reads");
    }

    /// What has come so far.
    fn hears(&mut self, what: &str) -> bool {
        let mut buf = [0; 512];
        match read_some(&mut self.stream, &mut buf) {
            Ok(n) => self.heard.extend_from_slice(&buf[..n]),
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}"),
        }
        String::from_utf8_lossy(&self.heard).contains(what)
    }
}

/// Whether so many can guess at once, and others be there too. If not, it says so.
fn has_descriptors_for(guessers: usize) -> bool {
    let enough = raise_descriptors() >= guessers + 200;
    if !enough {
        skip("too few descriptors");
    }
    enough
}

#[test]
fn more_passwords_than_can_be_hashed_are_refused_and_those_inside_go_on() {
    let guessers = LOGINS_WAITING_MAX + 76;
    if !has_descriptors_for(guessers) {
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
    assert!(ann.stat("password-queue") > LOGINS_WAITING_MAX as u64 / 2);
    // A member who was here before needs no hash. One who was refused may try again.
    let mut again = Peer::member(server.addr(), "ann@x");
    ann.say("MSG still here");
    ann.expect("OK MSG 1 <time>");
    again.expect("MSG 1 <time> ann@x still here");
    refused.stream.write_all(b"PING again\n").expect("the server reads");
    while !refused.hears("\nOK PING again\n") {
        assert!(Instant::now() < deadline, "who was refused is not served any more");
    }
}

#[test]
fn however_many_addresses_guess_a_member_is_let_in() {
    let count = LOGINS_WAITING_MAX + 76;
    if !has_descriptors_for(count) {
        return;
    }
    // The first member who is guessed at has a cheap hash, the second the most expensive one.
    let members = members_txt(&["ann", "bob"])
        + &format!("cid@x {}\n", hash_of_cost("cid-secret", 38912, 10))
        + &format!("dan@x {}\n", hash_of_cost("dan-secret", 19456, 2));
    let server = Server::with(&members, &[]);
    let mut ann = Peer::member(server.addr(), "ann@x");
    let mut guessers = Vec::new();
    for nth in 0..count {
        let mut guesser = Guesser::enter_from(server.addr(), nth);
        let deadline = Instant::now() + PATIENCE;
        while !guesser.hears("\nERR LOGIN bad-login ") {
            assert!(Instant::now() < deadline, "a guess is not answered");
            // The core is the server's.
            std::thread::sleep(Duration::from_micros(100));
        }
        guessers.push(guesser);
    }
    for guesser in &mut guessers {
        guesser.guess("cid@x");
    }
    ann.until_stat("password-queue", LOGINS_WAITING_MAX as u64 - 10..);
    // No token, nothing that is remembered, and more addresses before it than there are places.
    Peer::member(server.addr(), "dan@x");
    assert!(ann.stat("password-queue") > LOGINS_WAITING_MAX as u64 / 2, "the flood was over too soon");
    assert!(guessers.iter_mut().any(|guesser| guesser.hears("ERR LOGIN busy ")));
}
