//! Everything that a member can ask, and what must not come back.

use chat_room::protocol::Verb;

use crate::SECRET;
use crate::common::peer::Peer;
use crate::common::server::Server;

/// All ways to use a command that show something or nothing. Nothing in the group changes. A new command does not build without its
/// place here.
fn asked(verb: Verb, first: u64) -> Vec<String> {
    let each = |forms: &[&str]| -> Vec<String> {
        let of = |seq: u64| forms.iter().map(move |form| form.replace('#', &seq.to_string()));
        (0..=first + 2).chain([u64::MAX]).flat_map(of).collect()
    };
    let once = |lines: &[&str]| lines.iter().map(|&line| line.to_owned()).collect::<Vec<_>>();
    match verb {
        Verb::History => [
            once(&["HISTORY", "history 1000", "HISTORY SINCE 0 1000"]),
            each(&["HISTORY #", "HISTORY SINCE #", "HISTORY SINCE # 1"]),
        ]
        .concat(),
        Verb::Find => [
            once(&["FIND between us", "FIND e", "find ann@x"]),
            each(&["FIND BEFORE # between", "FIND BEFORE # e"]),
        ]
        .concat(),
        Verb::Info => each(&["INFO #", "INFO # a@x"]),
        Verb::Who => once(&["WHO", "WHO a@x"]),
        Verb::Members => once(&["MEMBERS", "MEMBERS a@x"]),
        Verb::Login => once(&["LOGIN ann@x/- ann-secret", "LOGIN bob@x/phone bob-secret"]),
        Verb::Resume => once(&["RESUME ann@x/- token"]),
        // Text of nothing, so that the group stays as it is.
        Verb::Msg => once(&["MSG"]),
        // What is no name.
        Verb::Name => once(&["NAME", "NAME a@b", "NAME a/b"]),
        // What there is now, and what changes nothing.
        Verb::Title => once(&["TITLE", "TITLE  between us"]),
        Verb::Announce => once(&["ANNOUNCE", "ANNOUNCE maybe"]),
        Verb::Passwd
        | Verb::Leave
        | Verb::Add
        | Verb::Invite
        | Verb::Join
        | Verb::Remove
        | Verb::Reset
        | Verb::Promote
        | Verb::Demote => once(&[&format!("{} a b c d", verb.name()), verb.name()])
            .into_iter()
            .filter(|line| line != "LEAVE")
            .collect(),
        Verb::Skip | Verb::Token | Verb::Stats | Verb::Help => once(&[verb.name()]),
        Verb::Ping => once(&["PING", "PING between"]),
        Verb::Quit => once(&["QUIT now"]),
    }
}

/// Every command, again and again.
pub(crate) fn questions(first: u64) -> Vec<String> {
    let all = Verb::ALL.into_iter().flat_map(|verb| asked(verb, first));
    all.chain(["PING end".to_owned()]).collect()
}

/// Comes in with this line, asks everything, and is shown nothing from before `first`. How many events it is shown.
#[track_caller]
pub(crate) fn is_shown(server: &Server, login: &str, first: u64) -> usize {
    let mut peer = Peer::connect(server.addr());
    peer.expect("HELLO …");
    peer.say(login);
    peer.expect(&format!("OK … first={first} transcript=<id>"));
    let asked = questions(first);
    peer.send((asked.join("\n") + "\n").as_bytes());
    let mut asked = asked.iter();
    let mut shown = 0;
    loop {
        let line = peer.line().expect("all is answered");
        assert!(!line.contains(SECRET), "{login}: {line}");
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            // Of whatever kind an event is, it has a number and a time.
            ["HISTORY", seq, _] | [_, seq, "<time>", ..] if words[0] != "OK" => {
                assert!(seq.parse::<u64>().expect("a number") >= first, "{login}: {line}");
                shown += 1;
            }
            ["OK" | "ERR", ..] => {
                let question = asked.next().expect("something was asked");
                let words: Vec<&str> = question.split(' ').collect();
                if words[0] == "INFO" && words[1].parse::<u64>().is_ok_and(|seq| seq < first) {
                    assert!(line.starts_with("ERR INFO no-such-message "), "{question}: {line}");
                }
                if line == "OK PING end" {
                    return shown;
                }
            }
            _ => {}
        }
    }
}

#[track_caller]
pub(crate) fn token_of(server: &Server, name: &str) -> String {
    Peer::member(server.addr(), &format!("{name}@x/-")).word_of("TOKEN")
}

/// All ways in: the default device, one that is known, one that is not, none, with password and token.
#[track_caller]
pub(crate) fn reads_from(server: &Server, name: &str, first: u64) {
    let token = token_of(server, name);
    let mut shown = 0;
    for device in ["", "/phone", "/new", "/-"] {
        shown += is_shown(server, &format!("LOGIN {name}@x{device} {name}-secret"), first);
        shown += is_shown(server, &format!("RESUME {name}@x{device} {token}"), first);
    }
    assert!(shown > 0, "something is there to be read");
}
