//! The chat without a terminal, a network or a clock.

mod lead_in;
mod missed;
mod names;
mod past;
mod refused;
mod secrets;
mod servers;
mod stage;
mod title;

use super::*;
use crate::client::connection::said::Refusal;
use crate::protocol::{Code, Seq};
use stage::{DAY, GREETING, Stage, ann};
pub(super) use stage::{start, welcome};

#[test]
fn a_line_is_marked_until_it_is_acknowledged() {
    let mut stage = ann(0, 0);
    stage.keys("hello\r", "< MSG hello\n");
    assert_eq!(stage.live(), "[sending] hello\n> ");
    stage.keys("more", "");
    stage.server("OK MSG 1 TIME\n", &format!("| {DAY}\n| 03:04 ann: hello\n"));
    assert_eq!(stage.live(), "> more");
    stage.server("MSG 2 TIME bob@x hi\n", "| 03:04 bob: hi\n");
    stage.keys("\r", "< MSG more\n");
    stage.server(
        "ERR MSG storage the disk is full\n",
        "| ! not said: the disk is full; whoever runs the server can tell you more\n",
    );
    assert_eq!(stage.live(), "> more");
}

#[test]
fn a_break_leaves_no_gap_and_no_duplicate() {
    let mut stage = ann(1, 0);
    stage.server("MSG 2 TIME bob@x a\n", &format!("| {DAY}\n| 03:04 bob: a\n"));
    stage.down(End::Closed, "| ! it broke; trying to connect again\n");
    assert_eq!(stage.live(), "* no connection; trying again in 2 s\n> ");
    stage.keys("typed\r", "");
    assert_eq!(stage.live(), "[not sent] typed\n* no connection; trying again in 2 s\n> ");
    stage.keys("/who\r", "| > /who\n| ! not done: there is no connection; try again when there is\n");
    stage.later(1, "connect\n");
    assert_eq!(stage.live(), "[not sent] typed\n* no connection; trying ...\n> ");
    stage.chat.login_failed(&LoginError::Unreachable("nobody".to_owned()), stage.now, 0.0);
    stage.later(1, "");
    // Two were taken by the kernel but not by the program, and others come twice.
    stage.up(6, 2, "| --- 4 missed ---\n< HISTORY SINCE 2 1000\n< MSG typed\n");
    stage.server("MSG 5 TIME bob@x d\nMSG 6 TIME bob@x e\n", "");
    stage.server(
        "HISTORY 3 6\nMSG 3 TIME bob@x b\nMSG 4 TIME bob@x c\nMSG 5 TIME bob@x d\nMSG 6 TIME bob@x e\n\
         OK HISTORY 4 last=6\n",
        "| 03:04 bob: b\n| 03:04 bob: c\n| 03:04 bob: d\n| 03:04 bob: e\n",
    );
    stage.server("OK MSG 7 TIME\n", "| 03:04 ann: typed\n");
}

#[test]
fn an_event_of_a_kind_that_is_not_known_is_no_gap() {
    let mut stage = ann(1, 0);
    stage.server(
        "MSG 2 TIME bob@x a\nPINNED 3 TIME - ann@x\nMSG 4 TIME bob@x b\n",
        &format!("| {DAY}\n| 03:04 bob: a\n| 03:04 * PINNED - ann@x\n| 03:04 bob: b\n"),
    );
    assert_eq!(stage.shown, 4);
    // Missed, and in what is fetched.
    stage.down(End::Closed, "| ! it broke; trying to connect again\n");
    stage.up(7, 1, "| --- 3 missed ---\n< HISTORY SINCE 4 1000\n");
    stage.server(
        "POLLED 7 TIME ann@x x\nHISTORY 5 7\nRATED 5 TIME bob@x Bob\nMSG 6 TIME bob@x c\nPOLLED 7 TIME ann@x x\n\
         OK HISTORY 3 last=7\n",
        "| 03:04 * RATED bob@x Bob\n| 03:04 bob: c\n| 03:04 * POLLED ann@x x\n",
    );
    stage.server("VOTED 8 TIME ann@x on\n", "| 03:04 * VOTED ann@x on\n");
    assert_eq!(stage.shown, 8);
    // In the past.
    stage.keys("/history 2\r", "| > /history 2\n< HISTORY 2\n");
    stage.server(
        "HISTORY 7 8\nPOLLED 7 TIME ann@x x\nVOTED 8 TIME ann@x on\nOK HISTORY 2 last=8\n",
        "|   #7 Fri 2026-01-02 03:04 * POLLED ann@x x\n|   #8 Fri 2026-01-02 03:04 * VOTED ann@x on\n",
    );
}

