//! What happened before a member came makes no difference to them. Only how many events there were is told, by their numbers.

use crate::asked::questions;
use crate::common::peer::Peer;
use crate::common::server::{GROUP, Server, members_txt};

/// So many events come before Zoe.
const EVENTS: u64 = 3;

/// A server on which Ann has done this, and then added Zoe.
fn after(before: &[(&str, &str)]) -> Server {
    let server = Server::with(&members_txt(&GROUP), &[]);
    for (who, line) in before {
        let mut peer = Peer::member(server.addr(), &format!("{who}@x/-"));
        peer.say(line);
        peer.expect("OK …");
    }
    let mut ann = Peer::member(server.addr(), "ann@x/-");
    ann.send(b"ADD zoe@x zoe-secret\nMSG welcome\n");
    ann.expect("OK ADD zoe@x");
    ann.expect(&format!("OK MSG {} <time>", EVENTS + 2));
    server
}

/// After this, all that Zoe is told who comes with this device, whatever she asks.
fn told(before: &[(&str, &str)], device: &str) -> Vec<String> {
    let server = after(before);
    let mut zoe = Peer::connect(server.addr());
    zoe.say(&format!("LOGIN zoe@x{device} zoe-secret"));
    zoe.say(&questions(EVENTS + 1).join("\n"));
    let mut told = Vec::new();
    loop {
        let line = zoe.line().expect("all is answered");
        if line == "OK PING end" {
            return told;
        }
        let is_secret = line.starts_with("OK TOKEN ");
        told.push(if is_secret { "OK TOKEN …".to_owned() } else { line });
    }
}

#[test]
fn whatever_happened_before_it_is_told_the_same() {
    let long = format!("MSG {}", "e between us ".repeat(300));
    let pasts: [&[(&str, &str)]; 3] = [
        &[("ann", "MSG one"), ("bob", "MSG two"), ("ann", "MSG three")],
        &[("cid", &long), ("cid", &long), ("cid", "MSG /me waves")],
        &[("ann", "ADD fay@x fay-secret"), ("bob", "MSG zoe@x will come"), ("ann", "REMOVE fay@x")],
    ];
    for device in ["", "/phone", "/-"] {
        let all = pasts.map(|past| told(past, device));
        assert!(all[0].len() > questions(EVENTS + 1).len(), "everything is answered");
        for (past, told) in pasts.iter().zip(&all) {
            assert_eq!(*told, all[0], "{device} after {past:?}");
        }
    }
}

/// Removed and added again, one has no more than others who come now.
#[test]
fn nor_does_it_matter_whether_one_was_there() {
    let there = [("ann", "ADD zoe@x zoe-secret"), ("zoe", "MSG my own"), ("ann", "REMOVE zoe@x")];
    let away = [("ann", "ADD fay@x fay-secret"), ("bob", "MSG not hers"), ("ann", "REMOVE fay@x")];
    for device in ["", "/-"] {
        assert_eq!(told(&there, device), told(&away, device), "{device}");
    }
}
