//! Acknowledged bytes count as delivered, however slow the line is and whichever side ends first: 8 KB a second, with real
//! programs. Skipped without root, `ip` or `tc`.

mod common;
#[path = "common/netns.rs"]
mod netns;

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::thread;

use common::disk::skip;
use common::peer::Peer;
use common::read::read_some;
use common::server::{GROUP, PATIENCE, Server, folder_with, members_txt};
use netns::{Cable, End};

/// A server at the near end of a slow line, and somebody there who has said something to all.
struct Net {
    cable: Cable,
    server: Server,
    ann: Peer,
}

impl Net {
    fn lay(options: &[&str]) -> Option<Net> {
        let cable = Cable::lay().and_then(|cable| cable.slow_down().map(|()| cable)).map_err(skip).ok()?;
        let server =
            cable.at(End::Near, || Server::at(End::Near.ip(), folder_with(&members_txt(&GROUP)), options));
        let ann = cable.at(End::Near, || Peer::member(server.addr(), "ann@x/-"));
        Some(Net { cable, server, ann })
    }

    fn say(&mut self, count: u64, text: &str) {
        for n in 1..=count {
            self.ann.say(&format!("MSG {n} {text}"));
            self.ann.expect(&format!("OK MSG {n} <time>"));
        }
    }

    /// At the far end: the port for plain text, or that for TLS.
    fn addr(&self, tls: bool) -> SocketAddr {
        if !tls {
            return self.server.addr();
        }
        let log = self.server.log();
        let (_, rest) = log.split_once("listening with TLS on ").expect("it is logged before the plain port");
        rest.split(',').next().and_then(|addr| addr.parse().ok()).expect("an address")
    }

    /// What bob has missed at a login of his from the near end.
    fn missed(&self) -> u64 {
        let addr = self.server.addr();
        let mut bob = self.cable.at(End::Near, || Peer::connect(addr));
        bob.expect("HELLO …");
        bob.say("LOGIN bob@x bob-secret");
        missed(&bob.line().expect("an answer"))
    }
}

/// The field of an answer to LOGIN.
#[track_caller]
fn missed(told: &str) -> u64 {
    let field = told.split(' ').find_map(|word| word.strip_prefix("missed=")?.parse().ok());
    field.unwrap_or_else(|| panic!("no number of missed events: {told}"))
}

/// A program, what it is told, and whether it speaks TLS. `{ip}` and `{port}` stand for the server's.
struct Way {
    line: &'static str,
    input: &'static str,
    tls: bool,
}

const LOGIN: &str = "LOGIN bob@x bob-secret\n";
const QUIT: &str = "LOGIN bob@x bob-secret\nQUIT\n";

const WAYS: [Way; 11] = [
    Way { line: "nc.openbsd -N {ip} {port}", input: LOGIN, tls: false },
    Way { line: "nc.traditional -q 30 {ip} {port}", input: LOGIN, tls: false },
    Way { line: "ncat {ip} {port}", input: LOGIN, tls: false },
    Way { line: "busybox nc {ip} {port}", input: LOGIN, tls: false },
    Way { line: "socat -t 30 - TCP:{ip}:{port}", input: LOGIN, tls: false },
    Way { line: "socat -t 30 - OPENSSL:{ip}:{port},verify=0", input: LOGIN, tls: true },
    Way { line: "socat -t 30 - OPENSSL:{ip}:{port},verify=0", input: QUIT, tls: true },
    Way { line: "ncat --ssl {ip} {port}", input: LOGIN, tls: true },
    Way { line: "gnutls-cli --no-ca-verification -p {port} {ip}", input: LOGIN, tls: true },
    // These two do not say that their input has ended.
    Way { line: "nc.openbsd {ip} {port}", input: QUIT, tls: false },
    Way { line: "openssl s_client -quiet -connect {ip}:{port}", input: QUIT, tls: true },
];

impl Way {
    fn is_installed(&self) -> bool {
        let program = self.line.split(' ').next().expect("split gives at least one piece");
        let is_installed = Command::new(program).arg("--help").stdin(Stdio::null()).output().is_ok();
        if !is_installed {
            skip(format_args!("no {program} is installed"));
        }
        is_installed
    }

    /// Runs it until it ends. The answer to its login.
    fn run(&self, addr: SocketAddr) -> String {
        let line = self.line.replace("{ip}", &addr.ip().to_string());
        let line = line.replace("{port}", &addr.port().to_string());
        let words: Vec<&str> = line.split(' ').collect();
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("it is installed");
        child.stdin.take().expect("it is piped").write_all(self.input.as_bytes()).expect("it reads");
        let mut shown = String::new();
        child.stdout.take().expect("it is piped").read_to_string(&mut shown).expect("text");
        let _ = child.kill();
        child.wait().expect("it is our child");
        let told = shown.lines().find(|line| line.starts_with("OK LOGIN ")).map(str::to_owned);
        told.unwrap_or_else(|| panic!("{line}\n{shown}"))
    }

