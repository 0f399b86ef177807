//! One group on many nodes: real brokers, real servers, and one conversation through all of them.

#[path = "common/broker.rs"]
mod broker;
mod common;

use std::fs;
use std::path::Path;
use std::process::Command;

use broker::{Brokers, Login, Setup};
use common::disk::{Disk, Mounted};
use common::peer::Peer;
use common::server::{GROUP, Server, folder_with, line_of, members_txt, until, until_members};
use common::strace::Strace;
use tempfile::TempDir;

/// A group on some nodes.
struct Group {
    nodes: Vec<Server>,
    brokers: Brokers,
}

impl Group {
    /// Nothing, and it says so: there is no program for the brokers.
    fn start(nodes: usize) -> Option<Group> {
        let brokers = Brokers::start(Setup::default())?;
        let members = members_txt(&GROUP);
        make(&brokers, &members);
        let mut group = Group { nodes: Vec::new(), brokers };
        for at in 0..nodes {
            let node = group.node(at, folder_with(&members));
            group.nodes.push(node);
        }
        Some(group)
    }

    /// A node with the files in this folder.
    fn node(&self, at: usize, folder: TempDir) -> Server {
        self.node_as(at, folder, Login::Node, &[])
    }

    fn node_as(&self, at: usize, folder: TempDir, login: Login, options: &[&str]) -> Server {
        let credentials = self.brokers.credentials(login);
        let credentials = credentials.to_string_lossy();
        let (urls, name) = (self.brokers.urls(), format!("n{at}"));
        let cluster = ["--cluster", &urls, "--node", &name, "--cluster-credentials", &credentials];
        Server::in_folder(folder, &[&cluster, options].concat())
    }

    /// The same, to be started by the caller.
    fn command(&self, at: usize, folder: &Path, login: Login) -> Command {
        let mut server = Command::new(env!("CARGO_BIN_EXE_chat-room-server"));
        server.args([
            "--listen",
            "127.0.0.1:0",
            "--cluster",
            &self.brokers.urls(),
            "--node",
            &format!("n{at}"),
        ]);
        server.arg("--cluster-credentials").arg(self.brokers.credentials(login));
        server.arg("--members").arg(folder.join("members.txt"));
        server.arg("--history").arg(folder.join("history"));
        server
    }

    fn member(&self, at: usize, who: &str) -> Peer {
        Peer::member(self.nodes[at].addr(), who)
    }

    /// Waits until all nodes have the same history, and returns it.
    #[track_caller]
    fn same_history(&self) -> String {
        let text = |node: &Server| fs::read_to_string(node.history().join("000000000001.txt")).expect("text");
        until("all nodes have the same events", || {
            self.nodes.iter().all(|node| text(node) == text(&self.nodes[0]))
        });
        text(&self.nodes[0])
    }

    /// Each node's log tells of these changes of members, in whatever order, each once.
    #[track_caller]
    fn all_have_logged(&self, expected: &[&str]) {
        let kinds = ["member ", "password changed: ", "role changed: ", "name changed: "];
        let changes = |node: &Server| {
            let log = node.log();
            let lines = log.lines().filter_map(|line| Some(line.split_once(" [INFO] ")?.1.to_owned()));
            let mut lines: Vec<String> =
                lines.filter(|line| kinds.iter().any(|kind| line.starts_with(kind))).collect();
            lines.sort();
            lines
        };
        for node in &self.nodes {
            until("the log tells of all", || changes(node).len() >= expected.len());
            assert_eq!(changes(node), expected);
        }
    }

    /// Waits until members.txt on all nodes is like this.
    #[track_caller]
    fn until_members(&self, like_this: impl Fn(&str) -> bool) {
        self.nodes.iter().for_each(|node| until_members(node, &like_this));
    }
}

