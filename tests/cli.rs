//! The server's command line: output, exit status, and the files it leaves.
//!
//! Longer than 350 lines: independent tests, one run of the program each.

mod common;

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use chat_room::options::flags::flags;
use common::disk::{Disk, skip, tool};
use common::peer::Peer;
use common::running::Running;
use common::server::{GROUP, Server, cheap_hash, folder_with, members_txt, until_holds};
use common::talk::Talk;
use rustix::process::Signal;

/// Runs the server in a folder, with this input, until it ends by itself.
fn run(folder: &Path, arguments: &str, input: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chat-room-server"));
    command.current_dir(folder).args(arguments.split_whitespace());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("a server");
    // A program that does not want input may have ended already.
    let _ = child.stdin.take().expect("it is piped").write_all(input.as_bytes());
    child.wait_with_output().expect("a server that was started")
}

/// Runs it, and compares how it ends: the exit code, and what it says on both streams; `…` stands for anything.
#[track_caller]
fn check(folder: &Path, arguments: &str, input: &str, code: i32, stdout: &str, stderr: &str) {
    let output = run(folder, arguments, input);
    let said = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
    let (out, err) = (said(&output.stdout), said(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{arguments}: {out}{err}");
    let out = match out.split_once('\n') {
        Some((context, rest)) if context.starts_with("checked as ") => rest.to_owned(),
        _ => out,
    };
    assert!(common::peer::fits(stdout, &out), "{arguments} says on standard output: {out}");
    assert!(common::peer::fits(stderr, &err), "{arguments} says on standard error: {err}");
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

#[test]
fn help_and_version() {
    let folder = folder();
    let version = format!("chat-room-server {}\n", env!("CARGO_PKG_VERSION"));
    for option in ["-V", "--version", "--version --listen here"] {
        check(folder.path(), option, "", 0, &version, "");
    }
    for option in ["-h", "--help"] {
        check(folder.path(), option, "", 0, "…Usage: chat-room-server [OPTIONS]…", "");
        let help = String::from_utf8(run(folder.path(), option, "").stdout).expect("text");
        for flag in flags() {
            assert!(help.contains(&format!("--{} ", flag.long)), "the help misses --{}: {help}", flag.long);
        }
        assert!(help.lines().all(|line| line.len() <= 80), "for a terminal of 80 columns: {help}");
    }
}

#[test]
fn usage_errors_name_the_option() {
    let folder = folder();
    for (arguments, named) in [
        ("--listen here", "--listen"),
        ("--listen 127.0.0.1", "--listen"),
        ("--listen 0.0.0.0:0", "--plaintext-anyway"),
        ("--listen [::]:0", "--plaintext-anyway"),
        ("--max-line 10", "--max-line"),
        ("--max-line 1000000", "--max-line"),
        ("--max-connections 0", "--max-connections"),
        ("--max-connections -3", "--max-connections"),
        ("--max-connections-per-member 0", "--max-connections-per-member"),
        ("--rate fast", "--rate"),
        ("--burst 0", "--burst"),
        ("--max-connections-per-address 0", "--max-connections-per-address"),
        ("--max-connections-before-login 0", "--max-connections-before-login"),
        ("--window 1K", "--window"),
        ("--window much", "--window"),
        ("--login-timeout 0", "--login-timeout"),
        ("--log-level loud", "--log-level"),
        ("--log-format xml", "--log-format takes text or json"),
        ("--past some", "--past takes own or all"),
        ("--init ann@x --past all", "--past"),
        ("--init nobody", "--init"),
        ("--dance", "'dance'"),
        ("--members", "'members'"),
        ("--members=", "--members takes FILE, not ''"),
        ("--history=", "--history takes DIR, not ''"),
        ("--check --log-file=", "--log-file takes FILE, not ''"),
        ("--backup=", "--backup takes DIR, not ''"),
        ("--check --check", "'check'"),
        ("--check --init ann@x", "--check"),
        ("--check --listen 0.0.0.0:7667", "--plaintext-anyway"),
        ("--check --history none --keep-days 3", "--keep-days"),
        ("--check --rate 0 --burst 3", "--burst"),
        ("--init ann@x --log-file log.txt", "--log-file"),
        ("--init ann@x --plaintext-anyway", "--plaintext-anyway"),
        ("serve", "'serve'"),
    ] {
        check(folder.path(), arguments, "", 2, "", &format!("chat-room-server: …{named}…\n"));
        let said = String::from_utf8(run(folder.path(), arguments, "").stderr).expect("text");
        assert_eq!(said.lines().count(), 1, "{arguments}: {said}");
    }
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0, "nothing was made");
}

#[test]
fn an_argument_that_is_no_text_is_a_usage_error() {
    use std::os::unix::ffi::OsStrExt as _;
    let folder = folder();
    let mut command = Command::new(env!("CARGO_BIN_EXE_chat-room-server"));
    let path = std::ffi::OsStr::from_bytes(b"m\xffmbers.txt");
    command.current_dir(folder.path()).arg("--members").arg(path).arg("--check");
    let output = command.output().expect("a server");
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).expect("text");
    assert_eq!(said, "chat-room-server: the argument 'm\u{fffd}mbers.txt' is not UTF-8 (see --help)\n");
}

#[test]
fn failures_are_one_sentence() {
    let folder = folder();
    let members = folder.path().join("members.txt");
    let listen = "--listen 127.0.0.1:0";
    check(
        folder.path(),
        listen,
        "",
        1,
        "",
        "chat-room-server: members.txt: does not exist; --init MAIL makes it, with an admin\n",
    );
    fs::write(&members, "").expect("written");
    fs::set_permissions(&members, fs::Permissions::from_mode(0o600)).expect("ours");
    for (text, sentence) in [
        ("", "members.txt: it has no members"),
        ("# nobody\n", "members.txt: it has no members"),
        ("ann@x ann-secret\n", "members.txt: nobody in it is an admin…"),
        ("ann@x ann-secret admin\n\nbob\n", "members.txt:3: …"),
        ("ann@x ann-secret admin\nANN@x other-secret\n", "members.txt:2: two entries for ann@x…"),
        ("ann@x $argon2id$oops admin\n", "members.txt:1: the password of ann@x: …"),
    ] {
        fs::write(&members, text).expect("written");
        let sentence = format!("chat-room-server: {sentence}\n");
        check(folder.path(), listen, "", 1, "", &sentence);
        check(
            folder.path(),
            "--check --listen 127.0.0.1:0",
            "",
            1,
            "history: does not exist yet…",
            &sentence,
        );
        assert_eq!(fs::read_to_string(&members).expect("a file"), text);
    }
    fs::write(&members, members_txt(&["ann"])).expect("written");
    // The folder as it was named, not its last part alone.
    let history = "…chat-room-server: no/such/history: cannot be made: …\n";
    check(folder.path(), &format!("{listen} --history no/such/history"), "", 1, "", history);
    check(
        folder.path(),
        "--log-file no/such/folder",
        "",
        1,
        "",
        "chat-room-server: --log-file no/such/folder: the log cannot be opened: …\n",
    );
    let taken = Server::start();
    let listen = format!("--listen {} --log-level off", taken.addr());
    let sentence = format!("chat-room-server: cannot serve: {}: Address already in use…\n", taken.addr());
    check(folder.path(), &listen, "", 1, "", &sentence);
}

#[test]
fn init_makes_a_file_that_lets_the_admin_in() {
    let folder = folder();
    let members = folder.path().join("members.txt");
    let ended = "chat-room-server: the password is read twice, and the input ended before\n";
    for input in ["", "ann-secret\n"] {
        check(folder.path(), "--init ann@x", input, 1, "", ended);
    }
    check(
        folder.path(),
        "--init ann@x",
        "short\nshort\n",
        1,
        "",
        "chat-room-server: a password has 6 to 1024 bytes…\n",
    );
    check(
        folder.path(),
        "--init ann@x",
        "ann-secret\nann-sekret\n",
        1,
        "",
        "chat-room-server: the two passwords differ…\n",
    );
    assert!(!members.exists());
    let made = "members.txt: made, with ann@x as admin; the next start serves this group\n";
    check(folder.path(), "--init Ann@X", "ann-secret\r\nann-secret", 0, made, "");
    let text = fs::read_to_string(&members).expect("it was made");
    assert!(text.contains("\nann@x $argon2id$v=19$m=19456,t=2,p=1$") && text.ends_with(" admin\n"), "{text}");
    assert_eq!(fs::metadata(&members).expect("a file").permissions().mode() & 0o7777, 0o600);
    let right = "members.txt: 1 member, no mistakes\nhistory: does not exist yet, a start makes it\n";
    check(folder.path(), "--check --listen 127.0.0.1:0", "", 0, right, "");
    let refused = "chat-room-server: members.txt: exists already, and is left as it is\n";
    // Told before a password is asked for.
    for input in ["bob-secret\nbob-secret\n", ""] {
        check(folder.path(), "--init bob@x", input, 1, "", refused);
    }
    assert_eq!(fs::read_to_string(&members).expect("a file"), text);
    let nowhere = folder.path().join("link.txt");
    std::os::unix::fs::symlink("no/such/file", &nowhere).expect("a link");
    let refused = "chat-room-server: link.txt: exists already, and is left as it is\n";
    check(folder.path(), "--init bob@x --members link.txt", "", 1, "", refused);

    let mut talk = Talk::with(Server::with(&text, &[]));
    talk.play("ann:\nann> ADD bob@x bob-secret\nann< OK ADD bob@x");
    check(folder.path(), "--init kim@x --members kim.txt", "kim-secret\nkim-secret\n", 0, "…", "…");
    assert!(folder.path().join("kim.txt").exists());
}

/// At the first prompt and at the second.
#[test]
fn a_signal_at_the_prompt_leaves_the_terminal_as_it_was() {
    for keys in ["half\x03", "ann-secret\nhalf\x03"] {
        let folder = folder();
        let mut shell = Command::new("bash");
        shell.current_dir(folder.path()).env("SERVER", env!("CARGO_BIN_EXE_chat-room-server"));
        let script = "trap : INT; stty -a > before; $SERVER --init ann@x; echo exit $?; stty -a > after";
        shell.args(["--norc", "--noprofile", "-c", script]);
        let mut window = rexpect::session::spawn_command(shell, Some(20_000)).expect("a pseudo-terminal");
        for (prompt, key) in ["first admin: ", "Once more: "].iter().zip(keys.split_inclusive('\n')) {
            window.exp_string(prompt).expect("a prompt");
            window.send(key).and_then(|_| window.flush()).expect("the terminal takes keys");
        }
        window.exp_string("exit 130").expect("the signal ends it");
        window.exp_eof().expect("the shell ends");
        let mode = |name: &str| fs::read_to_string(folder.path().join(name)).expect("stty wrote it");
        assert_eq!(mode("after"), mode("before"));
        assert!(!folder.path().join("members.txt").exists());
    }
}

#[test]
fn check_reads_and_changes_nothing() {
    let folder = folder();
    let members = folder.path().join("members.txt");
    let text = members_txt(&GROUP) + "kim@x typed-by-hand\n";
    fs::write(&members, &text).expect("written");
    let weak = "members.txt:1: the hash of ann@x is weak;…\nmembers.txt:2: …";
    let right = "members.txt: 6 members, no mistakes\nhistory: …";
    check(folder.path(), "--check --listen 127.0.0.1:0", "", 0, right, weak);
    assert_eq!(fs::read_to_string(&members).expect("a file"), text);
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1);
}

