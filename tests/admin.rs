//! Members are added and removed by command: conversations with the real server, as data.

mod common;

use common::peer::Peer;
use common::server::{Server, members_txt};
use common::talk::{Talk, check};

#[test]
fn add() {
    check(
        "
        ann:
        bob:
        bob> ADD zoe@x zoe-secret
        bob< ERR ADD admin-only …
        ann> ADD Zoe@X zoe-secret
        ann< OK ADD zoe@x
        ann< ADDED 1 <time> ann@x zoe@x
        bob< ADDED 1 <time> ann@x zoe@x
        # A new member begins with the line that says so.
        zoe> LOGIN zoe@x zoe-secret
        zoe< OK LOGIN zoe@x role=member last=1 missed=1 first=1 transcript=<id>
        zoe< ADDED 1 <time> ann@x zoe@x
        zoe> MSG at last
        zoe< OK MSG 2 <time>
        ann< MSG 2 <time> zoe@x at last
        bob< MSG 2 <time> zoe@x at last
        ann> ADD zoe@x other-secret
        ann< ERR ADD already-member …
        ann> ADD zoe zoe-secret
        ann< ERR ADD bad-mail …
        ann> ADD a/b@x zoe-secret
        ann< ERR ADD bad-mail …
        ann> ADD kim@x short
        ann< ERR ADD bad-password …
        ann> ADD kim@x
        ann< ERR ADD usage …
        ann> ADD kim@x two words
        ann< ERR ADD usage …
        ann=
        bob=
        zoe=
        ",
    );
}

#[test]
fn remove_cuts_all_connections_of_that_member_and_nobody_else() {
    check(
        "
        ann:
        bob:
        bob2: phone
        bob3: -
        cid:
        cid> REMOVE bob@x
        cid< ERR REMOVE admin-only …
        ann> REMOVE nobody@x
        ann< ERR REMOVE no-such-member …
        ann> REMOVE ann@x
        ann< ERR REMOVE last-admin …
        ann> REMOVE bob
        ann< ERR REMOVE bad-mail …
        ann> REMOVE
        ann< ERR REMOVE usage …
        bob> MSG stays
        bob< OK MSG 1 <time>
        bob2< MSG 1 <time> bob@x stays
        ann< MSG 1 <time> bob@x stays
        ann>> REMOVE BOB@x\\nMSG not for bob\\n
        ann< OK REMOVE bob@x
        ann< REMOVED 2 <time> ann@x bob@x
        ann< OK MSG 3 <time>
        bob< BYE removed …
        bob.
        bob2< BYE removed …
        bob2.
        bob3< BYE removed …
        bob3.
        cid< MSG 1 <time> bob@x stays
        cid< REMOVED 2 <time> ann@x bob@x
        cid< MSG 3 <time> ann@x not for bob
        bob4> LOGIN bob@x bob-secret
        bob4< ERR LOGIN bad-login …
        ann> ADD bob@x bob-secret
        ann< OK ADD bob@x
        ann< ADDED 4 <time> ann@x bob@x
        cid< ADDED 4 <time> ann@x bob@x
        bob4> LOGIN bob@x bob-secret
        # What was said before does not come: who was removed and added again is new.
        bob4< OK LOGIN bob@x role=member last=4 missed=1 first=4 transcript=<id>
        bob4< ADDED 4 <time> ann@x bob@x
        bob4=
        cid=
        ",
    );
}

#[test]
fn leave() {
    check(
        "
        ann:
        bob:
        bob2: phone
        ann> LEAVE
        ann< ERR LEAVE last-admin …
        bob> LEAVE now
        bob< ERR LEAVE usage …
        bob> LEAVE
        bob< OK LEAVE
        bob< BYE left …
        bob.
        bob2< BYE left …
        bob2.
        ann< REMOVED 1 <time> bob@x bob@x
        ann=
        ",
    );
}

