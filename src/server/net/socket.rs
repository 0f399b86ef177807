//! A socket and its remembered readiness. mio reports each change once (edge-triggered), so readiness that was not used up
//! has to be kept.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::SocketAddr;

use mio::net::TcpStream;

/// See the module.
#[derive(Debug)]
pub(in crate::server) struct Socket {
    pub(in crate::server) stream: TcpStream,
    pub(in crate::server) readable: bool,
    pub(in crate::server) writable: bool,
    /// The kernel has reported the peer's FIN, or urgent data, before which a read ends: so a short read does not mean
    /// that nothing follows.
    pub(in crate::server) more_after_short_read: bool,
    /// Bytes sent, modulo 2³²: whether there was progress.
    pub(in crate::server) sent: u32,
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
    /// The end of TCP without the end of TLS: somebody in between may have cut the last line.
    CutOff,
    /// A WebSocket's end: the peer's close, or its mistake. It shows nothing of what comes after that.
    Closed,
    /// The connection broke.
    Broken(ErrorKind),
}

impl Socket {
    pub(in crate::server) fn new(stream: TcpStream) -> Socket {
        // A new socket's send buffer is empty.
        Socket { stream, readable: false, writable: true, more_after_short_read: false, sent: 0 }
    }

    /// The peer's address, for the log. The kernel has it, so it is not kept here for each connection.
    pub(in crate::server) fn origin(&self) -> String {
        self.stream.peer_addr().map_or_else(|_| "somewhere".to_owned(), |peer| canonical(peer).to_string())
    }
}

impl Read for Socket {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.stream.read(buf);
            match &read {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.readable = false,
                // The end; or the kernel's buffer is empty, and the kernel reports when that changes (epoll(7), Q9).
                Ok(n) if *n == 0 || (*n < buf.len() && !self.more_after_short_read) => self.readable = false,
                Ok(_) | Err(_) => {}
            }
            return read;
        }
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        let all: usize = pieces.iter().map(|piece| piece.len()).sum();
        loop {
            let written = match pieces {
                [piece] => self.stream.write(piece),
                pieces => self.stream.write_vectored(pieces),
            };
            match &written {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.writable = false,
                Err(_) => {}
                Ok(n) => {
                    // A part was taken: the buffer is full, and the kernel reports when that changes.
                    self.writable = *n == all;
                    #[expect(clippy::cast_possible_truncation, reason = "modulo is what is meant")]
                    {
                        self.sent = self.sent.wrapping_add(*n as u32);
                    }
                }
            }
            return written;
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The address as the log shows it: an IPv4 address as such, also on a socket that takes both kinds, and an IPv6 address
/// without its zone. So one address looks the same everywhere.
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
