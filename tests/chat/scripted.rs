//! The client at a terminal, and a server that says what no honest one does, or what others do not say yet.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use rexpect::process::WaitStatus;

use crate::CLIENT;
use crate::pty::Pty;
use crate::script::{HELLO, serve};

const WELCOME: &str = "ann@x role=member last=2 missed=0 first=1 transcript=0123abcd";

/// The client with these arguments, at a terminal.
fn window(state: &Path, args: &str, environment: &[(&str, &str)]) -> Pty {
    let state = state.to_str().expect("temporary names are plain");
    let mut all = vec![("XDG_STATE_HOME", state)];
    all.extend(environment);
    Pty::run(100, 20, &format!("exec {CLIENT} {args}"), &all)
}

#[test]
fn nothing_of_a_hostile_server_acts_on_the_terminal() {
    let state = tempfile::tempdir().expect("a folder");
    let evil = "\x1b]0;title\x07\x1b[31mred\x1b[2J\u{9b}1m\u{202e}\x08";
    let script = [
        HELLO,
        "< LOGIN ann@x/pty geheim\n",
        &format!("> OK LOGIN {WELCOME} {evil}\n"),
        "< TITLE\n< MEMBERS\n",
        &format!("> OK TITLE {evil}\n"),
        &format!("> MEMBER ann@x role={evil} online={evil} name={evil}\n> OK MEMBERS 1 {evil}\n"),
        "< HISTORY SINCE 0 2\n",
        &format!("> HISTORY 1 2\n> MSG 1 2026-01-02T03:04:05.678Z bob@x {evil}\n"),
        &format!("> MSG 2 2026-01-02T03:04:05.678Z bob@x a fence\n> OK HISTORY {evil}\n"),
        &format!("> NAMED 3 2026-01-02T03:04:05.678Z bob@x {evil}\n"),
        &format!("> TITLED 3 2026-01-02T03:04:05.678Z bob@x {evil}\n"),
        &format!("> MSG 3 2026-01-02T03:04:05.678Z bob@x {evil}\n"),
        &format!("> {evil}\n> HELLO {evil}\n> HISTORY {evil}\n"),
        "< WHO\n",
        &format!("> WHO {evil} devices={evil}\n> OK WHO 1 {evil}\n"),
        "< MEMBERS\n",
        &format!("> MEMBER {evil} role=admin online=no seen={evil}\n> OK MEMBERS {evil}\n"),
        "< STATS\n",
        &format!("> STAT {evil}\n> ERR {evil} {evil} {evil}\n"),
        "< PING\n",
    ]
    .concat();
    // A PING comes after half a minute: the test does not wait for it, and hangs up before.
    let script = script.replace("< PING\n", &format!("> BYE removed {evil}\n"));
    let (address, server) = serve(script);
    let args = format!("--server {address} --device pty ann@x");
    let mut window = window(state.path(), &args, &[("CHAT_ROOM_PASSWORD", "geheim")]);
    window.ends_with("bob: a fence\n--- nothing missed ---\n>");
    // One by one, or they are a paste.
    for command in ["/who", "/members", "/stats"] {
        window.keys(&format!("{command}\r"));
        window.shows(&format!("> {command}"));
    }
    assert!(matches!(window.wait(), WaitStatus::Exited(_, 5)), "{}", window.screen());
    server.join().expect("the conversation goes as in the script");
    let raw = window.raw();
    // The title is the client's own sequence, with what is harmless of the server's.
    assert!(raw.contains("\x1b]2;\u{fffd}]0;title\u{fffd}\u{fffd}[31mred"), "{raw:?}");
    for part in ["\x1b]0", "\x1b[31mred", "\u{9b}", "\u{202e}", "\x08", "\x07"] {
        assert!(!raw.contains(part), "{part:?} in {raw:?}");
    }
    assert!(raw.contains("red"), "{raw:?}");
}

#[test]
fn a_stay_is_offered_kept_renewed_and_ended() {
    let state = tempfile::tempdir().expect("a folder");
    let talk = |login: &str, token: &str| {
        format!(
            "{HELLO}< {login}\n> OK {} {}\n< TOKEN\n< TITLE\n< MEMBERS\n> OK TOKEN {token}\n> OK TITLE\n> OK MEMBERS 0\n< QUIT\n> OK QUIT\n",
            login.split(' ').next().expect("a verb"),
            WELCOME.replace("last=2", "last=0"),
        )
    };
    let feedless = |login: &str, token: &str| {
        format!("{HELLO}< {login}\n> OK RESUME {WELCOME}\n< TOKEN\n> OK TOKEN {token}\n< QUIT\n> OK QUIT\n")
    };
    let refused = format!("{HELLO}< RESUME ann@x/pty token-3\n> ERR RESUME bad-login no\n<.\n");
    let script = [
        // Before anything is asked for: that it is there.
        format!("{HELLO}<.\n"),
        talk("LOGIN ann@x/pty geheim", "token-1"),
        talk("RESUME ann@x/pty token-1", "token-2"),
        feedless("RESUME ann@x/- token-2", "token-3"),
        refused,
        talk("LOGIN ann@x/pty geheim2", "token-4"),
    ];
    let (address, server) = serve(script.join("#\n"));
    let token = state.path().join(format!("chat-room/tokens/{address}/ann@x"));
    let kept = || std::fs::read_to_string(&token).expect("a token is kept");

    let mut first = window(state.path(), &format!("--server {address} --device pty ann@x"), &[]);
    first.prompts("Password of ann@x:");
    first.keys("geheim\r");
    first.prompts("Stay logged in on this device? [y/N]");
    first.keys("y\r");
    first.prompts(">");
    assert!(!first.raw().contains("geheim"), "{:?}", first.raw());
    first.keys("/quit\r");
    first.wait();
    assert_eq!(kept(), "token-1\n");
    let mode = std::fs::metadata(&token).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    // Nothing is to be typed any more.
    let mut second = window(state.path(), "--device pty", &[]);
    second.prompts(">");
    second.keys("\x04");
    second.wait();
    assert_eq!(kept(), "token-2\n");

    let mut third = window(state.path(), "send </dev/null", &[]);
    assert!(matches!(third.wait(), WaitStatus::Exited(_, 0)), "{}", third.screen());
    assert_eq!(kept(), "token-3\n");

    let mut fourth = window(state.path(), "--device pty", &[]);
    fourth.ends_with(
        "the saved login has expired: it lasts 30 days, or until the password changes\nPassword of ann@x:",
    );
    fourth.keys("geheim2\r");
    fourth.prompts("Stay logged in on this device? [y/N]");
    fourth.keys("y\r");
    fourth.prompts(">");
    fourth.keys("\x04");
    fourth.wait();
    assert_eq!(kept(), "token-4\n");
    server.join().expect("the conversations go as in the script");
}
