//! A connection: its socket, the transport over it, the lines received, and the state of each direction.

use std::io;
use std::net::Shutdown;

use crate::limits::READ_PER_TURN_BEFORE_LOGIN;
use crate::protocol::Bye;
use crate::protocol::framing::Lines;
use crate::room::ConnId;
use crate::server::net::{ReadOutcome, Socket, Transport, Watch};

/// What the peer may still send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum Inflow {
    /// More may come.
    Open,
    /// It has ended its side; lines that it sent before are still to be taken.
    Ended,
    /// The room knows of the end.
    Reported,
}

/// What we may still send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum Outflow {
    /// More may come.
    Open,
    /// The room adds nothing; what is owed is being sent.
    Leaving,
    /// We have sent FIN; acknowledgements are still to come.
    ShutDown,
    /// Acknowledgements do not matter any more; the peer has a moment to read and to end its side.
    Lingering,
    /// Nothing can be sent any more; lines that the peer sent before are still taken.
    Broken,
    /// Nothing is read or written any more; the slot is freed at the end of the turn.
    Closed,
}

/// Whether it is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum Reading {
    /// Not as far as is known.
    Idle,
    /// It is in a queue to be read.
    Queued,
    /// It is not in a queue, and not read either, until the room wakes it.
    Parked,
}

/// Whether it is to be written to, apart from replies and passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum Sending {
    /// Not as far as is known.
    Idle,
    /// It is in the queue: its socket is writable again, or took everything and there is more.
    Queued,
    /// Nothing at all is written: its device is new, and not recorded yet.
    Held,
}

/// See the module.
#[derive(Debug)]
pub(in crate::server) struct Conn {
    pub(in crate::server) socket: Socket,
    pub(in crate::server) transport: Transport,
    pub(in crate::server) id: ConnId,
    pub(in crate::server) lines: Lines,
    /// It has sent a right password or token.
    pub(in crate::server) trusted: bool,
    pub(super) reading: Reading,
    pub(super) sending: Sending,
    pub(in crate::server) inflow: Inflow,
    pub(in crate::server) outflow: Outflow,
    /// While bytes are outstanding: since when none were acknowledged.
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

    /// Whether it cannot carry lines yet.
    pub(in crate::server) fn is_handshaking(&self) -> bool {
        self.transport.is_handshaking()
    }

    /// Reads once into `buf`; before login only a part of it. TLS may give nothing yet for what was read.
    pub(in crate::server) fn read(&mut self, buf: &mut [u8]) -> ReadOutcome {
        let max = if self.trusted { buf.len() } else { buf.len().min(READ_PER_TURN_BEFORE_LOGIN) };
        self.transport.read(&mut self.socket, &mut buf[..max])
    }

    /// Sends what the transport holds of earlier writes. Returns whether more can be written.
    pub(in crate::server) fn flush(&mut self) -> io::Result<bool> {
        let is_sent = self.transport.flush(&mut self.socket)?;
        Ok(is_sent && self.socket.writable && !self.transport.is_handshaking())
    }

    /// The time in which lines had to begin is over: somebody who sends a request slowly is told.
    pub(in crate::server) fn give_up(&mut self) {
        self.transport.give_up(&mut self.socket);
    }

    /// Writes once. Returns how many bytes were taken.
    pub(in crate::server) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.transport.write(&mut self.socket, bytes)
    }

    /// Whether its socket may have something to be read.
    pub(in crate::server) fn may_be_read(&self) -> bool {
        self.socket.readable && self.inflow == Inflow::Open
    }

    /// Whether it is in the sending queue.
    pub(in crate::server) fn is_queued(&self) -> bool {
        self.sending == Sending::Queued
    }

    /// Whether it may be written to, if its socket takes it.
    pub(in crate::server) fn may_be_written_to(&self) -> bool {
        self.sending != Sending::Held && matches!(self.outflow, Outflow::Open | Outflow::Leaving)
    }

    /// We have sent FIN.
    pub(in crate::server) fn has_shut_down(&self) -> bool {
        matches!(self.outflow, Outflow::ShutDown | Outflow::Lingering)
    }

    /// Sends the transport's own end, then FIN. `why` is what the peer was told. Returns false if a full socket does not take
    /// the former.
    pub(in crate::server) fn shut_down(&mut self, why: Option<Bye>) -> bool {
        if matches!(self.transport.say_end(&mut self.socket, why), Ok(false)) {
            return false;
        }
        if self.transport.has_closed() {
            // The peer has ended its lines, but not TCP: what still comes is dropped until it does.
            self.inflow = Inflow::Open;
        }
        // An error means that the peer is gone: reading will tell.
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
    use crate::server::net::transport::Layers;

    /// There may be a million of them. In a release mio keeps less for each.
    #[test]
    fn a_connection_is_small() {
        assert!(size_of::<Conn>() <= 120, "{} bytes", size_of::<Conn>());
        // What a WebSocket costs more: with what an allocation costs itself, 48 bytes.
        assert!(size_of::<Layers>() <= 40, "{} bytes", size_of::<Layers>());
    }

    #[test]
    fn before_login_little_is_read_at_a_time() {
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
