//! A TLS session with its buffers, which own memory only while there is something in them. rustls' own connection would
//! keep 4 KiB for the next read of each; so this is its unbuffered one.

use std::io::{self, IoSlice, Read as _, Write as _};
use std::sync::Arc;

use rustls::server::UnbufferedServerConnection;
use rustls::unbuffered::{
    ConnectionState, EncodeError, EncryptError, InsufficientSizeError, UnbufferedStatus,
};
use rustls::{Error, ServerConfig};

use crate::limits::{TLS_INCOMPLETE_MAX, TLS_RECORD_MAX, TLS_RECORD_OVERHEAD};
use crate::protocol::framing::wipe;
use crate::server::net::Socket;

/// See the module. After an error only [`Session::send`] and [`Session::take`] make sense.
#[derive(derive_more::Debug)]
#[debug("Session")]
pub(super) struct Session {
    pub(super) tls: UnbufferedServerConnection,
    /// Received, and not a whole record or handshake message yet.
    incomplete: Vec<u8>,
    /// Decrypted, and not handed on yet.
    decrypted: Vec<u8>,
    /// Ciphertext that the socket has not taken yet.
    outgoing: Vec<u8>,
    /// The peer has sent `close_notify`.
    pub(super) has_ended: bool,
}

/// What to send as soon as TLS allows it.
#[derive(Clone, Copy)]
enum Next<'a> {
    /// Only what TLS sends by itself, for example an alert.
    Nothing,
    /// One record of plaintext.
    Record(&'a [u8]),
    CloseNotify,
}

/// What becomes of a session that works.
enum Step {
    Again,
    /// Until more has come.
    Waits,
}

impl Session {
    pub(super) fn new(config: Arc<ServerConfig>) -> Result<Session, Error> {
        let tls = UnbufferedServerConnection::new(config)?;
        let (incomplete, decrypted, outgoing) = (Vec::new(), Vec::new(), Vec::new());
        Ok(Session { tls, incomplete, decrypted, outgoing, has_ended: false })
    }

    /// Reads ciphertext once, so much at most. Returns how much.
    pub(super) fn receive(&mut self, socket: &mut Socket, most: usize) -> io::Result<usize> {
        let before = self.incomplete.len();
        self.incomplete.resize(before + most, 0);
        let received = socket.read(&mut self.incomplete[before..]);
        self.incomplete.truncate(before + *received.as_ref().unwrap_or(&0));
        if received.is_err() {
            self.incomplete.shrink_to_fit();
        }
        received
    }

    /// Decrypts what was received.
    pub(super) fn process(&mut self) -> Result<(), Error> {
        // There is no more plaintext than that, and growing would leave a copy behind.
        self.decrypted.reserve_exact(self.incomplete.len());
        let processed = self.advance(Next::Nothing);
        self.decrypted.shrink_to_fit();
        processed?;
        // A handshake has a limit of its own.
        if self.incomplete.len() > TLS_INCOMPLETE_MAX && !self.tls.is_handshaking() {
            return Err(Error::PeerSentOversizedRecord);
        }
        Ok(())
    }

    /// Whether there is plaintext.
    pub(super) fn has_plaintext(&self) -> bool {
        !self.decrypted.is_empty()
    }

    /// Hands plaintext on, as much as fits. Returns how much.
    pub(super) fn take(&mut self, buf: &mut [u8]) -> usize {
        let n = self.decrypted.len().min(buf.len());
        buf[..n].copy_from_slice(&self.decrypted[..n]);
        remove(&mut self.decrypted, n);
        n
    }

    /// So much plaintext is going to be encrypted, in records as large as possible: growing would copy the ciphertext.
    pub(super) fn reserve(&mut self, plaintext: usize) {
        self.outgoing.reserve_exact(plaintext + plaintext.div_ceil(TLS_RECORD_MAX) * TLS_RECORD_OVERHEAD);
    }

