//! TLS over an open socket: a half that reads and a half that writes, for two threads. Between them stands only
//! rustls' state, locked while bytes are encrypted or decrypted and never while the network is waited for.
//!
//! Whether the server is the right one: with `--ca`, what that authority vouches for. Else a server that was met
//! before has to be known by the same as then. Met for the first time it is trusted and remembered: as one that the
//! system's authorities vouch for, or by its fingerprint. That the other side holds the certificate's key is
//! checked in all cases.

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::ring::default_provider;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, OtherError, RootCertStore,
    SignatureScheme,
};
use socket2::SockRef;

use super::known::{self, Known, Trusted};
use crate::fingerprint::Fingerprint;

/// Bytes read from the socket at once; rustls takes no more at a time.
const READ_SIZE: usize = 4096;

/// A connection over which TLS is agreed.
pub(super) struct Secured {
    pub(super) reader: Reader,
    pub(super) writer: Writer,
    /// A sentence for the person: the server was met for the first time, and is remembered so.
    pub(super) news: Option<String>,
}

/// Agrees on TLS with `server`, HOST:PORT, over a socket that blocks; its timeouts hold. `ca`: the only authorities
/// that are trusted. An error of the kind `PermissionDenied`: the server is not trusted, and will not be another time.
pub(super) fn secure(socket: &TcpStream, server: &str, ca: Option<&Path>) -> io::Result<Secured> {
    let host = server.rsplit_once(':').map_or(server, |(host, _)| host);
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| io::Error::new(ErrorKind::InvalidInput, format!("{host} is no name for TLS")))?;
    let provider = Arc::new(default_provider());
    let verifier = Arc::new(Verifier::new(server, ca, &provider)?);
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring has suites for both versions")
        .dangerous()
        .with_custom_certificate_verifier(Arc::<Verifier>::clone(&verifier))
        .with_no_client_auth();
    // Every session shows its certificate.
    config.resumption = Resumption::disabled();
    let mut session = ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)?;
    session.complete_io(&mut &*socket).map_err(told)?;
    // Only now it is sure that the server holds the key of what it has shown.
    let news = verifier.remember()?;
    let session = Arc::new(Mutex::new(session));
    let reader = Reader {
        session: Arc::clone(&session),
        socket: socket.try_clone()?,
        buffer: Box::new([0; READ_SIZE]),
        unread: 0..0,
    };
    let writer = Writer { session, socket: socket.try_clone()?, unsent: Vec::new() };
    Ok(Secured { reader, writer, news })
}

/// An error of the handshake as a person would say it.
fn told(why: io::Error) -> io::Error {
    let inner = why.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match inner {
        Some(rustls::Error::InvalidCertificate(CertificateError::Other(refused))) => {
            io::Error::new(ErrorKind::PermissionDenied, refused.0.to_string())
        }
        Some(rustls::Error::InvalidCertificate(error)) => {
            io::Error::new(ErrorKind::PermissionDenied, format!("its certificate is not trusted: {error}"))
        }
        Some(rustls::Error::InvalidMessage(_)) => {
            io::Error::new(ErrorKind::InvalidData, "what answers there does not speak TLS")
        }
        Some(error) => io::Error::new(ErrorKind::InvalidData, format!("TLS failed: {error}")),
        None => why,
    }
}

fn lock(session: &Mutex<ClientConnection>) -> MutexGuard<'_, ClientConnection> {
    session.lock().expect("nobody panics while holding it")
}

/// The half that reads.
pub(super) struct Reader {
    session: Arc<Mutex<ClientConnection>>,
    socket: TcpStream,
    buffer: Box<[u8; READ_SIZE]>,
    /// The part of the buffer that rustls has not taken yet.
    unread: std::ops::Range<usize>,
}

impl Read for Reader {
    /// As of a socket. The end that the server did not say is an error: somebody in between may have cut.
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        loop {
            match lock(&self.session).reader().read(buf) {
                Err(why) if why.kind() == ErrorKind::WouldBlock => {}
                Err(why) if why.kind() == ErrorKind::UnexpectedEof => {
                    return Err(io::Error::new(why.kind(), "it was cut"));
                }
                read => return read,
            }
            if self.unread.is_empty() {
                self.unread = 0..self.socket.read(&mut self.buffer[..])?;
            }
            let mut session = lock(&self.session);
            // Of nothing rustls takes that it is the end. What it has to answer leaves with the next line.
            self.unread.start += session.read_tls(&mut &self.buffer[self.unread.clone()])?;
            session.process_new_packets().map_err(|why| io::Error::new(ErrorKind::InvalidData, why))?;
        }
    }
}

/// The half that writes. Dropped, it says that no more will come.
pub(super) struct Writer {
    session: Arc<Mutex<ClientConnection>>,
    socket: TcpStream,
    /// Encrypted, and not taken by the socket.
    unsent: Vec<u8>,
}

