//! A start and `--check` judge alike: whatever happened to a folder, a start does what `--check` says.
//!
//! Longer than 350 lines: independent tests, one kind of damage each.

#[path = "common/disk.rs"]
mod disk;
#[path = "common/store.rs"]
mod store;

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

use chat_room::protocol::{Role, Seq};
use chat_room::room::{KnownGroup, KnownMember};
use chat_room::server::log::local::{MembersSnapshot, Whose, check, key};
use store::{SMALL, Store, files, lines, look, names};
use tempfile::TempDir;

/// How the server of a folder has stopped.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Stop {
    Clean,
    Killed,
}
use Stop::{Clean, Killed};

/// What happened to a file since.
#[derive(Clone, Copy, Debug)]
enum Then {
    Missing,
    /// Half of it is there.
    Cut,
    Empty,
    Folder,
    /// A link to nothing.
    Link,
    Fifo,
    /// This user may not read it.
    Unreadable,
    /// This user may not write it.
    Unwritable,
    /// It says this.
    Says(&'static str),
    /// Its last line is gone.
    LastLineGone,
    /// A line in the middle of it is damaged.
    Damaged,
}
use Then::{Cut, Damaged, Empty, Fifo, Folder, LastLineGone, Link, Missing, Says, Unreadable, Unwritable};

/// What comes of it.
#[derive(Clone, Copy, Debug)]
enum Verdict {
    /// Nothing is said.
    Serves,
    /// The server starts, and this is said.
    Warns(&'static str),
    /// The server does not start, and this is why.
    Refuses(&'static str),
}
use Verdict::{Refuses, Serves, Warns};

/// Events 1 to 30 in several files, all small files, and the last ones of two devices.
fn made(stop: Stop) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let mut store = Store::open(folder.path(), &SMALL);
    key(folder.path()).expect("made");
    store.append_each(30);
    store
        .snapshot(MembersSnapshot { seq: Seq(20), group: KnownGroup::of([(store::mail("ann@x"), Seq(0))]) })
        .expect("recorded");
    store
        .delivered("ann@x 29 2026-01-02T03:04:05.678Z\nbob@x/telephone 30 2026-01-02T03:04:05.678Z\n")
        .expect("recorded");
    match stop {
        Clean => store.close().expect("closed"),
        Killed => store.kill(),
    }
    folder
}

/// The file of this name; `first`, `second` and `last` of the transcript.
fn path(dir: &Path, name: &str) -> std::path::PathBuf {
    let files = files(dir);
    match name {
        "first" => files[0].clone(),
        "second" => files[1].clone(),
        "last" => files.last().expect("one").clone(),
        name => dir.join(name),
    }
}

fn happen(dir: &Path, name: &str, then: Then) {
    let path = &path(dir, name);
    let bytes = fs::read(path).unwrap_or_default();
    let gone = || fs::remove_file(path).expect("it was there");
    let chmod = |mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("ours");
    match then {
        Missing => gone(),
        Cut => fs::write(path, &bytes[..bytes.len() / 2]).expect("written"),
        Empty => fs::write(path, "").expect("written"),
        Folder => {
            gone();
            fs::create_dir(path).expect("made");
        }
        Link => {
            gone();
            symlink("no/such/file", path).expect("a link");
        }
        Fifo => {
            gone();
            assert!(Command::new("mkfifo").arg(path).status().expect("coreutils").success());
        }
        Unreadable => chmod(0o200),
        Unwritable => chmod(0o400),
        Says(text) => fs::write(path, text).expect("written"),
        LastLineGone => {
            let end = bytes[..bytes.len() - 1].iter().rposition(|&b| b == b'\n').map_or(0, |lf| lf + 1);
            fs::write(path, &bytes[..end]).expect("written");
        }
        Damaged => {
            let at = bytes.iter().position(|&b| b == b'\n').expect("a line") + 1;
            fs::write(path, [&bytes[..at], b"m", &bytes[at + 1..]].concat()).expect("written");
        }
    }
}

/// Both are asked, `--check` first: it changes nothing.
#[track_caller]
fn judged(dir: &Path, expected: Verdict, what: &str) {
    let checked = check(dir, SMALL.window, Whose::OneServers);
    let opened = look(dir, &SMALL);
    let told = format!("{what}: {checked:?} {:?}", opened.as_ref().err());
    assert_eq!(checked.mistakes.first(), opened.as_ref().err(), "{told}");
    let said: Vec<&str> = checked.warnings.iter().map(|warning| warning.0.as_str()).collect();
    match expected {
        Serves => assert!(opened.is_ok() && said.is_empty(), "{told}"),
        Warns(why) => assert!(opened.is_ok() && said.iter().any(|said| said.contains(why)), "{told}"),
        Refuses(why) => assert!(opened.err().is_some_and(|problem| problem.0.contains(why)), "{told}"),
    }
}

fn table(rows: &[(Stop, &str, Then, Verdict)]) {
    let is_root = rustix::process::geteuid().is_root();
    for &(stop, name, then, verdict) in rows {
        // Root may read and write everything.
        if is_root && matches!(then, Unreadable | Unwritable) {
            continue;
        }
        let folder = made(stop);
        happen(folder.path(), name, then);
        judged(folder.path(), verdict, &format!("{stop:?} {name} {then:?}"));
    }
}

const NO_FILE: Verdict = Refuses("is not a file; move it away");
const NO_LINK: Verdict = Refuses("is a symlink to nothing; remove it");
const NO_ACCESS: Verdict = Refuses("cannot");

#[test]
fn every_file_by_itself() {
    for name in ["id", "key", "delivered", "members", "clean", "lock", "first", "second", "last"] {
        // A killed server has left no `clean`.
        table(&[(Clean, name, Folder, NO_FILE), (Clean, name, Link, NO_LINK), (Clean, name, Fifo, NO_FILE)]);
        if name != "clean" {
            table(&[(Killed, name, Unreadable, NO_ACCESS)]);
        }
    }
}

/// The lock file is written to, so the server does not go where a link leads.
#[test]
fn a_lock_that_is_a_link() {
    let folder = made(Clean);
    let (dir, elsewhere) = (folder.path(), tempfile::NamedTempFile::new().expect("a file"));
    fs::remove_file(dir.join("lock")).expect("it was there");
    symlink(elsewhere.path(), dir.join("lock")).expect("a link");
    judged(dir, Refuses("lock: is a symlink; remove it"), "a link");
    assert_eq!(fs::read(elsewhere.path()).expect("a file"), b"");
}

/// Root may read and write everything: somebody else looks.
#[test]
fn the_same_for_somebody_who_is_not_root() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let own = std::env::current_exe().expect("this program");
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--clear-groups"]).arg(own).args(["file", "--test-threads=1"]);
    match command.output() {
        Ok(output) if output.status.code() == Some(127) || output.status.code() == Some(126) => {
            disk::skip("nobody else than root may run this here");
        }
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success() && said.contains("2 passed"), "{said}");
        }
        Err(_) => disk::skip("setpriv is missing"),
    }
}