/// The keeper makes the group's stream.
fn make(brokers: &Brokers, members: &str) {
    let folder = folder_with(members);
    let mut server = Command::new(env!("CARGO_BIN_EXE_chat-room-server"));
    server.args(["--make-cluster", "--cluster", &brokers.urls(), "--cluster-credentials"]);
    server.arg(brokers.credentials(Login::Keeper)).arg("--members").arg(folder.path().join("members.txt"));
    let output = server.output().expect("the server");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn one_conversation_through_all_nodes() {
    let Some(group) = Group::start(3) else { return };
    let (mut ann, mut bob, mut cid) =
        (group.member(0, "ann@x"), group.member(1, "bob@x"), group.member(2, "cid@x"));
    ann.say("MSG hello");
    ann.expect("OK MSG 1 <time>");
    bob.expect("MSG 1 <time> ann@x hello");
    cid.expect("MSG 1 <time> ann@x hello");
    bob.say("MSG hello ann");
    bob.expect("OK MSG 2 <time>");
    ann.expect("MSG 2 <time> bob@x hello ann");
    cid.expect("MSG 2 <time> bob@x hello ann");
    assert_eq!(group.same_history().lines().count(), 2);
}

#[test]
fn what_the_brokers_refuse_a_node_is_told() {
    let Some(group) = Group::start(1) else { return };
    for (login, what, words) in [
        (Login::Mute, "could not join its group within", "Publish to \"room.n1\""),
        (Login::Blind, "do not let this login ask about the stream", "Publish to \"stream.info\""),
        (
            Login::Unlettered,
            "message 1 of the stream cannot be read",
            "Publish to \"$JS.API.DIRECT.GET.ROOM\"",
        ),
        (Login::Deaf, "do not let this login ask about the stream", "Subscription to \"_INBOX."),
        (Login::Apart, "tell the other nodes who is here, or hear it", "Subscription to \"here.check."),
        (Login::Curt, "tell the other nodes who is here, or hear it", "Publish to \"_INBOX.check."),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let output = group.command(1, folder.path(), login).output().expect("the server");
        let told = String::from_utf8_lossy(&output.stderr);
        let last = told.lines().last().expect("a sentence");
        let words = format!("Permissions Violation for {words}");
        let advice = "; give this login the permissions of deploy/three-nodes/nats.conf";
        assert!(last.contains(what) && last.contains(&words) && last.ends_with(advice), "{told}");
    }
}

/// Nothing else tells a node that is down from one of another account of the brokers.
#[test]
fn a_node_that_was_never_heard_may_have_another_account() {
    let Some(group) = Group::start(1) else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let other = group.node_as(1, folder, Login::Keeper, &["--cluster-anyway"]);
    let _bob = Peer::member(other.addr(), "bob@x");
    let log = other.log();
    let fence = log.lines().find(|line| line.contains("node n0 does not answer")).expect("a fence");
    assert!(fence.ends_with("have it log in to the same account of the brokers as this node"), "{fence}");
}

#[test]
fn membership_is_the_same_on_all_nodes() {
    let Some(group) = Group::start(3) else { return };
    let (mut ann, mut bob) = (group.member(0, "ann@x"), group.member(1, "bob@x"));
    let mut bob_elsewhere = group.member(2, "bob@x/phone");
    ann.say("ADD fay@x fay-secret");
    ann.expect("OK ADD fay@x");
    ann.expect("ADDED 1 <time> ann@x fay@x");
    bob.expect("ADDED 1 <time> ann@x fay@x");
    bob_elsewhere.expect("ADDED 1 <time> ann@x fay@x");
    group.until_members(|text| text.contains("\nfay@x $argon2id$"));
    let mut fay = Peer::connect(group.nodes[2].addr());
    fay.expect("HELLO …");
    fay.say("LOGIN fay@x fay-secret");
    fay.expect("OK LOGIN fay@x role=member last=1 missed=1 first=1 …");
    fay.expect("ADDED 1 <time> ann@x fay@x");
    // Who is in already, wherever they were added.
    bob.say("ADD gus@x gus-secret");
    bob.expect("ERR ADD admin-only …");
    ann.say("ADD fay@x another-one");
    ann.expect("ERR ADD already-member …");
    ann.say("REMOVE ann@x");
    ann.expect("ERR REMOVE last-admin …");
    ann.say("REMOVE nobody@x");
    ann.expect("ERR REMOVE no-such-member …");

    // A token of one node is good on all, until the password changes anywhere.
    let token = fay.word_of("TOKEN");
    let resume = |at: usize, answer: &str| {
        let mut peer = Peer::connect(group.nodes[at].addr());
        peer.expect("HELLO …");
        peer.say(&format!("RESUME fay@x/other {token}"));
        peer.expect(answer);
        peer
    };
    // A new device begins where the furthest one of its member is.
    let mut elsewhere = resume(0, "OK RESUME fay@x role=member last=1 missed=0 …");
    fay.say("PASSWD fay-secret new-secret");
    fay.expect("OK PASSWD");
    elsewhere.expect("BYE password-changed …");
    resume(1, "ERR RESUME bad-login …");
    ann.say("RESET bob@x bobs-new-one");
    ann.expect("OK RESET bob@x");
    bob.expect("BYE password-changed …");
    bob_elsewhere.expect("BYE password-changed …");
    let mut bob = Peer::connect(group.nodes[1].addr());
    bob.expect("HELLO …");
    bob.say("LOGIN bob@x bob-secret");
    bob.expect("ERR LOGIN bad-login …");
    bob.say("LOGIN bob@x bobs-new-one");
    bob.expect("OK LOGIN bob@x role=member last=1 missed=0 …");

    ann.say("REMOVE fay@x");
    ann.expect("OK REMOVE fay@x");
    ann.expect("REMOVED 2 <time> ann@x fay@x");
    fay.expect("BYE removed …");
    fay.expect_end();
    bob.expect("REMOVED 2 <time> ann@x fay@x");
    bob.say("LEAVE");
    bob.expect("OK LEAVE");
    bob.expect("BYE left …");
    ann.expect("REMOVED 3 <time> bob@x bob@x");
    group.until_members(|text| !text.contains("fay@x") && !text.contains("bob@x") && text.contains("cid@x"));
    assert_eq!(group.same_history().lines().count(), 3);
    group.all_have_logged(&[
        "member added: mail=fay@x by=ann@x",
        "member removed: mail=bob@x by=bob@x",
        "member removed: mail=fay@x by=ann@x",
        "password changed: mail=bob@x by=ann@x",
        "password changed: mail=fay@x by=fay@x",
    ]);
}

#[test]
fn roles_are_judged_in_the_groups_order() {
    let Some(group) = Group::start(2) else { return };
    let (mut ann, mut bob) = (group.member(0, "ann@x"), group.member(1, "bob@x"));
    ann.say("PROMOTE bob@x");
    ann.expect("OK PROMOTE bob@x");
    ann.expect("PROMOTED 1 <time> ann@x bob@x");
    ann.say("PROMOTE bob@x");
    ann.expect("OK PROMOTE bob@x");
    bob.expect("PROMOTED 1 <time> ann@x bob@x");
    // Both at once, each on a node of their own.
    ann.say("DEMOTE bob@x");
    bob.say("DEMOTE ann@x");
    let mut told = Vec::new();
    for peer in [&mut ann, &mut bob] {
        let lines = [peer.line(), peer.line()].map(|line| line.expect("an answer and an event"));
        told.push(lines.into_iter().find(|line| !line.starts_with("DEMOTED 2 ")).expect("an answer"));
    }
    told.sort_by_key(|answer| answer.starts_with("ERR"));
    assert!(told[0].starts_with("OK DEMOTE ") && told[1].starts_with("ERR DEMOTE admin-only "), "{told:?}");
    group.until_members(|text| text.lines().filter(|line| line.ends_with(" admin")).count() == 1);
    assert_eq!(group.same_history().lines().count(), 2);
}

#[test]
fn a_name_is_the_same_on_all_nodes() {
    let Some(group) = Group::start(2) else { return };
    let (mut ann, mut bob) = (group.member(0, "ann@x"), group.member(1, "bob@x"));
    bob.say("NAME Bob  B.");
    bob.expect("OK NAME");
    for peer in [&mut ann, &mut bob] {
        peer.expect("NAMED 1 <time> bob@x Bob  B.");
    }
    group.until_members(|text| line_of(text, "bob@x").ends_with(" member Bob  B."));
    // What it looks like is judged in the group's order, whichever node is asked.
    ann.say("NAME B\u{43e}b B.");
    ann.expect("ERR NAME name-taken …");
    ann.say("MEMBERS ann@x");
    ann.expect("MEMBER bob@x role=member online=yes seen=<time> name=Bob  B.");
    while ann.line().is_some_and(|line| !line.starts_with("OK MEMBERS ")) {}
    // By hand on one of them, and on the other one.
    for (at, before, after) in [(0, " member Bob  B.", " member Robert"), (1, " member Robert", "")] {
        let text = group.nodes[at].members_text();
        assert!(text.contains(before), "{text}");
        fs::write(group.nodes[at].members(), text.replace(before, after)).expect("written");
        let event = format!("NAMED {} <time> - bob@x{}", at + 2, after.trim_start_matches(" member"));
        for peer in [&mut ann, &mut bob] {
            peer.expect(&event);
        }
        group.until_members(|text| line_of(text, "bob@x").ends_with(after) && !text.contains(before));
    }
    assert_eq!(group.same_history().lines().count(), 3);
}

#[test]
fn what_the_group_agrees_on_is_judged_in_its_order() {
    let Some(group) = Group::start(2) else { return };
    let (mut ann, mut bob) = (group.member(0, "ann@x"), group.member(1, "bob@x"));
    ann.say("TITLE The  Choir");
    ann.expect("OK TITLE The  Choir");
    ann.expect("TITLED 1 <time> ann@x The  Choir");
    bob.expect("TITLED 1 <time> ann@x The  Choir");
    for (peer, answer) in [(&mut ann, "OK ANNOUNCE off"), (&mut bob, "OK ANNOUNCE off")] {
        peer.say("TITLE");
        peer.expect("OK TITLE The  Choir");
        peer.say("ANNOUNCE");
        peer.expect(answer);
    }
    // Whatever bob's node has taken before it heard of it, nothing of his stands after `on`.
    let said: Vec<String> = (0..60).map(|n| format!("MSG bob {n}\n")).collect();
    bob.send(said.concat().as_bytes());
    ann.say("ANNOUNCE on");
    let (mut answers, mut is_on) = (Vec::new(), false);
    while answers.len() < 60 || !is_on {
        let line = bob.line().expect("an answer or an event");
        is_on |= line.starts_with("ANNOUNCE ");
        answers.extend((line.starts_with("OK MSG ") || line.starts_with("ERR MSG ")).then_some(line));
    }
    let refused = answers.iter().filter(|line| line.starts_with("ERR MSG announce-only ")).count();
    let shown = answers.iter().filter(|line| line.starts_with("OK MSG ")).count();
    assert_eq!(refused + shown, 60, "{answers:?}");
    assert!(answers.iter().is_sorted_by_key(|line| line.starts_with("ERR")), "{answers:?}");
    let history = group.same_history();
    let kinds = |line: &str| line.split(' ').next().map(str::to_owned);
    let lines: Vec<String> = history.lines().filter_map(kinds).collect();
    assert_eq!(lines.iter().filter(|kind| *kind == "MSG").count(), shown);
    assert_eq!(lines.last().map(String::as_str), Some("ANNOUNCE"), "{history}");
    // A node that starts anew, and one that comes later, have it from the group.
    let new = group.node(2, tempfile::tempdir().expect("a folder"));
    let mut cid = Peer::member(new.addr(), "cid@x/-");
    cid.say("TITLE");
    cid.expect("OK TITLE The  Choir");
    cid.say("MSG may I?");
    cid.expect("ERR MSG announce-only …");
    // An admin is one until the group says otherwise, on all nodes.
    while ann.line().is_some_and(|line| !line.starts_with("ANNOUNCE ")) {}
    let last = lines.len() + 1;
    ann.say("PROMOTE bob@x");
    ann.expect("OK PROMOTE bob@x");
    bob.expect(&format!("PROMOTED {last} <time> ann@x bob@x"));
    bob.say("MSG now");
    bob.expect(&format!("OK MSG {} <time>", last + 1));
    bob.say("DEMOTE bob@x");
    bob.expect("OK DEMOTE bob@x");
    bob.say("MSG still?");
    bob.expect(&format!("DEMOTED {} <time> bob@x bob@x", last + 2));
    bob.expect("ERR MSG announce-only …");
    bob.say("ANNOUNCE off");
    bob.expect("ERR ANNOUNCE admin-only …");
}

#[test]
fn an_edit_on_one_node_is_one_for_all() {
    let Some(group) = Group::start(2) else { return };
    let (mut ann, mut cid) = (group.member(0, "ann@x"), group.member(1, "cid@x"));
    let before = group.nodes[1].members_text();
    let bob = line_of(&before, "bob@x");
    let edited = format!("# mine\n{}gus@x typed-by-hand\n", before.replace(&format!("{bob}\n"), ""));
    let edited = edited.replace(&line_of(&before, "dan@x"), &format!("{} admin", line_of(&before, "dan@x")));
    fs::write(group.nodes[1].members(), edited).expect("written");
    for peer in [&mut ann, &mut cid] {
        let events = [peer.line(), peer.line(), peer.line()].map(|line| line.expect("an event"));
        let has = |word: &str, whom: &str| {
            events.iter().any(|line| line.starts_with(word) && line.ends_with(&format!(" <time> - {whom}")))
        };
        assert!(has("REMOVED", "bob@x") && has("ADDED", "gus@x") && has("PROMOTED", "dan@x"), "{events:?}");
    }
    let is_followed = |text: &str| {
        text.contains("gus@x $argon2id$")
            && !text.contains("bob@x")
            && line_of(text, "dan@x").ends_with(" admin")
    };
    group.until_members(is_followed);
    assert!(group.nodes[1].members_text().starts_with("# mine\n"), "comments are each node's own");
    assert!(!group.nodes[0].members_text().contains('#'));
    let mut gus = Peer::connect(group.nodes[0].addr());
    gus.expect("HELLO …");
    gus.say("LOGIN gus@x typed-by-hand");
    gus.expect("OK LOGIN gus@x role=member …");
    // A password typed again is the same one: nobody is cut.
    let text = group.nodes[1].members_text();
    fs::write(group.nodes[1].members(), text.replace(&line_of(&text, "gus@x"), "gus@x typed-by-hand"))
        .expect("written");
    until_members(&group.nodes[1], |again| again == text);
    // While one file has a mistake, what the group decides waits there, and only there.
    fs::write(group.nodes[1].members(), "nonsense\n").expect("written");
    group.nodes[1].until_logged("the members file neither counts nor follows the group: ");
    ann.say("ADD hal@x hal-secret");
    ann.expect("OK ADD hal@x");
    until_members(&group.nodes[0], |text| text.contains("hal@x"));
    let mut hal = group.member(1, "hal@x");
    hal.expect("ADDED 4 <time> ann@x hal@x");
    assert_eq!(group.nodes[1].members_text(), "nonsense\n");
    fs::write(group.nodes[1].members(), &text).expect("written");
    until_members(&group.nodes[1], |text| text.contains("hal@x $argon2id$"));
    group.all_have_logged(&[
        "member added: mail=gus@x by=-",
        "member added: mail=hal@x by=ann@x",
        "member removed: mail=bob@x by=-",
        "role changed: mail=dan@x role=admin by=-",
    ]);
}

#[test]
fn a_file_that_cannot_be_written_keeps_no_command_from_changing_the_group() {
    let Some(group) = Group::start(1) else { return };
    let path = group.nodes[0].members();
    let Some(mounted) = Mounted::over(&path, &path) else { return };
    let mut ann = group.member(0, "ann@x");
    ann.say("ADD fay@x fay-secret");
    ann.expect("OK ADD fay@x");
    group.nodes[0]
        .until_logged("(until then the members file does not follow the group, and passwords typed");
    ann.expect("ADDED 1 <time> ann@x fay@x");
    let _fay = group.member(0, "fay@x");
    let folder = group.nodes[0].history().with_file_name("");
    let output = group.command(0, &folder, Login::Node).arg("--check").output().expect("the server");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("(until then the members file does not follow the group)"), "{told}");
    drop(mounted);
    group.until_members(|text| text.contains("\nfay@x $argon2id$"));
}

