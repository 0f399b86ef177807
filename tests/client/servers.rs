//! The client as a filter, and several servers of one group, each of which follows a script.

use crate::script::{ENTER, HELLO, Input, check_servers};

fn check(args: &str, scripts: &[&str], expected: &str) {
    check_servers(args, b"", Input::Ends, scripts, expected);
}

/// A server that lets the device `tail` in.
fn enter(last: u64, missed: u64, transcript: &str) -> String {
    format!(
        "{HELLO}< LOGIN ann@example.org/tail geheim\n\
         > OK LOGIN ann@example.org role=member last={last} missed={missed} first=1 transcript={transcript}\n"
    )
}

fn event(seq: u64) -> String {
    format!("> MSG {seq} 2026-01-02T03:04:05.678Z bob@example.org x\n")
}

const NOT_NOW: &str = "< LOGIN ann@example.org/- geheim\n> ERR LOGIN storage this node is cut off\n";

/// For one server this is the end; here the next is asked, and nobody has to read about it.
#[test]
fn the_first_that_takes_the_login_is_used() {
    let said = [ENTER, "< MSG hello\n< QUIT\n> OK MSG 3 2026-01-02T03:04:05.678Z\n> OK QUIT\n"].concat();
    let send = "ann@example.org send hello";
    check(send, &["", &said], "exit 0\n");
    check(send, &["> BYE full no place\n", &[HELLO, NOT_NOW].concat(), &said], "exit 0\n");
}

#[test]
fn without_any_server_each_is_spoken_of() {
    let script = [HELLO, NOT_NOW].concat();
    check(
        "ann@example.org send hello",
        &["", &script],
        "exit 3\n\
         ! no connection to <0>: nothing listens there; is the server running, and is that its port?\n\
         ! the login of ann@example.org was refused (storage): this node is cut off; whoever runs the server can \
         tell you more\n",
    );
}

/// A wrong password is wrong everywhere.
#[test]
fn a_refused_login_is_not_tried_elsewhere() {
    let script = [HELLO, "< LOGIN ann@example.org/- geheim\n> ERR LOGIN bad-login no\n<.\n"].concat();
    check(
        "ann@example.org send hello",
        &[&script, ""],
        "exit 4\n\
         ! wrong password for ann@example.org, or no member has this mail; an admin can set a new password with /reset\n",
    );
}

#[test]
fn tail_goes_on_at_another_server_without_hole_or_double() {
    let first = [&enter(6, 0, "0123abcd"), &event(7)[..], &event(8), "> BYE cut-off go elsewhere\n"].concat();
    // It is behind, begins where the device was there, and has one more in the end.
    let second = [
        &enter(7, 2, "0123abcd"),
        &event(6)[..],
        &event(7),
        &event(8),
        &event(9),
        "> BYE removed you are out\n",
    ]
    .concat();
    check(
        "ann@example.org tail --follow",
        &[&first, &second],
        "exit 5\n\
         | MSG 7 2026-01-02T03:04:05.678Z bob@example.org x\n\
         | MSG 8 2026-01-02T03:04:05.678Z bob@example.org x\n\
         | MSG 9 2026-01-02T03:04:05.678Z bob@example.org x\n\
         ! the server ended the connection: go elsewhere; trying to connect again\n\
         ! connected to <1>\n\
         ! the server ended the connection: you are out; an admin can add you again\n",
    );
}

/// The device was further on another one: what lies between is asked for.
#[test]
fn what_another_server_does_not_send_is_fetched() {
    let second = [
        &enter(9, 1, "0123abcd"),
        "< HISTORY SINCE 6 1000\n",
        &event(9)[..],
        "> HISTORY 7 9\n",
        &event(7),
        &event(8),
        &event(9),
        "> OK HISTORY 3 last=9\n> BYE removed you are out\n",
    ]
    .concat();
    check(
        "ann@example.org tail --follow",
        &[&enter(6, 0, "0123abcd"), &second],
        "exit 5\n\
         | MSG 7 2026-01-02T03:04:05.678Z bob@example.org x\n\
         | MSG 8 2026-01-02T03:04:05.678Z bob@example.org x\n\
         | MSG 9 2026-01-02T03:04:05.678Z bob@example.org x\n\
         ! the server closed the connection; trying to connect again\n\
         ! connected to <1>\n\
         ! the server ended the connection: you are out; an admin can add you again\n",
    );
}

