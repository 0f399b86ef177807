//! The gate of node a, beside its replica: who is asked, who is fenced, who is let in.

use super::*;
use crate::protocol::{Device, Seq, Time};
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
            self.gate.wait(mail(login), login, None);
        }
        self.acts()
    }

    /// With a device that is new here.
    fn wants_new(&mut self, login: &'static str) -> String {
        let device = Device::parse_named("new").expect("a name");
        let place = Delivered { mail: mail(login), device, seq: Seq(7), time: Time::default() };
        self.gate.wait(mail(login), login, Some(place));
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
        while let Some(at) = self.deadline().filter(|at| *at <= Duration::from_millis(ms)) {
            self.node.now = u64::try_from(at.as_millis()).expect("a few").max(self.node.now);
            let acts = self.acts();
            assert!(!acts.is_empty(), "a deadline is there for something");
            told.push(format!("{}: {acts}", self.node.now));
        }
        self.node.now = ms;
        told.join("; ")
    }

    fn deadline(&self) -> Option<Duration> {
        self.gate.next_deadline(self.now(), &self.node.replica)
    }

    /// The same while the quorum is there: each probe comes back at once. Told is what is not asked or probed.
    fn quietly_until(&mut self, ms: u64) -> String {
        let mut told = Vec::new();
        while let Some(at) = self.deadline().filter(|at| *at <= Duration::from_millis(ms)) {
            let mut acts = self.until(u64::try_from(at.as_millis()).expect("a few"));
            while let Some((_, body)) = acts.split_once("probe: ") {
                acts = self.hears(&format!("{body}\n"));
            }
            told.extend(
                acts.split(", ").filter(|act| !act.is_empty() && !act.contains("ask ")).map(str::to_owned),
            );
        }
        self.node.now = ms;
        told.join(", ")
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
                    let text = String::from_utf8(question.text()).expect("text");
                    let time = format!(" {}", Time::default());
                    format!("ask {node}: {}", text.trim_end().replace(&time, "").replace('\n', " "))
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
                GateAct::Open(logins, LastIs::Certain) => format!("open {}", logins.join(" ")),
                GateAct::Open(logins, LastIs::Uncertain) => format!("open alone {}", logins.join(" ")),
            });
        }
        told.join(", ")
    }
}

#[test]
fn a_node_that_is_alone_lets_in_when_a_batch_has_come_back_that_was_sent_since() {
    let mut stage = Stage::new();
    assert_eq!(stage.wants(&["ann@x", "bob@x", "ann@x"]), "probe: v1 a 500 2");
    assert_eq!(stage.wants(&["cat@x"]), "probe: v1 a 500 3");
    assert_eq!(stage.hears("v1 a 500 2\n"), "open ann@x bob@x ann@x");
    assert_eq!(stage.hears("v1 a 500 3\n"), "open cat@x");
    assert_eq!(stage.deadline(), None);
}

#[test]
fn a_node_whose_start_is_over_lets_nobody_in() {
    let mut stage = Stage::new();
    assert_eq!(stage.wants(&["ann@x"]), "probe: v1 a 500 2");
    stage.node.store("v1 b 1 1\nFENCE a 500\n");
    stage.node.store("v1 a 500 2\n");
    stage.node.live(3);
    assert_eq!(stage.acts(), "ask b: v1 1 ann@x");
    stage.node.live(4);
    assert_eq!(stage.answers("b", "v1 1 1 4\n"), "");
}

#[test]
fn what_is_under_way_here_comes_first() {
    let mut stage = Stage::new();
    stage.node.says(1, &["one"]);
    assert_eq!(stage.wants(&["ann@x"]), "probe: v1 a 500 3");
    stage.node.says(2, &["two"]);
    assert_eq!(stage.hears("v1 a 500 2 0\nMSG ann@x one\n"), "");
    assert_eq!(stage.hears("v1 a 500 3\n"), "open ann@x", "two was said later");
    // What waits for a place under way has its number already.
    for n in 5..=12 {
        stage.node.says(n, &["x"]);
    }
    let ann = [mail("ann@x")].into();
    assert_eq!(stage.node.replica.pending_of(&ann)[&mail("ann@x")], BatchNumber(12));
    assert_eq!(stage.wants(&["bob@x"]), "probe");
    assert_eq!(stage.hears("v1 a 500 4 0\nMSG ann@x two\n"), "");
    for n in 5..=11 {
        assert_eq!(stage.hears(&format!("v1 a 500 {n} 0\nMSG ann@x x\n")), "");
    }
    assert_eq!(stage.hears("v1 a 500 12 0\nMSG ann@x x\n"), "open bob@x", "no probe was needed");
}

