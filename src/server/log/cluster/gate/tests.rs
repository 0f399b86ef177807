//! The gate of node a, beside its replica: who is asked, who is fenced, who is let in.

use super::*;
use crate::protocol::Seq;
use crate::server::log::cluster::command::Command;
use crate::server::log::cluster::ids::{BatchNumber, StreamSeq};
use crate::server::log::cluster::replica::stage;

struct Stage {
    node: stage::Stage,
    gate: Gate<&'static str>,
    fences: u32,
}

fn node(name: &str) -> NodeName {
    NodeName::parse(name).expect("a name")
}

fn mail(text: &str) -> Mail {
    Mail::parse(text.as_bytes()).expect("a mail")
}

impl Stage {
    /// Node a has joined; the next message of the stream is 3.
    fn new() -> Stage {
        let mut stage =
            Stage { node: stage::Stage::joined().without_sums(), gate: Gate::new(node("a")), fences: 0 };
        // Later than its JOIN was sent.
        stage.node.now = 100;
        stage.gate.up(stage.now());
        stage
    }

    /// And so has b, with start 700, in message 3.
    fn with_b() -> Stage {
        let mut stage = Stage::new();
        stage.hears("v1 b 700 1\nJOIN\n");
        stage
    }

    fn now(&self) -> Duration {
        Duration::from_millis(self.node.now)
    }

    fn hears(&mut self, body: &str) -> String {
        self.node.stores_and_hears(body);
        self.acts()
    }