#[test]
fn small_files() {
    let renewed =
        Warns("id: does not exist: a start makes a new one, and clients take the history for a new one");
    table(&[
        (Clean, "id", Missing, renewed),
        (Clean, "id", Cut, Refuses("id:1: this is not 8 hex digits; remove it")),
        (Clean, "id", Empty, Refuses("id:1: this is not 8 hex digits; remove it")),
        (Clean, "key", Missing, Serves),
        (Clean, "key", Cut, Refuses("key:1: this is not 64 hex digits; remove it")),
        (Clean, "key", Empty, Refuses("key:1: this is not 64 hex digits; remove it")),
        (Clean, "delivered", Missing, Serves),
        (Killed, "delivered", Cut, Warns("not the place of a device")),
        (Clean, "delivered", Empty, Serves),
        (Clean, "delivered", Unwritable, Refuses("delivered: this user cannot write it")),
        (Clean, "delivered", Says("ann@x 7 2026-01-02T03:04:05.678Z\n"), Serves),
        (
            Clean,
            "delivered",
            Says("ann@x 31 2026-01-02T03:04:05.678Z\n"),
            Refuses("event 31 is recorded in delivered, but not here; restore"),
        ),
        (
            Killed,
            "delivered",
            Says("ann@x 31 2026-01-02T03:04:05.678Z\n"),
            Refuses("or remove id, and the server goes on with what is here"),
        ),
        (Clean, "members", Missing, Warns("does not exist; the members are read from the events")),
        (Clean, "members", Empty, Refuses("members:1: no number; remove the file")),
        (Clean, "members", Cut, Refuses("members:2: no member with the number of an event")),
        (Clean, "members", Says("7\nann@x 0\n"), Serves),
        (
            Clean,
            "members",
            Says("31\nann@x 0\n"),
            Refuses("event 31 is recorded in members, but not here; restore"),
        ),
        (Clean, "clean", Missing, Serves),
        (Clean, "clean", Cut, Serves),
        (Clean, "clean", Empty, Serves),
        (Clean, "lock", Missing, Serves),
        (Clean, "lock", Cut, Serves),
        (Clean, "lock", Empty, Serves),
    ]);
}

