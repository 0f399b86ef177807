//! What makes a chat pleasant at a terminal: where one left off, what concerns oneself, and what one typed before.

use rexpect::process::WaitStatus;

use crate::common::peer::Peer;
use crate::pty::Pty;
use crate::{Stage, said, unread};

/// Ann has seen the first lines, and misses the last two.
fn left_off() -> (Stage, Peer) {
    let mut stage = Stage::new();
    let mut ann = stage.ann(60, 40);
    let mut bob = stage.peer("bob@x/-");
    for number in 1..=25 {
        bob.say(&format!("MSG old {number}, ann"));
        bob.expect("OK MSG …");
    }
    ann.shows("old 25");
    ann.keys("/q\r");
    assert!(matches!(ann.wait(), WaitStatus::Exited(_, 0)));
    for text in ["new 1", "new 2 for Ann, not for joann"] {
        bob.say(&format!("MSG {text}"));
        bob.expect("OK MSG …");
    }
    (stage, bob)
}

#[track_caller]
fn check_lead_in(window: &Pty) {
    window.shows("new 2");
    let screen = window.screen();
    let old: Vec<String> = (6..=25).map(|number| format!("bob: old {number}, ann")).collect();
    let new = ["bob: new 1", "bob: new 2 for Ann, not for joann"].map(str::to_owned);
    assert_eq!(said(&screen), [old.as_slice(), &new].concat());
    assert!(screen.contains("--- 2 missed ---"), "{screen}");
    assert_eq!(said(unread(&screen)), new);
}

#[test]
fn the_last_lines_then_a_mark_then_what_was_missed() {
    let (mut stage, _bob) = left_off();
    let window = stage.window(60, 40, "exec $CLIENT ann@x");
    check_lead_in(&window);
    let raw = window.raw();
    assert!(
        raw.contains("\x1b[2mbob: old 25, ann\x1b[0m") || raw.contains("bob: old 25, ann\x1b[0m"),
        "{raw:?}"
    );
    assert!(raw.contains("for \x1b[30;43mAnn\x1b[0m, not for joann"), "{raw:?}");
}

#[test]
fn all_of_it_is_readable_without_colours() {
    for environment in ["NO_COLOR=1", "TERM=dumb"] {
        let (mut stage, _bob) = left_off();
        let window = stage.window(60, 40, &format!("{environment} exec $CLIENT ann@x"));
        check_lead_in(&window);
        let raw = window.raw();
        let coloured = raw.split("\x1b[").skip(1).any(|part| {
            part.find('m').is_some_and(|end| part[..end].bytes().all(|b| b.is_ascii_digit() || b == b';'))
        });
        assert!(!coloured, "{raw:?}");
    }
}

#[test]
fn commands_that_others_have() {
    let mut stage = Stage::new();
    let mut ann = stage.ann(60, 20);
    let mut bob = stage.peer("bob@x");
    ann.keys("/me waves to bob\r");
    ann.ends_with("* ann waves to bob\n>");
    bob.expect("MSG 1 <time> ann@x /me waves to bob");
    bob.say("MSG /me waves back to ann");
    ann.ends_with("* bob waves back to ann\n>");
    ann.keys("/clear\r");
    ann.until("nothing but a prompt", |screen| screen == ">");
    // It stays so.
    ann.resize(70, 20);
    ann.keys("\x0cx");
    ann.until("nothing but what is typed", |screen| screen == "> x");
    ann.keys("\x15/exit\r");
    assert!(matches!(ann.wait(), WaitStatus::Exited(_, 0)));
    let mut plain = stage.window(60, 20, "TERM=dumb exec $CLIENT ann@x");
    plain.shows("nothing missed");
    plain.keys("/clear\r");
    plain.ends_with("! /clear: this terminal cannot be cleared");
}

#[test]
fn roles_are_given_and_taken() {
    let mut stage = Stage::new();
    let mut ann = stage.ann(90, 20);
    let mut bob = stage.peer("bob@x");
    ann.keys("/promote bob\r");
    ann.shows("* bob@x is an admin");
    ann.shows("* bob was made an admin by ann");
    bob.expect("PROMOTED 1 <time> ann@x bob@x");
    ann.keys("/demote ann\r");
    ann.shows("* ann is no admin any more, by ann");
    bob.expect("DEMOTED 2 <time> ann@x ann@x");
    ann.keys("/demote bob\r");
    ann.shows("! /demote: only an admin may do that; /members shows who the admins are");
}

#[test]
fn typed_lines_can_be_searched() {
    let mut stage = Stage::new();
    let mut ann = stage.ann(60, 20);
    let mut bob = stage.peer("bob@x");
    for text in ["the first line", "another", "a last one"] {
        ann.keys(&format!("{text}\r"));
        bob.expect(&format!("MSG … ann@x {text}"));
    }
    ann.keys("half\x12li");
    ann.ends_with("search: li\n> the first line");
    ann.keys("\x1b");
    ann.prompts("> half");
    ann.keys("\x12an");
    ann.ends_with("search: an\n> another");
    ann.keys("\x12");
    ann.ends_with("not found: an\n> another");
    ann.keys("\r");
    bob.expect("MSG … ann@x another");
    ann.ends_with("ann: another\n>");
}
