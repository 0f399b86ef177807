//! A connection's socket and what is remembered of its readiness: mio tells each change once
//! (edge-triggered), so readiness that was not used up has to be kept.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::Shutdown;

use mio::net::TcpStream;

use crate::limits::READ_PER_TURN_BEFORE_LOGIN;
use crate::protocol::framing::Lines;
use crate::room::ConnId;
use crate::server::net::socket::{ReadOutcome, Socket, origin};
use crate::server::net::tcp_info::{TcpInfo, Watch};
use crate::server::net::tls::Tls;

/// What the peer still sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum Inflow {
    /// More may come.
    Open,
    /// It has said that no more will come; what it sent before is being worked off.
    Ended,
    /// The room knows.
    Told,
}

/// What we still send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum Outflow {
    /// More may come.
    Open,
    /// The room will add nothing; what is owed is being sent.
    Leaving,
    /// We have said that no more will come; what has arrived is still to be learned.
    ShutDown,
    /// Nothing more can be learned; the peer has a moment to read and to end, too.
    Lingering,
    /// Nothing can be sent any more; what the peer said before is still worked off.
    Broken,
    /// Nothing is read or written any more; the slot is freed at the end of the turn.
    Closed,
}

/// What the peer's kernel has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) struct Acknowledged {
    /// Of the bytes that [`Conn::write`] took.
    pub(in crate::server) bytes: u64,
    /// Bytes that went into the socket, acknowledged or not.
    pub(in crate::server) wire: u64,
}

/// See the module.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "seven facts that vary independently")]
pub(in crate::server) struct Conn {
    pub(in crate::server) stream: TcpStream,
    /// `None`: plain text.
    tls: Option<Box<Tls>>,
    pub(in crate::server) id: ConnId,
    pub(in crate::server) lines: Lines,
    pub(in crate::server) readable: bool,
    pub(in crate::server) writable: bool,
    /// The kernel has told of the peer's FIN, or of urgent data, before which a read ends: a short read does
    /// not mean that nothing follows.
    pub(in crate::server) short_tells_nothing: bool,
    /// Stands in the queue of those to be read.
    pub(in crate::server) in_ready: bool,
    /// Counts as queued, but waits for a word of the room's.
    pub(in crate::server) is_parked: bool,
    /// Stands in the queue of those whose socket took everything, or takes again.
    pub(in crate::server) in_resume: bool,
    /// A password of it was right.
    pub(in crate::server) trusted: bool,
    /// Nothing is written at present: its device is new, and not noted yet.
    pub(in crate::server) is_held: bool,
    pub(in crate::server) inflow: Inflow,
    pub(in crate::server) outflow: Outflow,
    /// While bytes are outstanding: since when its kernel has taken none.
    pub(in crate::server) watch: Option<Box<Watch>>,
    /// Bytes sent, modulo 2³²: whether there was progress.
    pub(in crate::server) sent: u32,
}

impl Conn {
    pub(in crate::server) fn new(stream: TcpStream, tls: Option<Tls>, id: ConnId, line_max: usize) -> Conn {
        Conn {
            stream,
            tls: tls.map(Box::new),
            id,
            lines: Lines::new(line_max),
            readable: false,
            // A new socket's buffer is empty: no need to wait for being told so.
            writable: true,
            short_tells_nothing: false,
            in_ready: false,
            is_parked: false,
            in_resume: false,
            trusted: false,
            is_held: false,
            inflow: Inflow::Open,
            outflow: Outflow::Open,
            watch: None,
            sent: 0,
        }
    }

    /// The socket, and what stands between it and the bytes that are meant.
    fn parts(&mut self) -> (Socket<'_>, Option<&mut Tls>) {
        let socket = Socket {
            stream: &self.stream,
            readable: &mut self.readable,
            writable: &mut self.writable,
            short_tells_nothing: self.short_tells_nothing,
            sent: &mut self.sent,
        };
        (socket, self.tls.as_deref_mut())
    }