#[test]
fn an_edit_that_the_group_refuses_is_logged() {
    let Some(mut group) = Group::start(2) else { return };
    let (mut ann, mut eve) = (group.member(0, "ann@x"), group.member(0, "eve@x"));
    let mut away = group.nodes.pop().expect("two");
    away.stop();
    eve.say("NAME Taken");
    eve.expect("OK NAME");
    ann.say("REMOVE cid@x");
    ann.expect("NAMED 1 <time> eve@x Taken");
    ann.expect("OK REMOVE cid@x");
    let folder = away.into_folder();
    let path = folder.path().join("members.txt");
    let members = fs::read_to_string(&path).expect("text");
    let (bob, cid) = (line_of(&members, "bob@x"), line_of(&members, "cid@x"));
    let edited = members.replace(&bob, &format!("{bob} member Taken")).replace(&cid, &format!("{cid} admin"));
    fs::write(&path, edited).expect("written");
    let back = group.node(1, folder);
    let refused = |whom| format!("the group has refused an edit of {whom}, and the file follows the group: ");
    back.until_logged(&format!("{}somebody else has that name", refused("bob@x")));
    back.until_logged(&format!("{}the group has removed this member meanwhile", refused("cid@x")));
    let is_followed =
        |text: &str| line_of(text, "eve@x").ends_with(" member Taken") && !text.contains("cid@x");
    until_members(&back, |text| is_followed(text) && line_of(text, "bob@x") == bob);
}

