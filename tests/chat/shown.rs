//! What was sent and never shown comes at the next start, whoever stood between: a proxy that reads on, a terminal that
//! takes nothing, a client that was stopped. The server takes it for delivered each time.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::{io, thread};

use rustix::process::Signal;

use crate::common::peer::Peer;
use crate::common::server::until;
use crate::pty::Pty;
use crate::{CLIENT, SHELL, Stage, said, unread};

impl Stage {
    fn client_is_gone(&self) {
        let pid = std::fs::read_to_string(self.state.path().join("pid")).expect("the shell wrote it");
        // proc_pid_stat(5): a zombie waits for us only.
        let stat = format!("/proc/{}/stat", pid.trim());
        until("the client is gone", || {
            !std::fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z "))
        });
    }

    /// Waits until the client has recorded that it has shown this one: a moment after the window shows it.
    fn client_has_noted(&self, proxy: Option<SocketAddr>, seq: u64) {
        let server = proxy.unwrap_or_else(|| self.server.as_ref().expect("it runs").addr());
        let file = self.state.path().join(format!("chat-room/shown/{server}/ann%40x%2fpty"));
        until("the client has recorded it", || {
            let record = std::fs::read_to_string(&file).unwrap_or_default();
            record.trim_end().split_once(' ').is_some_and(|(_, shown)| shown == format!("{seq:020}"))
        });
    }
}

/// Bob says that, and the server takes it for delivered to Ann.
fn says(stage: &mut Stage, bob: &mut Peer, first: u64, words: &[&str]) {
    for (seq, word) in (first..).zip(words) {
        bob.say(&format!("MSG {word}"));
        bob.expect(&format!("OK MSG {seq} <time>"));
    }
    stage.server().until_noted("ann@x/pty", first + words.len() as u64 - 1);
}

const PID: &str = "echo $$ >$XDG_STATE_HOME/pid; exec $CLIENT ann@x";

#[test]
fn what_came_while_it_was_stopped() {
    let mut stage = Stage::new();
    let mut window = stage.window(60, 20, SHELL);
    window.prompts("$");
    window.keys(&format!("bash -c '{PID}'\r"));
    window.prompts(">");
    let mut bob = stage.peer("bob@x/-");
    says(&mut stage, &mut bob, 1, &["shown"]);
    window.ends_with("bob: shown\n>");
    stage.client_has_noted(None, 1);
    window.keys("\x1a");
    window.prompts("$");
    says(&mut stage, &mut bob, 2, &["two", "three", "four"]);
    // The terminal is closed.
    drop(window);
    stage.client_is_gone();
    let again = stage.window(60, 20, "exec $CLIENT ann@x");
    again.ends_with("bob: four\n>");
    again.shows("--- 3 missed ---");
    assert_eq!(said(unread(&again.screen())), ["bob: two", "bob: three", "bob: four"]);
}

/// Passes bytes on. While `keeps` it takes what the server sends, and nobody gets it.
fn proxy(server: SocketAddr, keeps: Arc<AtomicBool>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let addr = listener.local_addr().expect("it is bound");
    thread::spawn(move || {
        for client in listener.incoming() {
            let client = client.expect("somebody comes");
            let server = TcpStream::connect(server).expect("it runs");
            let (mut from, mut to) = (client.try_clone().expect("two"), server.try_clone().expect("two"));
            thread::spawn(move || {
                let _ = io::copy(&mut from, &mut to);
                let _ = to.shutdown(Shutdown::Both);
            });
            let (keeps, mut from, mut to) = (Arc::clone(&keeps), server, client);
            thread::spawn(move || {
                let mut bytes = [0; 4096];
                while let Ok(n @ 1..) = from.read(&mut bytes) {
                    if !keeps.load(Ordering::Relaxed) && to.write_all(&bytes[..n]).is_err() {
                        return;
                    }
                }
            });
        }
    });
    addr
}

