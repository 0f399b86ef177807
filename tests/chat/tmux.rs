//! A window of tmux, which wraps its rows again when its width changes, and has a scrollback.

use std::process::{Command, Output};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::common::server::{PATIENCE, until};
use crate::jobs::has;
use crate::{CLIENT, Stage};

struct Tmux {
    folder: TempDir,
}

impl Tmux {
    /// A window of this size that runs a line of shell. Nothing, and it says so: there is no tmux.
    fn run(width: u16, height: u16, script: &str) -> Option<Tmux> {
        if !has("tmux", "-V") {
            return None;
        }
        let tmux = Tmux { folder: tempfile::tempdir().expect("a folder") };
        let config = tmux.folder.path().join("conf");
        std::fs::write(&config, "set -g history-limit 5000\n").expect("a file");
        let (width, height) = (width.to_string(), height.to_string());
        tmux.command(&["new-session", "-d", "-x", &width, "-y", &height, script]);
        Some(tmux)
    }

    fn command(&self, words: &[&str]) -> String {
        let folder = self.folder.path();
        let mut command = Command::new("tmux");
        command.arg("-S").arg(folder.join("socket")).arg("-f").arg(folder.join("conf")).args(words);
        command.env_remove("TMUX").env("LC_ALL", "C.UTF-8");
        let Output { status, stdout, stderr } = command.output().expect("there is tmux");
        assert!(status.success(), "{words:?}: {}", String::from_utf8_lossy(&stderr));
        String::from_utf8(stdout).expect("text")
    }

    fn keys(&self, keys: &str) {
        self.command(&["send-keys", "-l", keys]);
    }

    /// All these widths, one after the other, as with a mouse. tmux itself keeps the time between them: on a busy machine a
    /// process for each would now and then be so late that the change seems to be over.
    fn drag(&self, widths: impl Iterator<Item = u16>, height: u16) {
        let height = height.to_string();
        let widths: Vec<String> = widths.map(|width| width.to_string()).collect();
        let steps = widths
            .iter()
            .map(|width| ["resize-window", "-x", width, "-y", &height, ";", "run-shell", "-d", "0.01", ";"]);
        self.command(steps.collect::<Vec<_>>().as_flattened());
    }

    /// Gives the window this size, and waits until the terminal in it has been told.
    fn resize(&self, width: u16, height: u16) {
        self.command(&["resize-window", "-x", &width.to_string(), "-y", &height.to_string()]);
        let told = self.command(&["display-message", "-p", "#{pane_tty} #{pane_height} #{pane_width}"]);
        let (tty, size) = told.trim_end().split_once(' ').expect("a name and a size");
        until("the terminal's size", || {
            let output = Command::new("stty").args(["-F", tty, "size"]).output().expect("there is stty");
            String::from_utf8_lossy(&output.stdout).trim_end() == size
        });
    }

    /// Scrollback and screen; rows that tmux has wrapped are one.
    fn all(&self) -> String {
        self.command(&["capture-pane", "-p", "-J", "-S", "-"])
    }

    /// Waits until scrollback and screen are so.
    #[track_caller]
    fn until(&self, what: &str, holds: impl Fn(&str) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let seen = self.all();
            if holds(seen.trim_end()) {
                return;
            }
            assert!(Instant::now() < deadline, "the window never shows {what}:\n{seen}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        let socket = self.folder.path().join("socket");
        // It may have ended with its window.
        let _ = Command::new("tmux").arg("-S").arg(socket).arg("kill-server").output();
    }
}

/// In many small steps at once and one by one, in both directions, with wide characters and lines longer than the window,
/// each line is there once, and what is typed is below them.
#[test]
fn no_change_of_size_loses_or_doubles_a_line() {
    let mut stage = Stage::new();
    let folder = stage.state.path().to_str().expect("temporary names are plain").to_owned();
    let addr = stage.server().addr();
    let script = format!(
        "XDG_STATE_HOME={folder} CHAT_ROOM_PASSWORD=ann-secret exec {CLIENT} --server {addr} --device pty ann@x"
    );
    let Some(window) = Tmux::run(80, 24, &script) else { return };
    window.until("a prompt", |seen| seen.ends_with("\n>"));
    let mut bob = stage.peer("bob@x");
    let mut said = 0;
    let mut say = |count: usize| {
        for _ in 0..count {
            said += 1;
            let text = "long and wide 漢字 ".repeat(said % 9);
            bob.say(&format!("MSG b{said}; {text}e{said};"));
        }
        said
    };
    let check = |said: usize, typed: &str| {
        window.until(&format!("b{said}"), |seen| {
            seen.contains(&format!("e{said};"))
                && seen.replace('\n', "").ends_with(&format!("> {typed}").trim_end())
        });
        let seen = window.all();
        for number in 1..=said {
            for mark in [format!("b{number};"), format!("e{number};")] {
                assert_eq!(seen.matches(&mark).count(), 1, "{mark} in:\n{seen}");
            }
        }
        assert_eq!(seen.matches("\n> ").count() + seen.matches("\n>\n").count(), 1, "{seen}");
    };
    let last = say(30);
    check(last, "");
    for typed in
        ["", "half a line", "half a line that is longer than most of the windows, with 漢字漢字漢字 in it"]
    {
        window.keys(typed);
        check(last.max(say(1)), typed);
        window.drag((60..80).rev().chain(61..=100).chain((40..100).rev()), 24);
        check(say(1), typed);
        // One by one, each of which the client sees.
        for (width, height) in [(39, 24), (30, 20), (31, 10), (50, 12), (49, 30), (100, 24), (80, 24)] {
            window.resize(width, height);
            check(say(1), typed);
        }
        window.command(&["send-keys", "C-u"]);
    }
}
