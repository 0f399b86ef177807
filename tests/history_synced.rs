//! A node of a cluster appends without waiting for the disk. Whatever a power cut leaves behind its note comes again, and
//! nothing durable ever speaks of lines that are not.

#[path = "common/disk.rs"]
mod disk;
#[path = "common/store.rs"]
mod store;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use chat_room::limits::HISTORY_SYNC_MAX;
use chat_room::protocol::Seq;
use chat_room::room::KnownGroup;
use chat_room::server::log::local::{
    Answered, Continuing, MembersSnapshot, Opened, Problem, Settings, Whose, open, open_as,
};
use disk::skip;
use store::{SMALL, Store, lines, whole};

/// Names the folder of the history to a child process.
const CHILD: &str = "CHAT_ROOM_TEST_HISTORY";
const NOTE: &str = "applied";
const ONE_FILE: Settings = Settings { segment_max: 64 << 20, ..SMALL };

fn node(dir: &Path, settings: &Settings) -> Store {
    let mut store = Store::open(dir, settings);
    store.answered = Answered::WhenWritten;
    store
}

#[test]
fn what_is_cut_at_any_byte_comes_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = folder.path();
    let mut store = node(dir, &ONE_FILE);
    store.append_each(3);
    store.note(NOTE).expect("written");
    store.append_each(3);
    // Another node has told that a device has event 8. This one has never seen it.
    store
        .delivered("ann@x 6 2026-01-02T03:04:05.678Z\nann@x 8 2026-01-02T03:04:05.678Z\n")
        .expect("recorded");
    store.snapshot(MembersSnapshot { seq: Seq(6), group: KnownGroup::default() }).expect("recorded");
    store.kill();
    let (noted, all) = (lines(1, 3).len(), lines(1, 6));
    let file = dir.join("000000000001.txt");
    let comes_again = |left: &[u8], what: &str| {
        fs::remove_file(dir.join("clean")).ok();
        fs::write(&file, left).expect("written");
        let opened =
            open_as(dir, &ONE_FILE, Whose::ANodes).unwrap_or_else(|problem| panic!("{what}: {problem}"));
        assert!(opened.tail.last >= Seq(3), "{what}");
        goes_on(opened, 8).unwrap_or_else(|problem| panic!("{what}: {problem}"));
        assert!(whole(dir) == lines(1, 8), "{what}");
        // And for whoever opens it next it is like any other.
        assert_eq!(open(dir, &ONE_FILE).expect("a history").tail.last, Seq(8), "{what}");
    };
    for at in noted..=all.len() {
        comes_again(&all[..at], &format!("cut at {at}"));
    }
    for at in (noted..all.len()).step_by(7) {
        comes_again(&[&all[..at], &vec![0; all.len() - at]].concat(), &format!("zeros from {at}"));
        comes_again(&[&all[..at], &vec![b'\xa5'; all.len() - at]].concat(), &format!("noise from {at}"));
    }
}

/// The stream brings all up to this event, from the note on.
fn goes_on(opened: Opened, last: u64) -> Result<(), Problem> {
    let mut continuing = Continuing::after(opened, Seq(3))?;
    (4..=last).try_for_each(|seq| continuing.take(&lines(seq, 1)))?;
    assert!(continuing.is_compared());
    continuing.close(NOTE, b"")
}

/// In the child: what a node has its history's thread do.
#[test]
fn child() {
    let Some(dir) = std::env::var_os(CHILD) else { return };
    let dir = Path::new(&dir);
    // In one file: each kind of small file, with lines before it; then many lines.
    let mut store = node(&dir.join("one"), &ONE_FILE);
    store.append_each(3);
    store.delivered("ann@x 3 2026-01-02T03:04:05.678Z\n").expect("recorded");
    store.append_each(2);
    store.all_delivered("ann@x 5 2026-01-02T03:04:05.678Z\n").expect("recorded");
    store.append_each(2);
    store.snapshot(MembersSnapshot { seq: Seq(7), group: KnownGroup::default() }).expect("recorded");
    store.append_each(2);
    store.note(NOTE).expect("written");
    for _ in 0..40 {
        assert_eq!(store.append(500), Ok(()));
    }
    store.close().expect("closed");
    // In several.
    let mut store = node(&dir.join("several"), &SMALL);
    store.append_each(40);
    store.close().expect("closed");
}

#[test]
fn nothing_durable_speaks_of_lines_that_are_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(trace) = traced(folder.path()) else { return };
    let (mut unsynced, mut syncs, mut most) = (0, 0, 0);
    for line in trace.lines() {
        let Some((call, path, rest)) = call(line) else { continue };
        let is_segment = path.extension().is_some_and(|extension| extension == "txt");
        match call {
            "pwrite64" if is_segment => {
                let asked = rest.rsplit_once(", ").and_then(|(before, _)| before.rsplit_once(", "));
                unsynced += asked.and_then(|(_, len)| len.parse::<usize>().ok()).expect("a length");
                most = unsynced.max(most);
            }
            "fdatasync" | "fsync" if is_segment => {
                syncs += usize::from(unsynced > 0);
                unsynced = 0;
            }
            // A new segment, too, which is made under its own name.
            "write" | "pwrite64" | "openat" => assert_eq!(unsynced, 0, "{line}"),
            _ => {}
        }
    }
    assert!((HISTORY_SYNC_MAX / 2..=HISTORY_SYNC_MAX).contains(&most), "{most}");
    // Four for small files, one for each file that is full, one at each end, and some for the many lines.
    let files = store::files(&folder.path().join("several")).len();
    let many = whole(&folder.path().join("one")).len() / HISTORY_SYNC_MAX;
    assert!(files > 4 && many > 2);
    assert!((4 + files + many..=4 + files + many + 2).contains(&syncs), "{syncs} for {files} and {many}");
}

/// The calls of the child, if strace is possible.
fn traced(folder: &Path) -> Option<String> {
    let log = folder.join("trace");
    let calls = "trace=pwrite64,write,fdatasync,fsync,openat";
    let own = std::env::current_exe().expect("this program");
    let ran = Command::new("strace")
        .args(["-f", "-y", "-qq", "-s", "0", "-e", calls, "-o"])
        .arg(&log)
        .arg(own)
        .args(["--exact", "child", "--test-threads=1"])
        .env(CHILD, folder)
        .output();
    match ran {
        Ok(output) if output.status.success() => Some(fs::read_to_string(&log).expect("a trace")),
        Ok(output) if !log.exists() || output.status.code() == Some(1) => {
            skip("strace is not possible here");
            None
        }
        Ok(output) => panic!("{}", String::from_utf8_lossy(&output.stdout)),
        Err(_) => {
            skip("strace is not possible here");
            None
        }
    }
}

/// A call that changes a file of the history: its name, the file, and the rest of its arguments.
fn call(line: &str) -> Option<(&str, PathBuf, &str)> {
    let (_, line) = line.split_once(' ')?;
    let (name, arguments) = line.trim_start().split_once('(')?;
    let arguments = arguments.split(" <unfinished").next()?.split(") = ").next()?.trim_end_matches(')');
    let path = match name {
        "openat" if arguments.contains("O_CREAT") => arguments.split('"').nth(1)?,
        "openat" => return None,
        _ => arguments.split_once('<')?.1.split_once('>')?.0,
    };
    let path = PathBuf::from(path);
    let of_history = path.parent()?.file_name()?;
    (of_history == "one" || of_history == "several").then_some((name, path, arguments))
}
