//! SIGTERM.

use std::sync::atomic::{AtomicBool, Ordering};

use rustix::process::Signal;

use crate::common::peer::Peer;
use crate::group::Group;

/// Nobody waits for ever, and everybody is told. A second signal changes nothing.
#[test]
fn a_node_without_a_quorum_stops_and_says_what_is_not_settled() {
    let Some(mut group) = Group::start(2) else { return };
    let (mut ann, mut bob, mut cid) =
        (group.member(0, "ann@x"), group.member(0, "bob@x"), group.member(0, "cid@x"));
    ann.say("MSG before");
    ann.expect("OK MSG 1 <time>");
    bob.expect("MSG 1 <time> ann@x before");
    cid.expect("MSG 1 <time> ann@x before");
    let mut admin = group.member(0, "ann@x/-");
    group.lose_the_quorum();
    ann.send(b"MSG first\nMSG second\nPING after them\n");
    admin.say("REMOVE eve@x");
    // What came before is read in the same turn.
    bob.fence();
    for _ in 0..2 {
        group.node(0).signal(Signal::TERM);
    }
    for peer in [&mut ann, &mut bob, &mut cid, &mut admin] {
        peer.expect("BYE shutdown …");
        peer.expect_end();
    }
    let node = group.node(0);
    assert_eq!(node.wait().code(), Some(0), "{}", node.log());
    let told = "messages and changes that are not settled: 3. Nobody was told OK for them";
    node.until_logged(told);

    group.have_a_quorum_again();
    group.restart(0);
    let mut bob = group.member(0, "bob@x");
    bob.say("MSG after");
    while !bob.line().expect("an answer").starts_with("OK MSG ") {}
    let said = group.said();
    let waited = said.strip_prefix(&["ann@x before".to_owned()]).expect("it was acknowledged");
    let waited = waited.strip_suffix(&["bob@x after".to_owned()]).expect("it was acknowledged, too");
    // Not settled: said or not, those of a connection in their order, and never twice.
    let (changes, messages): (Vec<_>, Vec<_>) = waited.iter().partition(|said| *said == "ann@x eve@x");
    let sent = ["ann@x first", "ann@x second"];
    assert!(changes.len() <= 1 && messages.iter().copied().eq(sent.iter().take(messages.len())), "{said:?}");
}

/// What others go on to say does not keep a node from stopping.
#[test]
fn a_node_stops_while_the_group_talks() {
    let Some(mut group) = Group::start(2) else { return };
    let mut bob = group.member(1, "bob@x");
    let is_over = AtomicBool::new(false);
    let flood = |mut ann: Peer| {
        while !is_over.load(Ordering::Relaxed) {
            ann.send("MSG on and on\n".repeat(100).as_bytes());
            (0..100).for_each(|_| ann.expect("OK MSG … <time>"));
        }
    };
    let talkers = ["ann@x/-", "cid@x/-", "dan@x/-"].map(|who| group.member(0, who));
    std::thread::scope(|scope| {
        for talker in talkers {
            scope.spawn(|| flood(talker));
        }
        bob.expect("MSG 1 <time> …");
        group.node(1).stop();
        is_over.store(true, Ordering::Relaxed);
    });
    let last = std::iter::from_fn(|| bob.line()).last();
    assert!(last.as_ref().is_some_and(|line| line.starts_with("BYE shutdown ")), "{last:?}");
    let log = group.node(1).log();
    assert!(!log.contains("did not answer in time"), "{log}");
    group.restart(1);
    assert!(group.said().iter().all(|said| said.ends_with(" on and on")));
}
