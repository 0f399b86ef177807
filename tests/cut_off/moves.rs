//! A member at a node that is cut off from the brokers is told within 20 s, and goes on at another one: nothing is missing, and
//! nothing is said twice.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::common::peer::Peer;
use crate::common::server::until;
use crate::group::{Group, is_nc_there};
use crate::proxy::Flow;
use crate::pty::Pty;
use crate::secure::{self_signed, tls_addr};

/// So soon a member is told that the node is cut off.
const TOLD_WITHIN: Duration = Duration::from_secs(20);

/// Two nodes. Ann talks at node 1, and node 0 is to be cut off.
struct Stage {
    group: Group,
    ann: Peer,
    last: usize,
}

impl Stage {
    fn new() -> Option<Stage> {
        let group = Group::start(2)?;
        let ann = group.member(1, "ann@x");
        Some(Stage { group, ann, last: 0 })
    }

    /// What ann says has the next number, whatever she is shown before.
    fn says(&mut self, text: &str) {
        self.ann.say(&format!("MSG {text}"));
        while !self.ann.line().expect("an answer").starts_with("OK MSG ") {}
        self.last += 1;
    }

    /// Every message once, in this order, and none more.
    #[track_caller]
    fn said_once(&self, texts: &[&str]) {
        assert_eq!(self.group.said(), texts);
    }
}

/// By hand: what has no answer is looked for at the next node, and said again if it is not there.
#[test]
fn with_nc() {
    if !is_nc_there() {
        return;
    }
    let Some(mut stage) = Stage::new() else { return };
    // A device that has been here.
    drop(stage.group.member(0, "cid@x"));
    let mut bob = stage.group.nc(0);
    bob.login("bob@x");
    stage.says("one");
    bob.expect("MSG 1 <time> ann@x one");
    bob.say("MSG two");
    bob.expect("OK MSG 2 <time>");
    stage.last += 1;
    // What came in the last two seconds may come again.
    bob.fence();
    stage.group.node(1).until_noted("bob@x", 2);
    stage.group.set(0, Flow::Stalled);
    stage.says("while bob hears nothing");
    let cut_at = Instant::now();
    bob.say("MSG three");
    // Who comes meanwhile can read, until then.
    let mut cid = stage.group.nc(0);
    cid.say("LOGIN cid@x cid-secret");
    cid.expect("OK LOGIN cid@x role=member last=2 missed=2 first=1 transcript=<id> quorum=no");
    cid.expect("MSG 1 <time> ann@x one");
    cid.expect("MSG 2 <time> bob@x two");
    cid.expect("BYE cut-off …");
    bob.expect("BYE cut-off …");
    assert!(cut_at.elapsed() < TOLD_WITHIN, "told after {:?}", cut_at.elapsed());
    let mut again = stage.group.nc(0);
    again.say("LOGIN bob@x bob-secret");
    again.expect("ERR LOGIN storage …");
    let mut bob = stage.group.nc(1);
    bob.say("LOGIN bob@x bob-secret");
    let told = bob.line().expect("an answer");
    assert!(told.starts_with("OK LOGIN bob@x role=member last=3 missed=1 "), "{told}");
    bob.expect("MSG 3 <time> ann@x while bob hears nothing");
    // What was not there then never comes.
    bob.say("MSG three");
    bob.expect("OK MSG 4 <time>");
    stage.group.set(0, Flow::Open);
    stage.says("when all is well");
    bob.expect("MSG 5 <time> ann@x when all is well");
    stage.said_once(&[
        "ann@x one",
        "bob@x two",
        "ann@x while bob hears nothing",
        "bob@x three",
        "ann@x when all is well",
    ]);
}

