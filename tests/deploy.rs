//! Real operation: systemd is notified, and the programs for which deploy/ has files accept them.

mod common;

use std::fs;
use std::net::TcpListener;
use std::os::fd::AsRawFd as _;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use chat_room::limits::{LINGER, SHUTDOWN_DELIVER, SHUTDOWN_FILES, SHUTDOWN_TELLING};
use common::disk::skip;
use common::net::ask;
use common::peer::Peer;
use common::running::Running;
use common::server::{GROUP, PATIENCE, Server, folder_with, members_txt, until_holds};
use rustix::process::Signal;

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_chat-room-server"))
}

fn deployed(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(name);
    fs::read_to_string(path).expect("a file of this repository")
}

/// Where programs are, and in these folders; theirs come first.
fn path_with(folders: &str) -> String {
    format!("{folders}:{}", std::env::var("PATH").unwrap_or_default())
}

/// Runs a program that not every machine has. `None`, and it says so: it is not here.
fn run(command: &mut Command) -> Option<Output> {
    let output = command.env("PATH", path_with("/usr/sbin:/sbin")).output();
    if output.is_err() {
        skip(format_args!("there is no {} here", command.get_program().to_string_lossy()));
    }
    output.ok()
}

fn said(output: &Output) -> String {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    format!("{out}{err}")
}

/// The service manager's end: every piece of news, a line each, in order.
struct Manager(UnixDatagram);

impl Manager {
    fn bind(addr: &SocketAddr) -> Manager {
        let socket = UnixDatagram::bind_addr(addr).expect("a free name");
        socket.set_read_timeout(Some(PATIENCE)).expect("an option");
        Manager(socket)
    }

    fn news(&self) -> String {
        let mut news = [0; 4096];
        let len = self.0.recv(&mut news).expect("something is told");
        String::from_utf8(news[..len].to_vec()).expect("text")
    }

    #[track_caller]
    fn until(&self, expected: &str) {
        while self.news() != expected {}
    }
}

#[test]
fn systemd_is_told_how_things_stand() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("notify");
    let file = (SocketAddr::from_pathname(&path).expect("a name"), path.to_str().expect("text").to_owned());
    let name = format!("chat-room-test-{}", std::process::id());
    let no_file = (SocketAddr::from_abstract_name(&name).expect("a name"), format!("@{name}"));
    for (addr, name) in [file, no_file] {
        let manager = Manager::bind(&addr);
        let mut command = program();
        command.env("NOTIFY_SOCKET", name).env("WATCHDOG_USEC", "1000000");
        let mut server = Server::launch(command, &members_txt(&GROUP), &[]);
        assert_eq!(manager.news(), "READY=1");
        manager.until("STATUS=0 connections, 0 logged in, 5 members");
        let ann = Peer::member(server.addr(), "ann@x");
        let _stranger = Peer::connect(server.addr());
        manager.until("STATUS=2 connections, 1 logged in, 5 members");
        manager.until("WATCHDOG=1");
        manager.until("WATCHDOG=1");
        let good = server.members_text();
        fs::write(server.members(), format!("{good}\nwho is this\n")).expect("written");
        server.signal(Signal::HUP);
        let told = loop {
            let news = manager.news();
            if news.contains("the members stay as they were") {
                break news;
            }
        };
        assert!(told.starts_with("STATUS=2 connections, ") && told.contains("members.txt:7: "), "{told}");
        server.signal(Signal::TERM);
        manager.until("STOPPING=1\nSTATUS=everybody gets what was said");
        drop(ann);
        assert_eq!(server.wait().code(), Some(0));
    }
}

#[test]
fn without_a_watchdog_none_is_notified() {
    let name = format!("chat-room-unwatched-{}", std::process::id());
    let manager = Manager::bind(&SocketAddr::from_abstract_name(&name).expect("a name"));
    let mut command = program();
    // The watchdog is another process's.
    command.env("NOTIFY_SOCKET", format!("@{name}")).env("WATCHDOG_USEC", "1000").env("WATCHDOG_PID", "1");
    let mut server = Server::launch(command, &members_txt(&GROUP), &[]);
    server.stop();
    let mut told = vec![manager.news()];
    while !told[told.len() - 1].starts_with("STOPPING=1") {
        told.push(manager.news());
    }
    assert_eq!(told[0], "READY=1");
    assert!(told.iter().all(|news| !news.contains("WATCHDOG")), "{told:?}");

    let mut command = program();
    command.env("NOTIFY_SOCKET", "/no/such/socket");
    let mut server = Server::launch(command, &members_txt(&GROUP), &[]);
    server.stop();
    server.until_logged("NOTIFY_SOCKET=/no/such/socket: cannot be used: ");
}

