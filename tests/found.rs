//! A history that a group of many nodes continues: that of a server that had its group for itself, that of a node after the
//! brokers have lost the stream, and back to a single server.

#[path = "common/broker.rs"]
mod broker;
mod common;
#[path = "common/nodes.rs"]
mod nodes;

use std::fs;
use std::path::Path;
use std::process::Command;

use broker::Login;
use common::server::{GROUP, Server, folder_with, line_of, members_txt, until};
use nodes::{Stage, copy_of, events, login, refused, same_events, says};
use rustix::process::Signal;

#[test]
fn a_server_that_was_alone_brings_its_history_in() {
    let Some(stage) = Stage::start() else { return };
    // Two files of events. Who is in none of them is announced at the first start.
    let folder = folder_with(&members_txt(&GROUP));
    fs::create_dir(folder.path().join("history")).expect("a folder");
    let event = |number: u64| format!("MSG {number} 2026-01-02T03:04:05.{number:03}Z ann@x old\n");
    for (name, numbers) in [("000000000001", 1..=3), ("000000000004", 4..=5)] {
        let text: String = numbers.map(event).collect();
        fs::write(folder.path().join(format!("history/{name}.txt")), text).expect("written");
    }
    let mut alone = Server::in_folder(folder, &[]);
    let mut ann = login(&alone, "LOGIN ann@x ann-secret", "OK LOGIN ann@x role=admin …");
    for number in 1..=9 {
        ann.expect(&format!("… {number} <time> …"));
    }
    let mut bob =
        login(&alone, "LOGIN bob@x/phone bob-secret", "OK LOGIN bob@x role=member last=9 missed=4 …");
    (6..=9).for_each(|number| bob.expect(&format!("ADDED {number} <time> - …")));
    let bobs_token = bob.word_of("TOKEN");
    bob.fence();
    alone.until_noted("bob@x/phone", 9);
    drop(bob);
    let nobody_else = |alone: &Server| {
        let mut who = login(alone, "LOGIN ann@x/- ann-secret", "OK LOGIN ann@x …");
        who.say("WHO");
        let mut lines = Vec::new();
        while !lines.last().is_some_and(|line: &String| line.starts_with("OK WHO")) {
            lines.push(who.line().expect("a line"));
        }
        !lines.iter().any(|line| line.starts_with("WHO bob@x"))
    };
    until("bob has gone", || nobody_else(&alone));
    says(&mut ann, "while bob is away", 10);
    stage.refuses_to_found(alone.members().parent().expect("a folder"), "another server (process ");
    alone.stop();
    let folder = alone.into_folder();
    let path = folder.path();

    // What a start would announce has no place in the stream.
    let members = fs::read_to_string(path.join("members.txt")).expect("text");
    let differently = format!("{}gus@x typed-by-hand\n", members.replace(&line_of(&members, "eve@x"), ""));
    fs::write(path.join("members.txt"), differently).expect("written");
    stage.refuses_to_found(
        path,
        "about gus@x, eve@x: start the server once without --cluster, which announces",
    );
    // A typed password is hashed where it was typed.
    let typed = members.replace(&line_of(&members, "cid@x"), "cid@x typed-by-hand");
    fs::write(path.join("members.txt"), typed).expect("written");
    let told = stage.found(path);
    assert!(told.contains("made: a group of 5 members, kept by "), "{told}");
    assert!(told.contains("which continues after event 10; start this node with --cluster"), "{told}");
    let hashed = fs::read_to_string(path.join("members.txt")).expect("text");
    assert!(line_of(&hashed, "cid@x").starts_with("cid@x $argon2id$"), "{hashed}");
    stage.refuses_to_found(path, "there is a stream ROOM already");

    // What the others start with: nothing, another history, the same.
    let empty = tempfile::tempdir().expect("a folder");
    stage.refuses_node(
        "n1",
        empty.path(),
        "ends with event 0, and the stream continues after event 10, and no other node that has it answers",
    );
    let other = copy_of(path);
    let last = other.path().join("history/000000000004.txt");
    fs::write(&last, fs::read_to_string(&last).expect("text").replace("while", "where")).expect("written");
    let sentence = "its events up to 10 are not those from which the stream continues: move the history and the members file away, and";
    refused(&stage.run("n1", Login::Node, other.path(), &["--check"]), sentence);
    stage.refuses_node("n1", other.path(), sentence);
    let copy = copy_of(path);
    let (n0, n1) = (stage.node("n0", folder), stage.node("n1", copy));
    assert!(!n1.log().contains("this folder is a copy"), "all nodes have the same transcript: {}", n1.log());
    assert_eq!(n1.members_text().lines().filter(|line| line.contains("$argon2id$")).count(), 6);

    // Tokens, places and numbers go on, on both.
    let resume = format!("RESUME bob@x/phone {bobs_token}");
    let mut bob = login(&n0, &resume, "OK RESUME bob@x role=member last=10 missed=1 first=6 …");
    bob.expect("MSG 10 <time> ann@x while bob is away");
    let mut bob_there = login(&n1, &resume, "OK RESUME bob@x role=member last=10 missed=1 first=6 …");
    bob_there.expect("MSG 10 <time> ann@x while bob is away");
    let mut cid = login(&n1, "LOGIN cid@x typed-by-hand", "OK LOGIN cid@x role=member last=10 …");
    (7..=9).for_each(|number| cid.expect(&format!("ADDED {number} <time> - …")));
    cid.expect("MSG 10 <time> ann@x while bob is away");
    says(&mut cid, "together now", 11);
    bob.expect("MSG 11 <time> cid@x together now");
    says(&mut bob, "indeed", 12);
    cid.expect("MSG 12 <time> bob@x indeed");
    same_events(&[&n0, &n1]);
    let files = events(&n0.members().with_file_name("."));
    assert_eq!(files.keys().collect::<Vec<_>>(), ["000000000001.txt", "000000000004.txt"]);
}

