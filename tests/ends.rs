//! Peers that end before the server does: with TLS their `close_notify` may come with the last line, or with the handshake; and
//! programs of all kinds end as soon as they have their answers.

mod common;
#[path = "common/secure.rs"]
mod secure;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Arc;

use common::disk::skip;
use common::net::{connect, free_addr};
use common::peer::{OnDemand as _, Peer, fits, masked};
use common::running::Running;
use common::server::{Server, until};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, HandshakeKind, SupportedProtocolVersion};
use secure::{Secure, self_signed, speaking, start, tls_addr};

/// Each of the versions of TLS, and a server.
fn with_each_version(test: impl Fn(&Server, &Arc<ClientConfig>)) {
    let versions: [&'static SupportedProtocolVersion; 2] = [&TLS13, &TLS12];
    for version in versions {
        let server = start(&[]);
        test(&server, &speaking(&[version], &self_signed(&server)));
    }
}

/// Bob is not there, and nobody's connection is but that of who asks.
#[track_caller]
fn assert_gone(server: &Server) {
    let mut ann = Peer::member(server.addr(), "ann@x/-");
    ann.say("WHO");
    ann.expect("OK WHO 0");
    ann.until_stat("connections", 1..=1);
}

#[test]
fn the_end_comes_with_the_last_line() {
    with_each_version(|server, config| {
        let mut bob = Secure::over(connect(tls_addr(server)), config);
        bob.expect("HELLO …");
        bob.say("LOGIN bob@x bob-secret");
        bob.expect("OK LOGIN bob@x …");
        bob.say_all_and_end(&[b"MSG one\n", b"PING two\nMSG no line end"]);
        bob.expect("OK MSG 1 <time>");
        bob.expect("OK PING two");
        bob.expect("OK MSG 2 <time>");
        assert_eq!(bob.line(), None);
        assert_gone(server);
    });
}

#[test]
fn the_end_comes_with_more_than_is_read_at_once() {
    with_each_version(|server, config| {
        let text = "x".repeat(4000);
        // Three whole records; before login a quarter of one is read at a time.
        let pings: Vec<String> = (0..12).map(|n| format!("PING {n} {text}\n")).collect();
        let records: Vec<Vec<u8>> = pings.chunks(4).map(|lines| lines.concat().into_bytes()).collect();
        for login in ["", "LOGIN bob@x bob-secret\n"] {
            let mut bob = Secure::over(connect(tls_addr(server)), config);
            bob.expect("HELLO …");
            let mut pieces: Vec<&[u8]> = vec![login.as_bytes()];
            pieces.extend(records.iter().map(Vec::as_slice));
            pieces.push(b"PING no line end");
            bob.say_all_and_end(&pieces);
            if !login.is_empty() {
                bob.expect("OK LOGIN bob@x …");
            }
            for ping in &pings {
                bob.expect(&format!("OK {}", ping.trim_end()));
            }
            bob.expect("OK PING no line end");
            assert_eq!(bob.line(), None);
            assert_gone(server);
        }
    });
}

#[test]
fn the_end_comes_with_the_end_of_the_handshake() {
    with_each_version(|server, config| {
        // With a ticket the client sends the last message in TLS 1.2, too.
        let mut first = Secure::over(connect(tls_addr(server)), config);
        first.expect("HELLO …");
        drop(first);
        let mut bob = Secure::over(connect(tls_addr(server)), config);
        bob.almost_shake_hands();
        assert_eq!(bob.session().handshake_kind(), Some(HandshakeKind::Resumed));
        bob.say_all_and_end(&[b"LOGIN bob@x bob-secret\n", b"PING no line end"]);
        bob.expect("HELLO …");
        bob.expect("OK LOGIN bob@x …");
        bob.expect("OK PING no line end");
        assert_eq!(bob.line(), None);
        assert_gone(server);
    });
}

/// Whether a program is installed; if not, that is said.
fn is_installed(program: &str) -> bool {
    let runs = Command::new(program).arg("--version").stdin(Stdio::null()).output().is_ok();
    if !runs {
        skip(format_args!("no {program} is installed"));
    }
    runs
}

/// Runs a program with this on its standard input, until it ends by itself. What it shows.
fn shown_by(command: &mut Command, input: &str) -> String {
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().expect("a program");
    child.stdin.take().expect("it is piped").write_all(input.as_bytes()).expect("it reads");
    let mut shown = String::new();
    child.stdout.take().expect("it is piped").read_to_string(&mut shown).expect("text");
    child.wait().expect("it is our child");
    shown
}

/// What was said to a program has its answers, and then the program and the member are gone.
#[track_caller]
fn ends_by_itself(server: &Server, command: &mut Command) {
    let shown = shown_by(command, "LOGIN bob@x bob-secret\nPING one\nPING two\n");
    let answers: Vec<String> = shown.lines().filter(|line| line.starts_with("OK ")).map(masked).collect();
    let patterns = ["OK LOGIN bob@x …", "OK PING one", "OK PING two"];
    let fit = answers.iter().zip(patterns).all(|(line, pattern)| fits(pattern, line));
    assert!(fit && answers.len() == patterns.len(), "{command:?}\n{shown}");
    assert_gone(server);
}

#[test]
fn programs_that_speak_tls_end_when_all_is_answered() {
    let server = start(&[]);
    let addr = tls_addr(&server);
    let (ip, port) = (addr.ip().to_string(), addr.port().to_string());
    let socat = format!("OPENSSL:{ip}:{port},verify=0");
    let lines: [&[&str]; 4] = [
        &[
            "gnutls-cli",
            "--no-ca-verification",
            "--priority",
            "NORMAL:-VERS-ALL:+VERS-TLS1.3",
            "-p",
            &port,
            &ip,
        ],
        &[
            "gnutls-cli",
            "--no-ca-verification",
            "--priority",
            "NORMAL:-VERS-ALL:+VERS-TLS1.2",
            "-p",
            &port,
            &ip,
        ],
        &["socat", "-t", "30", "-", &socat],
        &["ncat", "--ssl", &ip, &port],
    ];
    for line in lines {
        if is_installed(line[0]) {
            ends_by_itself(&server, Command::new(line[0]).args(&line[1..]));
        }
    }
}

#[test]
fn stunnel_ends_when_all_is_answered() {
    if !is_installed("stunnel") {
        return;
    }
    let server = start(&[]);
    for version in ["TLSv1.3", "TLSv1.2"] {
        let tunnel = Tunnel::dig(&server, version);
        for round in 0..20 {
            let mut bob = tunnel.enter();
            bob.write_all(b"LOGIN bob@x bob-secret\nPING one\nPING no line end").expect("it reads");
            bob.shutdown(Shutdown::Write).expect("it is open");
            let mut told = String::new();
            bob.read_to_string(&mut told).expect("the end follows");
            assert!(told.ends_with("OK PING one\nOK PING no line end\n"), "{version} {round}\n{told}");
            assert_gone(&server);
        }
    }
}

/// A stunnel that takes plain text and speaks TLS with the server.
struct Tunnel {
    _program: Running,
    addr: SocketAddr,
}

impl Tunnel {
    fn dig(server: &Server, version: &str) -> Tunnel {
        let addr = free_addr();
        let to = tls_addr(server);
        let config = server.members().with_file_name("stunnel.conf");
        let text = format!(
            "client = yes\nforeground = yes\npid =\nsyslog = no\nsslVersion = {version}\n\
             [chat]\naccept = {addr}\nconnect = {to}\n"
        );
        fs::write(&config, text).expect("written");
        let mut command = Command::new("stunnel");
        command.arg(&config).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let tunnel = Tunnel { _program: Running::spawn(&mut command), addr };
        until("stunnel listens", || TcpStream::connect(addr).is_ok());
        assert_gone(server);
        tunnel
    }

    fn enter(&self) -> TcpStream {
        connect(self.addr)
    }
}
