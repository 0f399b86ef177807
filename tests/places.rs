//! When there is no place: new connections wait or are told so, members are not disturbed, and a place is free again when a
//! connection ends.

mod common;

use std::process::Command;

use common::peer::Peer;
use common::server::{GROUP, Server, members_txt};
use common::talk::Talk;
use rustix::process::{Resource, Rlimit, getrlimit, prlimit};

#[test]
fn more_connections_than_the_option_allows() {
    let mut talk = Talk::with(Server::with(&members_txt(&GROUP), &["--max-connections", "3"]));
    talk.play(
        "
        ann:
        bob:
        silent< HELLO …
        dan:
        silent< BYE full …
        silent.
        eve< BYE full …
        eve.
        ann> MSG we are complete
        ann< OK MSG 1 <time>
        bob< MSG 1 <time> ann@x we are complete
        dan< MSG 1 <time> ann@x we are complete
        dan/
        ",
    );
    talk.peer("ann").until_stat("connections", 2..=2);
    talk.play("cid:\ncid> MSG in at last\nann< MSG 2 <time> cid@x in at last\neve/\neve< BYE full …");
    talk.play("cid< MSG 1 <time> ann@x we are complete");
    talk.play(
        "bob< MSG 2 <time> cid@x in at last\nbob> QUIT\nbob< OK QUIT\nbob.\ncid< OK MSG 2 <time>\ncid=",
    );
    talk.peer("ann").until_stat("connections", 2..=2);
    talk.play(
        "eve/\neve:\neve< MSG 1 <time> ann@x we are complete\neve< MSG 2 <time> cid@x in at last\neve=",
    );
    assert_eq!(talk.peer("ann").stat("refused-full"), 2);
    assert_eq!(talk.peer("ann").stat("put-out"), 1);
}

#[test]
fn strangers_keep_no_place_from_a_member() {
    let mut talk = Talk::with(Server::with(&members_txt(&GROUP), &["--max-connections", "50"]));
    talk.play("ann:\nbob:");
    let addr = talk.server.addr();
    let slow = |host| {
        let mut peer = Peer::connect_from(addr, [127, 0, 0, host]);
        peer.expect("HELLO …");
        peer.send(b"LOGIN bob@x slow");
        peer
    };
    // More than there are places, from two addresses, and one that types slowly at a third.
    let mut typist = slow(4);
    let crowd: Vec<Peer> = (0..200).map(|n| slow(2 + n % 2)).collect();
    talk.play(
        "cid:\ndan:\nann> MSG still here\nann< OK MSG 1 <time>\nbob< MSG 1 <time> ann@x still here\nbob=",
    );
    typist.say("ly\nLOGIN eve@x eve-secret");
    typist.expect("ERR LOGIN bad-login …");
    typist.expect("OK LOGIN eve@x …");
    assert!(talk.peer("ann").stat("put-out") >= 155);
    assert_eq!(talk.peer("ann").stat("refused-full"), 0);
    drop(crowd);
}

#[test]
fn more_who_have_not_logged_in_than_allowed() {
    let options = ["--max-connections-before-login", "2"];
    let mut talk = Talk::with(Server::with(&members_txt(&GROUP), &options));
    // A connection that has logged in takes no place of theirs.
    talk.play("ann:\nbob:\ncid:\none< HELLO …\ntwo< HELLO …");
    talk.play("three< HELLO …\none< BYE full …\none.\ndan:\ntwo< BYE full …\ntwo.");
    // One each from two addresses: the oldest goes. Then two from one of them: the older of those.
    let addr = talk.server.addr();
    let mut far = Peer::connect_from(addr, [127, 0, 0, 2]);
    far.expect("HELLO …");
    let mut near = Peer::connect_from(addr, [127, 0, 0, 2]);
    near.expect("HELLO …");
    talk.play("three< BYE full …\nthree.");
    talk.play("four< HELLO …");
    far.expect("BYE full …");
    near.login("eve@x");
    talk.play("ann> MSG still here\nann< OK MSG 1 <time>\nbob< MSG 1 <time> ann@x still here\nbob=\ncid< MSG 1 <time> ann@x still here");
    assert_eq!((talk.peer("ann").stat("put-out"), talk.peer("ann").stat("refused-full")), (4, 0));
}

