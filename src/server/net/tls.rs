//! TLS over a socket. Plaintext is taken only when the socket has taken all ciphertext before it: as many records as an empty
//! send buffer takes, or one. So a peer that does not read costs one record at most, and an idle one costs what rustls
//! needs for its keys.

mod session;

use std::io::{self, ErrorKind, IoSlice};
use std::sync::Arc;

use log::debug;
use rustls::{ProtocolVersion, ServerConfig};

use self::session::Session;
use crate::limits::{TLS_HANDSHAKE_MAX, TLS_RECORD_MAX, TLS12_RECORDS_MAX, WRITE_MAX};
use crate::server::net::tcp_info::info;
use crate::server::net::{Checkpoints, ReadOutcome, Socket};

/// What the peer sends is not TLS.
const NOT_TLS: ReadOutcome = ReadOutcome::Broken(ErrorKind::InvalidData);

/// The TLS layer of one connection.
#[derive(Debug)]
pub(in crate::server) struct Tls {
    session: Session,
    /// Bytes of ciphertext given to the socket, and of plaintext taken for it.
    pub(super) wire: u64,
    plain: u64,
    pub(super) checkpoints: Checkpoints,
    /// Bytes received during the handshake.
    handshake_bytes: u32,
    /// Records of plaintext sent.
    records: u32,
    /// Nothing more is read, and this is why.
    end: Option<ReadOutcome>,
}

impl Tls {
    /// Waits for a client hello.
    pub(super) fn new(config: Arc<ServerConfig>) -> Result<Tls, rustls::Error> {
        let (session, checkpoints) = (Session::new(config)?, Checkpoints::default());
        Ok(Tls { session, wire: 0, plain: 0, checkpoints, handshake_bytes: 0, records: 0, end: None })
    }

    /// Whether plaintext cannot be sent yet.
    pub(super) fn is_handshaking(&self) -> bool {
        self.session.tls.is_handshaking()
    }

    /// Reads the socket once. Plaintext goes to `buf`; there may be none yet.
    pub(super) fn read(&mut self, socket: &mut Socket, buf: &mut [u8]) -> ReadOutcome {
        if let Some(outcome) = self.take(socket, buf) {
            return outcome;
        }
        let was_handshaking = self.is_handshaking();
        match self.session.receive(socket, buf.len()) {
            Ok(0) => {
                // Without close_notify.
                let end = if was_handshaking { NOT_TLS } else { ReadOutcome::CutOff };
                return *self.end.insert(end);
            }
            Ok(n) if was_handshaking => self.handshake_bytes += u32::try_from(n).expect("a read is short"),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return ReadOutcome::WouldBlock,
            Err(error) => return ReadOutcome::Broken(error.kind()),
        }
        let processed = self.session.process();
        // TLS may have something to send by itself, for example an alert. If that fails, so will the next write.
        let _ = self.flush(socket);
        if let Err(why) = processed {
            debug!("TLS failed: {why}: from={}", socket.origin());
            // What was sent before that still counts.
            self.end = Some(NOT_TLS);
            return self.take(socket, buf).unwrap_or(NOT_TLS);
        }
        if self.session.has_ended {
            self.end = Some(ReadOutcome::Eof);
        }
        if was_handshaking && !self.is_handshaking() {
            let (version, kind) = (self.session.tls.protocol_version(), self.session.tls.handshake_kind());
            debug!("TLS handshake done: {version:?} {kind:?} from={}", socket.origin());
        } else if was_handshaking && self.handshake_bytes > TLS_HANDSHAKE_MAX {
            debug!("TLS failed: a handshake too long: from={}", socket.origin());
            return NOT_TLS;
        }
        self.take(socket, buf).unwrap_or(ReadOutcome::Bytes(0))
    }

    /// Takes what is already decrypted, or the end. `None`: more has to be read first.
    fn take(&mut self, socket: &mut Socket, buf: &mut [u8]) -> Option<ReadOutcome> {
        if !self.session.has_plaintext() {
            if self.end.is_some() {
                socket.readable = false;
            }
            return self.end;
        }
        let n = self.session.take(buf);
        // There may be more, or the end; the kernel will not report these again.
        socket.readable |= self.session.has_plaintext() || self.end.is_some();
        Some(ReadOutcome::Bytes(n))
    }