    /// Encrypts one record of these pieces, of which there is at least one. Returns how much plaintext it took.
    pub(super) fn encrypt(&mut self, pieces: &[IoSlice<'_>]) -> Result<usize, Error> {
        let mut joined = Vec::new();
        let record = match pieces {
            [piece] => piece,
            pieces => {
                for piece in pieces {
                    let room = TLS_RECORD_MAX - joined.len();
                    joined.extend_from_slice(&piece[..piece.len().min(room)]);
                }
                &joined[..]
            }
        };
        let record = &record[..record.len().min(TLS_RECORD_MAX)];
        self.advance(Next::Record(record))?;
        Ok(record.len())
    }

    /// Encrypts `close_notify`, if it was not before.
    pub(super) fn close(&mut self) -> Result<(), Error> {
        self.advance(Next::CloseNotify)
    }

    /// Bytes of ciphertext that the socket has not taken yet.
    pub(super) fn outgoing(&self) -> usize {
        self.outgoing.len()
    }

    /// Gives ciphertext to the socket, once. Returns how much it took.
    pub(super) fn send(&mut self, socket: &mut Socket) -> io::Result<usize> {
        let n = socket.write(&self.outgoing)?;
        self.outgoing.drain(..n);
        self.outgoing.shrink_to_fit();
        Ok(n)
    }

    /// Works through what was received, until more has to come. If plaintext may be sent then, `next` is encrypted.
    fn advance(&mut self, next: Next<'_>) -> Result<(), Error> {
        let mut done = 0;
        let advanced = loop {
            match self.step(next, &mut done) {
                Ok(Step::Again) => {}
                Ok(Step::Waits) => break Ok(()),
                Err(why) => break Err(why),
            }
        };
        if self.has_ended || advanced.is_err() {
            // What follows does not count.
            done = self.incomplete.len();
        }
        // It was decrypted where it is.
        remove(&mut self.incomplete, done);
        // What TLS tells the peer of a failure.
        while advanced.is_err() && self.tls.wants_write() && self.step(Next::Nothing, &mut 0).is_ok() {}
        advanced
    }

    /// `done`: so much of `incomplete` is processed.
    fn step(&mut self, next: Next<'_>, done: &mut usize) -> Result<Step, Error> {
        let UnbufferedStatus { discard, state } = self.tls.process_tls_records(&mut self.incomplete[*done..]);
        *done += discard;
        match state? {
            ConnectionState::ReadTraffic(mut traffic) => {
                while let Some(record) = traffic.next_record() {
                    let record = record?;
                    self.decrypted.extend_from_slice(record.payload);
                    *done += record.discard;
                }
            }
            ConnectionState::EncodeTlsData(mut data) => {
                append(&mut self.outgoing, |to| match data.encode(to) {
                    Err(EncodeError::InsufficientSize(why)) => Err(why),
                    encoded => Ok(encoded.unwrap_or(0)),
                });
            }
            ConnectionState::TransmitTlsData(data) => data.done(),
            ConnectionState::PeerClosed => self.has_ended = true,
            ConnectionState::WriteTraffic(mut traffic) => {
                let mut is_exhausted = false;
                append(&mut self.outgoing, |to| {
                    let written = match next {
                        Next::Nothing => Ok(0),
                        Next::Record(record) => traffic.encrypt(record, to),
                        Next::CloseNotify => traffic.queue_close_notify(to),
                    };
                    written.or_else(|why| match why {
                        EncryptError::InsufficientSize(why) => Err(why),
                        EncryptError::EncryptExhausted => {
                            is_exhausted = true;
                            Ok(0)
                        }
                    })
                });
                return if is_exhausted { Err(Error::EncryptError) } else { Ok(Step::Waits) };
            }
            _ => return Ok(Step::Waits),
        }
        Ok(Step::Again)
    }
}

/// Appends what `write` writes. Given too little room, it says how much it needs.
fn append(to: &mut Vec<u8>, mut write: impl FnMut(&mut [u8]) -> Result<usize, InsufficientSizeError>) {
    let before = to.len();
    if let Err(InsufficientSizeError { required_size, .. }) = write(&mut []) {
        to.resize(before + required_size, 0);
        let written = write(&mut to[before..]).expect("there is as much room as it needs");
        to.truncate(before + written);
    }
}

/// Removes the first bytes, which may be a password.
fn remove(bytes: &mut Vec<u8>, n: usize) {
    let rest = bytes.len() - n;
    bytes.copy_within(n.., 0);
    wipe(&mut bytes[rest..]);
    bytes.truncate(rest);
    bytes.shrink_to_fit();
}
