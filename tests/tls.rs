//! TLS with the real server: with openssl and ncat, and with a client of rustls that can misbehave.
//!
//! Longer than 350 lines: independent tests, which share their TLS clients.

mod common;
#[path = "common/receipts.rs"]
mod receipts;
#[path = "common/secure.rs"]
mod secure;

use std::fs;
use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use chat_room::fingerprint::Fingerprint;
use common::disk::skip;
use common::net::connect;
use common::peer::{OnDemand as _, Peer};
use common::read::read_some;
use common::server::{GROUP, Server, members_txt};
use common::talk::Talk;
use receipts::{a_device_misses_nothing, narrow};
use rustix::process::Signal;
use rustls::{ClientConfig, ClientConnection, HandshakeKind};
use secure::{Secure, TLS, self_signed, start, tls_addr, told, trusting};

/// What openssl says; `None`: it is not installed.
fn openssl(arguments: &[&str]) -> Option<String> {
    let output = Command::new("openssl").args(arguments).stdin(Stdio::null()).output();
    let Ok(output) = output else {
        skip("no openssl is installed");
        return None;
    };
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Programs that speak TLS with their input and output, if they are installed.
fn programs(addr: SocketAddr) -> Vec<Command> {
    let addr = addr.to_string();
    let (ip, port) = addr.rsplit_once(':').expect("an address has a port");
    let lines = [
        vec!["openssl", "s_client", "-quiet", "-tls1_3", "-connect", &addr],
        vec!["openssl", "s_client", "-quiet", "-tls1_2", "-connect", &addr],
        vec!["ncat", "--ssl", ip, port],
    ];
    let mut commands = Vec::new();
    for line in lines {
        let version = Command::new(line[0]).arg("--version").stdin(Stdio::null()).output();
        if version.is_ok() {
            let mut command = Command::new(line[0]);
            command.args(&line[1..]);
            commands.push(command);
        } else {
            skip(format_args!("no {} is installed", line[0]));
        }
    }
    commands
}

#[test]
fn openssl_and_ncat_take_part() {
    let mut talk = Talk::with(start(&[]));
    talk.play("ann:");
    for mut program in programs(tls_addr(&talk.server)) {
        let mut bob = Peer::run(&mut program);
        bob.expect("HELLO chat-room/…");
        talk.join("bob", bob);
        talk.play("bob:");
        talk.play("ann> MSG hello ✓");
        let said = talk.peer("ann").line().expect("an answer");
        let seq: u64 = said.split(' ').nth(2).and_then(|seq| seq.parse().ok()).expect("OK MSG and a number");
        talk.play(&format!(
            "
            bob< MSG {seq} <time> ann@x hello ✓
            bob> MSG back
            bob< OK MSG {} <time>
            ann< MSG {0} <time> bob@x back
            bob> QUIT
            bob< OK QUIT
            bob|
            bob.
            ",
            seq + 1
        ));
        talk.play("ann=\nbob/");
    }
}

#[test]
fn the_servers_own_certificate_is_made_once_and_kept() {
    let server = start(&[]);
    let (addr, fingerprint) = told(&server);
    let path = self_signed(&server);
    let shown = path.to_str().expect("a plain name").to_owned();
    let mode = fs::metadata(&path).expect("it was made").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let mut peer = Secure::member(&server, "ann@x");
    assert_eq!(peer.fingerprint(), fingerprint);
    if let Some(text) = openssl(&["x509", "-in", &shown, "-noout", "-fingerprint", "-sha256"]) {
        assert_eq!(text.trim_end().split_once('=').expect("a value").1, fingerprint);
    }
    let before = fs::read(&path).expect("a file");

    let server = server.again_with(&["--tls-listen", &addr.to_string()]);
    assert_eq!(told(&server), (addr, fingerprint));
    assert_eq!(fs::read(self_signed(&server)).expect("a file"), before);
    Secure::member(&server, "ann@x");

    // A file that is of no use is refused and stays.
    let folder = server.into_folder();
    fs::write(folder.path().join("self-signed.pem"), "no certificate").expect("written");
    let output = Command::new(env!("CARGO_BIN_EXE_chat-room-server"))
        .args(TLS)
        .current_dir(folder.path())
        .output()
        .expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.ends_with("chat-room-server: self-signed.pem: holds no certificate\n"), "{said}");
    assert_eq!(fs::read(folder.path().join("self-signed.pem")).expect("a file"), b"no certificate");
}

