//! Limits of one member on the real server: lines a second, and connections.

mod common;

use std::time::{Duration, Instant};

use common::peer::Peer;
use common::server::{GROUP, Server, members_txt};
use common::talk::Talk;

#[test]
fn too_many_lines_are_read_later_and_nobody_else_waits() {
    let options = ["--rate", "20", "--burst", "5"];
    let server = Server::with(&members_txt(&GROUP), &options);
    let mut ann = Peer::member(server.addr(), "ann@x");
    let mut bob = Peer::member(server.addr(), "bob@x");
    let (mut one, mut two) = (Peer::member(server.addr(), "cid@x/1"), Peer::member(server.addr(), "cid@x/2"));
    let before = Instant::now();
    // Fifteen each: five of the thirty at once, the rest at twenty a second.
    one.send("MSG one\n".repeat(15).as_bytes());
    two.send("MSG two\n".repeat(15).as_bytes());
    one.half_close();
    for _ in 0..20 {
        bob.say("PING how are you");
        bob.say("PING fine");
    }
    let mut pings = 0;
    let mut said = 0;
    while said < 30 {
        let line = bob.line().expect("the connection goes on");
        pings += usize::from(line.starts_with("OK PING "));
        said += usize::from(line.starts_with("MSG "));
        assert!(pings == 40 || said < 20, "PINGs are answered at once");
    }
    assert!(before.elapsed() >= Duration::from_millis(1250), "twenty a second: {:?}", before.elapsed());
    for seq in 1..=30 {
        ann.expect(&format!("MSG {seq} <time> cid@x …"));
    }
    // Nothing that waited for its moment keeps the server busy.
    ann.fence();
    let mut oks = 0;
    while let Some(line) = one.line() {
        oks += usize::from(line.starts_with("OK MSG "));
    }
    assert_eq!(oks, 15, "all was said before the end");
}

#[test]
fn a_list_counts_five() {
    let options = ["--rate", "1", "--burst", "10"];
    let mut talk = Talk::with(Server::with(&members_txt(&GROUP), &options));
    let before = Instant::now();
    talk.play(
        "
        ann> LOGIN ann@x ann-secret\\nHISTORY\\nWHO\\nPING the burst is used up\\nMSG one\\nPING behind it
        ann< OK LOGIN …
        ann< OK HISTORY 0 …
        ann< WHO ann@x devices=1
        ann< OK WHO 1
        ann< OK PING the burst is used up
        bob:
        bob> PING me
        bob< OK PING me
        ann< OK MSG 1 <time>
        ann< OK PING behind it
        bob< MSG 1 <time> ann@x one
        ",
    );
    assert!(before.elapsed() >= Duration::from_secs(1));
}

#[test]
fn so_does_passwd_and_a_change_of_the_group_counts_one() {
    let options = ["--rate", "1", "--burst", "6"];
    let mut talk = Talk::with(Server::with(&members_txt(&GROUP), &options));
    let before = Instant::now();
    talk.play(
        "
        ann> LOGIN ann@x/- ann-secret\\nPASSWD ann-secret another-secret\\nADD fay@x fay-secret\\nPING used up\\nREMOVE fay@x
        ann< OK LOGIN …
        ann< OK PASSWD
        ann< OK ADD fay@x
        ann< OK PING used up
        ann< OK REMOVE fay@x
        ",
    );
    assert!(before.elapsed() >= Duration::from_secs(1));
}

#[test]
fn one_more_connection_takes_the_place_of_the_silent_one() {
    let options = ["--max-connections-per-member", "3"];
    let mut talk = Talk::with(Server::with(&members_txt(&GROUP), &options));
    talk.play(
        "
        ann1: laptop
        ann2: laptop
        ann3:
        ann4: laptop
        ann1< BYE replaced …
        ann1.
        bob:
        ann5> LOGIN ann@x/phone ann-secret
        ann5< ERR LOGIN full …
        bob> MSG hi
        bob< OK MSG 1 <time>
        ann2< MSG 1 <time> bob@x hi
        ann3< MSG 1 <time> bob@x hi
        ann4< MSG 1 <time> bob@x hi
        ann2> QUIT
        ann2< OK QUIT
        ann2.
        ann5> LOGIN ann@x/phone ann-secret
        ann5< OK LOGIN …
        ",
    );
}