#[test]
fn check_tells_what_is_unwise_and_all_that_is_wrong() {
    let folder = folder();
    let path = |name: &str| folder.path().join(name);
    let chmod = |name: &str, mode| {
        fs::set_permissions(path(name), fs::Permissions::from_mode(mode)).expect("ours");
    };
    let server = "--tls-listen 127.0.0.1:0 --listen 127.0.0.1:0 --log-file log/server.log --max-connections 2000000000";
    fs::write(path("members.txt"), "ann@x ann-secret admin\n").expect("written");
    fs::create_dir(path("history")).expect("a folder");
    fs::write(path("history/key"), "ab".repeat(32) + "\n").expect("written");
    fs::create_dir(path("log")).expect("a folder");
    for (name, mode) in [("members.txt", 0o644), ("history", 0o755), ("history/key", 0o640)] {
        chmod(name, mode);
    }
    let unwise = "members.txt: others can read it…\nhistory/key: others can read it…\n\
                  history: others can read what was said…\n--max-connections 2000000000: there are descriptors for …\n";
    let options = format!("--check {server}");
    check(folder.path(), &options, "", 0, "members.txt: 1 member, no mistakes\n…", unwise);
    // It made nothing: no certificate, no log.
    assert!(!path("self-signed.pem").exists() && !path("log/server.log").exists());

    chmod("members.txt", 0o666);
    chmod("history", 0o777);
    chmod(".", 0o777);
    fs::write(path("members.txt"), "ann@x\n").expect("written");
    fs::write(path("history/key"), "no key\n").expect("written");
    fs::write(path("key.pem"), "no key\n").expect("written");
    fs::remove_dir(path("log")).expect("removed");
    chmod("key.pem", 0o604);
    let wrong = "members.txt: others can write it…\n.: others can put a members file…\n\
                 history/key: others can read it…\nhistory: others can write here…\n\
                 key.pem: others can read the key…\n--max-connections …\n\
                 members.txt:1: …\nhistory/key:1: …\nkey.pem: …\n\
                 log/server.log: does not exist, and this user cannot make it\nchat-room-server: 4 mistakes\n";
    let options = format!("{options} --tls-cert key.pem --tls-key key.pem");
    check(folder.path(), &options, "", 1, "", wrong);
}

