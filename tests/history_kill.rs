//! kill -9 before each system call of the history's start and of its writer, and calls that fail: with strace on a separate
//! process.
//!
//! strace counts the calls of each thread. For the start it counts from the process's first call; for the writer it attaches
//! after the start.
//!
//! Longer than 350 lines: the child, the parent and the oracle belong together.

#[path = "common/disk.rs"]
mod disk;
#[path = "common/store.rs"]
mod store;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use chat_room::room::KnownGroup;
use chat_room::server::log::local::{AppendError, MembersSnapshot, Settings};
use disk::skip;
use store::{SMALL, Store, age, check, files, line, lines, look, names, whole};
use tempfile::TempDir;

/// Tells the child process which folder to use, and that it is the child.
const CHILD: &str = "CHAT_ROOM_TEST_HISTORY";

/// Tells it to wait for a line on standard input when it has opened the history.
const WAIT: &str = "CHAT_ROOM_TEST_WAIT";

/// What the child appends.
const COUNT: usize = 12;

/// All calls that touch the files.
const CALLS: [&str; 14] = [
    "mkdir",
    "openat",
    "flock",
    "ftruncate",
    "statx",
    "read",
    "pread64",
    "write",
    "pwrite64",
    "fsync",
    "fdatasync",
    "rename",
    "unlink",
    "close",
];

fn say(what: &str) {
    writeln!(std::io::stdout(), "answer {what}").expect("a pipe");
}

/// In the child: opens, appends, notes so that old files are dropped, closes, and says what came of each.
#[test]
fn child() {
    let Some(path) = std::env::var_os(CHILD) else { return };
    let settings = Settings { keep_days: Some(30), ..SMALL };
    let mut store = Store::open(Path::new(&path), &settings);
    if std::env::var_os(WAIT).is_some() {
        say("opened");
        std::io::stdin().read_line(&mut String::new()).expect("a pipe");
    }
    let before = store.last.0;
    for _ in 0..COUNT {
        say(&match store.append(1) {
            Ok(()) => format!("stored {}", store.last),
            Err(AppendError::Failed(what)) => format!("failed {what}"),
            Err(AppendError::Fatal(what)) => format!("fatal {what}"),
        });
    }
    let (last, all_stored) = (store.last, store.last.0 == before + COUNT as u64);
    age(Path::new(&path));
    say(&format!("delivered {:?}", store.delivered("ann@x 1 2026-01-02T03:04:05.678Z\n")));
    say(&format!(
        "snapshot {:?}",
        store.snapshot(MembersSnapshot { seq: last, group: KnownGroup::default() })
    ));
    if all_stored {
        store.drops_until(|_| files(Path::new(&path)).len() == 1);
    }
    say(&format!("closed {:?}", store.close()));
}

struct Run {
    folder: TempDir,
    survived: bool,
    answers: Vec<String>,
}

impl Run {
    fn dir(&self) -> PathBuf {
        self.folder.path().join("history")
    }

    /// The last event that was said to be stored.
    fn stored(&self) -> u64 {
        let mut stored = self.answers.iter().filter_map(|answer| answer.strip_prefix("stored "));
        stored.next_back().map_or(0, |seq| seq.parse().expect("a number"))
    }
}

/// What the child begins with.
#[derive(Clone, Copy, PartialEq)]
enum Before {
    Nothing,
    /// Some files with 20 events, the end torn.
    Torn,
}

/// Which calls are counted.
#[derive(Clone, Copy, PartialEq)]
enum From {
    /// All.
    Start,
    /// The answers after the opening.
    Opened,
}

/// Runs the child with strace doing this to it.
fn run(before: Before, from: From, inject: &str) -> Run {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = folder.path().join("history");
    if before == Before::Torn {
        let mut store = Store::open(&dir, &SMALL);
        store.append_each(20);
        store
            .delivered("ann@x 1 2026-01-02T03:04:05.678Z\nann@x 2 2026-01-02T03:04:05.678Z\n")
            .expect("recorded");
        store.kill();
        let last = files(&dir).pop().expect("one");
        let mut file = fs::OpenOptions::new().append(true).open(last).expect("a file");
        file.write_all(&line(21)[..30]).expect("written");
    }
    let (survived, text) = match from {
        From::Start => from_start(inject, &dir),
        From::Opened => from_opened(inject, &dir),
    };
    let answers = text.lines().filter_map(|line| line.split_once("answer ")).map(|(_, rest)| rest.to_owned());
    Run { survived, answers: answers.collect(), folder }
}

