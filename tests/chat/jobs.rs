//! Stopped with Ctrl-Z and in the foreground again, in the shells that people have.

use rustix::process::{Pid, Signal, kill_process};

use crate::Stage;
use crate::common::disk::{skip, tool};

/// Whether there is such a program; says so if not.
pub(crate) fn has(program: &str, asked: &str) -> bool {
    let has = tool(&format!("{program} {asked}"));
    if !has {
        skip(format!("there is no {program}"));
    }
    has
}

/// In a shell at a prompt: stopped, in the foreground, and again.
#[track_caller]
fn check(shell: &str, mark: &str) {
    if !has(shell.split(' ').next().expect("a name"), "-c :") {
        return;
    }
    let mut stage = Stage::new();
    let mut window = stage.window(70, 30, &format!("PS1='$ ' exec {shell} 2>&1"));
    window.ends_with("$");
    window.keys("sh -c 'echo $$ > $XDG_STATE_HOME/pid; exec '\"$CLIENT\"' ann@x'\r");
    window.prompts(">");
    let mut bob = stage.peer("bob@x");
    for time in 1..=2 {
        window.keys("half");
        window.prompts("> half");
        window.keys("\x1a");
        window.ends_with("$");
        // Where the terminal had it on, it is off again.
        let raw = window.raw();
        let stopped = &raw[raw.rfind("> half").expect("it was drawn")..];
        assert!(stopped.contains("\x1b[?2004l") && stopped.contains("\x1b[?7h"), "{stopped:?}");
        window.keys("fg\r");
        window.prompts("> half");
        bob.say(&format!("MSG time {time}"));
        window.ends_with(&format!("bob: time {time}\n> half"));
        // Told once more to go on, or more often: zsh does so.
        let pid = std::fs::read_to_string(stage.state.path().join("pid")).expect("the shell wrote it");
        let pid = Pid::from_raw(pid.trim().parse().expect("a number")).expect("of a process");
        for _ in 0..3 {
            kill_process(pid, Signal::CONT).expect("it runs");
        }
        window.keys("X");
        window.prompts("> halfX");
        bob.say(&format!("MSG again {time}"));
        window.ends_with(&format!("bob: again {time}\n> halfX"));
        let screen = window.screen();
        assert_eq!(screen.matches("> half").count(), 1, "{screen}");
        assert!(!screen.contains("> >"), "{screen}");
        window.keys("\x15");
        window.prompts(">");
    }
    window.keys("\x04");
    window.ends_with("$");
    window.keys(&format!("echo {mark}done\r"));
    window.shows(&format!("\n{mark}done"));
    window.keys("exit\r");
    window.wait();
}

#[test]
fn one_prompt_in_bash() {
    check("bash --norc --noprofile -i", "bash-");
}

#[test]
fn one_prompt_in_dash() {
    check("dash -i", "dash-");
}

#[test]
fn one_prompt_in_zsh() {
    check("zsh -f -i", "zsh-");
}
