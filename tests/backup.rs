//! `--backup` of a running server, and starts on what it made.
//!
//! `BACKUPS=n` for so many backups under load instead of 5.

mod common;
#[path = "common/store.rs"]
mod store;

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::SystemTime;

use chat_room::protocol::Seq;
use chat_room::server::log::local::{self, Settings};
use common::peer::Peer;
use common::server::{GROUP, PATIENCE, Server, folder_with, members_txt, until};
use rustix::fs::{FileType, Mode};
use store::{SMALL, Store, age, lines};
use tempfile::TempDir;

/// Runs it for the files in this folder. What it says, or why it failed.
fn backup(of: &Path, to: &Path, options: &[&str]) -> Result<String, String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chat-room-server"));
    let output = command.current_dir(of).arg("--backup").arg(to).args(options).output().expect("it runs");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}

/// The folder of the server's files.
fn folder_of(server: &Server) -> PathBuf {
    server.history().parent().expect("it has one").to_owned()
}

/// A backup of this server, in a folder of its own.
fn backed_up(server: &Server) -> TempDir {
    let copy = tempfile::tempdir().expect("a folder");
    backup(&folder_of(server), copy.path(), &[]).expect("a backup");
    copy
}

/// What `--check` says where it is wrong.
fn checked(folder: &Path) -> Result<(), String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chat-room-server"));
    let output =
        command.current_dir(folder).args(["--check", "--listen", "127.0.0.1:0"]).output().expect("it runs");
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

fn transcript(history: &Path) -> Vec<u8> {
    let names = fs::read_dir(history).expect("a folder").map(|entry| entry.expect("an entry").path());
    let mut names: Vec<_> = names.filter(|path| path.extension().is_some_and(|ext| ext == "txt")).collect();
    names.sort();
    names.iter().flat_map(|path| fs::read(path).expect("a file")).collect()
}

fn events(lines: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', lines).count() as u64
}

fn login(server: &Server, line: &str) -> (Peer, String) {
    let mut peer = Peer::connect(server.addr());
    peer.line();
    peer.say(line);
    let told = peer.line().expect("an answer");
    (peer, told)
}

#[test]
fn a_server_started_in_a_backup_goes_on_where_it_was_made() {
    let server = Server::start();
    let (mut phone, _) = login(&server, "LOGIN bob@x/phone bob-secret");
    let token = phone.word_of("TOKEN");
    let (mut ann, _) = login(&server, "LOGIN ann@x ann-secret");
    let word = ann.word_of("INVITE kim@x");
    for line in ["PASSWD ann-secret other-secret", "MSG one", "ADD zoe@x zoe-secret"] {
        ann.say(line);
        assert!(ann.line().expect("an answer").starts_with("OK "), "{line}");
    }
    phone.line();
    phone.line();
    server.until_noted("bob@x/phone", 2);
    drop(phone);
    ann.say("MSG missed");
    assert!(ann.line().is_some_and(|line| line.starts_with("ADDED 2")));
    assert_eq!(ann.line().as_deref(), Some("OK MSG 3 <time>"));

    let copy = backed_up(&server);
    checked(copy.path()).expect("in order");
    ann.say("MSG later");
    assert_eq!(ann.line().as_deref(), Some("OK MSG 4 <time>"));

    let copy = Server::in_folder(copy, &[]);
    copy.until_logged("this folder is a copy");
    // docs/operating.md says so: tokens stay, invitations end.
    let join = format!("JOIN kim@x {word} kim-secret");
    assert!(login(&copy, &join).1.starts_with("ERR JOIN bad-invite"));
    let (mut phone, told) = login(&copy, &format!("RESUME bob@x/phone {token}"));
    assert!(told.contains("last=3 missed=1 "), "{told}");
    assert_eq!(phone.line().as_deref(), Some("MSG 3 <time> ann@x missed"));
    // The number 4 is given out again, so clients have to know that this is another history.
    phone.say("MSG here");
    assert_eq!(phone.line().as_deref(), Some("OK MSG 4 <time>"));
    let id = |server: &Server| fs::read_to_string(server.history().join("id")).expect("an id");
    assert_ne!(id(&server), id(&copy));
    for (line, answer) in [
        ("LOGIN zoe@x zoe-secret", "OK LOGIN"),
        ("LOGIN ann@x other-secret", "OK LOGIN"),
        ("LOGIN ann@x ann-secret", "ERR LOGIN"),
    ] {
        assert!(login(&copy, line).1.starts_with(answer), "{line}");
    }
    // Nothing of the original has changed.
    assert_eq!(events(&transcript(&server.history())), 4);
    assert!(login(&server, &join).1.starts_with("OK JOIN"));
}

