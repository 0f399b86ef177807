//! Invitations on the real server: restarts, files that change while it is down, throttling, what the log tells.

mod common;
#[path = "common/invited.rs"]
mod invited;

use std::fs;

use common::peer::Peer;
use common::server::{GROUP, Server, members_txt};
use common::talk::Talk;
use invited::{BAD, invite, joining};
use rustix::process::Signal;

/// Tries a word, and compares the answer.
#[track_caller]
fn join(server: &Server, whom: &str, word: &str, answer: &str) -> Peer {
    let mut peer = joining(server, whom, word);
    peer.expect(answer);
    peer
}

/// The server, killed, and then with this members.txt.
fn with_members(mut server: Server, members: &str) -> Server {
    server.kill();
    fs::write(server.members(), members).expect("written");
    server.again()
}

/// The server, stopped, and then without this file of its history.
fn without(mut server: Server, name: &str) -> Server {
    server.stop();
    fs::remove_file(server.history().join(name)).expect("it was written");
    server.again()
}

#[test]
fn from_the_invitation_to_the_first_line_said() {
    let server = Server::start();
    let mut ann = Peer::member(server.addr(), "ann@x");
    let word = invite(&server, "ann", "kim");
    assert_eq!(word.len(), 24, "{word}");
    let mut kim = join(&server, "kim", &word, "OK JOIN kim@x");
    kim.login("kim@x");
    kim.say("MSG here I am");
    kim.expect("ADDED 1 <time> ann@x kim@x");
    kim.expect("OK MSG 2 <time>");
    ann.expect("ADDED 1 <time> ann@x kim@x");
    ann.expect("MSG 2 <time> kim@x here I am");
    for line in [
        "member invited: mail=kim@x by=ann@x",
        "member added: mail=kim@x by=ann@x",
        "invitation used: mail=kim@x by=ann@x",
    ] {
        server.until_logged(&format!("] {line}\n"));
    }
    join(&server, "kim", &word, BAD);
    server.until_logged("login refused: mail=kim@x from=127.0.7.");
    server.until_logged(" why=invite\n");
    let log = server.log();
    assert!(!log.contains(&word) && !log.contains("kim-secret"));
}

#[test]
fn a_restart_ends_no_invitation_and_revives_none() {
    let server = Server::with(&members_txt(&GROUP), &[]);
    let (kim, lea, mia) =
        (invite(&server, "ann", "kim"), invite(&server, "ann", "lea"), invite(&server, "ann", "mia"));
    let mut ann = Peer::member(server.addr(), "ann@x/-");
    ann.say("ADD kim@x kim-secret\nREMOVE kim@x");
    ann.expect("OK ADD kim@x");
    ann.expect("OK REMOVE kim@x");
    join(&server, "kim", &kim, BAD);
    join(&server, "lea", &lea, "OK JOIN lea@x");

    // Stopped, and killed.
    let server = server.again();
    join(&server, "kim", &kim, BAD);
    join(&server, "lea", &lea, BAD);
    let without_lea: String =
        server.members_text().split_inclusive('\n').filter(|line| !line.starts_with("lea@x")).collect();
    let with_lea = server.members_text();
    let server = with_members(server, &without_lea);
    join(&server, "kim", &kim, BAD);
    join(&server, "lea", &lea, BAD);

    // The same line comes back, and goes again.
    let server = with_members(server, &with_lea);
    let server = with_members(server, &without_lea);
    join(&server, "lea", &lea, BAD);
    join(&server, "mia", &mia, "OK JOIN mia@x");
}

#[test]
fn an_admin_who_was_none_for_a_while() {
    let server = Server::start();
    let kim = invite(&server, "ann", "kim");
    let mut ann = Peer::member(server.addr(), "ann@x/-");
    ann.say("PROMOTE bob@x");
    ann.expect("OK PROMOTE bob@x");
    let lea = invite(&server, "bob", "lea");
    let as_member = server.members_text().replace(" admin", "");
    let admin_is = |name: &str| -> String {
        as_member
            .lines()
            .map(|line| if line.starts_with(name) { format!("{line} admin\n") } else { format!("{line}\n") })
            .collect()
    };
    // While the server is down Ann is no admin any more, then is one again.
    let server = with_members(server, &admin_is("bob@x"));
    join(&server, "kim", &kim, BAD);
    let server = with_members(server, &admin_is("ann@x"));
    join(&server, "kim", &kim, BAD);
    join(&server, "lea", &lea, BAD);
    let kim = invite(&server, "ann", "kim");
    join(&server, "kim", &kim, "OK JOIN kim@x");
}

#[test]
fn what_is_not_known_ends_all() {
    let server = Server::start();
    let kim = invite(&server, "ann", "kim");
    let mut ann = Peer::member(server.addr(), "ann@x/-");
    ann.say("MSG one\nMSG two");
    ann.expect("OK MSG 1 <time>");
    ann.expect("OK MSG 2 <time>");
    let lea = invite(&server, "ann", "lea");
    // As after a version that does not know of invitations.
    let server = without(server, "ended");
    join(&server, "kim", &kim, BAD);
    join(&server, "lea", &lea, "OK JOIN lea@x");

    // A copy of the history is another transcript, with the same key.
    let mia = invite(&server, "ann", "mia");
    let server = without(server, "id");
    join(&server, "mia", &mia, BAD);
    let mia = invite(&server, "ann", "mia");
    join(&server, "mia", &mia, "OK JOIN mia@x");
    // Without files all ends with the process.
    let server = server.again_with(&["--history", "none"]);
    let kim = invite(&server, "ann", "kim");
    let server = server.again_with(&["--history", "none"]);
    join(&server, "kim", &kim, BAD);
}

#[test]
fn wrong_words_are_throttled_as_wrong_passwords_are() {
    let mut talk = Talk::with(Server::start());
    let word = invite(&talk.server, "ann", "kim");
    talk.play(
        "
        ann:
        one> JOIN kim@x wrong kim-secret
        one< ERR JOIN bad-invite …
        one> JOIN kim@x wrong kim-secret
        one> PING
        ",
    );
    // It waits, and is counted among the passwords that do; who comes from elsewhere does not wait with it.
    talk.peer("ann").until_stat("password-queue", 1..);
    let mut kim = join(&talk.server, "kim", &word, "OK JOIN kim@x");
    kim.login("kim@x");
    assert_eq!(talk.peer("ann").stat("password-queue"), 1, "the delay was over too soon to show anything");
    talk.play(
        "
        one< ERR JOIN bad-invite …
        one< OK PING
        one> LOGIN kim@x wrong-secret
        one< ERR LOGIN bad-login …
        one< BYE bad-login …
        ",
    );
}

#[test]
fn members_txt_that_cannot_be_written() {
    let mut talk = Talk::with(Server::start());
    let word = invite(&talk.server, "ann", "kim");
    let before = talk.server.members_text();
    fs::write(talk.server.members(), format!("{before}gil@x\n")).expect("a file");
    talk.play(&format!(
        "
        ann: -
        ann> INVITE lea@x
        ann< ERR INVITE storage members.txt:6: …
        kim> JOIN kim@x {word} kim-secret
        kim< ERR JOIN storage the group cannot be changed at present, try again later
        "
    ));
    fs::write(talk.server.members(), &before).expect("a file");
    talk.server.signal(Signal::HUP);
    talk.play(&format!("kim> JOIN kim@x {word} kim-secret\nkim< OK JOIN kim@x"));
}