#[test]
fn passwords() {
    check(
        "
        ann:
        bob:
        bob2: phone
        cid:
        cid> RESET bob@x other-secret
        cid< ERR RESET admin-only …
        ann> RESET nobody@x other-secret
        ann< ERR RESET no-such-member …
        ann> RESET bob@x tiny
        ann< ERR RESET bad-password …
        bob> PASSWD bob-secret
        bob< ERR PASSWD usage …
        bob> PASSWD bob-secret tiny
        bob< ERR PASSWD bad-password …
        bob> PASSWD guessed other-secret
        bob< ERR PASSWD bad-login …
        bob> PASSWD bob-secret other-secret
        bob< OK PASSWD
        bob2< BYE password-changed …
        bob2.
        bob=
        bob3> LOGIN bob@x bob-secret
        bob3< ERR LOGIN bad-login …
        bob3> LOGIN bob@x other-secret
        bob3< OK LOGIN bob@x …
        ann> RESET bob@x bob-secret
        ann< OK RESET bob@x
        bob< BYE password-changed …
        bob.
        bob3< BYE password-changed …
        bob3.
        bob4:
        # An admin's own: the others of hers end, this one does not.
        ann2: phone
        ann> RESET ann@x third-secret
        ann< OK RESET ann@x
        ann2< BYE password-changed …
        ann2.
        ann=
        cid=
        bob4=
        ",
    );
}

#[test]
fn pages_of_members() {
    let mut names = vec!["ann".to_owned()];
    names.extend((100..350).map(|n| format!("m{n}")));
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let page = |from: usize, to: usize| -> String {
        names[from..to]
            .iter()
            .map(|name| format!("ann< MEMBER {name}@x role=…\n"))
            .collect::<Vec<_>>()
            .concat()
    };
    let mut talk = Talk::with(Server::with(&members_txt(&names), &[]));
    talk.play(&format!(
        "ann:\nann> MEMBERS\n{}ann< OK MEMBERS 100 more=m198@x\nann> MEMBERS m198@x\n{}ann< OK MEMBERS 100 more=m298@x
         ann> members M298@x\n{}ann< OK MEMBERS 51\nann> MEMBERS z@x\nann< OK MEMBERS 0",
        page(0, 100),
        page(100, 200),
        page(200, 251),
    ));
    talk.play(
        "ann> MEMBERS nobody\nann< ERR MEMBERS bad-mail …\nann> MEMBERS a@x b@x\nann< ERR MEMBERS usage …
         ann> WHO\nann< WHO ann@x devices=1\nann< OK WHO 1\nann> WHO ann@x\nann< OK WHO 0\nann> WHO nobody\nann< ERR WHO bad-mail …",
    );
}

#[test]
fn pages_of_who_is_here() {
    let names: Vec<String> = (100..205).map(|n| format!("m{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut talk = Talk::with(Server::with(&members_txt(&names), &[]));
    for name in &names {
        // A script's name for a peer has its digits at the end: these are joined by hand.
        let peer = Peer::member(talk.server.addr(), &format!("{name}@x"));
        talk.join(name, peer);
    }
    let page = |from: usize, to: usize| -> String {
        names[from..to]
            .iter()
            .map(|name| format!("m100< WHO {name}@x devices=1\n"))
            .collect::<Vec<_>>()
            .concat()
    };
    talk.play(&format!(
        "m100> WHO\n{}m100< OK WHO 100 more=m199@x\nm100> WHO m199@x\n{}m100< OK WHO 5\nm100=",
        page(0, 100),
        page(100, 105)
    ));
}

#[test]
fn stats() {
    let mut talk = Talk::with(Server::start());
    talk.play("ann:\nbob:\nbob> STATS\nbob< ERR STATS admin-only …\nidle< HELLO …\nann> MSG x\nann< OK MSG 1 <time>");
    let ann = talk.peer("ann");
    for (name, value) in [
        ("connections", 3),
        ("logged-in", 2),
        ("members", 5),
        ("last-event", 1),
        ("events-last-minute", 1),
        ("members-file-ok", 1),
        ("cut-lagging", 0),
        ("given-up", 0),
        ("history-reads-waiting", 0),
        ("refused-full", 0),
        ("accept-errors", 0),
        ("password-queue", 0),
        ("members-queue", 0),
    ] {
        assert_eq!(ann.stat(name), value, "{name}");
    }
    assert!(ann.stat("resident-kib") > 0 && ann.stat("bytes-delivered") > 0);
    ann.stat("longest-turn-us");
    ann.stat("uptime-seconds");
    talk.play("ann> STATS all\nann< ERR STATS usage …\nann=");
}
