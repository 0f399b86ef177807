//! Logins on the real server: tokens, and verdicts that come late.

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::time::{Duration, Instant};

use common::peer::Peer;
use common::server::{GROUP, PATIENCE, Server, hash_of_cost, members_txt};
use common::talk::Talk;
use rustix::process::Signal;

/// Logs in as `ann@x`, and gives a token of hers.
#[track_caller]
fn token_of(server: &Server, name: &str) -> String {
    Peer::member(server.addr(), &format!("{name}@x/-")).word_of("TOKEN")
}

/// Tries a token, and compares the answer; `…` stands for anything.
#[track_caller]
fn resume(server: &Server, name: &str, token: &str, answer: &str) -> Peer {
    let mut peer = Peer::connect(server.addr());
    peer.expect("HELLO …");
    peer.say(&format!("RESUME {name}@x {token}"));
    peer.expect(answer);
    peer
}

#[test]
fn a_token_survives_the_server_and_ends_with_the_password() {
    let server = Server::start();
    let (ann, bob) = (token_of(&server, "ann"), token_of(&server, "bob"));
    resume(&server, "ann", &ann, "OK RESUME ann@x role=admin last=0 …");
    resume(&server, "bob", &ann, "ERR RESUME bad-login …");
    let key = fs::metadata(server.history().join("key")).expect("a key");
    assert_eq!(key.permissions().mode() & 0o777, 0o600);

    let server = server.again();
    let mut inside = resume(&server, "ann", &ann, "OK RESUME ann@x …");
    inside.say("RESET bob@x another-secret");
    inside.expect("OK RESET bob@x");
    resume(&server, "bob", &bob, "ERR RESUME bad-login …");
    inside.say("PASSWD ann-secret another-secret");
    inside.expect("OK PASSWD");
    resume(&server, "ann", &ann, "ERR RESUME bad-login …");
    assert!(!server.log().contains(&ann) && !server.log().contains(&bob));
}

#[test]
fn the_same_password_typed_by_hand_ends_no_token() {
    let mut server = Server::start();
    let token = token_of(&server, "bob");
    let before = server.members_text();
    let edited: String = before
        .lines()
        .map(|line| if line.starts_with("bob@x") { "bob@x bob-secret\n".into() } else { format!("{line}\n") })
        .collect();
    fs::write(server.members(), edited).expect("written");
    let deadline = Instant::now() + PATIENCE;
    while server.members_text() != before {
        assert!(Instant::now() < deadline, "the hash comes back");
        std::thread::sleep(Duration::from_millis(20));
    }
    // The file has the hash again, but perhaps the loop has not heard of it.
    let mut peer = Peer::connect(server.addr());
    peer.expect("HELLO …");
    let answer = loop {
        peer.say(&format!("RESUME bob@x/- {token}"));
        let answer = peer.line().expect("an answer");
        if !answer.starts_with("ERR RESUME busy ") {
            break answer;
        }
    };
    assert!(answer.starts_with("OK RESUME bob@x "), "{answer}");
    server.stop();
}

#[test]
fn without_a_history_tokens_end_with_the_process() {
    let server = Server::with(&members_txt(&GROUP), &["--history", "none"]);
    let token = token_of(&server, "bob");
    resume(&server, "bob", &token, "OK RESUME bob@x …");
    let server = server.again_with(&["--history", "none"]);
    resume(&server, "bob", &token, "ERR RESUME bad-login …");
}

#[test]
fn a_member_removed_while_the_password_is_checked_is_not_logged_in() {
    // The longest that a check may take: half a second and more.
    let members = members_txt(&["ann"]) + &format!("bob@x {}\n", hash_of_cost("bob-secret", 38912, 10));
    let mut talk = Talk::with(Server::with(&members, &[]));
    talk.play(
        "
        ann:
        bob> LOGIN bob@x bob-secret
        bob> PING in
        ",
    );
    // The thread has it: the queue is not empty, and nobody else asks for a hash.
    talk.peer("ann").until_stat("password-queue", 1..);
    talk.play(
        "
        ann> REMOVE bob@x
        ann< OK REMOVE bob@x
        ann< REMOVED 1 <time> ann@x bob@x
        ",
    );
    assert_eq!(talk.peer("ann").stat("password-queue"), 1, "the check was over too soon to show anything");
    talk.play(
        "
        bob< ERR LOGIN bad-login …
        bob< OK PING in
        ann> WHO
        ann< WHO ann@x devices=1
        ann< OK WHO 1
        ",
    );
}

/// Types another password for Bob into members.txt.
fn type_for_bob(server: &Server, password: &str) {
    let text = server.members_text();
    let typed = format!("bob@x {password}");
    let lines = text.lines().map(|line| if line.starts_with("bob@x") { &typed[..] } else { line });
    let edited = lines.collect::<Vec<_>>().join("\n") + "\n";
    fs::write(server.members(), edited).expect("written");
}

#[test]
fn of_two_passwords_typed_in_a_row_the_second_lets_in() {
    let slow = hash_of_cost("slow-secret", 38912, 10);
    let slow: Vec<String> = (0..9).map(|n| format!("slow{n}@x {slow}\n")).collect();
    let server = Server::with(&(members_txt(&["ann", "bob"]) + &slow.concat()), &[]);
    let mut bob = Peer::member(server.addr(), "bob@x");
    // Eight logins go before a password typed into the file, half a second each.
    let mut slow = Vec::new();
    for n in 0..9 {
        let mut peer = Peer::connect(server.addr());
        peer.expect("HELLO …");
        peer.say(&format!("LOGIN slow{n}@x slow-secret"));
        slow.push(peer);
    }
    type_for_bob(&server, "first-secret");
    // Seen, and not hashed.
    loop {
        bob.say("TOKEN");
        if bob.line().expect("an answer").starts_with("ERR TOKEN busy ") {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    type_for_bob(&server, "second-secret");
    bob.expect("BYE password-changed …");
    let deadline = Instant::now() + PATIENCE;
    while !server.members_text().contains("bob@x $argon2id$") {
        assert!(Instant::now() < deadline, "it is left as it was typed: {}", server.members_text());
        std::thread::sleep(Duration::from_millis(20));
    }
    for (password, answer) in
        [("second-secret", "OK LOGIN bob@x …"), ("first-secret", "ERR LOGIN bad-login …")]
    {
        let mut peer = Peer::connect(server.addr());
        peer.expect("HELLO …");
        peer.say(&format!("LOGIN bob@x {password}"));
        peer.expect(answer);
    }
}

#[test]
fn a_server_that_is_killed_leaves_no_core() {
    use std::os::unix::process::ExitStatusExt as _;

    let mut command = Command::new("sh");
    // Where that is refused there is no core anyway.
    let script = "ulimit -c unlimited; exec \"$0\" \"$@\"";
    command.args(["-c", script, env!("CARGO_BIN_EXE_chat-room-server")]);
    let mut server = Server::launch(command, &members_txt(&GROUP), &[]);
    server.signal(Signal::ABORT);
    let status = server.wait();
    assert_eq!(status.signal(), Some(Signal::ABORT.as_raw()));
    assert!(!status.core_dumped());
}
