//! Missed events wait: conversations across disconnections, restarts and crashes, with the real server and its files.
//!
//! Longer than 350 lines: independent conversations.

mod common;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use common::peer::Peer;
use common::server::{GROUP, PATIENCE, Server, cheap_hash, members_txt, until};
use common::talk::{Talk, check};

/// How a server ends.
#[derive(Clone, Copy, Debug)]
enum End {
    /// SIGTERM.
    Stop,
    /// kill -9.
    Kill,
}

const ENDS: [End; 2] = [End::Stop, End::Kill];

/// Ends the server and starts one with the same files. Nobody is connected any more.
fn restarted(talk: Talk, end: End, options: &[&str]) -> Talk {
    let mut server = talk.server;
    match end {
        End::Stop => server.stop(),
        End::Kill => server.kill(),
    }
    Talk::with(server.again_with(options))
}

/// A login without a feed, and the fields of its answer as they are.
fn field_at_login(addr: SocketAddr, key: &str) -> String {
    let mut stream = TcpStream::connect(addr).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("an option");
    stream.write_all(b"LOGIN ann@x/- ann-secret\n").expect("it listens");
    let mut lines = BufReader::new(stream).lines();
    let told = lines.nth(1).expect("an answer").expect("text");
    let value = told.split(' ').find_map(|word| word.strip_prefix(key)?.strip_prefix('='));
    value.expect("a field").to_owned()
}

/// The bytes of all files of the transcript.
fn transcript(history: &Path) -> Vec<u8> {
    let names = fs::read_dir(history).expect("a folder").map(|entry| entry.expect("an entry").path());
    let mut names: Vec<_> = names.filter(|path| path.extension().is_some_and(|ext| ext == "txt")).collect();
    names.sort();
    names.iter().flat_map(|path| fs::read(path).expect("a file")).collect()
}

#[test]
fn what_was_missed_comes_at_the_next_login() {
    check(
        "
        ann:
        bob:
        ann> MSG here
        ann< OK MSG 1 <time>
        bob< MSG 1 <time> ann@x here
        bob/
        ann> MSG away
        ann< OK MSG 2 <time>
        # What a member says without a feed, the own devices miss too.
        bob2: -
        bob2> MSG from a script
        bob2< OK MSG 3 <time>
        ann< MSG 3 <time> bob@x from a script
        ann> ADD zoe@x zoe-secret
        ann< OK ADD zoe@x
        ann< ADDED 4 <time> ann@x zoe@x
        bob> LOGIN bob@x bob-secret
        bob< OK LOGIN bob@x role=member last=4 missed=3 first=1 transcript=<id>
        bob< MSG 2 <time> ann@x away
        bob< MSG 3 <time> bob@x from a script
        bob< ADDED 4 <time> ann@x zoe@x
        bob> MSG back
        bob< OK MSG 5 <time>
        bob=
        ann< MSG 5 <time> bob@x back
        ann=
        ",
    );
}

#[test]
fn devices_miss_each_their_own() {
    check(
        "
        ann:
        bob: phone
        ann> MSG one
        ann< OK MSG 1 <time>
        bob< MSG 1 <time> ann@x one
        # One not seen before begins where the furthest is.
        bob2> LOGIN bob@x/laptop bob-secret
        bob2< OK LOGIN bob@x role=member last=1 missed=0 first=1 transcript=<id>
        bob/
        ann> MSG two
        ann< OK MSG 2 <time>
        bob2< MSG 2 <time> ann@x two
        bob> LOGIN bob@x/phone bob-secret
        bob< OK LOGIN bob@x role=member last=2 missed=1 first=1 transcript=<id>
        bob< MSG 2 <time> ann@x two
        bob=
        bob2=
        # The first of all begins with the first event.
        cid> LOGIN cid@x/phone cid-secret
        cid< OK LOGIN cid@x role=member last=2 missed=2 first=1 transcript=<id>
        cid< MSG 1 <time> ann@x one
        cid< MSG 2 <time> ann@x two
        cid=
        ",
    );
}