#[test]
fn check_tells_who_has_the_address() {
    let server = Server::start();
    let (members, history) = (server.members(), server.history());
    let options =
        |history: &str| format!("--check --members {} --history {history} --listen", members.display());
    let (running, addr) = (options(&history.display().to_string()), server.addr());
    let folder = folder();
    let used = "Address already in use";
    // Before a restart, and before SIGHUP.
    check(
        folder.path(),
        &format!("{running} {addr}"),
        "",
        0,
        &format!("…--listen {addr}: in use by the server that runs on this history\n"),
        "…",
    );
    let sentence = format!("…chat-room-server: --listen {addr}: {used}…\n");
    check(folder.path(), &format!("{} {addr}", options("history")), "", 1, "…", &sentence);
    let sentence = format!("…\n--listen {addr}: {used}…; by the server that is to be restarted?\n");
    check(folder.path(), &format!("{} {addr}", options("none")), "", 0, "…", &sentence);
    let (free, sentence) =
        ("192.0.2.1:7667 --plaintext-anyway", "…chat-room-server: --listen 192.0.2.1:7667: Cannot assign…\n");
    check(folder.path(), &format!("{running} {free}"), "", 1, "…", sentence);
    drop(server);
}

#[test]
fn check_tells_what_a_start_could_not_make_or_write() {
    let folder = folder();
    fs::write(folder.path().join("members.txt"), members_txt(&["ann"])).expect("written");
    let options = "--check --listen 127.0.0.1:0 --tls-listen 127.0.0.1:0";
    let right = "members.txt: 1 member, no mistakes\nhistory: does not exist yet, a start makes it\n\
                 self-signed.pem: does not exist yet, a start makes it\n";
    check(folder.path(), options, "", 0, right, "…");
    check(
        folder.path(),
        &format!("{options} --history no/history"),
        "",
        1,
        "…",
        "…chat-room-server: no/history: does not exist, and this user cannot make it\n",
    );
    std::os::unix::fs::symlink("no/such/file", folder.path().join("self-signed.pem")).expect("a link");
    let sentence = "…chat-room-server: self-signed.pem: cannot be read: …\n";
    check(folder.path(), options, "", 1, "…", sentence);
    fs::remove_file(folder.path().join("self-signed.pem")).expect("a link");
    if !rustix::process::geteuid().is_root() {
        return;
    }
    // Root may write everywhere: somebody else looks.
    fs::create_dir(folder.path().join("history")).expect("a folder");
    if let Some(disk) = Disk::mount(&folder.path().join("history")) {
        check(folder.path(), options, "", 0, "…", "…\nhistory: less than 64 MiB of room: …");
        drop(disk);
    }
    for (name, mode) in [(".", 0o755), ("history", 0o755), ("members.txt", 0o644)] {
        fs::set_permissions(folder.path().join(name), fs::Permissions::from_mode(mode)).expect("ours");
    }
    let line = format!("setpriv --reuid=65534 --clear-groups {}", env!("CARGO_BIN_EXE_chat-room-server"));
    if !tool(&format!("{line} --version")) {
        return skip("nobody else than root may run the server here");
    }
    let line = format!("{line} {options}");
    let mut words = line.split(' ');
    let mut command = Command::new(words.next().expect("a program"));
    let output = command.args(words).current_dir(folder.path()).output().expect("it ran before");
    let said = String::from_utf8(output.stderr).expect("text");
    for line in [
        "members.txt: cannot be replaced: this user cannot write in its folder, where a new file would be made: Permission \
         denied (os error 13); give the folder to that user (chown) (until then no command changes the members)",
        "history/: this user cannot write it",
        "self-signed.pem: does not exist, and this user cannot make it",
        "chat-room-server: 2 mistakes",
    ] {
        assert!(said.lines().any(|said| said == line), "{line} is not in: {said}");
    }
}

