//! A member who comes from a node that is cut off, stands still or has stopped: what they said there is within the last event that
//! the login on another node names, or is never said.

#[path = "common/broker.rs"]
mod broker;
mod common;
#[allow(dead_code, reason = "it does more for others")]
#[path = "nodes/proxy.rs"]
mod proxy;

use std::fs;
use std::process::Command;

use broker::{Brokers, Login, Setup};
use common::peer::Peer;
use common::server::{GROUP, Server, folder_with, members_txt, until};
use proxy::{Flow, Proxy};
use rustix::process::Signal;

/// Two nodes; the first one reaches its brokers through cables.
struct Pair {
    cables: Vec<Proxy>,
    nodes: [Server; 2],
    _brokers: Brokers,
}

impl Pair {
    /// Nothing, and it says so: there is no program for the brokers.
    fn start() -> Option<Pair> {
        let brokers = Brokers::start(Setup::default())?;
        let members = members_txt(&GROUP);
        let folder = folder_with(&members);
        let mut make = Command::new(env!("CARGO_BIN_EXE_chat-room-server"));
        make.args(["--make-cluster", "--cluster", &brokers.urls(), "--cluster-credentials"]);
        make.arg(brokers.credentials(Login::Keeper)).arg("--members").arg(folder.path().join("members.txt"));
        assert!(make.output().expect("the server").status.success());
        let cables: Vec<Proxy> = (0..brokers.len()).map(|at| Proxy::to(brokers.addr(at))).collect();
        let through: Vec<String> = cables.iter().map(|cable| format!("nats://{}", cable.addr())).collect();
        let credentials = brokers.credentials(Login::Node).to_string_lossy().into_owned();
        let node = |name: &str, urls: &str| {
            let options = ["--cluster", urls, "--node", name, "--cluster-credentials", &credentials];
            Server::in_folder(folder_with(&members), &options)
        };
        let nodes = [node("n0", &through.join(",")), node("n1", &brokers.urls())];
        Some(Pair { cables, nodes, _brokers: brokers })
    }

    fn set_all(&self, flow: Flow) {
        for cable in &self.cables {
            cable.set_both(flow);
        }
    }

    fn login(&self, at: usize, who: &str, answer: &str) -> Peer {
        let mut peer = Peer::connect(self.nodes[at].addr());
        peer.expect("HELLO …");
        peer.say(&format!("LOGIN {who} {}-secret", &who[..3]));
        peer.expect(answer);
        peer
    }

    /// Both have this history in the end.
    fn expect_history(&self, texts: &[&str]) {
        let said = |node: &Server| {
            let text = fs::read_to_string(node.history().join("000000000001.txt")).expect("text");
            text.lines().filter_map(|line| Some(line.splitn(5, ' ').nth(4)?.to_owned())).collect::<Vec<_>>()
        };
        until("both nodes have it", || self.nodes.iter().all(|node| said(node) == texts));
    }
}

#[test]
fn what_was_said_on_a_node_that_is_cut_off_is_never_said_after_a_login_elsewhere() {
    let Some(pair) = Pair::start() else { return };
    let mut ann = pair.login(0, "ann@x", "OK LOGIN ann@x role=admin last=0 …");
    let mut bob = pair.login(0, "bob@x", "OK LOGIN bob@x …");
    pair.set_all(Flow::Stalled);
    ann.say("MSG pending");
    // Other nodes' members wait for nobody meanwhile, nor do those of this one for what needs no broker.
    bob.fence();
    let mut again = pair.login(1, "ann@x", "OK LOGIN ann@x role=admin last=0 …");
    again.say("MSG said again");
    again.expect("OK MSG 1 <time>");
    pair.set_all(Flow::Open);
    // Its batch may be stored now, and does not count.
    match ann.line().as_deref() {
        Some(line) if line.starts_with("ERR MSG storage ") => {
            ann.expect("BYE cut-off …");
        }
        line => assert!(line.is_some_and(|line| line.starts_with("BYE cut-off ")), "{line:?}"),
    }
    ann.expect_end();
    // The node goes on.
    let mut back = loop {
        let mut back = Peer::connect(pair.nodes[0].addr());
        back.expect("HELLO …");
        back.say("LOGIN ann@x/other ann-secret");
        match back.line().expect("an answer") {
            answer if answer.starts_with("OK LOGIN ann@x role=admin last=1 ") => break back,
            answer => assert!(answer.starts_with("ERR LOGIN storage "), "{answer}"),
        }
    };
    back.expect("MSG 1 <time> ann@x said again");
    back.say("MSG and here");
    back.expect("OK MSG 2 <time>");
    again.expect("MSG 2 <time> ann@x and here");
    pair.expect_history(&["said again", "and here"]);
}

#[test]
fn what_a_node_that_stood_still_reads_afterwards_is_not_said() {
    let Some(pair) = Pair::start() else { return };
    let mut ann = pair.login(0, "ann@x", "OK LOGIN ann@x role=admin last=0 …");
    pair.nodes[0].signal(Signal::STOP);
    // Its kernel takes that.
    ann.say("MSG not read yet");
    let mut again = pair.login(1, "ann@x", "OK LOGIN ann@x role=admin last=0 …");
    again.say("MSG said again");
    again.expect("OK MSG 1 <time>");
    pair.nodes[0].signal(Signal::CONT);
    loop {
        match ann.line() {
            Some(line) if line.starts_with("MSG 1 ") || line.starts_with("ERR MSG storage ") => {}
            Some(line) => assert!(line.starts_with("BYE cut-off "), "{line}"),
            None => break,
        }
    }
    pair.expect_history(&["said again"]);
}

#[test]
fn a_node_that_was_stopped_is_waited_for_by_nobody() {
    let Some(mut pair) = Pair::start() else { return };
    let mut ann = pair.login(0, "ann@x", "OK LOGIN ann@x role=admin last=0 …");
    ann.say("MSG before it stops");
    ann.expect("OK MSG 1 <time>");
    pair.nodes[0].stop();
    ann.expect("BYE shutdown …");
    pair.login(1, "ann@x", "OK LOGIN ann@x role=admin last=1 …");
    assert!(!pair.nodes[1].log().contains("does not answer"), "{}", pair.nodes[1].log());
}
