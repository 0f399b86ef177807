//! Conversations with the real server over real sockets: every command with its codes, as data.
//!
//! Longer than 350 lines: independent conversations, one command each.

mod common;

use chat_room::limits::{LINE_MAX_DEFAULT, TERMINAL_LINE};
use common::server::{GROUP, Server, members_txt};
use common::talk::{Talk, check};

#[test]
fn a_first_conversation() {
    check(
        "
        ann< HELLO chat-room/… max-line=4096 type LOGIN <mail> <secret> to enter, HELP for help
        ann> LOGIN ann@x ann-secret
        ann< OK LOGIN ann@x role=admin last=0 missed=0 first=1 transcript=<id>
        bob> login BOB@X/Phone.2_a-b bob-secret
        bob< OK LOGIN bob@x role=member last=0 missed=0 first=1 transcript=<id>
        ann> MSG hello, everybody
        ann< OK MSG 1 <time>
        bob< MSG 1 <time> ann@x hello, everybody
        bob> MSG  two  blanks stay\\s
        bob< OK MSG 2 <time>
        ann< MSG 2 <time> bob@x  two  blanks stay\u{20}
        ann=
        bob=
        # Who comes later missed it, and is told.
        cid> LOGIN cid@x/desk cid-secret
        cid< OK LOGIN cid@x role=member last=2 missed=2 first=1 transcript=<id>
        cid< MSG 1 <time> ann@x hello, everybody
        cid< MSG 2 <time> bob@x  two  blanks stay\u{20}
        cid> QUIT
        cid< OK QUIT
        cid.
        ",
    );
}

#[test]
fn before_login_little_is_served() {
    check(
        "
        ann> MSG hello
        ann< ERR MSG login-first …
        ann> WHO
        ann< ERR WHO login-first …
        ann> STATS
        ann< ERR STATS login-first …
        ann> ADD zoe@x zoe-secret
        ann< ERR ADD login-first …
        ann> PING
        ann< OK PING
        ann> ping  of  blanks
        ann< OK PING  of  blanks
        ann> HELP LOGIN
        ann< HELP LOGIN <mail>[/<device>] <password> …
        ann< OK HELP 1
        ann> hello
        ann< ERR HELLO unknown-command … put MSG before it; HELP lists the commands
        ann> LOGIN ann@x
        ann< ERR LOGIN usage …
        ann> LOGIN ann ann-secret
        ann< ERR LOGIN bad-mail …
        ann> LOGIN ann@x short
        ann< ERR LOGIN bad-password …
        ann> LOGIN ann@x/with*star ann-secret
        ann< ERR LOGIN usage …
        ann> LOGIN ann@x/ ann-secret
        ann< ERR LOGIN usage …
        ann> LOGIN   ann@x   ann-secret
        ann< OK LOGIN ann@x …
        ann> LOGIN bob@x bob-secret
        ann< ERR LOGIN already-logged-in …
        ann> QUIT
        ann< OK QUIT
        ann.
        ",
    );
}

#[test]
fn help_lists_every_command() {
    let verbs = [
        "LOGIN", "RESUME", "JOIN", "MSG", "WHO", "MEMBERS", "HISTORY", "FIND", "INFO", "SKIP", "TOKEN",
        "NAME", "TITLE", "ANNOUNCE", "PASSWD", "LEAVE", "ADD", "INVITE", "REMOVE", "RESET", "PROMOTE",
        "DEMOTE", "STATS", "PING", "HELP", "QUIT",
    ];
    let lines = verbs.iter().map(|verb| format!("ann< HELP {verb}…\n")).collect::<Vec<_>>().concat();
    check(&format!("ann> HELP\n{lines}ann< OK HELP {}\nann=", verbs.len()));
    check("ann> HELP ADD\nann< HELP ADD <mail> <password> …\nann< OK HELP 1");
    check("ann> HELP NOTHING\nann< ERR HELP unknown-command …\nann> HELP A B\nann< ERR HELP usage …");
}

#[test]
fn three_wrong_passwords_end_the_connection() {
    check(
        "
        ann> LOGIN ann@x wrong-secret
        ann< ERR LOGIN bad-login no member has this mail and secret
        ann> LOGIN nobody@x ann-secret
        ann< ERR LOGIN bad-login no member has this mail and secret
        ann> PING still here
        ann< OK PING still here
        ann> LOGIN bob@x ann-secret
        ann< ERR LOGIN bad-login no member has this mail and secret
        ann< BYE bad-login …
        ann.
        # No account is locked by it.
        ann2:
        bob:
        bob> PASSWD wrong-1 new-secret
        bob< ERR PASSWD bad-login …
        bob> PASSWD wrong-2 new-secret
        bob< ERR PASSWD bad-login …
        bob> PASSWD wrong-3 new-secret
        bob< ERR PASSWD bad-login …
        bob< BYE bad-login …
        bob.
        bob2:
        ",
    );
}

