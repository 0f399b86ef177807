//! The disk under the real server is full, fails, or stalls. A small tmpfs and strace; skipped where they are not
//! possible.
//!
//! Longer than 350 lines: independent tests, one server each.

mod common;

use std::fs;
use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

use common::disk::Disk;
use common::peer::Peer;
use common::server::{GROUP, Server, members_txt};
use common::strace::Strace;
use rustix::process::{Resource, Rlimit, Signal, prlimit};
use tempfile::TempDir;

/// A small disk for the history alone. Some of it is taken, and can be given back.
struct Small {
    _disk: Disk,
    folder: TempDir,
}

impl Small {
    fn mount() -> Option<Small> {
        let folder = tempfile::tempdir().expect("a folder");
        let disk = Disk::mount(folder.path())?;
        fs::create_dir(folder.path().join("history")).expect("a folder");
        fs::write(folder.path().join("filler"), vec![b'x'; 32_000]).expect("room");
        Some(Small { _disk: disk, folder })
    }

    fn server(&self) -> Server {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("members.txt"), members_txt(&GROUP)).expect("a file");
        symlink(self.folder.path().join("history"), folder.path().join("history")).expect("a link");
        Server::in_folder(folder, &[])
    }

    fn make_room(&self) {
        fs::remove_file(self.folder.path().join("filler")).expect("removed");
    }
}

/// Some thousand bytes of text.
fn long(n: u64) -> String {
    format!("{n} {}", "x".repeat(3000))
}

const REFUSED: &str = "ERR MSG storage the message could not be stored, nobody saw it";

/// Talks until not even the shortest line has room. The last message that was stored.
fn talk_until_full(talker: &mut Peer) -> u64 {
    let mut last = 0;
    for text in [long(0), "x".to_owned()] {
        loop {
            let n = last + 1;
            talker.say(&format!("MSG {n} {text}"));
            let line = talker.line().expect("an answer");
            if line != format!("OK MSG {n} <time>") {
                assert_eq!(line, REFUSED);
                break;
            }
            last = n;
        }
    }
    assert!(last > 3, "there was some room");
    last
}

/// Takes bob's messages after `first` up to `last`.
#[track_caller]
fn take(peer: &mut Peer, first: u64, last: u64) {
    for n in first + 1..=last {
        peer.expect(&format!("MSG {n} <time> bob@x {n} …"));
    }
}

/// All that the files hold, by line.
fn lines(server: &Server) -> Vec<String> {
    let text = fs::read_to_string(server.history().join("000000000001.txt")).expect("a file of text");
    text.lines().map(str::to_owned).collect()
}

#[test]
fn a_full_disk_refuses_messages_and_nothing_else() {
    let Some(disk) = Small::mount() else { return };
    let mut server = disk.server();
    let mut ann = Peer::member(server.addr(), "ann@x");
    let mut bob = Peer::member(server.addr(), "bob@x/-");
    let mut cid = Peer::member(server.addr(), "cid@x");
    let last = talk_until_full(&mut bob);

    // Readers go on, members come in, all are told in their order.
    take(&mut cid, 0, last);
    cid.fence();
    let mut dan = Peer::member(server.addr(), "dan@x/new");
    take(&mut dan, 0, last);
    dan.say("HISTORY SINCE 1 2");
    dan.expect("HISTORY 2 3");
    take(&mut dan, 1, 3);
    dan.expect(&format!("OK HISTORY 2 last={last}"));
    bob.send(format!("PING a\nMSG {}\nPING b\nMSG {}\nPING c\n", long(0), long(0)).as_bytes());
    for line in ["OK PING a", REFUSED, "OK PING b", REFUSED, "OK PING c"] {
        bob.expect(line);
    }
    // members.txt has its own disk. Who is in there is in; it is announced when there is room.
    take(&mut ann, 0, last);
    ann.say("ADD fay@x fay-secret");
    ann.expect("OK ADD fay@x");
    ann.say(&format!("MSG {}", long(0)));
    ann.expect(REFUSED);
    let mut fay = Peer::member(server.addr(), "fay@x");
    fay.fence();
    cid.fence();

    disk.make_room();
    for peer in [&mut ann, &mut cid, &mut dan, &mut fay] {
        peer.expect(&format!("ADDED {} <time> ann@x fay@x", last + 1));
    }
    bob.say("MSG again");
    bob.expect(&format!("OK MSG {} <time>", last + 2));
    for peer in [&mut ann, &mut cid, &mut dan, &mut fay] {
        peer.expect(&format!("MSG {} <time> bob@x again", last + 2));
        peer.fence();
    }
    let mut eve = Peer::member(server.addr(), "eve@x");
    take(&mut eve, 0, last);
    eve.expect(&format!("ADDED {} <time> ann@x fay@x", last + 1));
    eve.expect(&format!("MSG {} <time> bob@x again", last + 2));
    eve.fence();

    // And it is all there for the next start.
    server.kill();
    let server = server.again();
    let numbered =
        lines(&server).iter().map(|line| line.split(' ').nth(1).map(str::to_owned)).collect::<Vec<_>>();
    assert_eq!(numbered, (1..=last + 2).map(|n| Some(n.to_string())).collect::<Vec<_>>());
}