    /// Takes plaintext as long as the socket takes the ciphertext. Returns how much.
    pub(super) fn write(&mut self, socket: &mut Socket, mut pieces: &mut [IoSlice<'_>]) -> io::Result<usize> {
        self.check_sound()?;
        let mut taken = 0;
        IoSlice::advance_slices(&mut pieces, 0);
        while self.flush(socket)? && socket.writable && !self.is_handshaking() && !pieces.is_empty() {
            let mut left = self.at_once(socket, pieces);
            self.session.reserve(left);
            while left > 0 {
                let n = self.encrypt(pieces)?;
                IoSlice::advance_slices(&mut pieces, n);
                taken += n;
                left -= n;
            }
        }
        Ok(taken)
    }

    /// Encrypts one record. Returns how much plaintext it took.
    fn encrypt(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        if self.session.tls.protocol_version() == Some(ProtocolVersion::TLSv1_2)
            && self.records >= TLS12_RECORDS_MAX
        {
            return Err(io::Error::other("the keys of TLS 1.2 are used up"));
        }
        let n = self.session.encrypt(pieces).map_err(io::Error::other)?;
        self.plain += n as u64;
        self.records = self.records.saturating_add(1);
        self.checkpoints.record(self.wire + self.session.outgoing() as u64, self.plain);
        Ok(n)
    }

    /// How much of these pieces is encrypted before the socket is given any of it: all of them, or whole records. A call for each
    /// record would cost more than encrypting it.
    fn at_once(&self, socket: &Socket, pieces: &[IoSlice<'_>]) -> usize {
        let all: usize = pieces.iter().map(|piece| piece.len()).sum();
        let is_send_buffer_empty =
            || info(&socket.stream).is_ok_and(|info| info.acknowledged(self.wire) == self.wire);
        let most = if all > TLS_RECORD_MAX && is_send_buffer_empty() { WRITE_MAX } else { TLS_RECORD_MAX };
        all.min(most)
    }

    /// Sends ciphertext that the socket did not take before. Returns whether it has taken all.
    pub(super) fn flush(&mut self, socket: &mut Socket) -> io::Result<bool> {
        while self.session.outgoing() > 0 {
            if !socket.writable {
                return Ok(false);
            }
            match self.session.send(socket) {
                Ok(n) => self.wire += n as u64,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Sends `close_notify`. Returns whether the socket has taken it.
    pub(super) fn say_end(&mut self, socket: &mut Socket) -> io::Result<bool> {
        self.check_sound()?;
        self.session.close().map_err(io::Error::other)?;
        self.flush(socket)
    }

    /// After a failure nothing can be encrypted.
    fn check_sound(&self) -> io::Result<()> {
        if self.end == Some(NOT_TLS) { Err(ErrorKind::InvalidData.into()) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpStream};
    use std::thread;

    use rustls::pki_types::{PrivatePkcs8KeyDer, ServerName};
    use rustls::{ClientConfig, ClientConnection, RootCertStore};
    use socket2::SockRef;

    use super::*;
    use crate::limits::TLS_RECORD_OVERHEAD;
    use crate::server::net::listen::listen;

    /// A connection after its handshake, with its socket as the server's are, and the client's end.
    fn connected() -> (Tls, Socket, TcpStream) {
        let name = "chat.example.org";
        let own = rcgen::generate_simple_self_signed([name.to_owned()]).expect("a certificate");
        let key = PrivatePkcs8KeyDer::from(own.signing_key.serialize_der()).into();
        let mut roots = RootCertStore::empty();
        roots.add(own.cert.der().clone()).expect("a certificate");
        let server = ServerConfig::builder().with_no_client_auth();
        let server = Arc::new(server.with_single_cert(vec![own.cert.der().clone()], key).expect("its key"));
        let client = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let name = ServerName::try_from(name).expect("a name");
        let mut client = ClientConnection::new(Arc::new(client), name).expect("a client");

        let listener = listen((Ipv4Addr::LOCALHOST, 0).into()).expect("a socket");
        let mut stream = TcpStream::connect(listener.local_addr().expect("an address")).expect("connected");
        let mut socket = Socket::new(listener.accept().expect("a connection").0);
        let mut tls = Tls::new(server).expect("a session");
        let client = thread::spawn(move || {
            while client.is_handshaking() {
                client.complete_io(&mut stream).expect("a handshake");
            }
            stream
        });
        SockRef::from(&socket.stream).set_nonblocking(false).expect("a socket");
        while tls.is_handshaking() {
            assert_eq!(tls.read(&mut socket, &mut [0; 4096]), ReadOutcome::Bytes(0));
        }
        SockRef::from(&socket.stream).set_nonblocking(true).expect("a socket");
        (tls, socket, client.join().expect("a handshake"))
    }

    #[test]
    fn a_peer_that_does_not_read_costs_one_record() {
        let (mut tls, mut socket, _reads_nothing) = connected();
        let lines = vec![b'x'; WRITE_MAX];
        let mut writes = Vec::new();
        while socket.writable {
            writes.push(tls.write(&mut socket, &mut [IoSlice::new(&lines)]).expect("sent"));
        }
        assert!(tls.session.outgoing() <= TLS_RECORD_MAX + TLS_RECORD_OVERHEAD, "{writes:?}");
        assert!(writes[0] == WRITE_MAX && writes.len() > 1, "{writes:?}");
    }

    /// There may be very many. Most of it is what rustls has for each session.
    #[test]
    fn a_session_is_small() {
        assert!(size_of::<Tls>() <= 1240, "{} bytes", size_of::<Tls>());
    }
}
