//! Events from before come first, then those that were missed.

use super::*;

/// Ann begins with two events from before; `expected` are the effects.
fn begin(last: u64, missed: u64, unasked: u64, expected: &str) -> Stage {
    let now = Instant::now();
    let start = Start { lead_in: 2, shown_unasked: unasked, ..start(welcome(last, missed), None) };
    let mut stage = Stage::with(start, now);
    let skip = if missed > unasked { "< SKIP\n" } else { "" };
    assert_eq!(stage.effects(), format!("{skip}< TITLE\n< MEMBERS\n"));
    assert_eq!(stage.shown, last - missed);
    let answers = format!("{}OK TITLE\nOK MEMBERS 0\n", skip.replace("< SKIP", "OK SKIP 3"));
    stage.server(&answers, &format!("{GREETING}{expected}"));
    stage
}

#[test]
fn before_what_was_missed() {
    let mut stage = begin(5, 1, 300, "< HISTORY SINCE 2 2\n");
    stage.server("MSG 5 TIME bob@x missed\nMSG 6 TIME bob@x new\n", "");
    stage.keys("hi\r", "< MSG hi\n");
    stage.server("HISTORY 3 4\nMSG 3 TIME bob@x a\n", &format!("| {DAY}\n| 03:04 bob: a\n"));
    stage.server("MSG 4 TIME bob@x b\n", "| 03:04 bob: b\n");
    assert_eq!(stage.shown, 4, "what waits was not shown");
    let expected = "| --- 1 missed ---\n| 03:04 bob: missed\n| 03:04 bob: new\n";
    stage.server("OK HISTORY 2 last=6\n", expected);
    assert_eq!(stage.shown, 6);
    stage.server("OK MSG 7 TIME\n", "| 03:04 ann: hi\n");
}

#[test]
fn of_kinds_that_are_not_known() {
    let mut stage = begin(5, 1, 300, "< HISTORY SINCE 2 2\n");
    stage.server("POLLED 5 TIME bob@x missed\n", "");
    let before = format!("| {DAY}\n| 03:04 * RATED bob@x b\n| 03:04 bob: c\n");
    stage.server("HISTORY 3 4\nRATED 3 TIME bob@x b\nMSG 4 TIME bob@x c\n", &before);
    let missed = "| --- 1 missed ---\n| 03:04 * POLLED bob@x missed\n";
    stage.server("OK HISTORY 2 last=5\n", missed);
    assert_eq!(stage.shown, 5);
}

#[test]
fn where_nothing_was_missed_or_nothing_was_before() {
    let mut stage = begin(5, 0, 300, "< HISTORY SINCE 3 2\n");
    stage.server("HISTORY 4 5\nMSG 4 TIME bob@x a\n", &format!("| {DAY}\n| 03:04 bob: a\n"));
    stage.server("MSG 5 TIME bob@x b\nOK HISTORY 2 last=5\n", "| 03:04 bob: b\n| --- nothing missed ---\n");
    begin(2, 2, 300, "| --- 2 missed ---\n");
    // The events before are not kept any more: the page goes on with those that were missed, which are shown once.
    let mut stage = begin(5, 2, 300, "< HISTORY SINCE 1 2\n");
    stage.server("HISTORY 4 5\nMSG 4 TIME bob@x a\nMSG 5 TIME bob@x b\n", "");
    stage.server("OK HISTORY 2 last=5\n", "| --- 2 missed ---\n");
}

