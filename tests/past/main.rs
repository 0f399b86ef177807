//! A member reads from their own ADDED line on, however they try, and whatever happened to the server and its small files
//! meanwhile. A removal ends tokens for good.
//!
//! Longer than 350 lines: independent conversations.

mod asked;
#[path = "../common/broker.rs"]
mod broker;
#[path = "../common/mod.rs"]
mod common;
mod elsewhere;
#[path = "../common/nodes.rs"]
mod nodes;
mod same;

use std::fs;
use std::path::Path;
use std::process::Command;

use asked::{reads_from, token_of};
use common::peer::{Peer, masked};
use common::server::{GROUP, Server, cheap_hash, folder_with, line_of, members_txt, until};
use common::talk::Talk;

/// In every text that was said before Zoe came.
const SECRET: &str = "between us";

/// A server on which [`zoe_comes`].
fn zoe_came_later(options: &[&str]) -> Server {
    zoe_comes(Server::with(&members_txt(&GROUP), options))
}

/// Ann and Bob talk, Zoe is added by event 4, and they go on.
fn zoe_comes(server: Server) -> Server {
    let mut talk = Talk::with(server);
    talk.play(
        "
        ann:
        bob:
        ann> MSG one, between us
        bob< MSG 1 <time> ann@x one, between us
        bob> MSG two, between us
        ann< OK MSG 1 <time>
        ann< MSG 2 <time> bob@x two, between us
        ann> MSG three, between us
        ann> ADD zoe@x zoe-secret
        ann< OK MSG 3 <time>
        ann< OK ADD zoe@x
        ann< ADDED 4 <time> ann@x zoe@x
        ann> MSG welcome
        ann< OK MSG 5 <time>
        bob< OK MSG 2 <time>
        bob< MSG 3 <time> ann@x three, between us
        bob< ADDED 4 <time> ann@x zoe@x
        bob< MSG 5 <time> ann@x welcome
        ",
    );
    talk.server
}

/// As [`reads_from`], of somebody who may read this text.
#[track_caller]
fn reads_text(server: &Server, name: &str, first: u64, text: &str) {
    let mut peer = Peer::member(server.addr(), &format!("{name}@x/-"));
    peer.say("HISTORY SINCE 0");
    peer.expect(&format!("HISTORY {first} …"));
    peer.expect(&format!("MSG {first} <time> … {text}"));
}

/// Replaces the lines that begin so, or appends one that is new.
fn edit(path: &Path, begin: &str, line: &str) {
    let text = fs::read_to_string(path).expect("text");
    let others = text.lines().filter(|line| !line.starts_with(begin));
    fs::write(
        path,
        others.chain([line]).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n") + "\n",
    )
    .expect("written");
}

#[test]
fn no_way_leads_to_what_was_said_before() {
    for options in [&[][..], &["--history", "none"]] {
        let server = zoe_came_later(options);
        reads_from(&server, "zoe", 4);
        reads_text(&server, "bob", 1, "one, between us");
        // An admin who came later is a member like others.
        let line = format!("zoe@x {} admin", cheap_hash("zoe-secret"));
        edit(&server.members(), "zoe@x", &line);
        let mut ann = Peer::member(server.addr(), "ann@x/-");
        until("an admin", || {
            let mut peer = Peer::connect(server.addr());
            peer.expect("HELLO …");
            peer.say("LOGIN zoe@x/- zoe-secret");
            peer.line().is_some_and(|line| line.contains("role=admin"))
        });
        reads_from(&server, "zoe", 4);
        // Removed and added again, it is a new member.
        ann.send(b"REMOVE zoe@x\nMSG alone again\nADD zoe@x zoe-secret\n");
        for line in ["OK REMOVE zoe@x", "OK MSG 8 <time>", "OK ADD zoe@x"] {
            ann.expect(line);
        }
        reads_from(&server, "zoe", 9);
        let mut zoe = Peer::member(server.addr(), "zoe@x/-");
        zoe.say("INFO 5");
        zoe.expect("ERR INFO no-such-message …");
    }
}