impl Writer {
    fn send(&mut self) -> io::Result<()> {
        while !self.unsent.is_empty() {
            match self.socket.write(&self.unsent) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(n) => drop(self.unsent.drain(..n)),
                Err(why) if why.kind() == ErrorKind::Interrupted => {}
                Err(why) => return Err(why),
            }
        }
        Ok(())
    }
}

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.send()?;
        let mut session = lock(&self.session);
        let n = session.writer().write(bytes)?;
        while session.wants_write() {
            session.write_tls(&mut self.unsent)?;
        }
        drop(session);
        self.send()?;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.send()
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let Ok(mut session) = self.session.lock() else { return };
        session.send_close_notify();
        let mut end = std::mem::take(&mut self.unsent);
        while session.wants_write() && session.write_tls(&mut end).is_ok() {}
        // If the socket does not take that, the end comes without it.
        let _ = SockRef::from(&self.socket).send_with_flags(&end, libc::MSG_DONTWAIT);
    }
}

/// Why a certificate is refused, in a sentence.
#[derive(Debug)]
struct Refused(String);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refused {}

/// Decides about certificates.
#[derive(Debug)]
struct Verifier {
    provider: Arc<CryptoProvider>,
    server: String,
    /// `None`: there is none, and so none that vouches.
    authorities: Option<Arc<WebPkiServerVerifier>>,
    /// `None`: authorities alone decide.
    memory: Option<Memory>,
}

/// What was remembered of the server, and what is to be.
#[derive(Debug)]
struct Memory {
    file: PathBuf,
    known: Option<Known>,
    met: Mutex<Option<Trusted>>,
}

impl Verifier {
    fn new(server: &str, ca: Option<&Path>, provider: &Arc<CryptoProvider>) -> io::Result<Verifier> {
        let mut roots = RootCertStore::empty();
        let mut memory = None;
        if let Some(file) = ca {
            let bad = |why: &dyn fmt::Display| io::Error::other(format!("--ca {}: {why}", file.display()));
            for certificate in CertificateDer::pem_file_iter(file).map_err(|why| bad(&why))? {
                roots.add(certificate.map_err(|why| bad(&why))?).map_err(|why| bad(&why))?;
            }
            if roots.is_empty() {
                return Err(bad(&"it holds no certificate"));
            }
        } else {
            let file = known::file().ok_or_else(|| {
                io::Error::other("there is no place to remember servers: neither HOME nor XDG_STATE_HOME is set; --ca needs none")
            })?;
            memory = Some(Memory { known: known::find(&file, server)?, file, met: Mutex::new(None) });
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
        let authorities = (!roots.is_empty()).then(|| {
            let builder = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
            builder.build().expect("there is an authority, and no list of revoked ones that could be wrong")
        });
        Ok(Verifier { provider: Arc::clone(provider), server: server.to_owned(), authorities, memory })
    }

    /// What is to be told of a server that was met for the first time, once that is remembered.
    fn remember(&self) -> io::Result<Option<String>> {
        let Some(memory) = &self.memory else { return Ok(None) };
        let Some(trusted) = *memory.met.lock().expect("nobody panics while holding it") else {
            return Ok(None);
        };
        let (file, server) = (memory.file.display(), &self.server);
        known::add(&memory.file, server, trusted).map_err(|why| {
            io::Error::new(why.kind(), format!("{server} could not be remembered in {file}: {why}"))
        })?;
        Ok(match trusted {
            // Nothing is left to a person.
            Trusted::Authority => None,
            Trusted::Fingerprint(fingerprint) => Some(format!(
                "this is the first time at {server}, and no authority vouches for it. Its certificate is {fingerprint}: \
                 ask its admin whether that is right. It is remembered in {file}"
            )),
        })
    }

    fn judge(&self, shown: Fingerprint, vouched: bool, memory: &Memory) -> Result<(), Refused> {
        let server = &self.server;
        let advice = "Somebody may be in between, so nothing was sent. If its admin says that this is right, remove that line";
        match &memory.known {
            Some(Known { trusted: Trusted::Fingerprint(known), .. }) if *known == shown => Ok(()),
            Some(Known { trusted: Trusted::Fingerprint(known), place }) => Err(Refused(format!(
                "ANOTHER CERTIFICATE than before: {server} shows {shown}, {place} says {known}. {advice}"
            ))),
            Some(Known { trusted: Trusted::Authority, .. }) if vouched => Ok(()),
            Some(Known { trusted: Trusted::Authority, place }) => Err(Refused(format!(
                "ANOTHER CERTIFICATE than before: {server} shows {shown}, for which no authority vouches; {place} says that \
                 one does. {advice}"
            ))),
            None => {
                let trusted = if vouched { Trusted::Authority } else { Trusted::Fingerprint(shown) };
                *memory.met.lock().expect("nobody panics while holding it") = Some(trusted);
                Ok(())
            }
        }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let vouched = match &self.authorities {
            Some(authorities) => authorities.verify_server_cert(certificate, intermediates, name, ocsp, now),
            None => Err(CertificateError::UnknownIssuer.into()),
        };
        let Some(memory) = &self.memory else { return vouched };
        match self.judge(Fingerprint::of(certificate), vouched.is_ok(), memory) {
            Ok(()) => Ok(ServerCertVerified::assertion()),
            Err(refused) => Err(CertificateError::Other(OtherError(Arc::new(refused))).into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
