//! What a group has beside members and messages: more than one admin, names. Conversations with the real server, as data; edits of
//! members.txt, also while no server runs.

mod common;

use std::fs;

use common::server::{GROUP, Server, line_of, members_txt};
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
    let bob = line_of(&before, "bob@x");
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
    let cid = line_of(&edited, "cid@x");
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
    let bob = line_of(&before, "bob@x");
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

#[test]
fn a_title() {
    check(
        "
        ann:
        bob:
        bob> TITLE
        bob< OK TITLE
        bob> TITLE The Choir
        bob< ERR TITLE admin-only …
        ann> TITLE The  Choir @#/
        ann< OK TITLE The  Choir @#/
        ann< TITLED 1 <time> ann@x The  Choir @#/
        bob< TITLED 1 <time> ann@x The  Choir @#/
        # What is so already is no event.
        ann> TITLE The  Choir @#/
        ann< OK TITLE The  Choir @#/
        ann> TITLE The\u{202e}Choir
        ann< ERR TITLE bad-text …
        ann> TITLE The\u{200b}Choir
        ann< ERR TITLE bad-title …
        ann> TITLE  The Choir
        ann< ERR TITLE bad-title …
        ann>> TITLE One\\nTITLE\\nTITLE Two\\nTITLE\\n
        ann< OK TITLE One
        ann< TITLED 2 <time> ann@x One
        ann< OK TITLE One
        ann< OK TITLE Two
        ann< TITLED 3 <time> ann@x Two
        ann< OK TITLE Two
        bob< TITLED 2 …
        bob< TITLED 3 …
        # Whoever comes learns what is so now, and nothing of before.
        ann> ADD fay@x fay-secret
        ann< OK ADD fay@x
        ann< ADDED 4 <time> ann@x fay@x
        bob< ADDED 4 …
        fay> LOGIN fay@x fay-secret
        fay< OK LOGIN fay@x role=member last=4 missed=1 first=4 …
        fay< ADDED 4 <time> ann@x fay@x
        fay> TITLE
        fay< OK TITLE Two
        fay> ANNOUNCE
        fay< OK ANNOUNCE off
        ann=
        bob=
        fay=
        ",
    );
}

#[test]
fn while_it_is_on_only_admins_speak() {
    check(
        "
        ann:
        bob:
        bob> ANNOUNCE on
        bob< ERR ANNOUNCE admin-only …
        ann> ANNOUNCE off
        ann< OK ANNOUNCE
        ann>> ANNOUNCE on\\nMSG hear hear\\nANNOUNCE\\n
        ann< OK ANNOUNCE
        ann< ANNOUNCE 1 <time> ann@x on
        ann< OK MSG 2 <time>
        ann< OK ANNOUNCE on
        bob< ANNOUNCE 1 <time> ann@x on
        bob< MSG 2 <time> ann@x hear hear
        bob> MSG may I?
        bob< ERR MSG announce-only …
        ann> PROMOTE bob@x
        ann< OK PROMOTE bob@x
        ann< PROMOTED 3 <time> ann@x bob@x
        bob< PROMOTED 3 <time> ann@x bob@x
        bob> MSG now
        bob< OK MSG 4 <time>
        ann< MSG 4 <time> bob@x now
        # Whoever is demoted is silent at once.
        bob>> DEMOTE bob@x\\nMSG still?\\n
        bob< OK DEMOTE bob@x
        bob< ERR MSG announce-only …
        bob< DEMOTED 5 <time> bob@x bob@x
        ann< DEMOTED 5 <time> bob@x bob@x
        ann> ANNOUNCE Off
        ann< OK ANNOUNCE
        ann< ANNOUNCE 6 <time> ann@x off
        bob< ANNOUNCE 6 <time> ann@x off
        bob> MSG at last
        bob< OK MSG 7 <time>
        ann< MSG 7 <time> bob@x at last
        ann=
        bob=
        ",
    );
}

#[test]
fn what_the_group_has_agreed_on_outlives_the_server_and_its_old_files() {
    let mut talk = Talk::with(Server::start());
    talk.play(
        "
        ann:
        ann> TITLE The  Choir
        ann< OK TITLE The  Choir
        ann< TITLED 1 <time> ann@x The  Choir
        ann> ANNOUNCE on
        ann< OK ANNOUNCE
        ann< ANNOUNCE 2 <time> ann@x on
        ",
    );
    talk.server.until_logged("title changed: by=ann@x title=\"The  Choir\"");
    talk.server.until_logged("announcements changed: mode=on by=ann@x");
    let is_so = "
        bob> LOGIN bob@x/- bob-secret
        bob< OK LOGIN …
        bob> TITLE
        bob< OK TITLE The  Choir
        bob> MSG may I?
        bob< ERR MSG announce-only …
        ";
    let mut server = talk.server;
    server.kill();
    let mut talk = Talk::with(server.again());
    talk.play(is_so);
    let mut server = talk.server;
    server.stop();
    let snapshot = fs::read_to_string(server.history().join("members")).expect("a snapshot");
    assert!(snapshot.starts_with("2\ntitle The  Choir\nannounce on\nann@x 0 admin\n"), "{snapshot}");
    // As --keep-days leaves it.
    let kept = "MSG 3 2026-01-02T03:04:05.678Z ann@x kept\n";
    fs::write(server.history().join("000000000003.txt"), kept).expect("written");
    for gone in ["000000000001.txt", "clean"] {
        fs::remove_file(server.history().join(gone)).expect("it was there");
    }
    let mut talk = Talk::with(server.again());
    talk.play(is_so);
    talk.play(
        "
        ann: again
        ann< MSG 3 …
        ann> ANNOUNCE off
        ann< OK ANNOUNCE
        ann< ANNOUNCE 4 <time> ann@x off
        ",
    );
    let mut server = talk.server;
    server.stop();
    // A folder of an earlier version has no such lines, and nothing is agreed on there.
    let snapshot = fs::read_to_string(server.history().join("members")).expect("a snapshot");
    let earlier = snapshot.replace("title The  Choir\n", "");
    assert_ne!(earlier, snapshot);
    fs::write(server.history().join("members"), earlier).expect("written");
    let mut talk = Talk::with(server.again());
    talk.play("ann: later\nann> TITLE\nann< OK TITLE\nann> ANNOUNCE\nann< OK ANNOUNCE off");
}
