//! The client over TLS: whom it trusts, and that nobody else gets a password.

mod common;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use common::peer::Peer;
use common::server::{GROUP, Server, members_txt};
use rustix::process::Signal;
use rustls::crypto::ring::{default_provider, sign};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use rustls::{ServerConfig, ServerConnection, StreamOwned, SupportedProtocolVersion};
use tempfile::TempDir;

/// Exit codes.
const DONE: i32 = 0;
const UNREACHABLE: i32 = 3;
const REFUSED: i32 = 4;

/// A server with TLS, and a person's home.
struct Place {
    server: Server,
    home: TempDir,
}

impl Place {
    fn new() -> Place {
        let server = Server::with(&members_txt(&GROUP), &["--tls-listen", "127.0.0.1:0"]);
        Place { server, home: tempfile::tempdir().expect("a folder") }
    }

    fn addr(&self) -> SocketAddr {
        let log = self.server.log();
        let (_, told) = log.split_once("listening with TLS on ").expect("it is logged before the plain door");
        told.split(',').next().expect("split gives at least one piece").parse().expect("an address")
    }

    fn certificate(&self) -> PathBuf {
        self.server.members().with_file_name("self-signed.pem")
    }

    fn known_servers(&self) -> PathBuf {
        self.home.path().join("chat-room/known_servers")
    }

    /// The client at this address, which says `hello`. `authority`: what the system trusts.
    fn client(&self, addr: SocketAddr, options: &[&str], authority: &Path) -> Output {
        let mut child = Command::new(env!("CARGO_BIN_EXE_chat-room-client"))
            .args(["--server", &addr.to_string(), "ann@x", "send"])
            .args(options)
            .env("XDG_STATE_HOME", self.home.path())
            .env("CHAT_ROOM_PASSWORD", "ann-secret")
            .env("SSL_CERT_FILE", authority)
            .env_remove("SSL_CERT_DIR")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        // It may have refused before it reads.
        let _ = child.stdin.take().expect("it is piped").write_all(b"hello\n");
        child.wait_with_output().expect("it ends")
    }

    /// That, and its exit code; what it said on standard error.
    #[track_caller]
    fn check(&self, options: &[&str], authority: &Path, code: i32) -> String {
        let output = self.client(self.addr(), options, authority);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{said}");
        said
    }

    /// How many messages the group has.
    fn said(&self) -> u64 {
        let mut ann = Peer::member(self.server.addr(), "ann@x/-");
        ann.stat("last-event")
    }
}

fn nobody() -> &'static Path {
    Path::new("/dev/null")
}

#[test]
fn the_first_time_is_trusted_and_another_certificate_is_not() {
    let place = Place::new();
    let (addr, file) = (place.addr(), place.known_servers());
    let fingerprint = chat_room::fingerprint::Fingerprint::of(
        &CertificateDer::from_pem_file(place.certificate()).expect("a certificate"),
    );
    let said = place.check(&["--tls"], nobody(), DONE);
    for part in [format!("the first time at {addr}"), fingerprint.to_string(), file.display().to_string()] {
        assert!(said.contains(&part), "{part} is not in {said}");
    }
    assert_eq!(fs::read_to_string(&file).expect("text"), format!("{addr} {fingerprint}\n"));
    assert_eq!(fs::metadata(&file).expect("a file").permissions().mode() & 0o777, 0o600);

    assert_eq!(place.check(&["--tls"], nobody(), DONE), "");
    assert_eq!(place.said(), 2);

    fs::remove_file(place.certificate()).expect("it is there");
    place.server.signal(Signal::HUP);
    place.server.until_logged("TLS: from now on with the new certificate");
    let said = place.check(&["--tls"], nobody(), REFUSED);
    let begin = format!("chat-room-client: no connection to {addr}: ANOTHER CERTIFICATE than before: ");
    assert!(said.starts_with(&begin), "{said}");
    assert!(said.contains(&format!("{}:1 says {fingerprint}", file.display())), "{said}");
    assert_eq!(place.said(), 2);

    // As told: the line is removed.
    fs::write(&file, "").expect("written");
    assert!(place.check(&["--tls"], nobody(), DONE).contains("the first time"));
    // A line about this server that says nothing is no first time.
    fs::write(&file, format!("{addr} what?\n")).expect("written");
    let said = place.check(&["--tls"], nobody(), UNREACHABLE);
    assert!(said.contains(&format!("{}:1: this is neither", file.display())), "{said}");
}

#[test]
fn an_authority_of_the_system_vouches() {
    let place = Place::new();
    let (addr, file) = (place.addr(), place.known_servers());
    let authority = place.certificate();
    assert_eq!(place.check(&["--tls"], &authority, DONE), "");
    assert_eq!(fs::read_to_string(&file).expect("text"), format!("{addr} authority\n"));
    assert_eq!(place.check(&["--tls"], &authority, DONE), "");
    // What is trusted the first time only would be a way around it.
    let said = place.check(&["--tls"], nobody(), REFUSED);
    assert!(
        said.contains("no authority vouches") && said.contains(&format!("{}:1", file.display())),
        "{said}"
    );
    assert_eq!(place.said(), 2);
}

