//! Three brokers and three nodes, with a cable between any two that talk to each other.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::process::Signal;
use tempfile::TempDir;

use super::broker::{Brokers, Login, Setup};
use super::common::running::Running;
use super::folder;
use super::proxy::{Flow, Proxy, Way};
use super::record::Files;

/// How many nodes, and how many brokers.
pub(super) const SIZE: usize = 3;
/// The stream that holds the group.
const STREAM: &str = "ROOM";

pub(super) struct Cluster {
    nodes: Vec<Node>,
    brokers: Brokers,
    /// From each node to each broker.
    to_brokers: Vec<Vec<Proxy>>,
    /// From a broker to another one.
    routes: BTreeMap<(usize, usize), Proxy>,
}

struct Node {
    /// The first field: it ends before its folder is removed.
    running: Option<Running>,
    name: String,
    folder: TempDir,
    addr: SocketAddr,
    /// What it is started with.
    options: Vec<String>,
    is_frozen: bool,
    is_stopping: bool,
    /// Where the log of its present start begins.
    log_from: usize,
}

/// Whether the server can be a node.
pub(super) fn is_there() -> bool {
    let mut server = Command::new(env!("CARGO_BIN_EXE_chat-room-server"));
    let output = server.arg("--help").output().expect("the server");
    String::from_utf8_lossy(&output.stdout).contains("--cluster")
}

impl Cluster {
    /// Brokers that are ready, with an empty group of these members in their stream, and nodes that are starting. Nothing, and it
    /// says so: there is no program for the brokers.
    pub(super) fn start(members: &str) -> Option<Cluster> {
        let mut cluster = Cluster::of_brokers(SIZE)?;
        cluster.make(members);
        for at in 0..SIZE {
            let node = cluster.node(at, members);
            cluster.nodes.push(node);
            cluster.start_node(at);
        }
        Some(cluster)
    }

    /// Brokers that are ready, and the cables from so many nodes, which are not there.
    pub(super) fn of_brokers(nodes: usize) -> Option<Cluster> {
        let mut routes = BTreeMap::new();
        let brokers = Brokers::start_through(Setup::default(), |from, to, addr| {
            let proxy = Proxy::to(addr);
            let addr = proxy.addr();
            routes.insert((from, to), proxy);
            addr
        })?;
        let cables = (0..nodes).map(|_| (0..SIZE).map(|at| Proxy::to(brokers.addr(at))).collect());
        Some(Cluster { nodes: Vec::new(), to_brokers: cables.collect(), routes, brokers })
    }