#[test]
fn a_connection_while_the_server_stops_is_refused_at_once() {
    let mut server = Server::start();
    let mut ann = Peer::member(server.addr(), "ann@x");
    server.signal(Signal::TERM);
    ann.expect("BYE shutdown …");
    // She stays, and the server waits a moment for her to go.
    let refused = std::net::TcpStream::connect(server.addr()).expect_err("nobody listens any more");
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    drop(ann);
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn the_log_file_is_appended_to_and_opened_anew_at_sighup() {
    let folder = folder();
    let log = folder.path().join("log.txt");
    fs::write(folder.path().join("members.txt"), format!("ann@x {} admin\n", cheap_hash("ann-secret")))
        .expect("written");
    fs::write(&log, "what was there\n").expect("written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_chat-room-server"));
    command.current_dir(folder.path()).args(["--listen", "127.0.0.1:0", "--log-file", "log.txt"]);
    let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().expect("a server");
    let text = until_holds(&log, "listening on 127.0.0.1:");
    assert!(text.starts_with("what was there\n"), "{text}");
    let (_, addr) = text.split_once("listening on ").expect("it is there");
    let mut ann = Peer::member(addr.lines().next().expect("a line").parse().expect("an address"), "ann@x");

    let moved = folder.path().join("log.1");
    fs::rename(&log, &moved).expect("moved");
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, Signal::HUP).expect("it runs");
    until_holds(&log, "SIGHUP");
    assert_eq!(ann.stat("connections"), 1);
    let mut eve = Peer::connect(addr.lines().next().expect("a line").parse().expect("an address"));
    eve.say("LOGIN eve@x wrong-secret");
    until_holds(&log, "login refused: mail=eve@x from=127.0.0.1:");
    drop(eve);
    rustix::process::kill_process(pid, Signal::TERM).expect("it runs");
    ann.expect("BYE shutdown …");
    drop(ann);
    let output = child.wait().expect("it is our child");
    assert_eq!(output.code(), Some(0));
    assert!(fs::read_to_string(&log).expect("a file").ends_with("stopped\n"));
    let mut said = String::new();
    std::io::Read::read_to_string(&mut child.stderr.take().expect("it is piped"), &mut said).expect("text");
    assert_eq!(said, "", "nothing goes to standard error");
}

