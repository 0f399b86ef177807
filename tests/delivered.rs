//! Beside the history it is noted how far each device has come: the file stays small however long the server runs.

mod common;

use chat_room::limits::DELIVERED_SLACK;
use common::peer::Peer;
use common::server::{Server, cheap_hash, members_txt, until};

#[test]
fn places_that_are_out_of_date_are_forgotten_while_the_server_runs() {
    // Long names make long lines, so that fewer are enough.
    let long = format!("{}@x", "l".repeat(200));
    let members = format!("{}{long} {}\n", members_txt(&["ann", "bob", "cid"]), cheap_hash("long-secret"));
    let mut server = Server::with(&members, &[]);
    let addr = server.addr();
    let mut ann = Peer::member(addr, "ann@x/-");
    let mut bob = Peer::member(addr, "bob@x/phone");
    drop(Peer::member(addr, "cid@x/phone"));
    ann.say("MSG hello");
    ann.expect("OK MSG 1 <time>");
    bob.expect("MSG 1 <time> ann@x hello");
    drop(bob);
    until("bob's place", || server.noted().contains("bob@x/phone 1 "));
    ann.say("REMOVE cid@x");
    ann.expect("OK REMOVE cid@x");
    until("cid's device", || server.noted().contains("cid@x/phone "));

    // Each new device is noted at once: all together more than the file may hold.
    let line = format!("{long}/device-0000 2 2026-01-02T03:04:05.678Z\n").len();
    for n in 0..DELIVERED_SLACK / line + 400 {
        let mut peer = Peer::connect(addr);
        peer.expect("HELLO …");
        peer.say(&format!("LOGIN {long}/device-{n:04} long-secret"));
        peer.expect("OK LOGIN …");
    }
    until("less", || server.noted().len() < DELIVERED_SLACK);
    let text = server.noted();
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
