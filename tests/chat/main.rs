//! The client at a terminal: a real pseudo-terminal, the real client, the real server.
//!
//! Longer than 350 lines: the tests are short sessions that share their helpers.

mod comfort;
#[path = "../common/mod.rs"]
mod common;
mod group;
mod jobs;
mod joining;
mod pty;
mod readme;
#[allow(dead_code, reason = "a part of it is used here")]
#[path = "../client/script.rs"]
mod script;
mod scripted;
mod secrets;
mod shown;
mod tls;
mod tmux;
mod typing;
mod zone;

use common::net::free_addr;
use common::peer::Peer;
use common::server::{Server, until};
use pty::Pty;
use rexpect::process::WaitStatus;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

const CLIENT: &str = env!("CARGO_BIN_EXE_chat-room-client");

/// Ann's window, and the server with the group.
struct Stage {
    server: Option<Server>,
    state: TempDir,
}

impl Stage {
    fn new() -> Stage {
        Stage { server: Some(Server::start()), state: tempfile::tempdir().expect("a folder") }
    }

    fn server(&mut self) -> &mut Server {
        self.server.as_mut().expect("it runs")
    }

    /// A window that runs a script in which `$CLIENT` is the client, and waits for nothing.
    fn window(&mut self, width: u16, height: u16, script: &str) -> Pty {
        let client = format!("{CLIENT} --server {} --device pty", self.server().addr());
        let state = self.state.path().to_str().expect("temporary names are plain").to_owned();
        Pty::run(
            width,
            height,
            script,
            &[("CLIENT", &client), ("XDG_STATE_HOME", &state), ("CHAT_ROOM_PASSWORD", "ann-secret")],
        )
    }

    /// Ann at a prompt.
    fn ann(&mut self, width: u16, height: u16) -> Pty {
        let window = self.window(width, height, "exec $CLIENT ann@x");
        window.prompts(">");
        window
    }

    fn peer(&mut self, who: &str) -> Peer {
        Peer::member(self.server().addr(), who)
    }

    /// kill -9, and the same again at the same address.
    fn restart(&mut self) {
        self.server = self.server.take().map(Server::again);
    }
}

/// Messages that the window shows, without their clock.
fn said(screen: &str) -> Vec<String> {
    let is_said = |line: &&str| line.as_bytes().get(2) == Some(&b':') && line.contains(": ");
    screen.lines().filter(is_said).map(|line| line[6..].to_owned()).collect()
}

/// What stands below the unread mark, or all if there is none.
fn unread(screen: &str) -> &str {
    screen.rsplit(" missed ---").next().expect("split gives at least one piece")
}

/// A window with a shell at a prompt, in which ^Z and fg work.
const SHELL: &str = "PS1='$ ' exec bash --norc --noprofile -i";

/// All messages and their authors, according to the server.
fn history(peer: &mut Peer) -> Vec<String> {
    peer.say("HISTORY 100");
    while !peer.line().expect("an answer").starts_with("HISTORY ") {}
    let lines = std::iter::from_fn(|| peer.line().filter(|line| !line.starts_with("OK ")));
    lines.map(|line| line.splitn(4, ' ').last().expect("an event").to_owned()).collect()
}