const CHILD_ARGS: [&str; 4] = ["--exact", "child", "--nocapture", "--test-threads=1"];

fn own() -> PathBuf {
    std::env::current_exe().expect("this program")
}

fn strace(inject: &str) -> Command {
    let (call, _) = inject.split_once(':').expect("a call, and what is done");
    let (call, inject) = (format!("trace={call}"), format!("inject={inject}"));
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-o", "/dev/null", "-e", &call, "-e", &inject]);
    command
}

fn from_start(inject: &str, dir: &Path) -> (bool, String) {
    let output =
        strace(inject).arg(own()).args(CHILD_ARGS).env(CHILD, dir).output().expect("strace ran before");
    (output.status.success(), String::from_utf8(output.stdout).expect("text"))
}

fn from_opened(inject: &str, dir: &Path) -> (bool, String) {
    let mut child = Command::new(own())
        .args(CHILD_ARGS)
        .env(CHILD, dir)
        .env(WAIT, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("this program");
    let mut out = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut text = String::new();
    while !text.contains("answer opened") {
        assert_ne!(out.read_line(&mut text).expect("text"), 0, "{text}");
    }
    text.clear();
    let mut strace = strace(inject).arg("-p").arg(child.id().to_string()).spawn().expect("strace ran before");
    until_traced(&child, &mut strace);
    // It may be dead before it has read all of it.
    let _: std::io::Result<()> = child.stdin.take().expect("a pipe").write_all(b"go on\n");
    out.read_to_string(&mut text).expect("text");
    let status = child.wait().expect("own child");
    strace.wait().expect("own child");
    (status.success(), text)
}

/// Waits until each of its threads is traced, or dead: attaching makes the waiting call count again.
fn until_traced(child: &Child, strace: &mut Child) {
    let deadline = Instant::now() + Duration::from_secs(20);
    let tasks = PathBuf::from(format!("/proc/{}/task", child.id()));
    let traced = |task: &Path| {
        let status = fs::read_to_string(task.join("status"));
        !status.is_ok_and(|status| status.contains("TracerPid:\t0\n"))
    };
    while strace.try_wait().expect("own child").is_none() {
        assert!(Instant::now() < deadline, "attached in time");
        let mut threads = fs::read_dir(&tasks).expect("not waited for yet");
        if threads.all(|task| task.is_ok_and(|task| traced(&task.path()))) {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Whether strace is missing, or may not look into processes that are there already.
fn cannot_strace() -> bool {
    let mut sleeper = Command::new("sleep").arg("60").spawn().expect("sleep is everywhere");
    let probe =
        strace("fsync:delay_enter=1").arg("-p").arg(sleeper.id().to_string()).stderr(Stdio::null()).spawn();
    let can = probe.is_ok_and(|mut strace| {
        let deadline = Instant::now() + Duration::from_secs(20);
        while Instant::now() < deadline && strace.try_wait().expect("own child").is_none() {
            let status = fs::read_to_string(format!("/proc/{}/status", sleeper.id())).expect("a process");
            if !status.contains("TracerPid:\t0\n") {
                return true;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        false
    });
    sleeper.kill().expect("own child");
    sleeper.wait().expect("own child");
    if !can {
        skip("strace is not possible here");
    }
    !can
}

/// The next start succeeds; nothing that was stored is missing, and nothing has a hole.
fn goes_on(run: &Run, at: &str) {
    let dir = &run.dir();
    let opened = look(dir, &SMALL).unwrap_or_else(|problem| panic!("{at}: {problem}"));
    let (first, last) = opened.segments.kept();
    let (first, last) = (first.0, last.0);
    assert!(run.stored() <= last, "{at}: {} was stored, {last} is there", run.stored());
    assert!(first == 1 || opened.snapshot.is_some(), "{at}: nothing is dropped that no snapshot covers");
    let mut store = Store::start(dir, opened);
    store.append_each(3);
    store.close().expect("closed");
    assert!(whole(dir) == lines(first, last + 4 - first), "{at}");
    check(dir).unwrap_or_else(|problems| panic!("{at}: {problems:?}"));
    let unfinished =
        names(dir).into_iter().find(|name| Path::new(name).extension().is_some_and(|e| e == "new"));
    assert_eq!(unfinished, None, "{at}");
}

fn killed_before_any_call(before: Before, from: From, at_least: usize) {
    if cannot_strace() {
        return;
    }
    let mut died = 0;
    for call in CALLS {
        for nth in 1.. {
            let at = format!("{call} {nth}");
            let run = run(before, from, &format!("{call}:signal=SIGKILL:when={nth}"));
            if run.survived {
                let last = if before == Before::Torn { 20 } else { 0 } + COUNT as u64;
                assert_eq!(run.stored(), last, "{at}");
                assert_eq!(run.answers[COUNT..], ["delivered Ok(())", "snapshot Ok(())", "closed Ok(())"]);
                goes_on(&run, &at);
                break;
            }
            died += 1;
            if run.dir().exists() {
                goes_on(&run, &at);
            }
        }
    }
    assert!(died >= at_least, "{died}");
}

#[test]
fn killed_while_a_new_one_is_made() {
    killed_before_any_call(Before::Nothing, From::Start, 60);
}

#[test]
fn killed_while_a_torn_one_is_mended() {
    killed_before_any_call(Before::Torn, From::Start, 80);
}

#[test]
fn killed_while_writing() {
    killed_before_any_call(Before::Torn, From::Opened, 60);
}

#[test]
fn a_write_that_fails_is_taken_back() {
    if cannot_strace() {
        return;
    }
    let run = run(Before::Nothing, From::Opened, "pwrite64:error=EIO:when=3");
    assert!(
        run.answers[2].starts_with("failed /")
            && run.answers[2].contains("/history/000000000001.txt: cannot write to it: "),
        "{:?}",
        run.answers
    );
    assert_eq!((run.stored(), run.answers[COUNT + 2].as_str()), (COUNT as u64 - 1, "closed Ok(())"));
    goes_on(&run, "a failed write");
}

#[test]
fn a_sync_that_fails_is_the_end() {
    if cannot_strace() {
        return;
    }
    let run = run(Before::Nothing, From::Opened, "fdatasync:error=EIO:when=3");
    assert_eq!(run.answers[..2], ["stored 1", "stored 2"]);
    for answer in &run.answers[2..COUNT] {
        assert!(
            answer.starts_with("fatal /") && answer.contains("/history/000000000001.txt: cannot sync it: "),
            "{answer}"
        );
    }
    assert!(run.answers[COUNT + 2].starts_with("closed Err("), "{:?}", run.answers);
    goes_on(&run, "a failed sync");
}

#[test]
fn a_new_file_that_cannot_be_synced_is_the_end() {
    if cannot_strace() {
        return;
    }
    // The file, then its folder.
    for nth in [1, 2] {
        let run = run(Before::Nothing, From::Opened, &format!("fsync:error=EIO:when={nth}"));
        let fatal = run.answers.iter().position(|answer| answer.starts_with("fatal ")).expect("one");
        assert!(run.answers[fatal].contains(".txt: cannot sync it: "), "{:?}", run.answers);
        assert_eq!((fatal as u64, &run.answers[COUNT][..9]), (run.stored(), "delivered"));
        goes_on(&run, "a new file that is not safe");
    }
}

#[test]
fn a_start_that_fails_spoils_nothing() {
    if cannot_strace() {
        return;
    }
    for before in [Before::Nothing, Before::Torn] {
        // A mode that cannot be kept is made a stricter one: a start fails over that if neither can be set.
        for (call, and_after) in [("fsync", ""), ("rename", ""), ("unlink", ""), ("fchmod", "+")] {
            let mut refused = 0;
            for nth in 1.. {
                let run = run(before, From::Start, &format!("{call}:error=EIO:when={nth}{and_after}"));
                if !run.answers.is_empty() {
                    break;
                }
                refused += 1;
                goes_on(&run, &format!("{call} {nth}"));
            }
            assert!(refused > 0 || before == Before::Nothing, "{call} is a call of mending");
        }
    }
}