#[test]
fn without_a_login_in_time_a_connection_is_closed() {
    let mut talk = Talk::with(Server::with(&members_txt(&GROUP), &["--login-timeout", "3"]));
    talk.play(
        "
        ann:
        idle< HELLO …
        idle< BYE login-timeout …
        idle.
        chatty> PING
        chatty< OK PING
        chatty< BYE login-timeout …
        chatty.
        ann=
        ",
    );
}

#[test]
fn other_protocols_get_one_readable_line() {
    for first in [
        "GET / HTTP/1.1\\r\\nHost: chat\\r\\n\\r\\n",
        "POST /x HTTP/1.0\\r\\n\\r\\n",
        "\\x16\\x03\\x01\\x02\\x00\\x01\\x00\\x01\\xfc\\x03\\x03",
    ] {
        check(&format!("web>> {first}\nweb< BYE protocol …\nweb."));
    }
    // Inside, these are words like others.
    check("ann:\nann> GET / HTTP/1.1\nann< ERR GET unknown-command …\nann=");
}

#[test]
fn a_line_that_is_too_long() {
    let long = "x".repeat(LINE_MAX_DEFAULT);
    let longest = "x".repeat(TERMINAL_LINE - "MSG \n".len());
    check(&format!("ann> MSG {long}\nann< ERR MSG too-long …\nann< BYE protocol …\nann."));
    check(&format!(
        "
        ann:
        bob:
        ann> MSG {long}
        ann< ERR MSG too-long …
        ann> {long}{long}{long}
        ann< ERR - too-long …
        ann> MSG {longest}
        ann< OK MSG 1 <time>
        bob< MSG 1 <time> ann@x {longest}
        ann> MSG x{longest}
        ann< ERR MSG too-long …
        ann=
        bob=
        "
    ));
    let mut talk = Talk::with(Server::with(&members_txt(&GROUP), &["--max-line", "8192"]));
    // What a terminal has cut is not said, whatever else may be.
    talk.play(&format!(
        "
        ann< HELLO chat-room/… max-line=8192 …
        ann:
        ann> PING {longest}{longest}
        ann< OK PING {longest}{longest}
        ann> MSG {longest}
        ann< OK MSG 1 <time>
        ann> MSG {longest}x
        ann< ERR MSG too-long a terminal cuts …
        ann>> MSG {longest}x\\r\\n
        ann< ERR MSG too-long a terminal cuts …
        ann> MSG {longest}xx
        ann< OK MSG 2 <time>
        ann=
        bob> MSG {longest}x
        bob< ERR MSG too-long a terminal cuts …
        bob< BYE protocol …
        bob.
        "
    ));
}

#[test]
fn text_that_could_disturb_a_screen_is_refused() {
    for bad in [
        "\\xff\\xff",
        "\\xc3",
        "\\xed\\xa0\\x80",
        "\\x00",
        "\\x07",
        "\\x1b[2J",
        "\\r x",
        "\\x7f",
        "\\u{9b}",
        "\\u{2028}",
        "\\u{2029}",
        "\\u{202e}",
        "\\u{2066}",
    ] {
        check(&format!(
            "ann:\nbob:\nann> MSG a {bad} b\nann< ERR MSG bad-text …\nann> PING {bad}x\nann< ERR PING bad-text …
             ann> MSG fine\nann< OK MSG 1 <time>\nbob< MSG 1 <time> ann@x fine\nbob="
        ));
    }
    check("ann:\nbob:\nann> MSG tab\\tünï ✓ 👍\nann< OK MSG 1 <time>\nbob< MSG 1 <time> ann@x tab\tünï ✓ 👍");
    check("ann:\nann> MSG\nann< ERR MSG usage …\nann> MSG\\s\nann< ERR MSG usage …\nann=");
}

#[test]
fn telnet_line_ends_and_pieces() {
    check(
        "
        ann>> \\xff\\xfd\\x01\\xff\\xfb\\x1fLOGIN ann@x ann-secret\\r\\n
        ann< OK LOGIN ann@x …
        bob:
        ann>> \\xff\\xfa\\x1f\\x00\\x50\\x00\\x18\\xff\\xf0MSG one\\r\\n\\r\\n \\n\\nMSG two\\nPING\\nMS
        ann< OK MSG 1 <time>
        ann< OK MSG 2 <time>
        ann< OK PING
        ann>> G th
        ann>> ree
        ann>> \\n
        ann< OK MSG 3 <time>
        bob< MSG 1 <time> ann@x one
        bob< MSG 2 <time> ann@x two
        bob< MSG 3 <time> ann@x three
        ann=
        bob=
        ",
    );
}