#[test]
fn nor_after_restarts_whatever_became_of_the_small_files() {
    type Harm = fn(&Path);
    let harms: [(&str, Harm); 6] = [
        ("nothing", |_| {}),
        ("members is gone", |dir| fs::remove_file(dir.join("members")).expect("it was there")),
        ("members is of an earlier moment", |dir| {
            fs::write(dir.join("members"), "2\nann@x 0\nbob@x 0\ncid@x 0\ndan@x 0\neve@x 0\n")
                .expect("written");
        }),
        ("delivered is gone", |dir| fs::remove_file(dir.join("delivered")).expect("it was there")),
        ("delivered says what is not true", |dir| {
            let places = "zoe@x 0 2026-01-01T00:00:00.000Z\nzoe@x/phone 1 2026-01-01T00:00:00.000Z\n";
            fs::write(dir.join("delivered"), places).expect("written");
        }),
        ("only the events are left", |dir| {
            for name in ["id", "key", "members", "delivered", "clean"] {
                let _ = fs::remove_file(dir.join(name));
            }
        }),
    ];
    for stops in [true, false] {
        for (harm, harms) in harms {
            let mut server = zoe_came_later(&[]);
            drop(Peer::member(server.addr(), "zoe@x/phone"));
            server.until_noted("zoe@x/phone", 3);
            if stops {
                server.stop();
            } else {
                server.kill();
            }
            harms(&server.history());
            let server = server.again();
            let what = format!("{harm}, stopped: {stops}");
            let tried = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                reads_from(&server, "zoe", 4);
                for name in ["ann", "bob"] {
                    reads_text(&server, name, 1, "one, between us");
                }
            }));
            tried.unwrap_or_else(|_| panic!("{what}"));
        }
    }
}

#[test]
fn without_the_note_those_of_whom_nothing_is_known_are_new() {
    let mut server = zoe_came_later(&[]);
    server.stop();
    fs::remove_file(server.history().join("members")).expect("it was there");
    edit(&server.members(), "fay@x", &format!("fay@x {}", cheap_hash("fay-secret")));
    let server = server.again();
    server.until_logged("history/members: does not exist");
    // Cid, Dan and Eve have never said anything: they may be as new as Fay is.
    for (name, first) in [("cid", 6), ("fay", 9)] {
        until("announced", || {
            let mut peer = Peer::member(server.addr(), "ann@x/-");
            peer.say("HISTORY 1");
            peer.line().is_some_and(|line| line == "HISTORY 9 9")
        });
        reads_from(&server, name, first);
    }
    reads_text(&server, "bob", 1, "one, between us");
}

#[test]
fn after_old_files_were_dropped_the_later_of_both_counts() {
    let folder = folder_with(&members_txt(&["ann", "bob", "zoe"]));
    let dir = folder.path().join("history");
    fs::create_dir(&dir).expect("a folder");
    let lines = [
        "MSG 4 2026-01-01T00:00:00.000Z ann@x four, between us",
        "ADDED 5 2026-01-01T00:00:00.000Z ann@x zoe@x",
        "MSG 6 2026-01-01T00:00:00.000Z ann@x welcome",
    ];
    for (name, text) in [
        ("id", "0123abcd\n".to_owned()),
        ("000000000004.txt", lines.join("\n") + "\n"),
        // As the server always wrote it. Bob was added by a line that is not kept any more.
        ("members", "6\nann@x 0\nbob@x 2\nzoe@x 5\n".to_owned()),
    ] {
        fs::write(dir.join(name), text).expect("written");
    }
    let server = Server::in_folder(folder, &[]);
    reads_from(&server, "zoe", 5);
    for name in ["ann", "bob"] {
        reads_text(&server, name, 4, "four, between us");
    }
    // Everybody may read everything, if whoever runs the server says so; and not any more, if not.
    let server = server.again_with(&["--past", "all"]);
    reads_text(&server, "zoe", 4, "four, between us");
    let server = server.again();
    reads_from(&server, "zoe", 5);
}

#[test]
fn earlier_events_are_not_read_from_the_files_either() {
    let server = Server::with(&members_txt(&["ann"]), &["--window", "1M"]);
    let mut ann = Peer::member(server.addr(), "ann@x/-");
    let text = format!("{SECRET} {}", "x".repeat(3000));
    ann.send(format!("MSG {text}\n").repeat(400).as_bytes());
    ann.send(b"ADD zoe@x zoe-secret\n");
    let long = "x".repeat(3000);
    ann.send(format!("MSG {long}\n").repeat(800).as_bytes());
    for n in 1..=400 {
        ann.expect(&format!("OK MSG {n} <time>"));
    }
    ann.expect("OK ADD zoe@x");
    for n in 402..=1201 {
        ann.expect(&format!("OK MSG {n} <time>"));
    }
    let mut zoe = Peer::connect(server.addr());
    zoe.expect("HELLO …");
    zoe.say("LOGIN zoe@x zoe-secret");
    zoe.expect("OK LOGIN zoe@x role=member last=1201 missed=801 first=401 transcript=<id>");
    zoe.expect("ADDED 401 <time> ann@x zoe@x");
    for n in 402..=1201 {
        zoe.expect(&format!("MSG {n} <time> ann@x {long}"));
    }
    zoe.send(b"HISTORY SINCE 7 1\nHISTORY SINCE 400 2\nINFO 400\n");
    for _ in 0..2 {
        zoe.expect("HISTORY 401 …");
        zoe.expect("ADDED 401 <time> ann@x zoe@x");
        if zoe.line().is_some_and(|line| line.starts_with("MSG 402 ")) {
            zoe.expect("OK HISTORY 2 last=1201");
        }
    }
    zoe.expect("ERR INFO no-such-message …");
}