#[test]
fn the_transcript() {
    table(&[
        (Clean, "last", LastLineGone, Refuses("event 30 is recorded in delivered, but not here; restore")),
        (Killed, "last", LastLineGone, Refuses("event 30 is recorded in delivered, but not here; restore")),
        (Clean, "last", Missing, Refuses("event 30 is recorded in delivered, but not here; restore")),
        (Killed, "last", Cut, Refuses("no crash does this; restore the file from a copy")),
        (Clean, "last", Damaged, Refuses("no crash does this; restore the file from a copy")),
        (
            Clean,
            "second",
            Damaged,
            Warns("this is no event; a start does not look there, and serves what it can: restore"),
        ),
        (Clean, "second", Missing, Refuses("the file before it, 000000000001.txt, ends with event")),
        (Clean, "second", Empty, Refuses("does not begin or end with an event; restore")),
        (Clean, "second", LastLineGone, Refuses("the file before it, ")),
        (Clean, "first", Missing, Serves),
    ]);
    let folder = made(Clean);
    for file in files(folder.path()) {
        fs::remove_file(file).expect("removed");
    }
    judged(
        folder.path(),
        Warns("event 30 is recorded in it, but there are no events: a start begins a new history"),
        "no events",
    );
}

/// An older copy written over the folder: the files are the same ones, so it is no other folder, and all of them agree. But
/// the last stop has left how far the history went.
#[test]
fn an_older_copy_over_the_folder() {
    let further = Refuses(
        "the history was longer when the server last stopped; restore the end of the history from a copy",
    );
    for more in [1, 30] {
        let folder = made(Killed);
        let dir = folder.path();
        let read = |name: String| (fs::read(dir.join(&name)).expect("a file"), name);
        let copied: Vec<(Vec<u8>, String)> = names(dir).into_iter().map(read).collect();
        let id = fs::read_to_string(dir.join("id")).expect("an id");
        let mut store = Store::open(dir, &SMALL);
        store.append_each(more);
        store.close().expect("closed");
        for file in files(dir).into_iter().filter(|file| !copied.iter().any(|(_, name)| file.ends_with(name)))
        {
            fs::remove_file(file).expect("removed");
        }
        for (bytes, name) in &copied {
            fs::write(dir.join(name), bytes).expect("written in its place");
        }
        judged(dir, further, "an older copy");
        fs::remove_file(dir.join("id")).expect("removed");
        judged(dir, Warns("id: does not exist"), "without id");
        goes_on(dir, &id);
    }
}

