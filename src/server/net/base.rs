//! The lowest layer over a socket: the bytes as they are, or TLS.

use std::io::{self, ErrorKind, IoSlice, Read as _, Write as _};
use std::sync::Arc;

use rustls::ServerConfig;

use crate::server::net::{ReadOutcome, Socket, Tls};

/// See the module.
#[derive(Debug)]
pub(in crate::server) enum Base {
    /// Bytes as they are.
    Plain,
    /// TLS over the socket.
    Tls(Box<Tls>),
}

impl Base {
    /// TLS with this configuration, or plain text.
    pub(super) fn new(tls: Option<&Arc<ServerConfig>>) -> io::Result<Base> {
        Ok(match tls {
            Some(config) => Base::Tls(Box::new(Tls::new(Arc::clone(config)).map_err(io::Error::other)?)),
            None => Base::Plain,
        })
    }

    pub(super) fn is_handshaking(&self) -> bool {
        match self {
            Base::Plain => false,
            Base::Tls(tls) => tls.is_handshaking(),
        }
    }

    pub(super) fn read(&mut self, socket: &mut Socket, buf: &mut [u8]) -> ReadOutcome {
        match self {
            Base::Plain => match socket.read(buf) {
                Ok(0) => ReadOutcome::Eof,
                Ok(n) => ReadOutcome::Bytes(n),
                Err(error) if error.kind() == ErrorKind::WouldBlock => ReadOutcome::WouldBlock,
                Err(error) => ReadOutcome::Broken(error.kind()),
            },
            Base::Tls(tls) => tls.read(socket, buf),
        }
    }

    pub(super) fn flush(&mut self, socket: &mut Socket) -> io::Result<bool> {
        match self {
            Base::Plain => Ok(true),
            Base::Tls(tls) => tls.flush(socket),
        }
    }

    /// Takes these pieces one after the other, as many bytes as the socket takes at present. Returns how many.
    pub(super) fn write(&mut self, socket: &mut Socket, pieces: &mut [IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Base::Plain => match socket.write_vectored(pieces) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
                written => written,
            },
            Base::Tls(tls) => tls.write(socket, pieces),
        }
    }

    pub(super) fn say_end(&mut self, socket: &mut Socket) -> io::Result<bool> {
        match self {
            Base::Plain => Ok(true),
            Base::Tls(tls) => tls.say_end(socket),
        }
    }

    pub(super) fn wire(&self, taken: u64) -> u64 {
        match self {
            Base::Plain => taken,
            Base::Tls(tls) => tls.wire,
        }
    }

    pub(super) fn acknowledged(&mut self, wire: u64) -> u64 {
        match self {
            Base::Plain => wire,
            Base::Tls(tls) => tls.checkpoints.acknowledged(wire),
        }
    }
}