/// The list of a large group ends, or another one is asked for, while the events from before are on their way.
#[test]
fn names_that_come_meanwhile() {
    let start = || Start { lead_in: 2, ..start(welcome(5, 1), None) };
    let before = "HISTORY 3 4\nMSG 3 TIME bob@x a\nMSG 4 TIME bob@x b\nOK HISTORY 2 last=5\n";
    let shown = format!("| {DAY}\n| 03:04 bob: a\n| 03:04 bob: b\n| --- 1 missed ---\n");
    let mut stage = Stage::with(start(), Instant::now());
    assert_eq!(stage.effects(), "< TITLE\n< MEMBERS\n");
    stage.server("OK TITLE\n", "");
    for page in 1..10 {
        stage.server(&format!("OK MEMBERS 100 more=a{page}@x\n"), &format!("< MEMBERS a{page}@x\n"));
    }
    stage.server("OK MEMBERS 100 more=b@x\n", &format!("< MEMBERS b@x\n{GREETING}< HISTORY SINCE 2 2\n"));
    stage.server("OK MEMBERS 1\n", "");
    stage.server(before, &shown);

    let mut stage = Stage::with(Start { shown_unasked: 0, ..start() }, Instant::now());
    assert_eq!(stage.effects(), "< SKIP\n< TITLE\n< MEMBERS\n");
    let skipped = "| > /skip\n| * 1 not shown; /history 1 shows them\n";
    stage.keys("/skip\r", &format!("{skipped}< TITLE\n< MEMBERS\n"));
    stage.server("OK SKIP 1\nOK TITLE\nOK MEMBERS 0\n", &format!("{GREETING}< HISTORY SINCE 3 2\n"));
    stage.server("OK TITLE\nOK MEMBERS 0\n", "");
    stage.server(
        "HISTORY 4 5\nMSG 4 TIME bob@x a\nMSG 5 TIME bob@x b\nOK HISTORY 2 last=5\n",
        &format!("| {DAY}\n| 03:04 bob: a\n| 03:04 bob: b\n< HISTORY SINCE 5 1000\n"),
    );
}

#[test]
fn what_is_asked_about_or_breaks() {
    let mut stage = begin(5, 3, 1, "< HISTORY SINCE 0 2\n");
    stage.server("MSG 3 TIME bob@x c\n", "");
    stage.server(
        "HISTORY 1 2\nMSG 2 TIME bob@x b\nOK HISTORY 2 last=5\n",
        &format!("| {DAY}\n| 03:04 bob: b\n"),
    );
    assert_eq!(stage.live(), "* 3 missed: Enter shows them, /skip passes over them\n> ");
    stage.keys("\r", "| --- 3 missed ---\n< HISTORY SINCE 2 1000\n");

    let mut stage = begin(5, 1, 300, "< HISTORY SINCE 2 2\n");
    stage.server("MSG 5 TIME bob@x missed\n", "");
    let shown = format!("| --- 1 missed ---\n| {DAY}\n| 03:04 bob: missed\n");
    stage.down(End::Closed, &format!("| ! it broke; trying to connect again\n{shown}"));
    stage.up(5, 0, "");
    let mut stage = begin(5, 1, 300, "< HISTORY SINCE 2 2\n");
    stage.server("ERR HISTORY storage no\n", "| --- 1 missed ---\n");
}

#[test]
fn they_are_quiet() {
    let now = Instant::now();
    let start = Start { lead_in: 2, ..start(welcome(5, 1), None) };
    let mut chat = Chat::new(start, now);
    chat.out.take();
    let time = "2026-01-02T03:04:05.678Z";
    let lines = format!(
        "OK TITLE\nOK MEMBERS 0\nHISTORY 4 4\nMSG 4 {time} bob@x ann: look\nOK HISTORY 1\nMSG 5 {time} bob@x b\n"
    );
    chat.lines(lines.as_bytes(), now);
    let quiet = chat.out.take().into_iter().filter_map(|effect| match effect {
        Effect::Print(line) => Some((line.text(), line.is_quiet())),
        _ => None,
    });
    let greeting = "* you are ann@x at here:1; /help lists the commands";
    let expected = [
        (greeting, true),
        (DAY, true),
        ("03:04 bob: ann: look", true),
        ("--- 1 missed ---", true),
        ("03:04 bob: b", false),
    ];
    assert_eq!(quiet.collect::<Vec<_>>(), expected.map(|(text, is_quiet)| (text.to_owned(), is_quiet)));
}
