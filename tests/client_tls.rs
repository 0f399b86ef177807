//! The client over TLS: which servers it trusts, and that no other gets a password.
//!
//! Longer than 350 lines: independent tests, which share their servers and certificates.

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

/// A server with TLS, if a test wants one, and a person's home.
struct Place {
    server: Option<Server>,
    home: TempDir,
}

impl Place {
    fn new() -> Place {
        Place::with(&[])
    }

    fn with(options: &[&str]) -> Place {
        let options = [&["--tls-listen", "127.0.0.1:0"], options].concat();
        let server = Server::with(&members_txt(&GROUP), &options);
        Place { server: Some(server), home: tempfile::tempdir().expect("a folder") }
    }

    fn server(&self) -> &Server {
        self.server.as_ref().expect("there is one")
    }

    fn addr(&self) -> SocketAddr {
        let log = self.server().log();
        let (_, told) =
            log.split_once("listening with TLS on ").expect("it is logged before the plain listener");
        told.split(',').next().expect("split gives at least one piece").parse().expect("an address")
    }

    fn certificate(&self) -> PathBuf {
        self.server().members().with_file_name("self-signed.pem")
    }

    fn known_servers(&self) -> PathBuf {
        self.home.path().join("chat-room/known_servers")
    }

    /// The client. `authority`: what the system trusts.
    fn command(&self, addr: SocketAddr, options: &[&str], authority: &Path) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chat-room-client"));
        command
            .args(["--server", &addr.to_string(), "ann@x"])
            .args(options)
            .env("XDG_STATE_HOME", self.home.path())
            .env("CHAT_ROOM_PASSWORD", "ann-secret")
            .env("SSL_CERT_FILE", authority)
            .env_remove("SSL_CERT_DIR");
        command
    }

    /// It says `hello`.
    fn client(&self, addr: SocketAddr, options: &[&str], authority: &Path) -> Output {
        let mut child = self
            .command(addr, options, authority)
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
    fn check(&self, options: &[&str], authority: &Path, exit: i32) -> String {
        let output = self.client(self.addr(), options, authority);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(exit), "{said}");
        said
    }

    /// Writes a file of what the client remembers.
    fn remembered(&self, name: &str, text: &str) {
        let file = self.home.path().join("chat-room").join(name);
        fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        fs::write(file, text).expect("written");
    }

    /// How many messages the group has.
    fn said(&self) -> u64 {
        let mut ann = Peer::member(self.server().addr(), "ann@x/-");
        ann.stat("last-event")
    }
}

fn nobody() -> &'static Path {
    Path::new("/dev/null")
}