#[test]
fn logins_without_a_feed_eat_nothing() {
    check(
        "
        ann: -
        ann> MSG one
        ann< OK MSG 1 <time>
        bob> LOGIN bob@x/- bob-secret
        bob< OK LOGIN bob@x role=member last=1 missed=0 first=1 transcript=<id>
        bob> HISTORY
        bob< HISTORY 1 1
        bob< MSG 1 <time> ann@x one
        bob< OK HISTORY 1 last=1
        bob> SKIP
        bob< OK SKIP 0
        bob/
        ann> MSG two
        ann< OK MSG 2 <time>
        bob> LOGIN bob@x bob-secret
        bob< OK LOGIN bob@x role=member last=2 missed=2 first=1 transcript=<id>
        bob< MSG 1 <time> ann@x one
        bob< MSG 2 <time> ann@x two
        bob=
        ",
    );
}

#[test]
fn restarts_lose_nothing_and_repeat_nothing_that_was_acknowledged() {
    for end in ENDS {
        let mut talk = Talk::with(Server::start());
        talk.play(
            "
            ann:
            bob:
            ann> MSG one
            ann< OK MSG 1 <time>
            bob< MSG 1 <time> ann@x one
            bob/
            ann> MSG two
            ann< OK MSG 2 <time>
            ann> ADD zoe@x zoe-secret
            ann< OK ADD zoe@x
            ann< ADDED 3 <time> ann@x zoe@x
            ann=
            ",
        );
        let id = field_at_login(talk.server.addr(), "transcript");
        // A crash may forget what was acknowledged in the last two seconds.
        talk.server.until_noted("bob@x", 1);
        talk.server.until_noted("ann@x", 3);
        let mut talk = restarted(talk, end, &[]);
        assert_eq!(field_at_login(talk.server.addr(), "transcript"), id, "{end:?}");
        talk.play(
            "
            bob> LOGIN bob@x bob-secret
            bob< OK LOGIN bob@x role=member last=3 missed=2 first=1 transcript=<id>
            bob< MSG 2 <time> ann@x two
            bob< ADDED 3 <time> ann@x zoe@x
            bob> MSG three is the last number
            bob< OK MSG 4 <time>
            ann> LOGIN ann@x ann-secret
            ann< OK LOGIN ann@x role=admin last=4 missed=1 first=1 transcript=<id>
            ann< MSG 4 <time> bob@x three is the last number
            zoe> LOGIN zoe@x zoe-secret
            zoe< OK LOGIN zoe@x role=member last=4 missed=2 first=3 transcript=<id>
            zoe< ADDED 3 <time> ann@x zoe@x
            zoe< MSG 4 <time> bob@x three is the last number
            ann=
            bob=
            zoe=
            ",
        );
    }
}

#[test]
fn killed_at_once_everything_told_is_there() {
    for round in 0..5 {
        let mut talk = Talk::with(Server::start());
        talk.play("ann:\nbob:");
        let all = (1..=300).map(|n| format!("MSG {n}\n")).collect::<Vec<_>>().concat();
        talk.peer("ann").send(all.as_bytes());
        let told = 1 + round * 60;
        for n in 1..=told {
            talk.peer("ann").expect(&format!("OK MSG {n} <time>"));
        }
        let mut talk = restarted(talk, End::Kill, &[]);
        let last: u64 = field_at_login(talk.server.addr(), "last").parse().expect("a number");
        assert!((told..=300).contains(&last), "{told} were told, {last} are there");
        talk.play(&format!(
            "cid> LOGIN cid@x cid-secret\ncid< OK LOGIN cid@x role=member last={last} missed={last} …"
        ));
        for n in 1..=last {
            talk.peer("cid").expect(&format!("MSG {n} <time> ann@x {n}"));
        }
        let next = last + 1;
        talk.play(&format!("cid> MSG on we go\ncid< OK MSG {next} <time>\ncid="));
    }
}