/// The program with a socket that somebody listens at, as systemd passes it on.
fn with_socket(socket: &TcpListener) -> Command {
    // 3 is what it becomes: a copy that has this number already would be closed.
    let fd = rustix::io::fcntl_dupfd_cloexec(socket, 4).expect("a descriptor");
    rustix::io::fcntl_setfd(&fd, rustix::io::FdFlags::empty()).expect("it may be inherited");
    let number = fd.as_raw_fd();
    // It stays open until the shell has it.
    std::mem::forget(fd);
    let mut command = Command::new("bash");
    let script = format!("exec 3<&{number} {number}<&- && LISTEN_FDS=1 LISTEN_PID=$$ exec \"$0\" \"$@\"");
    command.args(["-c", &script, env!("CARGO_BIN_EXE_chat-room-server")]);
    command
}

#[test]
fn who_connects_during_a_restart_waits() {
    let socket = TcpListener::bind("127.0.0.1:0").expect("a port");
    let addr = socket.local_addr().expect("it is bound");
    let folder = folder_with(&members_txt(&GROUP));
    let mut server = Server::launch_in(folder, with_socket(&socket), &addr.to_string(), &[]);
    let mut ann = Peer::member(addr, "ann@x");
    ann.say("MSG before");
    ann.expect("OK MSG 1 <time>");
    server.stop();
    ann.expect("BYE shutdown …");
    let mut bob = Peer::connect(addr);
    let folder = server.into_folder();
    let mut server = Server::launch_in(folder, with_socket(&socket), &addr.to_string(), &[]);
    bob.expect("HELLO …");
    bob.login("bob@x");
    bob.expect("MSG 1 <time> ann@x before");
    server.stop();

    // Where no option listens nobody is served, and the log says so.
    let folder = server.into_folder();
    let server = Server::launch_in(folder, with_socket(&socket), "127.0.0.1:0", &[]);
    server.until_logged(&format!("a socket at {addr}, but no option listens there"));
    Peer::member(server.addr(), "ann@x").fence();
}

#[test]
fn monitors_have_a_passed_socket_too() {
    let socket = TcpListener::bind("127.0.0.1:0").expect("a port");
    let addr = socket.local_addr().expect("it is bound");
    let options = ["--metrics-listen", &addr.to_string()];
    let folder = folder_with(&members_txt(&GROUP));
    let mut server = Server::launch_in(folder, with_socket(&socket), "127.0.0.1:0", &options);
    for _ in 0..2 {
        let answer = ask(addr, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
    server.stop();
    assert!(!server.log().contains("no option listens there"), "{}", server.log());
}

/// The program of a unit is not installed here.
fn with_our_program(unit: &str) -> String {
    let ours = format!("ExecStart={} ", env!("CARGO_BIN_EXE_chat-room-server"));
    let changed = unit.replace("ExecStart=chat-room-server ", &ours);
    assert_ne!(changed, unit, "it starts another program");
    changed
}

#[test]
fn the_unit_is_one() {
    let unit = deployed("chat-room.service");
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/options");
    let mut shell = Command::new("sh");
    let output = shell.args(["-c", ". \"$0\"; printf '%s\\n' $OPTIONS"]).arg(file).output().expect("a shell");
    let options = said(&output);
    let options: Vec<&str> = options.lines().collect();
    // They are ours: `--help` after them is reached.
    let output = program().args(&options).arg("--help").output().expect("it starts");
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    // And what applies without the file.
    assert!(unit.contains(&format!("\nEnvironment=\"OPTIONS={}\"\n", options.join(" "))), "{options:?}");

    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("chat-room.service");
    fs::write(&path, with_our_program(&unit)).expect("written");
    // The manual page is not installed here.
    let mut command = Command::new("systemd-analyze");
    let Some(output) = run(command.args(["verify", "--man=no"]).arg(&path)) else { return };
    assert!(output.status.success() && said(&output).is_empty(), "{}", said(&output));

    // docs/operating.md says 1.2.
    let mut command = Command::new("systemd-analyze");
    let Some(output) = run(command.args(["security", "--offline=true", "--threshold=12"]).arg(&path)) else {
        return;
    };
    assert!(output.status.success(), "{}", said(&output).lines().last().unwrap_or_default());
}

#[test]
fn the_unit_is_a_template_for_more_nodes() {
    let folder = tempfile::tempdir().expect("a folder");
    let changes = deployed("several-nodes/node.conf");
    // Its options are ours, once systemd has put the instance's name and the host's in.
    let line = changes.replace("\\\n", "").replace("%i", "7669").replace("%l", "chat1");
    let start = line.lines().filter_map(|line| line.strip_prefix("ExecStart=")).next_back().expect("a start");
    let options = start.split_whitespace().skip(1);
    let output = program().args(options).arg("--help").output().expect("it starts");
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));

    let path = folder.path().join("chat-room@7669.service");
    let template = with_our_program(&deployed("chat-room.service"));
    fs::write(folder.path().join("chat-room@.service"), template).expect("written");
    std::os::unix::fs::symlink("chat-room@.service", &path).expect("a link");
    let drop_in = folder.path().join("chat-room@.service.d");
    fs::create_dir(&drop_in).expect("a folder");
    fs::write(drop_in.join("node.conf"), with_our_program(&changes)).expect("written");
    let mut command = Command::new("systemd-analyze");
    let Some(output) = run(command.args(["verify", "--man=no"]).arg(&path)) else { return };
    assert!(output.status.success() && said(&output).is_empty(), "{}", said(&output));
}

