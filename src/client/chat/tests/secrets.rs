//! Passwords: asked for, not shown, and never said.

use super::*;

#[test]
fn what_may_be_a_command_is_not_said_by_a_slip() {
    let mut stage = ann(0, 0);
    let refused =
        "| ! /passwd: not said: a command has no blanks before it, // says a text that begins with /\n";
    stage.keys(" /passwd old-secret new-secret\r", refused);
    assert_eq!(stage.live(), ">  /passwd old-secret new-secret");
    stage.keys("\x01\x04\r", "| > /passwd\n< PASSWD old-secret new-secret\n");
    stage.keys("\x1b[A\x1b[A", "");
    assert_eq!(stage.live(), "> /passwd");
    stage.keys("\x15\x1b[200~a\r  /add eve@x eve-secret\x1b[201~\r", "");
    assert_eq!(stage.live(), "a\n  /add eve@x eve-secret\nsay these 2 lines? [y/N] ");
    stage.keys("n", "| * not said; Up fetches it back\n");
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
        "| * your password is changed; where else you are in, you have to log in again\npassword new-secret\n",
    );
    stage.keys("/add eve@x eve-secret\r", "| > /add eve@x\n< ADD eve@x eve-secret\n");
    stage.server(
        "ERR ADD admin-only only admins may\n",
        "| ! /add: only admins may; /members shows who the admins are\n",
    );
    stage.keys("/passwd\r\x03\x1b[A\x1b[A", "| > /passwd\n");
    assert_eq!(stage.live(), "> /add eve@x");
}
