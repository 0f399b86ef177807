//! What was missed: shown, asked about, skipped.

use super::*;

#[test]
fn what_was_missed_comes_after_a_rule() {
    let mut stage = Stage::new(9, 2);
    stage.server(
        "OK MEMBERS 0\nMSG 8 TIME bob@x ann!\nMSG 9 TIME bob@x b\n",
        &format!("{GREETING}| --- 2 missed ---\n| {DAY}\n| 03:04 bob: ann!\n| 03:04 bob: b\n"),
    );
    stage.server("MSG 10 TIME bob@x Ann?\n", "ring\n| 03:04 bob: Ann?\n");
}

#[test]
fn much_that_was_missed_is_asked_about() {
    let mut stage = Stage::new(1000, 900);
    let question = |missed| format!("* {missed} missed: Enter shows them, /skip passes over them\n");
    // What was on its way, and what is said meanwhile.
    stage.server("MSG 101 TIME bob@x old\nOK SKIP 899\nOK TITLE\nOK MEMBERS 0\n", GREETING);
    assert_eq!(stage.live(), format!("{}> ", question(900)));
    stage.server("MSG 1002 TIME bob@x new\n", "");
    stage.keys("half", "");
    assert_eq!(stage.live(), format!("{}> half", question(902)));
    stage.server("MSG 1003 TIME bob@x ann: new\n", "ring\n");
    // A command or a message is answered meanwhile.
    stage.keys("\x15/who\rhi\r", "| > /who\n< WHO\n< MSG hi\n");
    stage.server("WHO ann@x devices=1\nOK WHO 1\n", "| * 1 here: ann\n");
    stage.server("OK MSG 1004 TIME\n", "| * said; it comes after what you have missed: hi\n");
    stage.later(30, "< PING\n");
    stage.server("OK PING\n", "");
    stage.keys("\r", "| --- 904 missed ---\n< HISTORY SINCE 100 1000\n");
    stage.server("MSG 1005 TIME bob@x last\n", "");
    stage.server(
        "HISTORY 101 102\nMSG 101 TIME bob@x old\nMSG 102 TIME bob@x ann!\nOK HISTORY 2 last=1005\n",
        &format!("| {DAY}\n| 03:04 bob: old\n| 03:04 bob: ann!\n< HISTORY SINCE 102 1000\n"),
    );
    // The person has seen enough.
    let skipped = "| * 903 not shown; /history 903 shows them\n";
    stage.keys("/skip\r", &format!("| > /skip\n{skipped}< TITLE\n< MEMBERS\n"));
    stage.server("HISTORY 103 103\nMSG 103 TIME bob@x old\nOK HISTORY 1 last=1005\n", "");
    stage.server("MSG 1006 TIME bob@x next\n", "| 03:04 bob: next\n");

    let mut stage = Stage::new(9000, 8900);
    let skipped = "| * 8900 not shown; /history 8900 shows them\n";
    stage.keys("/skip\r", &format!("| > /skip\n{skipped}< TITLE\n< MEMBERS\n"));
    stage.server(
        "MSG 101 TIME bob@x old\nOK SKIP 8899\nOK TITLE\nOK MEMBERS 0\n",
        &format!("{GREETING}< HISTORY SINCE 9000 1000\n"),
    );
    stage.server("OK TITLE\nOK MEMBERS 0\nOK HISTORY 0 last=9000\n", "");
    stage.server("MSG 9001 TIME bob@x next\n", &format!("| {DAY}\n| 03:04 bob: next\n"));
}

#[test]
fn a_question_outlives_a_dead_server() {
    let mut stage = Stage::new(1000, 900);
    stage.keys("one\r", "< MSG one\n");
    stage.later(30, "< PING\n");
    stage.later(30, "give up: the server is silent\n");
    stage.down(End::Silent, &format!("{GREETING}| ! it broke; trying to connect again\n"));
    stage.keys("\r", "");
    stage.later(1, "connect\n");
    stage.chat.up(&welcome(1001, 0), 4095, stage.now);
    assert_eq!(stage.effects(), "| * connected again\n< SKIP\n< TITLE\n< MEMBERS\n");
    stage.server("OK SKIP 0\nOK TITLE\nOK MEMBERS 0\n", "");
    assert_eq!(stage.live(), "[sent?] one\n* 901 missed: Enter shows them, /skip passes over them\n> ");
    // What is not shown when the person leaves is asked about the next time.
    stage.keys(
        "\x04\x03",
        "| ! not acknowledged: one\n| * chat-room-client tail shows what was said\nleave\n",
    );
    let (stage, effects) = again(1001, 0, 1);
    assert_eq!(effects, "< SKIP\n");
    assert_eq!(stage.live(), "* 901 missed: Enter shows them, /skip passes over them\n> ");
    let (mut stage, effects) = again(101, 0, 1);
    assert_eq!(effects, "| --- 1 missed ---\n< HISTORY SINCE 100 1000\n");
    stage.server(
        "HISTORY 101 101\nMSG 101 TIME bob@x old\nOK HISTORY 1 last=101\n",
        &format!("| {DAY}\n| 03:04 bob: old\n"),
    );
    // Of another transcript.
    let other = LoginOk { transcript: "4567cdef".to_owned(), ..welcome(1001, 0) };
    assert_eq!(again_with(other).1, "");
}