#[test]
fn a_stranger_is_told_nothing_and_another_certificate_neither() {
    let place = Place::new();
    let (addr, file) = (place.addr(), place.known_servers());
    let fingerprint = chat_room::fingerprint::Fingerprint::of(
        &CertificateDer::from_pem_file(place.certificate()).expect("a certificate"),
    );
    // Nobody is there to ask.
    let said = place.check(&["--tls"], nobody(), 4);
    for part in [
        format!(
            "{addr} is not known here, so nothing was sent. No authority vouches for it: it is not signed by an authority that"
        ),
        format!("Its fingerprint is {fingerprint}. "),
        "or name a certificate to trust with --ca".to_owned(),
    ] {
        assert!(said.contains(&part), "{part} is not in {said}");
    }
    assert!(!file.exists());
    assert_eq!(place.said(), 0);

    place.remembered("known_servers", &format!("{addr} {fingerprint}\n"));
    assert_eq!(place.check(&[], nobody(), 0), "");
    assert_eq!(place.said(), 1);

    fs::remove_file(place.certificate()).expect("it is there");
    place.server().signal(Signal::HUP);
    place.server().until_logged("TLS: new connections get the new certificate");
    let said = place.check(&[], nobody(), 4);
    let begin = format!("chat-room-client: no connection to {addr}: THE CERTIFICATE HAS CHANGED: ");
    assert!(said.starts_with(&begin), "{said}");
    assert!(said.contains(&format!("{}:1 says {fingerprint}. Somebody", file.display())), "{said}");
    assert!(said.contains(&format!("chat-room-client --forget --server {addr}, and start again")), "{said}");
    // If an authority vouches for the new one, that is told, and it is refused all the same.
    let said = place.check(&[], &place.certificate(), 4);
    assert!(said.contains("; an authority that this system trusts vouches for it. Somebody"), "{said}");
    assert_eq!(place.said(), 1);

    // As told. Nothing is said in plain text after that, and nothing to an unknown server; an authority may vouch.
    let said = place.check(&["--forget"], nobody(), 0);
    assert!(said.contains(&format!("the certificate of {addr} is forgotten")), "{said}");
    assert_eq!(fs::read_to_string(&file).expect("text"), format!("{addr} forgotten\n"));
    assert!(place.check(&[], nobody(), 4).contains("is not known here"));
    assert_eq!(place.check(&[], &place.certificate(), 0), "");
    assert_eq!(fs::read_to_string(&file).expect("text"), format!("{addr} authority\n"));
    assert_eq!(place.said(), 2);

    // A line about this server that says nothing is no first time, and no leave to speak in plain text.
    fs::write(&file, format!("{addr} what?\n")).expect("written");
    for options in [&["--tls"][..], &[]] {
        let said = place.check(options, nobody(), 1);
        assert!(said.contains(&format!("{}:1: this is neither", file.display())), "{said}");
    }
    fs::write(&file, "").expect("written");
    let said = place.check(&["--forget"], nobody(), 1);
    assert!(said.contains("is remembered, so there is nothing to forget"), "{said}");
    assert_eq!(place.said(), 2);
}

/// A clock that is wrong here looks like one that was wrong there: both dates are told.
#[test]
fn a_certificate_out_of_its_time_is_told_with_both_dates() {
    for (from, to, told) in [
        (2019, 2020, "it is valid until 2020-02-01 00:00 UTC, and this machine's clock says 20"),
        (2900, 2901, "it is valid from 2900-02-01 00:00 UTC, and this machine's clock says 20"),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let key = rcgen::KeyPair::generate().expect("a key");
        let mut made = rcgen::CertificateParams::new(["127.0.0.1".to_owned()]).expect("a name");
        (made.not_before, made.not_after) =
            (rcgen::date_time_ymd(from, 2, 1), rcgen::date_time_ymd(to, 2, 1));
        let certificate = made.self_signed(&key).expect("a certificate").pem();
        let (cert, private) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
        fs::write(&cert, certificate).expect("written");
        fs::write(&private, key.serialize_pem()).expect("written");
        fs::set_permissions(&private, fs::Permissions::from_mode(0o600)).expect("it is ours");
        let path = |path: &Path| path.to_str().expect("a plain name").to_owned();
        let place = Place::with(&["--tls-cert", &path(&cert), "--tls-key", &path(&private)]);
        let said = place.check(&["--tls", "--ca", &path(&cert)], nobody(), 4);
        assert!(said.contains(told) && said.contains(": is that right?"), "{told} is not in {said}");
        assert_eq!(place.said(), 0);
    }
}

#[test]
fn the_server_prints_what_the_client_shows() {
    let place = Place { server: None, home: tempfile::tempdir().expect("a folder") };
    let members = place.home.path().join("members.txt");
    fs::write(&members, members_txt(&GROUP)).expect("written");
    let mut server = Command::new(env!("CARGO_BIN_EXE_chat-room-server"));
    server.arg("--members").arg(members).args([
        "--history",
        "none",
        "--listen",
        "none",
        "--log-level",
        "off",
    ]);
    server.args(["--tls-listen", "127.0.0.1:0"]).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut server = server.spawn().expect("a server");
    let mut printed = String::new();
    BufReader::new(server.stdout.take().expect("it is piped")).read_line(&mut printed).expect("text");
    let (addr, printed) =
        printed.strip_prefix("TLS on ").and_then(|rest| rest.split_once(". ")).expect("its line");
    let said = place.client(addr.parse().expect("an address"), &["--tls"], nobody());
    server.kill().expect("it runs");
    server.wait().expect("it is our child");
    let said = String::from_utf8_lossy(&said.stderr).into_owned();
    let shown = printed.split_once(": ").and_then(|(told, _)| told.rsplit(' ').next()).expect("what follows");
    assert!(shown.len() == 95 && said.contains(shown), "{shown} is not in {said}");
}