    fn wants(&mut self, logins: &[&'static str]) -> String {
        for login in logins {
            self.gate.wait(mail(login), login);
        }
        self.acts()
    }

    fn answers(&mut self, name: &str, text: &str) -> String {
        let answer = Answer::parse(text.as_bytes()).expect("an answer");
        self.gate.answered(&node(name), answer);
        self.acts()
    }

    fn absent(&mut self, name: &str) -> String {
        let now = self.now();
        self.gate.absent(now, &node(name));
        self.acts()
    }

    /// Each deadline of the gate until then; the replica's are left alone.
    fn until(&mut self, ms: u64) -> String {
        let mut told = Vec::new();
        while let Some(at) = self.gate.next_deadline(self.now()).filter(|at| *at <= Duration::from_millis(ms))
        {
            self.node.now = u64::try_from(at.as_millis()).expect("a few").max(self.node.now);
            let acts = self.acts();
            assert!(!acts.is_empty(), "a deadline is there for something");
            told.push(format!("{}: {acts}", self.node.now));
        }
        self.node.now = ms;
        told.join("; ")
    }

    /// What the replica publishes; that it looks for what it has missed is its own affair.
    fn published(&mut self) -> String {
        let acts = self.node.acts();
        acts.split(", ")
            .find_map(|act| act.strip_prefix("publish "))
            .map_or(String::new(), |body| format!(": {body}"))
    }

    fn acts(&mut self) -> String {
        let now = self.now();
        self.gate.turn(now, &self.node.replica);
        let mut told = Vec::new();
        while let Some(act) = self.gate.poll() {
            told.push(match act {
                GateAct::Ask(node, question) => {
                    format!("ask {node}: {}", question.text().trim_end().replace('\n', " "))
                }
                GateAct::Probe => {
                    self.node.replica.probe(now);
                    format!("probe{}", self.published())
                }
                GateAct::Fence(node, start) => {
                    self.fences += 1;
                    self.node.replica.propose(
                        now,
                        Seq(0),
                        [(Command::Fence { node, start }, 900 + self.fences)],
                    );
                    format!("fence{}", self.published())
                }
                GateAct::Open(logins) => format!("open {}", logins.join(" ")),
            });
        }
        told.join(", ")
    }
}

#[test]
fn a_node_that_is_alone_lets_in_at_once() {
    let mut stage = Stage::new();
    assert_eq!(stage.wants(&["ann@x", "bob@x", "ann@x"]), "open ann@x bob@x ann@x");
    assert_eq!(stage.gate.next_deadline(stage.now()), None);
}

#[test]
fn what_is_under_way_here_comes_first() {
    let mut stage = Stage::new();
    stage.node.says(1, &["one"]);
    assert_eq!(stage.wants(&["ann@x", "bob@x"]), "open bob@x");
    stage.node.says(2, &["two"]);
    assert_eq!(stage.hears("v1 a 500 2 0\nMSG ann@x one\n"), "open ann@x", "two was said later");
    // What waits for a place under way has its number already.
    for n in 4..=11 {
        stage.node.says(n, &["x"]);
    }
    let ann = [mail("ann@x")].into();
    assert_eq!(stage.node.replica.pending_of(&ann)[&mail("ann@x")], BatchNumber(11));
    assert_eq!(stage.wants(&["ann@x"]), "");
}

#[test]
fn others_are_asked_once_for_many_and_answer_for_each() {
    let mut stage = Stage::with_b();
    let asked = "ask b: v1 a 500 1 ann@x bob@x";
    assert_eq!(stage.wants(&["bob@x", "ann@x", "bob@x"]), asked);
    assert_eq!(stage.answers("b", "v1 700 1 4\nann@x 3\n"), "open bob@x bob@x");
    assert_eq!(stage.hears("v1 b 700 2\nMSG ann@x before\n"), "");
    assert_eq!(stage.hears("v1 b 700 3\nMSG ann@x last\n"), "open ann@x");
    // It has applied more than this node.
    assert_eq!(stage.wants(&["ann@x"]), "ask b: v1 a 500 2 ann@x");
    assert_eq!(stage.answers("b", "v1 700 2 7\n"), "");
    assert_eq!(stage.hears("v1 c 1 1\nMSG bob@x hi\n"), "ask c: v1 a 500 2 ann@x", "a node that is new here");
    assert_eq!(stage.answers("c", "v1 1 2 7\n"), "open ann@x");
}

#[test]
fn a_storm_of_logins_is_few_questions() {
    let mut stage = Stage::with_b();
    let mut asked = 0;
    for _ in 0..10_000 {
        asked += usize::from(!stage.wants(&["ann@x"]).is_empty());
    }
    assert_eq!(asked, GATE_QUESTIONS_MAX);
    let mut opened = 0;
    for id in 1.. {
        let acts = stage.answers("b", &format!("v1 700 {id} 4\n"));
        opened += acts.matches("ann@x").count() - acts.matches("ask b").count();
        if opened == 10_000 {
            assert!(id < 20, "{id} questions");
            break;
        }
    }
}

#[test]
fn who_does_not_answer_is_asked_again_and_then_fenced_once() {
    let mut stage = Stage::with_b();
    let ask = "ask b: v1 a 500 1 ann@x";
    assert_eq!(stage.wants(&["ann@x"]), ask);
    let again: Vec<String> = (1..6).map(|n| format!("{n}100: {ask}")).collect();
    assert_eq!(stage.until(6000), again.join("; "));
    // Nothing has come back since it is silent: perhaps it is this node that is cut off.
    assert_eq!(stage.until(6100), format!("6100: {ask}, probe: v1 a 500 2"));
    assert_eq!(stage.wants(&["bob@x"]), "ask b: v1 a 500 2 bob@x, probe");
    assert_eq!(stage.hears("v1 a 500 2\n"), "fence: v1 a 500 3 0 FENCE b 700");
    assert_eq!(stage.answers("b", "v1 699 1 4\n"), "", "a late answer of an earlier start");
    assert_eq!(stage.hears("v1 b 700 2\nMSG ann@x before\n"), "");
    assert_eq!(stage.hears("v1 a 500 3 0\nFENCE b 700\n"), "open ann@x bob@x");
    assert_eq!(stage.wants(&["ann@x"]), "open ann@x", "it is asked no more");
    assert_eq!(stage.gate.next_deadline(stage.now()), None);
}

#[test]
fn the_smaller_part_fences_nobody() {
    let mut stage = Stage::with_b();
    stage.wants(&["ann@x"]);
    stage.until(20_000);
    assert_eq!(stage.fences, 0);
    stage.gate.close();
    assert_eq!((stage.acts().as_str(), stage.gate.next_deadline(stage.now())), ("", None));
    assert_eq!(stage.wants(&["bob@x"]), "ask b: v1 a 500 2 bob@x");
    assert_eq!(stage.answers("b", "v1 700 2 4\n"), "open bob@x");
}

#[test]
fn whoever_answers_and_gets_nothing_through_is_fenced_in_the_end() {
    let mut stage = Stage::with_b();
    stage.wants(&["ann@x", "bob@x"]);
    assert_eq!(stage.answers("b", "v1 700 1 4\nann@x 2\n"), "open bob@x");
    assert_eq!(stage.until(15_050), "");
    assert_eq!(stage.until(16_000), "15100: probe: v1 a 500 2");
    // It has nothing under way of others: they are let in.
    assert_eq!(stage.wants(&["bob@x"]), "ask b: v1 a 500 2 bob@x, probe");
    assert_eq!(stage.hears("v1 a 500 2\n"), "fence: v1 a 500 3 0 FENCE b 700");
    assert_eq!(stage.answers("b", "v1 700 2 4\n"), "open bob@x");
    assert_eq!(stage.hears("v1 a 500 3 0\nFENCE b 700\n"), "open ann@x");
}

#[test]
fn who_has_no_connection_is_fenced_sooner() {
    let mut stage = Stage::with_b();
    stage.wants(&["ann@x"]);
    for at in 0..3 {
        stage.until(at * 1000 + 110);
        assert_eq!(stage.absent("b"), "");
    }
    stage.until(3110);
    assert_eq!(stage.absent("b"), "probe: v1 a 500 2");
    assert_eq!(stage.hears("v1 a 500 2\n"), "fence: v1 a 500 3 0 FENCE b 700");

    // One that was not absent between has only changed its broker.
    let mut stage = Stage::with_b();
    stage.wants(&["ann@x"]);
    assert_eq!(stage.absent("b"), "");
    stage.until(3110);
    assert_eq!(stage.absent("b"), "");
    assert_eq!(stage.answers("b", "v1 700 1 4\n"), "open ann@x");
}

#[test]
fn without_a_connection_nobody_is_silent() {
    let mut stage = Stage::with_b();
    stage.gate.down();
    assert_eq!(stage.wants(&["ann@x"]), "");
    assert_eq!(stage.until(9000), "");
    stage.gate.up(stage.now());
    assert_eq!(stage.acts(), "ask b: v1 a 500 1 ann@x");
    assert!(!stage.until(14_900).contains("probe"), "six seconds from then on");
    stage.gate.down();
    stage.gate.up(stage.now());
    assert_eq!(stage.acts(), "ask b: v1 a 500 1 ann@x");
    assert_eq!(stage.until(15_500), "");
}

#[test]
fn who_asks_is_asked_although_the_stream_has_not_told_of_them_yet() {
    let mut stage = Stage::new();
    let question = Question::parse(b"v1 b 700 1\nann@x\n").expect("a question");
    stage.node.says(1, &["one"]);
    let answer = stage.gate.answer(&question, &stage.node.replica);
    assert_eq!(answer.text(), "v1 500 1 3\nann@x 2\n");
    assert_eq!(stage.wants(&["bob@x"]), "ask b: v1 a 500 1 bob@x");
    assert_eq!(stage.answers("b", "v1 700 1 4\n"), "", "it has applied its JOIN");
    assert_eq!(stage.hears("v1 b 700 1\nJOIN\n"), "open bob@x");
    // Its start is over, or another one has begun.
    assert_eq!(stage.wants(&["ann@x", "bob@x"]), "ask b: v1 a 500 2 ann@x bob@x");
    assert_eq!(stage.answers("b", "v1 700 2 4\nbob@x 9\n"), "");
    assert_eq!(stage.hears("v1 b 701 1\nJOIN\n"), "ask b: v1 a 500 2 ann@x bob@x");
    assert_eq!(stage.answers("b", "v1 701 2 5\n"), "open bob@x");
    assert_eq!(stage.hears("v1 a 500 2 0\nMSG ann@x one\n"), "open ann@x");
}

#[test]
fn the_one_who_founded_the_group_is_no_node() {
    let stage = Stage::new();
    let running: Vec<String> =
        stage.node.replica.state().running().map(|(name, _)| name.to_string()).collect();
    assert_eq!(running, ["a"]);
    assert_eq!(stage.node.replica.state().next(), StreamSeq(3));
}
