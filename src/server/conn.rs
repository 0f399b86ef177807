//! A connection's socket and what is remembered of its readiness: mio tells each change once
//! (edge-triggered), so readiness that was not used up has to be kept.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::Shutdown;

use mio::net::TcpStream;

use super::tcp_info::Watch;
use crate::limits::READ_PER_TURN_STRANGER;
use crate::lines::Lines;
use crate::room::ConnId;

/// What the peer still sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Inflow {
    /// More may come.
    Open,
    /// It has said that no more will come; what it sent before is being worked off.
    Ended,
    /// The room knows.
    Told,
}

/// What we still send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outflow {
    /// More may come.
    Open,
    /// The room will add nothing; what is owed is being sent.
    Leaving,
    /// We have said that no more will come, and wait for the peer to have read it.
    ShutDown,
    /// Nothing can be sent any more; what the peer said before is still worked off.
    Broken,
    /// The socket is of no use; the slot is freed at the end of the turn.
    Dead,
}

/// What a read brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReadOutcome {
    /// So many bytes.
    Bytes(usize),
    /// Nothing at present.
    WouldBlock,
    /// The end.
    Eof,
    /// The connection broke.
    Broken,
}

/// See the module.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "seven facts that vary independently")]
pub(super) struct Conn {
    pub(super) stream: TcpStream,
    pub(super) id: ConnId,
    pub(super) lines: Lines,
    pub(super) readable: bool,
    pub(super) writable: bool,
    /// The kernel has told of the peer's FIN, or of urgent data, before which a read ends: a short read does
    /// not mean that nothing follows.
    pub(super) short_tells_nothing: bool,
    /// Stands in the queue of those to be read.
    pub(super) in_ready: bool,
    /// Stands in the queue of those whose socket took everything, or takes again.
    pub(super) in_resume: bool,
    /// A password of it was right.
    pub(super) trusted: bool,
    /// Nothing is written at present: its device is new, and not noted yet.
    pub(super) is_held: bool,
    pub(super) inflow: Inflow,
    pub(super) outflow: Outflow,
    /// While bytes are outstanding: since when its kernel has taken none.
    pub(super) watch: Option<Box<Watch>>,
    /// Bytes sent, modulo 2³²: whether there was progress.
    pub(super) sent: u32,
}

impl Conn {
    pub(super) fn new(stream: TcpStream, id: ConnId, line_max: usize) -> Conn {
        Conn {
            stream,
            id,
            lines: Lines::new(line_max),
            readable: false,
            // A new socket's buffer is empty: no need to wait for being told so.
            writable: true,
            short_tells_nothing: false,
            in_ready: false,
            in_resume: false,
            trusted: false,
            is_held: false,
            inflow: Inflow::Open,
            outflow: Outflow::Open,
            watch: None,
            sent: 0,
        }
    }

    /// Reads once into `buf`; a stranger's bytes not all of it.
    pub(super) fn read(&mut self, buf: &mut [u8]) -> ReadOutcome {
        let max = if self.trusted { buf.len() } else { buf.len().min(READ_PER_TURN_STRANGER) };
        let buf = &mut buf[..max];
        loop {
            return match self.stream.read(buf) {
                Ok(0) => {
                    self.readable = false;
                    ReadOutcome::Eof
                }
                Ok(n) => {
                    if n < buf.len() && !self.short_tells_nothing {
                        // The kernel's buffer is empty; it tells when that changes (epoll(7), Q9).
                        self.readable = false;
                    }
                    ReadOutcome::Bytes(n)
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.readable = false;
                    ReadOutcome::WouldBlock
                }
                Err(_) => ReadOutcome::Broken,
            };
        }
    }

    /// Writes once. How many bytes are on their way; an error: the connection broke.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            return match self.stream.write(bytes) {
                Ok(n) => {
                    // A part taken: the buffer is full, and the kernel tells when that changes.
                    self.writable = n == bytes.len();
                    #[expect(clippy::cast_possible_truncation, reason = "modulo is what is meant")]
                    {
                        self.sent = self.sent.wrapping_add(n as u32);
                    }
                    Ok(n)
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.writable = false;
                    Ok(0)
                }
                Err(error) => Err(error),
            };
        }
    }

    /// Where it comes from, for the log. The kernel knows; it need not stand here ten thousand times.
    pub(super) fn origin(&self) -> String {
        self.stream.peer_addr().map_or_else(|_| "somewhere".to_owned(), |peer| peer.to_string())
    }

    /// Says that no more will come.
    pub(super) fn shut_down(&mut self) {
        // An error means that the peer is gone already: reading will tell.
        let _ = self.stream.shutdown(Shutdown::Write);
        self.outflow = Outflow::ShutDown;
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
        let mut conn = Conn::new(TcpStream::from_std(stream), ConnId { slot: 0, serial: 0 }, 4096);
        conn.readable = true;
        let mut buf = vec![0; 16 << 10];
        assert_eq!(conn.read(&mut buf), ReadOutcome::Bytes(READ_PER_TURN_STRANGER));
        assert!(conn.readable, "a read that was kept short leaves something");
        conn.trusted = true;
        assert_eq!(conn.read(&mut buf), ReadOutcome::Bytes(10_000 - READ_PER_TURN_STRANGER));
        assert!(!conn.readable);
    }
}