/// Makes a new certificate for 127.0.0.1 and its key. Returns the fingerprint.
fn write_certificate(cert: &Path, key: &Path) -> String {
    let own = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
    fs::write(cert, own.cert.pem()).expect("written");
    fs::write(key, own.signing_key.serialize_pem()).expect("written");
    Fingerprint::of(own.cert.der()).to_string()
}

/// What `--check` says of these files on both streams, and its exit code.
fn checked(folder: &Path, cert: &str, key: &str) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chat-room-server"));
    command.args(["--check", "--listen", "none", "--tls-cert", cert, "--tls-key", key]).args(TLS);
    let output = command.current_dir(folder).output().expect("it starts");
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).expect("text"))
}

#[test]
fn a_certificate_that_members_do_not_take_is_told() {
    use rcgen::{CertificateParams, KeyPair};
    use time::{Duration, OffsetDateTime};

    let server = start(&[]);
    let folder = server.into_folder();
    let file = |name: &str| folder.path().join(name);
    let (now, day) = (OffsetDateTime::now_utc(), Duration::DAY);
    let keys = ["key.pem", "other.pem"].map(|name| {
        let key = KeyPair::generate().expect("a key");
        fs::write(file(name), key.serialize_pem()).expect("written");
        fs::set_permissions(file(name), fs::Permissions::from_mode(0o600)).expect("ours");
        key
    });
    let make = |name: &str, from, until| {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
        (params.not_before, params.not_after) = (from, until);
        fs::write(file(name), params.self_signed(&keys[0]).expect("a certificate").pem()).expect("written");
    };
    make("good.pem", now - day, now + 90 * day);
    make("old.pem", now - 90 * day, now - day);
    make("soon.pem", now - 90 * day, now + 13 * day);
    make("early.pem", now + day, now + 90 * day);
    for (name, key, code, told) in [
        ("good.pem", "key.pem", 0, "good.pem: certificate SHA-256 "),
        ("good.pem", "other.pem", 1, "good.pem: cannot be served with the key in other.pem: "),
        ("old.pem", "key.pem", 0, "\nold.pem: the certificate expired at "),
        ("soon.pem", "key.pem", 0, "\nsoon.pem: the certificate expires at "),
        ("early.pem", "key.pem", 0, "\nearly.pem: the certificate is valid from "),
    ] {
        let (exit, said) = checked(folder.path(), name, key);
        assert!(exit == Some(code) && said.contains(told), "{name}: {exit:?} {said}");
        assert_eq!(said.contains("matches its key"), key == "key.pem", "{said}");
    }

    // A server logs it at its start, and when it has read it again.
    let (cert, key) = (file("served.pem"), file("key.pem"));
    fs::copy(file("soon.pem"), &cert).expect("copied");
    let (cert_text, key_text) = (cert.to_str().expect("a plain name"), key.to_str().expect("a plain name"));
    let (cert_text, key_text) = (cert_text.to_owned(), key_text.to_owned());
    let server =
        Server::in_folder(folder, &[&TLS[..], &["--tls-cert", &cert_text, "--tls-key", &key_text]].concat());
    server.until_logged("served.pem: the certificate expires at ");
    fs::copy(server.members().with_file_name("old.pem"), &cert).expect("copied");
    server.signal(Signal::HUP);
    server.until_logged("served.pem: the certificate expired at ");
}

#[test]
fn a_short_life_is_watched_to_its_end_and_a_renewed_file_is_found() {
    use rcgen::{CertificateParams, KeyPair};
    use time::{Duration, OffsetDateTime};
    let folder = tempfile::tempdir().expect("a folder");
    let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    let pair = KeyPair::generate().expect("a key");
    fs::write(&key, pair.serialize_pem()).expect("written");
    let make = |from: i64, until: i64| {
        let now = OffsetDateTime::now_utc();
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
        params.not_before = now + Duration::seconds(from);
        params.not_after = now + Duration::seconds(until);
        fs::write(&cert, params.self_signed(&pair).expect("a certificate").pem()).expect("written");
    };
    make(-40, 10);
    let (cert_text, key_text) = (cert.to_str().expect("a plain name"), key.to_str().expect("a plain name"));
    let server = start(&["--tls-cert", cert_text, "--tls-key", key_text]);
    server.until_logged("cert.pem: the certificate expires at ");
    assert!(!server.log().contains("expired at"), "{}", server.log());
    server.until_logged("cert.pem: the certificate expired at ");
    make(-20, 4000);
    server.until_logged("TLS: new connections get the new certificate");
}

