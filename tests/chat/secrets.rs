//! Nothing that is typed where a password was asked for is said to the group or shown, whatever happens meanwhile.

use crate::{Stage, history};

/// Nobody heard anything of it, and no window showed it.
#[track_caller]
fn nothing_was_said(stage: &mut Stage, raw: &str) {
    assert!(!raw.contains("secret") && !raw.contains("two words"), "{raw:?}");
    let mut bob = stage.peer("bob@x/-");
    bob.say("MSG fence");
    bob.expect("OK MSG …");
    let said = history(&mut bob).join("\n");
    assert!(!said.contains("secret") && !said.contains("two words"), "{said}");
}

#[test]
fn a_refused_password_is_asked_for_again_and_nothing_of_it_is_said() {
    let mut stage = Stage::new();
    let mut ann = stage.ann(80, 24);
    ann.keys("/add zoe@x\r");
    ann.prompts("password for zoe@x:");
    ann.keys("two words\r");
    ann.shows("! a password has 6 to 1024 bytes and no blanks; type it again, or Ctrl-C");
    // The corrected one, and all that comes with it.
    ann.keys("zoe-secret\rother-secret\r");
    ann.shows("the two passwords differ");
    // In the midst of it the server goes away and comes back.
    ann.keys("zoe-secret\r");
    ann.prompts("the same again:");
    stage.server().kill();
    ann.shows("no connection; trying");
    stage.restart();
    ann.shows("connected again");
    ann.prompts("the same again:");
    ann.keys("zoe-secret\r");
    ann.shows("* zoe@x can log in with that password");
    ann.prompts(">");
    // It refuses one that was given: that is asked for again.
    ann.keys("/passwd\r");
    ann.prompts("your password now:");
    ann.keys("wrong-secret\rann-new-secret\rann-new-secret\rtyped-ahead-secret\r");
    ann.shows("! /passwd: ");
    ann.prompts("your password now:");
    ann.keys("\x03");
    ann.shows("* /passwd: not done");
    ann.prompts(">");
    nothing_was_said(&mut stage, &ann.raw());
}

#[test]
fn a_login_that_is_typed_into_the_chat_is_not_said_by_itself() {
    let mut stage = Stage::new();
    let mut ann = stage.ann(80, 24);
    ann.keys("LOGIN bob@x bob-secret\r");
    ann.prompts("there may be a password in this line: say it to the group? [y/N]");
    ann.keys("n\r");
    ann.ends_with(
        "* not said; /add, /reset and /passwd ask for passwords without showing them\n> LOGIN \
    bob@x bob-secret",
    );
    ann.keys("\x15MSG hi\r");
    ann.shows("ann: hi");
    nothing_was_said(&mut stage, "");
}

/// Where no cursor can be placed, Ctrl-C is a signal: it ends the question, and not the chat.
#[test]
fn a_terminal_that_places_no_cursor_asks_again_too() {
    let mut stage = Stage::new();
    let mut window = stage.window(80, 24, "TERM=dumb exec $CLIENT ann@x");
    window.shows("you are ann@x");
    window.keys("/passwd\r");
    window.ends_with("your password now:");
    window.keys("two words\r");
    window.ends_with("type it again, or Ctrl-C\nyour password now:");
    window.keys("\x03");
    window.shows("* /passwd: not done");
    window.keys("hi\r");
    window.ends_with("ann: hi");
    nothing_was_said(&mut stage, &window.raw());
}
