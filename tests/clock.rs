//! The real server with a clock that is wrong and is corrected, while it runs and between two runs; with libfaketime.

mod common;

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use common::disk::skip;
use common::peer::Peer;
use common::server::{GROUP, Server, members_txt};
use tempfile::TempDir;

/// A wall clock that tests set. The other clock is the machine's.
struct Clock {
    library: PathBuf,
    folder: TempDir,
}

impl Clock {
    /// `None`, and said so, where libfaketime is missing.
    fn says(time: &str) -> Option<Clock> {
        let folders = fs::read_dir("/usr/lib").into_iter().flatten().flatten().map(|entry| entry.path());
        let mut found = folders.map(|folder| folder.join("faketime/libfaketimeMT.so.1"));
        let Some(library) = found.find(|library| library.exists()) else {
            skip("libfaketime is missing");
            return None;
        };
        let clock = Clock { library, folder: tempfile::tempdir().expect("a folder") };
        clock.set(time);
        Some(clock)
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("clock")
    }

    /// Takes effect at once: whole or not at all, for it is read all the time.
    fn set(&self, time: &str) {
        let new = self.folder.path().join("new");
        fs::write(&new, format!("@{time}\n")).expect("written");
        fs::rename(new, self.file()).expect("renamed");
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chat-room-server"));
        command.env("LD_PRELOAD", &self.library).env("FAKETIME_TIMESTAMP_FILE", self.file());
        for flag in ["FAKETIME_NO_CACHE", "FAKETIME_DONT_FAKE_MONOTONIC", "NO_FAKE_STAT"] {
            command.env(flag, "1");
        }
        command
    }

    fn server(&self) -> Server {
        Server::launch(self.command(), &members_txt(&GROUP), &[])
    }

    fn again(&self, server: Server) -> Server {
        Server::launch_in(server.into_folder(), self.command(), "127.0.0.1:0", &[])
    }

    /// What `--check` says, and how it ends.
    fn check(&self, server: &Server) -> (String, Option<i32>) {
        let mut command = self.command();
        command.args(["--check", "--listen", "127.0.0.1:0", "--members"]).arg(server.members());
        let output = command.arg("--history").arg(server.history()).output().expect("it runs");
        (String::from_utf8_lossy(&output.stderr).into_owned(), output.status.code())
    }
}

/// The years of all events.
fn years(server: &Server) -> Vec<u32> {
    let text = fs::read_to_string(server.history().join("000000000001.txt")).expect("a history");
    text.lines().map(|line| line.split(' ').nth(2).expect("a time")[..4].parse().expect("a year")).collect()
}

/// The year in which a member was last seen, according to the record.
fn seen(server: &Server, who: &str) -> u32 {
    let record = server.delivered();
    let line = record.lines().rfind(|line| line.starts_with(who)).expect("a line");
    line.split(' ').nth(2).expect("a time")[..4].parse().expect("a year")
}

fn say(server: &Server, who: &str, seq: u64) {
    let mut peer = Peer::connect(server.addr());
    peer.expect("HELLO …");
    peer.say(&format!("LOGIN {who}/- {}-secret", who.split('@').next().expect("a name")));
    peer.expect("OK LOGIN …");
    peer.say("MSG hello");
    peer.expect(&format!("OK MSG {seq} <time>"));
}

#[test]
fn a_clock_that_was_ahead_is_followed_by_nobody() {
    for wrong in ["2026-06-01 11:00:00", "2036-06-01 10:00:00"] {
        let Some(clock) = Clock::says("2026-06-01 10:00:00") else { return };
        let mut server = clock.server();
        say(&server, "ann@x", 1);
        clock.set(wrong);
        let mut bob = Peer::member(server.addr(), "bob@x");
        bob.expect("MSG 1 …");
        say(&server, "ann@x", 2);
        bob.expect("MSG 2 …");
        server.until_noted("bob@x", 2);
        drop(bob);
        assert!(!server.log().contains("step back"));
        clock.set("2026-06-01 10:00:00");
        say(&server, "ann@x", 3);
        server.until_logged("the last event is from 20");
        server.until_logged("the times of events step back, their numbers never");
        let wrong: u32 = wrong[..4].parse().expect("a year");
        assert_eq!(years(&server), [2026, wrong, 2026]);
        server.stop();
        assert_eq!(seen(&server, "bob@x"), 2026, "{}", server.delivered());
        let text = fs::read_to_string(server.history().join("000000000001.txt")).expect("a history");
        let times: Vec<&str> = text.lines().filter_map(|line| line.split(' ').nth(2)).collect();
        let told = format!("000000000001.txt:3: the times step back, from {} to {}", times[1], times[2]);
        let (said, code) = clock.check(&server);
        assert!(code == Some(0) && said.contains(&told), "{said}");
        let mut server = clock.again(server);
        server.until_logged(&told);
        say(&server, "ann@x", 4);
        server.stop();
        assert_eq!(years(&server), [2026, wrong, 2026, 2026]);
    }
}

#[test]
fn a_clock_that_was_ahead_when_the_server_ran_last() {
    let Some(clock) = Clock::says("2036-06-01 10:00:00") else { return };
    let mut server = clock.server();
    say(&server, "ann@x", 1);
    let bob = Peer::member(server.addr(), "bob@x");
    server.until_noted("bob@x", 1);
    drop(bob);
    server.stop();
    assert_eq!(seen(&server, "bob@x"), 2036);
    clock.set("2026-06-01 10:00:00");
    let told = "the last event is from 2036-06-01T10:00:";
    let (said, code) = clock.check(&server);
    assert!(code == Some(0) && said.contains(told), "{said}");
    let server = clock.again(server);
    server.until_logged(told);
    say(&server, "ann@x", 2);
    assert_eq!(years(&server), [2036, 2026]);
    let mut ann = Peer::member(server.addr(), "ann@x");
    ann.expect("MSG 1 …");
    ann.expect("MSG 2 …");
    server.until_noted("ann@x", 2);
    assert_eq!(seen(&server, "ann@x"), 2026);
}

#[test]
fn a_clock_that_nobody_has_set_yet() {
    let Some(clock) = Clock::says("2026-06-01 10:00:00") else { return };
    let mut server = clock.server();
    say(&server, "ann@x", 1);
    let mut bob = Peer::member(server.addr(), "bob@x/phone");
    bob.expect("MSG 1 …");
    bob.say("TOKEN");
    let token = bob.line().expect("an answer");
    let token = token.split(' ').nth(2).expect("a token").to_owned();
    server.until_noted("bob@x/phone", 1);
    drop(bob);
    server.stop();
    // Booted without a battery.
    clock.set("1970-01-01 00:00:10");
    let mut server = clock.again(server);
    say(&server, "ann@x", 2);
    let mut bob = Peer::connect(server.addr());
    bob.expect("HELLO …");
    bob.say(&format!("RESUME bob@x/- {token}"));
    bob.expect("OK RESUME bob@x …");
    assert_eq!(seen(&server, "bob@x/phone"), 2026, "the record stays");
    clock.set("2026-06-01 10:01:00");
    say(&server, "ann@x", 3);
    assert_eq!(years(&server), [2026, 1970, 2026]);
    server.stop();
    assert_eq!(seen(&server, "bob@x/phone"), 2026);
    let server = clock.again(server);
    let mut bob = Peer::member(server.addr(), "bob@x/phone");
    bob.expect("MSG 2 …");
    bob.expect("MSG 3 …");
}
