//! From an invitation to the first line.

use rexpect::process::WaitStatus;
use tempfile::TempDir;

use crate::pty::Pty;
use crate::{CLIENT, Stage};

/// What Ann's window shows for Zoe: the command, as it would be pasted.
fn invitation(ann: &Pty) -> String {
    ann.until("an invitation", |screen| screen.contains("--join ") && screen.ends_with('>'));
    let screen = ann.screen();
    let lines: Vec<&str> = screen.lines().skip_while(|line| !line.contains("  chat-room-client ")).collect();
    format!("{}\n{}", lines[0].trim(), lines[1])
}

/// A window of somebody who has never been here, and has no password.
fn newcomer(folder: &TempDir, command: &str) -> Pty {
    let state = folder.path().to_str().expect("temporary names are plain");
    let script = format!("chat-room-client() {{ {CLIENT} \"$@\"; }}; {command}");
    Pty::run(80, 24, &script, &[("XDG_STATE_HOME", state)])
}

#[test]
fn from_an_invitation_to_the_first_line() {
    let mut stage = Stage::new();
    let mut ann = stage.ann(80, 30);
    ann.keys("/invite zoe@x\r");
    let command = invitation(&ann);
    let folder = tempfile::tempdir().expect("a folder");
    let mut zoe = newcomer(&folder, &command);
    zoe.prompts("New password for zoe@x:");
    zoe.keys("secret-of-zoe\r");
    zoe.prompts("The same again:");
    zoe.keys("secret-of-zo\r");
    zoe.ends_with("the two passwords differ; type both again\nNew password for zoe@x:");
    zoe.keys("secret-of-zoe\r");
    zoe.prompts("The same again:");
    zoe.keys("secret-of-zoe\r");
    zoe.ends_with("zoe@x is a member now\nStay logged in on this device? [y/N]");
    zoe.keys("n\r");
    zoe.shows("* zoe was added by ann");
    zoe.prompts(">");
    zoe.keys("hello\r");
    ann.ends_with("zoe: hello\n>");
    assert!(!zoe.raw().contains("secret-of"), "{:?}", zoe.raw());
    zoe.keys("/q\r");
    assert!(matches!(zoe.wait(), WaitStatus::Exited(_, 0)));
    // It is good once.
    let mut again = newcomer(&folder, &command);
    again.prompts("New password for zoe@x:");
    again.keys("secret-of-zoe\r");
    again.prompts("The same again:");
    again.keys("secret-of-zoe\r");
    assert!(matches!(again.wait(), WaitStatus::Exited(_, 4)), "{}", again.screen());
    again.shows("zoe@x has not joined");
}
