//! Telnet's commands within the text. Real telnet programs are in tests/clients.

mod common;

use std::process::Command;

use common::disk::skip;
use common::peer::Peer;
use common::server::{GROUP, Server, members_txt};
use common::talk::{Talk, check};

/// What both common telnets send at Ctrl-C, Ctrl-\, Ctrl-Z and Ctrl-O: IP, BRK, SUSP or AO, and DO TIMING-MARK.
const KEYS: [&str; 4] = ["\\xff\\xf4", "\\xff\\xf3", "\\xff\\xed", "\\xff\\xf5"];

#[test]
fn only_a_request_for_a_timing_mark_is_refused_it() {
    for key in KEYS {
        check(&format!(
            "
            ann>> {key}\\xff\\xfd\\x06
            ann< ⊙
            ann:
            bob:
            ann>> MSG one\\n{key}\\xff\\xfd\\x06MSG two\\r\\nPING\\n
            ann< OK MSG 1 <time>
            ann< ⊙
            ann< OK MSG 2 <time>
            ann< OK PING
            bob< MSG 1 <time> ann@x one
            bob< MSG 2 <time> ann@x two
            bob>> MSG th{key}\\xff\\xfd\\x06
            bob< ⊙
            bob>> ree\\r\\n
            bob< OK MSG 3 <time>
            ann< MSG 3 <time> bob@x three
            bob=
            ann=
            "
        ));
    }
}

#[test]
fn an_answer_that_is_awaited_comes_first() {
    check(
        "
        ann>> LOGIN ann@x ann-secret\\n\\xff\\xf4\\xff\\xfd\\x06INFO 9\\n\\xff\\xfd\\x06PING\\n
        ann< OK LOGIN ann@x …
        ann< ⊙
        ann< ERR INFO no-such-message …
        ann< ⊙
        ann< OK PING
        ann>> MSG the end\\xff\\xec
        ann|
        ann< OK MSG 1 <time>
        ann.
        ",
    );
}

#[test]
fn a_timing_mark_is_no_line_that_arrives_or_does_not() {
    let mut talk = Talk::with(Server::start());
    talk.play(
        "
        ann:
        bob:
        ann> MSG one
        ann< OK MSG 1 <time>
        bob< MSG 1 <time> ann@x one
        bob>> \\xff\\xfd\\x06
        bob< ⊙
        ann> MSG two
        ann< OK MSG 2 <time>
        bob< MSG 2 <time> ann@x two
        bob=
        ",
    );
    talk.server.until_noted("bob@x", 2);
    talk.play(
        "
        ann> INFO 2
        ann< PENDING cid@x …
        ann< PENDING dan@x …
        ann< PENDING eve@x …
        ann< OK INFO 2 delivered=1 pending=3
        bob/
        bob2:
        bob2=
        ",
    );
}

#[test]
fn over_tls_too() {
    let server = Server::with(&members_txt(&GROUP), &["--tls-listen", "127.0.0.1:0"]);
    let log = server.log();
    let (_, told) = log.split_once("listening with TLS on ").expect("it is logged before the plain listener");
    let (addr, _) = told.split_once(',').expect("the fingerprint follows");
    let mut command = Command::new("openssl");
    command.args(["s_client", "-quiet", "-connect", addr]);
    if Command::new("openssl").arg("version").output().is_err() {
        return skip("no openssl is installed");
    }
    let mut ann = Peer::run(&mut command);
    ann.expect("HELLO …");
    let mut talk = Talk::with(server);
    talk.join("ann", ann);
    talk.play(
        "
        ann>> \\xff\\xf4\\xff\\xfd\\x06LOGIN ann@x ann-secret\\n\\xff\\xfd\\x06
        ann< ⊙
        ann< OK LOGIN ann@x …
        ann< ⊙
        ann=
        ",
    );
}

#[test]
fn nothing_that_a_stranger_is_told_looks_like_a_prompt_for_a_password() {
    // What HELP and `usage` show of a command's form has to name the password.
    let server = Server::start();
    let mut anonymous = Peer::connect(server.addr());
    let mut told = anonymous.line().expect("a greeting");
    for line in [
        "hello",
        "MSG hi",
        "LOGIN ann@x wrong-one",
        "RESUME ann@x wrong-one",
        "LOGIN ann wrong-one",
        "LOGIN ann@x wrong-one",
    ] {
        anonymous.say(line);
        told = format!("{told}\n{}", anonymous.line().expect("an answer"));
    }
    told = format!("{told}\n{}", anonymous.line().expect("last words"));
    assert!(told.contains("\nBYE bad-login "), "{told}");
    for prompt in ["passw", "passphrase", "passcode", "login:", "username", "user:", "name:"] {
        assert!(!told.to_lowercase().contains(prompt), "{prompt} in:\n{told}");
    }
    assert!(told.lines().all(|line| !line.ends_with([':', '?', '>', '$', '#', '%', ' '])), "{told}");
}