#[test]
fn a_line_that_begins_like_a_change_of_members_and_is_none() {
    let folder = made(Clean);
    let dir = folder.path();
    let damaged = files(dir).into_iter().rfind(|file| fs::read(file).expect("a file").starts_with(b"MSG 2"));
    let damaged = damaged.expect("one after the snapshot");
    let text = fs::read_to_string(&damaged).expect("text");
    fs::write(&damaged, text.replacen("\nMSG ", "\nADDED ", 1)).expect("written");
    judged(dir, Refuses(": this is no event; "), "an ADDED that is none");
}

/// The way on from a loss: without the one file `id` the server goes on with what is here.
#[test]
fn without_its_id_a_history_goes_on_with_what_is_here() {
    for (stop, then) in [(Clean, LastLineGone), (Killed, LastLineGone), (Killed, Cut), (Clean, Missing)] {
        let folder = made(stop);
        let dir = folder.path();
        happen(dir, "last", then);
        // The members' snapshot, too, is of events that are gone.
        fs::write(dir.join("members"), "30\nann@x 0 admin\nbob@x 2\nkim@x 30 member\n").expect("written");
        let old = fs::read_to_string(dir.join("id")).expect("an id");
        fs::remove_file(dir.join("id")).expect("removed");
        judged(dir, Warns("event 30 is recorded in it, but the last event here is "), "without id");
        let group = look(dir, &SMALL).expect("mended").snapshot.expect("it is clipped").group;
        let mut kept = KnownGroup::of([(store::mail("bob@x"), Seq(2))]);
        let ann = KnownMember { added: Seq(0), role: Some(Role::Admin), name: None };
        kept.members.insert(store::mail("ann@x"), ann);
        assert_eq!(group.members, kept.members);
        // Nothing is known of who was removed before.
        let (kim, ann) = (store::mail("kim@x"), store::mail("ann@x"));
        assert!(group.ended.has(Seq(20), &kim, &ann), "invitations of before have ended");
        goes_on(dir, &old);
    }
}

/// Whether a name is one of the transcript.
fn is_events(name: &str) -> bool {
    name.starts_with('0')
}

/// A copy of another folder, as `cp -a` makes it.
fn copy(from: &Path, names: &[String]) -> Option<TempDir> {
    let folder = tempfile::tempdir().expect("a folder");
    for name in names {
        let status = Command::new("cp").arg("-a").args([from.join(name), folder.path().join(name)]).status();
        assert!(status.expect("coreutils").success());
    }
    let told = folder.path().metadata().and_then(|meta| meta.created());
    let is_told = told.is_ok_and(|made| made > std::time::UNIX_EPOCH);
    if !is_told {
        disk::skip("this file system does not tell when a file was made");
    }
    is_told.then_some(folder)
}

/// The events are what they were and go on, with nobody further than they are, under a new id.
fn goes_on(dir: &Path, old_id: &str) {
    let opened = look(dir, &SMALL).expect("mended");
    assert_ne!(format!("{:08x}\n", opened.id), old_id);
    let (id, last) = (opened.id, opened.tail.last);
    assert!(opened.delivered.iter().all(|place| place.seq <= last), "{:?}", opened.delivered);
    assert!(opened.snapshot.as_ref().is_none_or(|snapshot| snapshot.seq <= last));
    let mut store = Store::start(dir, opened);
    store.append_each(5);
    store.kill();
    // Records about other events stay forgotten when their numbers come again, and the folder is no copy any more.
    let opened = look(dir, &SMALL).expect("killed");
    assert_eq!((opened.id, opened.tail.last.0), (id, last.0 + 5));
    assert!(opened.delivered.iter().all(|place| place.seq <= last), "{:?}", opened.delivered);
    assert!(opened.snapshot.as_ref().is_none_or(|snapshot| snapshot.seq <= last));
    assert!(opened.tail.bytes == lines(1, last.0 + 5));
}