#[test]
fn a_half_typed_line_survives_what_comes_in() {
    let mut stage = Stage::new();
    let mut ann = stage.ann(40, 12);
    let mut bob = stage.peer("bob@x");
    ann.keys("this is a line that wraps in a window of forty co");
    let half = "> this is a line that wraps in a window\n of forty co";
    ann.ends_with(half);
    bob.say("MSG hello ann");
    ann.ends_with(&format!("bob: hello ann\n{half}"));
    bob.say("MSG a message that is itself longer than the window is wide, and wraps");
    ann.ends_with(&format!("      longer than the window is wide,\n      and wraps\n{half}"));
    ann.keys("lumns");
    ann.ends_with(&format!("{half}lumns"));
    // Another width, wider and narrower, and another height.
    let lines = "      longer than the window is wide,\n      and wraps\n";
    ann.resize(80, 12);
    ann.ends_with(&format!("{lines}> this is a line that wraps in a window of forty columns"));
    ann.resize(20, 12);
    ann.ends_with("> this is a line th\nat wraps in a windo\nw of forty columns");
    bob.say("MSG narrow");
    ann.ends_with("bob: narrow\n> this is a line th\nat wraps in a windo\nw of forty columns");
    ann.resize(60, 4);
    ann.ends_with("bob: narrow\n> this is a line that wraps in a window of forty columns");
    bob.say("MSG low");
    ann.ends_with("bob: low\n> this is a line that wraps in a window of forty columns");
    // A paste in its midst.
    ann.keys("\x01\x1b[200~pasted, \x1b[201~");
    ann.ends_with("> pasted, this is a line that wraps in a window of forty co\nlumns");
    // ^D deletes what is under the cursor, ^C takes the line away and Up brings it back.
    ann.keys("\x04\x03");
    ann.prompts(">");
    ann.keys("\x1b[A\r");
    ann.shows("ann: pasted, his is a line that wraps in a window of\n      forty columns");
    for _ in 0..4 {
        bob.expect("OK MSG …");
    }
    bob.expect("MSG 5 <time> ann@x pasted, his is a line that wraps in a window of forty columns");
}

#[test]
fn a_killed_server_costs_nothing_but_time() {
    let mut stage = Stage::new();
    let mut ann = stage.ann(80, 24);
    let mut bob = stage.peer("bob@x");
    ann.keys("one\r");
    bob.expect("MSG 1 <time> ann@x one");
    bob.say("MSG two");
    bob.expect("OK MSG 2 <time>");
    ann.shows("bob: two");
    stage.server().kill();
    bob.expect_end();
    ann.shows("no connection; trying");
    ann.keys("three\rfour\rhalf a li");
    ann.shows("[not sent] four");
    stage.restart();
    ann.shows("ann: four");
    let mut bob = stage.peer("bob@x");
    bob.say("MSG five");
    ann.shows("bob: five");
    ann.prompts("> half a li");
    assert_eq!(said(&ann.screen()), ["ann: one", "bob: two", "ann: three", "ann: four", "bob: five"]);
    assert_eq!(history(&mut bob), ["ann@x one", "bob@x two", "ann@x three", "ann@x four", "bob@x five"]);
    ann.keys("\x15/quit\r");
    assert!(matches!(ann.wait(), WaitStatus::Exited(_, 0)));
}

#[test]
fn stopped_and_in_the_foreground_again() {
    let mut stage = Stage::new();
    let mut window = stage.window(60, 30, SHELL);
    window.prompts("$");
    window.keys(
        "stty -a > $XDG_STATE_HOME/before; bash -c 'echo $$ > $XDG_STATE_HOME/pid; exec $CLIENT ann@x'\r",
    );
    window.prompts(">");
    let mut bob = stage.peer("bob@x");
    window.keys("half a li");
    window.prompts("> half a li");
    window.keys("\x1a");
    window.prompts("$");
    window.shows("Stopped");
    window.keys("stty -a > $XDG_STATE_HOME/stopped; echo in between\r");
    window.ends_with("\nin between\n$");
    bob.say("MSG meanwhile");
    bob.expect("OK MSG 1 <time>");
    window.keys("fg\r");
    window.ends_with("bob: meanwhile\n> half a li");
    window.keys("ne\r");
    window.ends_with("ann: half a line\n>");
    window.keys("third");
    window.prompts("> third");
    window.keys("\x1a");
    window.until("another stop", |screen| screen.matches("Stopped").count() == 2 && screen.ends_with("\n$"));
    window.keys("fg\r");
    window.prompts("> third");
    bob.say("MSG a fence");
    window.ends_with("bob: a fence\n> third");
    let screen = window.screen();
    assert_eq!(screen.matches("> third").count(), 1, "{screen}");
    window.keys("\x15");
    // From outside, too.
    window.keys("again");
    window.prompts("> again");
    stage.kill(Signal::STOP);
    window.until("a third stop", |screen| screen.matches("Stopped").count() == 3 && screen.ends_with("\n$"));
    window.keys("stty -a > $XDG_STATE_HOME/killed; fg\r");
    window.prompts("> again");
    window.keys("\x15\x04");
    window.prompts("$");
    window.keys("stty -a > $XDG_STATE_HOME/after; echo done\r");
    window.ends_with("\ndone\n$");
    assert_eq!(stage.mode("stopped"), stage.mode("before"));
    assert_eq!(stage.mode("killed"), stage.mode("before"));
    assert_eq!(stage.mode("after"), stage.mode("before"));
    window.keys("exit\r");
    window.wait();
}

