//! A node whose history the stream can no longer complete gets what it lacks from another node, past the stream.

#[path = "common/broker.rs"]
mod broker;
mod common;
#[path = "common/nodes.rs"]
mod nodes;

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::Path;

use broker::Login;
use common::running::Running;
use common::server::{GROUP, Server, folder_with, members_txt, until};
use nodes::{Stage, copy_history, copy_of, events, login, refused, same_events, says};
use rustix::process::Signal;
use tempfile::TempDir;

/// Files of a history, one after the other: so many events in each, of about so many bytes.
fn old_history(folder: &Path, files: u64, events: u64, bytes: usize) {
    fs::create_dir(folder.join("history")).expect("a folder");
    for file in 0..files {
        let first = 1 + file * events;
        let event = |number: u64| {
            format!("MSG {number} 2026-01-02T03:04:05.678Z ann@x {}\n", "old ".repeat(bytes / 4))
        };
        let text: String = (first..first + events).map(event).collect();
        fs::write(folder.join(format!("history/{first:012}.txt")), text).expect("written");
    }
}

/// The folder of a server that has had its group for itself, with a history of so many files, that is a node's now.
fn founded(stage: &Stage, files: u64, events: u64, bytes: usize) -> TempDir {
    let folder = folder_with(&members_txt(&GROUP));
    if files > 0 {
        old_history(folder.path(), files, events, bytes);
        // What is in no event is announced.
        Server::in_folder(folder, &[]).into_founded(stage)
    } else {
        stage.found(folder.path());
        folder
    }
}

trait Founded {
    fn into_founded(self, stage: &Stage) -> TempDir;
}

impl Founded for Server {
    fn into_founded(mut self, stage: &Stage) -> TempDir {
        self.stop();
        let folder = self.into_folder();
        stage.found(folder.path());
        folder
    }
}

fn empty() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

/// Bytes that have come of another node, and are not in the history yet.
fn incoming(folder: &Path) -> u64 {
    let files = fs::read_dir(folder.join("history/incoming")).into_iter().flatten().flatten();
    files.map(|file| file.metadata().map_or(0, |meta| meta.len())).sum()
}

fn log(folder: &Path) -> String {
    fs::read_to_string(folder.join("log")).unwrap_or_default()
}

#[test]
fn a_new_node_gets_what_the_stream_has_forgotten() {
    let Some(stage) = Stage::start() else { return };
    let n0 = stage.node("n0", founded(&stage, 3, 5, 40));
    let mut ann = login(&n0, "LOGIN ann@x/- ann-secret", "OK LOGIN ann@x …");
    let last = 15 + 4;
    says(&mut ann, "while there is one node", last + 1);
    ann.say("ADD fay@x fay-secret");
    ann.expect("OK ADD fay@x");
    let mut bob = login(&n0, "LOGIN bob@x/- bob-secret", "OK LOGIN bob@x …");
    bob.say("PASSWD bob-secret bob-has-another");
    bob.expect("OK PASSWD");
    let bobs_token = bob.word_of("TOKEN");

    // What the stream continues from is in it, but not what was said before.
    let n1 = stage.node("n1", empty());
    n1.until_logged("ends with event 0, and the stream continues after event 19");
    n1.until_logged("copying the history from node n0, which has events 1 to 21");
    same_events(&[&n0, &n1]);

    stage.forget();
    says(&mut ann, "what the stream has", last + 3);
    let mut n2 = stage.node("n2", empty());
    n2.until_logged("ends with event 0, and the stream begins with message ");
    same_events(&[&n0, &n1, &n2]);
    let files = events(&n2.members().with_file_name("."));
    assert_eq!(files.keys().map(|name| &name[6..12]).collect::<Vec<_>>(), ["000001", "000006", "000011"]);
    assert!(!n2.history().join("incoming").exists());

    // The members, their passwords and tokens.
    let resume = format!("RESUME bob@x/- {bobs_token}");
    login(&n2, &resume, "OK RESUME bob@x role=member …");
    login(&n2, "LOGIN bob@x/- bob-has-another", "OK LOGIN bob@x …");
    login(&n2, "LOGIN bob@x/- bob-secret", "ERR LOGIN …");
    let mut fay =
        login(&n2, "LOGIN fay@x fay-secret", "OK LOGIN fay@x role=member last=22 missed=2 first=21 …");
    fay.expect("ADDED 21 <time> ann@x fay@x");
    fay.expect("MSG 22 <time> ann@x what the stream has");
    says(&mut fay, "and I am here", last + 4);
    same_events(&[&n0, &n1, &n2]);
    let members = n2.members_text();
    assert_eq!(members.matches("@x $argon2id$").count(), 6, "{members}");
    // And it goes on as any other node.
    n2.stop();
    let n2 = n2.again();
    assert!(!n2.log().contains("copying the history"), "{}", n2.log());
    login(&n2, "LOGIN fay@x/- fay-secret", "OK LOGIN fay@x …");
}

