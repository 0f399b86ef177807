//! Connections of whoever does not speak our protocol, and addresses for other programs.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};

use socket2::{Domain, Socket, Type};

use super::server::PATIENCE;

/// Takes an address for as long as the socket is there: the kernel gives its port to nobody who asks for any. It refuses
/// connections until somebody listens there who is told the number and sets `SO_REUSEADDR`, as all do that listen.
pub(crate) fn hold(addr: SocketAddr) -> io::Result<Socket> {
    let held = Socket::new(Domain::for_address(addr), Type::STREAM, None)?;
    held.set_reuse_address(true)?;
    held.bind(&addr.into())?;
    Ok(held)
}

/// Where nobody listens, and nobody will who is not told of it.
pub(crate) fn free_addr() -> SocketAddr {
    let held = hold((Ipv4Addr::LOCALHOST, 0).into()).expect("a free port");
    let addr = held.local_addr().ok().and_then(|addr| addr.as_socket()).expect("it is bound");
    // For as long as the test runs.
    std::mem::forget(held);
    addr
}

pub(crate) fn connect(addr: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(addr).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("an option");
    stream
}

/// Sends a request, and reads what comes to the end.
#[track_caller]
pub(crate) fn ask(addr: SocketAddr, request: &str) -> String {
    let mut stream = connect(addr);
    stream.write_all(request.as_bytes()).expect("somebody reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer and the end");
    answer
}