#[test]
fn lost_lines_that_may_have_been_skipped_are_given_back() {
    let given_back = "| ! it is not known whether this was said; Up brings it back: one\n";
    let mut stage = ann(0, 0);
    stage.keys("one\r", "< MSG one\n");
    stage.down(End::Closed, "| ! it broke; trying to connect again\n");
    stage.up(9, 9, "| --- 9 missed ---\n");
    stage.server("MSG 1 TIME bob@x a\n", &format!("| {DAY}\n| 03:04 bob: a\n"));
    stage.keys(
        "/skip\r",
        &format!("| > /skip\n| * 8 not shown; /history 8 shows them\n{given_back}< TITLE\n< MEMBERS\n"),
    );
    stage.server("OK TITLE\nOK MEMBERS 0\nMSG 2 TIME bob@x b\nMSG 10 TIME bob@x c\n", "| 03:04 bob: c\n");
    // The server skips what was said since and not sent yet.
    stage.keys("/skip\r", "| > /skip\n< SKIP\n");
    stage.server("OK SKIP 7\nMSG 18 TIME bob@x d\n", "| * 7 not shown\n< TITLE\n< MEMBERS\n| 03:04 bob: d\n");
}

/// A chat that starts after one that was shown the transcript up to 100.
fn again(last: u64, missed: u64, first: u64) -> (Stage, String) {
    again_with(LoginOk { first: Seq(first), ..welcome(last, missed) })
}

/// Returns what it does until the names are known, but for the greeting.
fn again_with(welcome: LoginOk) -> (Stage, String) {
    let recorded = Place { transcript: "0123abcd".to_owned(), shown: Seq(100) };
    let mut stage = Stage::with(start(welcome, Some(recorded)), Instant::now());
    let effects = stage.effects();
    let (before, _) = effects.split_once("< TITLE\n< MEMBERS\n").expect("it always asks");
    stage.chat.lines(
        if before == "< SKIP\n" {
            b"OK SKIP 0\nOK TITLE\nOK MEMBERS 0\n"
        } else {
            b"OK TITLE\nOK MEMBERS 0\n"
        },
        stage.now,
    );
    let effects = format!("{before}{}", stage.effects().replace(GREETING, ""));
    (stage, effects)
}

#[test]
fn what_was_sent_and_never_shown_comes_first() {
    // The server thinks that everything was shown.
    let (mut stage, effects) = again(103, 0, 1);
    assert_eq!(effects, "| --- 3 missed ---\n< HISTORY SINCE 100 1000\n");
    assert_eq!(stage.shown, 100);
    stage.server("MSG 104 TIME bob@x new\n", "");
    stage.server(
        "HISTORY 101 104\nMSG 101 TIME bob@x a\nMSG 102 TIME bob@x b\nMSG 103 TIME bob@x c\nMSG 104 TIME bob@x new\n",
        &format!("| {DAY}\n| 03:04 bob: a\n| 03:04 bob: b\n| 03:04 bob: c\n| 03:04 bob: new\n"),
    );
    stage.server("OK HISTORY 4 last=104\nMSG 105 TIME bob@x next\n", "| 03:04 bob: next\n");
    assert_eq!(stage.shown, 105);
    // It thinks that a part was shown, and sends the rest.
    let (mut stage, effects) = again(103, 1, 1);
    assert_eq!(effects, "| --- 3 missed ---\n< HISTORY SINCE 100 1000\n");
    stage.server("MSG 103 TIME bob@x c\n", "");
    // It thinks that less was shown than was: duplicates are dropped.
    let (mut stage, effects) = again(101, 3, 1);
    assert_eq!(effects, "| --- 1 missed ---\n");
    stage.server(
        "MSG 99 TIME bob@x x\nMSG 100 TIME bob@x y\nMSG 101 TIME bob@x a\n",
        &format!("| {DAY}\n| 03:04 bob: a\n"),
    );
    // There is a question about many.
    let (stage, effects) = again(1000, 0, 1);
    assert_eq!(effects, "< SKIP\n");
    assert_eq!(
        (stage.live().as_str(), stage.shown),
        ("* 900 missed: Enter shows them, /skip passes over them\n> ", 100)
    );
    // Some cannot be read any more.
    let (mut stage, effects) = again(103, 0, 103);
    let gone = "| * 2 earlier messages cannot be read\n";
    assert_eq!(effects, format!("{gone}| --- 1 missed ---\n< HISTORY SINCE 102 1000\n"));
    stage.server(
        "HISTORY 103 103\nMSG 103 TIME bob@x c\nOK HISTORY 1 last=103\n",
        &format!("| {DAY}\n| 03:04 bob: c\n"),
    );
    assert_eq!(stage.shown, 103);
}

#[test]
fn what_was_skipped_is_not_shown_by_the_next_chat() {
    let mut stage = ann(10, 0);
    stage.keys("/skip\r", "| > /skip\n< SKIP\n");
    stage.server("OK SKIP 7\n", "| * 7 not shown\n< TITLE\n< MEMBERS\n");
    assert_eq!(stage.shown, 17);
}

/// What was shown is recorded before the server may think that more was.
#[test]
fn a_place_is_marked_before_anything_is_sent() {
    for (last, missed) in [(1000, 900), (3, 3), (0, 0)] {
        let mut chat = Chat::new(start(welcome(last, missed), None), Instant::now());
        let effects = chat.out.take();
        let at = |is: fn(&Effect) -> bool| effects.iter().position(is).expect("it is there");
        assert!(
            at(|effect| matches!(effect, Effect::Shown(_))) < at(|effect| matches!(effect, Effect::Send(_)))
        );
    }
}
