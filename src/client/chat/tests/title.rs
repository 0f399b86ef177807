//! What the group is called, and who may speak.

use super::*;

#[test]
fn the_title_is_in_the_first_line() {
    let mut stage = Stage::untitled(5, 1);
    stage.server("OK TITLE Book  club\n", "title Book  club\n");
    let first = "| * Book  club: you are ann@x at here:1; /help lists the commands\n";
    stage.server("OK MEMBERS 0\n", &format!("{first}| --- 1 missed ---\n"));
    // What was missed does not bring an old one back.
    let old = format!("| {DAY}\n| 03:04 * ann calls the group Old\n");
    stage.server("TITLED 5 TIME ann@x Old\n", &old);
    stage.keys("/title\r", "| > /title\n| * the group is called Book  club\n");
    stage.server("TITLED 6 TIME bob@x Choir\n", "| 03:04 * bob calls the group Choir\ntitle Choir\n");
    stage.down(End::Closed, "| ! it broke; trying to connect again\n");
    stage.up(7, 1, "| --- 1 missed ---\n");
    stage.server("TITLED 7 TIME bob@x Band\n", "| 03:04 * bob calls the group Band\ntitle Band\n");
}

#[test]
fn the_first_line_does_not_need_a_title() {
    // Of a server that is older, or says nothing before the connection breaks.
    let mut stage = Stage::untitled(0, 0);
    stage.server("ERR TITLE unknown-command what?\n", "");
    stage.server("OK MEMBERS 0\n", GREETING);
    stage.keys(
        "/title\r",
        "| > /title\n| * the group has no title; /title TEXT gives it one, if you are an admin\n",
    );
    let mut stage = Stage::untitled(0, 0);
    stage.down(End::Closed, &format!("{GREETING}| ! it broke; trying to connect again\n"));
}

#[test]
fn a_title_is_given() {
    let mut stage = ann(0, 0);
    stage.keys("/title  The  Choir \r", "| > /title  The  Choir \n< TITLE The  Choir\n");
    stage.server(
        "OK TITLE The  Choir\nTITLED 1 TIME ann@x The  Choir\n",
        &format!("| {DAY}\n| 03:04 * ann calls the group The  Choir\ntitle The  Choir\n"),
    );
    stage.keys("/title x\r", "| > /title x\n< TITLE x\n");
    stage.server("ERR TITLE admin-only no\n", "| ! /title: no; /members shows who the admins are\n");
}

#[test]
fn only_admins_speak() {
    let mut stage = ann(0, 0);
    stage.keys("/announce ON\r", "| > /announce ON\n< ANNOUNCE on\n");
    stage.server(
        "OK ANNOUNCE\nANNOUNCE 1 TIME ann@x on\n",
        &format!("| {DAY}\n| 03:04 * ann lets only admins speak\n"),
    );
    stage.keys("hi\r", "< MSG hi\n");
    stage.server(
        "ERR MSG announce-only only admins speak at present\n",
        "| ! not said: only admins speak at present; wait until an admin lets everybody speak\n",
    );
    assert_eq!(stage.live(), "> hi");
    stage.keys("\x15/announce\r", "| > /announce\n< ANNOUNCE\n");
    stage.server("OK ANNOUNCE on\n", "| * only admins can speak\n");
    stage.server("ANNOUNCE 2 TIME bob@x off\n", "| 03:04 * bob lets everybody speak\n");
    stage.keys("/announce\r", "| > /announce\n< ANNOUNCE\n");
    stage.server("OK ANNOUNCE off\n", "| * everybody can speak\n");
    stage.keys("/announce maybe\r", "| ! /announce: type it as /announce [on|off]\n");
}

#[test]
fn a_title_that_could_control_a_terminal_is_none() {
    let mut stage = Stage::untitled(0, 0);
    stage.server("TITLED 1 TIME bob@x \x1b[2J\n", "");
    stage.server("OK TITLE \x1b]0;x\x07\u{202e}\n", "title \u{fffd}]0;x\u{fffd}\u{fffd}\n");
}