/// Ends a chat in some way: the terminal's mode is what it was, and so is the client's exit code.
#[track_caller]
fn check_end(exit: &str, end: impl FnOnce(&mut Stage, &mut Pty)) {
    let mut stage = Stage::new();
    let script = "trap : INT; stty -a > $XDG_STATE_HOME/before; \
                  bash -c 'echo $$ > $XDG_STATE_HOME/pid; exec $CLIENT ann@x'; echo \"exit $?\"; \
                  stty -a > $XDG_STATE_HOME/after";
    let mut window = stage.window(60, 20, script);
    window.prompts(">");
    end(&mut stage, &mut window);
    assert!(matches!(window.wait(), WaitStatus::Exited(_, 0)));
    assert!(window.screen().ends_with(exit), "{}", window.screen());
    // Bracketed paste is off again, and the terminal wraps by itself.
    let raw = window.raw();
    let last =
        |on: &str, off: &str| assert!(raw.rfind(off) > raw.rfind(on), "{off:?} does not follow {on:?}");
    last("\x1b[?2004h", "\x1b[?2004l");
    last("\x1b[?7l", "\x1b[?7h");
    assert_eq!(stage.mode("after"), stage.mode("before"));
}

impl Stage {
    /// The terminal's mode, as `stty` told it to this file.
    fn mode(&self, name: &str) -> String {
        std::fs::read_to_string(self.state.path().join(name)).expect("stty wrote it")
    }

    /// Sends a signal to the client that wrote its number down.
    fn kill(&self, signal: Signal) {
        let pid = std::fs::read_to_string(self.state.path().join("pid")).expect("the shell wrote it");
        let pid = Pid::from_raw(pid.trim().parse().expect("a number")).expect("of a process");
        kill_process(pid, signal).expect("it runs");
    }
}

#[test]
fn the_terminal_is_as_it_was_whatever_the_end() {
    check_end("exit 0", |_, window| window.keys("/quit\r"));
    check_end("exit 0", |_, window| window.keys("\x04"));
    check_end("exit 143", |stage, window| {
        window.keys("half");
        window.prompts("> half");
        stage.kill(Signal::TERM);
    });
    check_end("exit 129", |stage, _| stage.kill(Signal::HUP));
    check_end("exit 130", |stage, _| stage.kill(Signal::INT));
    check_end("an admin can add you again\nexit 5", |stage, _| {
        let members = stage.server().members_text();
        let (_, others) = members.split_once('\n').expect("ann is the first");
        std::fs::write(stage.server().members(), format!("{others}zoe@x zoe-secret admin\n"))
            .expect("an edit");
    });
}

/// Ann's window, in which she is asked for her password and answers so: nothing of it is shown, and the terminal's mode
/// is what it was.
#[track_caller]
fn check_asked(answer: impl FnOnce(&mut Pty)) {
    let mut stage = Stage::new();
    let script = "trap : INT; stty -a > $XDG_STATE_HOME/before; unset CHAT_ROOM_PASSWORD; $CLIENT ann@x; \
                  echo \"exit $?\"; stty -a > $XDG_STATE_HOME/after";
    let mut window = stage.window(60, 20, script);
    window.prompts("Password of ann@x:");
    answer(&mut window);
    window.wait();
    assert!(!window.raw().contains("half") && !window.raw().contains("secret"), "{}", window.raw());
    assert_eq!(stage.mode("after"), stage.mode("before"));
}