#[test]
fn lost_lines_are_looked_for_before_they_are_sent_again() {
    let mut stage = ann(0, 0);
    stage.keys("one\rtwo\r/stats\r", "< MSG one\n< MSG two\n| > /stats\n< STATS\n");
    stage.down(
        End::Closed,
        "| ! /stats: no answer came; it may have been done, so check before you repeat it\n| ! it broke; \
        trying to connect again\n",
    );
    assert_eq!(stage.live(), "[sent?] one\n[sent?] two\n* no connection; trying again in 2 s\n> ");
    stage.up(1, 1, "| --- 1 missed ---\n");
    stage.server("MSG 1 TIME ann@x one\n", &format!("| {DAY}\n| 03:04 ann: one\n< MSG two\n"));
    stage.server("OK MSG 2 TIME\n", "| 03:04 ann: two\n");
    assert_eq!(stage.live(), "> ");
}

#[test]
fn what_may_still_arrive_is_given_back() {
    let mut stage = ann(0, 0);
    stage.keys("one\r", "< MSG one\n");
    stage.later(30, "< PING\n");
    stage.later(29, "");
    stage.later(1, "give up: the server is silent\n");
    stage.down(End::Silent, "| ! it broke; trying to connect again\n");
    stage.up(0, 0, "| ! it is not known whether this was said; Up brings it back: one\n");
    stage.keys("\x1b[A", "");
    assert_eq!(stage.live(), "> one");
}

#[test]
fn a_member_who_was_removed_is_not_logged_in_again() {
    let mut stage = ann(0, 0);
    stage.keys("one\r", "< MSG one\n");
    stage.server("BYE removed you are no longer a member of this group\n", "");
    let sentence = "the server ended the connection: you are no longer a member of this group; an admin can add you again";
    let unsaid = "| ! not acknowledged: one\n";
    stage.down(End::Closed, &format!("{unsaid}leave: Told(Removed, {sentence:?})\n"));
    let mut stage = ann(0, 0);
    stage.server("BYE shutdown see you\n", "");
    stage.down(End::Closed, "| ! the server ended the connection: see you; trying to connect again\n");
    let refused = Refusal::read("bad-login no", Code::parse);
    stage.chat.login_failed(&LoginError::Refused(refused), stage.now, 0.0);
    assert!(stage.effects().starts_with("leave: Told(Refused, "));
}

#[test]
fn after_sleep() {
    let mut stage = ann(0, 0);
    stage.chat.out.connection.woke(stage.now);
    stage.later(0, "< PING\n");
    stage.later(15, "give up: the server is silent\n");
    stage.down(End::Silent, "| ! it broke; trying to connect again\n");
    stage.chat.out.connection.woke(stage.now);
    stage.later(0, "connect\n");
}

#[test]
fn a_paste_of_many_lines_is_asked_about() {
    let mut stage = ann(0, 0);
    stage.keys("\x1b[200~a\rb\r\x1b[201~", "");
    assert_eq!(stage.live(), "> a\nb");
    stage.keys("\r", "< MSG a\n< MSG b\n");
    let paste = "\x1b[200~/who\r\r2\r3\r4\r5\r6\x1b[201~";
    stage.keys(paste, "");
    stage.keys("\r", "");
    assert!(stage.live().ends_with("\n6\nsay these 6 lines? [y/N] "), "{}", stage.live());
    stage.keys("yell", "");
    assert!(stage.live().ends_with("\n6\nsay these 6 lines? [y/N] "), "{}", stage.live());
    stage.keys("y", "< MSG /who\n< MSG 2\n< MSG 3\n< MSG 4\n< MSG 5\n< MSG 6\n");
}