/// Files that openssl made, and what is said of them: a key that cannot be served by its name, a certificate that would
/// be left out never in silence.
#[test]
fn files_that_cannot_be_served_are_refused_by_name() {
    let server = start(&[]);
    let folder = server.into_folder();
    let made = |script: &str| {
        let output = Command::new("sh").args(["-ec", script]).current_dir(folder.path()).output();
        output.is_ok_and(|output| output.status.success())
    };
    // ca.pem vouches for own.pem, whose key is key.pem.
    let chain = "
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=ca -keyout ca.key -out ca.pem
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-384 -nodes -subj /CN=own -keyout key.pem -out own.csr
        openssl x509 -req -in own.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 90 -out v1.pem
        printf subjectAltName=DNS:localhost >names
        openssl x509 -req -in own.csr -CA ca.pem -CAkey ca.key -days 90 -extfile names -out own.pem
        cat own.pem ca.pem >chain.pem; cat ca.pem own.pem >turned.pem
        printf %s \"$(cat own.pem)\" | cat - ca.pem >joined.pem
        openssl x509 -in own.pem -outform der -out own.der; openssl x509 -in own.pem -trustout -out trusted.pem
        openssl pkcs12 -export -in own.pem -inkey key.pem -passout pass:secret -out own.p12
        openssl pkey -in key.pem -aes256 -passout pass:secret -out encrypted.pem
        openssl pkey -in key.pem -traditional -aes256 -passout pass:secret -out old.pem
        openssl pkey -in key.pem -pubout -out public.pem; cat key.pem ca.key >two.pem
        chmod 600 *.pem *.key";
    if !made(chain) {
        return skip("there is no openssl here that makes certificates");
    }
    for (cert, key, code, told) in [
        ("chain.pem", "key.pem", 0, "chain.pem: certificate SHA-256 "),
        (
            "turned.pem",
            "key.pem",
            1,
            "the server's own certificate comes first, then its issuers; here it is number 2",
        ),
        ("own.pem", "ca.key", 1, "own.pem: cannot be served with the key in ca.key: they are not a pair"),
        ("joined.pem", "key.pem", 1, "joined.pem: is not PEM: line "),
        ("own.der", "key.pem", 1, "own.der: holds no certificate; it is DER; "),
        ("own.p12", "key.pem", 1, "own.p12: holds no certificate; it is PKCS#12; "),
        ("trusted.pem", "key.pem", 1, "trusted.pem: holds a TRUSTED CERTIFICATE, "),
        ("key.pem", "own.pem", 1, "key.pem: holds no certificate, but a PRIVATE KEY"),
        ("own.pem", "chain.pem", 1, "chain.pem: holds no key, but a CERTIFICATE"),
        ("own.pem", "encrypted.pem", 1, "encrypted.pem: holds an encrypted key, "),
        ("own.pem", "old.pem", 1, "old.pem: holds an encrypted key, "),
        ("own.pem", "public.pem", 1, "public.pem: holds no key, but a PUBLIC KEY"),
        ("own.pem", "two.pem", 1, "two.pem: holds 2 keys, and only one can be served"),
    ] {
        let (exit, said) = checked(folder.path(), cert, key);
        assert!(exit == Some(code) && said.contains(told), "{cert} {key}: {exit:?} {said}");
    }
    for (algorithm, told) in [
        (
            "ec -pkeyopt ec_paramgen_curve:P-521",
            "it is an ECDSA key with P-521; keys that can be served are ",
        ),
        ("ec -pkeyopt ec_paramgen_curve:secp256k1", "it is an ECDSA key with secp256k1; "),
        ("ec -pkeyopt ec_paramgen_curve:brainpoolP256r1", "it is an ECDSA key with a Brainpool curve; "),
        (
            "ec -pkeyopt ec_paramgen_curve:P-256 -pkeyopt ec_param_enc:explicit",
            "an ECDSA key that spells its curve out ",
        ),
        ("ed448", "it is an Ed448 key; "),
        ("rsa:1024", "it is an RSA key of another length, "),
        ("rsa-pss -pkeyopt rsa_keygen_bits:2048", "it is a key for RSA-PSS alone; "),
        ("ed25519", ""),
        ("rsa:2048", ""),
    ] {
        let script = format!(
            "openssl req -x509 -newkey {algorithm} -nodes -subj /CN=own -days 90 -addext subjectAltName=DNS:localhost -keyout k.pem -out c.pem; chmod 600 k.pem"
        );
        assert!(made(&script), "{algorithm}");
        let (exit, said) = checked(folder.path(), "c.pem", "k.pem");
        assert_eq!(exit, Some(i32::from(!told.is_empty())), "{algorithm}: {said}");
        assert!(said.contains(told), "{algorithm}: {said}");
        assert_eq!(
            said.contains("k.pem: this key cannot be served: "),
            !told.is_empty(),
            "{algorithm}: {said}"
        );
    }
}