#[test]
fn a_server_of_another_group_is_refused_and_both_are_named() {
    let first = [
        &enter(6, 0, "0123abcd"),
        &event(7)[..],
        "#\n",
        &enter(8, 1, "0123abcd"),
        &event(8),
        "> BYE removed you are out\n",
    ]
    .concat();
    let second = [&enter(99, 0, "4567cdef")[..], "<.\n"].concat();
    check(
        "ann@example.org tail --follow",
        &[&first, &second],
        "exit 5\n\
         | MSG 7 2026-01-02T03:04:05.678Z bob@example.org x\n\
         | MSG 8 2026-01-02T03:04:05.678Z bob@example.org x\n\
         ! the server closed the connection; trying to connect again\n\
         ! <1> is of another group than <0>: it has transcript=4567cdef, and <0> has transcript=0123abcd; --server \
         takes servers of one group\n\
         ! connected to <0>\n\
         ! the server ended the connection: you are out; an admin can add you again\n",
    );
}

const SAID: &str = "2026-01-02T03:04:05.678Z";

/// Lets ann in without a feed, with this last event.
fn enter_feedless(last: u64) -> String {
    format!(
        "{HELLO}< LOGIN ann@example.org/- geheim\n\
         > OK LOGIN ann@example.org role=member last={last} missed=0 first=1 transcript=0123abcd\n"
    )
}

/// What was not acknowledged is looked for on the next server. Of three lines it has one, and one of another device.
#[test]
fn send_goes_on_at_another_server_and_says_each_line_once() {
    let first = [ENTER, &format!("< MSG a\n< MSG b\n< MSG c\n< QUIT\n> OK MSG 3 {SAID}\n")].concat();
    let second = [
        &enter_feedless(6)[..],
        "< HISTORY SINCE 3 1000\n> HISTORY 4 6\n",
        &format!("> MSG 4 {SAID} bob@example.org c\n> MSG 5 {SAID} ann@example.org b\n"),
        &format!("> MSG 6 {SAID} ann@example.org of another device\n> OK HISTORY 3 last=6\n"),
        &format!("< MSG c\n< QUIT\n> OK MSG 7 {SAID}\n> OK QUIT\n"),
    ]
    .concat();
    for (last_words, why) in [
        ("", "the server closed the connection"),
        ("> BYE cut-off go elsewhere\n", "the server ended the connection: go elsewhere"),
        ("> BYE shutdown so long\n", "the server ended the connection: so long"),
    ] {
        check_servers(
            "ann@example.org",
            b"a\nb\nc\n",
            Input::Ends,
            &[&[&first[..], last_words].concat(), &second],
            &format!("exit 0\n! {why}; trying to connect again\n! connected to <1>\n"),
        );
    }
}

/// The second cannot tell what became of a line: the next is asked, which can. Whoever has nothing without an answer stays.
#[test]
fn send_and_tail_at_a_server_that_is_alone() {
    let alone = |script: String| script.replace("=0123abcd\n", "=0123abcd quorum=no\n");
    let first = [ENTER, "< MSG a\n< QUIT\n> BYE cut-off go elsewhere\n"].concat();
    let third = [
        &enter_feedless(3)[..],
        "< HISTORY SINCE 2 1000\n> HISTORY 3 3\n",
        &format!("> MSG 3 {SAID} ann@example.org a\n> OK HISTORY 1 last=3\n< QUIT\n> OK QUIT\n"),
    ]
    .concat();
    check(
        "ann@example.org send a",
        &[&first, &[&alone(enter_feedless(2)), "<.\n"].concat(), &third],
        "exit 0\n\
         ! the server ended the connection: go elsewhere; trying to connect again\n\
         ! connected to <2>\n",
    );
    let stays =
        [alone(ENTER.to_owned()), format!("< MSG a\n< QUIT\n> OK MSG 3 {SAID}\n> OK QUIT\n")].concat();
    check("ann@example.org send a", &[&stays, ""], "exit 0\n");
    let tail = [&alone(enter(6, 0, "0123abcd")), &event(7)[..], "> BYE removed you are out\n"].concat();
    check(
        "ann@example.org tail --follow",
        &[&tail, ""],
        "exit 5\n\
         | MSG 7 2026-01-02T03:04:05.678Z bob@example.org x\n\
         ! the server ended the connection: you are out; an admin can add you again\n",
    );
}

/// All but the answer to QUIT.
#[test]
fn send_is_done_when_all_is_acknowledged_wherever_the_connection_ends() {
    let first =
        [ENTER, &format!("< MSG a\n< QUIT\n> OK MSG 3 {SAID}\n> BYE cut-off go elsewhere\n")].concat();
    check("ann@example.org send a", &[&first, ""], "exit 0\n");
}

