//! TLS from the receivers' side. It spends as little as it can: no certificate is checked, and what was read is decrypted
//! where it is.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex};

use rustix::net::{RecvFlags, SendFlags, recv, send};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{
    ClientSessionStore, Resumption, Tls12ClientSessionValue, Tls13ClientSessionValue,
    UnbufferedClientConnection,
};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::unbuffered::{ConnectionState, EncodeError, EncryptError, UnbufferedStatus};
use rustls::version::TLS13;
use rustls::{ClientConfig, DigitallySignedStruct, Error, HandshakeKind, NamedGroup, SignatureScheme};

use super::fail;

/// A record of TLS 1.3, its head included.
const RECORD: usize = 5 + (16 << 10) + 256;

/// How a handshake goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Handshake {
    /// As with a server that is not known.
    Full,
    /// With a ticket from a session before.
    Resumed,
}

/// Those who come to one server, and the tickets that it gives them.
#[derive(Clone, Debug)]
pub(crate) struct Visitors {
    config: Arc<ClientConfig>,
    handshake: Handshake,
    tickets: Arc<Mutex<Tickets>>,
}

impl Visitors {
    /// They are new to it.
    pub(crate) fn new() -> Visitors {
        let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(&[&TLS13])
            .expect("ring has suites for it")
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Unchecked))
            .with_no_client_auth();
        Visitors::with(config, Handshake::Full, Arc::default())
    }

    /// The same, with this handshake from now on. A ticket is good for them alone: rustls compares the verifiers.
    pub(crate) fn come(&self, handshake: Handshake) -> Visitors {
        Visitors::with(ClientConfig::clone(&self.config), handshake, Arc::clone(&self.tickets))
    }

    fn with(mut config: ClientConfig, handshake: Handshake, tickets: Arc<Mutex<Tickets>>) -> Visitors {
        let store = Store { tickets: Arc::clone(&tickets), handshake };
        config.resumption = Resumption::store(Arc::new(store));
        Visitors { config: Arc::new(config), handshake, tickets }
    }
}

/// Each of them is used once.
#[derive(derive_more::Debug, Default)]
struct Tickets(#[debug(skip)] Vec<Tls13ClientSessionValue>);

#[derive(Debug)]
struct Store {
    tickets: Arc<Mutex<Tickets>>,
    handshake: Handshake,
}

impl ClientSessionStore for Store {
    fn set_kx_hint(&self, _: ServerName<'static>, _: NamedGroup) {}

    fn kx_hint(&self, _: &ServerName<'_>) -> Option<NamedGroup> {
        None
    }

    fn set_tls12_session(&self, _: ServerName<'static>, _: Tls12ClientSessionValue) {}

    fn tls12_session(&self, _: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        None
    }

    fn remove_tls12_session(&self, _: &ServerName<'static>) {}

    fn insert_tls13_ticket(&self, _: ServerName<'static>, ticket: Tls13ClientSessionValue) {
        self.tickets.lock().expect("nobody panics with it").0.push(ticket);
    }

    fn take_tls13_ticket(&self, _: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        match self.handshake {
            Handshake::Full => None,
            Handshake::Resumed => self.tickets.lock().expect("nobody panics with it").0.pop(),
        }
    }
}

/// Trusts everybody: the server's work is measured, not the client's.
#[derive(Debug)]
struct Unchecked;

impl ServerCertVerifier for Unchecked {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        default_provider().signature_verification_algorithms.supported_schemes()
    }
}

/// TLS over a receiver's socket.
#[derive(derive_more::Debug)]
#[debug("Secure")]
pub(crate) struct Secure {
    tls: UnbufferedClientConnection,
    /// Until the handshake is done: how it has to go, and what is said then.
    before: Option<(Handshake, Vec<u8>)>,
    /// What has come of a record.
    incomplete: Vec<u8>,
}

impl Secure {
    /// Sends its hello. After the handshake it says this.
    pub(crate) fn greet(visitors: &Visitors, socket: &OwnedFd, says: Vec<u8>) -> io::Result<Secure> {
        let name = ServerName::try_from("localhost").expect("a name");
        let config = Arc::clone(&visitors.config);
        let tls = UnbufferedClientConnection::new(config, name).map_err(io::Error::other)?;
        let before = Some((visitors.handshake, says));
        let mut secure = Secure { tls, before, incomplete: Vec::new() };
        secure.advance(socket, &mut [], &mut Vec::new())?;
        Ok(secure)
    }

    /// Reads once, with this memory. Appends the plaintext of it.
    pub(crate) fn read(
        &mut self,
        socket: &OwnedFd,
        bite: &mut [u8],
        plaintext: &mut Vec<u8>,
    ) -> io::Result<()> {
        let kept = self.incomplete.len();
        bite[..kept].copy_from_slice(&self.incomplete);
        let (_, length) = recv(socket, &mut bite[kept..], RecvFlags::empty())?;
        if length == 0 {
            return fail("the connection of a receiver ended");
        }
        let all = &mut bite[..kept + length];
        let done = self.advance(socket, all, plaintext)?;
        self.incomplete.clear();
        self.incomplete.extend_from_slice(&all[done..]);
        if self.incomplete.len() <= RECORD { Ok(()) } else { fail("a record is too long") }
    }

    /// Works through what was received. Returns how much of it is done.
    fn advance(
        &mut self,
        socket: &OwnedFd,
        received: &mut [u8],
        plaintext: &mut Vec<u8>,
    ) -> io::Result<usize> {
        let (mut done, mut out) = (0, Vec::new());
        loop {
            let UnbufferedStatus { discard, state } = self.tls.process_tls_records(&mut received[done..]);
            done += discard;
            match state.map_err(io::Error::other)? {
                ConnectionState::ReadTraffic(mut traffic) => {
                    while let Some(record) = traffic.next_record() {
                        let record = record.map_err(io::Error::other)?;
                        plaintext.extend_from_slice(record.payload);
                        done += record.discard;
                    }
                }
                ConnectionState::EncodeTlsData(mut data) => {
                    if let Err(EncodeError::InsufficientSize(size)) = data.encode(&mut []) {
                        let before = out.len();
                        out.resize(before + size.required_size, 0);
                        data.encode(&mut out[before..]).map_err(io::Error::other)?;
                    }
                }
                ConnectionState::TransmitTlsData(data) => data.done(),
                ConnectionState::WriteTraffic(mut traffic) => {
                    let Some((handshake, says)) = self.before.take() else { break };
                    if let Err(EncryptError::InsufficientSize(size)) = traffic.encrypt(&says, &mut []) {
                        let before = out.len();
                        out.resize(before + size.required_size, 0);
                        traffic.encrypt(&says, &mut out[before..]).map_err(io::Error::other)?;
                    }
                    let kind = self.tls.handshake_kind();
                    let is_right = match handshake {
                        Handshake::Full => kind == Some(HandshakeKind::Full),
                        Handshake::Resumed => kind == Some(HandshakeKind::Resumed),
                    };
                    if !is_right {
                        return fail(format!("a handshake was {kind:?}, and not {handshake:?}"));
                    }
                    break;
                }
                ConnectionState::BlockedHandshake => break,
                state => return fail(format!("TLS ended: {state:?}")),
            }
        }
        if !out.is_empty() && send(socket, &out, SendFlags::NOSIGNAL)? != out.len() {
            return fail("a full socket before anything was read");
        }
        Ok(done)
    }
}
