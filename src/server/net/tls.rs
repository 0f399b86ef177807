//! TLS over a socket. Plaintext is taken a record at a time, and only when the socket has taken all ciphertext before it.
//! So a peer that does not read costs one record at most, and an idle one costs what rustls needs for its keys, and 4 KiB
//! for its next read.

use std::io::{self, ErrorKind, IoSlice, Read as _, Write as _};
use std::sync::Arc;

use log::debug;
use rustls::{ProtocolVersion, ServerConfig, ServerConnection};

use crate::limits::{TLS_HANDSHAKE_MAX, TLS_RECORD_MAX, TLS12_RECORDS_MAX};
use crate::server::net::{Checkpoints, ReadOutcome, Socket};

/// What the peer sends is not TLS.
const NOT_TLS: ReadOutcome = ReadOutcome::Broken(ErrorKind::InvalidData);

/// The TLS layer of one connection.
#[derive(Debug)]
pub(in crate::server) struct Tls {
    session: ServerConnection,
    /// Bytes of ciphertext given to the socket, and of plaintext taken for it.
    pub(super) wire: u64,
    plain: u64,
    pub(super) checkpoints: Checkpoints,
    /// Bytes received during the handshake.
    handshake_bytes: usize,
    /// Records of plaintext sent.
    records: u32,
    /// The peer has sent something that is not TLS: nothing more is read.
    failed: bool,
}

impl Tls {
    /// Waits for a client hello.
    pub(super) fn new(config: Arc<ServerConfig>) -> Result<Tls, rustls::Error> {
        let mut session = ServerConnection::new(config)?;
        session.set_buffer_limit(Some(TLS_RECORD_MAX));
        let checkpoints = Checkpoints::default();
        Ok(Tls { session, wire: 0, plain: 0, checkpoints, handshake_bytes: 0, records: 0, failed: false })
    }

    /// Whether plaintext cannot be sent yet.
    pub(super) fn is_handshaking(&self) -> bool {
        self.session.is_handshaking()
    }

    /// Reads the socket once. Plaintext goes to `buf`; there may be none yet.
    pub(super) fn read(&mut self, socket: &mut Socket, buf: &mut [u8]) -> ReadOutcome {
        if let Some(outcome) = self.take(socket, buf) {
            return outcome;
        }
        if self.failed {
            return NOT_TLS;
        }
        let was_handshaking = self.is_handshaking();
        match self.session.read_tls(socket) {
            Ok(n) if was_handshaking => self.handshake_bytes += n,
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return ReadOutcome::WouldBlock,
            Err(error) => return ReadOutcome::Broken(error.kind()),
        }
        let processed = self.session.process_new_packets();
        // TLS may have something to send by itself, for example an alert. If that fails, so will the next write.
        let _ = self.flush(socket);
        if let Err(why) = processed {
            debug!("TLS failed: {why}: from={}", socket.origin());
            // What was sent before that still counts.
            (self.failed, socket.readable) = (true, true);
            return self.take(socket, buf).unwrap_or(NOT_TLS);
        }
        if was_handshaking && !self.is_handshaking() {
            let (version, kind) = (self.session.protocol_version(), self.session.handshake_kind());
            debug!("TLS handshake done: {version:?} {kind:?} from={}", socket.origin());
        } else if was_handshaking && self.handshake_bytes > TLS_HANDSHAKE_MAX {
            debug!("TLS failed: a handshake too long: from={}", socket.origin());
            return NOT_TLS;
        }
        self.take(socket, buf).unwrap_or(ReadOutcome::Bytes(0))
    }

    /// Takes what is already decrypted. `None`: more has to be read first.
    fn take(&mut self, socket: &mut Socket, buf: &mut [u8]) -> Option<ReadOutcome> {
        match self.session.reader().read(buf) {
            Ok(0) => {
                socket.readable = false;
                Some(ReadOutcome::Eof)
            }
            Ok(n) => {
                // More may be decrypted already, or the end seen; the kernel will not report these again.
                let rest = self.session.reader().into_first_chunk();
                socket.readable |= !rest.is_err_and(|why| why.kind() == ErrorKind::WouldBlock);
                Some(ReadOutcome::Bytes(n))
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => None,
            Err(_) if self.is_handshaking() => Some(NOT_TLS),
            // The end, without close_notify.
            Err(_) => Some(ReadOutcome::CutOff),
        }
    }

    /// Takes plaintext as long as the socket takes the ciphertext. Returns how much.
    pub(super) fn write(&mut self, socket: &mut Socket, mut pieces: &mut [IoSlice<'_>]) -> io::Result<usize> {
        let mut taken = 0;
        IoSlice::advance_slices(&mut pieces, 0);
        while self.flush(socket)? && socket.writable && !self.is_handshaking() && !pieces.is_empty() {
            if self.session.protocol_version() == Some(ProtocolVersion::TLSv1_2)
                && self.records >= TLS12_RECORDS_MAX
            {
                return Err(io::Error::other("the keys of TLS 1.2 are used up"));
            }
            let n = self.session.writer().write_vectored(pieces)?;
            IoSlice::advance_slices(&mut pieces, n);
            taken += n;
            self.plain += n as u64;
            self.records = self.records.saturating_add(1);
        }
        Ok(taken)
    }

    /// Sends ciphertext that the socket did not take before. Returns whether it has taken all.
    pub(super) fn flush(&mut self, socket: &mut Socket) -> io::Result<bool> {
        while self.session.wants_write() {
            if !socket.writable {
                return Ok(false);
            }
            match self.session.write_tls(socket) {
                Ok(n) => self.wire += n as u64,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        self.checkpoints.record(self.wire, self.plain);
        Ok(true)
    }

    /// Sends `close_notify`. Returns whether the socket has taken it.
    pub(super) fn say_end(&mut self, socket: &mut Socket) -> io::Result<bool> {
        self.session.send_close_notify();
        self.flush(socket)
    }
}
