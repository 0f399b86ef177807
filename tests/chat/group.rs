//! What a group has, at a terminal: names, a title, announcements.

use rustix::process::Signal;

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

#[test]
fn the_group_has_a_title_and_so_has_the_window() {
    const CLIENT: &str = "echo $$ >$XDG_STATE_HOME/pid; exec $CLIENT ann@x";
    let mut stage = Stage::new();
    let mut ann = stage.window(90, 30, CLIENT);
    ann.prompts(">");
    assert!(!ann.raw().contains("\x1b]"), "{:?}", ann.raw());
    ann.keys("/title Book club\r");
    ann.ends_with("* ann calls the group Book club\n>");
    ann.keys("/title\r");
    ann.ends_with("* the group is called Book club\n>");
    assert!(ann.raw().contains("\x1b[22;2t\x1b]2;Book club\x1b\\"), "{:?}", ann.raw());
    assert!(!ann.raw().contains("\x1b[23;2t"), "{:?}", ann.raw());
    ann.keys("/q\r");
    ann.wait();
    assert_eq!(ann.raw().matches("\x1b[23;2t").count(), 1, "{:?}", ann.raw());
    // It is known from the beginning, and the window gets its own title back whatever ends the client.
    let mut again = stage.window(90, 30, CLIENT);
    again.shows("* Book club: you are ann@x (admin) at ");
    again.prompts(">");
    let mut bob = stage.peer("bob@x/-");
    again.keys("/promote bob\r");
    again.shows("* bob was made an admin by ann");
    bob.say("TITLE The Choir");
    again.ends_with("* bob calls the group The Choir\n>");
    stage.kill(Signal::TERM);
    again.wait();
    let raw = again.raw();
    for (part, count) in [("\x1b[22;2t", 1), ("\x1b]2;Book club\x1b\\", 1), ("\x1b]2;The Choir\x1b\\", 1)] {
        assert_eq!(raw.matches(part).count(), count, "{part:?} in {raw:?}");
    }
    assert!(raw.rfind("\x1b[23;2t") > raw.rfind("\x1b]2;"), "{raw:?}");
    for term in ["linux", "dumb"] {
        let console = stage.window(90, 30, &format!("TERM={term} exec $CLIENT ann@x"));
        console.shows("* The Choir: you are ann@x (admin) at ");
        console.shows("--- nothing missed ---");
        assert!(!console.raw().contains("\x1b]"), "{:?}", console.raw());
    }
}

#[test]
fn where_only_admins_speak_a_line_comes_back() {
    let mut stage = Stage::new();
    let mut bob = stage.window(90, 20, "CHAT_ROOM_PASSWORD=bob-secret exec $CLIENT bob@x");
    bob.prompts(">");
    let mut ann = stage.peer("ann@x/-");
    ann.say("ANNOUNCE on");
    bob.ends_with("* ann lets only admins speak\n>");
    bob.keys("hello\r");
    bob.shows("! not said: only admins speak at present");
    bob.prompts("> hello");
    bob.keys("\x15/announce\r");
    bob.ends_with("* only admins can speak\n>");
    bob.keys("/announce off\r");
    bob.shows("! /announce: only an admin may do that; /members shows who the admins are");
    ann.say("ANNOUNCE off");
    bob.ends_with("* ann lets everybody speak\n>");
    bob.keys("hello\r");
    bob.ends_with("bob: hello\n>");
}