#[test]
fn a_password_is_asked_for_unseen_and_ctrl_c_ends_it() {
    check_asked(|window| {
        window.keys("half\x03");
        window.ends_with("exit 130");
    });
    let refusals = |window: &Pty| window.raw().matches("wrong password; try again").count();
    check_asked(|window| {
        window.keys("wrong-secret\r");
        until("the first is refused", || refusals(window) == 1);
        window.ends_with("Password of ann@x:");
        window.keys("wrong-again-secret\r");
        // The second is looked at two seconds later, and nobody is asked meanwhile. Answers to more questions than there
        // are neither answer the next one nor are said to the group.
        until("it is sent", || window.raw().ends_with("Password of ann@x: \r\n"));
        window.keys("ann-secret\rleft-secret\rleft-too-secret\r");
        window.shows("[y/N]");
        assert_eq!(refusals(window), 2);
        window.keys("n\r");
        window.prompts(">");
        window.keys("\x04");
        window.ends_with("exit 0");
    });
}

#[test]
fn nobody_types_a_password_to_learn_that_no_server_is_there() {
    let state = tempfile::tempdir().expect("a folder");
    let closed = free_addr();
    let script = format!("unset CHAT_ROOM_PASSWORD; {CLIENT} --server {closed} ann@x; echo \"exit $?\"");
    let folder = state.path().to_str().expect("temporary names are plain");
    let window = Pty::run(60, 20, &script, &[("XDG_STATE_HOME", folder)]);
    window.ends_with("exit 3");
    assert!(!window.raw().contains("Password"), "{}", window.raw());
}

#[test]
fn a_stay_outlives_a_restart_and_ends_with_the_password() {
    let mut stage = Stage::new();
    let script = "unset CHAT_ROOM_PASSWORD; exec $CLIENT";
    let mut first = stage.window(60, 20, &format!("{script} bob@x"));
    first.prompts("Password of bob@x:");
    first.keys("bob-secret\r");
    first.shows("[y/N]");
    first.keys("y\r");
    first.prompts(">");
    first.keys("hi\r");
    first.shows("bob: hi");
    stage.restart();
    // A stay, and the mail, are remembered.
    let second = stage.window(60, 20, script);
    second.shows("you are bob@x at");
    second.prompts(">");
    first.shows("connected again");
    let mut ann = stage.peer("ann@x");
    ann.say("RESET bob@x bob-new-secret");
    ann.expect("MSG 1 <time> bob@x hi");
    ann.expect("OK RESET bob@x");
    for mut window in [first, second] {
        assert!(matches!(window.wait(), WaitStatus::Exited(_, 5)), "{}", window.screen());
        assert!(window.screen().ends_with("start again with the new password"), "{}", window.screen());
    }
    let mut third = stage.window(100, 20, script);
    third.ends_with(
        "the saved login has expired: it lasts 30 days, or until the password changes\nPassword of bob@x:",
    );
    third.keys("bob-new-secret\r");
    third.shows("[y/N]");
}

#[test]
fn many_pasted_lines_are_asked_about() {
    let mut stage = Stage::new();
    let mut ann = stage.ann(60, 20);
    ann.keys("\x1b[200~one\ntwo\nthree\x1b[201~");
    ann.ends_with("> one\ntwo\nthree");
    ann.keys("\r");
    ann.shows("ann: three");
    ann.keys("\x1b[200~1\n2\n3\n4\n5\n6\n\x1b[201~\r");
    ann.ends_with("5\n6\nsay these 6 lines? [y/N]");
    ann.keys("n");
    ann.ends_with("* not said; Up brings it back\n>");
    ann.keys("\x1b[A");
    ann.ends_with("> 1\n2\n3\n4\n5\n6");
    ann.keys("\r");
    ann.ends_with("5\n6\nsay these 6 lines? [y/N]");
    ann.keys("y");
    ann.shows("ann: 6");
    assert_eq!(history(&mut stage.peer("bob@x")).len(), 9);
}

