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
