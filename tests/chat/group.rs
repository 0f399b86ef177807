//! What a group has, at a terminal: names.

use crate::Stage;

#[test]
fn members_are_called_by_their_names() {
    let mut stage = Stage::new();
    let mut ann = stage.ann(90, 30);
    let mut bob = stage.peer("bob@x");
    bob.say("NAME Bob Brown");
    ann.ends_with("* bob@x is now called Bob Brown\n>");
    bob.say("MSG hello");
    ann.ends_with("Bob Brown: hello\n>");
    ann.keys("/name Änn Baker\r");
    ann.ends_with("* ann@x is now called Änn Baker\n>");
    bob.say("MSG ask ÄNN BAKER, not joann");
    ann.ends_with("Bob Brown: ask ÄNN BAKER, not joann\n>");
    assert!(ann.raw().contains("ask \x1b[30;43mÄNN BAKER\x1b[0m, not"), "{:?}", ann.raw());
    ann.keys("BOB b\t");
    ann.prompts("> Bob Brown:");
    ann.keys("\x15/members\r");
    ann.shows("  Änn Baker (ann@x), you, admin, here\n  Bob Brown (bob@x), here\n  cid@x, never seen");
    ann.keys("/name B\u{43e}b\r");
    ann.shows("! /name: somebody else is called that");
    ann.keys("/q\r");
    ann.wait();
    // They are known before anything is shown, also of what happened before, and where colours are not.
    let mut again = stage.window(90, 30, "TERM=dumb exec $CLIENT ann@x");
    again.shows("Bob Brown: hello");
    again.shows("--- nothing missed ---");
    again.keys("/name -\r");
    again.shows("* ann@x has no name any more");
}
