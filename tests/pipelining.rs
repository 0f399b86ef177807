//! Many lines in one packet, and nothing after it: each is answered without anybody else having to speak.

#[path = "common/demo.rs"]
mod demo;

use demo::{Demo, committed_members};

/// `lines` sent at once are all answered, up to the PING after them, while the connection stays open.
#[track_caller]
fn check(demo: &Demo, lines: &str) {
    let mut peer = demo.connect();
    peer.send(&format!("{lines}PING the last one\n"));
    assert_eq!(peer.line_beginning("OK PING the last one"), "OK PING the last one");
}

#[test]
fn nothing_waits_for_an_unrelated_event() {
    let demo = Demo::with(&committed_members(), &["--rate", "0"]);
    let login = "LOGIN ann@example.org ann-demo\n";
    // The first is checked by the thread, the second answered from the cache, without one.
    check(&demo, login);
    check(&demo, login);
    check(&demo, &format!("{login}STATS\nSTATS\n"));
    // More replies than a connection may be owed; they leave in the turn in which it is stalled.
    check(&demo, &format!("PING {}\n", "x".repeat(4000)).repeat(9));
    check(&demo, &format!("{login}{}", "MSG hello\n".repeat(500)));
    check(&demo, &format!("{login}{}", format!("MSG {}\n", "x".repeat(4000)).repeat(500)));
}