#[test]
fn much_that_was_missed_is_asked_about() {
    let mut stage = Stage::new();
    // The device is known from its first login on.
    let mut ann = stage.ann(60, 20);
    ann.keys("/quit\r");
    ann.wait();
    let mut bob = stage.peer("bob@x");
    bob.send("MSG old\n".repeat(301).as_bytes());
    for _ in 1..=301 {
        bob.expect("OK MSG …");
    }
    let mut ann = stage.window(60, 20, "exec $CLIENT ann@x");
    ann.ends_with("* 301 missed: Enter shows them, /skip passes over them\n>");
    assert!(!ann.screen().contains("old"), "{}", ann.screen());
    // The chat goes on, also with another server.
    ann.keys("/who\r");
    ann.shows("2 here: ann, bob");
    ann.keys("hi\r");
    ann.ends_with(
        "* said; it comes after what you have missed: hi\n* 302 missed: Enter shows them, /skip passes over them\n>",
    );
    stage.server().kill();
    ann.shows("no connection; trying");
    stage.restart();
    ann.ends_with("* 302 missed: Enter shows them, /skip passes over them\n>");
    // Somebody who leaves without an answer is asked again.
    ann.keys("\x04");
    assert!(matches!(ann.wait(), WaitStatus::Exited(_, 0)));
    assert!(!ann.screen().contains("not acknowledged"), "{}", ann.screen());
    let mut ann = stage.window(60, 20, "exec $CLIENT ann@x");
    ann.ends_with("* 302 missed: Enter shows them, /skip passes over them\n>");
    ann.keys("\r");
    ann.ends_with("ann: hi\n>");
    assert_eq!(said(&ann.screen())[..2], ["bob: old", "bob: old"]);
    ann.keys("/quit\r");
    ann.wait();
    let mut bob = stage.peer("bob@x");
    bob.send(format!("{}PING\n", "MSG more\n".repeat(301)).as_bytes());
    while bob.line().expect("an answer") != "OK PING" {}
    let mut ann = stage.window(60, 20, "exec $CLIENT ann@x");
    ann.ends_with("* 301 missed: Enter shows them, /skip passes over them\n>");
    ann.keys("/skip\r");
    ann.shows("301 not shown");
    bob.say("MSG new");
    bob.expect("OK MSG …");
    ann.ends_with("bob: new\n>");
    assert!(!ann.screen().contains("more"), "{}", ann.screen());
    ann.keys("/quit\r");
    ann.wait();
    for n in 1..=12 {
        bob.say(&format!("MSG later {n}"));
        bob.expect("OK MSG …");
    }
    let ann = stage.window(60, 20, "exec $CLIENT ann@x");
    ann.ends_with("bob: later 12\n>");
    ann.shows("--- 12 missed ---");
}

/// Killed while it shows what was missed, it has not recorded more than the screen showed.
#[test]
fn a_client_that_is_killed_loses_nothing_of_what_was_missed() {
    const SAID: usize = 5000;
    let mut stage = Stage::new();
    let mut ann = stage.ann(60, 20);
    ann.keys("/quit\r");
    ann.wait();
    let mut bob = stage.peer("bob@x");
    let lines: Vec<String> = (0..SAID).map(|n| format!("MSG number {n};\n")).collect();
    bob.send(format!("{}PING\n", lines.concat()).as_bytes());
    while bob.line().expect("an answer") != "OK PING" {}
    let mut shown = vec![false; SAID];
    for window in 1..=4 {
        let mut ann = stage.window(60, 20, "echo $$ >$XDG_STATE_HOME/pid; exec $CLIENT ann@x");
        // Little that is left comes without a question. Before it come lines that were shown already, with a prompt below
        // them; an Enter there answers nothing.
        let is_end = |screen: &str| screen.contains(&format!("number {};", SAID - 1));
        ann.until("the question, or the end", |screen| screen.contains("/skip passes") || is_end(screen));
        let lines = |raw: &str| raw.matches("number ").count();
        let before = lines(&ann.raw());
        ann.keys("\r");
        if window < 4 {
            ann.until("some of it", |screen| lines(&ann.raw()) > before || is_end(screen));
            stage.kill(Signal::KILL);
        } else {
            bob.say("MSG that is all");
            ann.ends_with("that is all\n>");
            ann.keys("/quit\r");
        }
        ann.wait();
        for piece in ann.raw().split("number ").skip(1) {
            if let Some((number, _)) = piece.split_once(';') {
                shown[number.parse::<usize>().expect("a number")] = true;
            }
        }
    }
    assert_eq!(shown.iter().position(|&shown| !shown), None);
}

