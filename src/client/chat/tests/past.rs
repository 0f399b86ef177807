//! /history, /find and /info.

use super::*;

/// A page of the past, and what it looks like.
fn page(from: u64, to: u64, last: u64) -> (String, String) {
    let lines = |line: fn(u64) -> String| (from..=to).map(line).collect::<Vec<_>>().concat();
    let events = lines(|seq| format!("MSG {seq} TIME bob@x {seq}.\n"));
    let shown = lines(|seq| format!("|   #{seq} Fri 2026-01-02 03:04 bob: {seq}.\n"));
    let count = to - from + 1;
    (format!("HISTORY {from} {to}\n{events}OK HISTORY {count} last={last}\n"), shown)
}

#[test]
fn all_lines_that_were_asked_for_come_in_pages() {
    let mut stage = ann(2600, 0);
    stage.keys("/history 2500\r", "| > /history 2500\n< HISTORY SINCE 100 1000\n");
    for (from, next) in [(101, "< HISTORY SINCE 1100 1000\n"), (1101, "< HISTORY SINCE 2100 500\n")] {
        let (said, shown) = page(from, from + 999, 2600);
        stage.server(&said, &format!("{shown}{next}"));
    }
    let (said, shown) = page(2101, 2600, 2600);
    stage.server(&said, &shown);
    // A group that is younger, or has not kept so much.
    stage.keys("/history 5000\r", "| > /history 5000\n< HISTORY SINCE 0 1000\n");
    let (said, shown) = page(2599, 2600, 2600);
    stage.server(&said, &format!("{shown}| * 2 lines; there are none before them\n"));
    // The person has seen enough.
    stage.keys("/history 2000\r", "| > /history 2000\n< HISTORY SINCE 600 1000\n");
    stage.keys("\x03", "");
    let (said, shown) = page(601, 602, 2600);
    stage.server(&said, "");
    assert!(shown.len() > 1);
    stage.keys("\x03", "| * Ctrl-D or /quit ends the chat\n");
}

#[test]
fn lines_before_a_number() {
    let mut stage = ann(2600, 0);
    stage.keys("/history before 100\r", "| > /history before 100\n< HISTORY SINCE 79 20\n");
    let (said, shown) = page(80, 99, 2600);
    stage.server(&said, &shown);
    stage.keys("/history 3 before 3\r", "| > /history 3 before 3\n< HISTORY SINCE 0 2\n");
    let (said, shown) = page(1, 2, 2600);
    stage.server(&said, &format!("{shown}| * 2 lines; there are none before them\n"));
    // Nothing comes before the first event; and events that are gone are not replaced by later ones.
    stage.keys("/history before 1\r", "| > /history before 1\n< HISTORY SINCE 0 1\n");
    stage.server(&page(1, 1, 2600).0, "| * there is nothing to show\n");
    stage.keys("/history before 100\r", "| > /history before 100\n< HISTORY SINCE 79 20\n");
    let (said, shown) = page(98, 117, 2600);
    let kept: String = shown.split_inclusive('\n').take(2).collect();
    stage.server(&said, &kept);
}

/// What FIND answers, and what it looks like.
fn found(seqs: &[u64], more: &str) -> (String, String) {
    let lines = |line: fn(&u64) -> String| seqs.iter().map(line).collect::<Vec<_>>().concat();
    let events = lines(|seq| format!("MSG {seq} TIME bob@x {seq} for lunch\n"));
    let shown = lines(|seq| format!("|   #{seq} Fri 2026-01-02 03:04 bob: {seq} for lunch\n"));
    (format!("FOUND {}\n{events}OK FIND {}{more}\n", seqs.len(), seqs.len()), shown)
}

#[test]
fn messages_that_hold_a_text_page_by_page() {
    let mut stage = ann(2600, 0);
    stage.keys("/find\r", "| > /find\n| ! /find: there is nothing to go on with; type it as /find TEXT\n");
    stage.keys("/find for  lunch\r", "| > /find for  lunch\n< FIND for  lunch\n");
    let (said, shown) = found(&[7, 2000], " more=7");
    stage.server(&said, &format!("{shown}| * /find goes on with older ones\n"));
    stage.keys("/find\r", "| > /find\n< FIND BEFORE 7 for  lunch\n");
    // A search that takes long is answered before its end.
    stage.server("OK FIND 0 more=3\n", "| * nothing was found so far; /find goes on\n");
    stage.keys("/find\r", "| > /find\n< FIND BEFORE 3 for  lunch\n");
    // An event meanwhile is none of the answer.
    stage.server("MSG 2601 TIME bob@x hi\n", &format!("| {DAY}\n| 03:04 bob: hi\n"));
    let (said, shown) = found(&[1], "");
    stage.server(&said, &shown);
    stage.keys("/find\r", "| > /find\n| ! /find: there is nothing to go on with; type it as /find TEXT\n");
    stage.keys("/find supper\r", "| > /find supper\n< FIND supper\n");
    stage.server("OK FIND 0\n", "| * nothing was found\n");
    stage.keys(
        "/find before 5 I left\r",
        "| > /find before 5 I left\n< FIND BEFORE 18446744073709551615 before 5 I left\n",
    );
    stage.server("ERR FIND storage no\n", "| ! /find: no; whoever runs the server can tell you more\n");
}

#[test]
fn info_is_about_the_last_message_also_when_it_has_no_number_yet() {
    let mut stage = ann(0, 0);
    stage.keys("one\r", "< MSG one\n");
    stage.server("OK MSG 1 TIME\n", &format!("| {DAY}\n| 03:04 ann: one\n"));
    stage.keys("two\r/info\r", "< MSG two\n| > /info\n");
    stage.server("OK MSG 2 TIME\n", "| 03:04 ann: two\n< INFO 2\n");
    stage.server("OK INFO 2 delivered=1 pending=0\n", "| * #2: delivered to 1, not yet to 0\n");
    // A message that was refused has reached nobody, and /info was not about the one before.
    stage.keys("three\r/info\r", "< MSG three\n| > /info\n");
    stage.server(
        "ERR MSG storage the disk is full\n",
        "| ! not said: the disk is full; whoever runs the server can tell you more\n",
    );
    assert_eq!(stage.live(), "> three");
    stage.keys("\x15", "");
    // A message that has to be looked for first.
    stage.keys("four\r/info\r", "< MSG four\n| > /info\n");
    stage.down(End::Closed, "| ! it broke; trying to connect again\n");
    stage.up(3, 1, "| --- 1 missed ---\n");
    stage.server("MSG 3 TIME ann@x four\n", "| 03:04 ann: four\n< INFO 3\n");
}

#[test]
fn a_line_that_only_has_to_wait_is_not_said_to_be_unsent() {
    let mut stage = ann(0, 0);
    let lines = |line: fn(u64) -> String, count| (0..count).map(line).collect::<Vec<_>>().concat();
    let paste = lines(|n| format!("{n}\n"), 66);
    stage.keys(&format!("\x1b[200~{paste}\x1b[201~\ry"), &lines(|n| format!("< MSG {n}\n"), 64));
    assert!(stage.live().ends_with("[sending] 63\n[waiting] 64\n[waiting] 65\n> "), "{}", stage.live());
    stage.chat.down(End::Closed, "it broke", stage.now, 0.0);
    assert!(stage.live().contains("[not sent] 65\n"), "{}", stage.live());
}