#[test]
fn send_does_not_go_on_where_it_makes_no_sense() {
    let first = [ENTER, "< MSG a\n< QUIT\n> BYE removed you are out\n"].concat();
    check(
        "ann@example.org send a",
        &[&first, ""],
        "exit 5\n\
         ! the server ended the connection: you are out; 1 line is not acknowledged, from line 1 on; an admin can add \
         you again\n",
    );
}

/// The second page of what was said since is asked for, and the server that comes first in the list is tried again.
#[test]
fn send_looks_through_all_that_was_said_since() {
    let first = [ENTER, "< MSG a\n< QUIT\n#\n"].concat();
    let again = [
        &enter_feedless(4)[..],
        "< HISTORY SINCE 2 1000\n> HISTORY 3 3\n",
        &format!("> MSG 3 {SAID} bob@example.org x\n> OK HISTORY 1 last=4\n"),
        "< HISTORY SINCE 3 1000\n> HISTORY 4 4\n",
        &format!("> MSG 4 {SAID} ann@example.org a\n> OK HISTORY 1 last=4\n"),
        "< QUIT\n> OK QUIT\n",
    ]
    .concat();
    check(
        "ann@example.org send a",
        &[&[first, again].concat(), ""],
        "exit 0\n! the server closed the connection; trying to connect again\n! connected to <0>\n",
    );
}

/// One of another group is passed over with a word.
#[test]
fn send_goes_to_no_other_group() {
    let first = [ENTER, "< MSG a\n< QUIT\n#\n"].concat();
    let again = [
        &enter_feedless(3)[..],
        "< HISTORY SINCE 2 1000\n> HISTORY 3 3\n",
        &format!("> MSG 3 {SAID} ann@example.org a\n> OK HISTORY 1 last=3\n< QUIT\n> OK QUIT\n"),
    ]
    .concat();
    let other = [&enter_feedless(3).replace("0123abcd", "4567cdef")[..], "<.\n"].concat();
    check(
        "ann@example.org send a",
        &[&[first, again].concat(), &other],
        "exit 0\n\
         ! the server closed the connection; trying to connect again\n\
         ! <1> is of another group than <0>: it has transcript=4567cdef, and <0> has transcript=0123abcd; --server \
         takes servers of one group\n\
         ! connected to <0>\n",
    );
}

/// The other one is behind for a moment.
#[test]
fn tail_without_follow_waits_for_a_server_that_is_behind() {
    let first =
        [ENTER, "< HISTORY SINCE 0 1000\n> HISTORY 1 1\n", &event(1), "> OK HISTORY 1 last=2\n"].concat();
    let second = [
        &enter_feedless(1)[..],
        "< HISTORY SINCE 1 1000\n> OK HISTORY 0 last=1\n< HISTORY SINCE 1 1000\n> HISTORY 2 2\n",
        &event(2),
        "> OK HISTORY 1 last=2\n",
    ]
    .concat();
    check(
        "ann@example.org tail --since 0",
        &[&[&first[..], "< HISTORY SINCE 1 1000\n> BYE cut-off go elsewhere\n"].concat(), &second],
        &format!(
            "exit 0\n| MSG 1 {SAID} bob@example.org x\n| MSG 2 {SAID} bob@example.org x\n\
             ! the server ended the connection: go elsewhere; asking another server\n"
        ),
    );
}

/// The answer ends in the middle: the next server is asked for what is missing, and nothing is printed twice.
#[test]
fn tail_without_follow_asks_the_next_server() {
    let printed = |seq: u64| format!("| MSG {seq} {SAID} bob@example.org x\n");
    let first = [
        ENTER,
        "< HISTORY SINCE 0 1000\n> HISTORY 1 2\n",
        &event(1),
        &event(2),
        "> OK HISTORY 2 last=4\n< HISTORY SINCE 2 1000\n> HISTORY 3 4\n",
        &event(3),
    ]
    .concat();
    let second = [
        &enter_feedless(4)[..],
        "< HISTORY SINCE 2 1000\n> HISTORY 3 4\n",
        &event(3),
        &event(4),
        "> OK HISTORY 2 last=4\n",
    ]
    .concat();
    check(
        "ann@example.org tail --since 0",
        &[&first, &second],
        &[
            "exit 0\n",
            &printed(1),
            &printed(2),
            &printed(3),
            &printed(4),
            "! the server closed the connection; asking another server\n",
        ]
        .concat(),
    );
}
