//! The client as a filter, its arguments, and how it ends, against a server that follows a script.
//!
//! Longer than 350 lines: independent tests, one script each.

#[path = "../common/mod.rs"]
mod common;
mod script;
mod servers;

use std::io::Write as _;
use std::net::TcpListener;
use std::process::{Command, Stdio};

use common::net::free_addr;
use script::{ENTER, HELLO, Input, check, check_arguments, check_input, serve, serve_quietly, start};

#[test]
fn every_line_is_sent_as_it_stands() {
    check(
        "Ann@Example.ORG",
        "hello\n\n  two  blanks \r\n/quit\n//slashes\ntab\tünï\nno end".as_bytes(),
        &[
            ENTER,
            "< MSG hello\n> OK MSG 3 2026-01-02T03:04:05.678Z\n",
            "< MSG   two  blanks \n< MSG /quit\n< MSG //slashes\n< MSG tab\tünï\n< MSG no end\n< QUIT\n",
            "> OK MSG 4 2026-01-02T03:04:05.678Z\n> OK MSG 5 2026-01-02T03:04:05.678Z\n",
            "> OK MSG 6 2026-01-02T03:04:05.678Z\n> OK MSG 7 2026-01-02T03:04:05.678Z\n",
            "> OK MSG 8 2026-01-02T03:04:05.678Z\n> OK QUIT\n",
        ],
        "exit 0\n",
    );
}

#[test]
fn nothing_to_say() {
    check("ann@example.org", b"", &[ENTER, "< QUIT\n> OK QUIT\n"], "exit 0\n");
}

#[test]
fn tail_prints_the_last_events_as_they_are() {
    check(
        "tail ann@example.org",
        b"",
        &[
            ENTER,
            "< HISTORY 20\n> HISTORY 1 2\n",
            "> ADDED 1 2026-01-02T03:04:05.678Z - ann@example.org\n",
            "> MSG 2 2026-01-02T03:04:05.678Z bob@example.org  hello  Ann \n> OK HISTORY 2 last=2\n",
        ],
        "exit 0\n\
         | ADDED 1 2026-01-02T03:04:05.678Z - ann@example.org\n\
         | MSG 2 2026-01-02T03:04:05.678Z bob@example.org  hello  Ann \n",
    );
}

#[test]
fn tail_prints_objects_for_programs() {
    check(
        "tail --json ann@example.org",
        b"",
        &[
            ENTER,
            "< HISTORY 20\n> HISTORY 1 3\n",
            "> ADDED 1 2026-01-02T03:04:05.678Z - ann@example.org\n",
            "> MSG 2 2026-01-02T03:04:05.678Z bob@example.org  say \"hi\" \\\n",
            "> POLL 3 2026-01-02T03:04:05.678Z bob@example.org lunch? \u{7f}\n> OK HISTORY 3 last=3\n",
        ],
        "exit 0\n\
         | {\"seq\":1,\"time\":\"2026-01-02T03:04:05.678Z\",\"kind\":\"ADDED\",\"mail\":\"ann@example.org\",\"by\":\"-\"}\n\
         | {\"seq\":2,\"time\":\"2026-01-02T03:04:05.678Z\",\"kind\":\"MSG\",\"mail\":\"bob@example.org\",\
         \"text\":\" say \\\"hi\\\" \\\\\"}\n\
         | {\"seq\":3,\"time\":\"2026-01-02T03:04:05.678Z\",\"kind\":\"POLL\",\
         \"text\":\"bob@example.org lunch? \u{fffd}\"}\n",
    );
}

#[test]
fn tail_goes_through_all_behind_a_number() {
    check(
        "ann@example.org tail --since 7",
        b"",
        &[
            ENTER,
            "< HISTORY SINCE 7 1000\n> HISTORY 8 8\n",
            "> MSG 8 2026-01-02T03:04:05.678Z bob@example.org eight\n> OK HISTORY 1 last=9\n",
            "< HISTORY SINCE 8 1000\n> HISTORY 9 9\n",
            "> MSG 9 2026-01-02T03:04:05.678Z bob@example.org nine\n> OK HISTORY 1 last=9\n",
        ],
        "exit 0\n\
         | MSG 8 2026-01-02T03:04:05.678Z bob@example.org eight\n\
         | MSG 9 2026-01-02T03:04:05.678Z bob@example.org nine\n",
    );
    check(
        "ann@example.org tail --since 7",
        b"",
        &[ENTER, "< HISTORY SINCE 7 1000\n> OK HISTORY 0\n"],
        "exit 0\n",
    );
}

