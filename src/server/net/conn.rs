//! A connection: its socket, the transport over it, the lines that have come, and how it stands with each direction.

use std::io;
use std::net::Shutdown;

use crate::limits::READ_PER_TURN_BEFORE_LOGIN;
use crate::protocol::framing::Lines;
use crate::room::ConnId;
use crate::server::net::socket::{ReadOutcome, Socket};
use crate::server::net::tcp_info::{TcpInfo, Watch};
use crate::server::net::transport::Transport;

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

/// Where it stands with being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum Reading {
    /// Nothing is to be read, as far as is known.
    Idle,
    /// It stands in a queue of those to be read.
    Queued,
    /// There may be something, but a word of the room's comes first.
    Parked,
}

/// Where it stands with being written to, apart from replies and passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum Sending {
    /// Nothing is known to be outstanding that its socket would take.
    Idle,
    /// It stands in the queue of those whose socket took everything, or takes again.
    Queued,
    /// Nothing at all is written at present: its device is new, and not noted yet.
    Held,
}

/// See the module.
#[derive(Debug)]
pub(in crate::server) struct Conn {
    pub(in crate::server) socket: Socket,
    transport: Transport,
    pub(in crate::server) id: ConnId,
    pub(in crate::server) lines: Lines,
    /// A password of it was right.
    pub(in crate::server) trusted: bool,
    pub(super) reading: Reading,
    pub(super) sending: Sending,
    pub(in crate::server) inflow: Inflow,
    pub(in crate::server) outflow: Outflow,
    /// While bytes are outstanding: since when its kernel has taken none.
    pub(in crate::server) watch: Option<Box<Watch>>,
}

impl Conn {
    pub(in crate::server) fn new(socket: Socket, transport: Transport, id: ConnId, line_max: usize) -> Conn {
        Conn {
            socket,
            transport,
            id,
            lines: Lines::new(line_max),
            trusted: false,
            reading: Reading::Idle,
            sending: Sending::Idle,
            inflow: Inflow::Open,
            outflow: Outflow::Open,
            watch: None,
        }
    }

    /// Whether lines can go both ways: before that nothing can be said, not even why it ends.
    pub(in crate::server) fn is_set_up(&self) -> bool {
        self.transport.is_set_up()
    }

    /// Reads once into `buf`; a stranger's bytes not all of it. Of TLS, nothing may come of what was read.
    pub(in crate::server) fn read(&mut self, buf: &mut [u8]) -> ReadOutcome {
        let max = if self.trusted { buf.len() } else { buf.len().min(READ_PER_TURN_BEFORE_LOGIN) };
        self.transport.read(&mut self.socket, &mut buf[..max])
    }

    /// Sends what the transport holds of earlier writes. Whether more is taken; an error: the connection broke.
    pub(in crate::server) fn flush(&mut self) -> io::Result<bool> {
        let is_sent = self.transport.flush(&mut self.socket)?;
        Ok(is_sent && self.socket.writable && self.transport.is_set_up())
    }

    /// Writes once. How many bytes are on their way; an error: the connection broke.
    pub(in crate::server) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.transport.write(&mut self.socket, bytes)
    }

    /// How many of the `sent` bytes the peer's kernel has acknowledged, at least, and what that is of all that
    /// went into the socket.
    pub(in crate::server) fn acknowledged(&mut self, info: &TcpInfo, sent: u64) -> Acknowledged {
        let wire = self.transport.wire(sent);
        Acknowledged { bytes: self.transport.acknowledged(info.acknowledged(wire)), wire }
    }

    /// Whether it may be written to, if its socket takes it.
    pub(in crate::server) fn may_be_written_to(&self) -> bool {
        self.sending != Sending::Held && matches!(self.outflow, Outflow::Open | Outflow::Leaving)
    }

    /// We have said that no more will come.
    pub(in crate::server) fn has_hung_up(&self) -> bool {
        matches!(self.outflow, Outflow::ShutDown | Outflow::Lingering)
    }

    /// Says that no more will come. Whether that could be said: TLS has words for it, and a full socket takes
    /// none.
    pub(in crate::server) fn shut_down(&mut self) -> bool {
        if matches!(self.transport.say_end(&mut self.socket), Ok(false)) {
            return false;
        }
        // An error means that the peer is gone already: reading will tell.
        let _ = self.socket.stream.shutdown(Shutdown::Write);
        self.outflow = Outflow::ShutDown;
        true
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use mio::net::TcpStream;

    use super::*;

    #[test]
    fn a_stranger_is_read_in_small_pieces() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let mut peer =
            std::net::TcpStream::connect(listener.local_addr().expect("bound")).expect("it listens");
        let (stream, _) = listener.accept().expect("somebody comes");
        peer.write_all(&[b'x'; 10_000]).expect("sent");
        let socket = Socket::new(TcpStream::from_std(stream));
        let mut conn = Conn::new(socket, Transport::Plain, ConnId { slot: 0, serial: 0 }, 4095);
        conn.socket.readable = true;
        let mut buf = vec![0; 16 << 10];
        assert_eq!(conn.read(&mut buf), ReadOutcome::Bytes(READ_PER_TURN_BEFORE_LOGIN));
        assert!(conn.socket.readable, "a read that was kept short leaves something");
        conn.trusted = true;
        assert_eq!(conn.read(&mut buf), ReadOutcome::Bytes(10_000 - READ_PER_TURN_BEFORE_LOGIN));
        assert!(!conn.socket.readable);
    }
}