#[test]
fn every_answer_ends_a_question() {
    const NOT_SAID: &str = "| * not said; Up brings it back\n";
    for no in ["n", "N", "no\r", "n\r", "\r", "\x1b\r", "\x03", "\x04", "\x07"] {
        let mut stage = ann(0, 0);
        stage.keys("\x1b[200~/who\r2\x1b[201~\r", "");
        assert_eq!(stage.live(), "/who\n2\nsay these 2 lines? [y/N] ");
        stage.keys(no, NOT_SAID);
        assert_eq!(stage.live(), "> ", "{no:?}");
        // The question is put again only about a line that was brought back.
        stage.keys("\r", "");
        assert_eq!(stage.live(), "> ", "{no:?}");
        stage.keys("\x1b[A\r", "");
        assert_eq!(stage.live(), "/who\n2\nsay these 2 lines? [y/N] ");
        // The rest of the word belongs to the answer.
        for key in ["y", "e", "s", "\r"] {
            stage.keys(key, if key == "y" { "< MSG /who\n< MSG 2\n" } else { "" });
        }
        assert_eq!(stage.live(), "[sending] /who\n[sending] 2\n> ");
    }
    // But not what is typed later, or is not a part of the word.
    let mut stage = ann(0, 0);
    stage.keys("/leave\r", "| > /leave\n");
    stage.keys("n", "| * you are still in the group\n");
    stage.keys("xo", "");
    assert_eq!(stage.live(), "> xo");
    stage.keys("\x15/leave\r", "| > /leave\n");
    stage.keys("n", "| * you are still in the group\n");
    stage.later(2, "");
    stage.keys("o", "");
    assert_eq!(stage.live(), "> o");
    stage.keys("\x15/leave\r", "| > /leave\n");
    stage.keys("y\rx", "< LEAVE\n");
    assert_eq!(stage.live(), "> x");
}

#[test]
fn a_paste_that_comes_in_pieces_is_one() {
    let mut stage = ann(0, 0);
    stage.keys("\x1b[200~/who\r2\x1b[201~\r\x1b[200~3\r4\r\x1b[201~", "");
    assert_eq!(stage.live(), "/who\n2\n3\n4\nsay these 4 lines? [y/N] ");
    stage.keys("y", "< MSG /who\n< MSG 2\n< MSG 3\n< MSG 4\n");
}

#[test]
fn commands_and_their_answers() {
    let mut stage = ann(0, 0);
    stage.keys("/who\r", "| > /who\n< WHO\n");
    stage.server("WHO ann@x devices=2\nOK WHO 1 more=ann@x\n", "< WHO ann@x\n");
    stage.server("WHO bob@x devices=1\nOK WHO 1\n", "| * 2 here: ann (2 devices), bob\n");
    stage.keys("/remove bob\r", "| > /remove bob\n");
    assert_eq!(stage.live(), "remove bob@x from the group? [y/N] ");
    stage.keys("n", "| * bob@x is not removed\n");
    stage.keys("\x1b[A\ry", "| > /remove bob\n< REMOVE bob@x\n");
    stage.server("OK REMOVE bob@x\n", "| * bob@x is no longer in the group\n");
    stage.keys("/promote bob\r", "| > /promote bob\n< PROMOTE bob@x\n");
    stage.server("OK PROMOTE bob@x\n", "| * bob@x is an admin\n");
    stage.keys("/demote bob\r", "| > /demote bob\n< DEMOTE bob@x\n");
    stage.server("OK DEMOTE bob@x\n", "| * bob@x is an ordinary member\n");
    stage.keys("/demote ann\r", "| > /demote ann\n< DEMOTE ann@x\n");
    stage.server(
        "ERR DEMOTE last-admin no\n",
        "| ! /demote: no; make somebody else an admin with /promote first\n",
    );
    stage.keys("/invite zoe@x\r", "| > /invite zoe@x\n< INVITE zoe@x\n");
    let command = "|   chat-room-client --server here:1 \\\n|     --join w0rd zoe@x\n";
    let forward = "| * forward this to zoe@x alone; it is good once, for 7 days:\n";
    stage.server("OK INVITE w0rd more=fields\n", &format!("{forward}{command}"));
    stage.keys("/history 2\r", "| > /history 2\n< HISTORY 2\n");
    stage.server(
        "HISTORY 7 7\nMSG 7 TIME bob@x hi\nOK HISTORY 1 last=7\n",
        "|   #7 Fri 2026-01-02 03:04 bob: hi\n| * 1 line; there is none before it\n",
    );
    stage.keys("/info 7\r", "| > /info 7\n< INFO 7\n");
    stage.server(
        "PENDING bob@x seen=never\nOK INFO 7 delivered=2 pending=1\n",
        "| * #7: delivered to 2, not yet to 1\n|   bob, never seen\n",
    );
    stage.keys(
        "/dance\r",
        "| ! /dance: there is no such command; /help lists them; type // for a text that begins with /\n",
    );
    stage.keys("/quit\r", "| > /quit\n< QUIT\n");
    stage.server("OK QUIT\n", "leave\n");
}

