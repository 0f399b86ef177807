//! No password reaches the disk in a core dump, of either program, while it is asked for one.

mod common;

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use common::disk::{skip, tool};
use common::server::until;
use rustix::process::{Pid, Signal, geteuid, kill_process};

const INIT: [&str; 3] = [env!("CARGO_BIN_EXE_chat-room-server"), "--init", "ann@x"];
const CHAT: [&str; 4] = [env!("CARGO_BIN_EXE_chat-room-client"), "send", "ann@x", "--server"];

/// Runs this after `ulimit -c` with a word, until `is_so` of its folder in /proc; then it is killed.
fn kill_when(before: &[&str], limit: &str, arguments: &[&str], is_so: impl Fn(&Path) -> bool) {
    let folder = tempfile::tempdir().expect("a folder");
    // Where a limit is refused there is a lower one.
    let script = format!("ulimit -c {limit}; exec \"$0\" \"$@\"");
    let line = [before, &["sh", "-c", &script], arguments].concat();
    let mut command = Command::new(line[0]);
    command.args(&line[1..]).current_dir(folder.path()).stdin(Stdio::piped()).stderr(Stdio::null());
    command.env("CHAT_ROOM_PASSWORD", "ann-secret");
    let mut child: Child = command.spawn().expect("a program");
    let proc = Path::new("/proc").join(child.id().to_string());
    until("core dumps are off", || is_so(&proc));
    kill_process(Pid::from_child(&child), Signal::ABORT).expect("it waits for input");
    let status = child.wait().expect("it is our child");
    assert_eq!(status.signal(), Some(Signal::ABORT.as_raw()));
    assert!(!status.core_dumped());
}

fn is_limited(proc: &Path) -> bool {
    let limits = fs::read_to_string(proc.join("limits")).unwrap_or_default();
    limits.lines().any(|line| {
        line.starts_with("Max core file size") && line.split_whitespace().skip(4).take(2).eq(["1", "1"])
    })
}

#[test]
fn a_program_that_asks_for_a_password_leaves_no_core() {
    kill_when(&[], "unlimited", &INIT, is_limited);
    // A server that takes nobody in: the client has its password, and waits.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let addr = silent.local_addr().expect("it is bound").to_string();
    kill_when(&[], "unlimited", &[&CHAT[..], &[&addr]].concat(), is_limited);
}

#[test]
fn a_limit_that_cannot_be_raised_is_none_for_a_pipe() {
    // A limit of 0 keeps a core from a file, not from the program that `core_pattern` may name. Only root may raise it.
    let other: &[&str] =
        if geteuid().is_root() { &["setpriv", "--reuid=65534", "--clear-groups"] } else { &[] };
    let program = format!("{} {} --version", other.join(" "), INIT[0]);
    if !tool(program.trim_start()) {
        return skip("nobody else than root may run the server here");
    }
    // What must not be dumped is root's in /proc (proc(5)).
    let is_closed = |proc: &Path| {
        let is_server = fs::read_to_string(proc.join("comm")).is_ok_and(|name| name.starts_with("chat-room"));
        is_server && fs::metadata(proc.join("environ")).is_ok_and(|meta| meta.uid() == 0)
    };
    kill_when(other, "0", &INIT, is_closed);
}
