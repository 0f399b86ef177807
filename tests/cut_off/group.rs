//! One group on some nodes, each with a cable of its own to each broker.

use std::fs;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use chat_room::server::log::cluster::broker::{self as link, Access, Asker, Plaintext, trust};
use chat_room::server::log::cluster::prove::STREAM_INFO;
use serde_json::Value;

use crate::broker::{Brokers, Login, Setup};
use crate::common::disk::skip;
use crate::common::peer::Peer;
use crate::common::server::{GROUP, Server, folder_with, members_txt, until};
use crate::proxy::{Flow, Proxy};

/// Whether there is an nc; if not, that is said.
pub(crate) fn is_nc_there() -> bool {
    let is_there = Command::new("nc").arg("-h").output().is_ok();
    if !is_there {
        skip("there is no nc here");
    }
    is_there
}

pub(crate) struct Group {
    nodes: Vec<Server>,
    /// From each node to each broker.
    cables: Vec<Vec<Proxy>>,
    pub(crate) brokers: Brokers,
}

impl Group {
    /// Nothing, and it says so: there is no program for the brokers.
    pub(crate) fn start(nodes: usize) -> Option<Group> {
        let brokers = Brokers::start(Setup::default())?;
        let members = members_txt(&GROUP);
        let folder = folder_with(&members);
        let mut server = Command::new(env!("CARGO_BIN_EXE_chat-room-server"));
        server.args(["--make-cluster", "--cluster", &brokers.urls(), "--cluster-credentials"]);
        server.arg(brokers.credentials(Login::Keeper));
        server.arg("--members").arg(folder.path().join("members.txt"));
        let output = server.output().expect("the server");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let cables =
            (0..nodes).map(|_| (0..brokers.len()).map(|at| Proxy::to(brokers.addr(at))).collect()).collect();
        let mut group = Group { nodes: Vec::new(), cables, brokers };
        for at in 0..nodes {
            let node = Server::in_folder(folder_with(&members), &strs(&group.options(at)));
            group.nodes.push(node);
        }
        Some(group)
    }

    fn options(&self, at: usize) -> Vec<String> {
        let urls = self.cables[at].iter().map(|cable| format!("nats://{}", cable.addr()));
        let urls = urls.collect::<Vec<_>>().join(",");
        let credentials = self.brokers.credentials(Login::Node).display().to_string();
        let (name, listen) = (format!("n{at}"), "127.0.0.1:0".to_owned());
        let pairs = [
            ("--cluster", urls),
            ("--node", name),
            ("--cluster-credentials", credentials),
            ("--tls-listen", listen.clone()),
            ("--metrics-listen", listen),
        ];
        pairs.into_iter().flat_map(|(option, value)| [option.to_owned(), value]).collect()
    }

    pub(crate) fn node(&mut self, at: usize) -> &mut Server {
        &mut self.nodes[at]
    }

    pub(crate) fn member(&self, at: usize, who: &str) -> Peer {
        Peer::member(self.nodes[at].addr(), who)
    }

    /// Whoever uses nc at a node, not logged in yet.
    pub(crate) fn nc(&self, at: usize) -> Peer {
        let addr = self.nodes[at].addr();
        let mut peer = Peer::run(Command::new("nc").args([addr.ip().to_string(), addr.port().to_string()]));
        peer.expect("HELLO …");
        peer
    }

    /// A node and all brokers hear nothing of each other, or again.
    pub(crate) fn set(&self, node: usize, flow: Flow) {
        self.cables[node].iter().for_each(|cable| cable.set_both(flow));
    }

    /// Changes some settings of the stream.
    pub(crate) fn limit_the_stream(&self, settings: Value) {
        let login = link::Login::read(&self.brokers.credentials(Login::Keeper)).expect("a login");
        let tls = trust(None).expect("authorities");
        let access = Access { login, tls, plaintext: Plaintext::OnLoopback, name: "keeper".to_owned() };
        let brokers = self.brokers.urls().parse().expect("addresses");
        let wait = Duration::from_secs(60);
        let mut keeper = Asker::connect(&brokers, &Arc::new(access), wait).expect("a broker");
        let mut ask = |subject: &str, body: &str| -> Value {
            let answer = keeper.ask(subject, body.as_bytes(), wait).expect("an answer");
            serde_json::from_slice(&answer.payload).expect("JSON")
        };
        let mut config = ask(STREAM_INFO, "")["config"].take();
        let Value::Object(settings) = settings else { panic!("they are an object") };
        config.as_object_mut().expect("an object").extend(settings);
        let updated = ask("$JS.API.STREAM.UPDATE.ROOM", &config.to_string());
        assert!(updated["error"].is_null(), "{updated}");
    }

    /// Two of the three brokers are gone.
    pub(crate) fn lose_the_quorum(&mut self) {
        for at in [0, 1] {
            self.brokers.kill(at);
        }
    }

    pub(crate) fn have_a_quorum_again(&mut self) {
        for at in [0, 1] {
            self.brokers.restart(at);
        }
        self.brokers.until_ready();
        until("the stream has a leader", || self.brokers.leader("ROOM").is_some());
    }

    /// The node has ended; the same again, with the files that it left.
    pub(crate) fn restart(&mut self, at: usize) {
        let options = self.options(at);
        let node = self.nodes.remove(at).again_with(&strs(&options));
        self.nodes.insert(at, node);
    }

    /// Waits until all nodes have the same history. Its messages, without numbers and times.
    #[track_caller]
    pub(crate) fn said(&self) -> Vec<String> {
        let text = |node: &Server| fs::read_to_string(node.history().join("000000000001.txt")).expect("text");
        until("all nodes have the same events", || {
            self.nodes.iter().all(|node| text(node) == text(&self.nodes[0]))
        });
        let said = |line: &str| line.splitn(4, ' ').last().expect("an event").to_owned();
        text(&self.nodes[0]).lines().map(said).collect()
    }
}

fn strs(words: &[String]) -> Vec<&str> {
    words.iter().map(String::as_str).collect()
}