#[test]
fn tail_follows_over_a_break_without_hole_or_double() {
    let enter = |last: u64, missed: u64| {
        format!(
            "{HELLO}< LOGIN ann@example.org/tail geheim\n\
             > OK LOGIN ann@example.org role=member last={last} missed={missed} first=1 transcript=0123abcd\n"
        )
    };
    let event = |seq: u64| format!("> MSG {seq} 2026-01-02T03:04:05.678Z bob@example.org x\n");
    check(
        "ann@example.org tail --follow --since 4",
        b"",
        &[
            &enter(6, 1),
            "< HISTORY SINCE 4 1000\n",
            &event(6),
            "> HISTORY 5 6\n",
            &event(5),
            &event(6),
            "> OK HISTORY 2 last=6\n",
            &event(7),
            "#\n",
            &enter(9, 3),
            &event(7),
            &event(8),
            &event(9),
            "> BYE removed you are out\n",
        ],
        "exit 5\n\
         | MSG 5 2026-01-02T03:04:05.678Z bob@example.org x\n\
         | MSG 6 2026-01-02T03:04:05.678Z bob@example.org x\n\
         | MSG 7 2026-01-02T03:04:05.678Z bob@example.org x\n\
         | MSG 8 2026-01-02T03:04:05.678Z bob@example.org x\n\
         | MSG 9 2026-01-02T03:04:05.678Z bob@example.org x\n\
         ! the server closed the connection; trying to connect again\n\
         ! connected again\n\
         ! the server ended the connection: you are out; an admin can add you again\n",
    );
}

#[test]
fn an_event_of_a_kind_that_is_not_known_is_no_gap() {
    let enter = |device: &str, last: u64, missed: u64| {
        format!(
            "{HELLO}< LOGIN ann@example.org/{device} geheim\n\
             > OK LOGIN ann@example.org role=member last={last} missed={missed} first=1 transcript=0123abcd\n"
        )
    };
    let titled = |seq: u64| format!("> POLLED {seq} 2026-01-02T03:04:05.678Z - the  \x1b[2J heating \n");
    let event = |seq: u64| format!("> MSG {seq} 2026-01-02T03:04:05.678Z bob@example.org x\n");
    let printed = |seq: u64| {
        format!("| POLLED {seq} 2026-01-02T03:04:05.678Z - the  \u{fffd}[2J heating \n").replace("> ", "| ")
    };
    let said = |seq: u64| event(seq).replace("> ", "| ");
    check(
        "ann@example.org tail --follow --since 4",
        b"",
        &[
            &enter("tail", 6, 2),
            &titled(5),
            &event(6),
            &titled(7),
            "#\n",
            &enter("tail", 10, 1),
            "< HISTORY SINCE 7 1000\n",
            &titled(10),
            "> HISTORY 8 10\n",
            &titled(8),
            &event(9),
            &titled(10),
            "> OK HISTORY 3 last=10\n",
            &event(11),
            "> BYE removed you are out\n",
        ],
        &[
            "exit 5\n",
            &printed(5),
            &said(6),
            &printed(7),
            &printed(8),
            &said(9),
            &printed(10),
            &said(11),
            "! the server closed the connection; trying to connect again\n! connected again\n\
             ! the server ended the connection: you are out; an admin can add you again\n",
        ]
        .concat(),
    );
    check(
        "ann@example.org tail --since 7",
        b"",
        &[
            ENTER,
            "< HISTORY SINCE 7 1000\n> HISTORY 8 8\n",
            &titled(8),
            "> OK HISTORY 1 last=9\n< HISTORY SINCE 8 1000\n> HISTORY 9 9\n",
            &event(9),
            "> OK HISTORY 1 last=9\n",
        ],
        &["exit 0\n", &printed(8), &said(9)].concat(),
    );
    check(
        "ann@example.org",
        b"a\n",
        &[ENTER, "< MSG a\n", &titled(3), "> OK MSG 4 2026-01-02T03:04:05.678Z\n< QUIT\n> OK QUIT\n"],
        "exit 0\n",
    );
}