#[test]
fn what_the_group_has_agreed_on_comes_along() {
    let server = Server::start();
    let (mut ann, _) = login(&server, "LOGIN ann@x/- ann-secret");
    for (line, answer) in [("TITLE The  Choir", "OK TITLE The  Choir"), ("ANNOUNCE on", "OK ANNOUNCE")] {
        ann.say(line);
        assert_eq!(ann.line().as_deref(), Some(answer));
    }
    let copy = Server::in_folder(backed_up(&server), &[]);
    let (mut bob, _) = login(&copy, "LOGIN bob@x/- bob-secret");
    for (line, answer) in [("TITLE", "OK TITLE The  Choir"), ("ANNOUNCE", "OK ANNOUNCE on")] {
        bob.say(line);
        assert_eq!(bob.line().as_deref(), Some(answer));
    }
}

#[test]
fn the_certificate_comes_along() {
    let tls = ["--tls-listen", "127.0.0.1:0"];
    let server = Server::with(&members_txt(&GROUP), &tls);
    let copy = backed_up(&server);
    let own = folder_of(&server).join("self-signed.pem");
    assert_eq!(fs::read(&own).expect("made"), fs::read(copy.path().join("self-signed.pem")).expect("copied"));
    assert_eq!(copy.path().join("self-signed.pem").metadata().expect("a file").mode() & 0o777, 0o600);

    // Beside the blocks of PEM any bytes may stand.
    let odd = folder_of(&server).join("odd.pem");
    fs::write(&odd, [b"M\xfcller\n".to_vec(), fs::read(&own).expect("made")].concat()).expect("written");
    let (cert, key) = (odd.to_str().expect("text"), own.to_str().expect("text"));
    let copy = tempfile::tempdir().expect("a folder");
    let given = [&tls[..], &["--tls-cert", cert, "--tls-key", key]].concat();
    backup(&folder_of(&server), copy.path(), &given).expect("a backup");
    for (name, of) in [("tls-cert.pem", &odd), ("tls-key.pem", &own)] {
        assert_eq!(fs::read(copy.path().join(name)).expect("copied"), fs::read(of).expect("made"));
    }
}

#[test]
fn what_cannot_be_a_backup_is_refused_and_leaves_nothing() {
    let server = Server::with(&members_txt(&GROUP), &["--tls-listen", "127.0.0.1:0"]);
    let folder = folder_of(&server);
    let place = tempfile::tempdir().expect("a folder");
    let to = place.path().join("backup");
    let check = |options: &[&str], why: &str| {
        let told = backup(&folder, &to, options).expect_err(why);
        assert!(told.contains(why), "{told}");
    };
    check(&["--history", "none"], "--backup has no meaning with --history none");
    check(&["--history", "nowhere"], "nowhere: cannot be read");
    check(&["--members", "nowhere/members.txt"], "nowhere/members.txt: cannot open its folder: ");
    check(&["--members", "nowhere.txt"], "nowhere.txt: does not exist");
    let damaged = folder_with("ann@x\n");
    check(&["--members", damaged.path().join("members.txt").to_str().expect("text")], "members.txt:1: ");
    // A start would refuse these, so the copy is of no use.
    let other = Server::with(&members_txt(&GROUP), &["--tls-listen", "127.0.0.1:0"]);
    let tls = |cert: &Path, key: &Path| {
        let (cert, key) = (cert.to_string_lossy().into_owned(), key.to_string_lossy().into_owned());
        let options = ["--tls-listen", "127.0.0.1:0", "--tls-cert", &cert, "--tls-key", &key];
        check(&options, &format!("{cert}: cannot be served with the key in {key}: "));
    };
    tls(&folder.join("self-signed.pem"), &folder_of(&other).join("self-signed.pem"));
    assert_eq!(fs::read_dir(place.path()).expect("a folder").count(), 0);
    fs::create_dir(place.path().join("backup.new")).expect("a folder");
    check(&[], "backup.new: was left unfinished by a backup that was killed; remove it");
    fs::remove_dir(place.path().join("backup.new")).expect("empty");
    backup(&folder, &to, &[]).expect("a backup");
    check(&[], "backup: is not empty; name a folder that does not exist");
    // Backups are as private as what they hold.
    for name in ["", "history", "history/id", "history/000000000001.txt"] {
        assert_eq!(to.join(name).metadata().expect("it is there").mode() & 0o077, 0, "{name}");
    }
}

