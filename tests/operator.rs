//! What an operator does: edits members.txt, sends signals.

mod common;

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use common::peer::{Peer, fits};
use common::server::{GROUP, Server, cheap_hash, line_of, members_txt, until, until_members};
use common::talk::Talk;
use rustix::process::Signal;

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
        ann< PROMOTED 2 <time> - cid@x
        ann< ADDED 3 <time> - zoe@x
        cid< REMOVED 1 <time> - bob@x
        cid< PROMOTED 2 <time> - cid@x
        cid< ADDED 3 <time> - zoe@x
        bob< BYE removed …
        bob.
        zoe:
        zoe< ADDED 3 <time> - zoe@x
        cid> ADD kim@x kim-secret
        cid< OK ADD kim@x
        cid< ADDED 4 <time> cid@x kim@x
        zoe< ADDED 4 <time> cid@x kim@x
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
    // The command queues after what has been hashed: bob is here still, and so is the password.
    talk.play("ann> ADD kim@x kim-secret\nann< OK ADD kim@x\nann< ADDED 1 <time> ann@x kim@x\nbob< ADDED 1 <time> ann@x kim@x\nbob=");
    talk.play("bob2> LOGIN bob@x typed-by-hand\nbob2< OK LOGIN bob@x …");

    // The same password typed again gets its hash back; another one ends what came in with the old one.
    let hashed = talk.server.members_text();
    let bob = line_of(&hashed, "bob@x");
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
        ann> REMOVE bob@x
        ann< ERR REMOVE storage members.txt:7: …
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
    talk.server.until_logged("members.txt:7: ");
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

/// Writes to the file all the time, until it is dropped.
struct BusyEditor {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl BusyEditor {
    fn of(path: PathBuf) -> BusyEditor {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                let mut file = fs::OpenOptions::new().append(true).open(&path).expect("the file");
                file.write_all(b"#\n").expect("written");
                std::thread::sleep(Duration::from_millis(50));
            }
        });
        BusyEditor { stop, thread: Some(thread) }
    }
}