#[test]
fn sighup_renews_the_certificate_and_disturbs_nobody() {
    let files = tempfile::tempdir().expect("a folder");
    let (cert, key) = (files.path().join("cert.pem"), files.path().join("key.pem"));
    let first = write_certificate(&cert, &key);
    let (cert_text, key_text) = (cert.to_str().expect("a plain name"), key.to_str().expect("a plain name"));
    let server = start(&["--tls-cert", cert_text, "--tls-key", key_text]);
    assert_eq!(told(&server).1, first);
    assert!(!self_signed(&server).exists());
    let trusting_first = trusting(&cert);
    let open = |config: &Arc<ClientConfig>| Secure::over(connect(tls_addr(&server)), config);
    let mut ann = open(&trusting_first);
    ann.expect("HELLO …");
    ann.say("LOGIN ann@x ann-secret");
    ann.expect("OK LOGIN ann@x …");

    // A ticket saves who comes back the certificate.
    let mut back = open(&trusting_first);
    back.expect("HELLO …");
    assert_eq!(back.session().handshake_kind(), Some(HandshakeKind::Resumed));

    // What cannot be served leaves the old one.
    let broken = [
        ("no certificate", format!("{cert_text}: holds no certificate")),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n", format!("{cert_text}: is not PEM: ")),
    ];
    let whole = fs::read_to_string(&cert).expect("text");
    for (text, complaint) in broken {
        fs::write(&cert, text).expect("written");
        server.signal(Signal::HUP);
        server.until_logged(&format!("TLS keeps the old certificate: {complaint}"));
    }
    fs::write(&cert, whole).expect("written");
    let other_key = files.path().join("other.pem");
    write_certificate(&files.path().join("unused.pem"), &other_key);
    let own_key = fs::read(&key).expect("a file");
    fs::copy(&other_key, &key).expect("copied");
    server.signal(Signal::HUP);
    server.until_logged(&format!("{cert_text}: cannot be served with the key in {key_text}: "));
    fs::write(&key, own_key).expect("written");
    server.signal(Signal::HUP);
    server.until_logged("TLS: the certificate is the same");

    let second = write_certificate(&cert, &key);
    server.signal(Signal::HUP);
    server.until_logged(&format!("TLS: new connections get the new certificate, SHA-256 {second}"));
    let mut new = open(&trusting(&cert));
    new.expect("HELLO …");
    assert_eq!(new.fingerprint(), second);
    // The ticket of the old one is worth nothing, and the new one is another: seen, and not trusted.
    let mut old = open(&trusting_first);
    let refused = old.0.read_line(&mut String::new()).expect_err("the certificate is another");
    assert!(refused.to_string().contains("certificate"), "{refused}");
    ann.say("PING still here");
    ann.expect("OK PING still here");
}