#[test]
fn with_and_without_colours() {
    let mut stage = Stage::new();
    let mut bob = stage.peer("bob@x");
    bob.say("MSG hi");
    bob.expect("OK MSG 1 <time>");
    let coloured = stage.window(60, 20, "exec $CLIENT ann@x");
    coloured.ends_with("bob: hi\n>");
    assert!(coloured.raw().contains("mbob\x1b[0m: hi"), "{:?}", coloured.raw());
    let plain = stage.window(60, 20, "NO_COLOR=1 exec $CLIENT ann@x");
    plain.shows("you are ann@x");
    bob.say("MSG ho");
    plain.shows("bob: ho");
    let raw = plain.raw();
    let colour = |at: usize| {
        raw[at..].find('m').is_some_and(|end| raw[at + 2..at + end].bytes().all(|b| b.is_ascii_digit()))
    };
    let coloured = raw.match_indices("\x1b[").any(|(at, _)| colour(at));
    assert!(!coloured, "{raw:?}");
}

/// Where the output goes through a pipe, what is typed is said all the same.
#[test]
fn a_chat_through_a_pipe_is_a_chat() {
    let mut stage = Stage::new();
    let mut window = stage.window(60, 20, "$CLIENT ann@x | tee $XDG_STATE_HOME/log; echo \"exit $?\"");
    window.shows("you are ann@x");
    let mut bob = stage.peer("bob@x");
    bob.say("MSG hi ann");
    window.ends_with("bob: hi ann");
    window.keys("hello bob\r");
    window.ends_with("ann: hello bob");
    window.keys("\x04");
    window.ends_with("exit 0");
    let log = std::fs::read_to_string(stage.state.path().join("log")).expect("tee has written it");
    assert_eq!(said(&log), ["bob: hi ann", "ann: hello bob"]);
    assert!(!log.contains('\x1b'), "{log:?}");
}

#[test]
fn a_terminal_that_places_no_cursor_gets_lines() {
    let mut stage = Stage::new();
    let script = "stty -a > $XDG_STATE_HOME/before; TERM=dumb $CLIENT ann@x; echo \"exit $?\"; \
                  stty -a > $XDG_STATE_HOME/after";
    let mut window = stage.window(60, 20, script);
    window.shows("you are ann@x");
    let mut bob = stage.peer("bob@x");
    bob.say("MSG hi ann");
    window.ends_with("bob: hi ann");
    window.keys("hello bob\r");
    window.ends_with("ann: hello bob");
    // What the terminal takes for text does nothing.
    window.keys("\x1b[Asecond\r");
    window.ends_with("ann: second");
    window.keys("/passwd\r");
    window.ends_with("your password now:");
    bob.say("MSG meanwhile");
    window.ends_with("bob: meanwhile\nyour password now:");
    window.keys("short\r");
    window.shows("your password now:\n! a password has 6 to 1024 bytes and no blanks; type");
    window.ends_with("Ctrl-C\nyour password now:");
    window.keys("ann-secret\r");
    window.ends_with("your new password:");
    window.keys("ann-new-secret\r");
    window.ends_with("the same again:");
    window.keys("ann-new-secret\r");
    window.shows("* your password is changed");
    window.keys("/leave\r");
    window.ends_with("leave the group for good? [y/N]");
    window.keys("n\r");
    window.ends_with("* you are still in the group");
    window.keys("/who\r");
    window.ends_with("* 2 here: ann, bob");
    window.keys("\x04");
    window.ends_with("exit 0");
    window.wait();
    let raw = window.raw();
    assert!(!raw.contains('\x1b') && !raw.contains("secret"), "{raw:?}");
    let mode = |name: &str| std::fs::read_to_string(stage.state.path().join(name)).expect("stty wrote it");
    assert_eq!(mode("after"), mode("before"));
    assert_eq!(
        history(&mut stage.peer("bob@x")),
        ["bob@x hi ann", "ann@x hello bob", "ann@x second", "bob@x meanwhile"]
    );
}