#[test]
fn a_copy_of_a_folder_starts_as_another_history() {
    let copied =
        Warns("id: this folder is a copy, and the original may have gone on: a start makes a new one");
    for stop in [Clean, Killed] {
        let from = made(stop);
        let id = fs::read_to_string(from.path().join("id")).expect("an id");
        let Some(folder) = copy(from.path(), &names(from.path())) else { return };
        judged(folder.path(), copied, "a copy");
        goes_on(folder.path(), &id);
        look(from.path(), &SMALL).expect("the other one");
        assert_eq!(fs::read_to_string(from.path().join("id")).expect("an id"), id, "it stays what it is");
    }
}

/// The files are copied one after the other while the server appends and notes, in any order.
#[test]
fn a_copy_of_the_folder_of_a_running_server() {
    for events_first in [true, false] {
        let from = tempfile::tempdir().expect("a folder");
        let mut store = Store::open(from.path(), &SMALL);
        store.append_each(8);
        store.snapshot(MembersSnapshot { seq: Seq(3), group: KnownGroup::default() }).expect("recorded");
        store.delivered("ann@x 7 2026-01-02T03:04:05.678Z\n").expect("recorded");
        let id = fs::read_to_string(from.path().join("id")).expect("an id");
        let (events, small): (Vec<String>, Vec<String>) =
            names(from.path()).into_iter().partition(|name| is_events(name));
        let (early, late) = if events_first { (events, small) } else { (small, events) };
        let Some(folder) = copy(from.path(), &early) else { return };
        store.append_each(9);
        store.snapshot(MembersSnapshot { seq: Seq(17), group: KnownGroup::default() }).expect("recorded");
        store.delivered("ann@x 16 2026-01-02T03:04:05.678Z\n").expect("recorded");
        let Some(second) = copy(from.path(), &late) else { return };
        for name in late {
            fs::rename(second.path().join(&name), folder.path().join(&name)).expect("moved");
        }
        if events_first {
            // Caught in the middle of a write.
            let last = path(folder.path(), "last");
            fs::write(&last, [&fs::read(&last).expect("a file")[..], b"MSG 9 2026-01-0"].concat())
                .expect("written");
        }
        let told = if events_first { "but the last event here is 8" } else { "this folder is a copy" };
        judged(folder.path(), Warns(told), "a copy of a running one");
        goes_on(folder.path(), &id);
        store.close().expect("it knows nothing of it");
    }
}

#[test]
fn an_event_of_the_future() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("000000000001.txt"), "MSG 1 2126-01-02T03:04:05.678Z ann@x hi\n")
        .expect("written");
    for (whose, told) in [
        (Whose::OneServers, ": a clock was wrong, or is; times go on from now"),
        (Whose::ANodes, ": a clock was wrong, or is"),
    ] {
        let warnings = check(folder.path(), SMALL.window, whose).warnings;
        assert!(warnings.iter().any(|warning| warning.to_string().ends_with(told)), "{warnings:?}");
    }
}

#[test]
fn a_copy_of_the_events_alone() {
    let from = made(Killed);
    let id = fs::read_to_string(from.path().join("id")).expect("an id");
    let events: Vec<String> = names(from.path()).into_iter().filter(|name| is_events(name)).collect();
    let Some(folder) = copy(from.path(), &events) else { return };
    // A node has its id of the group.
    let warned: Vec<String> = check(folder.path(), SMALL.window, Whose::ANodes)
        .warnings
        .into_iter()
        .map(|problem| problem.to_string())
        .filter(|problem| problem.contains("/id: "))
        .collect();
    assert!(
        warned.len() == 1 && warned[0].ends_with("/id: does not exist: a start takes the group's"),
        "{warned:?}"
    );
    judged(folder.path(), Warns("id: does not exist"), "events alone");
    goes_on(folder.path(), &id);
}