#[test]
fn a_node_that_was_away_for_longer_than_the_stream_keeps_comes_back() {
    let Some(stage) = Stage::start() else { return };
    let n0 = stage.node("n0", founded(&stage, 0, 0, 0));
    let (mut n1, mut n2) = (stage.node("n1", empty()), stage.node("n2", empty()));
    let mut ann = login(&n0, "LOGIN ann@x/- ann-secret", "OK LOGIN ann@x …");
    let mut bob = login(&n1, "LOGIN bob@x/phone bob-secret", "OK LOGIN bob@x …");
    says(&mut ann, "one", 1);
    bob.expect("MSG 1 <time> ann@x one");
    n1.until_noted("bob@x/phone", 1);
    same_events(&[&n0, &n1, &n2]);
    // One stops, one is killed: its note is behind its files.
    n1.stop();
    n2.kill();
    says(&mut ann, "two", 2);
    ann.say("REMOVE cid@x");
    ann.expect("OK REMOVE cid@x");
    says(&mut ann, "three", 4);
    stage.forget();
    let [n1, n2] = [n1, n2].map(Server::into_folder);
    // What was edited meanwhile counts.
    let members = fs::read_to_string(n1.path().join("members.txt")).expect("text");
    fs::write(n1.path().join("members.txt"), format!("# ours\n{members}gus@x typed-by-hand\n"))
        .expect("written");
    let output = stage.run("n1", Login::Node, n1.path(), &["--check"]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && told.contains("a start gets the rest from another node"), "{told}");

    let (n1, n2) = (stage.node("n1", n1), stage.node("n2", n2));
    for node in [&n1, &n2] {
        node.until_logged("continues with message ");
        node.until_logged("copying the history from node n");
    }
    until("the edit is everywhere", || {
        [&n0, &n1, &n2].iter().all(|node| node.members_text().contains("gus@x $argon2id$"))
    });
    let mut bob = login(&n1, "LOGIN bob@x/phone bob-secret", "OK LOGIN bob@x role=member last=5 missed=4 …");
    bob.expect("MSG 2 <time> ann@x two");
    bob.expect("REMOVED 3 <time> ann@x cid@x");
    bob.expect("MSG 4 <time> ann@x three");
    bob.expect("ADDED 5 <time> - gus@x");
    login(&n2, "LOGIN cid@x cid-secret", "ERR LOGIN …");
    assert!(n1.members_text().starts_with("# ours\n") && !n1.members_text().contains("cid@x"));
    login(&n2, "LOGIN gus@x/- typed-by-hand", "OK LOGIN gus@x …");
    same_events(&[&n0, &n1, &n2]);
}

/// A node that is starting, stopped when so many bytes have come.
fn stopped_after(stage: &Stage, name: &str, folder: &Path, bytes: u64) -> Running {
    let node = stage.starting(name, folder);
    until("some of it has come", || {
        let log = log(folder);
        assert!(!log.contains("listening on"), "it was too fast:\n{log}");
        incoming(folder) >= bytes
    });
    node.signal(Signal::STOP);
    node
}