#[test]
fn others_are_told_of_a_new_device() {
    let mut stage = Stage::with_b();
    stage.gate.wait(mail("ann@x"), "ann@x", None);
    let asked = "ask b: v1 1 ann@x bob@x bob@x/new 7, probe: v1 a 500 2";
    assert_eq!(stage.wants_new("bob@x"), asked);
    assert_eq!(stage.answers("b", "v1 700 1 4\n"), "");
    assert_eq!(stage.hears("v1 a 500 2\n"), "open ann@x bob@x");
}

#[test]
fn others_are_asked_once_for_many_and_answer_for_each() {
    let mut stage = Stage::with_b();
    let asked = "ask b: v1 1 ann@x bob@x, probe: v1 a 500 2";
    assert_eq!(stage.wants(&["bob@x", "ann@x", "bob@x"]), asked);
    assert_eq!(stage.answers("b", "v1 700 1 4\nann@x 3\n"), "");
    assert_eq!(stage.hears("v1 a 500 2\n"), "open bob@x bob@x");
    assert_eq!(stage.hears("v1 b 700 2\nMSG ann@x before\n"), "");
    assert_eq!(stage.hears("v1 b 700 3\nMSG ann@x last\n"), "open ann@x");
    // It has applied more than this node.
    assert_eq!(stage.wants(&["ann@x"]), "ask b: v1 2 ann@x, probe: v1 a 500 3");
    assert_eq!(stage.hears("v1 a 500 3\n"), "");
    assert_eq!(stage.answers("b", "v1 700 2 9\n"), "");
    assert_eq!(stage.hears("v1 c 1 1\nMSG bob@x hi\n"), "ask c: v1 2 ann@x", "a node that is new here");
    assert_eq!(stage.answers("c", "v1 1 2 9\n"), "open ann@x");
}

#[test]
fn a_storm_of_logins_is_few_questions_and_few_probes() {
    let mut stage = Stage::with_b();
    let mut asked = 0;
    for _ in 0..10_000 {
        asked += usize::from(!stage.wants(&["ann@x"]).is_empty());
    }
    assert_eq!(asked, GATE_QUESTIONS_MAX);
    let mut opened = 0;
    for id in 1.. {
        assert_eq!(stage.answers("b", &format!("v1 700 {id} 4\n")), "");
        let acts = stage.hears(&format!("v1 a 500 {}\n", id + 1));
        opened += acts.matches("ann@x").count() - acts.matches("ask b").count();
        if opened == 10_000 {
            assert!(id <= 10_000 / GATE_MAILS_MAX + GATE_QUESTIONS_MAX, "{id} questions");
            break;
        }
    }
}

#[test]
fn who_does_not_answer_is_asked_again_and_then_fenced_once() {
    let mut stage = Stage::with_b();
    let ask = "ask b: v1 1 ann@x";
    assert_eq!(stage.wants(&["ann@x"]), format!("{ask}, probe: v1 a 500 2"));
    assert_eq!(stage.hears("v1 a 500 2\n"), "");
    // A probe says that the quorum is still there.
    assert_eq!(stage.until(2000), format!("1100: {ask}, probe: v1 a 500 3"));
    assert_eq!(stage.until(5600), [2100, 3100, 4100, 5100].map(|at| format!("{at}: {ask}")).join("; "));
    assert_eq!(stage.hears("v1 a 500 3\n"), "probe: v1 a 500 4");
    assert_eq!(stage.until(6100), format!("6100: {ask}"));
    // Perhaps it is this node that is cut off by now.
    assert_eq!(stage.hears("v1 a 500 4\n"), "probe: v1 a 500 5");
    assert_eq!(stage.wants(&["bob@x"]), "ask b: v1 2 bob@x, probe: v1 a 500 6");
    assert_eq!(stage.hears("v1 a 500 5\n"), "fence: v1 a 500 7 0 FENCE b 700");
    assert_eq!(stage.answers("b", "v1 699 1 4\n"), "", "a late answer of an earlier start");
    assert_eq!(stage.hears("v1 b 700 2\nMSG ann@x before\n"), "");
    assert_eq!(stage.hears("v1 a 500 6\n"), "");
    assert_eq!(stage.hears("v1 a 500 7 0\nFENCE b 700\n"), "open ann@x bob@x");
    assert_eq!(stage.wants(&["ann@x"]), "probe: v1 a 500 8", "it is asked no more");
    assert_eq!(stage.hears("v1 a 500 8\n"), "open ann@x");
    assert_eq!(stage.deadline(), None);
}

