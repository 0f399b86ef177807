//! The layers between a socket and lines. Each has the same few calls: read once, flush, write once, end; and it knows
//! how many bytes it gave to the socket for the bytes of lines that it took, and how many of these were acknowledged.
//! Nothing here waits or buffers: what a transport does not take stays in the outbox.
//!
//! The next layer is one more variant: `Web(Box<Web>)`, where `Web` holds the `Transport` below it. Its calls end in
//! calls of the same name below, its frames have [checkpoints] of their own, and while its upgrade is under way
//! [`Transport::is_handshaking`], so that the room hears of the connection when lines can begin.
//!
//! [checkpoints]: crate::server::net::checkpoints

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::sync::Arc;

use rustls::ServerConfig;

use crate::server::net::{ReadOutcome, Socket, Tls};

/// See the module.
#[derive(Debug)]
pub(in crate::server) enum Transport {
    /// Lines as they are. Costs a connection a null pointer.
    Plain,
    /// TLS over the socket.
    Tls(Box<Tls>),
}

impl Transport {
    /// TLS with this configuration, or plain text.
    pub(in crate::server) fn new(tls: Option<&Arc<ServerConfig>>) -> io::Result<Transport> {
        Ok(match tls {
            Some(config) => Transport::Tls(Box::new(Tls::new(Arc::clone(config)).map_err(io::Error::other)?)),
            None => Transport::Plain,
        })
    }

    /// Whether it cannot carry lines yet. Nothing can be sent, not even a reason for the end.
    pub(in crate::server) fn is_handshaking(&self) -> bool {
        match self {
            Transport::Plain => false,
            Transport::Tls(tls) => tls.is_handshaking(),
        }
    }

    /// Reads the socket once. Bytes of lines go to `buf`; there may be none yet.
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

    /// Sends what it holds of earlier writes. Returns whether the socket has taken all of it.
    pub(in crate::server) fn flush(&mut self, socket: &mut Socket) -> io::Result<bool> {
        match self {
            Transport::Plain => Ok(true),
            Transport::Tls(tls) => tls.flush(socket),
        }
    }

    /// Takes bytes of lines, as many as the socket takes at present. Returns how many.
    pub(in crate::server) fn write(&mut self, socket: &mut Socket, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Transport::Plain => match socket.write(bytes) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
                written => written,
            },
            Transport::Tls(tls) => tls.write(socket, bytes),
        }
    }

    /// Sends its own end, if it has one. Returns whether the socket has taken that.
    pub(in crate::server) fn say_end(&mut self, socket: &mut Socket) -> io::Result<bool> {
        match self {
            Transport::Plain => Ok(true),
            Transport::Tls(tls) => tls.say_end(socket),
        }
    }

    /// Bytes given to the socket so far, when `taken` bytes of lines were taken.
    pub(in crate::server) fn wire(&self, taken: u64) -> u64 {
        match self {
            Transport::Plain => taken,
            Transport::Tls(tls) => tls.wire(),
        }
    }

    /// The peer's kernel has acknowledged `wire` bytes. Returns how many bytes of lines that is, at least.
    pub(in crate::server) fn acknowledged(&mut self, wire: u64) -> u64 {
        match self {
            Transport::Plain => wire,
            Transport::Tls(tls) => tls.acknowledged(wire),
        }
    }
}