#[test]
fn history_by_number() {
    check(
        "
        ann:
        ann> HISTORY
        ann< OK HISTORY 0 last=0
        bob:
        ann> MSG one
        ann< OK MSG 1 <time>
        bob< MSG 1 <time> ann@x one
        ann> ADD zoe@x zoe-secret
        ann< OK ADD zoe@x
        ann< ADDED 2 <time> ann@x zoe@x
        bob< ADDED 2 <time> ann@x zoe@x
        bob> MSG  three\u{20}
        bob< OK MSG 3 <time>
        ann< MSG 3 <time> bob@x  three\u{20}
        # Own messages are events here.
        ann> HISTORY
        ann< HISTORY 1 3
        ann< MSG 1 <time> ann@x one
        ann< ADDED 2 <time> ann@x zoe@x
        ann< MSG 3 <time> bob@x  three\u{20}
        ann< OK HISTORY 3 last=3
        ann> history 2
        ann< HISTORY 2 3
        ann< ADDED 2 <time> ann@x zoe@x
        ann< MSG 3 <time> bob@x  three\u{20}
        ann< OK HISTORY 2 last=3
        ann> HISTORY SINCE 1 1
        ann< HISTORY 2 2
        ann< ADDED 2 <time> ann@x zoe@x
        ann< OK HISTORY 1 last=3
        ann> HISTORY since 2
        ann< HISTORY 3 3
        ann< MSG 3 <time> bob@x  three\u{20}
        ann< OK HISTORY 1 last=3
        ann> HISTORY SINCE 0 1
        ann< HISTORY 1 1
        ann< MSG 1 <time> ann@x one
        ann< OK HISTORY 1 last=3
        ann> HISTORY SINCE 3
        ann< OK HISTORY 0 last=3
        ann> HISTORY SINCE 18446744073709551615
        ann< OK HISTORY 0 last=3
        ann> HISTORY 0
        ann< OK HISTORY 0 last=3
        ann> HISTORY x
        ann< ERR HISTORY usage …
        ann> HISTORY SINCE
        ann< ERR HISTORY usage …
        # It moves no cursor, and begins with the own line.
        zoe> LOGIN zoe@x/- zoe-secret
        zoe< OK LOGIN zoe@x …
        zoe> HISTORY SINCE 0 1
        zoe< HISTORY 2 2
        zoe< ADDED 2 <time> ann@x zoe@x
        zoe< OK HISTORY 1 last=3
        zoe/
        zoe> HISTORY
        zoe< ERR HISTORY login-first …
        zoe> LOGIN zoe@x zoe-secret
        zoe< OK LOGIN zoe@x role=member last=3 missed=2 first=2 transcript=<id>
        zoe< ADDED 2 <time> ann@x zoe@x
        zoe< MSG 3 <time> bob@x  three\u{20}
        zoe=
        ann=
        bob=
        ",
    );
}

/// A talk with 2.4 MiB of history, of which a window of 1 MiB holds the end: `ann` said `N xxx…`, 800 times.
fn long_history() -> (Talk, String) {
    let mut talk = Talk::with(Server::with(&members_txt(&GROUP), &["--window", "1M"]));
    let text = "x".repeat(3000);
    talk.play("ann: -");
    let all = (1..=800).map(|n| format!("MSG {n} {text}\n")).collect::<Vec<_>>().concat();
    talk.peer("ann").send(all.as_bytes());
    for n in 1..=800 {
        talk.peer("ann").expect(&format!("OK MSG {n} <time>"));
    }
    (restarted(talk, End::Stop, &["--window", "1M"]), text)
}

#[test]
fn history_and_what_was_missed_from_files() {
    let (mut talk, text) = long_history();
    let began = Instant::now();
    let line = |n: u64| format!("MSG {n} <time> ann@x {n} {text}");
    talk.play("dan: -");
    for (asked, from, to) in [
        ("HISTORY 3", 798, 800),
        ("HISTORY SINCE 0 2", 1, 2),
        ("HISTORY SINCE 399 2", 400, 401),
        ("HISTORY SINCE 400 300", 401, 700),
        ("HISTORY 800", 1, 800),
        ("HISTORY SINCE 10 5000", 11, 800),
    ] {
        let dan = talk.peer("dan");
        dan.say(asked);
        dan.expect(&format!("HISTORY {from} {to}"));
        for n in from..=to {
            dan.expect(&line(n));
        }
        dan.expect(&format!("OK HISTORY {} last=800", to + 1 - from));
    }
    talk.play(
        "dan=\nbob> LOGIN bob@x bob-secret\nbob< OK LOGIN bob@x role=member last=800 missed=800 first=1 …",
    );
    for n in 1..=800 {
        talk.peer("bob").expect(&line(n));
    }
    talk.play("dan> MSG now\ndan< OK MSG 801 <time>\nbob< MSG 801 <time> dan@x now\nbob=");
    talk.play("ann:\nann/\nann> LOGIN ann@x ann-secret");
    // Nobody waits for the next round of the receipts, two seconds a block.
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}

