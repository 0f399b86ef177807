//! Passwords: asked for, not shown, and never said.

use super::*;

const BAD: &str = "| ! a password has 6 to 1024 bytes and no blanks; type it again, or Ctrl-C\n";

#[test]
fn what_may_be_a_command_is_not_said_by_a_slip() {
    let mut stage = ann(0, 0);
    let refused =
        "| ! /passwd: not said: a command has no blanks before it; type // for a text that begins with /\n";
    stage.keys(" /passwd old-secret new-secret\r", refused);
    assert_eq!(stage.live(), ">  /passwd old-secret new-secret");
    stage.keys("\x01\x04\r", "| > /passwd\n< PASSWD old-secret new-secret\n");
    stage.server("ERR PASSWD busy not now\n", "| ! /passwd: not now; try again in a moment\n");
    stage.keys("\x1b[A\x1b[A", "");
    assert_eq!(stage.live(), "> /passwd");
    stage.keys("\x15\x1b[200~a\r  /add eve@x eve-secret\x1b[201~\r", "");
    assert_eq!(stage.live(), "a\n  /add eve@x eve-secret\nsay these 2 lines? [y/N] ");
    stage.keys("n", "| * not said; Up brings it back\n");
    stage.keys("\x1b[200~a\rlogin bob@x bob-secret\x1b[201~\r", "");
    assert_eq!(stage.live(), "a\nlogin bob@x bob-secret\nsay these 2 lines? [y/N] ");
    stage.keys("n", "| * not said; Up brings it back\n");
}

#[test]
fn a_line_that_begins_as_one_with_a_password_is_asked_about() {
    let mut stage = ann(0, 0);
    for line in ["LOGIN bob@example.org bob-secret", "add eve the secret", "MSG RESET bob@x another-secret"] {
        stage.keys(&format!("{line}\r"), "");
        let question = "there may be a password in this line: say it to the group? [y/N] ";
        assert_eq!(stage.live(), format!("{line}\n{question}"));
        stage.keys("\r", "| * not said; /add, /reset and /passwd ask for passwords without showing them\n");
        // It is given back, and not kept for Up.
        assert_eq!(stage.live(), format!("> {line}"));
        stage.keys("\x15\x1b[A", "");
        assert!(!stage.live().contains("secret"), "{}", stage.live());
        stage.keys("\x15", "");
    }
    stage.keys("Join us at noon\r", "");
    stage.keys("y", "< MSG Join us at noon\n");
    // As it was typed, and not longer than any other line.
    stage.keys("//login is slow\ry", "< MSG /login is slow\n");
    let long = format!("add {}", "x".repeat(4096));
    stage.keys(
        &format!("{long}\ry"),
        "| ! not said: 10 bytes too long; shorten it, or say it in several lines\n",
    );
    assert!(stage.live().ends_with(&format!("\n> {long}")));
}

#[test]
fn msg_is_left_out() {
    let mut stage = ann(0, 0);
    let told = "| * MSG is left out: here every line is said as it is\n";
    stage.keys("MSG hi\r", &format!("{told}< MSG hi\n"));
    stage.keys("MSG  ho\r", &format!("{told}< MSG  ho\n"));
    stage.keys("msg me\rMSG\r", "< MSG msg me\n< MSG MSG\n");
}

#[test]
fn passwords_are_not_shown() {
    let mut stage = ann(0, 0);
    stage.keys("/passwd\rold-secret\r", "| > /passwd\n");
    stage.keys("new-secret", "");
    assert_eq!(stage.live(), "your new password: ");
    stage.keys("\rnew-secret\r", "< PASSWD old-secret new-secret\n");
    stage.server(
        "OK PASSWD\n",
        "| * your password is changed; your other devices have to log in again\npassword new-secret\n",
    );
    stage.keys("/add eve@x eve-secret\r", "| > /add eve@x\n< ADD eve@x eve-secret\n");
    stage.server(
        "ERR ADD admin-only only admins may\n",
        "| ! /add: only admins may; /members shows who the admins are\n",
    );
    stage.keys("/passwd\r\x03\x1b[A\x1b[A", "| > /passwd\n| * /passwd: not done\n");
    assert_eq!(stage.live(), "> /add eve@x");
}

#[test]
fn a_password_is_asked_for_until_it_is_right() {
    for (command, mail, verb) in [("/add eve@x", "eve@x", "ADD"), ("/reset bob", "bob@x", "RESET")] {
        let mut stage = ann(0, 0);
        stage.keys(&format!("{command}\r"), &format!("| > {command}\n"));
        for wrong in ["two words", "short", "", "\x1b[200~one\rtwo-lines\x1b[201~"] {
            stage.keys(&format!("{wrong}\r"), BAD);
            assert_eq!(stage.live(), format!("password for {mail}: "));
        }
        // A password that is too long is not cut.
        stage.keys(&format!("{}\r", "x".repeat(1025)), BAD);
        stage
            .keys("first-secret\rother-secret\r", "| ! the two passwords differ; type it again, or Ctrl-C\n");
        assert_eq!(stage.live(), format!("password for {mail}: "));
        stage.keys("\x1b[200~good-secret\n\x1b[201~\r", "");
        assert_eq!(stage.live(), "the same again: ");
        stage.keys("good-secret\r", &format!("< {verb} {mail} good-secret\n"));
    }
    let mut stage = ann(0, 0);
    stage.keys("/passwd\rold-secret\rnew-secret\rnew secret\r", &format!("| > /passwd\n{BAD}"));
    stage.keys("another-secret\r", "| ! the two passwords differ; type it again, or Ctrl-C\n");
    assert_eq!(stage.live(), "your new password: ");
    // Typed after the command, and not a password.
    let mut stage = ann(0, 0);
    let why = "| ! a password has 6 to 1024 bytes and no blanks\n";
    stage.keys("/add eve@x two words\r", &format!("| > /add eve@x\n{why}"));
    assert_eq!(stage.live(), "password for eve@x: ");
}

