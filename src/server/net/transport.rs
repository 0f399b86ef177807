//! What is between a socket and lines. Each transport has the same few calls: read once, flush, write once, say that no
//! more will come; and it knows how many bytes it gave to the socket for the bytes of lines that it took, and how many
//! of these have arrived. Nothing here waits or gathers: what a transport does not take stays in the outbox.
//!
//! Transports are layers. The next one is one more variant here that holds the one it lies over, `Web(Box<Web>)` with a
//! `Transport` in `Web`: its calls end in calls of the same name below, its frames have [checkpoints] of their own, and
//! [`Transport::is_set_up`] says when its lines can begin, which is when the room hears of the connection.
//!
//! [checkpoints]: crate::server::net::checkpoints

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::sync::Arc;

use rustls::ServerConfig;

use crate::server::net::socket::{ReadOutcome, Socket};
use crate::server::net::tls::Tls;

/// See the module.
#[derive(Debug)]
pub(in crate::server) enum Transport {
    /// Lines are what is on the wire. Costs a connection nothing but a null pointer.
    Plain,
    /// TLS over the socket.
    Tls(Box<Tls>),
}

impl Transport {
    /// With TLS as this configuration says, or plain text.
    pub(in crate::server) fn new(tls: Option<&Arc<ServerConfig>>) -> io::Result<Transport> {
        Ok(match tls {
            Some(config) => Transport::Tls(Box::new(Tls::new(Arc::clone(config)).map_err(io::Error::other)?)),
            None => Transport::Plain,
        })
    }

    /// Whether lines can go both ways. Before that nothing can be said, not even why it ends.
    pub(in crate::server) fn is_set_up(&self) -> bool {
        match self {
            Transport::Plain => true,
            Transport::Tls(tls) => !tls.is_handshaking(),
        }
    }

    /// Reads the socket once. What that gives comes into `buf`, which may be nothing yet.
    pub(in crate::server) fn read(&mut self, socket: &mut Socket, buf: &mut [u8]) -> ReadOutcome {
        match self {
            Transport::Plain => match socket.read(buf) {
                Ok(0) => ReadOutcome::Eof,
                Ok(n) => ReadOutcome::Bytes(n),
                Err(error) if error.kind() == ErrorKind::WouldBlock => ReadOutcome::WouldBlock,
                Err(error) => ReadOutcome::Broken(error.kind()),
            },
            Transport::Tls(tls) => tls.read(socket, buf),
        }
    }

    /// Sends what it holds of earlier writes. Whether all of it is on its way; an error: the connection broke.
    pub(in crate::server) fn flush(&mut self, socket: &mut Socket) -> io::Result<bool> {
        match self {
            Transport::Plain => Ok(true),
            Transport::Tls(tls) => tls.flush(socket),
        }
    }

    /// Takes bytes of lines, as many as can be on their way at once. How many; an error: the connection broke.
    pub(in crate::server) fn write(&mut self, socket: &mut Socket, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Transport::Plain => match socket.write(bytes) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
                written => written,
            },
            Transport::Tls(tls) => tls.write(socket, bytes),
        }
    }

    /// Says in its own words that no more will come, if it has any. Whether that is on its way.
    pub(in crate::server) fn say_end(&mut self, socket: &mut Socket) -> io::Result<bool> {
        match self {
            Transport::Plain => Ok(true),
            Transport::Tls(tls) => tls.say_end(socket),
        }
    }

    /// Bytes given to the socket so far; `taken` bytes of lines were taken for them.
    pub(in crate::server) fn wire(&self, taken: u64) -> u64 {
        match self {
            Transport::Plain => taken,
            Transport::Tls(tls) => tls.wire(),
        }
    }

    /// Of the bytes given to the socket the peer's kernel has `wire`: how many bytes of lines that are, at least.
    pub(in crate::server) fn acknowledged(&mut self, wire: u64) -> u64 {
        match self {
            Transport::Plain => wire,
            Transport::Tls(tls) => tls.acknowledged(wire),
        }
    }
}
