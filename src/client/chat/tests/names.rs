//! What members are called, as it becomes known and changes.

use super::*;

#[test]
fn names_are_known_before_the_first_event_is_shown() {
    let mut stage = Stage::new(2, 2);
    stage.server("MSG 1 TIME bob@x hi\nMSG 2 TIME cid@x ann baker?\n", "");
    stage.server(
        "MEMBER ann@x role=member online=yes name=Ann Baker\nOK MEMBERS 1 more=ann@x\n",
        "< MEMBERS ann@x\n",
    );
    stage.server(
        "MEMBER bob@x role=member online=no name=Bob  B.\nMEMBER cid@x role=member online=no\nOK MEMBERS 2\n",
        &format!("{GREETING}| --- 2 missed ---\n| {DAY}\n| 03:04 Bob  B.: hi\n| 03:04 cid: ann baker?\n"),
    );
    stage.server("MSG 3 TIME cid@x ANN BAKER!\n", "ring\n| 03:04 cid: ANN BAKER!\n");
    stage.keys("me\r", "< MSG me\n");
    stage.server("OK MSG 4 TIME\n", "| 03:04 Ann Baker: me\n");
}

#[test]
fn a_large_group_is_not_waited_for() {
    let mut stage = Stage::new(1, 1);
    stage.server("MSG 1 TIME bob@x hi\n", "");
    for page in 1..10 {
        stage.server(&format!("OK MEMBERS 100 more=a{page}@x\n"), &format!("< MEMBERS a{page}@x\n"));
    }
    let shown = format!("{GREETING}| --- 1 missed ---\n| {DAY}\n| 03:04 bob: hi\n");
    stage.server("OK MEMBERS 100 more=b@x\n", &format!("< MEMBERS b@x\n{shown}"));
    stage.server("MEMBER bob@x role=member online=no name=Bob B.\nOK MEMBERS 1\n", "");
    stage.server("MSG 2 TIME bob@x hi\n", "| 03:04 Bob B.: hi\n");
    // What does not end does.
    let mut stage = Stage::new(0, 0);
    for page in 1..100 {
        let greeting = if page == 10 { GREETING } else { "" };
        stage
            .server(&format!("OK MEMBERS 100 more=a{page}@x\n"), &format!("< MEMBERS a{page}@x\n{greeting}"));
    }
    stage.server("OK MEMBERS 100 more=a@x\n", "");
}

#[test]
fn a_name_is_announced_and_used_from_then_on() {
    let mut stage = ann(0, 0);
    stage.server(
        "NAMED 1 TIME bob@x Robert\nMSG 2 TIME bob@x hi\n",
        &format!("| {DAY}\n| 03:04 * bob@x is now called Robert\n| 03:04 Robert: hi\n"),
    );
    stage.server(
        "NAMED 3 TIME - ann@x Ann\nMSG 4 TIME bob@x Ann?\n",
        "| 03:04 * ann@x is now called Ann, by an edit of members.txt\nring\n| 03:04 Robert: Ann?\n",
    );
    stage.server(
        "NAMED 5 TIME bob@x\nPROMOTED 6 TIME ann@x bob@x\n",
        "| 03:04 * bob@x has no name any more\n| 03:04 * bob was made an admin by Ann\n",
    );
    stage.server(
        "NAMED 7 TIME bob@x Bob\nREMOVED 8 TIME ann@x bob@x\n",
        "| 03:04 * bob@x is now called Bob\n| 03:04 * Bob was removed by Ann\n",
    );
    // Nobody has that name any more.
    stage.keys("/history 1\r", "| > /history 1\n< HISTORY 1\n");
    stage.server(
        "HISTORY 2 2\nMSG 2 TIME bob@x hi\nOK HISTORY 1 last=8\n",
        "|   #2 Fri 2026-01-02 03:04 bob: hi\n",
    );
}

/// The past shows the names of now.
#[test]
fn what_was_missed_has_the_names_of_now() {
    let mut stage = Stage::new(3, 3);
    stage.server(
        "NAMED 1 TIME bob@x Old\nMSG 2 TIME bob@x hi\nNAMED 3 TIME bob@x New\nNAMED 4 TIME bob@x Newer\n",
        "",
    );
    stage.server(
        "MEMBER bob@x role=member online=no name=New\nOK MEMBERS 1\nMSG 5 TIME bob@x ho\n",
        &format!(
            "{GREETING}| --- 3 missed ---\n| {DAY}\n| 03:04 * bob@x is now called Old\n| 03:04 New: hi\n\
             | 03:04 * bob@x is now called New\n| 03:04 * bob@x is now called Newer\n| 03:04 Newer: ho\n"
        ),
    );
}

