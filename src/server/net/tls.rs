//! TLS behind the same small interface as a plain socket: read once, write once, say that no more will come.
//!
//! Nothing here waits, and nothing gathers: plaintext is taken a record at a time, and only when the socket has
//! taken all ciphertext before it. So a peer that does not read costs one record at most, and an idle one what
//! rustls needs for its keys, and 4 KiB for what it reads next.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::sync::Arc;

use log::debug;
use rustls::{ProtocolVersion, ServerConfig, ServerConnection};

use crate::limits::{TLS_CHECKPOINTS_MAX, TLS_HANDSHAKE_MAX, TLS_RECORD_MAX, TLS12_RECORDS_MAX};
use crate::server::net::socket::{ReadOutcome, Socket, origin};

/// The peer's TLS is none.
const BROKE_THE_RULES: ReadOutcome = ReadOutcome::Broken(ErrorKind::InvalidData);

impl Read for Socket<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.stream.read(buf);
            match &read {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == ErrorKind::WouldBlock => *self.readable = false,
                // The end; or the kernel's buffer is empty, and it tells when that changes (epoll(7), Q9).
                Ok(n) if *n == 0 || (*n < buf.len() && !self.short_tells_nothing) => *self.readable = false,
                Ok(_) | Err(_) => {}
            }
            return read;
        }
    }
}

