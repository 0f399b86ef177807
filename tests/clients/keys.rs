//! What a terminal does beside letters: keys for the program itself, and lines that it cuts.

use std::time::Duration;

use crate::common::peer::Peer;
use crate::person::line;
use crate::run::{Place, are_there, with_all};
use crate::table::PROGRAMS;

/// A telnet, by its name in the table, and keys that it takes for itself.
struct Telnet {
    name: &'static str,
    keys: &'static [&'static str],
}

const CTRL_C: &str = "\x03";
const CTRL_O: &str = "\x0f";
const CTRL_Z: &str = "\x1a";
const CTRL_BACKSLASH: &str = "\x1c";
/// busybox asks what to do, and goes on at any key that is no answer.
const CTRL_C_AND_A_BLANK: &str = "\x03 ";

const TELNETS: &[Telnet] = &[
    Telnet { name: "telnet (inetutils)", keys: &[CTRL_C, CTRL_Z, CTRL_BACKSLASH, CTRL_O] },
    Telnet { name: "telnet (netkit: telnet-ssl)", keys: &[CTRL_C, CTRL_Z, CTRL_BACKSLASH, CTRL_O] },
    Telnet { name: "telnet-ssl, TLS", keys: &[CTRL_C, CTRL_Z, CTRL_BACKSLASH, CTRL_O] },
    Telnet { name: "telnet (busybox)", keys: &[CTRL_C_AND_A_BLANK, CTRL_Z] },
];

fn command(name: &str) -> Option<&'static str> {
    let program = PROGRAMS.iter().find(|program| program.name == name).expect("a name of the table");
    are_there(program.needs).then_some(program.seat.command)
}

/// A key, and what comes after it is shown. Also while nobody is logged in.
#[test]
fn telnet_goes_on_after_its_keys() {
    with_all(
        TELNETS,
        |telnet| telnet.name,
        |telnet| {
            let Some(command) = command(telnet.name) else { return };
            let place = Place::new(&[]);
            let mut ann = Peer::member(place.server.addr(), "ann@x");
            let mut bob = place.sit(command);
            bob.shows("HELLO chat-room/");
            let press = |bob: &mut crate::pty::Pty, key: &str, when: &str| {
                bob.keys(key);
                // A person takes as long. telnet-ssl ends if key and line come in one moment: it was told of input, which the
                // key throws away, and takes that there is none for the end.
                std::thread::sleep(Duration::from_millis(300));
                line(bob, &format!("PING {when}"));
                bob.shows(&format!("OK PING {when}"));
            };
            for (n, key) in telnet.keys.iter().enumerate() {
                press(&mut bob, key, &format!("outside {n}"));
            }
            line(&mut bob, "LOGIN bob@x bob-secret");
            bob.shows("OK LOGIN ");
            for (n, key) in telnet.keys.iter().enumerate() {
                press(&mut bob, key, &format!("inside {n}"));
                ann.say(&format!("MSG after {n}"));
                bob.shows(&format!("ann@x after {n}"));
            }
            line(&mut bob, "MSG all of it");
            bob.shows("OK MSG ");
        },
    );
}

/// Pastes more than a terminal takes, after what is there before.
const CUT: &[(&str, &[&str])] = &[
    ("nc (openbsd)", &[]),
    ("nc (openbsd)", &["--max-line", "8192"]),
    ("telnet (netkit: telnet-ssl)", &[]),
    ("telnet (netkit: telnet-ssl)", &["--max-line", "8192"]),
    ("rlwrap", &[]),
    ("rlwrap", &["--max-line", "8192"]),
];

#[test]
fn a_paste_that_the_terminal_cuts_is_not_said() {
    with_all(
        CUT,
        |(name, _)| name,
        |(name, options)| {
            let Some(command) = command(name) else { return };
            let place = Place::new(options);
            let mut ann = Peer::member(place.server.addr(), "ann@x");
            let mut bob = place.sit(command);
            bob.shows("HELLO chat-room/");
            line(&mut bob, "LOGIN bob@x bob-secret");
            bob.shows("OK LOGIN ");
            line(&mut bob, &format!("MSG {}", "x".repeat(5000)));
            bob.shows("ERR MSG too-long ");
            line(&mut bob, "MSG shorter");
            bob.shows("OK MSG 1 ");
            ann.expect("MSG 1 <time> bob@x shorter");
        },
    );
}

#[test]
fn our_own_client_does_not_say_it_either() {
    let place = Place::new(&["--max-line", "8192"]);
    let mut ann = Peer::member(place.server.addr(), "ann@x");
    let client = env!("CARGO_BIN_EXE_chat-room-client");
    let client = format!("CHAT_ROOM_PASSWORD=bob-secret {client} --server 127.0.0.1:7667 bob@x");
    let mut bob = place.sit(&format!("{client} send"));
    line(&mut bob, &"x".repeat(5000));
    bob.shows("line 1: a terminal cuts lines off at 4095 bytes");
    line(&mut bob, "shorter");
    ann.expect("MSG 1 <time> bob@x shorter");
    bob.keys("\x04");
    bob.shows("1 line was not ");
    // A terminal that can place no cursor.
    let mut bob = place.sit(&format!("TERM=dumb {client}"));
    bob.shows("shorter");
    line(&mut bob, &"x".repeat(5000));
    bob.shows("not said: a terminal cuts lines off at 4095 bytes");
    line(&mut bob, "shorter again");
    ann.expect("MSG 2 <time> bob@x shorter again");
}