#[test]
fn the_log_names_where_somebody_refused_came_from() {
    let server = Server::with(&members_txt(&GROUP), &["--max-connections", "1"]);
    let mut ann = Peer::member(server.addr(), "ann@x");
    let mut late = std::net::TcpStream::connect(server.addr()).expect("the server listens");
    let mut said = String::new();
    std::io::Read::read_to_string(&mut late, &mut said).expect("text");
    assert!(said.starts_with("BYE full "), "{said}");
    let origin = late.local_addr().expect("an address");
    server.until_logged(&format!("login refused: mail=- from={origin} why=full\n"));
    // A question a second, as from a watching program, is no news.
    assert_eq!(ann.stat("refused-full"), 1);
    assert!(!server.log().contains("STATS"), "{}", server.log());
}

#[test]
fn a_log_of_objects_has_what_the_other_has() {
    let folder = folder_with(&members_txt(&GROUP));
    let mut command = Command::new(env!("CARGO_BIN_EXE_chat-room-server"));
    command.current_dir(folder.path()).args([
        "--listen",
        "127.0.0.1:0",
        "--log-format",
        "json",
        "--log-file",
        "log",
    ]);
    let _server = Running::spawn(command.stderr(Stdio::null()));
    let text = until_holds(&folder.path().join("log"), "listening on ");
    let object = |line: &str| serde_json::from_str::<serde_json::Value>(line).expect("an object");
    let told = text
        .lines()
        .map(object)
        .find_map(|object| object["message"].as_str()?.strip_prefix("listening on ").map(str::to_owned));
    let mut stranger = Peer::connect(told.expect("it listens").parse().expect("an address"));
    stranger.expect("HELLO …");
    stranger.say("LOGIN bob@x wrong-one");
    stranger.expect("ERR LOGIN bad-login …");
    let text = until_holds(&folder.path().join("log"), "login refused: ");
    let refused = text.lines().map(object).find(|object| object["why"] == "password").expect("a line");
    assert_eq!((&refused["level"], &refused["mail"]), (&"INFO".into(), &"bob@x".into()), "{refused}");
    assert!(refused["time"].as_str().is_some_and(|time| time.ends_with('Z')), "{refused}");
}