#[test]
fn skip_goes_to_the_end() {
    check(
        "
        ann: -
        ann> MSG one
        ann< OK MSG 1 <time>
        bob:
        bob< MSG 1 <time> ann@x one
        bob> SKIP
        bob< OK SKIP 0
        ann> MSG two
        ann< OK MSG 2 <time>
        bob< MSG 2 <time> ann@x two
        bob> SKIP now
        bob< ERR SKIP usage …
        anonymous> SKIP
        anonymous< ERR SKIP login-first …
        ",
    );
    let (mut talk, _) = long_history();
    talk.play("ann: -\nbob>> LOGIN bob@x bob-secret\\nSKIP\\nPING\\n\nbob< OK LOGIN bob@x role=member last=800 missed=800 …");
    let bob = talk.peer("bob");
    let mut shown = 0;
    let skipped = loop {
        let line = bob.line().expect("the server goes on");
        if let Some(skipped) = line.strip_prefix("OK SKIP ") {
            break skipped.parse::<u64>().expect("a number");
        }
        shown += 1;
        assert!(line.starts_with(&format!("MSG {shown} <time> ann@x {shown} x")), "{shown}: {line}");
    };
    assert_eq!(shown + skipped, 800);
    assert!(skipped > 0);
    talk.play(
        "bob< OK PING\nann> MSG now\nann< OK MSG 801 <time>\nbob< MSG 801 <time> ann@x now\nbob=\nbob/",
    );
    talk.play("bob> LOGIN bob@x bob-secret\nbob< OK LOGIN bob@x role=member last=801 missed=0 …\nbob=");
}

#[test]
fn info_tells_whom_a_message_has_not_reached() {
    let mut talk = Talk::with(Server::start());
    talk.play(
        "
        ann:
        bob:
        cid:
        dan:
        dan> QUIT
        dan< OK QUIT
        dan.
        dan/
        bob> MSG who has this?
        bob< OK MSG 1 <time>
        ann< MSG 1 <time> bob@x who has this?
        cid< MSG 1 <time> bob@x who has this?
        ",
    );
    // What has arrived is asked for every two seconds.
    talk.server.until_noted("ann@x", 1);
    talk.server.until_noted("cid@x", 1);
    talk.play(
        "
        bob> INFO 1
        bob< PENDING dan@x seen=<time>
        bob< PENDING eve@x seen=never
        bob< OK INFO 1 delivered=2 pending=2
        ann> info 1 dan@x
        ann< PENDING eve@x seen=never
        ann< OK INFO 1 delivered=2 pending=2
        cid> INFO 1
        cid< ERR INFO admin-only …
        bob> INFO 2
        bob< ERR INFO no-such-message …
        bob> INFO 0
        bob< ERR INFO no-such-message …
        bob> INFO
        bob< ERR INFO usage …
        bob> INFO one
        bob< ERR INFO usage …
        bob> INFO 1 nobody
        bob< ERR INFO bad-mail …
        anonymous> INFO 1
        anonymous< ERR INFO login-first …
        ann> ADD zoe@x zoe-secret
        ann< OK ADD zoe@x
        ann< ADDED 2 <time> ann@x zoe@x
        bob< ADDED 2 <time> ann@x zoe@x
        # An addition is no message; who was added later does not count.
        ann> INFO 2
        ann< ERR INFO no-such-message …
        ann> INFO 1
        ann< PENDING dan@x seen=<time>
        ann< PENDING eve@x seen=never
        ann< OK INFO 1 delivered=2 pending=2
        dan:
        dan< MSG 1 <time> bob@x who has this?
        dan< ADDED 2 <time> ann@x zoe@x
        dan=
        ",
    );
    talk.server.until_noted("dan@x", 2);
    talk.play("bob> INFO 1\nbob< PENDING eve@x seen=never\nbob< OK INFO 1 delivered=3 pending=1");
    // Receipts survive a crash.
    let mut talk = restarted(talk, End::Kill, &[]);
    talk.play(
        "bob: -\nbob> INFO 1\nbob< PENDING eve@x seen=never\nbob< OK INFO 1 delivered=3 pending=1\nbob=",
    );
}