    /// Makes the stream.
    fn make(&self, members: &str) {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("members.txt"), members).expect("a file");
        let mut server = Command::new(env!("CARGO_BIN_EXE_chat-room-server"));
        server.args(["--make-cluster", "--cluster", &self.brokers.urls()]);
        server.arg("--cluster-credentials").arg(self.brokers.credentials(Login::Keeper));
        server.arg("--members").arg(folder.path().join("members.txt"));
        let output = server.output().expect("the server");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    fn node(&self, at: usize, members: &str) -> Node {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("members.txt"), members).expect("a file");
        let (addr, name) = (free_addr(), char::from(b'a' + u8::try_from(at).expect("few")).to_string());
        let path = |name: &str| folder.path().join(name).display().to_string();
        let urls: Vec<String> =
            self.to_brokers[at].iter().map(|proxy| format!("nats://{}", proxy.addr())).collect();
        let credentials = self.brokers.credentials(Login::Node).display().to_string();
        let options = [
            ["--members", &path("members.txt")],
            ["--history", &path("history")],
            ["--listen", &addr.to_string()],
            ["--rate", "0"],
            ["--max-connections-per-member", "100000"],
            ["--cluster", &urls.join(",")],
            ["--node", &name],
            ["--cluster-credentials", &credentials],
        ];
        let options = options.iter().flatten().map(|&word| word.to_owned()).collect();
        Node { name, folder, addr, options, running: None, is_frozen: false, is_stopping: false, log_from: 0 }
    }

    /// Where the nodes are, by their names. They stay there.
    pub(super) fn addrs(&self) -> Vec<(String, SocketAddr)> {
        self.nodes.iter().map(|node| (node.name.clone(), node.addr)).collect()
    }

    pub(super) fn folder(&self, at: usize) -> &Path {
        self.nodes[at].folder.path()
    }

    pub(super) fn files(&self) -> Vec<Files> {
        self.nodes.iter().map(|node| folder::read(node.folder.path(), &node.name)).collect()
    }

    /// It is not waited for.
    fn start_node(&mut self, at: usize) {
        let log_from = Cluster::log(&self.nodes[at]).len();
        let node = &mut self.nodes[at];
        (node.log_from, node.is_frozen, node.is_stopping) = (log_from, false, false);
        let log = OpenOptions::new().append(true).create(true).open(node.folder.path().join("log"));
        let mut server = Command::new(env!("CARGO_BIN_EXE_chat-room-server"));
        server.args(&node.options).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log.expect("a file"));
        node.running = Some(Running::spawn(&mut server));
    }

    /// kill -9, and gone.
    pub(super) fn kill_node(&mut self, at: usize) {
        self.nodes[at].running = None;
    }

    /// kill -9, and its history, what lies beside it, and members.txt are lost.
    pub(super) fn wipe_node(&mut self, at: usize) {
        self.kill_node(at);
        let folder = self.nodes[at].folder.path();
        fs::remove_dir_all(folder.join("history")).expect("a folder");
        fs::remove_file(folder.join("members.txt")).expect("a file");
    }

    pub(super) fn signal_node(&mut self, at: usize, signal: Signal) {
        let node = &mut self.nodes[at];
        if let Some(running) = &node.running {
            running.signal(signal);
            match signal {
                Signal::STOP => node.is_frozen = true,
                Signal::CONT => node.is_frozen = false,
                _ => node.is_stopping = true,
            }
        }
    }

    pub(super) fn brokers(&mut self) -> &mut Brokers {
        &mut self.brokers
    }

    /// The broker that leads the stream, or any one.
    pub(super) fn leader(&self) -> usize {
        self.brokers.leader(STREAM).unwrap_or(0)
    }

    /// The cables between a node and all brokers.
    pub(super) fn set_node(&self, node: usize, way: Way, flow: Flow) {
        self.to_brokers[node].iter().for_each(|proxy| proxy.set(way, flow));
    }

    pub(super) fn reset_node(&self, node: usize) {
        self.to_brokers[node].iter().for_each(Proxy::reset);
    }

    /// The cables between two brokers, whichever of them has connected.
    pub(super) fn set_route(&self, one: usize, other: usize, flow: Flow) {
        for pair in [(one, other), (other, one)] {
            self.routes[&pair].set_both(flow);
        }
    }

    /// From one broker to the other, and not back.
    pub(super) fn set_route_one_way(&self, from: usize, to: usize, flow: Flow) {
        self.routes[&(from, to)].set(Way::Up, flow);
        self.routes[&(to, from)].set(Way::Down, flow);
    }

    /// Undoes all that was done. What was started is not waited for.
    pub(super) fn heal(&mut self) {
        for proxy in self.to_brokers.iter().flatten().chain(self.routes.values()) {
            proxy.set_both(Flow::Open);
        }
        for at in 0..SIZE {
            if self.brokers.runs(at) {
                self.brokers.thaw(at);
            } else {
                self.brokers.restart(at);
            }
        }
        for at in 0..self.nodes.len() {
            if self.nodes[at].is_frozen {
                self.signal_node(at, Signal::CONT);
            }
            if self.nodes[at].running.is_none() || self.nodes[at].is_stopping && self.has_ended(at) {
                self.start_node(at);
            }
        }
    }

    /// Starts the nodes again that have ended by themselves, as a supervisor does. Those that had served or do not say why, which
    /// is wrong.
    pub(super) fn restart_ended(&mut self) -> Vec<String> {
        let mut wrong = Vec::new();
        for at in 0..self.nodes.len() {
            if self.nodes[at].running.is_none() || !self.has_ended(at) {
                continue;
            }
            let node = &self.nodes[at];
            let log = Cluster::log(node).split_off(node.log_from);
            if log.contains("listening on") || log.contains("panicked") || log.trim().is_empty() {
                wrong.push(format!("{} has ended by itself", node.name));
            }
            self.start_node(at);
        }
        wrong
    }

    pub(super) fn is_stopping(&self, at: usize) -> bool {
        self.nodes[at].is_stopping
    }

    /// Whether it runs no more.
    pub(super) fn has_ended(&mut self, at: usize) -> bool {
        let running = self.nodes[at].running.as_mut();
        running.is_none_or(Running::has_ended)
    }

    fn log(node: &Node) -> String {
        fs::read_to_string(node.folder.path().join("log")).unwrap_or_default()
    }

    /// The end of each node's log.
    pub(super) fn logs(&self) -> String {
        let last = |node: &Node| {
            let log = Cluster::log(node);
            let lines: Vec<&str> = log.lines().collect();
            let last = lines[lines.len().saturating_sub(25)..].join("\n");
            format!("the end of {}'s log:\n{last}\n", node.name)
        };
        self.nodes.iter().map(last).collect()
    }

    /// Copies all nodes' folders to a place that stays.
    pub(super) fn keep(&self) -> PathBuf {
        let kept = tempfile::tempdir().expect("a folder").keep();
        for node in &self.nodes {
            let to = kept.join(&node.name);
            let copied = Command::new("cp").arg("-a").arg(node.folder.path()).arg(&to).status();
            assert!(copied.expect("cp").success(), "{}", to.display());
        }
        kept
    }
}