#[test]
fn what_was_said_before_the_reader_was_added_is_not_waited_for() {
    let event = |seq: u64| format!("> MSG {seq} 2026-01-02T03:04:05.678Z bob@example.org x\n");
    check(
        "ann@example.org tail --follow --since 1",
        b"",
        &[
            HELLO,
            "< LOGIN ann@example.org/tail geheim\n\
             > OK LOGIN ann@example.org role=member last=5 missed=2 first=4 transcript=0123abcd\n",
            &event(4),
            &event(5),
            &event(6),
            "> BYE removed you are out\n",
        ],
        "exit 5\n\
         | MSG 4 2026-01-02T03:04:05.678Z bob@example.org x\n\
         | MSG 5 2026-01-02T03:04:05.678Z bob@example.org x\n\
         | MSG 6 2026-01-02T03:04:05.678Z bob@example.org x\n\
         ! 2 earlier events cannot be read\n\
         ! the server ended the connection: you are out; an admin can add you again\n",
    );
}

#[test]
fn more_lines_than_may_be_outstanding() {
    const LINES: usize = 64;
    let input = "x\n".repeat(LINES + 1);
    let (address, server) = serve_quietly(LINES);
    let mut client = start(&["--server", &address, "ann@example.org"]);
    client.stdin.take().expect("it is piped").write_all(input.as_bytes()).expect("the client reads");
    let output = client.wait_with_output().expect("a client that was started");
    server.join().expect("no line came too early");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_line_of_the_length_at_which_terminals_cut_is_sent_in_two() {
    // "MSG " and 4,091 bytes: refused whatever max-line is.
    let text = "y".repeat(4091);
    check(
        "ann@example.org",
        text.as_bytes(),
        &[
            &ENTER.replace("max-line=4096", "max-line=8192"),
            &format!("< MSG {}\n< MSG y\n< QUIT\n", &text[1..]),
            "> OK MSG 3 2026-01-02T03:04:05.678Z\n> OK MSG 4 2026-01-02T03:04:05.678Z\n> OK QUIT\n",
        ],
        "exit 0\n",
    );
}

#[test]
fn refused_lines_are_named_and_the_others_sent() {
    let longest = "y".repeat(4095 - "MSG \n".len());
    check(
        "ann@example.org",
        &[b"a\n \t\n\nbell \x07\n".as_slice(), longest.as_bytes(), b"\n\xff\xfa\nb\n"].concat(),
        &[
            ENTER,
            "< MSG a\n",
            &format!("< MSG {longest}\n"),
            "< MSG b\n< QUIT\n> OK MSG 3 2026-01-02T03:04:05.678Z\n> OK MSG 4 2026-01-02T03:04:05.678Z\n",
            "> ERR MSG storage the disk is full\n> OK QUIT\n",
        ],
        "exit 4\n\
         ! line 4: text may not contain U+0007\n\
         ! line 6: text is UTF-8, and this is not\n\
         ! line 7: the disk is full; whoever runs the server can tell you more (storage)\n\
         ! 3 lines were not accepted; all others were\n",
    );
}

#[test]
fn a_long_line_becomes_several_messages() {
    let word = "long ".repeat(818);
    assert_eq!(word.len(), 4090);
    check(
        "ann@example.org",
        format!("{word}line is split\n{}\nshort\n", "x".repeat(70_000)).as_bytes(),
        &[
            ENTER,
            &format!("< MSG {}\n< MSG line is split\n< MSG short\n< QUIT\n", word.trim_end()),
            "> OK MSG 3 2026-01-02T03:04:05.678Z\n> OK MSG 4 2026-01-02T03:04:05.678Z\n",
            "> OK MSG 5 2026-01-02T03:04:05.678Z\n> OK QUIT\n",
        ],
        "exit 1\n\
         ! line 2: longer than the 65536 bytes that are split into messages\n\
         ! 1 line was not accepted; all others were\n",
    );
}

#[test]
fn colours_are_not_said() {
    check(
        "ann@example.org",
        b"\x1b[1;31mred\x1b[0m alert\n\x1b[0m\n",
        &[ENTER, "< MSG red alert\n< QUIT\n> OK MSG 3 2026-01-02T03:04:05.678Z\n> OK QUIT\n"],
        "exit 0\n",
    );
}

#[test]
fn send_says_what_stands_behind_it() {
    check(
        "ann@example.org send the backup is done bob@example.org",
        b"nobody reads this\n",
        &[
            ENTER,
            "< MSG the backup is done bob@example.org\n< QUIT\n",
            "> OK MSG 3 2026-01-02T03:04:05.678Z\n> OK QUIT\n",
        ],
        "exit 0\n",
    );
}

/// A script that was written for nc.
#[test]
fn no_password_is_sent_as_a_message() {
    let refused = "this is a command with a password, and send says every line to the group; put a word before it to say it";
    check(
        "ann@example.org",
        b"LOGIN ann@example.org/pc geheim\nAdd eve@example.org geheim\nPASSWD geheim geheim2\n\
          login failed for root\nMSG hi\n",
        &[
            ENTER,
            "< MSG login failed for root\n< MSG MSG hi\n< QUIT\n",
            "> OK MSG 3 2026-01-02T03:04:05.678Z\n> OK MSG 4 2026-01-02T03:04:05.678Z\n> OK QUIT\n",
        ],
        &format!(
            "exit 1\n! line 1: {refused}\n! line 2: {refused}\n! line 3: {refused}\n\
             ! 3 lines were not accepted; all others were\n"
        ),
    );
}

#[test]
fn a_silent_port_is_told_soon() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound").to_string();
    // Held open: it says nothing.
    check_arguments(
        &["--server", &address, "ann@x"],
        3,
        "the server said nothing for 10 s; if it speaks TLS, use --tls",
    );
    drop(listener);
}

