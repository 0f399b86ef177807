//! kill -9 before each system call of a replacement of members.txt, and calls that fail: with strace on a separate process.

#[path = "common/disk.rs"]
mod disk;
#[path = "common/members_file.rs"]
mod members_file;

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use chat_room::room::Change;
use chat_room::server::members::file::read_at_start;
use disk::skip;
use members_file::{FAST, MembersThread, add, beside, phc, remove, reset};
use rustix::fs::{XattrFlags, getxattr, setxattr};
use tempfile::TempDir;

/// Tells the child process which file to use, and that it is the child.
const CHILD: &str = "CHAT_ROOM_TEST_MEMBERS";

const BEFORE: &str = "# kept\r\na@x\tsecret  admin\nb@x secret\n\n  c@x secret admin\n";

/// All calls that a change makes.
const CALLS: [&str; 14] = [
    "readlink",
    "openat",
    "statx",
    "pread64",
    "fchown",
    "flistxattr",
    "fgetxattr",
    "fsetxattr",
    "fchmod",
    "write",
    "fsync",
    "renameat2",
    "unlinkat",
    "close",
];

fn changes() -> [Change; 3] {
    [add("d@x", 1), reset("b@x", 2), remove("a@x")]
}

/// What stands in the file after none, one, two, three changes.
fn states() -> [String; 4] {
    let before = BEFORE.to_owned();
    let added = format!("{before}d@x {}\n", phc(1));
    let reset = added.replace("b@x secret", &format!("b@x {}", phc(2)));
    let removed = reset.replace("a@x\tsecret  admin\n", "");
    [before, added, reset, removed]
}

/// In the child: makes the changes, and says of each what became of it.
#[test]
fn child() {
    let Some(path) = std::env::var_os(CHILD) else { return };
    let mut thread = MembersThread::open(Path::new(&path), FAST);
    let mut out = std::io::stdout();
    for change in changes() {
        writeln!(out, "answer {:?}", thread.change(change)).expect("a pipe");
    }
}

struct Run {
    _folder: TempDir,
    path: PathBuf,
    survived: bool,
    answers: Vec<String>,
}

