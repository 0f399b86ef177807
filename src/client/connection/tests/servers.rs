//! A group with several servers.

use super::*;

#[test]
fn each_server_has_its_turn_before_there_is_a_wait() {
    check_with(
        "a:1,b:1,c:1",
        &[
            ("closed", "Closed [] again: it broke"),
            ("seconds 0", "connect to 1"),
            ("server", "b:1"),
            ("refused storage", "again"),
            ("seconds 0", "connect to 2"),
            ("refused busy", "again"),
            // The one that is gone comes after a wait; then a round of all.
            ("seconds 0", "1 s"),
            ("seconds 1", "connect"),
            ("refused busy", "again"),
            ("seconds 0", "connect to 1"),
            ("refused busy", "again"),
            ("seconds 0", "connect to 2"),
            ("refused busy", "again"),
            ("seconds 0", "2 s"),
            ("seconds 2", "connect"),
            ("up 7", "true"),
            ("seconds 1", "5 s"),
            ("BYE cut-off go elsewhere", "-"),
            ("closed", "Closed [] again: the server ended the connection: go elsewhere"),
            ("seconds 0", "connect to 1"),
        ],
    );
}

/// Or a group whose servers are all full would be asked again and again without a pause.
#[test]
fn a_server_that_ends_the_connection_at_once_has_had_its_turn() {
    check_with(
        "a:1,b:1",
        &[
            ("closed", "Closed [] again: it broke"),
            ("seconds 0", "connect to 1"),
            ("up 5", "true"),
            ("BYE full no", "-"),
            ("closed", "Closed [] again: the server ended the connection: no"),
            ("seconds 0", "1 s"),
            ("seconds 1", "connect"),
            ("up 5", "true"),
            ("BYE full no", "-"),
            ("closed", "Closed [] again: the server ended the connection: no"),
            ("seconds 0", "connect to 1"),
            ("up 5", "true"),
            ("closed", "Closed [] again: it broke"),
            ("seconds 0", "1 s"),
        ],
    );
}

#[test]
fn a_refusal_counts_when_no_other_server_knows_better() {
    check_with(
        "a:1,b:1,c:1",
        &[
            ("closed", "Closed [] again: it broke"),
            ("refused bad-login", "again"),
            ("seconds 0", "connect to 2"),
            // That one has the new password already.
            ("up 5", "true"),
            ("seconds 5", "5 s"),
            ("closed", "Closed [] again: it broke"),
            ("refused busy", "again"),
            ("refused bad-login", "over"),
        ],
    );
    // One that is not trusted is passed over, and spoken of once; when all are, that is the end.
    check_with(
        "a:1,b:1",
        &[
            ("closed", "Closed [] again: it broke"),
            ("distrusted", "Ok(Some(\"another group\"))"),
            ("seconds 0", "1 s"),
            ("seconds 1", "connect"),
            ("refused busy", "again"),
            ("distrusted", "Ok(None)"),
            ("seconds 2", "connect"),
            ("distrusted", "Ok(Some(\"another group\"))"),
            ("distrusted", "Err(Told(Refused, \"another group\"))"),
        ],
    );
}

#[test]
fn a_server_that_has_less_is_behind() {
    let story = [
        ("show 6", "Show"),
        ("closed", "Closed [] again: it broke"),
        ("seconds 0", "connect to 1"),
        ("up 3", "true"),
        ("fill", "-"),
        ("show 4", "Drop"),
        ("show 6", "Drop"),
        ("show 7", "Show"),
    ];
    check_with("a:1,b:1", &story);
    // One that is alone has begun anew.
    check(&[("show 6", "Show"), ("closed", "Closed [] again: it broke"), ("up 3", "false")]);
}

#[test]
fn a_silent_server_is_left_sooner_where_there_are_others() {
    check_with(
        "a:1,b:1",
        &[
            ("seconds 9", "PING"),
            ("seconds 7", "5 s"),
            ("seconds 1", "give up: the server is silent"),
            ("silent", "Silent [] again: it broke"),
            ("seconds 0", "connect to 1"),
        ],
    );
}