#[test]
fn what_a_proxy_has_kept() {
    let mut stage = Stage::new();
    let keeps = Arc::new(AtomicBool::new(false));
    let proxy = proxy(stage.server().addr(), Arc::clone(&keeps));
    let client = format!("CLIENT='{CLIENT} --device pty --server {proxy}'; {PID}");
    let mut ann = stage.window(60, 20, &client);
    ann.prompts(">");
    let mut bob = stage.peer("bob@x/-");
    says(&mut stage, &mut bob, 1, &["one", "two"]);
    ann.ends_with("bob: two\n>");
    keeps.store(true, Ordering::Relaxed);
    says(&mut stage, &mut bob, 3, &["three", "four"]);
    stage.kill(Signal::KILL);
    ann.wait();
    assert_eq!(said(&ann.screen()), ["bob: one", "bob: two"]);
    keeps.store(false, Ordering::Relaxed);
    let mut again = stage.window(60, 20, &client);
    again.ends_with("bob: four\n>");
    assert_eq!(said(unread(&again.screen())), ["bob: three", "bob: four"]);
    // What was shown is not shown again by whoever is killed.
    stage.client_has_noted(Some(proxy), 4);
    stage.kill(Signal::KILL);
    again.wait();
    let third = stage.window(60, 20, &client);
    third.prompts(">");
    says(&mut stage, &mut bob, 5, &["five"]);
    third.ends_with("bob: five\n>");
    assert_eq!(said(unread(&third.screen())), ["bob: five"]);
}

/// The numbers that came out, in order.
fn numbers(window: &Pty) -> Vec<usize> {
    let raw = window.raw();
    let raw = unread(&raw);
    let number = |piece: &str| Some(piece.split_once(';')?.0.parse().expect("a number"));
    raw.split("number ").skip(1).filter_map(number).collect()
}

#[test]
fn what_a_terminal_did_not_take() {
    check_terminal(Signal::KILL);
}

/// It ends although its terminal takes nothing.
#[test]
fn what_a_terminal_did_not_take_when_it_was_ended() {
    check_terminal(Signal::TERM);
}

fn check_terminal(signal: Signal) {
    const SAID: usize = 800;
    /// Lines of the longest piece that is given to the terminal at once.
    const PIECE: usize = 2048 / 100 + 2;
    let mut stage = Stage::new();
    let mut ann = stage.window(200, 20, PID);
    ann.prompts(">");
    ann.takes_nothing(true);
    let mut bob = stage.peer("bob@x/-");
    let padding = "x".repeat(80);
    let lines: Vec<String> = (0..SAID).map(|n| format!("MSG number {n}; {padding}\n")).collect();
    bob.send(format!("{}PING\n", lines.concat()).as_bytes());
    while bob.line().expect("an answer") != "OK PING" {}
    stage.server().until_noted("ann@x/pty", SAID as u64);
    stage.kill(signal);
    stage.client_is_gone();
    // What it had taken is in its window.
    ann.takes_nothing(false);
    ann.wait();
    let taken = numbers(&ann);
    assert!(taken.len() < SAID, "it has taken all: this shows nothing");
    let mut again = stage.window(200, 20, "exec $CLIENT ann@x");
    again.until("the question", |screen| {
        screen.ends_with("missed: Enter shows them, /skip passes over them\n>")
    });
    again.keys("\r");
    again.until("the last", |screen| screen.contains(&format!("number {}; ", SAID - 1)));
    let shown = numbers(&again);
    let first = *shown.first().expect("some were not taken");
    assert_eq!(shown, (first..SAID).collect::<Vec<_>>());
    assert_eq!(taken, (0..taken.len()).collect::<Vec<_>>());
    // Whoever is killed while a piece is being taken is shown that piece twice, rather than never.
    assert!(
        first <= taken.len() && taken.len() <= first + PIECE,
        "{} were taken, then from {first}",
        taken.len()
    );
}