#[test]
fn an_authority_of_the_system_vouches() {
    let place = Place::new();
    let (addr, file) = (place.addr(), place.known_servers());
    let authority = place.certificate();
    assert_eq!(place.check(&["--tls"], &authority, 0), "");
    assert_eq!(fs::read_to_string(&file).expect("text"), format!("{addr} authority\n"));
    assert_eq!(place.check(&[], &authority, 0), "");
    // What is trusted the first time only would be a way around it.
    let said = place.check(&["--tls"], nobody(), 4);
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
    let said = place.check(&["--tls", "--ca", others], &place.certificate(), 4);
    assert!(said.contains("its certificate is not trusted: "), "{said}");
    let said = place.check(&["--tls", "--ca", "/dev/null"], nobody(), 1);
    assert!(said.contains("--ca /dev/null: it holds no certificate"), "{said}");
    // Two blocks without a line end between them: the second is not left out in silence.
    let joined = other.certificate().with_file_name("joined.pem");
    let both = [others, own].map(|file| fs::read_to_string(file).expect("text"));
    fs::write(&joined, both.each_ref().map(|text| text.trim_end()).concat()).expect("written");
    let joined = joined.to_str().expect("a plain name");
    let said = place.check(&["--tls", "--ca", joined], nobody(), 1);
    assert!(said.contains(&format!("--ca {joined}: it is not PEM: line ")), "{said}");
    assert!(!place.known_servers().exists());
    assert_eq!(place.said(), 0);

    assert_eq!(place.check(&["--tls", "--ca", own], nobody(), 0), "");
    let remembered = format!("{} ca {own}\n", place.addr());
    assert_eq!(fs::read_to_string(place.known_servers()).expect("text"), remembered);
    // What is remembered counts where nothing is named, and only there.
    assert_eq!(place.check(&[], nobody(), 0), "");
    place.check(&["--tls", "--ca", others], nobody(), 4);
    let replaced = remembered.replace(own, others);
    fs::write(place.known_servers(), &replaced).expect("written");
    let said = place.check(&[], &place.certificate(), 4);
    assert!(
        said.contains(&format!("{}:1 says that {others} does", place.known_servers().display())),
        "{said}"
    );
    assert_eq!(place.check(&["--tls", "--ca", own], nobody(), 0), "");
    assert_eq!(fs::read_to_string(place.known_servers()).expect("text"), replaced);
    assert_eq!(place.said(), 3);
}

#[test]
fn no_tls_is_reported() {
    let place = Place::new();
    let output = place.client(place.server().addr(), &["--tls"], nobody());
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.ends_with("what answers there does not speak TLS; is that its TLS port?\n"), "{said}");
    assert_eq!(place.said(), 0);
}

