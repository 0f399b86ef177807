//! A node whose batches do not come back.

use super::{GATE_QUESTIONS_MAX, Stage, mail};

#[test]
fn the_smaller_part_fences_nobody_and_lets_in_without_proof() {
    let mut stage = Stage::with_b();
    stage.wants(&["ann@x"]);
    assert_eq!(stage.until(20_000).split("; ").last(), Some("5100: ask b: v1 1 ann@x, open alone ann@x"));
    // The others get a moment to tell what they have.
    assert_eq!(stage.wants(&["bob@x"]), "ask b: v1 2 bob@x, probe: v1 a 500 3");
    assert_eq!(stage.answers("b", "v1 700 2 4\nbob@x 2\n"), "open alone bob@x");
    assert_eq!(stage.wants(&["cat@x"]), "ask b: v1 3 cat@x, probe: v1 a 500 4");
    assert_eq!(stage.until(21_500), "21000: ask b: v1 3 cat@x, open alone cat@x");
    assert_eq!(stage.fences, 0);
    // When something comes back, it is not alone any more.
    stage.wants(&["dan@x"]);
    assert_eq!(stage.hears("v1 a 500 2\n"), "");
    assert_eq!(stage.answers("b", "v1 700 4 4\n"), "");
    assert_eq!(stage.hears("v1 a 500 3\n"), "");
    assert_eq!(stage.hears("v1 a 500 4\n"), "");
    assert_eq!(stage.hears("v1 a 500 5\n"), "open dan@x");
    stage.wants(&["eve@x"]);
    stage.gate.close();
    assert_eq!((stage.acts().as_str(), stage.deadline()), ("", None));
    assert_eq!(stage.wants(&["bob@x"]), "ask b: v1 6 bob@x, probe: v1 a 500 7");
    assert_eq!(stage.answers("b", "v1 700 6 4\n"), "");
    assert_eq!(stage.hears("v1 a 500 6\n"), "");
    assert_eq!(stage.hears("v1 a 500 7\n"), "open bob@x");
}

/// The quorum may be lost between the proof and the end of another node's silence.
#[test]
fn who_has_the_proof_and_waits_for_another_node_learns_that_this_one_is_alone() {
    let mut stage = Stage::with_b();
    stage.wants(&["ann@x"]);
    assert_eq!(stage.hears("v1 a 500 2\n"), "");
    assert_eq!(stage.answers("b", "v1 700 1 4\nann@x 2\n"), "");
    assert_eq!(stage.until(9000), "1100: probe: v1 a 500 3; 6100: open alone ann@x");
}

#[test]
fn without_a_broker_a_node_is_alone() {
    let mut stage = Stage::with_b();
    stage.gate.down();
    assert_eq!(stage.wants(&["ann@x", "bob@x"]), "probe: v1 a 500 2");
    assert_eq!(stage.until(9000), "5100: open alone ann@x bob@x");
    assert_eq!(stage.wants(&["cat@x"]), "probe: v1 a 500 3");
    assert_eq!(stage.until(20_000), "10000: open alone cat@x");
}

/// Where it goes on then, nobody would know how far it has come. Those who have answered may not be all: this node may not have
/// heard of the others yet.
#[test]
fn a_new_device_waits_until_all_others_know_of_it() {
    let mut stage = Stage::with_b();
    stage.gate.wait(mail("ann@x"), "ann@x", None);
    stage.wants_new("bob@x");
    assert_eq!(
        stage.until(6000).split("; ").last(),
        Some("5100: ask b: v1 1 ann@x bob@x bob@x/new 7, open alone ann@x")
    );
    // They keep nobody else waiting.
    for _ in 0..=GATE_QUESTIONS_MAX {
        stage.wants_new("bob@x");
        stage.until(stage.node.now + 2000);
    }
    stage.wants(&["cat@x"]);
    assert!(stage.until(stage.node.now + 2000).contains("open alone cat@x"));
    let bobs = ["bob@x"; GATE_QUESTIONS_MAX + 2].join(" ");
    let new = ["bob@x/new 7"; GATE_QUESTIONS_MAX + 2].join(" ");
    let acts = stage.hears("v1 a 500 2\n");
    let (asked, proof) = acts.split_once(", probe: v1 a 500 ").expect("a question and a probe");
    let (_, id) = asked.split_once("v1 ").expect("a question");
    let (id, about) = id.split_once(' ').expect("members");
    assert_eq!(about, format!("bob@x {new}"));
    let (id, last): (u64, u64) = (id.parse().expect("a number"), proof.parse().expect("a number"));
    assert_eq!(stage.answers("b", &format!("v1 700 {id} 4\n")), "");
    for number in 3..last {
        assert_eq!(stage.hears(&format!("v1 a 500 {number}\n")), "");
    }
    assert_eq!(stage.hears(&format!("v1 a 500 {last}\n")), format!("open {bobs}"));
}

/// Nothing comes back while nothing is sent.
#[test]
fn a_node_that_was_idle_is_not_alone() {
    let mut stage = Stage::new();
    stage.node.until(10_500);
    assert_eq!(stage.wants(&["ann@x"]), "probe: v1 a 500 3");
    assert_eq!(stage.until(14_900), "");
    assert_eq!(stage.hears("v1 a 500 2\n"), "");
    assert_eq!(stage.hears("v1 a 500 3\n"), "open ann@x");
}

/// The others do not know of its start, and so do not ask it what its members have said.
#[test]
fn a_node_that_was_fenced_is_not_alone_before_its_next_start_is_known() {
    let mut stage = Stage::with_b();
    assert_eq!(stage.hears("v1 b 700 2\nFENCE a 500\n"), "");
    assert_eq!(stage.wants(&["ann@x"]), "ask b: v1 1 ann@x, probe: v1 a 501 2");
    assert_eq!(stage.answers("b", "v1 700 1 5\n"), "");
    assert_eq!(stage.until(9000), "");
    assert_eq!(stage.hears("v1 a 501 1\nJOIN\n"), "");
    assert_eq!(stage.until(14_500), "14000: open alone ann@x");
}