#[test]
fn a_node_that_was_away_catches_up() {
    let Some(mut group) = Group::start(2) else { return };
    let mut ann = group.member(0, "ann@x");
    let says = |ann: &mut Peer, what: &str, seq: usize| {
        ann.say(&format!("MSG {what}"));
        ann.expect(&format!("OK MSG {seq} <time>"));
    };
    says(&mut ann, "one", 1);
    group.same_history();
    let mut away = group.nodes.pop().expect("two");
    away.stop();
    let members = away.members_text();
    says(&mut ann, "two", 2);
    ann.say("ADD fay@x fay-secret");
    ann.expect("OK ADD fay@x");
    ann.expect("ADDED 3 <time> ann@x fay@x");
    // Meanwhile somebody edits the file of the node that is down.
    let folder = away.into_folder();
    fs::write(folder.path().join("members.txt"), format!("{members}gus@x typed-by-hand\n")).expect("written");
    let mut back = group.node(1, folder);
    ann.expect("ADDED 4 <time> - gus@x");
    until_members(&back, |text| text.contains("fay@x $argon2id$") && text.contains("gus@x $argon2id$"));
    group.nodes.push(back);
    assert_eq!(group.same_history().lines().count(), 4);
    // A kill loses nothing that was said on any node.
    let mut bob = group.member(1, "bob@x");
    for seq in 1..=4 {
        bob.expect(&format!("… {seq} <time> …"));
    }
    for seq in 5..50 {
        says(&mut bob, "more", seq);
        ann.expect(&format!("MSG {seq} <time> bob@x more"));
    }
    back = group.nodes.pop().expect("two");
    back.kill();
    says(&mut ann, "while it is down", 50);
    let back = group.node(1, back.into_folder());
    group.nodes.push(back);
    assert_eq!(group.same_history().lines().count(), 50);
}