#[test]
fn a_file_that_may_not_grow_is_a_full_disk() {
    let server = Server::start();
    let mut bob = Peer::member(server.addr(), "bob@x");
    // Room for one message, then for any number.
    for (most, answers) in
        [(Some(99), ["OK MSG 1 <time>", REFUSED]), (None, ["OK MSG 2 <time>", "OK MSG 3 <time>"])]
    {
        prlimit(Some(server.pid()), Resource::Fsize, Rlimit { current: most, maximum: None })
            .expect("a child");
        for answer in answers {
            bob.say("MSG as long as half of the limit");
            bob.expect(answer);
        }
    }
}

#[test]
fn a_stop_with_a_full_disk_is_a_stop() {
    let Some(disk) = Small::mount() else { return };
    let mut server = disk.server();
    let mut bob = Peer::member(server.addr(), "bob@x/-");
    let mut cid = Peer::member(server.addr(), "cid@x");
    let last = talk_until_full(&mut bob);
    server.signal(Signal::TERM);
    take(&mut cid, 0, last);
    for peer in [&mut bob, &mut cid] {
        peer.expect("BYE shutdown …");
        peer.expect_end();
    }
    let status = server.wait();
    assert_eq!(status.code(), Some(0), "{}", server.log());

    disk.make_room();
    let server = server.again();
    let mut bob = Peer::member(server.addr(), "bob@x/-");
    bob.say("MSG again");
    bob.expect(&format!("OK MSG {} <time>", last + 1));
}

#[test]
fn a_stop_while_syncs_fail_says_so() {
    let mut server = Server::start();
    let mut bob = Peer::member(server.addr(), "bob@x");
    bob.say("MSG safe");
    bob.expect("OK MSG 1 <time>");
    let inject = "fdatasync,fsync:error=EIO";
    let Some(strace) = Strace::attach(server.pid(), inject) else { return };
    server.signal(Signal::TERM);
    bob.expect("BYE shutdown …");
    bob.expect_end();
    // All that was told is safe, but the next start has to look.
    assert_eq!(server.wait().code(), Some(0), "{}", server.log());
    server.until_logged("the next start will look at the history more closely");
    drop(strace);
    let server = server.again();
    server.until_logged("listening");
    let mut bob = Peer::member(server.addr(), "bob@x/-");
    bob.say("HISTORY 1");
    bob.expect("HISTORY 1 1");
    bob.expect("MSG 1 <time> bob@x safe");
}

#[test]
fn a_sync_that_fails_is_said_to_all_and_loses_nothing_that_was_told() {
    let mut server = Server::start();
    let mut bob = Peer::member(server.addr(), "bob@x");
    let mut cid = Peer::member(server.addr(), "cid@x");
    let mut anonymous = Peer::connect(server.addr());
    anonymous.expect("HELLO …");
    for n in 1..=3 {
        bob.say(&format!("MSG {}", long(n)));
        bob.expect(&format!("OK MSG {n} <time>"));
    }
    let Some(_strace) = Strace::attach(server.pid(), "fdatasync:error=EIO") else { return };
    bob.send(b"MSG told to nobody\nPING told to nobody\n");
    take(&mut cid, 0, 3);
    // It may be there all the same, so nothing is said about it, and nothing is answered after it.
    for peer in [&mut bob, &mut cid, &mut anonymous] {
        peer.expect("BYE storage …");
        peer.expect_end();
    }
    let status = server.wait();
    assert_eq!(status.code(), Some(1), "{}", server.log());
    server.until_logged("cannot sync it: Input/output error");

    let server = server.again();
    let mut eve = Peer::member(server.addr(), "eve@x");
    take(&mut eve, 0, 3);
    let there = lines(&server).len() as u64;
    let mut bob = Peer::member(server.addr(), "bob@x/-");
    bob.say("MSG again");
    bob.expect(&format!("OK MSG {} <time>", there + 1));
}

/// How long the disk does not answer.
const STALL: Duration = Duration::from_secs(3);

