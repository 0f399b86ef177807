//! A group with several servers.

use super::*;
use crate::protocol::LastIs;

/// Ann's chat at the first of two servers, which has lasted.
fn two(last: u64, recorded: Option<u64>) -> Stage {
    let place = |shown| Place { transcript: "0123abcd".to_owned(), shown: Seq(shown) };
    let servers = ["here:1", "there:2"].map(str::to_owned).to_vec();
    let start = Start { servers, ..start(welcome(last, 0), recorded.map(place)) };
    let mut stage = Stage::with(start, Instant::now());
    assert_eq!(stage.effects(), "< TITLE\n< MEMBERS\n");
    stage.server("OK TITLE\nOK MEMBERS 0\n", GREETING);
    stage.later(5, "");
    stage
}

/// The next server takes the login at once.
#[track_caller]
fn moves(stage: &mut Stage, name: &str, last: u64, missed: u64, expected: &str) {
    stage.chat.up(&welcome(last, missed), 4095, stage.now);
    assert_eq!(stage.effects(), format!("| * connected to {name}\n{expected}"));
}

#[test]
fn the_next_server_is_tried_at_once_and_named() {
    let mut stage = two(1, None);
    stage.server("BYE cut-off go elsewhere\n", "");
    stage.down(End::Closed, "| ! the server ended the connection: go elsewhere; trying to connect again\n");
    stage.later(0, "connect to 1\n");
    assert_eq!(stage.live(), "* no connection; trying there:2 ...\n> ");
    moves(&mut stage, "there:2", 2, 1, "| --- 1 missed ---\n");
    stage.server("MSG 2 TIME bob@x hi\n", &format!("| {DAY}\n| 03:04 bob: hi\n"));
    assert_eq!(stage.live(), "> ");
}

#[test]
fn what_another_server_sends_again_is_not_shown_again() {
    let mut stage = two(1, None);
    stage.server(
        "MSG 2 TIME bob@x a\nMSG 3 TIME bob@x b\n",
        &format!("| {DAY}\n| 03:04 bob: a\n| 03:04 bob: b\n"),
    );
    stage.down(End::Closed, "| ! it broke; trying to connect again\n");
    stage.later(0, "connect to 1\n");
    // Its numbers end earlier, and then it has more.
    moves(&mut stage, "there:2", 2, 1, "");
    stage.server("MSG 2 TIME bob@x a\nMSG 3 TIME bob@x b\nMSG 4 TIME bob@x c\n", "| 03:04 bob: c\n");
    assert_eq!(stage.shown, 4);
    // It was recorded what another server has shown.
    let mut stage = two(1, Some(3));
    stage.server(
        "MSG 2 TIME bob@x a\nMSG 3 TIME bob@x b\nMSG 4 TIME bob@x c\n",
        &format!("| {DAY}\n| 03:04 bob: c\n"),
    );
}

/// The login at the next one has waited until it is certain.
#[test]
fn what_was_said_on_another_server_is_not_said_again_and_what_was_not_is() {
    let mut stage = two(1, None);
    stage.keys("one\r", "< MSG one\n");
    stage.keys("two\r", "< MSG two\n");
    stage.down(End::Closed, "| ! it broke; trying to connect again\n");
    stage.keys("three\r", "");
    stage.later(0, "connect to 1\n");
    moves(&mut stage, "there:2", 2, 1, "| --- 1 missed ---\n");
    assert_eq!(stage.live(), "[sent?] one\n[sent?] two\n[waiting] three\n> ");
    stage.server("MSG 2 TIME ann@x one\n", &format!("| {DAY}\n| 03:04 ann: one\n< MSG two\n< MSG three\n"));
    stage.server("OK MSG 3 TIME\nOK MSG 4 TIME\n", "| 03:04 ann: two\n| 03:04 ann: three\n");
}

/// Where nothing was said meanwhile, that is known at once.
#[test]
fn what_a_server_that_is_cut_off_could_not_say_is_said_on_another() {
    let mut stage = two(1, None);
    stage.keys("one\r", "< MSG one\n");
    stage.server("BYE cut-off go elsewhere\n", "");
    stage.down(End::Silent, "| ! the server ended the connection: go elsewhere; trying to connect again\n");
    stage.later(0, "connect to 1\n");
    moves(&mut stage, "there:2", 1, 0, "< MSG one\n");
    stage.server("OK MSG 2 TIME\n", &format!("| {DAY}\n| 03:04 ann: one\n"));
}

/// A server that is alone cannot tell what became of a message.
#[test]
fn what_may_still_come_on_another_server_is_not_said_again() {
    let mut stage = two(1, None);
    stage.keys("one\r", "< MSG one\n");
    stage.server("BYE cut-off go elsewhere\n", "");
    stage.down(End::Closed, "| ! the server ended the connection: go elsewhere; trying to connect again\n");
    stage.later(0, "connect to 1\n");
    let alone = LoginOk { last_is: LastIs::Uncertain, ..welcome(2, 1) };
    assert!(!stage.chat.enters(&alone, 4095, stage.now, 0.0));
    stage.later(0, "");
    assert_eq!(stage.live(), "[sent?] one\n* no connection; trying again in 2 s\n> ");
    stage.later(2, "connect\n");
    moves(&mut stage, "here:1", 2, 1, "| --- 1 missed ---\n");
    stage.server("MSG 2 TIME ann@x one\n", &format!("| {DAY}\n| 03:04 ann: one\n"));
}

#[test]
fn whoever_has_nothing_without_an_answer_stays_at_a_server_that_is_alone() {
    let mut stage = two(1, None);
    stage.down(End::Closed, "| ! it broke; trying to connect again\n");
    stage.keys("one\r", "");
    stage.later(0, "connect to 1\n");
    let alone = LoginOk { last_is: LastIs::Uncertain, ..welcome(1, 0) };
    assert!(stage.chat.enters(&alone, 4095, stage.now, 0.0));
    assert_eq!(stage.effects(), "| * connected to there:2\n< MSG one\n");
}

/// What was sent on a connection that fell silent may arrive at any time.
#[test]
fn what_may_still_arrive_is_not_said_again() {
    let mut stage = two(1, None);
    stage.keys("one\r", "< MSG one\n");
    stage.down(End::Silent, "| ! it broke; trying to connect again\n");
    stage.later(0, "connect to 1\n");
    moves(&mut stage, "there:2", 1, 0, "| ! it is not known whether this was said; Up brings it back: one\n");
    stage.server("MSG 2 TIME ann@x one\n", &format!("| {DAY}\n| 03:04 ann: one\n"));
}

#[test]
fn a_server_of_another_group_is_passed_over_with_a_word() {
    let mut stage = two(1, None);
    stage.down(End::Closed, "| ! it broke; trying to connect again\n");
    stage.later(0, "connect to 1\n");
    let why = LoginError::OtherGroup("there:2 is of another group".to_owned());
    stage.chat.login_failed(&why, stage.now, 0.0);
    assert_eq!(stage.effects(), "| ! there:2 is of another group\n");
    stage.later(1, "connect\n");
}
