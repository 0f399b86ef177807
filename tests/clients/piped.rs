//! A script: lines are piped in, what comes out is looked at.

use std::io::{Read as _, Write as _};
use std::process::{Child, Stdio};
use std::time::Instant;

use crate::common::peer::{Peer, fits, masked};
use crate::common::server::PATIENCE;
use crate::person::until_delivered;
use crate::run::Place;
use crate::table::{Piped, Program};

/// Comes in, is shown what was missed, says something and hears that it was said; all of it has arrived then.
pub(crate) fn converse(program: &Program) {
    let (command, input) = match program.piped {
        Piped::HalfCloses(command) => (command, "LOGIN bob@x bob-secret\nMSG piped ü 日本\n"),
        Piped::Quits(command) => (command, "LOGIN bob@x bob-secret\nMSG piped ü 日本\nQUIT\n"),
        Piped::Script(command) => (command, ""),
        Piped::No => return,
    };
    let place = Place::new(&[]);
    let mut ann = Peer::member(place.server.addr(), "ann@x/-");
    ann.say("MSG before ü 日本");
    ann.expect("OK MSG 1 <time>");

    let shown = piped(&place, command, input);
    let lines: Vec<String> = shown.lines().map(|line| masked(line.trim_end_matches('\r'))).collect();
    for pattern in [
        "OK LOGIN bob@x role=member last=1 missed=1 …",
        "MSG 1 <time> ann@x before ü 日本",
        "OK MSG 2 <time>",
    ] {
        assert_eq!(lines.iter().filter(|line| fits(pattern, line)).count(), 1, "{pattern} in:\n{shown}");
    }

    ann.say("HISTORY 1");
    ann.expect("HISTORY 2 2");
    ann.expect("MSG 2 <time> bob@x piped ü 日本");
    ann.expect("OK HISTORY 1 last=2");
    until_delivered(&mut ann, 1);
    let mut bob = Peer::connect(place.server.addr());
    bob.expect("HELLO …");
    bob.say("LOGIN bob@x bob-secret");
    bob.expect("OK LOGIN bob@x role=member last=2 missed=0 …");
}

/// All that it writes until it has ended by itself.
fn piped(place: &Place, command: &str, input: &str) -> String {
    let mut shell = place.command(command);
    let mut child =
        shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("a shell");
    let mut stdout = child.stdout.take().expect("it is piped");
    let reader = std::thread::spawn(move || {
        let mut shown = Vec::new();
        stdout.read_to_end(&mut shown).map(|_| String::from_utf8_lossy(&shown).into_owned())
    });
    child.stdin.take().expect("it is piped").write_all(input.as_bytes()).expect("it takes its input");
    wait(&mut child);
    reader.join().expect("it reads").expect("all of it")
}

fn wait(child: &mut Child) {
    let deadline = Instant::now() + PATIENCE;
    while child.try_wait().expect("it is our child").is_none() {
        if Instant::now() > deadline {
            let _ = child.kill();
            panic!("it does not end");
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}
