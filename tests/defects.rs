//! Defects that programs of this kind usually have, each looked for in the real server.
//!
//! Longer than 350 lines: independent tests, one defect each.

mod common;

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use common::peer::Peer;
use common::read::read_some;
use common::server::{GROUP, PATIENCE, Server, members_txt};
use common::talk::{Talk, check};
use socket2::{Domain, SockRef, Socket, Type};

/// A socket that nobody reads unless told to, with next to no room in it.
fn narrow(addr: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None).expect("a socket");
    socket.set_recv_buffer_size(2048).expect("an option");
    socket.connect(&addr.into()).expect("the server listens");
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE)).expect("an option");
    stream
}

/// As [`narrow`], logged in, with nothing left to be read.
fn narrow_member(addr: SocketAddr, who: &str) -> TcpStream {
    let mut stream = narrow(addr);
    let name = who.split('@').next().expect("split gives at least one piece");
    stream.write_all(format!("LOGIN {who} {name}-secret\n").as_bytes()).expect("it listens");
    for _ in ["HELLO", "OK LOGIN"] {
        let mut byte = [0];
        while byte != *b"\n" {
            stream.read_exact(&mut byte).expect("the server answers");
        }
    }
    stream
}

/// Closes with a reset instead of an end.
fn reset(stream: TcpStream) {
    SockRef::from(&stream).set_linger(Some(Duration::ZERO)).expect("an option");
    drop(stream);
}

fn read_to_end(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut piece = [0; 1000];
    loop {
        match read_some(stream, &mut piece) {
            Ok(0) => break,
            Ok(n) => bytes.extend_from_slice(&piece[..n]),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
            Err(error) => panic!("{error}"),
        }
    }
    String::from_utf8(bytes).expect("text")
}

#[test]
fn an_idle_connector_blocks_nobody() {
    check(
        "
        silent< HELLO …
        half>> LOGIN bob@x bob-sec
        hello>> \\x16
        telnet>> \\xff
        skipped>> \\xff\\xfa
        ann:
        bob:
        ann> MSG nobody is in the way
        ann< OK MSG 1 <time>
        bob< MSG 1 <time> ann@x nobody is in the way
        ann=
        ",
    );
}

#[test]
fn a_peer_that_vanishes_in_mid_line_harms_nobody() {
    let mut talk = Talk::with(Server::start());
    talk.play("ann:");
    let mut seq = 0;
    let pieces: [(&str, Option<&str>); 7] = [
        ("", None),
        ("LOG", None),
        ("LOGIN bob@x bob-sec", None),
        ("LOGIN bob@x bob-secret\n", None),
        ("LOGIN nobody@x bob-secret\n", None),
        ("LOGIN bob@x bob-secret\nMSG ha", Some("ha")),
        ("LOGIN bob@x bob-secret\nMSG", None),
    ];
    for (sent, text_at_fin) in pieces {
        for resets in [true, false] {
            let mut stream = narrow(talk.server.addr());
            stream.write_all(sent.as_bytes()).expect("it listens");
            // Half a line counts when an end follows it, never when a reset does. To be read
            // before, it has to be waited for.
            if resets && text_at_fin.is_some() {
                talk.peer("ann").until_stat("logged-in", 2..=2);
            }
            if resets {
                reset(stream);
            } else {
                // Closing with something unread would be a reset, too.
                stream.shutdown(Shutdown::Write).expect("it is open");
                read_to_end(&mut stream);
                if let Some(text) = text_at_fin {
                    seq += 1;
                    talk.play(&format!("ann< MSG {seq} <time> bob@x {text}"));
                }
            }
            talk.peer("ann").until_stat("connections", 1..=1);
            talk.play("ann=");
        }
    }
    talk.play("bob:\nbob=");
    assert_eq!(talk.peer("ann").stat("logged-in"), 2);
}

#[test]
fn quick_messages_never_merge() {
    let mut talk = Talk::with(Server::start());
    talk.play("ann:\nbob:\ncid:");
    let all = (1..=2000).map(|n| format!("MSG {n}\n")).collect::<Vec<_>>().concat();
    talk.peer("ann").send(all.as_bytes());
    let mut last = 0;
    for byte in "MSG x\nMSG y\n".repeat(20).as_bytes() {
        talk.peer("bob").send(&[*byte]);
    }
    for _ in 0..2040 {
        let line = talk.peer("cid").line().expect("an event");
        let words: Vec<&str> = line.split(' ').collect();
        assert_eq!(words.len(), 5, "{line}");
        if words[3] == "ann@x" {
            last += 1;
            assert_eq!(words[4], last.to_string(), "{line}");
        }
    }
    talk.play("cid=");
}

