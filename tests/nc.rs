//! The group with real `nc`, in each of its three forms: openbsd, traditional, ncat.

mod common;

use std::net::SocketAddr;
use std::process::{Command, Stdio};

use common::disk::skip;
use common::peer::Peer;
use common::server::{Server, members_txt};
use common::talk::Talk;

/// One form of nc.
struct Form {
    /// By what names it may be installed.
    programs: &'static [&'static str],
    /// What its help says of itself.
    mark: &'static str,
    /// With which options the end of its input goes on to the server while it listens on.
    half_closing: &'static [&'static str],
}

const FORMS: [Form; 3] = [
    Form { programs: &["nc.openbsd", "nc"], mark: "OpenBSD netcat", half_closing: &["-N"] },
    Form { programs: &["nc.traditional", "nc"], mark: "[v1.10", half_closing: &["-q", "30"] },
    Form { programs: &["ncat"], mark: "Ncat", half_closing: &[] },
];

impl Form {
    fn program(&self) -> Option<&'static str> {
        self.programs.iter().copied().find(|program| {
            let help = Command::new(program).arg("-h").stdin(Stdio::null()).output();
            help.is_ok_and(|help| {
                let text = [help.stdout, help.stderr].concat();
                String::from_utf8_lossy(&text).contains(self.mark)
            })
        })
    }

    fn command(program: &str, options: &[&str], addr: SocketAddr) -> Command {
        let mut command = Command::new(program);
        command.args(options).arg(addr.ip().to_string()).arg(addr.port().to_string());
        command
    }
}

/// Does something with each form that is installed.
fn with_each_form(test: impl Fn(&Form, &str)) {
    for form in FORMS {
        match form.program() {
            Some(program) => test(&form, program),
            None => skip(format_args!("no {} is installed", form.mark)),
        }
    }
}

/// A talk in which these take part, each with an nc, not logged in yet.
fn nc_talk(program: &str, names: &[&str]) -> Talk {
    let mut talk = Talk::with(Server::with(&members_txt(names), &[]));
    for name in names {
        let mut peer = Peer::run(&mut Form::command(program, &[], talk.server.addr()));
        peer.expect("HELLO chat-room/…");
        talk.join(name, peer);
    }
    talk
}

#[test]
fn a_session() {
    with_each_form(|_, program| {
        nc_talk(program, &["ann", "bob"]).play(
            "
            ann> HELP LOGIN
            ann< HELP LOGIN …
            ann< OK HELP 1
            ann> LOGIN ann@x wrong-one
            ann< ERR LOGIN bad-login …
            ann:
            bob> login bob@x bob-secret
            bob< OK LOGIN bob@x …
            ann> MSG hello ✓
            ann< OK MSG 1 <time>
            bob< MSG 1 <time> ann@x hello ✓
            bob> nonsense
            bob< ERR NONSENSE unknown-command …
            bob> WHO
            bob< WHO ann@x devices=1
            bob< WHO bob@x devices=1
            bob< OK WHO 2
            bob> QUIT
            bob< OK QUIT
            # Some forms wait for the end of their own input, too.
            bob|
            bob.
            ann=
            ",
        );
    });
}

#[test]
fn a_script_says_something_and_hears_that_it_was_said() {
    with_each_form(|form, program| {
        let mut talk = nc_talk(program, &["ann", "bob"]);
        let mut script = Peer::run(&mut Form::command(program, form.half_closing, talk.server.addr()));
        script.send(b"LOGIN bob@x/- bob-secret\nMSG one\r\nMSG two\nMSG and no line end");
        script.half_close();
        talk.join("script", script);
        talk.play(
            "
            script< HELLO …
            script< OK LOGIN bob@x …
            script< OK MSG 1 <time>
            script< OK MSG 2 <time>
            script< OK MSG 3 <time>
            script.
            ",
        );
    });
}

#[test]
fn a_script_reads_what_it_has_just_said() {
    with_each_form(|form, program| {
        let mut talk = nc_talk(program, &["ann"]);
        let mut script = Peer::run(&mut Form::command(program, form.half_closing, talk.server.addr()));
        script.send(b"LOGIN ann@x/- ann-secret\nMSG one\nMSG two\nHISTORY 2\nINFO 2\nMSG three\nHISTORY 1\n");
        script.half_close();
        talk.join("script", script);
        talk.play(
            "
            script< HELLO …
            script< OK LOGIN ann@x …
            script< OK MSG 1 <time>
            script< OK MSG 2 <time>
            script< HISTORY 1 2
            script< MSG 1 <time> ann@x one
            script< MSG 2 <time> ann@x two
            script< OK HISTORY 2 last=2
            script< OK INFO 2 delivered=0 pending=0
            script< OK MSG 3 <time>
            script< HISTORY 3 3
            script< MSG 3 <time> ann@x three
            script< OK HISTORY 1 last=3
            script.
            ",
        );
    });
}