#[test]
fn our_own_client_shows_what_is_there() {
    let server = zoe_came_later(&[]);
    for since in [&[][..], &["--since", "0"], &["--since", "2"]] {
        let mut client = Command::new(env!("CARGO_BIN_EXE_chat-room-client"));
        client.args(["--server", &server.addr().to_string(), "zoe@x", "tail"]).args(since);
        let state = tempfile::tempdir().expect("a folder");
        client.env("XDG_STATE_HOME", state.path()).env("CHAT_ROOM_PASSWORD", "zoe-secret");
        let output = client.output().expect("a client");
        let [out, err] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).expect("text"));
        assert_eq!((output.status.code(), err.as_str()), (Some(0), ""));
        let shown: Vec<String> = out.lines().map(masked).collect();
        assert_eq!(shown, ["ADDED 4 <time> ann@x zoe@x", "MSG 5 <time> ann@x welcome"]);
    }
}

/// Tries a token.
#[track_caller]
fn resumes(server: &Server, name: &str, token: &str, answer: &str) {
    let mut peer = Peer::connect(server.addr());
    peer.expect("HELLO …");
    peer.say(&format!("RESUME {name}@x/- {token}"));
    peer.expect(answer);
}

const OUT: &str = "ERR RESUME bad-login …";

#[track_caller]
fn until_event(server: &Server, event: &str) {
    until(event, || {
        let mut peer = Peer::member(server.addr(), "ann@x/-");
        peer.say("HISTORY 1");
        peer.line().expect("an answer");
        peer.line().is_some_and(|line| line.starts_with(event))
    });
}

#[test]
fn a_removal_ends_tokens_though_the_same_line_comes_back() {
    let server = zoe_came_later(&[]);
    let kept = token_of(&server, "ann");
    for (name, last) in [("bob", 5), ("zoe", 9)] {
        let (token, line) = (token_of(&server, name), line_of(&server.members_text(), &format!("{name}@x")));
        resumes(&server, name, &token, &format!("OK RESUME {name}@x …"));
        let mut ann = Peer::member(server.addr(), "ann@x/-");
        ann.say(&format!("REMOVE {name}@x"));
        ann.expect(&format!("OK REMOVE {name}@x"));
        edit(&server.members(), &format!("{name}@x"), &line);
        until_event(&server, &format!("ADDED {} ", last + 2));
        resumes(&server, name, &token, OUT);
        // By hand, both times.
        let token = token_of(&server, name);
        edit(&server.members(), &format!("{name}@x"), "");
        until_event(&server, &format!("REMOVED {} ", last + 3));
        edit(&server.members(), &format!("{name}@x"), &line);
        until_event(&server, &format!("ADDED {} ", last + 4));
        resumes(&server, name, &token, OUT);
        let token = token_of(&server, name);
        resumes(&server, name, &token, &format!("OK RESUME {name}@x …"));
    }
    resumes(&server, "ann", &kept, "OK RESUME ann@x …");
}

#[test]
fn nor_does_a_token_live_again_after_edits_while_the_server_was_down() {
    for stops in [true, false] {
        let mut server = zoe_came_later(&[]);
        let kept = token_of(&server, "ann");
        let names = ["bob", "zoe"];
        let tokens = names.map(|name| token_of(&server, name));
        let lines = names.map(|name| line_of(&server.members_text(), &format!("{name}@x")));
        let end = |mut server: Server| {
            if stops {
                server.stop();
            } else {
                server.kill();
            }
            server
        };
        // A restart alone ends none.
        server = end(server).again();
        for (name, token) in names.iter().zip(&tokens) {
            resumes(&server, name, token, &format!("OK RESUME {name}@x …"));
        }
        server = end(server);
        for name in names {
            edit(&server.members(), &format!("{name}@x"), "");
        }
        server = server.again();
        until_event(&server, "REMOVED 7 ");
        server = end(server);
        for (name, line) in names.iter().zip(&lines) {
            edit(&server.members(), &format!("{name}@x"), line);
        }
        server = server.again();
        until_event(&server, "ADDED 9 ");
        for (name, token) in names.iter().zip(&tokens) {
            resumes(&server, name, token, OUT);
        }
        resumes(&server, "ann", &kept, "OK RESUME ann@x …");
    }
}