#[test]
fn what_a_power_cut_takes_from_a_node_comes_again() {
    let Some(mut group) = Group::start(2) else { return };
    let mut ann = group.member(0, "ann@x");
    let (mut last, mut noted) = (0, 0);
    for (percent_left, filled_with) in [(0, None), (30, None), (50, Some(0)), (80, Some(b'x'))] {
        for seq in last + 1..=last + 5 {
            ann.say(&format!("MSG number {seq}"));
            ann.expect(&format!("OK MSG {seq} <time>"));
        }
        last += 5;
        group.same_history();
        let mut node = group.nodes.pop().expect("two");
        node.kill();
        // What it noted when it joined is on its disk; of the rest there is what a power cut has left.
        let path = node.history().join("000000000001.txt");
        let mut bytes = fs::read(&path).expect("a file");
        let all = bytes.len();
        bytes.truncate(noted + (all - noted) * percent_left / 100);
        if let Some(byte) = filled_with {
            bytes.resize(all, byte);
        }
        fs::write(&path, bytes).expect("written");
        noted = all;
        let node = group.node(1, node.into_folder());
        group.nodes.push(node);
        assert_eq!(group.same_history().lines().count(), last);
    }
}

#[test]
fn a_node_that_cannot_sync_stops_and_has_everything_when_it_is_back() {
    let Some(mut group) = Group::start(2) else { return };
    let (mut ann, mut bob) = (group.member(0, "ann@x"), group.member(1, "bob@x"));
    let Some(strace) = Strace::attach(group.nodes[1].pid(), "fdatasync:error=EIO") else { return };
    // It is shown before it is synced: the brokers have it.
    bob.say("MSG one");
    bob.expect("OK MSG 1 <time>");
    ann.expect("MSG 1 <time> bob@x one");
    // The record of bob's place waits for the sync, and then nothing more is written there.
    group.nodes[1].until_logged("cannot sync it: Input/output error");
    ann.say("MSG two");
    ann.expect("OK MSG 2 <time>");
    bob.expect("BYE storage …");
    bob.expect_end();
    let mut node = group.nodes.pop().expect("two");
    let status = node.wait();
    assert_eq!(status.code(), Some(1), "{}", node.log());
    drop(strace);
    let back = group.node(1, node.into_folder());
    group.nodes.push(back);
    assert_eq!(group.same_history().lines().count(), 2);
}

