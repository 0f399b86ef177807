//! What is typed and pasted at a terminal.

use crate::common::peer::Peer;
use crate::{Stage, history};

#[test]
fn no_byte_takes_the_key_after_it() {
    let mut stage = Stage::new();
    let mut ann = stage.ann(60, 20);
    let mut bob = stage.peer("bob@x");
    // A window that sends Latin-1, and keys that it has begun and not ended.
    for (garbage, said) in [
        (b"caf\xe9".as_slice(), "caf\u{fffd}"),
        (b"\xff\xc3", "\u{fffd}\u{fffd}"),
        (b"esc\x1b", "esc"),
        (b"begun\x1b[1;", "begun"),
        (b"begun too\x1bO", "begun too"),
    ] {
        ann.bytes(garbage);
        ann.keys("\r");
        bob.expect(&format!("MSG … ann@x {said}"));
    }
    // What is not complete is shown soon, and Ctrl-C is Ctrl-C.
    ann.bytes(b"caf\xe9");
    ann.until("what was no character", |_| ann.raw().ends_with("> caf\u{fffd}\x1b[?7h\r\x1b[6C"));
    ann.bytes(b"\xe9\x03");
    ann.prompts(">");
    // The end of a paste never comes.
    ann.keys("\x1b[200~half a paste");
    ann.prompts("> half a paste");
    ann.keys(", and more\r");
    bob.expect("MSG … ann@x half a paste, and more");
}

const LINES: [&str; 12] =
    ["one", "/two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];

/// Twelve lines are pasted in one way, and not said; then once more, and said.
#[track_caller]
fn check_paste(environment: &str, paste: &str) {
    let mut stage = Stage::new();
    let mut window = stage.window(60, 30, &format!("{environment} exec $CLIENT ann@x"));
    window.shows("you are ann@x");
    let mut bob = stage.peer("bob@x");
    for answer in ["n\r", "\r"] {
        window.keys(paste);
        window.ends_with("say these 12 lines? [y/N]");
        window.keys(answer);
        window.shows("not said");
        // It is not asked again, and the next line is a line.
        window.keys("next\r");
        bob.expect("MSG … ann@x next");
        window.until("an end of the question", |screen| !screen.ends_with("[y/N]"));
    }
    window.keys(paste);
    window.ends_with("say these 12 lines? [y/N]");
    window.keys("yes\r");
    let told: Vec<String> = LINES.iter().map(|line| format!("MSG … ann@x {line}")).collect();
    for line in &told {
        bob.expect(line);
    }
    assert_eq!(history(&mut Peer::member(stage.server().addr(), "bob@x")).len(), 2 + 12);
}

#[test]
fn a_paste_is_asked_about_marked_or_not() {
    check_paste("", &format!("\x1b[200~{}\x1b[201~\r", LINES.join("\r")));
    check_paste("", &format!("{}\r", LINES.join("\r")));
    check_paste("TERM=dumb", &format!("{}\n", LINES.join("\n")));
}

#[test]
fn lines_that_come_at_once_are_lines_each() {
    let mut stage = Stage::new();
    let mut window = stage.window(60, 20, "TERM=dumb exec $CLIENT ann@x");
    window.shows("you are ann@x");
    let mut bob = stage.peer("bob@x");
    // The first is given back where it can be changed; here it does not begin the second.
    window.keys(&format!("{}\nsecond\n", "x".repeat(4095)));
    window.shows("not said");
    bob.expect("MSG … ann@x second");
}
