//! What a group has beside members and messages: more than one admin, names. Conversations with the real server, as data; edits of
//! members.txt, also while no server runs.

mod common;

use std::fs;

use common::server::{GROUP, Server, members_txt};
use common::talk::{Talk, check};
use rustix::process::Signal;

#[test]
fn promote_and_demote() {
    check(
        "
        ann:
        bob:
        bob> PROMOTE bob@x
        bob< ERR PROMOTE admin-only …
        ann> PROMOTE Bob@X
        ann< OK PROMOTE bob@x
        ann< PROMOTED 1 <time> ann@x bob@x
        bob< PROMOTED 1 <time> ann@x bob@x
        # Nothing has happened.
        ann> PROMOTE bob@x
        ann< OK PROMOTE bob@x
        bob> DEMOTE cid@x
        bob< OK DEMOTE cid@x
        # It counts at once.
        bob> ADD fay@x fay-secret
        bob< OK ADD fay@x
        bob< ADDED 2 <time> bob@x fay@x
        bob> DEMOTE ann@x
        bob< OK DEMOTE ann@x
        bob< DEMOTED 3 <time> bob@x ann@x
        bob> MSG just me
        bob< OK MSG 4 <time>
        ann< ADDED 2 <time> bob@x fay@x
        ann< DEMOTED 3 <time> bob@x ann@x
        ann< MSG 4 <time> bob@x just me
        ann> DEMOTE bob@x
        ann< ERR DEMOTE admin-only …
        bob> DEMOTE bob@x
        bob< ERR DEMOTE last-admin …
        bob> PROMOTE nobody@x
        bob< ERR PROMOTE no-such-member …
        bob> MEMBERS cid@x
        bob< MEMBER dan@x role=member …
        bob< MEMBER eve@x role=member …
        bob< MEMBER fay@x role=member …
        bob< OK MEMBERS 3
        ann=
        bob=
        ",
    );
}

#[test]
fn of_two_admins_who_demote_each_other_one_is_left() {
    let members = members_txt(&GROUP).replacen("bob@x ", "bob@x  ", 1);
    let mut talk = Talk::with(Server::with(&members, &[]));
    talk.play("ann:\nbob:\nann> PROMOTE bob@x\nann< OK PROMOTE bob@x\nann< PROMOTED 1 …\nbob< PROMOTED 1 …");
    talk.play("ann> DEMOTE bob@x\nbob> DEMOTE ann@x");
    // Whoever comes second is no admin any more in the place of the command.
    let mut answers: Vec<(&str, String)> = Vec::new();
    for name in ["ann", "bob"] {
        let line = std::iter::from_fn(|| talk.peer(name).line()).find(|line| !line.starts_with("DEMOTED"));
        answers.push((name, line.expect("an answer")));
    }
    answers.sort_by_key(|(_, answer)| answer.starts_with("ERR"));
    let [(first, ok), (_, err)] = &answers[..] else { panic!("two answers") };
    assert!(ok.starts_with("OK DEMOTE ") && err.starts_with("ERR DEMOTE admin-only "), "{answers:?}");
    let left = format!("{first}@x ");
    let admins: Vec<String> = talk
        .server
        .members_text()
        .lines()
        .filter(|line| line.ends_with(" admin"))
        .map(str::to_owned)
        .collect();
    assert!(admins.len() == 1 && admins[0].starts_with(&left), "{admins:?}");
}

#[test]
fn an_edit_of_a_role_is_announced_and_all_else_stays() {
    let members = members_txt(&GROUP) + "# the end, and\ttabs\r\n";
    let mut talk = Talk::with(Server::with(&members, &[]));
    talk.play("ann:\nbob:");
    let before = talk.server.members_text();
    let bob = before.lines().find(|line| line.starts_with("bob@x")).expect("bob's line").to_owned();
    let edited =
        before.replace(&bob, &format!("{bob}\t admin  ")) + &bob.replace("bob@x", "gil@x") + " admin";
    fs::write(talk.server.members(), &edited).expect("written");
    talk.server.signal(Signal::HUP);
    talk.play(
        "
        ann< PROMOTED 1 <time> - bob@x
        ann< ADDED 2 <time> - gil@x
        ann< PROMOTED 3 <time> - gil@x
        bob< PROMOTED 1 <time> - bob@x
        bob< ADDED 2 <time> - gil@x
        bob< PROMOTED 3 <time> - gil@x
        bob> DEMOTE bob@x
        bob< OK DEMOTE bob@x
        bob< DEMOTED 4 <time> bob@x bob@x
        ann< DEMOTED 4 <time> bob@x bob@x
        ann> PROMOTE cid@x
        ann< OK PROMOTE cid@x
        ann< PROMOTED 5 <time> ann@x cid@x
        ",
    );
    let cid = edited.lines().find(|line| line.starts_with("cid@x")).expect("cid's line").to_owned();
    let expected = edited.replace("\t admin  ", "  ").replace(&cid, &format!("{cid} admin"));
    assert_eq!(talk.server.members_text(), expected);
}