#[test]
fn info_has_pages() {
    let names: Vec<String> =
        std::iter::once("ann".to_owned()).chain((100..250).map(|n| format!("m{n}"))).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut talk = Talk::with(Server::with(&members_txt(&names), &[]));
    let page = |names: &[&str]| {
        names.iter().map(|name| format!("ann< PENDING {name}@x seen=never\n")).collect::<Vec<_>>().concat()
    };
    talk.play(&format!(
        "ann:\nann> MSG x\nann< OK MSG 1 <time>\nann> INFO 1\n{}ann< OK INFO 1 delivered=0 pending=150 more=m199@x
         ann> INFO 1 m199@x\n{}ann< OK INFO 1 delivered=0 pending=150\nann=",
        page(&names[1..101]),
        page(&names[101..])
    ));
}

#[test]
fn the_longest_unused_of_sixteen_devices_is_forgotten() {
    let mut talk = Talk::with(Server::start());
    talk.play("ann: -");
    for n in 0..16 {
        talk.play(&format!("bob: d{n}\nbob/"));
        let ann = talk.peer("ann");
        ann.until_stat("logged-in", 1..=1);
        // The clock that tells which was used last has milliseconds.
        std::thread::sleep(Duration::from_millis(2));
    }
    talk.play(
        "
        ann> MSG one
        ann< OK MSG 1 <time>
        bob> LOGIN bob@x/d16 bob-secret
        bob< OK LOGIN bob@x role=member last=1 missed=1 …
        bob< MSG 1 <time> ann@x one
        bob=
        bob/
        # As if never seen before: it begins where the furthest is. For that, d1 is forgotten.
        bob> LOGIN bob@x/d0 bob-secret
        bob< OK LOGIN bob@x role=member last=1 missed=0 …
        bob=
        bob/
        bob> LOGIN bob@x/d2 bob-secret
        bob< OK LOGIN bob@x role=member last=1 missed=1 …
        bob< MSG 1 <time> ann@x one
        bob=
        # The default device is beside the sixteen.
        bob2:
        bob2=
        ",
    );
}

#[test]
fn remove_forgets_the_devices() {
    for end in ENDS {
        let mut talk = Talk::with(Server::start());
        talk.play(
            "
            ann:
            bob: phone
            bob/
            ann> MSG before
            ann< OK MSG 1 <time>
            ann> REMOVE bob@x
            ann< OK REMOVE bob@x
            ann< REMOVED 2 <time> ann@x bob@x
            ann> ADD bob@x bob-secret
            ann< OK ADD bob@x
            ann< ADDED 3 <time> ann@x bob@x
            ann> MEMBERS ann@x
            ann< MEMBER bob@x role=member online=no seen=never
            ann< MEMBER cid@x role=member online=no seen=never
            ann< MEMBER dan@x role=member online=no seen=never
            ann< MEMBER eve@x role=member online=no seen=never
            ann< OK MEMBERS 4
            ",
        );
        let mut talk = restarted(talk, end, &[]);
        talk.play(
            "
            ann: -
            ann> INFO 1
            ann< PENDING cid@x seen=never
            ann< PENDING dan@x seen=never
            ann< PENDING eve@x seen=never
            ann< OK INFO 1 delivered=0 pending=3
            ann> MEMBERS ann@x
            ann< MEMBER bob@x role=member online=no seen=never
            ann< MEMBER cid@x role=member online=no seen=never
            ann< MEMBER dan@x role=member online=no seen=never
            ann< MEMBER eve@x role=member online=no seen=never
            ann< OK MEMBERS 4
            bob> LOGIN bob@x/phone bob-secret
            bob< OK LOGIN bob@x role=member last=3 missed=1 first=3 transcript=<id>
            bob< ADDED 3 <time> ann@x bob@x
            bob=
            ",
        );
    }
}