#[test]
fn a_named_authority_is_the_only_one() {
    let (place, other) = (Place::new(), Place::new());
    let (own, others) = (place.certificate(), other.certificate());
    let (own, others) = (own.to_str().expect("a plain name"), others.to_str().expect("a plain name"));
    assert_eq!(place.check(&["--tls", "--ca", own], nobody(), DONE), "");
    let said = place.check(&["--tls", "--ca", others], &place.certificate(), REFUSED);
    assert!(said.contains("its certificate is not trusted: "), "{said}");
    let said = place.check(&["--tls", "--ca", "/dev/null"], nobody(), UNREACHABLE);
    assert!(said.contains("--ca /dev/null: it holds no certificate"), "{said}");
    assert!(!place.known_servers().exists());
    assert_eq!(place.said(), 1);
}

#[test]
fn what_is_no_tls_is_told() {
    let place = Place::new();
    let output = place.client(place.server.addr(), &["--tls"], nobody());
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(UNREACHABLE), "{said}");
    assert!(said.ends_with("what answers there does not speak TLS\n"), "{said}");
    assert_eq!(place.said(), 0);
}

/// Shows one certificate and signs with another one's key.
#[derive(Debug)]
struct Thief(Arc<CertifiedKey>);

impl ResolvesServerCert for Thief {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

/// Waits for one client with a certificate whose key it has not. What the client said to it.
fn steal(
    certificate: &Path,
    key: &Path,
    version: &'static SupportedProtocolVersion,
    door: &TcpListener,
) -> String {
    let chain = vec![CertificateDer::from_pem_file(certificate).expect("a certificate")];
    let key = PrivateKeyDer::from_pem_file(key).expect("a key");
    let key = CertifiedKey::new(chain, sign::any_supported_type(&key).expect("ring knows it"));
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[version])
        .expect("there are suites for it")
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(Thief(Arc::new(key))));
    let (stream, _) = door.accept().expect("somebody comes");
    let session = ServerConnection::new(Arc::new(config)).expect("a usable configuration");
    let mut said = String::new();
    let why = StreamOwned::new(session, stream).read_to_string(&mut said).expect_err("no client takes that");
    assert!(why.to_string().contains("received fatal alert"), "{why}");
    said
}

#[test]
fn a_certificate_without_its_key_gets_no_password() {
    let (place, thief) = (Place::new(), Place::new());
    for version in [&TLS12, &TLS13] {
        let door = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let addr = door.local_addr().expect("it is bound");
        // The client knows that certificate, there.
        let fingerprint = chat_room::fingerprint::Fingerprint::of(
            &CertificateDer::from_pem_file(place.certificate()).expect("a certificate"),
        );
        fs::create_dir_all(place.known_servers().parent().expect("a folder")).expect("a folder");
        fs::write(place.known_servers(), format!("{addr} {fingerprint}\n")).expect("written");
        let (certificate, key) = (place.certificate(), thief.certificate());
        let stealing = std::thread::spawn(move || steal(&certificate, &key, version, &door));
        let output = place.client(addr, &["--tls"], nobody());
        assert_eq!(output.status.code(), Some(REFUSED));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("its certificate is not trusted: "), "{said}");
        assert_eq!(stealing.join().expect("it ends by itself"), "");
    }
}

#[test]
fn much_in_both_directions() {
    const SAID: usize = 2000;
    let place = Place::new();
    let (addr, certificate) = (place.addr().to_string(), place.certificate());
    let client = |arguments: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_chat-room-client"))
            .args(["--server", &addr, "--tls", "--ca"])
            .arg(&certificate)
            .arg("ann@x")
            .args(arguments)
            .env("XDG_STATE_HOME", place.home.path())
            .env("CHAT_ROOM_PASSWORD", "ann-secret")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts")
    };
    let mut tail = client(&["tail", "--since", "0", "--follow"]);
    let mut send = client(&["send"]);
    let mut stdin = send.stdin.take().expect("it is piped");
    let text = "z".repeat(1000);
    let input = (0..SAID).map(|n| format!("{n} {text}\n")).collect::<Vec<_>>().concat();
    let typing = std::thread::spawn(move || stdin.write_all(input.as_bytes()).expect("the client reads"));
    let heard = BufReader::new(tail.stdout.take().expect("it is piped")).lines().take(SAID);
    for (n, line) in heard.enumerate() {
        let line = line.expect("text");
        let words: Vec<&str> = line.splitn(5, ' ').collect();
        assert_eq!((words[1], words[3]), ((n + 1).to_string().as_str(), "ann@x"), "{line}");
        assert_eq!(words[4], format!("{n} {text}"));
    }
    typing.join().expect("it is taken");
    assert_eq!(send.wait().expect("it ends").code(), Some(DONE));
    tail.kill().expect("it follows still");
    tail.wait().expect("it ends");
    assert_eq!(place.said(), SAID as u64);
}

#[test]
fn tls_is_remembered_with_the_server() {
    let place = Place::new();
    let addr = place.addr();
    let last = place.home.path().join("chat-room/last");
    fs::create_dir_all(last.parent().expect("a folder")).expect("a folder");
    let ca = place.certificate();
    fs::write(&last, format!("mail ann@x\nserver {addr}\ntls yes\nca {}\n", ca.display())).expect("written");
    assert_eq!(place.check(&[], nobody(), DONE), "");
    assert_eq!(place.said(), 1);
}