#[test]
fn what_was_missed_waits_for_the_next_login() {
    with_each_form(|_, program| {
        let mut talk = nc_talk(program, &["ann", "bob"]);
        talk.play(
            "
            ann:
            bob:
            ann> MSG here
            ann< OK MSG 1 <time>
            bob< MSG 1 <time> ann@x here
            # As by Ctrl-C.
            bob/
            ann> MSG away
            ann< OK MSG 2 <time>
            ann> ADD kim@x kim-secret
            ann< OK ADD kim@x
            ann< ADDED 3 <time> ann@x kim@x
            ",
        );
        let mut server = talk.server;
        server.kill();
        let mut talk = Talk::with(server.again());
        let mut bob = Peer::run(&mut Form::command(program, &[], talk.server.addr()));
        bob.expect("HELLO …");
        bob.say("LOGIN bob@x bob-secret");
        let told = bob.line().expect("an answer");
        assert!(told.starts_with("OK LOGIN bob@x role=member last=3 missed="), "{told}");
        if told.contains(" missed=3 ") {
            // What was acknowledged in the last two seconds may come once more after a crash.
            bob.expect("MSG 1 <time> ann@x here");
        }
        talk.join("bob", bob);
        talk.play(
            "
            bob< MSG 2 <time> ann@x away
            bob< ADDED 3 <time> ann@x kim@x
            bob> MSG back
            bob< OK MSG 4 <time>
            bob=
            ",
        );
    });
}

/// What came in of what was said: number, who, what. An own message is its OK.
fn heard(peer: &mut Peer, own: &str, own_texts: &[String], count: usize) -> Vec<String> {
    let mut own_texts = own_texts.iter();
    let mut events = Vec::new();
    while events.len() < count {
        let line = peer.line().expect("the server goes on");
        if let Some(rest) = line.strip_prefix("OK MSG ") {
            let text = own_texts.next().expect("one OK for each message");
            events.push(format!("{rest} {own}@x {text}"));
        } else {
            events.push(line.strip_prefix("MSG ").expect("an event").to_owned());
        }
    }
    events
}

#[test]
fn ten_see_the_same_numbers_in_the_same_order() {
    const SAID: usize = 20;
    let names = ["ann", "bob", "cid", "dan", "eve", "fay", "gus", "hal", "ida", "jon"];
    with_each_form(|_, program| {
        let mut talk = nc_talk(program, &names);
        for name in names {
            talk.play(&format!("{name}:"));
        }
        let texts = |name: &str| -> Vec<String> { (0..SAID).map(|n| format!("{n} from {name}")).collect() };
        // All at once: nobody waits for an answer.
        for n in 0..SAID {
            for name in names {
                talk.peer(name).say(&format!("MSG {}", texts(name)[n]));
            }
        }
        let all = names.len() * SAID;
        let order = heard(talk.peer("ann"), "ann", &texts("ann"), all);
        for name in &names[1..] {
            assert_eq!(heard(talk.peer(name), name, &texts(name), all), order, "{program}: {name}");
        }
        for (n, event) in order.iter().enumerate() {
            assert!(event.starts_with(&format!("{} <time> ", n + 1)), "{event}");
        }

        let mut kim = Peer::run(&mut Form::command(program, &[], talk.server.addr()));
        kim.expect("HELLO …");
        talk.join("kim", kim);
        talk.play(
            "
            ann> ADD kim@x kim-secret
            ann< OK ADD kim@x
            ann< ADDED 201 <time> ann@x kim@x
            kim> LOGIN kim@x kim-secret
            kim< OK LOGIN kim@x role=member last=201 missed=1 …
            kim< ADDED 201 <time> ann@x kim@x
            kim> MSG here I am
            kim< OK MSG 202 <time>
            ann< MSG 202 <time> kim@x here I am
            bob> MSG welcome
            ann< MSG 203 <time> bob@x welcome
            kim< MSG 203 <time> bob@x welcome
            ann>> REMOVE kim@x\\nMSG poor kim\\n
            ann< OK REMOVE kim@x
            ann< REMOVED 204 <time> ann@x kim@x
            ann< OK MSG 205 <time>
            kim< BYE removed …
            kim|
            kim.
            ",
        );
        for name in &names[1..] {
            let welcome = if *name == "bob" { "OK MSG 203 <time>" } else { "MSG 203 <time> bob@x welcome" };
            talk.play(&format!(
                "
                {name}< ADDED 201 <time> ann@x kim@x
                {name}< MSG 202 <time> kim@x here I am
                {name}< {welcome}
                {name}< REMOVED 204 <time> ann@x kim@x
                {name}< MSG 205 <time> ann@x poor kim
                {name}=
                "
            ));
        }
        talk.play("ann=");
    });
}
