//! What docs/operating.md says of reading `history/` with other programs while the server runs: grep, tail -f, rsync.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::disk::skip;
use common::peer::Peer;
use common::server::{GROUP, Server, members_txt};

/// Few enough for the burst that each of them has.
const EACH: u64 = 60;
const TALKERS: [&str; 4] = ["bob@x/-", "cid@x/-", "dan@x/-", "eve@x/-"];

/// Each says so many things at once, some of them long, and more while nobody has an answer yet.
fn say(talkers: &mut [Peer]) {
    for (at, talker) in talkers.iter_mut().enumerate() {
        let texts = (0..EACH).map(|n| format!("MSG needle-{n} {}\n", "x".repeat(at * 700)));
        talker.send(texts.collect::<String>().as_bytes());
    }
}

/// Takes all answers but the last. The highest number told.
fn answers(talkers: &mut [Peer], count: u64) -> u64 {
    let mut told = 0;
    for talker in talkers {
        for _ in 0..count {
            let line = talker.line().expect("an answer");
            let seq = line.strip_prefix("OK MSG ").and_then(|rest| rest.split(' ').next()?.parse().ok());
            told = told.max(seq.expect("a number"));
        }
    }
    told
}

/// As it is there: `rsync -a history/*.txt /backup/`.
fn rsync(history: &Path, to: &Path) -> bool {
    let mut command = Command::new("rsync");
    command.arg("-a").args(files(history)).arg(to);
    match command.output() {
        Ok(output) => {
            assert!(output.status.success(), "{output:?}");
            true
        }
        Err(_) => false,
    }
}

fn files(history: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(history).expect("a folder").map(|entry| entry.expect("an entry").path());
    let mut files: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|e| e == "txt")).collect();
    files.sort();
    files
}

fn whole(history: &Path) -> Vec<u8> {
    files(history).iter().flat_map(|path| fs::read(path).expect("a file")).collect()
}

fn talkers(server: &Server) -> Vec<Peer> {
    TALKERS.iter().map(|who| Peer::member(server.addr(), who)).collect()
}

#[test]
fn grep_and_tail_read_along() {
    let server = Server::start();
    let file = server.history().join("000000000001.txt");
    let mut tail = Peer::run(Command::new("tail").args(["-n", "+1", "-f"]).arg(&file));
    let mut talkers = talkers(&server);
    say(&mut talkers);
    let told = answers(&mut talkers, EACH / 2);
    // What anybody was told is found, however much is being written after it.
    let grep = Command::new("grep").args(["-c", "needle-"]).arg(&file).output().expect("grep");
    let found: u64 = String::from_utf8_lossy(&grep.stdout).trim().parse().expect("a number");
    assert!(found >= told, "{found} of {told}");
    let last = answers(&mut talkers, EACH / 2);
    assert_eq!(last, EACH * TALKERS.len() as u64);
    for seq in 1..=last {
        tail.expect(&format!("MSG {seq} <time> …"));
    }
}

#[test]
fn a_copy_made_while_the_server_runs_has_what_was_told() {
    let server = Server::start();
    let folder = tempfile::tempdir().expect("a folder");
    let copy = folder.path().join("history");
    fs::create_dir(&copy).expect("a folder");
    let mut talkers = talkers(&server);
    say(&mut talkers);
    let told = answers(&mut talkers, EACH / 3);
    if !rsync(&server.history(), &copy) {
        return skip("rsync is not here");
    }
    let told = (told, whole(&copy));
    answers(&mut talkers, EACH - EACH / 3);
    let all = whole(&server.history());
    assert!(all.starts_with(&told.1), "the copy is a beginning");

    // A server of its own on the copy: all that was told has its number.
    // Ann has said nothing there. Without the rest of the folder nothing tells that she was a member before: she stays out.
    fs::write(folder.path().join("members.txt"), members_txt(&GROUP[1..])).expect("a file");
    let backup = Server::in_folder(folder, &[]);
    let kept = whole(&backup.history());
    let lines = memchr::memchr_iter(b'\n', &kept).count() as u64;
    assert!(lines >= told.0 && all.starts_with(&kept), "{lines} of {}", told.0);
    let mut bob = Peer::member(backup.addr(), "bob@x/-");
    bob.say("HISTORY 1");
    bob.expect(&format!("HISTORY {lines} {lines}"));
    drop(bob);

    // The next copy goes on with it.
    let folder = backup.into_folder();
    let copy = folder.path().join("history");
    assert!(rsync(&server.history(), &copy));
    assert_eq!(whole(&copy), all);
}