    /// Its TLS is not set up yet: nothing can be said, not even why it ends.
    pub(in crate::server) fn is_handshaking(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.is_handshaking())
    }

    /// Reads once into `buf`; a stranger's bytes not all of it. Of TLS, nothing may come of what was read.
    pub(in crate::server) fn read(&mut self, buf: &mut [u8]) -> ReadOutcome {
        let max = if self.trusted { buf.len() } else { buf.len().min(READ_PER_TURN_BEFORE_LOGIN) };
        let buf = &mut buf[..max];
        match self.parts() {
            (mut socket, Some(tls)) => tls.read(&mut socket, buf),
            (mut socket, None) => match socket.read(buf) {
                Ok(0) => ReadOutcome::Eof,
                Ok(n) => ReadOutcome::Bytes(n),
                Err(error) if error.kind() == ErrorKind::WouldBlock => ReadOutcome::WouldBlock,
                Err(error) => ReadOutcome::Broken(error.kind()),
            },
        }
    }

    /// Sends what TLS holds of earlier writes. Whether more is taken; an error: the connection broke.
    pub(in crate::server) fn flush(&mut self) -> io::Result<bool> {
        match self.parts() {
            (mut socket, Some(tls)) => {
                Ok(tls.flush(&mut socket)? && *socket.writable && !tls.is_handshaking())
            }
            (socket, None) => Ok(*socket.writable),
        }
    }

    /// Writes once. How many bytes are on their way; an error: the connection broke.
    pub(in crate::server) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.parts() {
            (mut socket, Some(tls)) => tls.write(&mut socket, bytes),
            (mut socket, None) => match socket.write(bytes) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
                written => written,
            },
        }
    }

    /// How many of the `sent` bytes the peer's kernel has acknowledged, at least, and what that is of all that
    /// went into the socket.
    pub(in crate::server) fn acknowledged(&mut self, info: &TcpInfo, sent: u64) -> Acknowledged {
        match &mut self.tls {
            Some(tls) => {
                Acknowledged { bytes: tls.acknowledged(info.acknowledged(tls.wire())), wire: tls.wire() }
            }
            None => Acknowledged { bytes: info.acknowledged(sent), wire: sent },
        }
    }

    /// We have said that no more will come.
    pub(in crate::server) fn has_hung_up(&self) -> bool {
        matches!(self.outflow, Outflow::ShutDown | Outflow::Lingering)
    }

    /// Where it comes from, for the log. The kernel knows; it need not stand here ten thousand times.
    pub(in crate::server) fn origin(&self) -> String {
        origin(&self.stream)
    }

    /// Says that no more will come. Whether that could be said: TLS has words for it, and a full socket takes
    /// none.
    pub(in crate::server) fn shut_down(&mut self) -> bool {
        if let (mut socket, Some(tls)) = self.parts()
            && matches!(tls.say_end(&mut socket), Ok(false))
        {
            return false;
        }
        // An error means that the peer is gone already: reading will tell.
        let _ = self.stream.shutdown(Shutdown::Write);
        self.outflow = Outflow::ShutDown;
        true
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_stranger_is_read_in_small_pieces() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let mut peer =
            std::net::TcpStream::connect(listener.local_addr().expect("bound")).expect("it listens");
        let (stream, _) = listener.accept().expect("somebody comes");
        peer.write_all(&[b'x'; 10_000]).expect("sent");
        let mut conn = Conn::new(TcpStream::from_std(stream), None, ConnId { slot: 0, serial: 0 }, 4095);
        conn.readable = true;
        let mut buf = vec![0; 16 << 10];
        assert_eq!(conn.read(&mut buf), ReadOutcome::Bytes(READ_PER_TURN_BEFORE_LOGIN));
        assert!(conn.readable, "a read that was kept short leaves something");
        conn.trusted = true;
        assert_eq!(conn.read(&mut buf), ReadOutcome::Bytes(10_000 - READ_PER_TURN_BEFORE_LOGIN));
        assert!(!conn.readable);
    }
}