/// Where no terminal is, the server is looked for first all the same.
#[test]
fn a_missing_password_does_not_hide_a_wrong_server() {
    let address = free_addr().to_string();
    let mut client = Command::new("setsid");
    client.args(["-w", env!("CARGO_BIN_EXE_chat-room-client"), "--server", &address, "ann@x"]);
    let output = client
        .env_remove("CHAT_ROOM_PASSWORD")
        .env("XDG_STATE_HOME", "/nonexistent")
        .stdin(Stdio::null())
        .output()
        .expect("setsid is there");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("nothing listens there"), "{said}");
}

#[test]
fn not_let_in() {
    check(
        "ann@example.org",
        b"hi\n",
        &[HELLO, "< LOGIN ann@example.org/- geheim\n> ERR LOGIN bad-login wrong mail or password\n"],
        "exit 4\n! wrong password for ann@example.org, or no member has this mail; an admin can set a new password \
         with /reset\n",
    );
    check(
        "ann@example.org",
        b"hi\n",
        &[HELLO, "< LOGIN ann@example.org/- geheim\n> ERR LOGIN busy too many \x1b[31mlogins\n"],
        "exit 3\n! the login of ann@example.org was refused (busy): too many \u{fffd}[31mlogins; try again in a \
         moment\n",
    );
    check(
        "ann@example.org",
        b"hi\n",
        &["> BYE full no place for one more connection\n"],
        "exit 3\n! the server ended the connection: no place for one more connection; start again in a few \
         minutes\n",
    );
}

#[test]
fn a_server_that_vanishes() {
    check(
        "ann@example.org",
        b"a\nb\nc\n",
        &[ENTER, "< MSG a\n< MSG b\n< MSG c\n< QUIT\n> OK MSG 3 2026-01-02T03:04:05.678Z\n>~OK MSG 4"],
        "exit 6\n! the server closed the connection; 2 lines are not acknowledged, from line 2 on; tail shows \
         what was said\n",
    );
    check(
        "ann@example.org",
        b"a\n",
        &[ENTER, "< MSG a\n< QUIT\n> BYE shutdown the server is shutting down\n"],
        "exit 6\n! the server ended the connection: the server is shutting down; 1 line is not acknowledged, \
         from line 1 on; start again in a few minutes\n",
    );
}

#[test]
fn a_server_that_goes_when_all_is_acknowledged() {
    check(
        "ann@example.org",
        b"a\n",
        &[ENTER, "< MSG a\n< QUIT\n> OK MSG 3 2026-01-02T03:04:05.678Z\n> BYE shutdown see you\n"],
        "exit 0\n",
    );
}