#[test]
fn tab_completes() {
    let mut stage = ann(0, 0);
    stage.server(
        "ADDED 1 TIME - bert@x\n",
        &format!("| {DAY}\n| 03:04 * bert was added by an edit of members.txt\n"),
    );
    stage.keys("bo\t", "");
    assert_eq!(stage.live(), "> bob: ");
    stage.keys("and be\t", "");
    assert_eq!(stage.live(), "> bob: and bert ");
    stage.keys("\x03b\t", "| * bert  bob\n");
    stage.keys("\x03/me\t", "| * /members  /me\n");
    stage.keys("m\t", "");
    assert_eq!(stage.live(), "> /members ");
    stage.keys("\x03/h\t", "| * /history  /help\n");
}

#[test]
fn ctrl_c_and_ctrl_d() {
    let mut stage = ann(0, 0);
    stage.keys("half\x03", "");
    assert_eq!(stage.live(), "> ");
    stage.keys("/add eve@x gehei\x03\x1b[A", "");
    assert_eq!(stage.live(), "> /add eve@x");
    stage.keys("\x1b[A", "");
    assert_eq!(stage.live(), "> half");
    stage.keys("\x15", "");
    stage.keys("\x03", "| * Ctrl-D or /quit ends the chat\n");
    stage.keys("x\x1b[D\x04", "");
    stage.keys("\x04", "< QUIT\n");
    stage.down(End::Closed, "leave\n");
    ann(0, 0).end_of_input("< QUIT\n");
    // Everything that was typed is said before that.
    let mut stage = ann(0, 0);
    let lines = "x\n".repeat(65);
    stage.keys(&format!("\x1b[200~{lines}\x1b[201~\ry"), &"< MSG x\n".repeat(64));
    stage.keys("\x04", "");
    stage.server("OK MSG 1 TIME\n", &format!("| {DAY}\n| 03:04 ann: x\n< MSG x\n< QUIT\n"));
    stage.later(4, "");
    stage.server("OK MSG 2 TIME\n", "| 03:04 ann: x\n");
    stage.later(4, "");
    stage.later(
        1,
        &format!(
            "{}| * chat-room-client tail shows what was said\nleave\n",
            "| ! not acknowledged: x\n".repeat(63)
        ),
    );
    let mut stage = ann(0, 0);
    stage.down(End::Closed, "| ! it broke; trying to connect again\n");
    stage.keys(
        "unsaid\r\x04",
        "| ! not acknowledged: unsaid\n| * chat-room-client tail shows what was said\nleave\n",
    );
}

#[test]
fn too_long() {
    let mut stage = ann(0, 0);
    let text = "x".repeat(4091);
    stage.keys(
        &format!("{text}\r"),
        "| ! not said: 1 byte too long; shorten it, or say it in several lines\n",
    );
    assert_eq!(stage.live(), format!("> {text}"));
    stage.keys("\x7f\r", &format!("< MSG {}\n", &text[1..]));
}

#[test]
fn a_line_that_a_terminal_may_have_cut_is_not_said() {
    let mut stage = ann(0, 0);
    stage.chat.line_max = 8192;
    let text = "x".repeat(4095);
    stage.keys(
        &format!("{text}\r"),
        "| ! not said: a terminal cuts lines off at 4095 bytes, the length of this one\n",
    );
    stage.keys("\x15", "");
    stage.keys(&format!("{text}x\r"), &format!("< MSG {text}x\n"));
    // With its MSG it has that length, and the server would not take it.
    stage.keys(
        &format!("{}\r", &text[4..]),
        "| ! not said: a terminal cuts lines off at 4095 bytes, the length of this one\n",
    );
}

#[test]
fn what_controls_a_terminal_is_not_printed() {
    let mut stage = ann(0, 0);
    stage.server("MSG 1 TIME bob@x \x1b[2J\nBYE \x07 \x1b]0;x\n", "");
    stage.down(End::Closed, "| ! the server ended the connection: \u{fffd}]0;x; trying to connect again\n");
    let mut stage = ann(0, 0);
    stage.keys("/who\r", "| > /who\n< WHO\n");
    stage.server("WHO \x1b[31m devices=1\nOK WHO 1\n", "| * 1 here: \u{fffd}[31m\n");
    stage.server("OK \x1b[2J\n", "give up: the server sent an answer that was not asked for\n");
}

#[test]
fn a_saved_login_is_renewed_at_each_login() {
    let mut stage = ann(0, 0);
    stage.chat.out.connection.renews_token = true;
    stage.down(End::Closed, "| ! it broke; trying to connect again\n");
    stage.later(1, "connect\n");
    stage.chat.up(&welcome(0, 0), 4095, stage.now);
    assert_eq!(stage.effects(), "| * connected again\n< TOKEN\n");
    stage.server("OK TOKEN abc-def\n", "keep abc-def\n");
}