#[test]
fn answers_to_a_pipeline_come_in_order() {
    check(
        "
        bob:
        ann>> LOGIN ann@x ann-secret\\nMSG a\\nNOSUCH\\nADD zoe@x zoe-secret\\nMSG b\\nPASSWD ann-secret new-secret\\nQUIT\\nMSG c\\n
        ann< OK LOGIN ann@x …
        ann< OK MSG 1 <time>
        ann< ERR NOSUCH unknown-command …
        ann< OK ADD zoe@x
        ann< ADDED 2 <time> ann@x zoe@x
        ann< OK MSG 3 <time>
        ann< OK PASSWD
        ann< OK QUIT
        ann.
        bob< MSG 1 <time> ann@x a
        bob< ADDED 2 <time> ann@x zoe@x
        bob< MSG 3 <time> ann@x b
        bob=
        ",
    );
}

/// Answers that fill what may be owed: reading stops, and goes on when they were taken.
#[test]
fn a_long_pipeline_of_long_answers_is_served_to_its_end() {
    let text = "x".repeat(3000);
    let pings = (0..300).map(|n| format!("ann> PING {n} {text}\n")).collect::<Vec<_>>().concat();
    let answers = (0..300).map(|n| format!("ann< OK PING {n} {text}\n")).collect::<Vec<_>>().concat();
    let packed = pings.replace("ann> ", "").replace('\n', "\\n");
    check(&format!("ann:\n{pings}{answers}ann=\nann>> {packed}\n{answers}ann="));
}

#[test]
fn a_half_closed_connection_gets_all_its_answers() {
    check(
        "
        ann:
        bob>> LOGIN bob@x bob-secret\\nMSG one\\nMSG without an end
        bob|
        bob< OK LOGIN bob@x …
        bob< OK MSG 1 <time>
        bob< OK MSG 2 <time>
        bob.
        ann< MSG 1 <time> bob@x one
        ann< MSG 2 <time> bob@x without an end
        ann=
        cid|
        cid.
        dan>> LOGIN dan@x/- wrong-secret
        dan|
        dan< ERR LOGIN bad-login …
        dan.
        ",
    );
}

#[test]
fn devices_and_logins_without_a_feed() {
    check(
        "
        ann:
        bob: phone
        bob2: phone
        bob3: laptop
        bob4: -
        ann> WHO
        ann< WHO ann@x devices=1
        ann< WHO bob@x devices=2
        ann< OK WHO 2
        bob4> MSG from a script
        bob4< OK MSG 1 <time>
        bob4=
        ann< MSG 1 <time> bob@x from a script
        bob< MSG 1 <time> bob@x from a script
        bob2< MSG 1 <time> bob@x from a script
        bob3< MSG 1 <time> bob@x from a script
        ann> MSG to all
        ann< OK MSG 2 <time>
        bob< MSG 2 <time> ann@x to all
        bob2< MSG 2 <time> ann@x to all
        bob3< MSG 2 <time> ann@x to all
        bob4=
        bob3> QUIT
        bob3< OK QUIT
        bob3.
        cid: -
        ann> WHO
        ann< WHO ann@x devices=1
        ann< WHO bob@x devices=1
        ann< OK WHO 2
        ann> MEMBERS
        ann< MEMBER ann@x role=admin online=yes seen=<time>
        ann< MEMBER bob@x role=member online=yes seen=<time>
        # Without a feed nothing is seen.
        ann< MEMBER cid@x role=member online=no seen=never
        ann< MEMBER dan@x role=member online=no seen=never
        ann< MEMBER eve@x role=member online=no seen=never
        ann< OK MEMBERS 5
        ann=
        bob> MEMBERS
        bob< MEMBER ann@x role=admin online=yes
        bob< MEMBER bob@x role=member online=yes
        bob< MEMBER cid@x role=member online=no
        bob< MEMBER dan@x role=member online=no
        bob< MEMBER eve@x role=member online=no
        bob< OK MEMBERS 5
        ",
    );
    // Sixteen named devices a member, and the seventeenth is told.
    let sixteen = (0..16).map(|n| format!("bob{n}: d{n}\n")).collect::<Vec<_>>().concat();
    check(&format!(
        "{sixteen}bob:\nbob16> LOGIN bob@x/d16 bob-secret\nbob16< ERR LOGIN full …\nbob16> LOGIN bob@x/d3 bob-secret\nbob16< OK LOGIN …"
    ));
}
