//! Members come and go: by command, by hand, by signal. Conversations with the real server, as data.

mod common {
    pub(crate) mod server;
    pub(crate) mod talk;
}

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use common::server::{PATIENCE, Peer, Server, cheap_hash, members_txt};
use common::talk::{Talk, check};
use rustix::process::Signal;

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
        zoe:
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
        bob4< OK LOGIN bob@x role=member last=4 missed=0 first=1 transcript=<id>
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
        names[from..to].iter().map(|name| format!("ann< MEMBER {name}@x role=…\n")).collect()
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
        names[from..to].iter().map(|name| format!("m100< WHO {name}@x devices=1\n")).collect()
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

#[test]
fn an_edit_by_hand_is_announced_and_acts_like_a_command() {
    let mut talk = Talk::with(Server::start());
    talk.play("ann:\nbob:\ncid:\ncid> ADD kim@x kim-secret\ncid< ERR ADD admin-only …");
    let path = talk.server.members();
    let before = talk.server.members_text();
    let lines = before.lines().filter(|line| !line.starts_with("bob@x"));
    let lines =
        lines.map(|line| if line.starts_with("cid@x") { format!("{line}\tadmin") } else { line.into() });
    let lines: Vec<String> = lines.collect();
    fs::write(&path, format!("# edited\n\n{}\nzoe@x zoe-secret\n", lines.join("\n"))).expect("written");
    talk.play(
        "
        ann< REMOVED 1 <time> - bob@x
        ann< ADDED 2 <time> - zoe@x
        cid< REMOVED 1 <time> - bob@x
        cid< ADDED 2 <time> - zoe@x
        bob< BYE removed …
        bob.
        zoe:
        cid> ADD kim@x kim-secret
        cid< OK ADD kim@x
        cid< ADDED 3 <time> cid@x kim@x
        zoe< ADDED 3 <time> cid@x kim@x
        zoe=
        ",
    );
    let after = talk.server.members_text();
    assert!(after.starts_with("# edited\n\nann@x $"), "{after}");
    assert!(after.contains("\tadmin\n") && after.contains("\nkim@x $argon2id$"), "{after}");
}

#[test]
fn a_password_typed_by_hand_is_hashed_and_sessions_live_on() {
    let text = members_txt(&["ann"]) + "bob@x   typed-by-hand\n";
    let mut talk = Talk::with(Server::with(&text, &[]));
    talk.play("ann:\nbob> LOGIN bob@x typed-by-hand\nbob< OK LOGIN bob@x …");
    until_members(&talk.server, |text| text.contains("\nbob@x   $argon2id$v=19$m=19456,t=2,p=1$"));
    // The command queues behind what has been hashed: bob is here still, and so is the password.
    talk.play("ann> ADD kim@x kim-secret\nann< OK ADD kim@x\nann< ADDED 1 <time> ann@x kim@x\nbob< ADDED 1 <time> ann@x kim@x\nbob=");
    talk.play("bob2> LOGIN bob@x typed-by-hand\nbob2< OK LOGIN bob@x …");

    // The same password typed again gets its hash back; another one ends what came in with the old one.
    let hashed = talk.server.members_text();
    let bob = hashed.lines().find(|line| line.starts_with("bob@x")).expect("a line").to_owned();
    fs::write(talk.server.members(), hashed.replace(&bob, "bob@x typed-by-hand")).expect("written");
    let same = bob.replace("bob@x   ", "bob@x ");
    until_members(&talk.server, |text| text.contains(&same));
    talk.play("ann> RESET kim@x kim-secret2\nann< OK RESET kim@x\nbob=\nbob2=");
    fs::write(talk.server.members(), hashed.replace(&bob, "bob@x another-one")).expect("written");
    talk.play("bob< BYE password-changed …\nbob.\nbob2< BYE password-changed …\nbob2.");
    talk.play("bob3> LOGIN bob@x another-one\nbob3< OK LOGIN bob@x …\nann=");
}