/// No other node could hear of it, and take it for anything but new: it would begin there where its member's others are by then.
#[test]
fn a_new_device_is_not_let_in_where_no_other_node_hears_of_it() {
    let Some(mut stage) = Stage::new() else { return };
    let mut phone = stage.group.member(1, "bob@x/phone");
    stage.group.set(0, Flow::Stalled);
    let mut tv = Peer::connect(stage.group.node(0).addr());
    tv.expect("HELLO …");
    tv.say("LOGIN bob@x/tv bob-secret");
    stage.says("one");
    phone.expect("MSG 1 <time> ann@x one");
    tv.expect("BYE cut-off …");
    stage.group.member(1, "bob@x/tv").fence();
    stage.group.set(0, Flow::Open);
    stage.said_once(&["ann@x one"]);
}

/// It was let in, so the others have heard of it: what its member's others are shown elsewhere waits for it, too.
#[test]
fn a_new_device_that_was_let_in_goes_on_where_it_was() {
    let Some(mut stage) = Stage::new() else { return };
    let mut phone = stage.group.member(1, "bob@x/phone");
    stage.says("one");
    phone.expect("MSG 1 <time> ann@x one");
    let mut tv = Peer::connect(stage.group.node(0).addr());
    tv.expect("HELLO …");
    tv.say("LOGIN bob@x/tv bob-secret");
    let told = tv.line().expect("an answer");
    stage.group.set(0, Flow::Stalled);
    assert!(told.starts_with("OK LOGIN bob@x role=member last=1 missed=0 "), "{told}");
    stage.says("two");
    phone.expect("MSG 2 <time> ann@x two");
    phone.fence();
    drop(tv);
    let mut tv = Peer::connect(stage.group.node(1).addr());
    tv.expect("HELLO …");
    tv.say("LOGIN bob@x/tv bob-secret");
    tv.expect("OK LOGIN bob@x role=member last=2 missed=1 …");
    tv.expect("MSG 2 <time> ann@x two");
    stage.group.set(0, Flow::Open);
    stage.said_once(&["ann@x one", "ann@x two"]);
}

/// Bob's terminal client at node 0, with all nodes named.
struct Terminal {
    addrs: Vec<String>,
    bob: Pty,
    _home: tempfile::TempDir,
    _certificates: tempfile::NamedTempFile,
}

impl Terminal {
    fn start(stage: &mut Stage, is_tls: bool) -> Terminal {
        let certificates = tempfile::NamedTempFile::new().expect("a file");
        let (mut addrs, mut pem) = (Vec::new(), String::new());
        for at in [0, 1] {
            let node = stage.group.node(at);
            addrs.push(if is_tls { tls_addr(node) } else { node.addr() }.to_string());
            let own = std::fs::read_to_string(self_signed(node)).expect("it was made");
            let end = own.find("-----BEGIN PRIVATE").unwrap_or(own.len());
            pem.push_str(&own[..end]);
        }
        std::fs::write(certificates.path(), pem).expect("a file");
        let tls =
            if is_tls { format!("--tls --ca {}", certificates.path().display()) } else { String::new() };
        let home = tempfile::tempdir().expect("a folder");
        let script = format!(
            "exec {} --device pty --server {} {tls} bob@x",
            env!("CARGO_BIN_EXE_chat-room-client"),
            addrs.join(",")
        );
        let home_path = home.path().to_str().expect("temporary names are plain");
        let environment = [("XDG_STATE_HOME", home_path), ("CHAT_ROOM_PASSWORD", "bob-secret")];
        let bob = Pty::run(110, 30, &script, &environment);
        bob.prompts(">");
        Terminal { addrs, bob, _home: home, _certificates: certificates }
    }

    /// Each of these is on the screen once, and the person was not asked about anything.
    #[track_caller]
    fn shows_once(&self, texts: &[&str]) {
        let screen = self.bob.screen();
        for text in texts {
            assert_eq!(screen.matches(text).count(), 1, "{text}:\n{screen}");
        }
        assert!(!screen.contains("it is not known"), "{screen}");
    }
}