impl Drop for BusyEditor {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

#[test]
fn a_busy_editor_makes_no_stop_unclean() {
    let mut talk = Talk::with(Server::start());
    talk.play("ann:\nann2: phone\nbob:");
    // Two, so that one that is held up does not let the file settle.
    let _editors = [(); 2].map(|()| BusyEditor::of(talk.server.members()));
    // The look that this asks for waits for the editor, too, and so do two changes after each other.
    talk.server.signal(Signal::HUP);
    talk.server.until_logged("SIGHUP");
    talk.play("ann3: -\nann> ADD kim@x kim-secret");
    talk.peer("ann3").until_stat("members-queue", 1..=1);
    talk.play("ann2> ADD zoe@x zoe-secret");
    talk.peer("ann3").until_stat("members-queue", 2..=2);
    talk.play("bob> MSG last\nbob< OK MSG 1 <time>");
    talk.server.signal(Signal::TERM);
    talk.play("bob< BYE shutdown …\nbob.");
    for name in ["ann", "ann2"] {
        // On a busy machine the changes may have been given up before the message was said.
        let mut said: Vec<String> = std::iter::from_fn(|| talk.peer(name).line()).collect();
        assert!(fits("BYE shutdown …", &said.pop().expect("the last line")));
        said.sort_unstable();
        let given_up = "ERR ADD storage members.txt: somebody is writing to it; try again";
        assert_eq!(said, [given_up, "MSG 1 <time> bob@x last"]);
    }
    assert_eq!(talk.server.wait().code(), Some(0), "{}", talk.server.log());
    assert!(talk.server.history().join("clean").exists());
}

#[test]
fn commands_keep_the_mode_of_the_file() {
    let mut talk = Talk::with(Server::start());
    let mode = |talk: &Talk| fs::metadata(talk.server.members()).expect("a file").mode();
    let before = mode(&talk);
    talk.play("ann:\nann> ADD zoe@x zoe-secret\nann< OK ADD zoe@x");
    assert_eq!(mode(&talk), before);
}

/// The lines of the log that tell of members, without their time.
fn told(server: &Server) -> Vec<String> {
    let begins = [
        "member ",
        "members changed",
        "password changed",
        "role changed",
        "name changed",
        "name removed",
        "typed password ",
    ];
    let log = server.log();
    let lines = log.lines().filter_map(|line| line.split_once("[INFO] ")).map(|(_, line)| line.to_owned());
    lines.filter(|line| begins.iter().any(|begin| line.starts_with(begin))).collect()
}

#[test]
fn the_log_tells_who_changed_what_of_whom() {
    let mut talk = Talk::with(Server::start());
    talk.play(
        "
        ann:
        ann> ADD kim@x kim-secret
        ann< OK ADD kim@x
        ann< ADDED …
        ann> RESET kim@x kim-secret2
        ann< OK RESET kim@x
        ann> ADD kim@x kim-secret3
        ann< ERR ADD already-member …
        bob:
        bob< ADDED …
        bob> PASSWD bob-secret bob-secret2
        bob< OK PASSWD
        ann> PROMOTE bob@x
        ann< OK PROMOTE bob@x
        ann< PROMOTED …
        bob< PROMOTED …
        bob> DEMOTE bob@x
        bob< OK DEMOTE bob@x
        ann< DEMOTED …
        bob< DEMOTED …
        bob> NAME Bob by=ann
        bob< OK NAME
        ann< NAMED …
        bob< NAMED …
        ann> INVITE lea@x
        ann< OK INVITE …
        ann> REMOVE kim@x
        ann< OK REMOVE kim@x
        ann< REMOVED …
        bob< REMOVED …
        bob> LEAVE
        bob< OK LEAVE
        bob< BYE left …
        ann< REMOVED …
        ",
    );
    // By hand: cid is an admin, dan is gone, eve has another password, zoe is new.
    let before = talk.server.members_text();
    let edited: String = before
        .lines()
        .filter(|line| !line.starts_with("dan@x"))
        .map(|line| match line.split_once(' ') {
            Some(("cid@x", hash)) => format!("cid@x {hash} admin\n"),
            Some(("eve@x", _)) => "eve@x typed-by-hand\n".to_owned(),
            _ => format!("{line}\n"),
        })
        .collect();
    fs::write(talk.server.members(), edited + "zoe@x typed-by-hand-too\n").expect("written");
    until_members(&talk.server, |text| !text.contains("typed-by-hand"));
    talk.server.until_logged("typed password replaced by its hash: mail=zoe@x");
    let mut told_of = told(&talk.server);
    // One is hashed after the other, beside the rest.
    told_of[9..].sort();
    assert_eq!(
        told_of,
        [
            "member added: mail=kim@x by=ann@x",
            "password changed: mail=kim@x by=ann@x",
            "password changed: mail=bob@x by=bob@x",
            "role changed: mail=bob@x role=admin by=ann@x",
            "role changed: mail=bob@x role=member by=bob@x",
            r#"name changed: mail=bob@x by=bob@x name="Bob by=ann""#,
            "member invited: mail=lea@x by=ann@x",
            "member removed: mail=kim@x by=ann@x",
            "member removed: mail=bob@x by=bob@x",
            "member added: mail=zoe@x by=-",
            "member removed: mail=dan@x by=-",
            "password changed: mail=eve@x by=-",
            "role changed: mail=cid@x role=admin by=-",
            "typed password replaced by its hash: mail=eve@x",
            "typed password replaced by its hash: mail=zoe@x",
        ]
    );
    for secret in ["kim-secret", "bob-secret", "typed-by-hand", "$argon2id"] {
        assert!(!talk.server.log().contains(secret), "{secret} is in the log");
    }
    // What was done while the server was down is told by the next start.
    let mut server = talk.server;
    server.stop();
    let text = server.members_text().replace("zoe@x", "kim@x");
    fs::write(server.members(), text).expect("written");
    let server = server.again();
    server.until_logged("member removed: mail=zoe@x by=-");
    server.until_logged("member added: mail=kim@x by=-");
}

#[test]
fn logins_are_told_at_debug() {
    let server = Server::with(&members_txt(&GROUP), &["--log-level", "debug"]);
    let mut ann = Peer::member(server.addr(), "ann@x");
    let token = ann.word_of("TOKEN");
    let mut expected = vec![format!("login: mail=ann@x from={} with=password", ann.local_addr())];
    for (line, answer, told) in [
        ("LOGIN bob@x/phone bob-secret", "OK LOGIN …", Some("mail=bob@x device=phone from= with=password")),
        ("LOGIN bob@x/- bob-secret", "OK LOGIN …", Some("mail=bob@x device=- from= with=password")),
        (&format!("RESUME ann@x/pad {token}"), "OK RESUME …", Some("mail=ann@x device=pad from= with=token")),
        ("LOGIN bob@x wrong-secret", "ERR LOGIN bad-login …", None),
    ] {
        let mut peer = Peer::connect(server.addr());
        peer.expect("HELLO …");
        peer.say(line);
        peer.expect(answer);
        expected.extend(
            told.map(|told| {
                format!("login: {}", told.replace("from=", &format!("from={}", peer.local_addr())))
            }),
        );
    }
    server.until_logged("login refused: ");
    let log = server.log();
    let told: Vec<&str> =
        log.lines().filter_map(|line| line.split_once("[DEBUG] login")).map(|(_, line)| line).collect();
    assert_eq!(told, expected.iter().map(|line| &line["login".len()..]).collect::<Vec<_>>());

    let server = Server::start();
    Peer::member(server.addr(), "ann@x").fence();
    assert!(!server.log().contains("login"), "{}", server.log());
}

#[test]
fn of_a_large_edit_not_all_is_told() {
    let server = Server::start();
    let hash = cheap_hash("all-the-same");
    let more: Vec<String> = (0..1500).map(|n| format!("m{n}@x {hash}\n")).collect();
    fs::write(server.members(), server.members_text() + &more.concat()).expect("written");
    server.until_logged("members changed: 476 more, too many to list");
    assert_eq!(told(&server).len(), 1025);
}

#[test]
fn what_the_log_has_counted_does_not_follow_what_ended_it() {
    let mut server = Server::start();
    let mut ann = Peer::member(server.addr(), "ann@x");
    let good = server.members_text();
    let edit = |before: &str, after: &str| {
        fs::write(server.members(), format!("{before}{good}{after}")).expect("written");
    };
    let (wrong, right) = ("the members stay as they were: ", "the members file has no mistakes any more");
    let logged = |text: &str| server.log().matches(text).count();
    // What comes back is logged again, though a minute has not passed.
    for round in 1..=2 {
        edit("", "who is this\n");
        until("the mistake is logged", || logged(wrong) == round);
        edit("", "");
        until("its end is logged", || logged(right) == round);
    }
    // One that goes and comes while there is always another is only counted.
    let mut until_told = |place: &str| {
        until(place, || {
            ann.say("ADD kim@x kim-secret");
            ann.line().expect("an answer").contains(place)
        });
    };
    for (before, after, place) in
        [("who\n", "", "members.txt:1:"), ("", "who\n", "members.txt:6:"), ("who\n", "", "members.txt:1:")]
    {
        edit(before, after);
        until_told(place);
    }
    server.stop();
    let log = server.log();
    let last: Vec<&str> = log.lines().rev().take(2).collect();
    assert!(last[0].ends_with(" stopped") && last[1].ends_with(" (the last of 1 more)"), "{log}");
}
