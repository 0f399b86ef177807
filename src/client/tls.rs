//! TLS over an open socket: a half that reads and a half that writes, for two threads. They share only the state of rustls, which
//! is locked while bytes are encrypted or decrypted, and never while waiting for the network.

use std::io::{self, BufRead as _, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use rustls::client::Resumption;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::ServerName;
use rustls::{CertificateError, ClientConfig, ClientConnection};
use socket2::SockRef;

use super::failure::{Exit, LoginError, unreachable};
use super::options::host_and_port;
use super::trust::{self, Verifier};
use crate::limits::CLIENT_TLS_WAIT;

/// The half of a connection that reads, and the one that writes.
pub(super) type Halves = (Box<dyn Read + Send>, Box<dyn Write + Send>);

/// Does the handshake with `server`, HOST:PORT, over a blocking socket, of which it gets two descriptors, within its timeouts. `ca`:
/// the only authorities that are trusted.
pub(super) fn secure(sockets: [TcpStream; 2], server: &str, ca: Option<&Path>) -> Result<Halves, LoginError> {
    let [mut reading, writing] = sockets;
    let failed = |why: String| LoginError::undecided(server, &why);
    let host = host_and_port(server).map_or(server, |(host, _)| host);
    // The zone of an address is not a part of a certificate.
    let host = host.split('%').next().expect("split gives at least one piece");
    let name =
        ServerName::try_from(host.to_owned()).map_err(|_| failed(format!("{host} is not a name for TLS")))?;
    let provider = Arc::new(default_provider());
    let verifier = Arc::new(Verifier::new(server, ca, &provider).map_err(failed)?);
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring has suites for both versions")
        .dangerous()
        .with_custom_certificate_verifier(Arc::<Verifier>::clone(&verifier))
        .with_no_client_auth();
    // Every session shows its certificate.
    config.resumption = Resumption::disabled();
    let session = ClientConnection::new(Arc::new(config), name);
    let mut session = session.map_err(|why| failed(why.to_string()))?;
    session.complete_io(&mut reading).map_err(|why| handshake_failed(server, &why))?;
    // Only now is it certain that the server holds the key of its certificate.
    verifier.remember()?;
    let session = Arc::new(Mutex::new(session));
    let reader = Reader { session: Arc::clone(&session), socket: BufReader::new(reading) };
    Ok((Box::new(reader), Box::new(Writer { session, socket: writing })))
}

/// An error of the handshake, for a person.
fn handshake_failed(server: &str, why: &io::Error) -> LoginError {
    let inner = why.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let said = match (inner, why.kind()) {
        (Some(error @ rustls::Error::InvalidCertificate(why)), _) => {
            let said = match why {
                CertificateError::Other(refused) => refused.0.to_string(),
                _ => format!(
                    "its certificate is not trusted: {}; ask its admin, or name a certificate to trust with --ca",
                    trust::why_untrusted(error)
                ),
            };
            return LoginError::Untrusted(Exit::Refused, format!("no connection to {server}: {said}"));
        }
        (Some(rustls::Error::InvalidMessage(_)), _) => {
            "what answers there does not speak TLS; is that its TLS port?".to_owned()
        }
        (Some(error), _) => format!("TLS failed: {error}; is that its TLS port?"),
        (None, ErrorKind::UnexpectedEof) => "it closed the connection; is that its TLS port?".to_owned(),
        (None, ErrorKind::WouldBlock) => {
            format!("no answer within {} s; is that its port?", CLIENT_TLS_WAIT.as_secs())
        }
        (None, _) => unreachable(why),
    };
    LoginError::Unreachable(format!("no connection to {server}: {said}"))
}

fn lock(session: &Mutex<ClientConnection>) -> MutexGuard<'_, ClientConnection> {
    session.lock().expect("no thread panics while holding it")
}

/// The half that reads.
struct Reader {
    session: Arc<Mutex<ClientConnection>>,
    socket: BufReader<TcpStream>,
}

impl Read for Reader {
    /// As of a socket. An end without `close_notify` is an error: somebody in between may have cut the connection.
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
            // This waits for the network.
            let mut bytes = self.socket.fill_buf()?;
            let mut session = lock(&self.session);
            // Reading no bytes tells rustls that the stream has ended. What it has to answer is sent with the next line.
            let n = session.read_tls(&mut bytes)?;
            self.socket.consume(n);
            session.process_new_packets().map_err(|why| io::Error::new(ErrorKind::InvalidData, why))?;
        }
    }
}

/// The half that writes. When it is dropped, it sends `close_notify`.
struct Writer {
    session: Arc<Mutex<ClientConnection>>,
    socket: TcpStream,
}

/// What rustls has for the socket now.
fn encrypted(session: &mut ClientConnection) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    while session.wants_write() {
        session.write_tls(&mut bytes)?;
    }
    Ok(bytes)
}

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut session = lock(&self.session);
        let n = session.writer().write(bytes)?;
        let bytes = encrypted(&mut session)?;
        drop(session);
        self.socket.write_all(&bytes)?;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let Ok(mut session) = self.session.lock() else { return };
        session.send_close_notify();
        // If the socket is full, the connection ends without it.
        let _ = encrypted(&mut session)
            .map(|end| SockRef::from(&self.socket).send_with_flags(&end, libc::MSG_DONTWAIT));
    }
}
