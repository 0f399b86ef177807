//! TLS over a socket: plaintext is taken a record at a time, and only when the socket has
//! taken all ciphertext before it. So a peer that does not read costs one record at most, and an idle one what
//! rustls needs for its keys, and 4 KiB for what it reads next.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::sync::Arc;

use log::debug;
use rustls::{ProtocolVersion, ServerConfig, ServerConnection};

use crate::limits::{TLS_HANDSHAKE_MAX, TLS_RECORD_MAX, TLS12_RECORDS_MAX};
use crate::server::net::checkpoints::Checkpoints;
use crate::server::net::socket::{ReadOutcome, Socket};

/// The peer's TLS is none.
const BROKE_THE_RULES: ReadOutcome = ReadOutcome::Broken(ErrorKind::InvalidData);

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
    pub(in crate::server) fn read(&mut self, socket: &mut Socket, buf: &mut [u8]) -> ReadOutcome {
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
            debug!("TLS failed: {why}: from={}", socket.origin());
            // What was said before that counts, and then it ends.
            (self.failed, socket.readable) = (true, true);
            return self.take(socket, buf).unwrap_or(BROKE_THE_RULES);
        }
        if was_handshaking && !self.is_handshaking() {
            let (version, kind) = (self.session.protocol_version(), self.session.handshake_kind());
            debug!("TLS handshake done: {version:?} {kind:?} from={}", socket.origin());
        } else if was_handshaking && self.hello > TLS_HANDSHAKE_MAX {
            debug!("TLS failed: a handshake too long: from={}", socket.origin());
            return BROKE_THE_RULES;
        }
        self.take(socket, buf).unwrap_or(ReadOutcome::Bytes(0))
    }

    /// Takes what is decrypted already; `None`: more has to be read first.
    fn take(&mut self, socket: &mut Socket, buf: &mut [u8]) -> Option<ReadOutcome> {
        match self.session.reader().read(buf) {
            Ok(0) => {
                socket.readable = false;
                Some(ReadOutcome::Eof)
            }
            Ok(n) => {
                // More may be here already, the end too, of which the kernel tells nothing.
                let rest = self.session.reader().into_first_chunk();
                socket.readable |= !rest.is_err_and(|why| why.kind() == ErrorKind::WouldBlock);
                Some(ReadOutcome::Bytes(n))
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => None,
            Err(_) if self.is_handshaking() => Some(BROKE_THE_RULES),
            // The end without having said so.
            Err(_) => Some(ReadOutcome::CutOff),
        }
    }

    /// Takes what is to be sent, as fast as the socket takes it encrypted. How many bytes were taken.
    pub(in crate::server) fn write(&mut self, socket: &mut Socket, bytes: &[u8]) -> io::Result<usize> {
        let mut taken = 0;
        while self.flush(socket)? && socket.writable && !self.is_handshaking() && taken < bytes.len() {
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
    pub(in crate::server) fn flush(&mut self, socket: &mut Socket) -> io::Result<bool> {
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
        self.checkpoints.note(self.wire, self.plain);
        Ok(true)
    }

    /// Says that no more will come. Whether that is on its way.
    pub(in crate::server) fn say_end(&mut self, socket: &mut Socket) -> io::Result<bool> {
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