/// Where nobody listens, below the ports that the kernel gives to those who connect.
fn free_addr() -> SocketAddr {
    loop {
        let addr = SocketAddr::from(([127, 0, 0, 1], fastrand::u16(10_000..32_000)));
        if TcpListener::bind(addr).is_ok() {
            return addr;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::net::TcpStream;
    use std::time::Duration;

    use super::*;
    use crate::common::server::until;

    /// Says something to a broker, through the cable of a node, as the one who may make the stream. The answer, if there is one
    /// soon.
    fn ask(cluster: &Cluster, broker: usize, subject: &str, body: &str) -> Option<String> {
        let mut stream = TcpStream::connect(cluster.to_brokers[0][broker].addr()).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(2))).ok()?;
        let (user, password) = Login::Keeper.pair();
        let login = format!("{{\"verbose\":false,\"user\":\"{user}\",\"pass\":\"{password}\"}}");
        let len = body.len();
        let said = format!("CONNECT {login}\r\nSUB answer 1\r\nPUB {subject} answer {len}\r\n{body}\r\n");
        stream.write_all(said.as_bytes()).ok()?;
        let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
        lines.find(|line| line.starts_with("MSG answer "))?;
        lines.next()
    }

    /// A publish that fails may be repeated.
    fn until_stored(cluster: &Cluster, broker: usize) {
        until("a message is stored", || {
            ask(cluster, broker, "room.x", "text").is_some_and(|answer| answer.contains("\"seq\":"))
        });
    }

    #[test]
    fn brokers_hear_each_other_through_the_cables_alone() {
        let Some(mut cluster) = Cluster::of_brokers(1) else { return };
        let stream = format!("{{\"name\":\"{STREAM}\",\"subjects\":[\"room.>\"],\"num_replicas\":3}}");
        // Making it once more is answered as the first time.
        until("the stream is made", || {
            let made = ask(&cluster, 0, &format!("$JS.API.STREAM.CREATE.{STREAM}"), &stream);
            made.is_some_and(|made| made.contains("\"created\""))
        });
        until("the stream has a leader", || cluster.brokers.leader(STREAM).is_some());
        let leader = cluster.leader();
        let others = [(leader + 1) % SIZE, (leader + 2) % SIZE];
        until_stored(&cluster, others[0]);

        for other in others {
            cluster.set_route(leader, other, Flow::Stalled);
        }
        until("there is another leader", || cluster.brokers.leader(STREAM).is_some_and(|at| at != leader));
        until_stored(&cluster, others[0]);

        cluster.heal();
        cluster.brokers.until_ready();
        until_stored(&cluster, leader);
    }
}
