//! A person at a terminal: the same conversation with every program.

use std::time::{Duration, Instant};

use crate::common::peer::Peer;
use crate::common::server::PATIENCE;
use crate::pty::Pty;
use crate::run::Place;
use crate::table::{Ends, Letters, Program, Seat};

/// Comes in, is shown what was missed, talks, quits; comes again, and is removed; comes again, and the server stops.
pub(crate) fn converse(program: &Program) {
    let seat = &program.seat;
    let mut place = Place::new(&[]);
    let mut ann = Peer::member(place.server.addr(), "ann@x/-");
    say(&mut ann, 1, "before");

    let mut bob = come_in(&place, seat, "role=member last=1 missed=1 ");
    bob.shows("ann@x before");
    let text = if seat.letters == Letters::All { "grüße 日本 Ümit ム" } else { "greetings" };
    let shown = if seat.letters == Letters::Ascii { "" } else { " ü 日本" };
    line(&mut bob, &format!("MSG {text}"));
    bob.shows("OK MSG 2 ");
    say(&mut ann, 3, "hello ü 日本");
    bob.shows(&format!("ann@x hello{shown}"));
    until_delivered(&mut ann, 3);
    line(&mut bob, "QUIT");
    bob.shows("OK QUIT");
    leave(bob, seat.ends);

    say(&mut ann, 4, "away ü 日本");
    let bob = come_in(&place, seat, "role=member last=4 missed=1 ");
    bob.shows(&format!("ann@x away{shown}"));
    until_delivered(&mut ann, 4);
    ann.say("HISTORY");
    for pattern in [
        "HISTORY 1 4".to_owned(),
        "MSG 1 <time> ann@x before".to_owned(),
        format!("MSG 2 <time> bob@x {text}"),
        "MSG 3 …".to_owned(),
        "MSG 4 …".to_owned(),
        "OK HISTORY 4 …".to_owned(),
    ] {
        ann.expect(&pattern);
    }
    ann.say("REMOVE bob@x");
    ann.expect("OK REMOVE bob@x");
    bob.shows("BYE removed you are no longer a member of this group");
    let screen = bob.screen();
    assert!(screen.matches("away").count() == 1 && !screen.contains("before"), "{screen}");
    leave(bob, seat.ends);

    ann.say("ADD bob@x bob-secret");
    ann.expect("OK ADD bob@x");
    let bob = come_in(&place, seat, "role=member last=6 missed=1 ");
    bob.shows("ann@x bob@x");
    place.server.stop();
    bob.shows("BYE shutdown the server is shutting down");
    leave(bob, seat.ends);
}

/// Somebody who has no feed says something.
fn say(ann: &mut Peer, seq: u64, text: &str) {
    ann.say(&format!("MSG {text}"));
    ann.expect(&format!("OK MSG {seq} <time>"));
}

fn come_in(place: &Place, seat: &Seat, told: &str) -> Pty {
    let mut bob = place.sit(seat.command);
    bob.shows("HELLO chat-room/");
    // It can be seen, so nothing has taken the greeting for the prompt for a password.
    bob.keys("LOGIN bob@x bob-secret");
    bob.shows("LOGIN bob@x bob-secret");
    bob.keys("\r");
    bob.shows(&format!("OK LOGIN bob@x {told}"));
    bob
}

/// Types a line.
pub(crate) fn line(pty: &mut Pty, text: &str) {
    pty.keys(&format!("{text}\r"));
}

/// The server has hung up; the program ends as it does.
fn leave(mut bob: Pty, ends: Ends) {
    match ends {
        Ends::Itself => {}
        Ends::By(keys) => bob.keys(keys),
        Ends::AtEnter => {
            std::thread::sleep(Duration::from_millis(500));
            assert!(!bob.has_ended(), "it has not waited for the next line:\n{}", bob.screen());
            // The first may be what tells that nobody takes it.
            let deadline = Instant::now() + PATIENCE;
            while !bob.has_ended() {
                assert!(Instant::now() < deadline, "it does not end:\n{}", bob.screen());
                bob.keys("\r");
                std::thread::sleep(Duration::from_millis(50));
            }
            return;
        }
    }
    bob.wait();
}

/// Asks until it has reached everybody else.
pub(crate) fn until_delivered(ann: &mut Peer, seq: u64) {
    let deadline = Instant::now() + PATIENCE;
    let delivered = format!("OK INFO {seq} delivered=1 pending=0");
    loop {
        ann.say(&format!("INFO {seq}"));
        let mut answer = ann.line().expect("an answer");
        if answer == delivered {
            return;
        }
        while !answer.starts_with("OK INFO ") {
            assert!(answer.starts_with("PENDING "), "{answer}");
            answer = ann.line().expect("an answer");
        }
        assert!(Instant::now() < deadline, "{seq} has not reached him: {answer}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
