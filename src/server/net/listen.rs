//! Makes listening sockets, and finds out how many descriptors there are for connections.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use mio::net::TcpListener;
use rustix::io::{Errno, fcntl_dupfd_cloexec};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use socket2::{Domain, Protocol, Socket, TcpKeepalive, Type};

use crate::limits::{
    BACKLOG, CONNECTIONS_MAX, DESCRIPTOR_RESERVE, DESCRIPTORS_AHEAD, KEEPALIVE_IDLE_MIN,
    KEEPALIVE_INTERVAL_MIN, KEEPALIVE_RETRIES, SEND_BUFFER,
};
use crate::server::net::passed::Passed;

/// Listens at `addr`, also right after a crash.
pub(in crate::server) fn listen(addr: SocketAddr) -> io::Result<TcpListener> {
    begin(bound(addr)?)
}

/// Listens with a socket that is bound, and may listen already. On Linux accepted sockets inherit the options set here (socket(7),
/// tcp(7)), which saves four system calls a connection; a test checks that they do.
pub(super) fn begin(socket: Socket) -> io::Result<TcpListener> {
    socket.set_nonblocking(true)?;
    socket.set_tcp_nodelay(true)?;
    socket.set_send_buffer_size(SEND_BUFFER)?;
    // Urgent data (telnet's Synch, RFC 854) stays in its place; otherwise its last byte would be missing.
    socket.set_out_of_band_inline(true)?;
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE_IDLE_MIN)
        .with_interval(KEEPALIVE_INTERVAL_MIN)
        .with_retries(KEEPALIVE_RETRIES);
    socket.set_tcp_keepalive(&keepalive)?;
    socket.listen(BACKLOG)?;
    Ok(TcpListener::from_std(socket.into()))
}

/// Listens at `addr`, also right after a crash, for a thread of its own, which does not wait in accept.
pub(in crate::server) fn listen_aside(
    addr: SocketAddr,
    passed: &mut Passed,
) -> io::Result<std::net::TcpListener> {
    let socket = passed.take(addr).map_or_else(|| bound(addr), |socket| Ok(socket.into()))?;
    socket.set_nonblocking(true)?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Whether [`listen`] would succeed. It does not listen, so no client connects meanwhile.
pub(in crate::server) fn may_listen(addr: SocketAddr) -> io::Result<()> {
    bound(addr).map(drop)
}

/// `[::]` means all addresses: those of IPv4 on a machine without IPv6, those of both on any other, whatever
/// `net.ipv6.bindv6only` says.
fn bound(addr: SocketAddr) -> io::Result<Socket> {
    let is_all = addr.is_ipv6() && addr.ip().is_unspecified();
    let socket = match Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP)) {
        Err(error) if is_all && error.raw_os_error() == Some(Errno::AFNOSUPPORT.raw_os_error()) => {
            return bound((Ipv4Addr::UNSPECIFIED, addr.port()).into());
        }
        made => made?,
    };
    if is_all {
        socket.set_only_v6(false)?;
    }
    socket.set_reuse_address(true)?;
    socket.bind(&addr.into())?;
    Ok(socket)
}

/// Raises the process's limit of descriptors as far as allowed, and returns how many connections that leaves room for.
pub(in crate::server) fn connections_possible() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let now = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    };
    let now = now.and_then(|now| usize::try_from(now).ok()).unwrap_or(usize::MAX);
    now.saturating_sub(DESCRIPTOR_RESERVE).clamp(1, CONNECTIONS_MAX)
}

/// Has the kernel make its table of our descriptors large enough for this many connections. It would grow by doubling, and
/// in a process with threads each step waits for all of them (`synchronize_rcu`), and the loop with it: 5 to 15 ms.
pub(in crate::server) fn reserve_descriptors(connections: usize) {
    let highest = (connections + DESCRIPTOR_RESERVE).min(DESCRIPTORS_AHEAD) - 1;
    // This takes the lowest free descriptor that is not below, and closes it at once; the table stays. If there is none,
    // the table grows when it must.
    let _ = fcntl_dupfd_cloexec(std::io::stderr(), i32::try_from(highest).expect("below 2^16"));
}

#[cfg(test)]
mod tests {
    use socket2::SockRef;

    use super::*;

    #[test]
    fn accepted_sockets_inherit_the_options() {
        let listener = listen("127.0.0.1:0".parse().expect("an address")).expect("a free port");
        let addr = listener.local_addr().expect("it is bound");
        let _peer = std::net::TcpStream::connect(addr).expect("it listens");
        let accepted = loop {
            match listener.accept() {
                Ok((accepted, _)) => break accepted,
                Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
            }
        };
        let socket = SockRef::from(&accepted);
        assert!(socket.tcp_nodelay().expect("an option"));
        assert!(socket.out_of_band_inline().expect("an option"));
        assert!(socket.keepalive().expect("an option"));
        assert_eq!(socket.tcp_keepalive_time().expect("an option"), KEEPALIVE_IDLE_MIN);
        assert_eq!(socket.tcp_keepalive_retries().expect("an option"), KEEPALIVE_RETRIES);
        // Linux doubles it for its own bookkeeping.
        assert_eq!(socket.send_buffer_size().expect("an option"), 2 * SEND_BUFFER);
    }
}