#[test]
fn a_mistake_in_the_file_stops_changes_and_nothing_else() {
    let mut talk = Talk::with(Server::start());
    talk.play("ann:\nbob:");
    let (path, good) = (talk.server.members(), talk.server.members_text());
    fs::write(&path, format!("{good}\nwho is this\n")).expect("written");
    talk.server.signal(Signal::HUP);
    talk.peer("ann").until_stat("members-file-ok", 0..=0);
    talk.play(
        "
        ann> ADD zoe@x zoe-secret
        ann< ERR ADD storage members.txt:7: …
        bob> PASSWD bob-secret other-secret
        bob< ERR PASSWD storage members.txt:7: …
        bob> LEAVE
        bob< ERR LEAVE storage members.txt:7: …
        bob> MSG we go on
        bob< OK MSG 1 <time>
        ann< MSG 1 <time> bob@x we go on
        cid:
        ",
    );
    assert!(talk.server.log().contains("members.txt:7: "));
    fs::write(&path, good).expect("written");
    talk.peer("ann").until_stat("members-file-ok", 1..=1);
    talk.play("ann> ADD zoe@x zoe-secret\nann< OK ADD zoe@x\nann< ADDED 2 <time> ann@x zoe@x\nann=");
}

#[test]
fn sighup_reads_the_file_at_once_and_nobody_is_disturbed() {
    let mut talk = Talk::with(Server::start());
    talk.play("ann:\nbob:");
    talk.server.signal(Signal::HUP);
    talk.play("ann=\nbob=");
    let text = talk.server.members_text() + &format!("zoe@x {}\n", cheap_hash("zoe-secret"));
    fs::write(talk.server.members(), text).expect("written");
    talk.server.signal(Signal::HUP);
    talk.play("ann< ADDED 1 <time> - zoe@x\nbob< ADDED 1 <time> - zoe@x\nzoe:\nbob=");
}

#[test]
fn sigterm_delivers_what_was_said_and_says_goodbye() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut talk = Talk::with(Server::start());
        talk.play("ann:\nbob:\ncid: -\nstranger< HELLO …\nann> MSG last\nann< OK MSG 1 <time>");
        talk.server.signal(signal);
        talk.play(
            "ann< BYE shutdown …\nann.\nbob< MSG 1 <time> ann@x last\nbob< BYE shutdown …\nbob.
             cid< BYE shutdown …\ncid.\nstranger< BYE shutdown …\nstranger.",
        );
        assert_eq!(talk.server.wait().code(), Some(0));
    }
}

#[test]
fn a_change_under_way_when_the_server_stops_is_told_or_not_made() {
    let mut talk = Talk::with(Server::start());
    talk.play("ann:\nann> ADD zoe@x zoe-secret");
    talk.server.signal(Signal::TERM);
    let mut told = false;
    while let Some(line) = talk.peer("ann").line() {
        told |= line == "OK ADD zoe@x";
    }
    assert_eq!(talk.server.wait().code(), Some(0));
    assert_eq!(talk.server.members_text().contains("zoe@x"), told);
}

#[test]
fn commands_keep_the_mode_of_the_file() {
    let mut talk = Talk::with(Server::start());
    let mode = |talk: &Talk| fs::metadata(talk.server.members()).expect("a file").mode();
    let before = mode(&talk);
    talk.play("ann:\nann> ADD zoe@x zoe-secret\nann< OK ADD zoe@x");
    assert_eq!(mode(&talk), before);
}

/// Waits until members.txt reads like this.
#[track_caller]
fn until_members(server: &Server, like_this: impl Fn(&str) -> bool) {
    let deadline = std::time::Instant::now() + PATIENCE;
    // Between two files of an exchange there is always one of them.
    while !like_this(&server.members_text()) {
        assert!(std::time::Instant::now() < deadline, "{}", server.members_text());
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}
