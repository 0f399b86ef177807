//! One connection of the bare loop: a bare socket, or rustls over it, used as its documentation shows.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::event::{PollFd, PollFlags, poll};
use rustls::crypto::ring::{Ticketer, default_provider};
use rustls::server::NoServerSessionStorage;
use rustls::version::TLS13;
use rustls::{ServerConfig, ServerConnection};

use super::fail;

/// What the loop says first.
const GREETING: &[u8] = b"HELLO raw limit\n";

/// See the module.
#[derive(Debug)]
pub(super) struct Peer {
    socket: TcpStream,
    tls: Option<Box<ServerConnection>>,
    /// Bytes of the batch that a bare socket has taken.
    sent: usize,
}

/// What came from it.
#[derive(Debug)]
pub(super) enum Heard {
    Nothing,
    Bytes(usize),
    End,
}

impl Peer {
    /// It is greeted at once.
    pub(super) fn bare(socket: OwnedFd) -> io::Result<Peer> {
        let mut peer = Peer { socket: socket.into(), tls: None, sent: 0 };
        peer.say(GREETING)?;
        Ok(peer)
    }

    /// It is greeted after the handshake.
    pub(super) fn with_tls(socket: OwnedFd, config: &Arc<ServerConfig>) -> io::Result<Peer> {
        let mut tls = ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
        // A batch is encrypted at once, and goes in one call.
        tls.set_buffer_limit(None);
        Ok(Peer { socket: socket.into(), tls: Some(Box::new(tls)), sent: 0 })
    }

    /// Reads once.
    pub(super) fn hear(&mut self, to: &mut [u8]) -> io::Result<Heard> {
        let heard = |length| if length == 0 { Heard::End } else { Heard::Bytes(length) };
        let Some(tls) = &mut self.tls else { return self.socket.read(to).map(heard) };
        let was_handshaking = tls.is_handshaking();
        if tls.read_tls(&mut self.socket)? == 0 {
            return Ok(Heard::End);
        }
        tls.process_new_packets().map_err(io::Error::other)?;
        if was_handshaking && !tls.is_handshaking() {
            tls.writer().write_all(GREETING)?;
        }
        while tls.wants_write() {
            tls.write_tls(&mut self.socket)?;
        }
        match tls.reader().read(to) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(Heard::Nothing),
            read => read.map(heard),
        }
    }

    pub(super) fn say(&mut self, line: &[u8]) -> io::Result<()> {
        if self.write(line)? { Ok(()) } else { fail("a full socket before anything was written") }
    }

    /// Begins to write these bytes. Returns whether the kernel has taken all.
    pub(super) fn write(&mut self, batch: &[u8]) -> io::Result<bool> {
        self.sent = 0;
        if let Some(tls) = &mut self.tls {
            tls.writer().write_all(batch)?;
        }
        self.write_rest(batch)
    }

    fn write_rest(&mut self, batch: &[u8]) -> io::Result<bool> {
        let written = match &mut self.tls {
            None => self.socket.write(&batch[self.sent..]),
            Some(tls) => tls.write_tls(&mut self.socket),
        };
        match written {
            Ok(length) => self.sent += length,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        Ok(self.tls.as_ref().map_or(self.sent == batch.len(), |tls| !tls.wants_write()))
    }

    /// Waits until the kernel has taken the rest of them. Returns the number of writes.
    pub(super) fn finish(&mut self, batch: &[u8]) -> io::Result<u64> {
        for writes in 1.. {
            poll(&mut [PollFd::new(&self.socket, PollFlags::OUT)], None)?;
            if self.write_rest(batch)? {
                return Ok(writes);
            }
        }
        unreachable!("there is no end of numbers")
    }
}

impl AsFd for Peer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// As the server's: a key of the same kind, one ticket, and nothing kept of a session.
pub(super) fn config() -> io::Result<Arc<ServerConfig>> {
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).map_err(io::Error::other)?;
    let key = own.signing_key.serialize_der().try_into().map_err(io::Error::other)?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[&TLS13])
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_single_cert(vec![own.cert.into()], key)
        .map_err(io::Error::other)?;
    config.ticketer = Ticketer::new().map_err(io::Error::other)?;
    config.send_tls13_tickets = 1;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(Arc::new(config))
}