#[test]
fn edits_while_the_server_is_down_are_announced() {
    for end in ENDS {
        let mut talk = Talk::with(Server::start());
        talk.play("ann:\ncid:\nann> MSG one\nann< OK MSG 1 <time>\ncid< MSG 1 <time> ann@x one\nann=\ncid=");
        talk.server.until_noted("ann@x", 1);
        talk.server.until_noted("cid@x", 1);
        let before = talk.server.members_text();
        let mut server = talk.server;
        match end {
            End::Stop => server.stop(),
            End::Kill => server.kill(),
        }
        let lines = before.lines().filter(|line| !line.starts_with("bob@x"));
        let zoe = format!("zoe@x {}\n", cheap_hash("zoe-secret"));
        let edited = lines.chain([zoe.as_str()]).collect::<Vec<_>>().join("\n");
        fs::write(server.members(), edited).expect("written");
        let mut talk = Talk::with(server.again());
        // A member who is faster than the disk is told later, as of any other event.
        until("announcements", || field_at_login(talk.server.addr(), "last") == "3");
        talk.play(
            "
            ann> LOGIN ann@x ann-secret
            ann< OK LOGIN ann@x role=admin last=3 missed=2 first=1 transcript=<id>
            ann< REMOVED 2 <time> - bob@x
            ann< ADDED 3 <time> - zoe@x
            zoe> LOGIN zoe@x zoe-secret
            zoe< OK LOGIN zoe@x role=member last=3 missed=1 first=3 transcript=<id>
            zoe< ADDED 3 <time> - zoe@x
            bob> LOGIN bob@x bob-secret
            bob< ERR LOGIN bad-login …
            ann=
            zoe=
            ",
        );
        // The next start has nothing to announce.
        let mut talk = restarted(talk, end, &[]);
        talk.play("cid> LOGIN cid@x cid-secret\ncid< OK LOGIN cid@x role=member last=3 missed=2 …\ncid< REMOVED 2 <time> - bob@x\ncid< ADDED 3 <time> - zoe@x\ncid=");
    }
}

#[test]
fn without_files_nothing_is_kept() {
    let none = ["--history", "none"];
    let mut talk = Talk::with(Server::with(&members_txt(&GROUP), &none));
    talk.play(
        "
        ann:
        bob:
        bob/
        ann> MSG one
        ann< OK MSG 1 <time>
        bob> LOGIN bob@x bob-secret
        bob< OK LOGIN bob@x role=member last=1 missed=1 first=1 transcript=<id>
        bob< MSG 1 <time> ann@x one
        bob> HISTORY
        bob< HISTORY 1 1
        bob< MSG 1 <time> ann@x one
        bob< OK HISTORY 1 last=1
        bob=
        ",
    );
    assert!(!talk.server.history().exists() && !talk.server.members().with_file_name("none").exists());
    let id = field_at_login(talk.server.addr(), "transcript");
    let mut talk = restarted(talk, End::Stop, &none);
    assert_ne!(field_at_login(talk.server.addr(), "transcript"), id);
    talk.play("cid> LOGIN cid@x cid-secret\ncid< OK LOGIN cid@x role=member last=0 missed=0 first=1 transcript=<id>\ncid> MSG anew\ncid< OK MSG 1 <time>");
}

/// The server with these options, to its end.
fn run_server(options: &[&str], members: &Path, history: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chat-room-server"));
    command.args(options);
    command.arg("--members").arg(members).arg("--history").arg(history).stdin(Stdio::null());
    command.output().expect("it starts")
}

#[test]
fn a_second_server_on_the_same_history_is_refused() {
    let mut talk = Talk::with(Server::start());
    talk.play("ann:");
    let second = run_server(
        &["--listen", "127.0.0.1:0", "--log-level", "off"],
        &talk.server.members(),
        &talk.server.history(),
    );
    assert_eq!(second.status.code(), Some(1));
    let said = String::from_utf8(second.stderr).expect("text");
    assert!(
        said.starts_with("chat-room-server: /")
            && said.contains("/history/lock: ")
            && said.lines().count() == 1,
        "{said}"
    );
    talk.play("ann> MSG still here\nann< OK MSG 1 <time>\nann=");
}

