//! Many hostile unauthenticated connections at once, against the real server: members notice nothing, and a member still
//! logs in.

mod common;

use std::io::{ErrorKind, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread::sleep;
use std::time::{Duration, Instant};

use common::peer::Peer;
use common::read::read_some;
use common::server::{GROUP, PATIENCE, Server, hash_of_cost, members_txt};
use fastrand::Rng;
use socket2::{Domain, SockRef, Socket, Type};

/// Connects from this address of the machine's loopback.
fn connect(addr: SocketAddr, host: u8) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.bind(&SocketAddr::from(([127, 0, 0, host], 0)).into()).expect("an address of loopback");
    socket.connect(&addr.into()).expect("the server listens");
    socket.into()
}

#[test]
fn a_byte_now_and_then_saves_no_connection_and_members_notice_nothing() {
    let server = Server::with(&members_txt(&GROUP), &["--login-timeout", "2"]);
    let mut ann = Peer::member(server.addr(), "ann@x");
    let mut slow: Vec<(TcpStream, Vec<u8>)> =
        (0..240).map(|n| (connect(server.addr(), 2 + n % 50), Vec::new())).collect();
    for (stream, _) in &slow {
        stream.set_nonblocking(true).expect("an option");
    }
    let deadline = Instant::now() + PATIENCE;
    while !slow.is_empty() {
        assert!(Instant::now() < deadline, "{} are still there", slow.len());
        slow.retain_mut(|(stream, heard)| {
            // A connection that was closed learns so when it reads.
            let _ = stream.write(b"L");
            let mut buf = [0; 512];
            match read_some(stream, &mut buf) {
                Ok(len) if len > 0 => heard.extend_from_slice(&buf[..len]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                // Writing after the end brings a reset.
                Ok(_) | Err(_) => {
                    let heard = String::from_utf8_lossy(heard);
                    assert!(heard.contains("\nBYE login-timeout "), "{heard}");
                    return false;
                }
            }
            true
        });
        let mut bob = Peer::member(server.addr(), "bob@x");
        bob.say("QUIT");
        bob.expect("OK QUIT");
        ann.fence();
        sleep(Duration::from_millis(50));
    }
    ann.until_stat("connections", 1..=1);
    assert_eq!((ann.stat("refused-full"), ann.stat("put-out")), (0, 0));
}

#[test]
fn a_flood_of_wrong_passwords_keeps_no_member_out() {
    let members = members_txt(&["ann", "bob"]) + &format!("cid@x {}\n", hash_of_cost("cid-secret", 19456, 2));
    let server = Server::with(&members, &[]);
    let mut ann = Peer::member(server.addr(), "ann@x");
    let token = ann.word_of("TOKEN");
    Peer::member(server.addr(), "bob@x/-");
    // Some address's turn always comes before the flood is worked off.
    let mut guessers: Vec<TcpStream> = Vec::new();
    for n in 0..200 {
        let mut guesser = connect(server.addr(), 2 + n % 20);
        guesser
            .write_all(b"LOGIN cid@x wrong-secret\nLOGIN nobody@x wrong-secret\n")
            .expect("the kernel takes it");
        guessers.push(guesser);
    }
    ann.until_stat("password-queue", 20..);
    let mut back = Peer::connect(server.addr());
    back.expect("HELLO …");
    back.say(&format!("RESUME ann@x/- {token}"));
    back.expect("OK RESUME ann@x …");
    Peer::member(server.addr(), "bob@x/-");
    assert!(ann.stat("password-queue") > 0, "the flood was over too soon to show anything");
    Peer::member(server.addr(), "cid@x/-");
    ann.fence();
}

/// Any bytes, some of which look like something.
fn garbage(rng: &mut Rng) -> Vec<u8> {
    const PIECES: [&[u8]; 12] = [
        b"LOGIN ",
        b"RESUME ann@x ",
        b"MSG ",
        b"\n",
        b"\r\n",
        b"\xff\xfa",
        b"\xff\xff",
        b"\x16\x03\x01",
        b"GET / HTTP/1.1\r\n",
        b"\0\0\0\0",
        b"\x1b[2J",
        b"ADD eve@x eve-secret\n",
    ];
    let mut bytes = Vec::new();
    for _ in 0..rng.usize(1..200) {
        if rng.bool() {
            bytes.extend_from_slice(PIECES[rng.usize(..PIECES.len())]);
        } else {
            bytes.extend((0..rng.usize(0..60)).map(|_| rng.u8(..)));
        }
    }
    bytes
}

#[test]
fn garbage_of_any_kind_and_end_leaves_nothing_behind() {
    let server = Server::start();
    let mut ann = Peer::member(server.addr(), "ann@x");
    let before = server.members_text();
    let mut rng = Rng::with_seed(7);
    for round in 0..240 {
        let mut stream = connect(server.addr(), 2 + round % 20);
        // The server may have had enough of it before all is written.
        let _ = stream.write_all(&garbage(&mut rng));
        match round % 3 {
            0 => SockRef::from(&stream).set_linger(Some(Duration::ZERO)).expect("an option"),
            1 => {
                let _ = stream.shutdown(Shutdown::Write);
            }
            _ => {}
        }
        if round % 30 == 0 {
            ann.fence();
        }
    }
    ann.until_stat("connections", 1..=1);
    ann.fence();
    assert_eq!(server.members_text(), before);
    assert_eq!(ann.stat("events-last-minute"), 0);
}