/// What deploy/chat-room-backup.service removes before or after it, from this folder.
#[track_caller]
fn the_unit_runs(when: &str, folder: &Path) {
    let unit = include_str!("../deploy/chat-room-backup.service");
    let begin = format!("{when}=find ");
    let tidies = unit.lines().find_map(|line| line.strip_prefix(&begin)).expect("a line");
    let tidies = tidies.replace("/var/backups/chat-room", folder.to_str().expect("text"));
    let status = Command::new("sh").args(["-c", &format!("find {tidies}")]).status().expect("a shell");
    assert!(status.success());
}

#[test]
fn what_is_being_written_is_told_from_what_was_left_behind() {
    let server = Server::start();
    let folder = folder_of(&server);
    let place = tempfile::tempdir().expect("a folder");
    let (to, unfinished) = (place.path().join("backup"), place.path().join("backup.new"));
    // A pipe that nobody writes to holds it up at its last file.
    let pipe = folder.join("self-signed.pem");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, FileType::Fifo, Mode::RWXU, 0).expect("a pipe");
    let (of, name) = (folder.clone(), to.clone());
    let first = std::thread::spawn(move || backup(&of, &name, &[]));
    until("it has come to its last file", || unfinished.join("members.txt").exists());
    let told = backup(&folder, &to, &[]).expect_err("the name is taken");
    assert!(told.contains("backup.new: is being written by another backup; "), "{told}");

    // The nightly one tidies up first.
    let left = place.path().join("left.new");
    fs::create_dir(&left).expect("a folder");
    the_unit_runs("ExecStartPre", place.path());
    assert!(!left.exists());

    fs::write(&pipe, "").expect("it reads");
    first.join().expect("it ends").expect("a backup");
    assert!(to.join("members.txt").exists() && !unfinished.exists());
}

#[test]
fn only_what_has_the_name_of_a_nightly_one_goes_after_two_weeks() {
    let place = tempfile::tempdir().expect("a folder");
    let (old, kept) = ("2020-01-01-030000", ["before-the-move", "2020-01-01-030000-kept", "notes"]);
    for name in [old].into_iter().chain(kept) {
        let path = place.path().join(name);
        fs::create_dir(&path).expect("a folder");
        fs::File::open(path).expect("it is there").set_modified(SystemTime::UNIX_EPOCH).expect("its time");
    }
    fs::create_dir(place.path().join("2020-01-02-030000")).expect("a folder");
    the_unit_runs("ExecStartPost", place.path());
    let mut left: Vec<_> =
        fs::read_dir(place.path()).expect("a folder").flatten().map(|entry| entry.file_name()).collect();
    left.sort();
    assert_eq!(left, ["2020-01-01-030000-kept", "2020-01-02-030000", "before-the-move", "notes"]);
}

#[test]
fn a_name_may_end_with_a_slash() {
    let server = Server::start();
    let place = tempfile::tempdir().expect("a folder");
    fs::create_dir(place.path().join("empty")).expect("a folder");
    for name in ["new/", "empty/", "other/."] {
        let told = backup(&folder_of(&server), &place.path().join(name), &[]).expect(name);
        assert!(told.contains(": made, with "), "{told}");
        assert!(place.path().join(name).join("members.txt").exists(), "{name}");
    }
    assert_eq!(fs::read_dir(place.path()).expect("a folder").count(), 3);
}