#[test]
fn both_sides_say_that_they_end() {
    let server = start(&[]);
    // A half-close: the last line needs no LF, its answer comes, and then the server's own end.
    let mut bob = Secure::member(&server, "bob@x/-");
    bob.send(b"MSG one\nMSG no line end");
    bob.session().send_close_notify();
    bob.expect("OK MSG 1 <time>");
    bob.expect("OK MSG 2 <time>");
    assert_eq!(bob.line(), None);

    // An end that TLS was not told of may be somebody's in between: whole lines count, half a line does not.
    let mut bob = Secure::member(&server, "bob@x/-");
    bob.send(b"MSG three\nMSG the beginning of a longer");
    bob.0.get_ref().sock.shutdown(Shutdown::Write).expect("it is open");
    bob.expect("OK MSG 3 <time>");
    assert_eq!(bob.line(), None);
    let mut ann = Peer::member(server.addr(), "ann@x/-");
    ann.say("HISTORY 1");
    ann.expect("HISTORY 3 3");
    ann.expect("MSG 3 <time> bob@x three");
    ann.expect("OK HISTORY 1 last=3");
}

/// Sends every byte by itself.
struct Drip(TcpStream);

impl Read for Drip {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        self.0.read(&mut buf[..1])
    }
}

impl Write for Drip {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.write(&bytes[..1])
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

#[test]
fn a_handshake_a_byte_at_a_time() {
    let server = start(&[]);
    let stream = connect(tls_addr(&server));
    stream.set_nodelay(true).expect("an option");
    let mut ann = Secure::over(Drip(stream), &trusting(&self_signed(&server)));
    ann.expect("HELLO …");
    ann.say("LOGIN ann@x ann-secret");
    ann.expect("OK LOGIN ann@x …");
    ann.say("MSG drop by drop");
    ann.expect("OK MSG 1 <time>");
}

#[test]
fn no_tls_is_answered_and_ends() {
    let server = start(&["--log-level", "debug"]);
    let mut ann = Secure::member(&server, "ann@x");
    // Plain text gets an alert: 21 is its type, 2 says that it is fatal.
    let mut plain = connect(tls_addr(&server));
    plain.write_all(b"LOGIN bob@x bob-secret\n").expect("it listens");
    let mut answer = Vec::new();
    plain.read_to_end(&mut answer).expect("the end follows");
    assert!(matches!(answer.as_slice(), [21, 3, _, 0, 2, 2, _]), "{answer:?}");
    server.until_logged("TLS failed: received corrupt message of type InvalidContentType: from=127.0.0.1:");

    // A hello that never ends: handshake records of a message of 60,000 bytes.
    let mut long = connect(tls_addr(&server));
    let mut hello = vec![1, 0, 60_000u16.to_be_bytes()[0], 60_000u16.to_be_bytes()[1]];
    hello.resize(16_000, 0);
    for _ in 0..2 {
        let header = [&[22, 3, 1][..], &16_000u16.to_be_bytes()[..]].concat();
        let _ = long.write_all(&[header, hello.clone()].concat());
    }
    server.until_logged("TLS failed: a handshake too long: from=127.0.0.1:");
    assert!(!matches!(read_some(&mut long, &mut [0; 16]), Ok(n) if n > 7), "an alert at most");

    // Garbage after the handshake ends the connection, what was said before counts.
    let mut bob = Secure::member(&server, "bob@x");
    bob.say("MSG said");
    ann.expect("MSG 1 <time> bob@x said");
    bob.session().writer().write_all(b"MSG with it\nMSG half").expect("memory is writable");
    let mut both = Vec::new();
    bob.session().write_tls(&mut both).expect("memory is writable");
    both.extend([23, 3, 3, 0, 40].repeat(20));
    bob.0.get_mut().sock.write_all(&both).expect("the server reads");
    ann.expect("MSG 2 <time> bob@x with it");
    server.until_logged("TLS failed: cannot decrypt peer's message: from=127.0.0.1:");
    ann.say("WHO");
    ann.expect("WHO ann@x devices=1");
    ann.expect("OK WHO 1");
}

#[test]
fn the_deadline_counts_the_handshake() {
    let server = start(&["--login-timeout", "1", "--log-level", "debug"]);
    let mut silent = connect(tls_addr(&server));
    let mut answer = Vec::new();
    silent.read_to_end(&mut answer).expect("the end follows");
    assert_eq!(answer, b"");
    server.until_logged("TLS failed: no handshake in time: from=127.0.0.1:");
    let mut anonymous = Secure::open(&server);
    anonymous.expect("HELLO …");
    anonymous.expect("BYE login-timeout …");
    assert_eq!(anonymous.line(), None);
}

#[test]
fn the_time_to_log_in_counts_from_accepting() {
    let server = start(&["--login-timeout", "3"]);
    let mut ann = Peer::member(server.addr(), "ann@x");
    let mut first = Secure::open(&server);
    first.almost_shake_hands();
    // Nobody inside has heard of it, and it is open all the same.
    ann.until_stat("connections", 2..=2);
    let mut second = Peer::connect(server.addr());
    second.expect("HELLO …");
    first.expect("HELLO …");
    let refused = |addr: SocketAddr| format!("login refused: mail=- from={addr} why=timeout");
    let of_first = refused(first.0.get_ref().sock.local_addr().expect("it is connected"));
    let of_second = refused(second.local_addr());
    server.until_logged(&of_first);
    server.until_logged(&of_second);
    let log = server.log();
    assert!(log.find(&of_first) < log.find(&of_second), "the first to come is the first to go:\n{log}");
    first.expect("BYE login-timeout …");
    second.expect("BYE login-timeout …");
    ann.until_stat("connections", 1..=1);

    // A connection without a handshake also counts as one before login.
    let silent = connect(tls_addr(&server));
    server.until_logged(&refused(silent.local_addr().expect("it is connected")));
    assert_eq!(ann.stat("logins-refused"), 3);
    ann.until_stat("connections", 1..=1);
}

#[test]
fn a_handshake_under_way_does_not_delay_the_end() {
    let mut server = start(&[]);
    let mut ann = Peer::member(server.addr(), "ann@x");
    let mut silent = connect(tls_addr(&server));
    let mut almost = Secure::open(&server);
    almost.almost_shake_hands();
    ann.until_stat("connections", 3..=3);
    server.signal(Signal::TERM);
    assert!(server.wait().success(), "{}", server.log());
    ann.expect("BYE shutdown …");
    assert_eq!(read_some(&mut silent, &mut [0]).expect("the end follows"), 0);
    assert!(!server.log().contains("had not taken everything"), "{}", server.log());
}

#[test]
fn strangers_give_way_over_tls_too() {
    let server = start(&["--max-connections", "2"]);
    let mut silent = connect(tls_addr(&server));
    let mut anonymous = Secure::open(&server);
    anonymous.expect("HELLO …");
    let mut ann = Secure::member(&server, "ann@x");
    let mut answer = Vec::new();
    silent.read_to_end(&mut answer).expect("the end follows");
    assert_eq!(answer, b"");
    let mut bob = Secure::member(&server, "bob@x");
    anonymous.expect("BYE full …");
    assert_eq!(anonymous.line(), None);
    // Members do not. What comes then is not even heard.
    let mut late = connect(tls_addr(&server));
    late.read_to_end(&mut answer).expect("the end follows");
    assert_eq!(answer, b"");
    ann.say("MSG complete");
    ann.expect("OK MSG 1 <time>");
    bob.expect("MSG 1 <time> ann@x complete");
}

#[test]
fn a_slow_reader_gets_everything_and_costs_little() {
    const SAID: usize = 1000;
    let server = start(&["--window", "1M"]);
    let mut ann = Peer::member(server.addr(), "ann@x");
    let mut bob = Secure::over(narrow(tls_addr(&server)), &trusting(&self_signed(&server)));
    bob.expect("HELLO …");
    bob.say("LOGIN bob@x bob-secret");
    bob.expect("OK LOGIN bob@x …");
    let text = "x".repeat(3000);
    let before = ann.stat("resident-kib");
    let all = (1..=SAID).map(|n| format!("MSG {n} {text}\n")).collect::<Vec<_>>().concat();
    ann.send(all.as_bytes());
    for n in 1..=SAID {
        ann.expect(&format!("OK MSG {n} <time>"));
    }
    // Three windows were said. What the window and the blocks may have is far more than what TLS may hold.
    let grown = ann.stat("resident-kib").saturating_sub(before);
    assert!(grown < 10 << 10, "{grown} KiB more");
    for n in 1..=SAID {
        bob.expect(&format!("MSG {n} <time> ann@x {n} {text}"));
    }
    bob.say("PING");
    bob.expect("OK PING");
    assert_eq!(ann.stat("cut-lagging"), 0);
}

#[test]
fn a_flood_of_hellos_takes_no_places() {
    let server = start(&["--history", "none", "--max-connections", "400"]);
    let mut ann = Peer::member(server.addr(), "ann@x/-");
    let config = trusting(&self_signed(&server));
    let name = "127.0.0.1".try_into().expect("a name");
    let mut session = ClientConnection::new(Arc::clone(&config), name).expect("a usable name");
    let mut hello = Vec::new();
    session.write_tls(&mut hello).expect("memory is writable");
    // Each says hello and is gone.
    for n in 0..2000 {
        connect(tls_addr(&server)).write_all(&hello).expect("the kernel takes it");
        if n % 100 == 0 {
            ann.say("PING");
            ann.expect("OK PING");
        }
    }
    let mut bob = Secure::member(&server, "bob@x");
    bob.say("MSG in all the same");
    bob.expect("OK MSG 1 <time>");
    ann.until_stat("connections", 2..=2);
    assert_eq!(ann.stat("refused-full"), 0);
}

#[test]
fn a_device_that_comes_back_misses_nothing() {
    let server = start(&[]);
    let over = |stream| Secure::over(stream, &trusting(&self_signed(&server)));
    a_device_misses_nothing(
        &server,
        || Secure::open(&server),
        || over(narrow(tls_addr(&server))),
        // Replies are on the wire, and no events.
        |bob| bob.fence(),
        Secure::reset,
    );
}

#[test]
fn an_idle_connection_costs_little() {
    const COUNT: u64 = 500;
    const KIB_EACH: u64 = 7;
    let server = start(&["--history", "none"]);
    let mut ann = Peer::member(server.addr(), "ann@x/-");
    let config = trusting(&self_signed(&server));
    let open = || {
        let mut peer = Secure::over(connect(tls_addr(&server)), &config);
        peer.expect("HELLO …");
        peer.say("LOGIN bob@x bob-secret");
        peer.expect("OK LOGIN bob@x …");
        peer
    };
    let _first = open();
    let before = ann.stat("resident-kib");
    let mut peers: Vec<_> = (0..COUNT).map(|_| open()).collect();
    for n in 1..=20 {
        ann.say(&format!("MSG {n} {}", "x".repeat(2000)));
        ann.expect(&format!("OK MSG {n} <time>"));
    }
    for peer in &mut peers {
        for n in 1..=20 {
            peer.expect(&format!("MSG {n} <time> ann@x {n} …"));
        }
        // What goes up is as large as what came down.
        peer.say(&format!("PING {}", "y".repeat(4000)));
        peer.expect("OK PING …");
    }
    let grown = ann.stat("resident-kib").saturating_sub(before);
    writeln!(std::io::stdout(), "{} bytes a connection", grown * 1024 / COUNT).expect("standard output");
    assert!(grown / COUNT < KIB_EACH, "{} bytes a connection", grown * 1024 / COUNT);
}

#[test]
fn tls_alone() {
    // Nobody says where plain text is, so the log is waited for here.
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("members.txt"), members_txt(&GROUP)).expect("written");
    let mut child = Command::new(env!("CARGO_BIN_EXE_chat-room-server"))
        .args(["--listen", "none", "--history", "none"])
        .args(TLS)
        .current_dir(folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let log = BufReader::new(child.stderr.take().expect("it is piped"));
    let lines = log.lines().map_while(Result::ok);
    let addr = lines.filter_map(|line| {
        assert!(!line.contains("listening on"), "{line}");
        let (_, rest) = line.split_once("listening with TLS on ")?;
        Some(rest.split(',').next()?.parse::<SocketAddr>().expect("an address"))
    });
    let addr = { addr }.next().expect("it is told");
    let mut ann = Secure::over(connect(addr), &trusting(&folder.path().join("self-signed.pem")));
    ann.expect("HELLO …");
    child.kill().expect("it runs");
    child.wait().expect("it is our child");
}