#[test]
fn the_end_of_the_server_is_noticed_while_input_stays_open() {
    check_input(
        "ann@example.org",
        b"a\n",
        Input::StaysOpen,
        &[ENTER, "< MSG a\n> OK MSG 3 2026-01-02T03:04:05.678Z\n> BYE removed you are no longer a member\n"],
        "exit 5\n! the server ended the connection: you are no longer a member; the rest of the \
         input was not sent; an admin can add you again\n",
    );
}

#[test]
fn control_characters_are_never_printed() {
    check(
        "tail ann@example.org",
        b"",
        &[
            ENTER,
            "< HISTORY 20\n> HISTORY 1 2\n",
            "> MSG 1 2026-01-02T03:04:05.678Z bob@example.org \x1b[2J\n",
            "> \x07\u{202e}\u{9b}\n",
            "> MSG 2 2026-01-02T03:04:05.678Z bob@example.org fine\n> OK HISTORY 2 last=2\n",
        ],
        "exit 0\n| MSG 2 2026-01-02T03:04:05.678Z bob@example.org fine\n",
    );
    check(
        "ann@example.org",
        b"",
        &[ENTER, "> NEWS \x1b[2J\x07\u{202e}\u{9b}\n", "< QUIT\n> OK QUIT\n"],
        "exit 0\n! the server said: NEWS \u{fffd}[2J\u{fffd}\u{fffd}\u{fffd}\n",
    );
}

#[test]
fn no_chat_room_server() {
    let refusal = |port: &str| {
        format!("exit 3\n! what answers at {port} is not a chat-room server; is that its port?\n")
    };
    for hello in ["> SSH-2.0-OpenSSH\n", "> HELLO chat-room/9\n", "> HELLO chat-room/9 max-line=9999999\n"] {
        let (address, server) = serve(hello.to_owned());
        let output = start(&["--server", &address, "ann@example.org"]).wait_with_output().expect("started");
        server.join().expect("it only says hello");
        let said = String::from_utf8_lossy(&output.stderr).replace("chat-room-client: ", "! ");
        assert_eq!(format!("exit 3\n{said}"), refusal(&address));
        assert_eq!(output.status.code(), Some(3));
    }
}

#[test]
fn a_line_longer_than_a_server_may_send() {
    check(
        "ann@example.org",
        b"",
        &[ENTER, "< QUIT\n>~", &"x".repeat(65536 + 320)],
        "exit 6\n! the server sent a line of more than 65856 bytes; tail shows what was said\n",
    );
    // Longer than what the greeting says: it may have been another number when that was said.
    let longest = "x".repeat(65536 + 320 - 1);
    check(
        "ann@example.org",
        b"",
        &[ENTER, "< QUIT\n> ", &longest, "\n> OK QUIT\n"],
        &format!("exit 0\n! the server said: {longest}\n"),
    );
}

