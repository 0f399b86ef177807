//! What docs/client.md shows of the client is true: the windows, and the scripts.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::CLIENT;
use crate::common::peer::Peer;
use crate::common::server::{Server, cheap_hash};
use crate::pty::Pty;

const DOCUMENT: &str = include_str!("../../docs/client.md");

/// The demo group, with hashes that cost nothing.
fn demo() -> Server {
    let line = |name: &str, role: &str| {
        format!("{name}@example.org {} {role}\n", cheap_hash(&format!("{name}-demo")))
    };
    Server::with(&[line("ann", "admin"), line("bob", ""), line("eve", "")].concat(), &[])
}

/// A folder in which the client is known as on a machine where somebody has chatted before with `server`.
fn home(server: &Server) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    symlink(CLIENT, folder.path().join("chat-room-client")).expect("a link");
    fs::create_dir(folder.path().join("chat-room")).expect("a folder");
    let last = format!("mail ann@example.org\nserver {}\n", server.addr());
    fs::write(folder.path().join("chat-room/last"), last).expect("a file");
    folder
}

/// The environment in which programs of that folder are found.
fn environment(home: &Path) -> Vec<(&'static str, String)> {
    let home = home.to_str().expect("temporary names are plain").to_owned();
    let path = format!("{home}:{}", std::env::var("PATH").expect("it is set"));
    vec![("XDG_STATE_HOME", home), ("PATH", path)]
}

/// A window without what is another each time: clocks, days, the port.
fn lasting(window: &str, port: u16) -> String {
    let row = |row: &str| {
        let mut row = row.replace(&format!(":{port}"), ":7667");
        let is_clock = |row: &str| row.as_bytes().get(2) == Some(&b':') && row.as_bytes()[0].is_ascii_digit();
        if is_clock(&row) {
            row.replace_range(..5, "hh:mm");
        }
        if row.starts_with("--- ") && row.contains('-') && !row.contains("missed") {
            row.replace_range(4..18, "day 0000-00-00");
        }
        row
    };
    window.lines().map(row).collect::<Vec<_>>().join("\n")
}

/// The window that it shows in so many columns.
fn shown(columns: u16) -> &'static str {
    let (_, after) = DOCUMENT.split_once(&format!("```window {columns}\n")).expect("it has that window");
    after.split_once("\n```").expect("it ends").0
}

/// Plays the session of the windows in so many columns.
fn check_window(columns: u16) {
    let server = demo();
    let home = home(&server);
    let environment = environment(home.path());
    let environment: Vec<(&str, &str)> =
        environment.iter().map(|(key, value)| (*key, value.as_str())).collect();
    let mut bob = Peer::connect(server.addr());
    bob.expect("HELLO …");
    bob.say("LOGIN bob@example.org bob-demo");
    bob.expect("OK LOGIN …");
    bob.say("MSG good morning");
    bob.say("MSG is anybody at the office? the heating makes strange noises again, come and listen");
    bob.expect("OK MSG …");
    bob.expect("OK MSG …");

    let mut ann = Pty::run(columns, 40, "PS1='$ ' exec bash --norc --noprofile -i", &environment);
    ann.prompts("$");
    ann.keys("chat-room-client ann@example.org\r");
    ann.prompts("Password of ann@example.org:");
    ann.keys("ann-demo\r");
    ann.shows("[y/N]");
    ann.keys("n\r");
    ann.prompts(">");
    ann.shows("listen");
    ann.keys("I am on my way\r");
    ann.shows("ann: I am on my way");
    bob.say("MSG ann: bring coffee");
    ann.shows("bring coffee");
    ann.keys("/who\r");
    ann.shows("2 here: ann, bob");
    ann.keys("the stairs are slip");
    ann.prompts("> the stairs are slip");
    let port = server.addr().port();
    let window = ann.screen();
    assert_eq!(lasting(&window, port), lasting(shown(columns), 7667), "\n{window}\n");
}

#[test]
fn the_windows_are_true() {
    check_window(80);
    check_window(40);
}

/// The scripts that it shows, each from its first line on.
fn scripts() -> Vec<String> {
    let mut found = Vec::new();
    let mut lines = DOCUMENT.lines().peekable();
    while let Some(line) = lines.next() {
        if line.trim() == "#!/bin/sh" {
            let mut script = "#!/bin/sh\n".to_owned();
            while let Some(line) = lines.next_if(|line| line.starts_with("    ")) {
                script.extend([line.trim_start(), "\n"]);
            }
            found.push(script);
        }
    }
    found
}

#[test]
fn one_script_waits_for_the_other() {
    let server = demo();
    let home = home(&server);
    let scripts = scripts();
    assert_eq!(scripts.len(), 2, "{scripts:?}");
    // What is built here needs no compiler.
    fs::write(home.path().join("make"), "#!/bin/sh\n").expect("a file");
    fs::set_permissions(home.path().join("make"), fs::Permissions::from_mode(0o755)).expect("own file");
    let start = |script: &str| {
        assert!(script.lines().count() <= 4, "three lines and the first: {script}");
        let path = home.path().join("script");
        fs::write(&path, script).expect("a file");
        let mut command = Command::new("sh");
        command.arg("-c").arg(script).current_dir(home.path()).envs(environment(home.path()));
        command.env("CHAT_ROOM_PASSWORD", "ann-demo").stdin(Stdio::null()).stdout(Stdio::piped());
        command.spawn().expect("a shell")
    };
    // An old result is not what is waited for.
    let mut ann = Peer::connect(server.addr());
    ann.expect("HELLO …");
    ann.say("LOGIN ann@example.org/- ann-demo");
    ann.expect("OK LOGIN …");
    ann.say("MSG build passed long ago");
    ann.expect("OK MSG …");
    let waits = start(&scripts[1]);
    ann.until_stat("logged-in", 2..=2);
    let posts = start(&scripts[0]).wait_with_output().expect("a script");
    assert_eq!(posts.status.code(), Some(0));
    let waited = waits.wait_with_output().expect("a script");
    let said = String::from_utf8(waited.stdout).expect("text");
    assert!(said.contains("ann@example.org build passed on "), "{said}");
    assert!(said.ends_with("it is time to deploy\n"), "{said}");
    assert_eq!(waited.status.code(), Some(0));
}