#[test]
fn a_forgotten_option_is_told() {
    let place = Place::with(&["--login-timeout", "1"]);
    let said = place.check(&[], nobody(), 3);
    assert!(said.ends_with("the server closed the connection; if it speaks TLS, use --tls\n"), "{said}");
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
    listener: &TcpListener,
) -> String {
    let chain = vec![CertificateDer::from_pem_file(certificate).expect("a certificate")];
    let key = PrivateKeyDer::from_pem_file(key).expect("a key");
    let key = CertifiedKey::new(chain, sign::any_supported_type(&key).expect("ring knows it"));
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[version])
        .expect("there are suites for it")
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(Thief(Arc::new(key))));
    let (stream, _) = listener.accept().expect("somebody comes");
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
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let addr = listener.local_addr().expect("it is bound");
        // The client knows that certificate, there.
        let fingerprint = chat_room::fingerprint::Fingerprint::of(
            &CertificateDer::from_pem_file(place.certificate()).expect("a certificate"),
        );
        place.remembered("known_servers", &format!("{addr} {fingerprint}\n"));
        let (certificate, key) = (place.certificate(), thief.certificate());
        let stealing = std::thread::spawn(move || steal(&certificate, &key, version, &listener));
        let output = place.client(addr, &["--tls"], nobody());
        assert_eq!(output.status.code(), Some(4));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("its certificate is not trusted: "), "{said}");
        assert_eq!(stealing.join().expect("it ends by itself"), "");
    }
}

#[test]
fn where_tls_was_spoken_nothing_goes_out_in_plain_text() {
    const HELLO: &[u8] = b"HELLO chat-room/0.1.0 max-line=4096 type LOGIN <mail> <secret> to enter\n";
    for (file, text) in
        [("known_servers", "ADDR authority\n"), ("last", "mail ann@x\nserver ADDR\ntls yes\n")]
    {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let addr = listener.local_addr().expect("it is bound");
        let home = tempfile::tempdir().expect("a folder");
        let place = Place { server: None, home };
        place.remembered(file, &text.replace("ADDR", &addr.to_string()));
        let hearing = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("somebody comes");
            stream.write_all(HELLO).expect("it is taken");
            let mut heard = Vec::new();
            // It may end with a reset.
            let _ = stream.read_to_end(&mut heard);
            heard
        });
        let output = place.client(addr, &[], nobody());
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{said}");
        assert!(said.ends_with("what answers there does not speak TLS; is that its TLS port?\n"), "{said}");
        let heard = hearing.join().expect("it ends by itself");
        // The record of a handshake.
        assert_eq!(heard.first(), Some(&22));
        assert!(!heard.windows(3).any(|part| part == b"ann"), "{heard:?}");
    }
}

#[test]
fn much_in_both_directions() {
    const SAID: usize = 2000;
    let place = Place::new();
    let certificate = place.certificate();
    let tls = ["--tls", "--ca", certificate.to_str().expect("a plain name")];
    let mut tail = place.command(place.addr(), &["tail", "--follow", "--since", "0"], nobody());
    let mut tail = tail.args(tls).stdout(Stdio::piped()).spawn().expect("it starts");
    let mut send = place.command(place.addr(), &["send"], nobody());
    let mut send = send.args(tls).stdin(Stdio::piped()).spawn().expect("it starts");
    let mut bob = Peer::member(place.server().addr(), "bob@x");
    let text = "z".repeat(1000);
    let lines = |who: &str| (0..SAID).map(|n| format!("{who} {n} {text}\n")).collect::<Vec<_>>().concat();
    let (mut stdin, input) = (send.stdin.take().expect("it is piped"), lines("ann"));
    let typing = std::thread::spawn(move || stdin.write_all(input.as_bytes()).expect("the client reads"));
    bob.send(lines("MSG bob").as_bytes());
    let mut heard = BufReader::new(tail.stdout.take().expect("it is piped")).lines();
    let mut next = [("ann", 0), ("bob", 0)];
    for seq in 1..=2 * SAID {
        let line = heard.next().expect("all that was said").expect("text");
        let [_, number, _, _, who, n, _] = line.splitn(7, ' ').collect::<Vec<_>>()[..] else {
            panic!("no message: {line}");
        };
        let (_, count) = next.iter_mut().find(|(name, _)| *name == who).expect("one of two");
        assert_eq!((number, n), (seq.to_string().as_str(), count.to_string().as_str()));
        *count += 1;
    }
    typing.join().expect("it is taken");
    assert_eq!(send.wait().expect("it ends").code(), Some(0));
    // The peer closes when it has read enough, and so does the client.
    drop(heard);
    assert_eq!(tail.wait().expect("it ends").code(), Some(0));
}