#[track_caller]
fn at_a_terminal(is_tls: bool) {
    let Some(mut stage) = Stage::new() else { return };
    let mut terminal = Terminal::start(&mut stage, is_tls);
    let Terminal { bob, addrs, .. } = &mut terminal;
    stage.says("one");
    bob.shows("ann: one");
    bob.keys("two\r");
    bob.shows("bob: two");
    stage.group.set(0, Flow::Stalled);
    let cut_at = Instant::now();
    stage.says("while bob hears nothing");
    bob.keys("three\r");
    bob.shows("this server is cut off from the others of its group");
    assert!(cut_at.elapsed() < TOLD_WITHIN, "told after {:?}", cut_at.elapsed());
    bob.shows(&format!("connected to {}", addrs[1]));
    bob.shows("ann: while bob hears nothing");
    // It is certain that it was not said, so the client says it again by itself.
    bob.shows("bob: three");
    bob.keys("four\r");
    bob.shows("bob: four");
    stage.group.set(0, Flow::Open);
    stage.says("when all is well");
    bob.shows("ann: when all is well");
    terminal.shows_once(&[
        "ann: one",
        "bob: two",
        "ann: while bob hears nothing",
        "bob: three",
        "bob: four",
        "ann: when all is well",
    ]);
    stage.said_once(&[
        "ann@x one",
        "bob@x two",
        "ann@x while bob hears nothing",
        "bob@x three",
        "bob@x four",
        "ann@x when all is well",
    ]);
}

/// The node is killed with a message that it could not tell the others, and perhaps with one that it could.
#[test]
fn from_a_node_that_is_killed() {
    let Some(mut stage) = Stage::new() else { return };
    let mut terminal = Terminal::start(&mut stage, false);
    let Terminal { bob, addrs, .. } = &mut terminal;
    stage.says("one");
    bob.shows("ann: one");
    bob.keys("two\r");
    bob.shows("bob: two");
    bob.keys("three\r");
    stage.group.set(0, Flow::Stalled);
    bob.keys("four\r");
    bob.shows("[sending] four");
    stage.group.node(0).kill();
    bob.shows(&format!("connected to {}", addrs[1]));
    bob.shows("bob: four");
    bob.keys("five\r");
    bob.shows("bob: five");
    stage.says("when all is well");
    bob.shows("ann: when all is well");
    let texts = ["one", "two", "three", "four", "five", "when all is well"];
    let who = |text: &str| if text == "one" || text == "when all is well" { "ann" } else { "bob" };
    let shown = texts.map(|text| format!("{}: {text}", who(text)));
    terminal.shows_once(&shown.each_ref().map(String::as_str));
    // What the brokers have not taken from the killed node yet is lost with it.
    stage.group.set(0, Flow::Open);
    stage.group.restart(0);
    let said = texts.map(|text| format!("{}@x {text}", who(text)));
    stage.said_once(&said.each_ref().map(String::as_str));
}

#[test]
fn at_a_terminal_without_tls() {
    at_a_terminal(false);
}

#[test]
fn at_a_terminal_with_tls() {
    at_a_terminal(true);
}

/// A script whose node is cut off in the middle.
#[test]
fn with_send() {
    let Some(mut stage) = Stage::new() else { return };
    let addrs = [0, 1].map(|at| stage.group.node(at).addr().to_string()).join(",");
    let mut client = Command::new(env!("CARGO_BIN_EXE_chat-room-client"));
    client.args(["--server", &addrs, "bob@x", "send"]).env("CHAT_ROOM_PASSWORD", "bob-secret");
    client.env("XDG_STATE_HOME", "/nonexistent").stdin(std::process::Stdio::piped());
    let mut client = client.stderr(std::process::Stdio::piped()).spawn().expect("the client");
    let mut input = client.stdin.take().expect("it is piped");
    let mut say = |text: &str| {
        std::io::Write::write_all(&mut input, format!("{text}\n").as_bytes()).expect("it reads");
    };
    say("one");
    until("it is said", || stage.group.said() == ["bob@x one"]);
    stage.group.set(0, Flow::Stalled);
    say("two");
    say("three");
    drop(input);
    let output = client.wait_with_output().expect("it is our child");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(told.contains("trying to connect again"), "{told}");
    stage.group.set(0, Flow::Open);
    stage.says("when all is well");
    stage.said_once(&["bob@x one", "bob@x two", "bob@x three", "ann@x when all is well"]);
}
