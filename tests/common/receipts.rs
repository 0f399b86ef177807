//! What a device that breaks off has: with TLS or as a browser, all that its kernel acknowledged, and the rest comes again.

use std::net::{SocketAddr, TcpStream};

use socket2::{Domain, Socket, Type};

use crate::common::peer::{OnDemand, Peer};
use crate::common::server::{PATIENCE, Server};

/// Connects, but the kernel takes little for who does not read. The segments are small, too: one that does not fit the buffer
/// waits for the kernel's slow clock.
pub(crate) fn narrow(addr: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None).expect("a socket");
    socket.set_recv_buffer_size(16 << 10).expect("an option");
    socket.set_tcp_mss(1000).expect("an option");
    socket.connect(&addr.into()).expect("it listens");
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE)).expect("an option");
    stream
}

/// Resets a device's connection twice: when it has everything, and when most is under way. `in_between` puts on the wire what is
/// no event.
pub(crate) fn a_device_misses_nothing<D: OnDemand>(
    server: &Server,
    open: impl Fn() -> D,
    open_narrow: impl FnOnce() -> D,
    in_between: impl Fn(&mut D),
    reset: impl Fn(D),
) {
    let mut ann = Peer::member(server.addr(), "ann@x");
    let mut bob = open();
    bob.expect("HELLO …");
    bob.login("bob@x/phone");
    for n in 1..=100 {
        ann.say(&format!("MSG number {n}"));
        ann.expect(&format!("OK MSG {n} <time>"));
        bob.expect(&format!("MSG {n} <time> ann@x number {n}"));
        if n % 10 == 0 {
            in_between(&mut bob);
        }
    }
    // All of it was acknowledged: no byte more or less of what is made of it on the wire.
    server.until_noted("bob@x/phone", 100);
    ann.say("INFO 100");
    for line in ["PENDING cid@x …", "PENDING dan@x …", "PENDING eve@x …", "OK INFO 100 delivered=1 pending=3"]
    {
        ann.expect(line);
    }
    reset(bob);

    // Of what is lost on the way nothing is missing, and what is repeated has its own number.
    let mut bob = open_narrow();
    bob.expect("HELLO …");
    bob.say("LOGIN bob@x/phone bob-secret");
    bob.expect("OK LOGIN bob@x role=member last=100 missed=0 …");
    let text = "y".repeat(3000);
    for n in 101..=300 {
        ann.say(&format!("MSG {n} {text}"));
        ann.expect(&format!("OK MSG {n} <time>"));
    }
    bob.expect(&format!("MSG 101 <time> ann@x 101 {text}"));
    reset(bob);
    let mut bob = open();
    bob.expect("HELLO …");
    bob.say("LOGIN bob@x/phone bob-secret");
    let told = bob.line().expect("an answer");
    let missed = told.split(' ').find_map(|word| word.strip_prefix("missed=")).expect("a field");
    let missed: usize = missed.parse().expect("a number");
    // Some was in the kernels' buffers, and most was not.
    assert!((100..=200).contains(&missed), "{told}");
    for n in 301 - missed..=300 {
        bob.expect(&format!("MSG {n} <time> ann@x {n} {text}"));
    }
    bob.fence();
    assert_eq!(ann.stat("cut-lagging"), 0);
}