#[test]
fn an_answer_to_nothing() {
    let out_of_step = |left: &str| {
        format!(
            "exit 6\n! the server sent an answer that was not asked for; {left}tail shows what was said\n"
        )
    };
    let ok = [ENTER, "< QUIT\n> OK MSG 3 2026-01-02T03:04:05.678Z\n"];
    check("ann@example.org", b"", &ok, &out_of_step(""));
    let unsaid = out_of_step("1 line is not acknowledged, from line 1 on; ");
    check("ann@example.org", b"a\n", &[ENTER, "< MSG a\n< QUIT\n> OK QUIT\n"], &unsaid);
    let unread = out_of_step("the rest of the input was not sent; ");
    check_input("ann@example.org", b"", Input::StaysOpen, &[ENTER, "> ERR - too-long\n"], &unread);
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    for args in [["tail", "--follow"], ["tail", "--since=1"]] {
        let device = if args[1] == "--follow" { "tail" } else { "-" };
        let event = "> MSG 2 2026-01-02T03:04:05.678Z bob@example.org fine\n";
        let rest = match args[1] {
            // Nothing is said any more: the client goes all the same.
            "--follow" => String::new(),
            _ => format!("< HISTORY SINCE 1 1000\n> HISTORY 2 2\n{event}> OK HISTORY 1 last=2\n"),
        };
        let (address, server) = serve(format!(
            "{HELLO}< LOGIN ann@example.org/{device} geheim\n\
             > OK LOGIN ann@example.org role=member last=0 missed=0 first=1 transcript=0123abcd\n{rest}<.\n"
        ));
        let mut client = start(&["--server", &address, "ann@example.org", args[0], args[1]]);
        drop(client.stdout.take());
        let output = client.wait_with_output().expect("a client that was started");
        server.join().expect("the conversation goes as in the script");
        assert_eq!(output.status.code(), Some(0), "{args:?}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    }
}

#[test]
fn the_password_file_goes_first_and_only_its_first_line_counts() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("password");
    std::fs::write(&file, "sehr-geheim\r\nsecond line\n").expect("a file");
    let path = file.to_str().expect("temporary names are plain");
    let (address, server) = serve(format!(
        "{HELLO}< LOGIN ann@example.org/- sehr-geheim\n\
         > OK LOGIN ann@example.org role=member last=2 missed=0 first=1 transcript=0123abcd\n\
         < QUIT\n> OK QUIT\n"
    ));
    let output =
        start(&["--server", &address, "--password-file", path, "ann@example.org"]).wait_with_output();
    server.join().expect("the conversation goes as in the script");
    assert_eq!(output.expect("started").status.code(), Some(0));

    std::fs::write(&file, "two words\n").expect("a file");
    check_arguments(
        &["--password-file", path, "ann@example.org"],
        1,
        &format!("--password-file {path} is not a password: a password has 6 to 1024 bytes and no blanks"),
    );
    std::fs::remove_file(&file).expect("it is there");
    check_arguments(
        &["--password-file", path, "ann@example.org"],
        1,
        &format!("--password-file {path}: No such file or directory (os error 2)"),
    );
}

/// Makes Ann a member with an invitation, and says something.
fn check_join(answer: &str, then: &[&str], expected: &str) {
    let join = format!("< JOIN ann@example.org -w0rd geheim\n{answer}");
    check("ann@example.org --join -w0rd", b"hi\n", &[&[HELLO, &join], then].concat(), expected);
}

#[test]
fn an_invitation() {
    let said = "< MSG hi\n< QUIT\n> OK MSG 3 2026-01-02T03:04:05.678Z\n> OK QUIT\n";
    check_join(
        "> OK JOIN ann@example.org\n#\n",
        &[ENTER, said],
        "exit 0\n! ann@example.org is a member now\n",
    );
    let not_joined = |code, why| format!("exit 4\n! ann@example.org has not joined ({code}): {why}\n");
    check_join(
        "> ERR JOIN bad-invite it is too old\n",
        &[],
        &not_joined("bad-invite", "it is too old; if you have joined with it before, start without --join"),
    );
    check_join(
        "> ERR JOIN unknown-command what?\n",
        &[],
        &not_joined("unknown-command", "the server does not know this command; it is older than this client"),
    );
    check_join(
        "> ERR JOIN busy not \x1b[2J now\n",
        &[],
        "exit 3\n! ann@example.org has not joined (busy): not \u{fffd}[2J now; try again in a moment\n",
    );
    // Nobody knows whether it was done: the next try tells.
    check_join("", &[], "exit 3\n! the server closed the connection; try again\n");
}

#[test]
fn arguments_that_make_no_sense() {
    check_arguments(&[], 2, "MAIL is missing: give the mail address with which you are a member; see --help");
    check_arguments(&["--sever", "x"], 2, "Unrecognized option: 'sever'; see --help");
    check_arguments(
        &["--server", "x", "ann@x"],
        2,
        "--server takes HOST:PORT, or several with commas between them, not x; see --help",
    );
    check_arguments(&["ann"], 2, "ann is neither a mail address nor send or tail; see --help");
}

#[test]
fn nobody_listens() {
    let address = free_addr().to_string();
    let sentence = format!(
        "no connection to {address}: nothing listens there; is the server running, and is that its port?"
    );
    check_arguments(&["--server", &address, "ann@x"], 3, &sentence);
}

#[test]
fn help_and_version() {
    for (option, part) in [("--help", "Exit codes: 0 success"), ("-V", env!("CARGO_PKG_VERSION"))] {
        let output = start(&[option]).wait_with_output().expect("a client that was started");
        assert_eq!(output.status.code(), Some(0));
        assert!(String::from_utf8_lossy(&output.stdout).contains(part), "{option}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    }
}