#[test]
fn names_are_asked_for_again_only_where_some_may_be_missing() {
    let mut stage = ann(1, 0);
    stage.down(End::Closed, "| ! it broke; trying to connect again\n");
    stage.up(2, 1, "| --- 1 missed ---\n");
    stage.server("NAMED 2 TIME bob@x Bob B.\n", &format!("| {DAY}\n| 03:04 * bob@x is now called Bob B.\n"));
    // The list was not whole yet.
    let mut stage = Stage::new(1, 0);
    stage.server("OK MEMBERS 1 more=ann@x\n", "< MEMBERS ann@x\n");
    stage.down(End::Closed, &format!("{GREETING}| ! it broke; trying to connect again\n"));
    stage.up(1, 0, "< TITLE\n< MEMBERS\n");
    stage.server("OK TITLE\nOK MEMBERS 0\n", "");
    // The server has begun a new history, or has not kept all of it.
    for (last, first) in [(0, 1), (9, 8)] {
        let mut stage = ann(2, 0);
        stage.down(End::Closed, "| ! it broke; trying to connect again\n");
        stage.later(1, "connect\n");
        stage.chat.up(&LoginOk { first: Seq(first), ..welcome(last, 0) }, 4095, stage.now);
        assert!(stage.effects().ends_with("< MEMBERS\n"));
    }
}

/// What was named while nothing was shown is known all the same.
#[test]
fn names_that_came_while_a_question_was_open() {
    let mut stage = Stage::new(1000, 900);
    stage.server("OK SKIP 900\nOK TITLE\nOK MEMBERS 0\nNAMED 1001 TIME bob@x Bob B.\n", GREETING);
    stage.keys("/who\r", "| > /who\n< WHO\n");
    stage.server("WHO bob@x devices=1\nOK WHO 1\n", "| * 1 here: Bob B. (bob@x)\n");
}

#[test]
fn my_name() {
    let mut stage = ann(0, 0);
    stage.keys("/name\r", "| > /name\n| * you have no name but your mail; /name TEXT gives you one\n");
    stage.keys("/name  Ann  Baker \r", "| > /name  Ann  Baker \n< NAME Ann  Baker\n");
    stage.server(
        "OK NAME\nNAMED 1 TIME ann@x Ann  Baker\n",
        &format!("| {DAY}\n| 03:04 * ann@x is now called Ann  Baker\n"),
    );
    stage.keys("/name\r", "| > /name\n| * you are called Ann  Baker; /name - takes that away\n");
    stage.keys("/name Ann  Baker\r", "| > /name Ann  Baker\n| * nothing has changed\n");
    stage.keys("/name Bob\r", "| > /name Bob\n< NAME Bob\n");
    stage.server(
        "ERR NAME name-taken somebody is\n",
        "| ! /name: somebody is; choose a name that nobody can take for somebody else's\n",
    );
    stage.keys("/name -\r", "| > /name -\n< NAME\n");
    stage.server("OK NAME\nNAMED 2 TIME ann@x\n", "| 03:04 * ann@x has no name any more\n");
    stage.keys("/name -\r", "| > /name -\n| * nothing has changed\n");
}

#[test]
fn names_are_completed_and_understood() {
    let mut stage = ann(0, 0);
    stage.server(
        "NAMED 1 TIME bob@x Bob B.\nNAMED 2 TIME cid@x Cid\n",
        &format!("| {DAY}\n| 03:04 * bob@x is now called Bob B.\n| 03:04 * cid@x is now called Cid\n"),
    );
    for (typed, completed) in [
        ("bo\t", "Bob B.: "),
        ("hi BOB \t", "hi Bob B. "),
        ("/me hugs bob b\t", "/me hugs Bob B. "),
        ("/remove bob b\t", "/remove bob "),
        ("/promote B\t", "/promote bob "),
        ("/find B\t", "/find Bob B. "),
    ] {
        stage.keys(typed, "");
        assert_eq!(stage.live(), format!("> {completed}"));
        stage.keys("\x15", "");
    }
    stage.keys("/promote bob b.\r", "| > /promote bob b.\n< PROMOTE bob@x\n");
    stage.keys("/remove BOB  B.\r", "| > /remove BOB  B.\n");
    assert_eq!(stage.live(), "remove bob@x from the group? [y/N] ");
    stage.keys("n", "| * bob@x is not removed\n");
    stage.keys("/reset bob b.\r", "| > /reset bob\n");
    assert_eq!(stage.live(), "password for bob@x: ");
    stage.keys("\x03", "| * /reset: not done\n");
    stage.keys("/reset cid secret\r", "| > /reset cid\n< RESET cid@x secret\n");
}

#[test]
fn a_name_that_could_control_a_terminal_is_no_name() {
    let mut stage = ann(0, 0);
    stage.server("NAMED 1 TIME bob@x \x1b[2J\nNAMED 1 TIME bob@x \u{202e}\n", "");
    stage.keys("/members\r", "| > /members\n< MEMBERS\n");
    stage.server(
        "MEMBER bob@x role=member online=no name=\x1b[2J\u{202e}\nOK MEMBERS 1\n",
        "| * 1 in the group:\n|   \u{fffd}[2J\u{fffd} (bob@x)\n",
    );
}
