//! How far each device has come is recorded beside the history: the file stays small however long the server runs.

mod common;

use chat_room::limits::{DELIVERED_SLACK, MEMBERS_PER_TURN};
use common::peer::Peer;
use common::server::{Server, cheap_hash, members_txt, until};

/// So many that no turn visits all of them.
fn many(hash: &str) -> String {
    (0..2 * MEMBERS_PER_TURN).fold(String::new(), |lines, n| lines + &format!("many{n}@x {hash}\n"))
}

#[test]
fn a_snapshot_of_a_large_group_has_everybody() {
    let members = members_txt(&["ann", "bob"]) + &many(&cheap_hash("many-secret"));
    let mut server = Server::with(&members, &[]);
    let mut ann = Peer::member(server.addr(), "ann@x/-");
    for line in ["REMOVE many0@x", "ADD zoe@x zoe-secret"] {
        ann.say(line);
        ann.expect("OK …");
    }
    let snapshot = || std::fs::read_to_string(server.history().join("members")).unwrap_or_default();
    until("a snapshot", || !snapshot().is_empty());
    drop(ann);
    server.kill();
    // Nobody is announced again, or has gone.
    let server = server.again();
    let mut ann = Peer::connect(server.addr());
    ann.expect("HELLO …");
    ann.say("LOGIN ann@x/- ann-secret");
    ann.expect("OK LOGIN ann@x role=admin last=2 …");
    let lines = std::fs::read_to_string(server.history().join("members")).expect("a snapshot");
    assert!(lines.lines().count() > 2 * MEMBERS_PER_TURN, "{} lines", lines.lines().count());
    assert!(lines.contains("\nmany1@x 0 member\n") && lines.contains("\nann@x 0 admin\n"));
}

#[test]
fn places_that_are_out_of_date_are_forgotten_while_the_server_runs() {
    // Long names make long lines, so that fewer are enough.
    let long = format!("{}@x", "l".repeat(200));
    let members = format!("{}{long} {}\n", members_txt(&["ann", "bob", "cid"]), cheap_hash("long-secret"));
    let members = members + &many(&cheap_hash("many-secret"));
    let mut server = Server::with(&members, &[]);
    let addr = server.addr();
    let mut ann = Peer::member(addr, "ann@x/-");
    let mut bob = Peer::member(addr, "bob@x/phone");
    drop(Peer::member(addr, "cid@x/phone"));
    ann.say("MSG hello");
    ann.expect("OK MSG 1 <time>");
    bob.expect("MSG 1 <time> ann@x hello");
    drop(bob);
    until("bob's place", || server.delivered().contains("bob@x/phone 1 "));
    ann.say("REMOVE cid@x");
    ann.expect("OK REMOVE cid@x");
    until("cid's device", || server.delivered().contains("cid@x/phone "));

    // Each new device is recorded at once: all together more than the file may hold.
    let line = format!("{long}/device-0000 2 2026-01-02T03:04:05.678Z\n").len();
    for n in 0..DELIVERED_SLACK / line + 400 {
        let mut peer = Peer::connect(addr);
        peer.expect("HELLO …");
        peer.say(&format!("LOGIN {long}/device-{n:04} long-secret"));
        peer.expect("OK LOGIN …");
    }
    until("less", || server.delivered().len() < DELIVERED_SLACK);
    let text = server.delivered();
    let kept = text.lines().filter(|line| line.starts_with(&long)).count();
    assert!(kept < 16 + 400 + 20, "{kept} of {long}");
    assert!(!text.contains("cid@x"), "who was removed");
    assert!(text.contains("bob@x/phone 1 "), "who is away");

    server.kill();
    let server = server.again();
    let mut bob = Peer::connect(server.addr());
    bob.expect("HELLO …");
    bob.say("LOGIN bob@x/phone bob-secret");
    bob.expect("OK LOGIN bob@x role=member last=2 missed=1 …");
    bob.expect("REMOVED 2 <time> ann@x cid@x");
}