#[test]
fn more_connections_from_one_address_than_allowed() {
    let options = ["--max-connections-per-address", "2"];
    let mut talk = Talk::with(Server::with(&members_txt(&GROUP), &options));
    talk.play("ann:\nsilent< HELLO …\nbob:\nsilent< BYE full …\nsilent.\ncid< BYE full …\ncid.");
    let mut dan = Peer::connect_from(talk.server.addr(), [127, 0, 0, 2]);
    dan.expect("HELLO …");
    dan.login("dan@x");
    talk.play("bob/");
    talk.peer("ann").until_stat("connections", 2..=2);
    talk.play("eve:\nann=");
}

#[test]
fn more_connections_than_descriptors() {
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 80 && exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_chat-room-server")]);
    let mut talk = Talk::with(Server::launch(command, &members_txt(&GROUP), &[]));
    talk.play("ann:\nbob:");
    let mut crowd: Vec<Peer> = (0..80).map(|_| Peer::connect(talk.server.addr())).collect();
    let mut last = crowd.pop().expect("eighty");
    last.expect("HELLO …");
    last.login("dan@x");
    // The one that had waited longest was evicted.
    let first = &mut crowd[0];
    let line = first.line().expect("HELLO, or BYE at once");
    if line.starts_with("HELLO ") {
        first.expect("BYE full …");
    }
    first.expect_end();
    talk.play("ann> MSG still here\nann< OK MSG 1 <time>\nbob< MSG 1 <time> ann@x still here\nann=\nbob=");
    assert_eq!(talk.peer("ann").stat("accept-errors"), 0);
    drop((crowd, last));
    talk.peer("ann").until_stat("connections", 2..=2);
    talk.play("cid:\ncid< MSG 1 <time> ann@x still here\ncid=");
}

/// Changes how many descriptors a running server may have.
fn limit_descriptors(server: &Server, current: Option<u64>) {
    // What it may be raised to stays what it has inherited from us: raising that takes root.
    let limit = Rlimit { current, maximum: getrlimit(Resource::Nofile).maximum };
    prlimit(Some(server.pid()), Resource::Nofile, limit).expect("one's own child");
}

/// The reserve keeps accept(2) from failing; if it does fail, because the limit was lowered meanwhile or the
/// whole system has run out, newcomers wait.
#[test]
fn no_descriptor_at_all() {
    let mut talk = Talk::with(Server::start());
    talk.play("ann:\nbob:\ncid:");
    limit_descriptors(&talk.server, Some(3));
    // The kernel completes the connections, the server does not hear of them.
    let mut waiting: Vec<Peer> = (0..3).map(|_| Peer::connect(talk.server.addr())).collect();
    let ann = talk.peer("ann");
    ann.until_stat("accept-errors", 1..);
    talk.play("ann> MSG still here\nann< OK MSG 1 <time>\nbob< MSG 1 <time> ann@x still here\nbob=");
    // Trying again and again would be no use: five times a second at most.
    let ann = talk.peer("ann");
    ann.until_stat("accept-errors", 3..);
    let errors = ann.stat("accept-errors");
    let seconds = ann.stat("uptime-seconds") + 1;
    assert!(errors <= 5 * seconds + 1, "{errors} in {seconds} seconds");
    // One line, however often; how often, is told later.
    let log = talk.server.log();
    let told = log.lines().filter(|line| line.contains("accepting pauses: ") && !line.contains(" more)"));
    assert_eq!(told.count(), 1, "{log}");
    limit_descriptors(&talk.server, getrlimit(Resource::Nofile).maximum);
    for peer in &mut waiting {
        peer.expect("HELLO …");
        peer.login("dan@x");
    }
    talk.play("ann=\nbob=\ncid< MSG 1 <time> ann@x still here\ncid=");
}

#[test]
fn a_descriptor_that_becomes_free_goes_to_who_waits() {
    let mut talk = Talk::with(Server::start());
    talk.play("ann:\nbob:");
    // Its own descriptors and those of some newcomers have numbers below, the other newcomers wait.
    limit_descriptors(&talk.server, Some(20));
    let mut newcomers: Vec<Peer> = (0..20).map(|_| Peer::connect(talk.server.addr())).collect();
    let mut last = newcomers.pop().expect("there are twenty");
    talk.peer("ann").until_stat("accept-errors", 1..);
    // Nothing else happens from here on.
    drop(newcomers);
    talk.play("bob/");
    last.expect("HELLO …");
    last.login("cid@x");
    talk.play("ann=");
}