#[test]
fn check_finds_damage_with_file_and_line() {
    let mut talk = Talk::with(Server::start());
    talk.play("ann:");
    for n in 1..=9 {
        talk.play(&format!("ann> MSG number {n}\nann< OK MSG {n} <time>"));
    }
    let (members, history) = (talk.server.members(), talk.server.history());
    let check = || run_server(&["--check", "--listen", "127.0.0.1:0"], &members, &history);
    let told =
        |output: &Output| String::from_utf8([&*output.stdout, &*output.stderr].concat()).expect("text");
    // While the server runs, too.
    let good = check();
    assert_eq!(good.status.code(), Some(0), "{}", told(&good));
    assert!(told(&good).contains("history: events 1 to 9 in 1 file of "), "{}", told(&good));
    talk.server.stop();
    assert_eq!(check().status.code(), Some(0));

    let file = history.join("000000000001.txt");
    let text = fs::read_to_string(&file).expect("text");
    for (from, to, line) in
        [("MSG 4 ", "MSG 5 ", 4), ("ann@x number 7", "nobody", 7), ("\nMSG 2 ", "\n\nMSG 2 ", 2)]
    {
        fs::write(&file, text.replace(from, to)).expect("written");
        let bad = check();
        assert_eq!(bad.status.code(), Some(1), "{}", told(&bad));
        assert!(told(&bad).contains(&format!("history/000000000001.txt:{line}: ")), "{from}: {}", told(&bad));
        // A start says the same, and serves nobody with it.
        let refused = run_server(&["--listen", "127.0.0.1:0", "--log-level", "off"], &members, &history);
        assert_eq!(refused.status.code(), Some(1));
        let said = told(&refused);
        assert!(
            said.contains(&format!("history/000000000001.txt:{line}: ")) && said.lines().count() == 1,
            "{said}"
        );
    }
    fs::write(&file, &text).expect("written");
    assert_eq!(check().status.code(), Some(0));
}

#[test]
fn the_files_hold_what_was_sent_while_the_server_runs() {
    let mut talk = Talk::with(Server::start());
    let mut cid = TcpStream::connect(talk.server.addr()).expect("it listens");
    cid.set_read_timeout(Some(PATIENCE)).expect("an option");
    cid.write_all(b"LOGIN cid@x cid-secret\n").expect("it listens");
    let mut cid = BufReader::new(cid);
    for begin in ["HELLO ", "OK LOGIN "] {
        let mut line = String::new();
        cid.read_line(&mut line).expect("a line");
        assert!(line.starts_with(begin));
    }
    let file = talk.server.history().join("000000000001.txt");
    let mut tail = Peer::run(Command::new("tail").args(["-n", "+1", "-f"]).arg(&file));
    talk.play(
        "
        ann:
        ann> MSG  ünï ✓\\ttab\u{20}
        ann< OK MSG 1 <time>
        ann> ADD zoe@x zoe-secret
        ann< OK ADD zoe@x
        ann< ADDED 2 <time> ann@x zoe@x
        ann> REMOVE zoe@x
        ann< OK REMOVE zoe@x
        ann< REMOVED 3 <time> ann@x zoe@x
        ",
    );
    tail.expect("MSG 1 <time> ann@x  ünï ✓\ttab ");
    tail.expect("ADDED 2 <time> ann@x zoe@x");
    tail.expect("REMOVED 3 <time> ann@x zoe@x");
    talk.play("ann> MSG more\nann< OK MSG 4 <time>");
    tail.expect("MSG 4 <time> ann@x more");

    let kept = transcript(&talk.server.history());
    let mut sent = vec![0; kept.len()];
    cid.read_exact(&mut sent).expect("as many bytes as the file has");
    assert_eq!(String::from_utf8(sent), String::from_utf8(kept));
    let found = Command::new("grep").arg("✓").arg(&file).output().expect("grep");
    let found = String::from_utf8(found.stdout).expect("text");
    assert!(found.starts_with("MSG 1 ") && found.ends_with("Z ann@x  ünï ✓\ttab \n"), "{found}");
}