/// Files of events that are full are linked; they are begun and dropped while backups are made.
#[test]
fn files_may_be_begun_and_dropped_meanwhile() {
    let folder = tempfile::tempdir().expect("a folder");
    let history = folder.path().join("history");
    let settings = Settings { keep_days: Some(30), ..SMALL };
    let mut store = Store::open(&history, &settings);
    store.append_each(30);
    let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let (stopping, told, dir) = (Arc::clone(&stop), Arc::clone(&done), history.clone());
    let writer = std::thread::spawn(move || {
        while !stopping.load(Ordering::Relaxed) {
            store.append_each(5);
            told.store(store.last.0, Ordering::Release);
            // What is old is dropped with the next append.
            age(&dir);
        }
        store.kill();
    });
    for round in 0..40 {
        let (before, copy) = (done.load(Ordering::Acquire), folder.path().join(format!("{round}")));
        let has = local::back_up(&history, &copy).expect("a backup");
        assert!(has.last >= Seq(before), "{has:?} has not {before}");
        let mut opened = local::open(&copy, &settings).expect("a history");
        assert_eq!(opened.segments.kept(), (has.first, has.last));
        let count = has.last.0 + 1 - has.first.0;
        assert_eq!(transcript(&copy), lines(has.first.0, count));
        opened.storage.close().expect("closed");
    }
    stop.store(true, Ordering::Relaxed);
    writer.join().expect("it went well");
    let copy = folder.path().join("last");
    local::back_up(&history, &copy).expect("a backup");
    let inode = |folder: &Path, name: &str| folder.join(name).metadata().expect("a file").ino();
    let mut names: Vec<String> = fs::read_dir(&copy)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("text"))
        .filter(|name| name.strip_suffix(".txt").is_some())
        .collect();
    names.sort();
    let last = names.pop().expect("some");
    assert!(!names.is_empty() && names.iter().all(|name| inode(&copy, name) == inode(&history, name)));
    assert_ne!(inode(&copy, &last), inode(&history, &last));
}

/// What the clients of a server under load were told so far.
#[derive(Clone, Default)]
struct Told {
    /// The last event whose sender was told OK.
    last: Arc<AtomicU64>,
    /// Members who were added, and will stay.
    added: Arc<Mutex<Vec<String>>>,
    /// Members who were added and removed.
    removed: Arc<Mutex<Vec<String>>>,
}

/// Says a line, and waits for its answer.
struct Line {
    stream: TcpStream,
    lines: std::io::Lines<BufReader<TcpStream>>,
}

impl Line {
    fn of(addr: SocketAddr, login: &str) -> Line {
        let stream = TcpStream::connect(addr).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("an option");
        let lines = BufReader::new(stream.try_clone().expect("a descriptor")).lines();
        let mut line = Line { stream, lines };
        assert!(line.asks(login).starts_with("OK "));
        line
    }

    /// The answer, without the events before it.
    fn asks(&mut self, line: &str) -> String {
        writeln!(self.stream, "{line}").expect("it listens");
        let mut lines = self.lines.by_ref().map(|line| line.expect("text"));
        lines.find(|line| line.starts_with("OK ") || line.starts_with("ERR ")).expect("an answer")
    }
}