#[test]
fn a_long_message_is_never_cut() {
    const LONGEST: usize = 65536;
    let mut talk = Talk::with(Server::with(&members_txt(&GROUP), &["--max-line", &LONGEST.to_string()]));
    talk.play("ann:");
    let mut bob = narrow_member(talk.server.addr(), "bob@x");
    // Each longer than what bob's socket takes, together longer than what the server's does.
    let text = |n: usize| -> String {
        (0..)
            .map(|word| format!("{n}.{word} "))
            .flat_map(String::into_bytes)
            .map(char::from)
            .take(LONGEST - 5)
            .collect()
    };
    for n in 1..=30 {
        talk.peer("ann").say(&format!("MSG {}", text(n)));
    }
    for n in 1..=30 {
        talk.play(&format!("ann< OK MSG {n} <time>"));
    }
    bob.shutdown(Shutdown::Write).expect("it is open");
    let heard = read_to_end(&mut bob);
    let lines: Vec<&str> = heard.split_terminator('\n').collect();
    assert_eq!(lines.len(), 30);
    for (n, line) in (1..).zip(lines) {
        let said = line.split(' ').skip(4).collect::<Vec<_>>().join(" ");
        assert!(said == text(n), "message {n} is another");
    }
    talk.play("ann=");
}

#[test]
fn a_half_closed_peer_gets_what_was_said_and_no_flood() {
    let mut talk = Talk::with(Server::start());
    talk.play("ann:");
    let mut bob = narrow_member(talk.server.addr(), "bob@x");
    for n in 1..=500 {
        talk.play(&format!("ann> MSG {n} {}\nann< OK MSG {n} <time>", "x".repeat(2000)));
    }
    bob.write_all(b"PING the end").expect("it listens");
    bob.shutdown(Shutdown::Write).expect("it is open");
    // The end is fixed when the server has read that there is one.
    talk.peer("ann").until_stat("logged-in", 1..=1);
    talk.play("ann> MSG not for bob\nann< OK MSG 501 <time>\nann=");
    let heard = read_to_end(&mut bob);
    let lines: Vec<&str> = heard.split_terminator('\n').collect();
    assert_eq!(lines.len(), 501);
    assert!(lines.contains(&"OK PING the end"));
    assert!(lines.iter().filter(|line| line.starts_with("MSG ")).count() == 500);
    talk.peer("ann").until_stat("connections", 1..=1);
    talk.play("ann=");
}

#[test]
fn a_member_who_does_not_read_delays_nobody_and_is_cut_if_there_are_no_files() {
    let options = ["--window", "1M", "--history", "none"];
    let mut talk = Talk::with(Server::with(&members_txt(&GROUP), &options));
    talk.play("ann:\ncid:");
    let mut bob = narrow_member(talk.server.addr(), "bob@x");
    let text = "x".repeat(3000);
    // Some at a time: cid reads, but without files a machine that stops cid for a moment would have cid cut too.
    for some in (1..=1000).collect::<Vec<_>>().chunks(50) {
        let said = some.iter().map(|n| format!("MSG {n} {text}\n")).collect::<Vec<_>>().concat();
        talk.peer("ann").send(said.as_bytes());
        for n in some {
            talk.peer("cid").expect(&format!("MSG {n} <time> ann@x {n} {text}"));
            talk.peer("ann").expect(&format!("OK MSG {n} <time>"));
        }
    }
    talk.peer("ann").until_stat("cut-lagging", 1..=1);
    talk.peer("ann").until_stat("connections", 2..=2);
    talk.play("ann=\ncid=");
    talk.server.until_logged("fell behind the window");
    // What did reach bob is whole and has no holes, but for the last line.
    let heard = read_to_end(&mut bob);
    let whole = heard.rsplit_once('\n').map_or("", |(whole, _)| whole);
    for (n, line) in (1..).zip(whole.split_terminator('\n')) {
        assert!(line.starts_with(&format!("MSG {n} ")) && line.ends_with(&text), "line {n}");
    }

    let mut bob = Peer::connect(talk.server.addr());
    bob.expect("HELLO …");
    bob.say("LOGIN bob@x bob-secret");
    // What has left the window is nowhere: it goes on with the oldest event that is left.
    let told = bob.line().expect("OK LOGIN");
    let field = |name: &str| -> u64 {
        let value = told.split(' ').find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
        value.expect("a field").parse().expect("a number")
    };
    let (last, missed, first) = (field("last"), field("missed"), field("first"));
    assert!(last == 1000 && first > 600 && missed == 1000 + 1 - first, "{told}");
    for n in first..=last {
        bob.expect(&format!("MSG {n} <time> ann@x {n} {text}"));
    }
    bob.fence();
}