#[test]
fn what_was_edited_while_no_server_ran_is_announced() {
    for (stops, keeps_note) in [(true, true), (false, true), (true, false)] {
        let mut talk = Talk::with(Server::with(&members_txt(&GROUP), &[]));
        talk.play(
            "
            ann:
            ann> PROMOTE bob@x
            ann< OK PROMOTE bob@x
            ann< PROMOTED 1 <time> ann@x bob@x
            ann> MSG said by ann
            ann< OK MSG 2 <time>
            ann> ADD fay@x fay-secret
            ann< OK ADD fay@x
            ann< ADDED 3 <time> ann@x fay@x
            ",
        );
        let mut server = talk.server;
        server.until_noted("ann@x", 3);
        if stops {
            server.stop();
        } else {
            server.kill();
        }
        if !keeps_note {
            fs::remove_file(server.history().join("members")).expect("it was there");
        }
        let text = server.members_text();
        let with = |line: &str| match line.split(' ').next() {
            Some("bob@x") => line.replace(" admin", ""),
            Some("fay@x") => format!("{line} admin"),
            _ => line.to_owned(),
        };
        let edited: String = text.lines().map(|line| with(line) + "\n").collect();
        fs::write(server.members(), edited).expect("written");
        let mut talk = Talk::with(server.again());
        talk.play("ann: again");
        if keeps_note {
            talk.play("ann< DEMOTED 4 <time> - bob@x\nann< PROMOTED 5 <time> - fay@x\nann=");
        } else {
            // Of those who never said anything nobody knows that they were there.
            talk.play(
                "ann< DEMOTED 4 <time> - bob@x\nann< ADDED 5 <time> - cid@x\nann< ADDED 6 <time> - dan@x
                 ann< ADDED 7 <time> - eve@x\nann< PROMOTED 8 <time> - fay@x\nann=",
            );
        }
        let last = if keeps_note { 5 } else { 8 };
        // What was announced once is not announced again.
        let mut server = talk.server;
        server.stop();
        let mut talk = Talk::with(server.again());
        talk.play(&format!("new> LOGIN ann@x/- ann-secret\nnew< OK LOGIN ann@x role=admin last={last} …"));
    }
}

#[test]
fn names() {
    check(
        "
        ann:
        bob:
        bob> NAME Bob  B.
        bob< OK NAME
        bob< NAMED 1 <time> bob@x Bob  B.
        ann< NAMED 1 <time> bob@x Bob  B.
        # Nothing has happened.
        bob> NAME Bob  B.
        bob< OK NAME
        ann> NAME B\u{43e}b B.
        ann< ERR NAME name-taken …
        ann> NAME Cid
        ann< ERR NAME name-taken …
        ann> NAME bob@x
        ann< ERR NAME bad-name …
        ann> NAME A\u{200b}nn
        ann< ERR NAME bad-name …
        ann> NAME ann
        ann< OK NAME
        ann< NAMED 2 <time> ann@x ann
        bob< NAMED 2 <time> ann@x ann
        bob> MEMBERS
        bob< MEMBER ann@x role=admin online=yes name=ann
        bob< MEMBER bob@x role=member online=yes name=Bob  B.
        bob< MEMBER cid@x …
        bob< MEMBER dan@x …
        bob< MEMBER eve@x …
        bob< OK MEMBERS 5
        bob> NAME
        bob< OK NAME
        bob< NAMED 3 <time> bob@x
        ann< NAMED 3 <time> bob@x
        ann> NAME Bob B.
        ann< OK NAME
        ann< NAMED 4 <time> ann@x Bob B.
        bob< NAMED 4 <time> ann@x Bob B.
        ann=
        bob=
        ",
    );
}

#[test]
fn an_edit_of_a_name_is_announced_also_after_a_restart() {
    let mut talk = Talk::with(Server::with(&members_txt(&GROUP), &[]));
    talk.play("ann:\nann> NAME Nan\nann< OK NAME\nann< NAMED 1 <time> ann@x Nan");
    let before = talk.server.members_text();
    assert!(before.contains(" admin Nan\n"), "{before}");
    let bob = before.lines().find(|line| line.starts_with("bob@x")).expect("bob's line").to_owned();
    let edited = before.replace(&bob, &format!("{bob}  member\tBob B.  ")).replace(" Nan", " Ann A.");
    fs::write(talk.server.members(), &edited).expect("written");
    talk.server.signal(Signal::HUP);
    talk.play("ann< NAMED 2 <time> - ann@x Ann A.\nann< NAMED 3 <time> - bob@x Bob B.\nann=");
    assert_eq!(talk.server.members_text(), edited);
    // Nobody looks like somebody else by an edit, either.
    fs::write(talk.server.members(), edited.replace("Bob B.", "\u{410}nn A.")).expect("written");
    talk.server.signal(Signal::HUP);
    talk.play("ann> PASSWD ann-secret ann-secret-2\nann< ERR PASSWD storage …");
    fs::write(talk.server.members(), &edited).expect("written");
    let mut server = talk.server;
    server.stop();
    fs::write(server.members(), edited.replace("\tBob B.", "")).expect("written");
    let mut talk = Talk::with(server.again());
    talk.play("ann: again\nann< NAMED 4 <time> - bob@x\nann=");
    let mut server = talk.server;
    server.stop();
    let mut talk = Talk::with(server.again());
    talk.play("new> LOGIN ann@x/- ann-secret\nnew< OK LOGIN ann@x role=admin last=4 …");
}