/// A server whose next sync takes so long, ann and bob in it, and the moment before bob's message.
fn stalled(stall: Duration) -> Option<(Server, Strace, Peer, Peer, Instant)> {
    let server = Server::start();
    let mut ann = Peer::member(server.addr(), "ann@x");
    let mut bob = Peer::member(server.addr(), "bob@x");
    ann.fence();
    bob.say("MSG before");
    bob.expect("OK MSG 1 <time>");
    ann.expect("MSG 1 <time> bob@x before");
    let inject = format!("fdatasync:delay_enter={}:when=1", stall.as_micros());
    let strace = Strace::attach(server.pid(), &inject)?;
    let began = Instant::now();
    bob.say("MSG slow");
    Some((server, strace, ann, bob, began))
}

#[test]
fn a_disk_that_stalls_holds_up_nothing_but_what_it_has_to_store() {
    let Some((server, _strace, mut ann, mut bob, began)) = stalled(STALL) else { return };
    // For the talker, too, what comes before the message is answered, and what comes after it waits.
    bob.say("PING behind");
    ann.fence();
    // A known device logs in. A new device has to be recorded before it is told so.
    let mut again = Peer::member(server.addr(), "ann@x");
    again.fence();
    let mut new = Peer::connect(server.addr());
    new.expect("HELLO …");
    new.say("LOGIN ann@x/new ann-secret");
    for _ in 0..20 {
        ann.fence();
        again.fence();
    }
    let told = bob.has_line() || new.has_line();
    assert!(!told || began.elapsed() >= STALL, "told before it was safe");
    bob.expect("OK MSG 2 <time>");
    assert!(began.elapsed() >= STALL, "told before it was safe");
    bob.expect("OK PING behind");
    new.expect("OK LOGIN ann@x …");
    ann.expect("MSG 2 <time> bob@x slow");
    again.expect("MSG 2 <time> bob@x slow");
}

/// In KiB, the most it ever was.
fn memory(server: &Server) -> u64 {
    let status = format!("/proc/{}/status", server.pid().as_raw_nonzero());
    let status = fs::read_to_string(status).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a figure");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// More than all the buffers between a sender and the server hold.
const FLOOD: u64 = 8000;

#[test]
fn a_disk_that_stalls_ten_seconds_slows_who_says_much_and_costs_no_memory() {
    let server = Server::with(&members_txt(&GROUP), &["--window", "1M", "--rate", "0"]);
    let mut ann = Peer::member(server.addr(), "ann@x/-");
    let mut bob = Peer::member(server.addr(), "bob@x/-");
    bob.say("MSG before");
    bob.expect("OK MSG 1 <time>");
    let before = memory(&server);
    let stall = Duration::from_secs(10);
    let inject = format!("fdatasync:delay_enter={}:when=1", stall.as_micros());
    let Some(_strace) = Strace::attach(server.pid(), &inject) else { return };
    let began = Instant::now();
    let flood = std::thread::spawn(move || {
        for n in 0..FLOOD {
            bob.say(&format!("MSG {}", long(n)));
        }
        (bob, Instant::now())
    });
    while began.elapsed() < stall {
        ann.fence();
        std::thread::sleep(Duration::from_millis(20));
    }
    // Half a window waits for the disk, and what the kernel holds is not the server's.
    let more = memory(&server) - before;
    assert!(more < 6 << 10, "{more} KiB more");
    let (mut bob, sent) = flood.join().expect("all is said in the end");
    assert!(sent - began >= stall, "nobody held the sender up");
    for n in 0..FLOOD {
        bob.expect(&format!("OK MSG {} <time>", n + 2));
    }
}

#[test]
fn a_stop_waits_for_a_disk_that_stalls() {
    // Much shorter than a stop waits.
    let stall = Duration::from_secs(1);
    let Some((mut server, _strace, mut ann, mut bob, began)) = stalled(stall) else { return };
    ann.fence();
    server.signal(Signal::TERM);
    bob.expect("OK MSG 2 <time>");
    assert!(began.elapsed() >= stall, "told before it was safe");
    ann.expect("MSG 2 <time> bob@x slow");
    for peer in [&mut ann, &mut bob] {
        peer.expect("BYE shutdown …");
    }
    assert_eq!(server.wait().code(), Some(0), "{}", server.log());
}

#[test]
fn a_stop_does_not_wait_for_ever_for_a_disk_that_stalls() {
    let Some((mut server, strace, mut ann, mut bob, _)) = stalled(Duration::from_secs(30)) else { return };
    ann.fence();
    server.signal(Signal::TERM);
    // No OK, no event, and nothing false: the connections end.
    for peer in [&mut ann, &mut bob] {
        peer.expect_end();
    }
    drop(strace);
    assert_eq!(server.wait().code(), Some(1), "{}", server.log());
    let server = server.again();
    let mut bob = Peer::member(server.addr(), "bob@x/-");
    let there = lines(&server).len() as u64;
    bob.say("MSG again");
    bob.expect(&format!("OK MSG {} <time>", there + 1));
}