#[test]
fn a_copy_goes_on_whoever_is_killed_in_the_middle() {
    const FILES: u64 = 40;
    let Some(stage) = Stage::start() else { return };
    // 40 MB.
    let of_first = founded(&stage, FILES, 500, 2_000);
    let of_second = copy_of(of_first.path());
    let (mut n0, n1) = (stage.node("n0", of_first), stage.node("n1", of_second));
    // A node that stands still is not waited for. Whoever waits for the start is told that it goes on.
    let folder = empty();
    let manager = UnixDatagram::bind(folder.path().join("notify")).expect("a socket");
    let node = stopped_after(&stage, "n3", folder.path(), 2 << 20);
    let mut told = [0; 200];
    let len = manager.recv(&mut told).expect("it is told");
    let told = str::from_utf8(&told[..len]).expect("text");
    assert!(
        told.starts_with("EXTEND_TIMEOUT_USEC=60000000\nSTATUS=copying the history from node n0, "),
        "{told}"
    );
    n0.signal(Signal::STOP);
    node.signal(Signal::CONT);
    until("another node is asked", || log(folder.path()).contains("copying the history from node n1"));
    assert!(log(folder.path()).contains("node n0 does not answer any more"), "{}", log(folder.path()));
    n0.signal(Signal::CONT);
    until("it has all of it", || log(folder.path()).contains("listening on"));
    drop(node);
    let folder = empty();
    let path = folder.path();
    // The node that gives it is killed.
    let node = stopped_after(&stage, "n2", path, 2 << 20);
    assert!(log(path).contains("copying the history from node n0"), "{}", log(path));
    n0.kill();
    node.signal(Signal::CONT);
    until("another node is asked", || log(path).contains("copying the history from node n1"));
    assert!(log(path).contains("node n0 is gone"), "{}", log(path));
    // The node that gets it is killed, again and again. There is nothing in its history meanwhile.
    let mut random = fastrand::Rng::with_seed(7);
    let mut before = 0;
    drop(node);
    for _ in 0..6 {
        let node = stopped_after(&stage, "n2", path, before + random.u64(1..3 << 20));
        before = incoming(path);
        assert_eq!(
            events(path).into_iter().collect::<Vec<_>>(),
            [("000000000001.txt".into(), String::new())]
        );
        drop(node);
    }
    let n2 = stage.node("n2", folder);
    same_events(&[&n1, &n2]);
    let total: usize = events(&n1.members().with_file_name(".")).values().map(String::len).sum();
    let log = n2.log();
    let came = log.split_once(" bytes came from other nodes").expect("it says so").0.rsplit(' ').next();
    let came: u64 = came.expect("a number").parse().expect("a number");
    assert!(before > 4 << 20 && came + before < total as u64 + (1 << 20), "{before} and {came} of {total}");
    let mut ann = login(&n2, "LOGIN ann@x/- ann-secret", "OK LOGIN ann@x …");
    says(&mut ann, "all of it", FILES * 500 + 5);
    same_events(&[&n1, &n2]);
}

#[test]
fn what_no_node_keeps_any_more_is_missing_and_that_is_said() {
    let Some(stage) = Stage::start() else { return };
    let first = founded(&stage, 3, 5, 40);
    // Has ended with event 12.
    let old = copy_of(first.path());
    let mut n0 = stage.node("n0", first);
    for gone in ["applied", "clean", "members", "delivered"] {
        let _ = fs::remove_file(old.path().join("history").join(gone));
    }
    let cut = old.path().join("history/000000000011.txt");
    let text = fs::read_to_string(&cut).expect("text");
    let two: String = text.split_inclusive('\n').take(2).collect();
    fs::write(&cut, two).expect("written");
    let mut ann = login(&n0, "LOGIN ann@x/- ann-secret", "OK LOGIN ann@x …");
    says(&mut ann, "one", 20);
    stage.forget();
    // --keep-days drops whole files.
    n0.stop();
    let n0 = n0.into_folder();
    for name in ["000000000001.txt", "000000000006.txt"] {
        fs::remove_file(n0.path().join("history").join(name)).expect("removed");
    }
    let n0 = stage.node("n0", n0);
    let n1 = stage.node("n1", empty());
    n1.until_logged("node n0 keeps no event before 11");
    same_events(&[&n0, &n1]);
    // Who has older ones keeps them.
    let n2 = stage.node("n2", old);
    let (theirs, mut own) =
        (events(&n0.members().with_file_name(".")), events(&n2.members().with_file_name(".")));
    let older: Vec<_> = ["000000000001.txt", "000000000006.txt"].map(|name| own.remove(name)).into();
    assert!(older.iter().all(Option::is_some) && theirs == own);
    drop((n1, n2));

    // But nothing is put where there would be a hole.
    let older = empty();
    old_history(older.path(), 1, 5, 40);
    fs::copy(n0.history().join("id"), older.path().join("history/id")).expect("copied");
    stage.refuses_node(
        "n3",
        older.path(),
        "the other nodes keep none before event 11: move the history and the members file away",
    );
    assert_eq!(events(older.path()).len(), 1);
}