/// What is typed before the answer may be the next try, or the next line.
#[test]
fn what_is_typed_before_the_answer_waits_for_it() {
    let wait = "/add: waiting for the server; Ctrl-C continues without it ";
    let begin = || {
        let mut stage = ann(0, 0);
        stage.keys("/add eve@x\reve-secret\reve-secret\r", "| > /add eve@x\n< ADD eve@x eve-secret\n");
        stage.keys("next-line\rhalf", "");
        assert_eq!(stage.live(), wait);
        stage
    };
    // Another password is needed: these keys were not a line.
    for code in ["bad-password", "bad-login"] {
        let mut stage = begin();
        let refused = stage.refused(&format!("ERR ADD {code} no\n"));
        assert!(refused.starts_with("| ! /add: no; ") && !refused.contains('<'), "{refused}");
        assert_eq!(stage.live(), "password for eve@x: ");
        stage.keys("another-secret\ranother-secret\r", "< ADD eve@x another-secret\n");
    }
    // The server is busy, or does not answer: what they were is unknown. The rest of a line that was begun without echo is not
    // shown either, and not said.
    for (more, prompt) in [("", "password for eve@x: "), ("\r", "> ")] {
        let mut stage = begin();
        stage.keys(more, "");
        stage.refused("ERR ADD busy no\n");
        assert_eq!(stage.live(), prompt);
        let mut stage = begin();
        stage.keys(more, "");
        stage.chat.down(End::Closed, "it broke", stage.now, 0.0);
        assert!(!stage.effects().contains('<'));
        assert!(stage.live().ends_with(&format!("\n{prompt}")), "{}", stage.live());
    }
    // The password is accepted: they are lines.
    let mut stage = begin();
    let done = "| * eve@x can log in with that password\n";
    stage.server("OK ADD eve@x\n", &format!("{done}< MSG next-line\n"));
    assert_eq!(stage.live(), "[sending] next-line\n> half");
    // But the password is never said, whatever the person took the prompt for.
    for again in
        ["eve-secret\r", "hi\reve-secret\r", "\x1b[200~eve-secret\n\x1b[201~\r", "my eve-secrex\x7ft"]
    {
        let mut stage = ann(0, 0);
        stage.keys("/add eve@x\reve-secret\reve-secret\r", "| > /add eve@x\n< ADD eve@x eve-secret\n");
        stage.keys(again, "");
        stage.server("OK ADD eve@x\n", done);
        assert_eq!(stage.live(), "> ");
    }
    // Ctrl-C ends the wait.
    let mut stage = begin();
    stage.keys("\x03", "| * /add: the answer comes later\n");
    stage.keys("hi\r", "< MSG hi\n");
    stage.server("ERR ADD bad-password no\n", "| ! /add: no; choose another\n");
    assert_eq!(stage.live(), "[sending] hi\npassword for eve@x: ");
}

#[test]
fn a_question_outlives_the_connection() {
    let mut stage = ann(0, 0);
    stage.keys("/add eve@x\reve-se", "| > /add eve@x\n");
    stage.down(End::Closed, "| ! it broke; trying to connect again\n");
    stage.keys("cret\r", "");
    assert!(stage.live().ends_with("the same again: "), "{}", stage.live());
    stage.up(0, 0, "");
    stage.server("MSG 1 TIME bob@x hi\n", &format!("| {DAY}\n| 03:04 bob: hi\n"));
    stage.keys("eve-secret\r", "< ADD eve@x eve-secret\n");
    // After the message that there is no connection it can be typed again at once.
    let mut stage = ann(0, 0);
    stage.keys("/add eve@x\reve-secret\r", "| > /add eve@x\n");
    stage.down(End::Closed, "| ! it broke; trying to connect again\n");
    let not_done = "| ! not done: there is no connection; try again when there is\n";
    stage.keys("eve-secret\r", not_done);
    assert!(stage.live().ends_with("password for eve@x: "), "{}", stage.live());
    stage.keys("\x03", "| * /add: not done\n");
    // Without a connection from the start there is no question.
    let mut stage = ann(0, 0);
    stage.down(End::Closed, "| ! it broke; trying to connect again\n");
    stage.keys("/add eve@x\r", &format!("| > /add eve@x\n{not_done}"));
    assert!(stage.live().ends_with("\n> "), "{}", stage.live());
}

impl Stage {
    fn refused(&mut self, line: &str) -> String {
        self.chat.lines(line.as_bytes(), self.now);
        self.effects()
    }
}