    /// Four times, one after the other.
    fn come_and_go(&self) {
        let Some(mut net) = Net::lay(&["--tls-listen", "10.83.0.1:0"]) else { return };
        // Some packets more than the line carries at once.
        net.say(3, &"x".repeat(600));
        let addr = net.addr(self.tls);
        let missed = [(); 4].map(|()| missed(&net.cable.at(End::Far, || self.run(addr))));
        assert_eq!(missed, [3, 0, 0, 0], "{}", self.line);
        net.ann.say("WHO");
        net.ann.expect("OK WHO 0");
        net.ann.say("INFO 3");
        for name in ["cid", "dan", "eve"] {
            net.ann.expect(&format!("PENDING {name}@x seen=never"));
        }
        net.ann.expect("OK INFO 3 delivered=1 pending=3");
        net.ann.until_stat("connections", 1..=1);
    }
}

#[test]
fn a_peer_that_ends_first_has_what_was_acknowledged() {
    thread::scope(|scope| {
        let installed = WAYS.iter().filter(|way| way.is_installed());
        let all: Vec<_> = installed.map(|way| scope.spawn(|| way.come_and_go())).collect();
        let failed = all.into_iter().filter_map(|way| way.join().err()).count();
        assert_eq!(failed, 0, "see above");
    });
}

/// Somebody at the far end who logs in and ends in one go, and is sent this many lines of 400 bytes.
struct Slow {
    net: Net,
    bob: TcpStream,
    heard: Vec<u8>,
}

const LINES: u64 = 30;

impl Slow {
    fn enter(options: &[&str]) -> Option<Slow> {
        let mut net = Net::lay(options)?;
        net.say(LINES, &"x".repeat(350));
        let addr = net.server.addr();
        let mut bob = net.cable.at(End::Far, || TcpStream::connect(addr)).expect("it listens");
        bob.set_read_timeout(Some(PATIENCE)).expect("an option");
        bob.write_all(LOGIN.as_bytes()).expect("it reads");
        bob.shutdown(Shutdown::Write).expect("it is open");
        Some(Slow { net, bob, heard: Vec::new() })
    }

    /// Reads until it has some of these lines, and not all.
    fn hear(&mut self, seq: u64) {
        while self.lines_heard() < seq {
            let mut buf = [0; 700];
            let n = read_some(&mut self.bob, &mut buf).expect("the server goes on");
            assert_ne!(n, 0, "the end");
            self.heard.extend_from_slice(&buf[..n]);
        }
        assert!(self.lines_heard() < LINES, "the line is slow");
    }

    fn lines_heard(&self) -> u64 {
        memchr::memmem::find_iter(&self.heard, "\nMSG ").count() as u64
    }

    /// It gets all of it, and the end.
    fn hear_all(&mut self) {
        self.bob.read_to_end(&mut self.heard).expect("the end follows");
        assert_eq!(self.lines_heard(), LINES);
    }
}

#[test]
fn a_device_that_comes_back_meanwhile_continues_with_outstanding_bytes() {
    let Some(mut slow) = Slow::enter(&[]) else { return };
    slow.hear(10);
    // Bob is gone, as everybody can see, and only the last of what was sent is not known to have arrived.
    slow.net.ann.say("WHO");
    slow.net.ann.expect("OK WHO 0");
    let missed = slow.net.missed();
    assert!(0 < missed && missed < LINES, "{missed} of {LINES}");
    slow.hear_all();
    slow.net.ann.until_stat("connections", 1..=1);
    assert_eq!(slow.net.missed(), 0);
}

#[test]
fn a_stop_waits_for_what_is_under_way() {
    let Some(mut slow) = Slow::enter(&[]) else { return };
    slow.hear(10);
    slow.net.server.stop();
    slow.hear_all();
    let Slow { net: Net { cable, server, ann }, .. } = slow;
    drop(ann);
    let server = cable.at(End::Near, || Server::at(End::Near.ip(), server.into_folder(), &[]));
    let ann = cable.at(End::Near, || Peer::member(server.addr(), "ann@x/-"));
    assert_eq!(Net { cable, server, ann }.missed(), 0);
}

#[test]
fn a_connection_that_has_left_is_evicted_for_a_new_one() {
    let Some(mut slow) = Slow::enter(&["--max-connections", "2"]) else { return };
    slow.hear(10);
    // The rest is under way for ever.
    slow.net.cable.pull();
    assert_eq!(slow.net.ann.stat("connections"), 2);
    let missed = slow.net.missed();
    assert!(0 < missed && missed < LINES, "{missed} of {LINES}");
    slow.net.ann.until_stat("connections", 1..=1);
    assert_eq!((slow.net.ann.stat("put-out"), slow.net.ann.stat("refused-full")), (0, 0));
}

#[test]
fn a_reset_ends_the_waiting() {
    let Some(mut slow) = Slow::enter(&[]) else { return };
    slow.hear(10);
    // It ends without reading what has arrived, which its kernel tells as a reset.
    let mut unread = [0; 1];
    slow.bob.read_exact(&mut unread).expect("more comes");
    drop(slow.bob);
    slow.net.ann.until_stat("connections", 1..=1);
    let missed = slow.net.missed();
    assert!(0 < missed && missed < LINES, "{missed} of {LINES}");
}
