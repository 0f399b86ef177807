//! Talking TLS to the server with a client of rustls that can misbehave.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chat_room::fingerprint::Fingerprint;
use rustls::client::Resumption;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion};
use socket2::SockRef;

use crate::common::net::connect;
use crate::common::peer::{OnDemand, masked};
use crate::common::server::{GROUP, Server, members_txt};

pub(crate) const TLS: [&str; 2] = ["--tls-listen", "127.0.0.1:0"];

pub(crate) fn start(options: &[&str]) -> Server {
    Server::with(&members_txt(&GROUP), &[&TLS, options].concat())
}

/// Where TLS is, and which fingerprint the log told.
pub(crate) fn told(server: &Server) -> (SocketAddr, String) {
    let log = server.log();
    let (_, told) = log.split_once("listening with TLS on ").expect("it is logged before the plain listener");
    let (addr, rest) = told.split_once(", certificate SHA-256 ").expect("the fingerprint is told");
    let fingerprint = rest.lines().next().expect("split gives at least one piece");
    (addr.parse().expect("an address"), fingerprint.to_owned())
}

pub(crate) fn tls_addr(server: &Server) -> SocketAddr {
    told(server).0
}

pub(crate) fn self_signed(server: &Server) -> PathBuf {
    server.members().with_file_name("self-signed.pem")
}

/// Trusts the first certificate of this file, and no other.
pub(crate) fn trusting(pem: &Path) -> Arc<ClientConfig> {
    speaking(rustls::DEFAULT_VERSIONS, pem)
}

/// The same with these versions of TLS.
pub(crate) fn speaking(versions: &[&'static SupportedProtocolVersion], pem: &Path) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(pem).expect("a certificate")).expect("a fitting one");
    let mut config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(versions)
        .expect("there are some")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.resumption = Resumption::in_memory_sessions(8);
    Arc::new(config)
}

/// A connection with TLS that is read on demand.
pub(crate) struct Secure<S: Read + Write>(pub(crate) BufReader<StreamOwned<ClientConnection, S>>);

impl Secure<TcpStream> {
    pub(crate) fn open(server: &Server) -> Secure<TcpStream> {
        Secure::over(connect(tls_addr(server)), &trusting(&self_signed(server)))
    }

    /// Connects and logs in.
    pub(crate) fn member(server: &Server, who: &str) -> Secure<TcpStream> {
        let mut peer = Secure::open(server);
        peer.expect("HELLO …");
        peer.login(who);
        peer
    }

    /// Says all this, each piece as a record of its own, and that no more will come, in one write. TCP stays open.
    pub(crate) fn say_all_and_end(&mut self, pieces: &[&[u8]]) {
        let StreamOwned { conn, sock } = self.0.get_mut();
        for piece in pieces {
            conn.writer().write_all(piece).expect("memory is writable");
        }
        conn.send_close_notify();
        let mut wire = Vec::new();
        while conn.wants_write() {
            conn.write_tls(&mut wire).expect("memory is writable");
        }
        sock.write_all(&wire).expect("the server reads");
    }

    /// Takes part in the handshake up to its last message, which is this side's and is not sent yet.
    pub(crate) fn almost_shake_hands(&mut self) {
        let StreamOwned { conn, sock } = self.0.get_mut();
        while conn.is_handshaking() {
            while conn.wants_write() {
                conn.write_tls(sock).expect("the server reads");
            }
            conn.read_tls(sock).expect("the server answers");
            conn.process_new_packets().expect("it is TLS");
        }
        assert!(conn.wants_write(), "the last word is this side's");
    }

    /// Ends with a reset, whatever is under way.
    pub(crate) fn reset(self) {
        SockRef::from(&self.0.get_ref().sock).set_linger(Some(Duration::ZERO)).expect("an option");
    }
}

impl<S: Read + Write> Secure<S> {
    pub(crate) fn over(stream: S, config: &Arc<ClientConfig>) -> Secure<S> {
        let name = "127.0.0.1".try_into().expect("a name");
        let session = ClientConnection::new(Arc::clone(config), name).expect("a usable name");
        Secure(BufReader::new(StreamOwned::new(session, stream)))
    }

    pub(crate) fn session(&mut self) -> &mut ClientConnection {
        &mut self.0.get_mut().conn
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.0.get_mut().write_all(bytes).expect("the server reads");
    }

    pub(crate) fn fingerprint(&mut self) -> String {
        let certificates = self.session().peer_certificates().expect("it has shown one");
        Fingerprint::of(&certificates[0]).to_string()
    }
}

impl<S: Read + Write> OnDemand for Secure<S> {
    fn say(&mut self, line: &str) {
        self.send(format!("{line}\n").as_bytes());
    }

    /// Nothing at an end that TLS was told of.
    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        self.0.read_line(&mut line).expect("the server goes on, or says that it ends");
        line.strip_suffix('\n').map(masked)
    }
}