#[test]
fn who_is_at_a_node_whose_name_another_machine_has_taken_is_sent_to_another() {
    let Some(mut group) = Group::start(1) else { return };
    let mut bob = group.member(0, "bob@x");
    let members = fs::read_to_string(group.nodes[0].members()).expect("text");
    let namesake = group.node(0, folder_with(&members));
    bob.expect("BYE cut-off …");
    bob.expect_end();
    assert_eq!(group.nodes[0].wait().code(), Some(1));
    group.nodes[0] = namesake;
    group.member(0, "bob@x").fence();
}

#[test]
fn a_dead_broker_delays_and_loses_nothing() {
    let Some(mut group) = Group::start(2) else { return };
    let (mut ann, mut bob) = (group.member(0, "ann@x"), group.member(1, "bob@x"));
    let leader = group.brokers.leader("ROOM").expect("the stream has a leader");
    group.brokers.kill(leader);
    for n in 1..=20 {
        ann.say(&format!("MSG {n}"));
    }
    for n in 1..=20 {
        ann.expect(&format!("OK MSG {n} <time>"));
        bob.expect(&format!("MSG {n} <time> ann@x {n}"));
    }
    // Without a quorum all that needs none goes on, and the rest waits.
    let other = (leader + 1) % 3;
    group.brokers.kill(other);
    ann.say("MSG waits");
    ann.say("WHO");
    bob.fence();
    group.brokers.restart(other);
    ann.expect("OK MSG 21 <time>");
    ann.expect("WHO ann@x devices=1");
    ann.expect("WHO bob@x devices=1");
    ann.expect("OK WHO 2");
    bob.expect("MSG 21 <time> ann@x waits");
    assert_eq!(group.same_history().lines().count(), 21);
}

#[test]
fn who_is_at_a_node_that_is_cut_off_is_sent_to_another() {
    let Some(mut group) = Group::start(1) else { return };
    let (mut ann, mut bob) = (group.member(0, "ann@x"), group.member(0, "bob@x"));
    for at in [0, 1] {
        group.brokers.kill(at);
    }
    ann.say("MSG waits");
    ann.expect("BYE cut-off …");
    ann.expect_end();
    bob.expect("BYE cut-off …");
    let mut cid = Peer::connect(group.nodes[0].addr());
    cid.expect("HELLO …");
    cid.say("LOGIN cid@x cid-secret");
    cid.expect("ERR LOGIN storage …");
    for at in [0, 1] {
        group.brokers.restart(at);
    }
    // Logins are let in when all that waited has an answer.
    let mut bob = loop {
        let mut bob = Peer::connect(group.nodes[0].addr());
        bob.expect("HELLO …");
        bob.say("LOGIN bob@x bob-secret");
        match bob.line().expect("an answer") {
            answer if answer.starts_with("OK LOGIN bob@x ") => break bob,
            answer => assert!(answer.starts_with("ERR LOGIN storage "), "{answer}"),
        }
    };
    bob.expect("MSG 1 <time> ann@x waits");
    bob.say("MSG here again");
    bob.expect("OK MSG 2 <time>");
}

#[test]
fn who_is_at_a_node_whose_disk_is_full_is_sent_to_another() {
    let mount_point = tempfile::tempdir().expect("a folder");
    let Some(disk) = Disk::mount(mount_point.path()) else { return };
    let Some(mut group) = Group::start(1) else { return };
    let folder = tempfile::tempdir_in(mount_point.path()).expect("a folder");
    fs::copy(group.nodes[0].members(), folder.path().join("members.txt")).expect("copied");
    group.nodes.push(group.node(1, folder));
    let (mut ann, mut bob) = (group.member(0, "ann@x"), group.member(1, "bob@x"));
    let filler = disk.fill();
    for seq in [1, 2] {
        ann.say(&format!("MSG {}", "x".repeat(4000)));
        ann.expect(&format!("OK MSG {seq} <time>"));
    }
    bob.say("MSG does anybody hear me?");
    bob.expect("BYE cut-off …");
    bob.expect_end();
    let enter = |group: &Group| {
        let mut bob = Peer::connect(group.nodes[1].addr());
        bob.expect("HELLO …");
        bob.say("LOGIN bob@x bob-secret");
        let answer = bob.line().expect("an answer");
        (bob, answer)
    };
    // Nobody waits for what the files do not take.
    let (_, answer) = enter(&group);
    assert!(answer.starts_with("ERR LOGIN storage "), "{answer}");
    fs::remove_file(filler).expect("removed");
    ann.expect("MSG 3 <time> bob@x does anybody hear me?");
    until("it is served again", || enter(&group).1.starts_with("OK LOGIN bob@x "));
    assert_eq!(group.same_history().lines().count(), 3);
}