#[test]
fn passwords_never_reach_the_log() {
    let mut talk = Talk::with(Server::with(&members_txt(&GROUP), &["--log-level", "trace"]));
    talk.play(
        "
        ann:
        bob> LOGIN bob@x xyzzy-wrong
        bob< ERR LOGIN bad-login …
        bob> LOGIN no-mail xyzzy-wrong
        bob< ERR LOGIN bad-mail …
        ann> ADD kim@x xyzzy-kim
        ann< OK ADD kim@x
        ann< ADDED 1 <time> ann@x kim@x
        ann> RESET kim@x xyzzy-other
        ann< OK RESET kim@x
        ann> PASSWD ann-secret xyzzy-ann
        ann< OK PASSWD
        ann> LOGIN kim@x xyzzy-twice
        ann< ERR LOGIN already-logged-in …
        ann> PASSWD xyzzy-alone
        ann< ERR PASSWD usage …
        ann=
        ",
    );
    talk.server.signal(Signal::TERM);
    assert_eq!(talk.server.wait().code(), Some(0));
    let log = talk.server.log();
    assert_eq!(log.matches("login refused: mail=bob@x from=127.0.0.1:").count(), 1, "{log}");
    assert_eq!(log.matches("login refused").count(), 1, "{log}");
    assert!(!log.contains("xyzzy") && !log.contains("-secret") && !log.contains("$argon2id"), "{log}");
}