#[test]
fn whoever_answers_and_gets_nothing_through_is_fenced_in_the_end() {
    let mut stage = Stage::with_b();
    stage.wants(&["ann@x", "bob@x"]);
    assert_eq!(stage.answers("b", "v1 700 1 4\nann@x 2\n"), "");
    assert_eq!(stage.hears("v1 a 500 2\n"), "open bob@x");
    assert_eq!(stage.quietly_until(15_050), "");
    assert_eq!(stage.until(15_100), "15100: probe: v1 a 500 17");
    // It has nothing under way of others: they are let in.
    assert_eq!(stage.wants(&["bob@x"]), "ask b: v1 2 bob@x, probe: v1 a 500 18");
    assert_eq!(stage.hears("v1 a 500 17\n"), "fence: v1 a 500 19 0 FENCE b 700");
    assert_eq!(stage.answers("b", "v1 700 2 4\n"), "");
    assert_eq!(stage.hears("v1 a 500 18\n"), "open bob@x");
    assert_eq!(stage.hears("v1 a 500 19 0\nFENCE b 700\n"), "open ann@x");
}

#[test]
fn who_has_no_connection_is_fenced_sooner() {
    let mut stage = Stage::with_b();
    stage.wants(&["ann@x"]);
    stage.hears("v1 a 500 2\n");
    for at in 0..3 {
        stage.quietly_until(at * 1000 + 110);
        assert_eq!(stage.absent("b"), "");
    }
    stage.quietly_until(3110);
    assert_eq!(stage.absent("b"), "probe: v1 a 500 6");
    assert_eq!(stage.hears("v1 a 500 6\n"), "fence: v1 a 500 7 0 FENCE b 700");

    // One that was not absent between has only changed its broker.
    let mut stage = Stage::with_b();
    stage.wants(&["ann@x"]);
    stage.hears("v1 a 500 2\n");
    assert_eq!(stage.absent("b"), "");
    stage.quietly_until(3110);
    assert_eq!(stage.absent("b"), "");
    assert_eq!(stage.answers("b", "v1 700 1 4\n"), "open ann@x");
}

#[test]
fn without_a_connection_nobody_is_silent() {
    let mut stage = Stage::with_b();
    stage.gate.down();
    assert_eq!(stage.wants(&["ann@x"]), "probe: v1 a 500 2");
    stage.hears("v1 a 500 2\n");
    assert_eq!(stage.quietly_until(9000), "");
    stage.gate.up(stage.now());
    assert_eq!(stage.acts(), "ask b: v1 1 ann@x");
    assert_eq!(stage.quietly_until(14_900), "", "six seconds from then on");
    stage.gate.down();
    stage.gate.up(stage.now());
    assert_eq!(stage.acts(), "ask b: v1 1 ann@x");
    assert_eq!(stage.quietly_until(15_500), "");
}

#[test]
fn a_node_that_has_let_somebody_in_is_known_when_the_proof_has_come() {
    let mut stage = Stage::new();
    assert_eq!(stage.wants(&["bob@x"]), "probe: v1 a 500 2");
    assert_eq!(stage.hears("v1 b 700 1\nJOIN\n"), "ask b: v1 1 bob@x");
    assert_eq!(stage.hears("v1 a 500 2\n"), "");
    assert_eq!(stage.answers("b", "v1 700 1 4\n"), "open bob@x");
    // Another start of it has begun.
    assert_eq!(stage.wants(&["ann@x", "bob@x"]), "ask b: v1 2 ann@x bob@x, probe: v1 a 500 3");
    assert_eq!(stage.answers("b", "v1 700 2 4\nbob@x 9\n"), "");
    assert_eq!(stage.hears("v1 b 701 1\nJOIN\n"), "ask b: v1 2 ann@x bob@x");
    assert_eq!(stage.hears("v1 a 500 3\n"), "");
    assert_eq!(stage.answers("b", "v1 701 2 5\n"), "open ann@x bob@x");
}

#[test]
fn the_one_who_founded_the_group_is_no_node() {
    let stage = Stage::new();
    let running: Vec<String> =
        stage.node.replica.state().running().map(|(name, _)| name.to_string()).collect();
    assert_eq!(running, ["a"]);
    assert_eq!(stage.node.replica.state().next(), StreamSeq(3));
}

mod alone;