#[test]
fn a_node_that_joins_has_the_groups_members_or_says_what_differs() {
    let Some(mut group) = Group::start(1) else { return };
    let mut ann = group.member(0, "ann@x");
    ann.say("MSG before it came");
    ann.expect("OK MSG 1 <time>");
    let joined = group.node(1, tempfile::tempdir().expect("a folder"));
    assert!(joined.members_text().ends_with(&group.nodes[0].members_text()), "{}", joined.members_text());
    assert!(!joined.log().contains("[WARN]"), "{}", joined.log());
    group.nodes.push(joined);
    let mut bob = group.member(1, "bob@x");
    bob.expect("MSG 1 <time> ann@x before it came");
    assert_eq!(group.same_history().lines().count(), 1);

    // A copy of another node's files is one more node.
    let folder = tempfile::tempdir().expect("a folder");
    let from = group.nodes[1].history().with_file_name(".");
    let copied = Command::new("cp").arg("-r").arg(from).arg(folder.path()).status().expect("cp");
    assert!(copied.success());
    let copy = group.node(2, folder);
    let mut cid = Peer::member(copy.addr(), "cid@x");
    cid.expect("MSG 1 <time> ann@x before it came");
    cid.say("MSG from the copy");
    cid.expect("OK MSG 2 <time>");
    group.nodes.push(copy);
    assert_eq!(group.same_history().lines().count(), 2);

    // Refused before anybody hears of it: the node whose name it has goes on, and nothing of the group is left in its folder.
    let folder = folder_with(&members_txt(&["ann", "mallory"]));
    let sentence = "members.txt: differs from the group about ann@x, bob@x, cid@x and others; move the file \
                    away, and this node writes it from the group";
    refused(group.command(0, folder.path(), Login::Node), sentence);
    assert_eq!(fs::read(folder.path().join("history/000000000001.txt")).expect("a file"), b"");
    for name in ["applied", "key", "members-seen"] {
        assert!(!folder.path().join("history").join(name).exists(), "{name}");
    }
    ann.say("MSG goes on");
    ann.expect("MSG 2 <time> cid@x from the copy");
    ann.expect("OK MSG 3 <time>");
}

#[test]
fn a_device_goes_on_at_another_node_where_it_was() {
    let Some(mut group) = Group::start(2) else { return };
    let (mut ann, mut bob) = (group.member(0, "ann@x"), group.member(0, "bob@x/phone"));
    for n in 1..=3 {
        ann.say(&format!("MSG {n}"));
        ann.expect(&format!("OK MSG {n} <time>"));
        bob.expect(&format!("MSG {n} <time> ann@x {n}"));
    }
    // What it has acknowledged by now is known at once where it goes.
    bob.fence();
    let mut moved = Peer::connect(group.nodes[1].addr());
    moved.expect("HELLO …");
    moved.say("LOGIN bob@x/phone bob-secret");
    moved.expect("OK LOGIN bob@x role=member last=3 missed=0 …");
    drop((bob, moved));
    ann.say("MSG 4");
    ann.expect("OK MSG 4 <time>");
    let mut cid = group.member(1, "cid@x");
    for n in 1..=4 {
        cid.expect(&format!("MSG {n} <time> ann@x {n}"));
    }
    let bob_at = |node: &Server, missed: usize| {
        let mut bob = Peer::connect(node.addr());
        bob.expect("HELLO …");
        bob.say("LOGIN bob@x/phone bob-secret");
        bob.expect(&format!("OK LOGIN bob@x role=member last=4 missed={missed} first=1 …"));
        bob
    };
    let mut bob = bob_at(&group.nodes[1], 1);
    bob.expect("MSG 4 <time> ann@x 4");
    bob.fence();
    group.nodes[0].until_noted("bob@x/phone", 4);
    // One that joins later is told all of them.
    let joined = group.node(2, tempfile::tempdir().expect("a folder"));
    joined.until_noted("bob@x/phone", 4);
    bob_at(&joined, 0).fence();
    group.nodes.push(joined);
}

/// What a start says that is refused.
#[track_caller]
fn refused(mut command: Command, sentence: &str) {
    let output = command.output().expect("the server");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains(sentence) && output.status.code() == Some(1), "{sentence}\n{told}");
}