#[test]
fn a_lost_stream_is_made_again_from_a_nodes_history() {
    let Some(mut stage) = Stage::start() else { return };
    let folder = folder_with(&members_txt(&GROUP));
    stage.found(folder.path());
    let (mut n0, mut n1) =
        (stage.node("n0", folder), stage.node("n1", tempfile::tempdir().expect("a folder")));
    let mut n2 = stage.node("n2", tempfile::tempdir().expect("a folder"));
    let mut ann = login(&n0, "LOGIN ann@x ann-secret", "OK LOGIN ann@x …");
    let mut bob = login(&n2, "LOGIN bob@x/phone bob-secret", "OK LOGIN bob@x …");
    says(&mut ann, "one", 1);
    ann.say("ADD fay@x fay-secret");
    ann.expect("OK ADD fay@x");
    ann.expect("ADDED 2 <time> ann@x fay@x");
    bob.expect("MSG 1 <time> ann@x one");
    bob.expect("ADDED 2 <time> ann@x fay@x");
    let bobs_token = bob.word_of("TOKEN");
    n2.until_noted("bob@x/phone", 2);
    same_events(&[&n0, &n1, &n2]);
    n1.stop();
    says(&mut ann, "two", 3);
    bob.expect("MSG 3 <time> ann@x two");
    n2.until_noted("bob@x/phone", 3);
    same_events(&[&n0, &n2]);
    // Not stopped: the note is behind.
    n0.kill();
    let [n0, n1] = [n0, n1].map(Server::into_folder);
    stage.lose();
    stage.refuses_node(
        "n0",
        n0.path(),
        "there is no stream ROOM; --make-cluster makes it, once, or --cluster-found",
    );

    // --check tells whose history is the best.
    for (folder, events) in [(&n0, "events 1 to 3 in"), (&n1, "events 1 to 2 in")] {
        let output = stage.run("n0", Login::Node, folder.path(), &["--check"]);
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(told.contains(events), "{told}");
    }
    // What a node asks for in this moment would be the stream's first message, so people are told to stop all nodes.
    n2.signal(Signal::STOP);
    let told = stage.found(n0.path());
    n2.signal(Signal::CONT);
    assert!(
        told.contains("made: a group of 6 members, kept by ") && told.contains("after event 3;"),
        "{told}"
    );
    // A node that was left running does not take the new stream's messages for those of the lost one.
    assert_eq!(n2.wait().code(), Some(1), "{}", n2.log());
    n2.until_logged("the stream begins with message 1000000000");
    let n2 = n2.into_folder();
    let longer = copy_of(n2.path());
    let n0 = stage.node("n0", n0);
    // The same history just goes on.
    let output = stage.run("n2", Login::Node, n2.path(), &["--check"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let n2 = stage.node("n2", n2);
    // Less becomes as much.
    let n1 = stage.node("n1", n1);
    n1.until_logged("ends with event 2, and the stream continues after event 3");
    // More is lost to the group, and that node says so.
    let last = longer.path().join("history/000000000001.txt");
    let text = fs::read_to_string(&last).expect("text");
    let one = text.lines().next().expect("an event").replace("MSG 1 ", "MSG 4 ");
    fs::write(&last, format!("{text}{one}\n")).expect("written");
    fs::remove_file(longer.path().join("history/clean")).expect("it was clean");
    stage.refuses_node("n3", longer.path(), "has events after 3, which the group has not");

    let mut ann = login(&n1, "LOGIN ann@x/- ann-secret", "OK LOGIN ann@x …");
    says(&mut ann, "three", 4);
    let resume = format!("RESUME bob@x/phone {bobs_token}");
    let mut bob = login(&n2, &resume, "OK RESUME bob@x role=member last=4 missed=1 …");
    bob.expect("MSG 4 <time> ann@x three");
    let mut fay =
        login(&n0, "LOGIN fay@x fay-secret", "OK LOGIN fay@x role=member last=4 missed=3 first=2 …");
    fay.expect("ADDED 2 <time> ann@x fay@x");
    same_events(&[&n0, &n1, &n2]);

    // A group of another kind is no group again.
    drop((n0, n1));
    let n2 = n2.into_folder();
    // A file that was changed is found also where the stream does not say it again.
    let altered = copy_of(n2.path());
    let first = altered.path().join("history/000000000001.txt");
    fs::write(&first, text.replacen("ann@x", "bob@x", 1)).expect("written");
    stage.refuses_node(
        "n2",
        altered.path(),
        "its events up to 3 are not those from which the stream continues",
    );
    stage.lose();
    stage.found(folder_with(&members_txt(&["ann"])).path());
    stage.refuses_node("n2", n2.path(), "this node's history belongs to one made at");
}

#[test]
fn what_the_group_has_agreed_on_comes_in_joins_and_is_made_again() {
    let Some(mut stage) = Stage::start() else { return };
    let mut alone = Server::in_folder(folder_with(&members_txt(&GROUP)), &[]);
    let mut ann = login(&alone, "LOGIN ann@x/- ann-secret", "OK LOGIN ann@x …");
    for (line, answer) in [("TITLE The  Choir", "OK TITLE The  Choir"), ("ANNOUNCE on", "OK ANNOUNCE")] {
        ann.say(line);
        ann.expect(answer);
    }
    alone.stop();
    let folder = alone.into_folder();
    let is_so = |node: &Server| {
        let mut bob = login(node, "LOGIN bob@x/- bob-secret", "OK LOGIN bob@x …");
        bob.say("TITLE");
        bob.expect("OK TITLE The  Choir");
        bob.say("MSG may I?");
        bob.expect("ERR MSG announce-only …");
    };
    stage.found(folder.path());
    let n0 = stage.node("n0", folder);
    is_so(&n0);
    let mut n1 = stage.node("n1", tempfile::tempdir().expect("a folder"));
    is_so(&n1);
    // Of a node whose brokers have lost the stream, and of one that is taken out.
    n1.stop();
    drop(n0);
    let n1 = n1.into_folder();
    stage.lose();
    stage.found(n1.path());
    let mut n1 = stage.node("n1", n1);
    is_so(&n1);
    n1.stop();
    is_so(&Server::in_folder(n1.into_folder(), &[]));
}

#[test]
fn a_node_that_is_taken_out_goes_on_alone_and_does_not_come_back_unnoticed() {
    let Some(mut stage) = Stage::start() else { return };
    let folder = folder_with(&members_txt(&GROUP));
    stage.found(folder.path());
    let (n0, mut n1) = (stage.node("n0", folder), stage.node("n1", tempfile::tempdir().expect("a folder")));
    let mut ann = login(&n0, "LOGIN ann@x ann-secret", "OK LOGIN ann@x …");
    let mut bob = login(&n1, "LOGIN bob@x/phone bob-secret", "OK LOGIN bob@x …");
    says(&mut ann, "one", 1);
    bob.expect("MSG 1 <time> ann@x one");
    ann.say("ADD fay@x fay-secret");
    ann.expect("OK ADD fay@x");
    ann.expect("ADDED 2 <time> ann@x fay@x");
    bob.expect("ADDED 2 <time> ann@x fay@x");
    let bobs_token = bob.word_of("TOKEN");
    n1.until_noted("bob@x/phone", 2);
    same_events(&[&n0, &n1]);
    n1.stop();
    let n1 = n1.into_folder();
    let mut check = Command::new(env!("CARGO_BIN_EXE_chat-room-server"));
    check.args(["--check", "--listen", "127.0.0.1:0", "--members"]).arg(n1.path().join("members.txt"));
    let told = check.arg("--history").arg(n1.path().join("history")).output().expect("the server").stderr;
    let told = String::from_utf8_lossy(&told);
    assert!(told.contains("a start without --cluster takes it out of its group"), "{told}");

    // A start that fails takes nothing out.
    let mut failing = Command::new(env!("CARGO_BIN_EXE_chat-room-server"));
    failing.args(["--listen", &n0.addr().to_string()]).arg("--members").arg(n1.path().join("members.txt"));
    let output = failing.arg("--history").arg(n1.path().join("history")).output().expect("the server");
    refused(&output, "cannot serve: ");
    assert!(n1.path().join("history/applied").exists());

    // The same group, with nothing to announce.
    let mut alone = Server::in_folder(n1, &[]);
    alone.until_logged("it has left that, and goes on alone");
    let resume = format!("RESUME bob@x/phone {bobs_token}");
    let mut bob = login(&alone, &resume, "OK RESUME bob@x role=member last=2 missed=0 …");
    alone.stop();
    let n1 = alone.into_folder();
    // Even if nothing was said there meanwhile.
    let sentence = "history/left: this node has left its group, when it was started without --cluster";
    stage.refuses_node("n1", n1.path(), sentence);
    refused(&stage.run("n1", Login::Node, n1.path(), &["--check"]), sentence);
    bob.expect("BYE …");
    let mut alone = Server::in_folder(n1, &[]);
    let mut bob = login(&alone, &resume, "OK RESUME bob@x role=member last=2 missed=0 …");
    says(&mut bob, "alone", 3);
    says(&mut ann, "without that node", 3);
    alone.stop();
    let n1 = alone.into_folder();
    stage.refuses_node("n1", n1.path(), sentence);

    // Its history can become a group's again.
    drop(n0);
    stage.lose();
    let told = stage.found(n1.path());
    assert!(
        told.contains("made: a group of 6 members, kept by ") && told.contains("after event 3;"),
        "{told}"
    );
    let n1 = stage.node("n1", n1);
    let mut bob = login(&n1, &resume, "OK RESUME bob@x role=member last=3 missed=0 …");
    says(&mut bob, "together again", 4);
}

#[test]
fn a_copy_that_becomes_a_group_is_another_transcript() {
    let Some(mut stage) = Stage::start() else { return };
    let id = |folder: &Path| fs::read_to_string(folder.join("history/id")).expect("an id");
    let folder = folder_with(&members_txt(&GROUP));
    stage.found(folder.path());
    let mut n0 = stage.node("n0", folder);
    let mut ann = login(&n0, "LOGIN ann@x ann-secret", "OK LOGIN ann@x …");
    says(&mut ann, "one", 1);
    let copy = tempfile::tempdir().expect("a folder");
    fs::remove_dir(copy.path()).expect("it is empty");
    let path = n0.members().with_file_name(".");
    let backup = stage.run("n0", Login::Node, &path, &["--backup", &copy.path().to_string_lossy()]);
    assert!(backup.status.success(), "{}", String::from_utf8_lossy(&backup.stderr));
    says(&mut ann, "what the copy has not", 2);
    n0.stop();
    let original = n0.into_folder();
    let before = id(original.path());
    let checks = |stage: &Stage, folder: &Path| {
        let output = stage.run("n0", Login::Keeper, folder, &["--check", "--cluster-found"]);
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (succeeds, told) = checks(&stage, copy.path());
    assert!(!succeeds && told.contains("there is a stream ROOM already"), "{told}");

    stage.lose();
    let (succeeds, told) = checks(&stage, copy.path());
    let a_copy =
        "history/id: this folder is a copy, and the original may have gone on: a start makes a new one";
    assert!(succeeds && told.contains(a_copy), "{told}");
    stage.found(copy.path());
    let new = id(copy.path());
    assert_ne!(before, new);
    let mut n1 = stage.node("n1", copy);
    let mut ann = login(&n1, "LOGIN ann@x/new ann-secret", "OK LOGIN ann@x role=admin last=1 missed=1 …");
    ann.expect("MSG 1 <time> ann@x one");
    says(&mut ann, "what else is said", 2);
    n1.stop();
    assert_eq!(id(n1.into_folder().path()), new);
    stage.refuses_node("n0", original.path(), "this node's history belongs to one made at");

    // The original goes on as what it is, unless its id was removed.
    stage.lose();
    stage.found(original.path());
    assert_eq!(id(original.path()), before);
    stage.lose();
    fs::remove_file(original.path().join("history/id")).expect("it was there");
    stage.found(original.path());
    assert_ne!(id(original.path()), before);
}