impl Write for Socket<'_> {
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
                Err(error) if error.kind() == ErrorKind::WouldBlock => *self.writable = false,
                Err(_) => {}
                Ok(n) => {
                    // A part taken: the buffer is full, and the kernel tells when that changes.
                    *self.writable = *n == all;
                    #[expect(clippy::cast_possible_truncation, reason = "modulo is what is meant")]
                    {
                        *self.sent = self.sent.wrapping_add(*n as u32);
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

/// What a connection with TLS has beside its socket.
#[derive(Debug)]
pub(in crate::server) struct Tls {
    session: ServerConnection,
    /// Bytes of ciphertext given to the socket, and of plaintext taken for it.
    wire: u64,
    plain: u64,
    checkpoints: Checkpoints,
    /// Bytes that came before the handshake was done.
    hello: usize,
    /// Records of plaintext sent.
    records: u32,
    /// The peer broke the rules: nothing more is read.
    failed: bool,
}

impl Tls {
    /// Waits for a hello.
    pub(in crate::server) fn new(config: Arc<ServerConfig>) -> Result<Tls, rustls::Error> {
        let mut session = ServerConnection::new(config)?;
        session.set_buffer_limit(Some(TLS_RECORD_MAX));
        let checkpoints = Checkpoints::default();
        Ok(Tls { session, wire: 0, plain: 0, checkpoints, hello: 0, records: 0, failed: false })
    }

    /// Nothing that is meant for the peer can be sent yet.
    pub(in crate::server) fn is_handshaking(&self) -> bool {
        self.session.is_handshaking()
    }

    /// Reads the socket once; what that gives comes into `buf`, which may be nothing yet.
    pub(in crate::server) fn read(&mut self, socket: &mut Socket<'_>, buf: &mut [u8]) -> ReadOutcome {
        if let Some(outcome) = self.take(socket, buf) {
            return outcome;
        }
        if self.failed {
            return BROKE_THE_RULES;
        }
        let was_handshaking = self.is_handshaking();
        match self.session.read_tls(socket) {
            Ok(n) if was_handshaking => self.hello += n,
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return ReadOutcome::WouldBlock,
            Err(error) => return ReadOutcome::Broken(error.kind()),
        }
        let processed = self.session.process_new_packets();
        // What TLS itself has to say, an alert too. If that fails so does the next write.
        let _ = self.flush(socket);
        if let Err(why) = processed {
            debug!("TLS failed: {why}: from={}", origin(socket.stream));
            // What was said before that counts, and then it ends.
            (self.failed, *socket.readable) = (true, true);
            return self.take(socket, buf).unwrap_or(BROKE_THE_RULES);
        }
        if was_handshaking && !self.is_handshaking() {
            let (version, kind) = (self.session.protocol_version(), self.session.handshake_kind());
            debug!("TLS handshake done: {version:?} {kind:?} from={}", origin(socket.stream));
        } else if was_handshaking && self.hello > TLS_HANDSHAKE_MAX {
            debug!("TLS failed: a handshake too long: from={}", origin(socket.stream));
            return BROKE_THE_RULES;
        }
        self.take(socket, buf).unwrap_or(ReadOutcome::Bytes(0))
    }

    /// Takes what is decrypted already; `None`: more has to be read first.
    fn take(&mut self, socket: &mut Socket<'_>, buf: &mut [u8]) -> Option<ReadOutcome> {
        match self.session.reader().read(buf) {
            Ok(0) => {
                *socket.readable = false;
                Some(ReadOutcome::Eof)
            }
            Ok(n) => {
                // More may be here already, the end too, of which the kernel tells nothing.
                let rest = self.session.reader().into_first_chunk();
                *socket.readable |= !rest.is_err_and(|why| why.kind() == ErrorKind::WouldBlock);
                Some(ReadOutcome::Bytes(n))
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => None,
            Err(_) if self.is_handshaking() => Some(BROKE_THE_RULES),
            // The end without having said so.
            Err(_) => Some(ReadOutcome::CutOff),
        }
    }

    /// Takes what is to be sent, as fast as the socket takes it encrypted. How many bytes were taken.
    pub(in crate::server) fn write(&mut self, socket: &mut Socket<'_>, bytes: &[u8]) -> io::Result<usize> {
        let mut taken = 0;
        while self.flush(socket)? && *socket.writable && !self.is_handshaking() && taken < bytes.len() {
            if self.session.protocol_version() == Some(ProtocolVersion::TLSv1_2)
                && self.records >= TLS12_RECORDS_MAX
            {
                return Err(io::Error::other("the keys of TLS 1.2 are used up"));
            }
            let n = self.session.writer().write(&bytes[taken..])?;
            taken += n;
            self.plain += n as u64;
            self.records = self.records.saturating_add(1);
        }
        Ok(taken)
    }

    /// Sends what the socket did not take before. Whether all is on its way.
    pub(in crate::server) fn flush(&mut self, socket: &mut Socket<'_>) -> io::Result<bool> {
        while self.session.wants_write() {
            if !*socket.writable {
                return Ok(false);
            }
            match self.session.write_tls(socket) {
                Ok(n) => self.wire += n as u64,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        self.checkpoints.note(self.wire, self.plain);
        Ok(true)
    }

    /// Says that no more will come. Whether that is on its way.
    pub(in crate::server) fn say_end(&mut self, socket: &mut Socket<'_>) -> io::Result<bool> {
        self.session.send_close_notify();
        self.flush(socket)
    }

    /// Bytes given to the socket.
    pub(in crate::server) fn wire(&self) -> u64 {
        self.wire
    }

    /// Of the bytes given to the socket the peer's kernel has so many: how many bytes of plaintext that are, at
    /// least.
    pub(in crate::server) fn acknowledged(&mut self, wire: u64) -> u64 {
        self.checkpoints.acknowledged(wire)
    }
}

/// From bytes on the wire back to plaintext: at some moments everything taken was on its way. Forgetting one of
/// them is safe: less is then known to have arrived than has.
#[derive(Debug, Default)]
struct Checkpoints {
    /// Plaintext that has arrived.
    arrived: u64,
    /// Wire and plaintext, growing, the latest last.
    points: Vec<(u64, u64)>,
}

impl Checkpoints {
    fn note(&mut self, wire: u64, plain: u64) {
        let last = self.points.last().map_or(self.arrived, |&(_, plain)| plain);
        if plain == last {
            return;
        }
        if self.points.len() == TLS_CHECKPOINTS_MAX {
            // The one goes that leaves the smallest gap for how long ago it was. So the last ones are close together,
            // and however much is under way, what is forgotten is in proportion to it.
            let gap = |at: usize| {
                let (before, behind) = (self.points[at - 1].0, self.points[at + 1].0);
                (behind - before).saturating_mul(1024) / (wire - before)
            };
            let at = (1..self.points.len() - 1).min_by_key(|&at| gap(at));
            self.points.remove(at.expect("there are more than two"));
        }
        self.points.push((wire, plain));
    }

    fn acknowledged(&mut self, wire: u64) -> u64 {
        let reached = self.points.partition_point(|&(at, _)| at <= wire);
        if let Some((_, plain)) = self.points.drain(..reached).next_back() {
            self.arrived = plain;
        }
        if self.points.is_empty() {
            // Nearly always. An idle connection owns as little as it can.
            self.points = Vec::new();
        }
        self.arrived
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_arrived_is_known_to_the_write() {
        let mut checkpoints = Checkpoints::default();
        // A handshake brings nothing.
        checkpoints.note(1500, 0);
        assert_eq!(checkpoints.acknowledged(1500), 0);
        checkpoints.note(1622, 100);
        checkpoints.note(1700, 150);
        checkpoints.note(1730, 150);
        let looks = [(1500, 0), (1621, 0), (1622, 100), (1699, 100), (1700, 150), (1730, 150), (9000, 150)];
        for (wire, plain) in looks {
            assert_eq!(checkpoints.acknowledged(wire), plain, "{wire}");
        }
        assert_eq!(checkpoints.points.capacity(), 0);
    }

    #[test]
    fn forgetting_only_ever_says_less() {
        // 22 bytes more on the wire for each 78.
        let mut checkpoints = Checkpoints::default();
        for n in 1..=10_000 {
            checkpoints.note(n * 100, n * 78);
            assert!(checkpoints.points.len() <= TLS_CHECKPOINTS_MAX);
        }
        let mut last = 0;
        for wire in (0..=1_000_000).step_by(100) {
            let plain = checkpoints.acknowledged(wire);
            assert!(plain >= last && plain <= wire / 100 * 78, "{wire}: {plain}");
            // What is taken to be under way is at most three times what is.
            let (under_way, taken_to_be) = (780_000 - wire / 100 * 78, 780_000 - plain);
            assert!(wire < 100 || taken_to_be <= 3 * under_way + 78, "{wire}: {plain}");
            last = plain;
        }
        assert_eq!(last, 780_000);
    }
}
