//! Lines that the server refuses.

use super::*;

#[test]
fn a_line_that_was_refused_comes_back_where_nothing_else_is_typed() {
    let refused = "| ! not said: the disk is full; whoever runs the server can tell you more\n";
    let err = "ERR MSG storage the disk is full\n";
    let mut stage = ann(0, 0);
    stage.keys("one\rtwo\r", "< MSG one\n< MSG two\n");
    stage.server(err, &format!("{refused}|   one\n"));
    stage.server(err, refused);
    assert_eq!(stage.live(), "> two");
    stage.keys("\r", "< MSG two\n");
    for typed in ["x", "\x12", "/leave\r"] {
        stage.keys(typed, if typed == "/leave\r" { "| > /leave\n" } else { "" });
        let before = stage.live();
        stage.server(err, &format!("{refused}|   two\n"));
        assert_eq!(format!("[sending] two\n{}", stage.live()), before);
        stage.keys("\x03", if typed == "/leave\r" { "| * you are still in the group\n" } else { "" });
        stage.keys("two\r", "< MSG two\n");
    }
}
