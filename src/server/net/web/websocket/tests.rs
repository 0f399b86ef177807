//! What is known to have arrived, and what is kept for it.

use std::io::Read as _;
use std::net::{TcpListener, TcpStream};

use super::*;

fn pair() -> (Socket, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let peer = TcpStream::connect(listener.local_addr().expect("bound")).expect("it listens");
    let (stream, _) = listener.accept().expect("somebody comes");
    let mut socket = Socket::new(mio::net::TcpStream::from_std(stream));
    socket.writable = true;
    (socket, peer)
}

/// Allocations that all connections have at the same moment stay with the process.
#[test]
fn who_is_written_to_now_and_then_keeps_numbers_only() {
    let (mut socket, mut peer) = pair();
    let mut web = WebSocket::new(Base::Plain, 0);
    for n in 1..=3 {
        assert_eq!(web.write(&mut socket, b"MSG\n").expect("it takes all"), 4);
        assert!(web.busy.is_none());
        assert_eq!(web.acknowledged(6 * n - 1), 4 * (n - 1), "a part of a message counts for nothing");
        peer.read_exact(&mut [0; 6]).expect("it has come");
    }
    assert_eq!((web.acknowledged(18), web.unarrived), (12, 0));
}

#[test]
fn with_more_under_way_each_message_counts() {
    let (mut socket, mut peer) = pair();
    let mut web = WebSocket::new(Base::Plain, 0);
    web.write(&mut socket, b"1\n").expect("it takes all");
    // Nothing is asked: the test says what has arrived.
    web.keep_checkpoints();
    web.write(&mut socket, b"2\n").expect("it takes all");
    web.add_pongs(b"\x8a\x00");
    assert!(web.flush(&mut socket).expect("it takes all"));
    web.write(&mut socket, b"half").expect("it takes all");
    for (wire, lines) in [(3, 0), (4, 2), (7, 2), (8, 4), (10, 4), (16, 4)] {
        assert_eq!(web.acknowledged(wire), lines, "{wire}");
    }
    web.write(&mut socket, b" a line\n").expect("it takes all");
    assert_eq!((web.acknowledged(25), web.acknowledged(26)), (4, 16));
    assert!(web.busy.is_none());
    let mut all = [0; 26];
    peer.read_exact(&mut all).expect("it has come");
    assert_eq!(&all[..], b"\x81\x021\n\x81\x022\n\x8a\x00\x01\x04half\x80\x08 a line\n");
}

/// The answer to a ping comes after a message, and is not waited for.
#[test]
fn a_pong_does_not_hold_up_the_message_before_it() {
    let (mut socket, _peer) = pair();
    let mut web = WebSocket::new(Base::Plain, 0);
    web.write(&mut socket, b"1\n").expect("it takes all");
    web.add_pongs(b"\x8a\x00");
    assert!(web.flush(&mut socket).expect("it takes all"));
    assert_eq!(web.acknowledged(4), 2);
}