#[test]
fn the_nightly_backups_unit_and_timer_are_such() {
    let folder = tempfile::tempdir().expect("a folder");
    let names = ["chat-room-backup.service", "chat-room-backup.timer"];
    let paths = names.map(|name| folder.path().join(name));
    for (name, path) in names.iter().zip(&paths) {
        fs::write(path, deployed(name)).expect("written");
    }
    let mut command = Command::new("systemd-analyze");
    let Some(output) = run(command.args(["verify", "--man=no"]).args(&paths)) else { return };
    assert!(output.status.success() && said(&output).is_empty(), "{}", said(&output));
    let mut command = Command::new("systemd-analyze");
    let security = command.args(["security", "--offline=true", "--threshold=12"]).arg(&paths[0]);
    let Some(output) = run(security) else { return };
    assert!(output.status.success(), "{}", said(&output).lines().last().unwrap_or_default());
}

/// A folder with a program of this name that prints something.
fn stand_in(folder: &Path, name: &str, says: &str) -> PathBuf {
    let (programs, path) = (folder.join("programs"), folder.join("programs").join(name));
    fs::create_dir(&programs).expect("a folder");
    fs::write(&path, format!("#!/bin/sh\necho {says}\n")).expect("written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("ours");
    programs
}

/// Somebody was not let in: the log says so, in these words.
#[track_caller]
fn is_told(server: &Server, told: &mut Vec<String>, peer: &Peer, mail: &str, why: &str) {
    let line = format!("login refused: mail={mail} from={} why={why}", peer.local_addr());
    server.until_logged(&format!("[INFO] {line}\n"));
    told.push(line);
}

#[test]
fn a_refused_login_is_logged_and_fail2ban_finds_it() {
    let mut told = Vec::new();
    let server = Server::with(&members_txt(&GROUP), &["--max-connections-per-member", "1"]);
    let mut inside = Peer::member(server.addr(), "ann@x");
    let mut peer = Peer::connect(server.addr());
    peer.expect("HELLO …");
    for (line, answer, mail, why) in [
        ("LOGIN ann@x/other ann-secret", "ERR LOGIN full …", "ann@x", "full"),
        // Somebody claims to come from elsewhere.
        ("RESUME from=192.0.2.66:1@x abc", "ERR RESUME bad-login …", "from=192.0.2.66:1@x", "token"),
        ("LOGIN bob@x wrong-secret", "ERR LOGIN bad-login …", "bob@x", "password"),
        ("LOGIN nobody@x bob-secret", "ERR LOGIN bad-login …", "nobody@x", "password"),
    ] {
        peer.say(line);
        peer.expect(answer);
        is_told(&server, &mut told, &peer, mail, why);
    }
    peer.expect("BYE bad-login …");
    peer.expect_end();
    assert_eq!(inside.stat("logins-refused"), 4);

    let hurried = Server::with(&members_txt(&GROUP), &["--login-timeout", "1"]);
    let mut peer = Peer::connect(hurried.addr());
    peer.expect("HELLO …");
    peer.expect("BYE login-timeout …");
    is_told(&hurried, &mut told, &peer, "-", "timeout");

    let log = server.log() + &hurried.log();
    let found: Vec<&str> =
        log.lines().filter_map(|line| line.split_once("[INFO] login ")).map(|(_, line)| line).collect();
    let expected: Vec<&str> = told.iter().filter_map(|line| line.strip_prefix("login ")).collect();
    assert_eq!(found, expected);

    let folder = tempfile::tempdir().expect("a folder");
    let (log_file, filter) = (folder.path().join("server.log"), folder.path().join("filter.conf"));
    // One of IPv6, and two that only look like it: said by a server with that log level, and quoted by one.
    let more = "2026-11-22T15:00:00.123456789Z [INFO] login refused: mail=eve@x from=[2001:db8::7]:4711 why=password\n\
                2026-11-22T15:00:00.123456789Z [WARN] x [INFO] login refused: mail=eve@x from=192.0.2.67:1 why=password\n\
                2026-11-22T15:00:00.123456789Z [INFO] login refused: mail=eve@x from=192.0.2.68:1 why=password x\n";
    fs::write(&log_file, log + more).expect("written");
    fs::write(&filter, deployed("fail2ban-filter.conf")).expect("written");
    let mut command = Command::new("fail2ban-regex");
    let Some(output) = run(command.args(["--out", "ip"]).arg(&log_file).arg(&filter)) else { return };
    assert!(output.status.success(), "{}", said(&output));
    let found = String::from_utf8(output.stdout).expect("text");
    // Two wrong passwords and who said nothing; tokens are not guessed at.
    assert_eq!(found, "127.0.0.1\n127.0.0.1\n127.0.0.1\n2001:db8::7\n");
}

/// A ban keeps out of every port that the recipe opens beyond this machine.
#[test]
fn the_jail_has_the_ports_of_the_recipe() {
    let jail = deployed("fail2ban-jail.conf");
    let ports = jail.lines().find_map(|line| line.strip_prefix("port = ")).expect("it has some");
    let ports: Vec<&str> = ports.split(',').collect();
    let page = include_str!("../docs/operating.md");
    let commands: String = page.lines().filter(|line| line.starts_with("    ")).collect();
    let texts = deployed("options") + &commands;
    let opened = texts.split("-listen [::]:").skip(1);
    let opened: Vec<&str> =
        opened.map(|rest| rest.split([' ', '\n', '\'']).next().expect("a port")).collect();
    assert!(opened.contains(&"7668") && opened.contains(&"7680"), "{opened:?}");
    assert!(opened.iter().all(|port| ports.contains(port)), "{opened:?}, and the jail has {ports:?}");
}

#[test]
fn logrotate_loses_no_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("server.log");
    let log_file = log.to_str().expect("text");
    fs::write(folder.path().join("members.txt"), members_txt(&GROUP)).expect("written");
    let mut command = program();
    command.current_dir(folder.path()).args(["--listen", "127.0.0.1:0", "--log-file", log_file]);
    let server = Running::spawn(&mut command);
    until_holds(&log, "listening on ");
    let programs = stand_in(folder.path(), "systemctl", &server.pid().to_string());
    let rules = folder.path().join("rules");
    let text = deployed("logrotate").replace("/var/log/chat-room/server.log", log_file);
    fs::write(&rules, text.replace("    su chat-room chat-room\n", "")).expect("written");
    fs::set_permissions(&rules, fs::Permissions::from_mode(0o644)).expect("ours");
    let mut command = Command::new("logrotate");
    command.arg("--force").arg("--state").arg(folder.path().join("state")).arg(&rules);
    command.env("PATH", path_with(&format!("{}:/usr/sbin:/sbin", programs.display())));
    let Ok(output) = command.output() else { return skip("there is no logrotate here") };
    assert!(output.status.success(), "{}", said(&output));
    until_holds(&log, "SIGHUP: ");
    let old = fs::read_to_string(folder.path().join("server.log.1")).expect("it was moved");
    assert!(old.contains("listening on ") && !old.contains("SIGHUP"), "{old}");
    let text = fs::read_to_string(&log).expect("it is there");
    assert!(text.lines().next().is_some_and(|line| line.contains("SIGHUP: ")), "{text}");
    assert_eq!(fs::metadata(&log).expect("a file").permissions().mode() & 0o007, 0, "others may not read it");
}

/// systemd kills a server only when it hangs.
#[test]
fn the_unit_gives_a_stop_the_time_that_it_takes() {
    // Files and brokers, then the files alone; telling, delivering, hanging up; closing.
    let longest = 3 * SHUTDOWN_FILES + SHUTDOWN_TELLING + SHUTDOWN_DELIVER + LINGER;
    let unit = deployed("chat-room.service");
    let limit = unit.lines().find_map(|line| line.strip_prefix("TimeoutStopSec=")?.strip_suffix('s'));
    let limit: u64 = limit.expect("it has one").parse().expect("seconds");
    assert!(limit >= 2 * longest.as_secs(), "{limit} s, and a stop takes up to {longest:?}");
}
