//! What plain text and TLS both go over: a socket, what a read of it brings, and where it comes from.

use std::io::ErrorKind;
use std::net::SocketAddr;

use mio::net::TcpStream;

/// A socket and what is remembered of its readiness, for as long as one call takes.
pub(in crate::server) struct Socket<'a> {
    pub(in crate::server) stream: &'a TcpStream,
    pub(in crate::server) readable: &'a mut bool,
    pub(in crate::server) writable: &'a mut bool,
    /// A short read does not mean that nothing follows.
    pub(in crate::server) short_tells_nothing: bool,
    /// Bytes sent, modulo 2³².
    pub(in crate::server) sent: &'a mut u32,
}

/// What a read brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum ReadOutcome {
    /// So many bytes.
    Bytes(usize),
    /// Nothing at present.
    WouldBlock,
    /// The end.
    Eof,
    /// The end, but TLS was not told of it: whoever is in between may have cut the last line.
    CutOff,
    /// The connection broke, for this reason.
    Broken(ErrorKind),
}

/// The other end of a socket, for the log.
pub(in crate::server) fn origin(stream: &TcpStream) -> String {
    stream.peer_addr().map_or_else(|_| "somewhere".to_owned(), |peer| canonical(peer).to_string())
}

/// An IPv4 address as such, also on a socket that takes both kinds, and an IPv6 address without its zone: in the log
/// one address looks the same everywhere.
pub(in crate::server) fn canonical(addr: SocketAddr) -> SocketAddr {
    SocketAddr::new(addr.ip().to_canonical(), addr.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_looks_the_same_everywhere() {
        for (addr, shown) in [
            ("192.0.2.1:4711", "192.0.2.1:4711"),
            ("[::ffff:192.0.2.1]:4711", "192.0.2.1:4711"),
            ("[fe80::1%7]:4711", "[fe80::1]:4711"),
        ] {
            assert_eq!(canonical(addr.parse().expect("an address")).to_string(), shown);
        }
    }
}