#[test]
fn a_start_that_would_not_keep_what_is_promised_is_refused() {
    let Some(mut group) = Group::start(1) else { return };
    let mut ann = group.member(0, "ann@x");
    ann.say("MSG one");
    ann.expect("OK MSG 1 <time>");
    let mut node = group.nodes.pop().expect("one");
    node.stop();
    let folder = node.into_folder();

    // --check says what a start would.
    let output = group.command(0, folder.path(), Login::Node).arg("--check").output().expect("the server");
    let found = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success() && found.contains("--cluster: the group's stream has messages 1 to "),
        "{found}"
    );

    // A history that the group does not have: an event more, or another one.
    let path = folder.path().join("history/000000000001.txt");
    let event = fs::read_to_string(&path).expect("text");
    fs::remove_file(folder.path().join("history/clean")).expect("it was clean");
    fs::write(&path, format!("{event}{}", event.replace("MSG 1 ", "MSG 2 "))).expect("written");
    refused(
        group.command(0, folder.path(), Login::Node),
        "has events after 1, which the group has not: move the history and the members file away, and this node gets those of the group",
    );
    fs::write(&path, &event).expect("written");
    for (name, text, why) in [
        ("id", "0123abcd\n", "has transcript 0123abcd, and the group's is "),
        ("starts", "soon\n", "this is not a number; make sure that the machine's clock is right"),
    ] {
        let small = folder.path().join("history").join(name);
        let before = fs::read(&small).expect("a file");
        fs::write(&small, text).expect("written");
        refused(group.command(0, folder.path(), Login::Node), why);
        let mut check = group.command(0, folder.path(), Login::Node);
        check.arg("--check");
        refused(check, why);
        fs::write(&small, before).expect("written");
    }
    // A file that was changed, as its node's note says, or as the stream does.
    fs::write(&path, event.replace("one", "two")).expect("written");
    let altered = "its events up to 1 are not those that this node has applied, so a file was changed";
    refused(group.command(0, folder.path(), Login::Node), altered);
    let output = group.command(0, folder.path(), Login::Node).arg("--check").output().expect("the server");
    assert!(String::from_utf8_lossy(&output.stderr).contains(altered), "{output:?}");
    fs::remove_file(folder.path().join("history/applied")).expect("it was there");
    refused(group.command(0, folder.path(), Login::Node), "are not what the other nodes have there");
    fs::write(&path, &event).expect("written");
    fs::write(folder.path().join("history/id"), "0123abcd\n").expect("written");
    refused(group.command(0, folder.path(), Login::Node), "has transcript 0123abcd, and the group's is ");

    // Other brokers, and none.
    let Some(others) = Brokers::start(Setup::default()) else { return };
    let credentials = others.credentials(Login::Node);
    let at_others = |folder: &TempDir| {
        let mut server = Command::new(env!("CARGO_BIN_EXE_chat-room-server"));
        server.args(["--listen", "127.0.0.1:0", "--cluster", &others.urls(), "--node", "n0"]);
        server.arg("--cluster-credentials").arg(&credentials);
        server.arg("--members").arg(folder.path().join("members.txt"));
        server.arg("--history").arg(folder.path().join("history"));
        server
    };
    let empty = tempfile::tempdir().expect("a folder");
    refused(at_others(&empty), "there is no stream ROOM; --make-cluster makes it, once");
    make(&others, &members_txt(&GROUP));
    group.nodes.push(group.node(1, tempfile::tempdir().expect("a folder")));
    let folder = {
        let mut node = group.nodes.pop().expect("one");
        node.stop();
        node.into_folder()
    };
    refused(at_others(&folder), "this node's history belongs to one made at");
    for at in 0..others.len() {
        group.brokers.kill(at);
    }
    refused(group.command(1, folder.path(), Login::Node), "no connection to nats://127.0.0.1:");
}

/// Asks WHO until the answer is this. Events that come meanwhile are passed over.
#[track_caller]
fn until_there(peer: &mut Peer, who: &[&str]) {
    until(&format!("{who:?} are there"), || {
        peer.say("WHO");
        let lines = std::iter::from_fn(|| peer.line()).take_while(|line| !line.starts_with("OK WHO "));
        let there: Vec<String> =
            lines.filter_map(|line| Some(line.strip_prefix("WHO ")?.to_owned())).collect();
        there == who
    });
}

#[test]
fn who_is_there_is_the_same_on_all_nodes() {
    let Some(mut group) = Group::start(3) else { return };
    let (mut ann, mut bob) = (group.member(0, "ann@x"), group.member(1, "bob@x/phone"));
    let both = ["ann@x devices=1", "bob@x devices=1"];
    until_there(&mut ann, &both);
    until_there(&mut bob, &both);
    // A device is one, also while it is at two nodes. Who gets no events is not listed.
    let mut ann_elsewhere = group.member(2, "ann@x");
    let _bob_too = group.member(2, "bob@x/laptop");
    let _cid = group.member(2, "cid@x/-");
    let all = ["ann@x devices=1", "bob@x devices=2"];
    for peer in [&mut ann, &mut bob, &mut ann_elsewhere] {
        until_there(peer, &all);
    }
    let members = [
        "MEMBER ann@x role=admin online=yes",
        "MEMBER bob@x role=member online=yes",
        "MEMBER cid@x role=member online=no",
        "MEMBER dan@x role=member online=no",
        "MEMBER eve@x role=member online=no",
        "OK MEMBERS 5",
    ];
    bob.say("MEMBERS");
    for line in members {
        bob.expect(line);
    }
    // Who is removed is not there, and comes as somebody else.
    ann.say("REMOVE bob@x");
    ann.expect("OK REMOVE bob@x");
    until_there(&mut ann_elsewhere, &all[..1]);
    // A node that stops takes its leave, and one that is dead is forgotten.
    drop(ann);
    let _dan = group.member(0, "dan@x");
    until_there(&mut ann_elsewhere, &["ann@x devices=1", "dan@x devices=1"]);
    group.nodes.remove(0).stop();
    until_there(&mut ann_elsewhere, &all[..1]);
    let dan = group.member(0, "dan@x");
    until_there(&mut ann_elsewhere, &["ann@x devices=1", "dan@x devices=1"]);
    group.nodes.remove(0).kill();
    until_there(&mut ann_elsewhere, &all[..1]);
    drop(dan);
}
