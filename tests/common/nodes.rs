//! Servers that are nodes of a group, with folders of their own that outlive them.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::collections::BTreeMap;
use std::fs;
use std::fs::OpenOptions;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use chat_room::server::log::cluster::broker::{self as link, Access, Asker, Plaintext, trust};
use serde_json::Value;
use tempfile::TempDir;

use crate::broker::{Brokers, Login, Setup};
use crate::common::peer::Peer;
use crate::common::running::Running;
use crate::common::server::{PATIENCE, Server, until};

/// Brokers, and what starts servers with them.
pub(crate) struct Stage {
    pub(crate) brokers: Brokers,
}

impl Stage {
    /// Nothing, and it says so: there is no program for the brokers.
    pub(crate) fn start() -> Option<Stage> {
        Some(Stage { brokers: Brokers::start(Setup::default())? })
    }

    pub(crate) fn options(&self, name: &str, login: Login) -> Vec<String> {
        let credentials = self.brokers.credentials(login).to_string_lossy().into_owned();
        let urls = self.brokers.urls();
        ["--cluster", &urls, "--node", name, "--cluster-credentials", &credentials]
            .map(str::to_owned)
            .to_vec()
    }

    pub(crate) fn node(&self, name: &str, folder: TempDir) -> Server {
        let options = self.options(name, Login::Node);
        Server::in_folder(folder, &options.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Runs the server, which ends by itself, with the files in this folder.
    pub(crate) fn run(&self, name: &str, login: Login, folder: &Path, options: &[&str]) -> Output {
        let mut server = Command::new(env!("CARGO_BIN_EXE_chat-room-server"));
        server.args(["--listen", "127.0.0.1:0"]).args(self.options(name, login)).args(options);
        server.arg("--members").arg(folder.join("members.txt"));
        server.arg("--history").arg(folder.join("history")).output().expect("the server")
    }

    /// Brings this folder's history in, and returns what is told.
    #[track_caller]
    pub(crate) fn found(&self, folder: &Path) -> String {
        let output = self.run("n0", Login::Keeper, folder, &["--cluster-found"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    }

    #[track_caller]
    pub(crate) fn refuses_to_found(&self, folder: &Path, sentence: &str) {
        refused(&self.run("n0", Login::Keeper, folder, &["--cluster-found"]), sentence);
    }

    #[track_caller]
    pub(crate) fn refuses_node(&self, name: &str, folder: &Path, sentence: &str) {
        refused(&self.run(name, Login::Node, folder, &[]), sentence);
    }

    /// A node that is only starting: its process, with its log in `log` of this folder. The socket `notify`, if it is there,
    /// is its service manager's.
    pub(crate) fn starting(&self, name: &str, folder: &Path) -> Running {
        let log = OpenOptions::new().append(true).create(true).open(folder.join("log")).expect("a file");
        let mut server = Command::new(env!("CARGO_BIN_EXE_chat-room-server"));
        server.args(["--listen", "127.0.0.1:0"]).args(self.options(name, Login::Node));
        server.arg("--members").arg(folder.join("members.txt"));
        server.arg("--history").arg(folder.join("history"));
        let manager = folder.join("notify");
        if manager.exists() {
            server.env("NOTIFY_SOCKET", manager);
        }
        Running::spawn(server.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log))
    }

    /// The stream forgets all messages but the last.
    pub(crate) fn forget(&self) {
        let access = Access {
            login: link::Login::read(&self.brokers.credentials(Login::Keeper)).expect("a login"),
            tls: trust(None).expect("an authority"),
            plaintext: Plaintext::OnLoopback,
            name: "keeper".to_owned(),
        };
        let urls = self.brokers.urls().parse().expect("addresses");
        let mut keeper = Asker::connect(&urls, &Arc::new(access), PATIENCE).expect("the keeper is let in");
        let mut api = |what: &str, body: &Value| {
            let body = if body.is_null() { String::new() } else { body.to_string() };
            let subject = format!("$JS.API.STREAM.{what}.ROOM");
            let answer = keeper.ask(&subject, body.as_bytes(), PATIENCE).expect("an answer");
            let answer: Value = serde_json::from_slice(&answer.payload).expect("JSON");
            assert!(answer["error"].is_null(), "{answer}");
            answer
        };
        // All may only be purged where the stream allows it, and ours does not. But its limits can be changed.
        for most in [1, -1] {
            let mut configuration = api("INFO", &Value::Null)["config"].clone();
            configuration["max_msgs"] = most.into();
            api("UPDATE", &configuration);
            if most == 1 {
                until("the stream has one message", || {
                    let state = &api("INFO", &Value::Null)["state"];
                    state["messages"].as_u64() == Some(1)
                });
            }
        }
    }

    /// The disks of all brokers are lost, and they are set up again.
    pub(crate) fn lose(&mut self) {
        (0..self.brokers.len()).for_each(|at| self.brokers.wipe(at));
        (0..self.brokers.len()).for_each(|at| self.brokers.restart(at));
        self.brokers.until_ready();
    }
}

#[track_caller]
pub(crate) fn refused(output: &Output, sentence: &str) {
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains(sentence) && output.status.code() == Some(1), "{sentence}\n{told}");
}

/// Copies the history as docs/cluster.md says.
pub(crate) fn copy_history(from: &Path, to: &Path) {
    let _ = fs::remove_dir_all(to.join("history"));
    let copied = Command::new("cp").arg("-a").arg(from.join("history")).arg(to).status().expect("cp");
    assert!(copied.success());
}

pub(crate) fn copy_of(from: &Path) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    copy_history(from, folder.path());
    folder
}

/// All files of events, by their names.
pub(crate) fn events(folder: &Path) -> BTreeMap<String, String> {
    let files = fs::read_dir(folder.join("history")).expect("a folder").map(|entry| entry.expect("a file"));
    let named = files.map(|file| (file.file_name().into_string().expect("text"), file.path()));
    let of_events = named.filter(|(name, _)| name.starts_with('0'));
    of_events.map(|(name, path)| (name, fs::read_to_string(path).expect("text"))).collect()
}

#[track_caller]
pub(crate) fn same_events(nodes: &[&Server]) {
    let folder = |node: &Server| node.members().with_file_name(".");
    until("all nodes have the same events", || {
        nodes.iter().all(|node| events(&folder(node)) == events(&folder(nodes[0])))
    });
}

#[track_caller]
pub(crate) fn says(peer: &mut Peer, text: &str, number: u64) {
    peer.say(&format!("MSG {text}"));
    peer.expect(&format!("OK MSG {number} <time>"));
}

#[track_caller]
pub(crate) fn login(server: &Server, line: &str, answer: &str) -> Peer {
    let mut peer = Peer::connect(server.addr());
    peer.expect("HELLO …");
    peer.say(line);
    peer.expect(answer);
    peer
}
