//! `--check` says what it has checked, and warns if the server probably runs in another context.

mod common;

use std::fs;
use std::os::unix::fs::chown;
use std::path::Path;
use std::process::Command;

use common::disk::{skip, tool};
use common::peer::Peer;
use common::server::{GROUP, Server, folder_with, members_txt};
use rustix::process::Signal;

/// What it says on both streams, and how it ends.
fn check(folder: &Path, arguments: &[&str]) -> (String, String, Option<i32>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chat-room-server"));
    let output = command.current_dir(folder).arg("--check").args(arguments).output().expect("it runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (text(output.stdout), text(output.stderr), output.status.code())
}

#[test]
fn the_first_line_is_what_was_looked_at() {
    let folder = folder_with(&members_txt(&GROUP));
    let (said, _, code) = check(folder.path(), &["--tls-listen", "127.0.0.1:0", "--listen", "127.0.0.1:0"]);
    let (uid, path) = (rustix::process::geteuid().as_raw(), folder.path().canonicalize().expect("a folder"));
    let path = path.display();
    let first = said.lines().next().expect("a line");
    assert!(first.starts_with("checked as ") && first.contains(&uid.to_string()), "{first}");
    let rest = format!(
        ": --members {path}/members.txt --history {path}/history --listen 127.0.0.1:0 --tls-listen 127.0.0.1:0 \
         with {path}/self-signed.pem"
    );
    assert!(first.ends_with(&rest) && code == Some(0), "{first}");
}

#[test]
fn what_is_counted_is_one_or_many() {
    let mut server = Server::with(&members_txt(&["ann"]), &[]);
    let mut ann = Peer::member(server.addr(), "ann@x");
    let folder = server.history().parent().expect("a folder").to_owned();
    let check = |events: &str| {
        let (said, _, code) = check(&folder, &["--listen", "127.0.0.1:0"]);
        assert!(code == Some(0) && said.contains("members.txt: 1 member, no mistakes\n"), "{said}");
        assert!(said.contains(&format!("history: {events}, no mistakes\n")), "{said}");
    };
    check("no events in 1 file of 0 bytes");
    for n in 1..=2 {
        ann.say("MSG a");
        ann.expect(&format!("OK MSG {n} <time>"));
    }
    server.stop();
    let bytes = |name: &str| fs::metadata(server.history().join(name)).expect("a file").len();
    check(&format!("events 1 to 2 in 1 file of {} bytes", bytes("000000000001.txt")));
}

#[test]
fn a_server_that_runs_with_other_options_is_told() {
    let server = Server::with(&members_txt(&GROUP), &["--rate", "7"]);
    let (members, history) = (server.members().display().to_string(), server.history().display().to_string());
    let here = std::env::current_dir().expect("a folder");
    let pid = server.pid().as_raw_nonzero();
    let told = format!("process {pid} runs on this history with other options: --members {members} ");
    let (_, said, code) =
        check(&here, &["--members", &members, "--history", &history, "--listen", "127.0.0.1:0"]);
    assert!(code == Some(0) && said.contains(&told), "{said}");
    // Under other names the same.
    let folder = Path::new(&members).parent().expect("a folder");
    let same = [
        "--history",
        "./history",
        "--rate",
        "7",
        "--max-connections-per-member",
        "100000",
        "--listen",
        "127.0.0.1:0",
    ];
    let (_, said, code) = check(folder, &same);
    assert!(code == Some(0) && !said.contains("runs on this history"), "{said}");
}

#[test]
fn root_is_told_whose_the_files_are() {
    if !rustix::process::geteuid().is_root() {
        return skip("only root can give files away");
    }
    let folder = folder_with(&members_txt(&GROUP));
    let options = ["--listen", "127.0.0.1:0"];
    let (_, said, _) = check(folder.path(), &options);
    assert!(!said.contains("belong"), "{said}");
    let history = folder.path().join("history");
    fs::create_dir(&history).expect("made");
    for path in [folder.path(), &folder.path().join("members.txt"), &history] {
        chown(path, Some(65534), None).expect("root may");
    }
    let (_, said, code) = check(folder.path(), &options);
    let told = "\nmembers.txt, history: belong to nobody (65534); a server run by that user may find \
                problems that root (0) does not\n";
    assert!(code == Some(0) && said.contains(told), "{said}");

    // The server of somebody else.
    let program = env!("CARGO_BIN_EXE_chat-room-server");
    if !tool(&format!("setpriv --reuid=65534 --clear-groups {program} --version")) {
        return skip("nobody else than root may run the server here");
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--clear-groups", program]);
    let mut server = Server::launch_in(folder, command, "127.0.0.1:0", &[]);
    let (history, folder) = (server.history(), server.members());
    let (_, said, code) = check(history.parent().or(folder.parent()).expect("a folder"), &options);
    let pid = server.pid().as_raw_nonzero();
    let told = format!("process {pid} runs on this history as nobody (65534): check as that user\n");
    assert!(code == Some(0) && said.contains(&told), "{said}");
    server.signal(Signal::TERM);
    assert_eq!(server.wait().code(), Some(0));
}

/// What a program says whose standard output is a full disk.
fn on_a_full_disk(arguments: &[&str], folder: &Path) -> (String, Option<i32>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chat-room-server"));
    let full = fs::File::options().write(true).open("/dev/full").expect("Linux");
    let output = command.current_dir(folder).args(arguments).stdout(full).output().expect("it runs");
    (String::from_utf8_lossy(&output.stderr).into_owned(), output.status.code())
}

#[test]
fn output_that_cannot_be_written_is_a_failure() {
    let folder = folder_with(&members_txt(&GROUP));
    for arguments in [&["--help"][..], &["--version"], &["--check", "--listen", "127.0.0.1:0"]] {
        let (said, code) = on_a_full_disk(arguments, folder.path());
        let told = "chat-room-server: the output cannot be written: No space left on device";
        assert!(code == Some(1) && said.contains(told), "{arguments:?} {code:?} {said}");
    }
    let mut client = Command::new(env!("CARGO_BIN_EXE_chat-room-client"));
    let full = fs::File::options().write(true).open("/dev/full").expect("Linux");
    assert_eq!(client.arg("--help").stdout(full).output().expect("it runs").status.code(), Some(1));
}

/// What waits for another process to open its other end.
#[test]
fn no_start_waits_for_the_other_end_of_a_fifo() {
    let folder = folder_with(&members_txt(&GROUP));
    let made = Command::new("mkfifo").arg(folder.path().join("fifo")).status().expect("coreutils");
    assert!(made.success());
    let (listen, tls) = (["--listen", "127.0.0.1:0"], ["--tls-listen", "127.0.0.1:0"]);
    for (options, told) in [
        (&["--log-file", "fifo"][..], "the log cannot be opened: nobody reads this FIFO"),
        (&["--members", "fifo"], "fifo: is not a file"),
        (&[&tls[..], &["--tls-cert", "fifo", "--tls-key", "fifo"]].concat(), "fifo: is not a file"),
    ] {
        for check in [&["--check"][..], &[]] {
            let mut command = Command::new(env!("CARGO_BIN_EXE_chat-room-server"));
            command.current_dir(folder.path()).args(check).args(listen).args(options);
            let output = command.output().expect("it runs");
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.code() == Some(1) && said.contains(told), "{check:?} {options:?}: {said}");
        }
    }
    // With a reader it is a log like any other.
    let reader = fs::File::options().read(true).write(true).open(folder.path().join("fifo")).expect("a FIFO");
    let mut command = Command::new(env!("CARGO_BIN_EXE_chat-room-server"));
    command.current_dir(folder.path()).args(listen).args(["--log-file", "fifo"]);
    let mut server = command.spawn().expect("a server");
    let (mut said, mut line) = (std::io::BufReader::new(reader), String::new());
    while !line.contains("listening on ") {
        line.clear();
        assert!(std::io::BufRead::read_line(&mut said, &mut line).expect("text") > 0, "it serves");
    }
    server.kill().expect("it runs");
    server.wait().expect("our child");
}