#[test]
fn what_is_not_the_groups_is_refused_and_stays_as_it_is() {
    let Some(stage) = Stage::start() else { return };
    let first = founded(&stage, 2, 5, 40);
    // Of another transcript, of other events, and longer.
    let other = empty();
    old_history(other.path(), 1, 5, 40);
    fs::write(other.path().join("history/id"), "0000abcd\n").expect("written");
    let edited = copy_of(first.path());
    let file = edited.path().join("history/000000000006.txt");
    let text = fs::read_to_string(&file).expect("text");
    fs::write(&file, text.replacen("old old", "new old", 1)).expect("written");
    let (longer, first_again) = (copy_of(first.path()), copy_of(first.path()));
    let file = longer.path().join("history/000000000006.txt");
    let text = fs::read_to_string(&file).expect("text");
    let line = text.lines().next().expect("a line").replace("MSG 6 ", "MSG 15 ");
    fs::write(&file, format!("{text}{line}\n")).expect("written");
    for folder in [&edited, &longer] {
        for gone in ["applied", "clean", "members", "delivered"] {
            let _ = fs::remove_file(folder.path().join("history").join(gone));
        }
    }
    let mut n0 = stage.node("n0", first);
    stage.forget();
    let before = [&other, &edited, &longer].map(|folder| events(folder.path()));
    let refusals = [
        "has transcript 0000abcd, and the group's is ",
        "the file that begins with event 6 is not what node n0 has there: move the history and the members file away",
        "the other nodes have no event after 14: move the history and the members file away",
    ];
    std::thread::scope(|scope| {
        for (at, folder) in [&other, &edited, &longer].into_iter().enumerate() {
            let (stage, sentence) = (&stage, refusals[at]);
            scope.spawn(move || stage.refuses_node(&format!("n{}", 3 + at), folder.path(), sentence));
        }
    });
    assert_eq!([&other, &edited, &longer].map(|folder| events(folder.path())), before);

    // A file that was changed on one node is noticed with another one's.
    let n1 = stage.node("n1", empty());
    n0.stop();
    let n0 = n0.into_folder();
    let file = n0.path().join("history/000000000001.txt");
    let text = fs::read_to_string(&file).expect("text");
    fs::write(&file, text.replacen("old old", "new old", 1)).expect("written");
    let n0 = stage.node("n0", n0);
    let new = empty();
    let sentence =
        "the file that begins with event 1 is not the same on nodes n0 and n1: compare the files of history/";
    stage.refuses_node("n6", new.path(), sentence);
    // Two know better than one.
    let n2 = stage.node("n2", copy_of(first_again.path()));
    let n6 = stage.node("n6", new);
    let n7 = stage.node("n7", empty());
    for log in [n6.log(), n7.log()] {
        let told = log.contains("is not the same on nodes n0 and n")
            && log.contains("; most of them have that of n");
        assert!(told && log.contains("copying the history from node n1"), "{log}");
    }
    same_events(&[&n1, &n2, &n6, &n7]);
    drop((n0, n2, n6, n7));

    // Nobody is there.
    drop(n1);
    let new = empty();
    let output = stage.run("n8", Login::Node, new.path(), &[]);
    refused(&output, "no other node that has it answers; start one that does");
}

#[test]
fn a_damaged_file_is_had_from_another_node() {
    let Some(stage) = Stage::start() else { return };
    let (good, damaged) = (founded(&stage, 3, 5, 40), empty());
    copy_history(good.path(), damaged.path());
    let file = damaged.path().join("history/000000000006.txt");
    let text = fs::read_to_string(&file).expect("text");
    fs::write(&file, text.replacen("MSG 8 ", "MSG 9 ", 1)).expect("written");
    let n0 = stage.node("n0", damaged);
    stage.forget();
    let new = empty();
    let sentence = "node n0 has a file that is damaged, in line 3 of 000000000006.txt: this is event 9, and 8 belongs here";
    stage.refuses_node("n2", new.path(), sentence);
    let n1 = stage.node("n1", good);
    let n2 = stage.node("n2", new);
    assert!(n2.log().contains(sentence) && n2.log().contains("from node n1"), "{}", n2.log());
    same_events(&[&n1, &n2]);
    drop(n0);
}