/// Runs the child on a fresh file with strace doing this to it.
fn run(inject: &str) -> Run {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("members.txt");
    fs::write(&path, &states()[0]).expect("written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("own file");
    // As root the owner is another one, so that keeping it takes a call.
    let _: std::io::Result<()> = chown(&path, Some(12345), Some(54321));
    note(&path);
    let output = strace(inject, &path).expect("strace ran before");
    let text = String::from_utf8(output.stdout).expect("text");
    let answers = text.lines().filter_map(|line| line.split_once("answer ")).map(|(_, rest)| rest.to_owned());
    Run { _folder: folder, path, survived: output.status.success(), answers: answers.collect() }
}

/// Gives the file an attribute, if it can have one.
fn note(path: &Path) {
    let _: rustix::io::Result<()> = setxattr(path, "user.note", b"kept", XattrFlags::empty());
}

fn has_note(path: &Path) -> bool {
    getxattr(path, "user.note", &mut [0; 8]).is_ok()
}

fn strace(inject: &str, path: &Path) -> std::io::Result<Output> {
    let (call, _) = inject.split_once(':').expect("a call, and what is done");
    let own = std::env::current_exe().expect("this program");
    Command::new("strace")
        .args([
            "-f",
            "-qq",
            "-o",
            "/dev/null",
            "-e",
            &format!("trace={call}"),
            "-e",
            &format!("inject={inject}"),
        ])
        .arg(own)
        .args(["--exact", "child", "--nocapture", "--test-threads=1"])
        .env(CHILD, path)
        .output()
}

/// Whether strace is there and may look into processes.
fn can_strace() -> bool {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("members.txt");
    fs::write(&path, &states()[0]).expect("written");
    let can = strace("fsync:delay_enter=1", &path).is_ok_and(|output| output.status.success());
    if !can {
        skip("strace is not possible here");
    }
    can
}

#[test]
fn killed_before_any_call_the_file_is_whole_and_holds_what_was_answered() {
    if !can_strace() {
        return;
    }
    let states = states();
    let mut left = 0;
    let scratch = tempfile::NamedTempFile::new().expect("a file");
    note(scratch.path());
    let noted = has_note(scratch.path());
    for call in CALLS {
        for nth in 1.. {
            let run = run(&format!("{call}:signal=SIGKILL:when={nth}"));
            let at = format!("{call} {nth}");
            assert!(run.answers.iter().all(|answer| answer == "Ok(())"), "{at}: {:?}", run.answers);
            let found = fs::read_to_string(&run.path).expect("the file is there");
            let state = states.iter().position(|state| *state == found);
            let state = state.unwrap_or_else(|| panic!("{at}: {found:?}"));
            // One more may be there: it was made, and the answer was on its way.
            let answered = run.answers.len();
            assert!((answered..=answered + 1).contains(&state), "{at}: {answered} answered, {state} there");
            read_at_start(&run.path).expect("no mistake");
            assert_eq!(fs::metadata(&run.path).expect("a file").mode() & 0o777, 0o640, "{at}");
            assert_eq!(has_note(&run.path), noted, "{at}");
            if run.survived {
                assert_eq!((answered, state), (3, 3), "{at}");
                assert!(
                    nth > 3 || ["readlink", "fchown", "fsetxattr", "fgetxattr"].contains(&call),
                    "{call} is called for each change"
                );
                break;
            }
            left += beside(&run.path).len();
            MembersThread::open(&run.path, FAST);
            assert_eq!(beside(&run.path), Vec::<String>::new(), "{at}: cleared away by the next start");
        }
    }
    assert!(left > 0, "some were killed in the midst of it");
}

#[test]
fn calls_that_fail_leave_the_file_as_it_was() {
    if !can_strace() {
        return;
    }
    let states = states();
    // Of the file, then of the folder: both before anything is answered.
    for nth in [1, 2] {
        let run = run(&format!("fsync:error=EIO:when={nth}"));
        assert!(run.answers[0].starts_with("Err(Storage(\"members.txt: cannot "), "{:?}", run.answers);
        assert_eq!(run.answers[1..], ["Ok(())", "Ok(())"]);
        let without = states[3].replace(&format!("d@x {}\n", phc(1)), "");
        assert_eq!(fs::read_to_string(&run.path).expect("read"), without);
        assert_eq!(beside(&run.path), Vec::<String>::new());
    }
    let mut failing =
        vec!["fsync:error=EIO", "fchmod:error=EPERM", "flistxattr:error=EACCES", "renameat2:error=EBUSY"];
    if rustix::process::geteuid().is_root() {
        failing.push("fchown:error=EPERM");
    }
    for call in failing {
        let run = run(call);
        assert_eq!(run.answers.len(), 3);
        assert!(run.answers.iter().all(|answer| answer.starts_with("Err(Storage(")), "{:?}", run.answers);
        assert_eq!(fs::read_to_string(&run.path).expect("read"), states[0]);
        assert_eq!(beside(&run.path), Vec::<String>::new());
    }
}

#[test]
fn a_filesystem_that_cannot_sync_the_folder_is_synced_as_a_whole() {
    if !can_strace() {
        return;
    }
    // The second is the folder's.
    for (inject, answer) in
        [("fsync:error=EINVAL:when=2", "Ok(())"), ("fsync:error=EIO:when=2", "Err(Storage(")]
    {
        let run = run(inject);
        assert!(run.answers[0].starts_with(answer), "{inject}: {:?}", run.answers);
    }
}

#[test]
fn a_filesystem_without_exchange_is_written_by_renaming() {
    if !can_strace() {
        return;
    }
    for error in ["EINVAL", "ENOSYS"] {
        let run = run(&format!("renameat2:error={error}"));
        assert_eq!(run.answers, ["Ok(())"; 3], "{error}");
        assert_eq!(fs::read_to_string(&run.path).expect("read"), states()[3]);
        assert_eq!(beside(&run.path), Vec::<String>::new());
    }
}