/// Talks and changes the group until it is told to stop.
fn load(addr: SocketAddr, told: &Told, stop: &Arc<AtomicBool>) -> Vec<JoinHandle<()>> {
    let until_stopped = |mut round: Box<dyn FnMut(u64) + Send>| {
        let stop = Arc::clone(stop);
        std::thread::spawn(move || {
            (0..u64::MAX).take_while(|_| !stop.load(Ordering::Relaxed)).for_each(&mut round);
        })
    };
    let mut threads = Vec::new();
    for name in ["bob", "cid", "dan"] {
        let (mut line, told) = (Line::of(addr, &format!("LOGIN {name}@x/- {name}-secret")), told.clone());
        threads.push(until_stopped(Box::new(move |number| {
            let answer = line.asks(&format!("MSG {number} of {name}"));
            let seq = answer.split(' ').nth(2).expect("a number").parse().expect("a number");
            told.last.fetch_max(seq, Ordering::AcqRel);
        })));
    }
    let (mut line, told) = (Line::of(addr, "LOGIN ann@x/- ann-secret"), told.clone());
    threads.push(until_stopped(Box::new(move |number| {
        let (stays, goes) = (format!("stays-{number}@x"), format!("goes-{number}@x"));
        for (command, list, mail) in [
            (format!("ADD {stays} a-secret"), &told.added, &stays),
            (format!("ADD {goes} a-secret"), &told.removed, &String::new()),
            (format!("REMOVE {goes}"), &told.removed, &goes),
        ] {
            let answer = line.asks(&command);
            assert!(answer.starts_with("OK "), "{command}: {answer}");
            if !mail.is_empty() {
                list.lock().expect("a list").push(mail.clone());
            }
        }
    })));
    threads
}

/// How far the device is recorded to be.
fn place(server: &Server, device: &str) -> u64 {
    let delivered = server.delivered();
    let mut lines = delivered.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'));
    let place = |line: &str| line.strip_prefix(device)?.split(' ').nth(1)?.parse().ok();
    lines.by_ref().filter_map(place).next_back().unwrap_or_default()
}

#[test]
fn under_load_a_backup_has_all_that_was_told_and_sends_nothing_again() {
    let rounds = std::env::var("BACKUPS").map_or(5, |text| text.parse().expect("a number"));
    let server = Server::start();
    let (told, stop) = (Told::default(), Arc::new(AtomicBool::new(false)));
    // Takes all that comes, so that its place is recorded every two seconds.
    let _reader = login(&server, "LOGIN eve@x/seen eve-secret");
    let threads = load(server.addr(), &told, &stop);
    for round in 0..rounds {
        let (last, place) = (told.last.load(Ordering::Acquire), place(&server, "eve@x/seen"));
        let of = |list: &Mutex<Vec<String>>| list.lock().expect("a list").clone();
        let (added, removed) = (of(&told.added), of(&told.removed));
        let copy = backed_up(&server);
        checked(copy.path()).expect("in order");
        let stored = transcript(&copy.path().join("history"));
        let now = transcript(&server.history());
        let same = now.iter().zip(&stored).take_while(|(now, stored)| now == stored).count();
        assert_eq!(same, stored.len(), "{round}: of {} bytes; the server has {}", stored.len(), now.len());
        let text = fs::read_to_string(copy.path().join("members.txt")).expect("text");
        let listed: BTreeSet<&str> = text.lines().filter_map(|line| line.split(' ').next()).collect();
        assert!(added.iter().all(|mail| listed.contains(mail.as_str())), "{round}: {text}");
        assert!(!removed.iter().any(|mail| listed.contains(mail.as_str())), "{round}: {text}");

        let events = events(&stored);
        assert!(events >= last, "{round}: {events} events, {last} was told");
        let copy = Server::in_folder(copy, &[]);
        let (mut eve, answer) = login(&copy, "LOGIN eve@x/seen eve-secret");
        // The start may have announced what members.txt has, and no event.
        let number = |key: &str| -> u64 {
            let value = answer.split(' ').find_map(|word| word.strip_prefix(key)?.strip_prefix('='));
            value.expect("a field").parse().expect("a number")
        };
        let (last, missed) = (number("last"), number("missed"));
        assert!(last >= events && last - missed >= place, "{round}: {answer}, {place} was recorded");
        for seq in last - missed + 1..=last {
            let line = eve.line().expect("an event");
            assert_eq!(line.split(' ').nth(1), Some(seq.to_string().as_str()), "{round}: {line}");
        }
    }
    stop.store(true, Ordering::Relaxed);
    for thread in threads {
        thread.join().expect("it went well");
    }
}