#[test]
fn a_member_who_does_not_read_gets_everything_from_the_files_once_it_reads() {
    let mut talk = Talk::with(Server::with(&members_txt(&GROUP), &["--window", "1M"]));
    talk.play("ann:\ncid:");
    let mut bob = narrow_member(talk.server.addr(), "bob@x");
    let text = "x".repeat(3000);
    let all = (1..=1000).map(|n| format!("MSG {n} {text}\n")).collect::<Vec<_>>().concat();
    talk.peer("ann").send(all.as_bytes());
    for n in 1..=1000 {
        talk.peer("cid").expect(&format!("MSG {n} <time> ann@x {n} {text}"));
        talk.peer("ann").expect(&format!("OK MSG {n} <time>"));
    }
    assert_eq!(talk.peer("ann").stat("cut-lagging"), 0);
    assert_eq!(talk.peer("ann").stat("connections"), 3);
    talk.play("ann=\ncid=");
    // Three windows late: all of it comes, and then what is said now.
    talk.play("ann> MSG the end\nann< OK MSG 1001 <time>");
    bob.write_all(b"QUIT\n").expect("it listens");
    let heard = read_to_end(&mut bob);
    let lines: Vec<&str> = heard.split_terminator('\n').collect();
    assert_eq!(lines.len(), 1002);
    for (n, line) in (1..).zip(&lines[..1000]) {
        let said = line.split(' ').skip(3).collect::<Vec<_>>().join(" ");
        assert!(line.starts_with(&format!("MSG {n} ")), "line {n}");
        assert!(said == format!("ann@x {n} {text}"), "line {n} is another");
    }
    assert!(lines[1000].ends_with(" ann@x the end") && lines[1001] == "OK QUIT");
    assert_eq!(talk.peer("ann").stat("cut-lagging"), 0);
}

/// Where the window's ring wraps around, what is owed is in two pieces.
#[test]
fn a_reader_gets_everything_at_once_wherever_the_window_wraps() {
    let mut talk = Talk::with(Server::with(&members_txt(&GROUP), &["--window", "1M"]));
    talk.play("ann:\nbob:");
    let text = "x".repeat(4000);
    // The wait for each is what matters: nothing else happens that could help it along.
    for n in 1..=1200 {
        talk.peer("ann").say(&format!("MSG {text}"));
        talk.peer("bob").expect(&format!("MSG {n} <time> ann@x {text}"));
        talk.peer("ann").expect(&format!("OK MSG {n} <time>"));
    }
}

#[test]
fn a_flood_of_everybody_reaches_everybody() {
    // More than is taken in one turn, and less than the window: nobody may fall behind, however slow.
    const SENDERS: usize = 40;
    const SAID: usize = 40;
    let mut talk = Talk::with(Server::start());
    for name in GROUP {
        talk.play(&format!("{name}:"));
    }
    let text = "x".repeat(3900);
    let all = format!("MSG {text}\n").repeat(SAID);
    let mut senders: Vec<Peer> = (0..SENDERS).map(|_| Peer::member(talk.server.addr(), "bob@x/-")).collect();
    std::thread::scope(|scope| {
        for sender in &mut senders {
            scope.spawn(|| sender.send(all.as_bytes()));
        }
    });
    for name in GROUP {
        for n in 1..=SENDERS * SAID {
            talk.peer(name).expect(&format!("MSG {n} <time> bob@x {text}"));
        }
        talk.play(&format!("{name}="));
    }
    for sender in &mut senders {
        for _ in 0..SAID {
            sender.expect("OK MSG … <time>");
        }
        sender.fence();
    }
}

#[test]
fn a_peer_that_asks_without_reading_is_read_no_further() {
    let mut talk = Talk::with(Server::start());
    talk.play("ann:\nbob:");
    let mut eve = narrow_member(talk.server.addr(), "eve@x/-");
    eve.set_nonblocking(true).expect("an option");
    let line = format!("PING {}\n", "x".repeat(1018));
    let mut asked = 0;
    // Until neither socket buffers nor the server take more.
    let mut refused = 0;
    while refused < 50 {
        match eve.write(&line.as_bytes()[asked % line.len()..]) {
            Ok(n) => (asked, refused) = (asked + n, 0),
            Err(_) => {
                refused += 1;
                talk.play("ann=\nbob=");
            }
        }
    }
    talk.play("bob> MSG nobody is in the way\nann< MSG 1 <time> bob@x nobody is in the way");
    assert!(asked < 64 << 20, "nobody stores so much");
    eve.set_nonblocking(false).expect("an option");
    let mut reader = eve.try_clone().expect("a descriptor");
    let heard = std::thread::spawn(move || read_to_end(&mut reader));
    eve.write_all(&line.as_bytes()[asked % line.len()..]).expect("it reads again");
    eve.shutdown(Shutdown::Write).expect("it is open");
    let heard = heard.join().expect("all of it is text");
    let lines = (asked - asked % line.len()) / line.len() + 1;
    assert_eq!(heard.lines().count(), lines);
    assert!(heard.lines().all(|answer| answer == format!("OK {}", line.trim_end())));
}

#[test]
fn a_restart_right_after_a_crash_binds_its_port() {
    let mut server = Server::start();
    for _ in 0..3 {
        let mut peers: Vec<Peer> =
            GROUP.iter().map(|n| Peer::member(server.addr(), &format!("{n}@x"))).collect();
        peers[0].say("MSG under way");
        server = server.again();
        drop(peers);
    }
    let mut talk = Talk::with(server);
    // What was under way may have been stored, and nobody was told: only answers are looked at.
    talk.play("ann> LOGIN ann@x/- ann-secret\nann< OK LOGIN …\nann> MSG back\nann< OK MSG …\nann=");
}
