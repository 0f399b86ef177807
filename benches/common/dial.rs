//! How receivers connect.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use super::SEND_BUFFER;

/// Connects the nth receiver, which waits for nothing from then on.
pub(crate) fn dial(nth: usize, server: SocketAddr) -> io::Result<OwnedFd> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    // Without it, Linux lets the buffer grow with the traffic, to another size in each run.
    socket.set_recv_buffer_size(SEND_BUFFER)?;
    // A reset at the end instead of a minute in TIME_WAIT, for which there are not enough ports.
    socket.set_linger(Some(Duration::ZERO))?;
    // Four addresses: with most ports of one in use, connecting would mean searching for a free one.
    let host = u8::try_from(1 + nth % 4).expect("1 to 4");
    socket.bind(&SocketAddr::from((Ipv4Addr::new(127, 0, 0, host), 0)).into())?;
    socket.connect(&server.into())?;
    socket.set_nonblocking(true)?;
    Ok(OwnedFd::from(socket))
}
