//! Wrong input of any kind gets its code and the connection stays open; text stays verbatim.

mod common;

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;

use common::peer::Peer;
use common::server::{PATIENCE, Server};
use common::talk::{Talk, check};
use rustix::process::Signal;
use socket2::SockRef;

/// The same numbers in every run, all over the place (`SplitMix64`).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % sides as u64).expect("below sides")
    }

    fn pick<'a>(&mut self, from: &[&'a [u8]]) -> &'a [u8] {
        from[self.roll(from.len())]
    }
}

const CODES: [&str; 17] = [
    "unknown-command",
    "usage",
    "login-first",
    "already-logged-in",
    "bad-login",
    "admin-only",
    "no-such-member",
    "already-member",
    "last-admin",
    "bad-mail",
    "bad-password",
    "bad-text",
    "too-long",
    "no-such-message",
    "busy",
    "full",
    "storage",
];

/// A line that is no command at all, or one with arguments of which hardly any is right. Nothing in it ends
/// the connection by right: no QUIT, no LEAVE, no PASSWD.
fn bad_line(dice: &mut Dice) -> Vec<u8> {
    const VERBS: [&[u8]; 14] = [
        b"LOGIN",
        b"MSG",
        b"ADD",
        b"REMOVE",
        b"RESET",
        b"WHO",
        b"MEMBERS",
        b"STATS",
        b"PING",
        b"HELP",
        b"PASSWD x",
        b"OK",
        b"",
        b"quit now",
    ];
    const PARTS: [&[u8]; 25] = [
        b" ",
        b"  ",
        b"\t",
        b"\r",
        b"\0",
        b"\x1b[2J",
        b"bob@x",
        b"@",
        b"/",
        b"/-",
        b"/lap top",
        b"#",
        b"admin",
        b"short",
        b"long-enough",
        b"\xc3\x28",
        b"\xf0\x9f\x98",
        "\u{2028}".as_bytes(),
        "\u{202e}".as_bytes(),
        "ünï".as_bytes(),
        b"%s%n",
        b"-1",
        b"\xff",
        b"\xff\xfa",
        b"\xff\xfd",
    ];
    let mut line = dice.pick(&VERBS).to_vec();
    if dice.roll(4) > 0 {
        line.push(b' ');
    }
    for _ in 0..dice.roll(6) {
        line.extend(dice.pick(&PARTS));
    }
    if dice.roll(10) == 0 {
        // Any bytes but LF.
        line.extend((0..dice.roll(40)).map(|_| u8::try_from(dice.roll(245) + 11).expect("a byte")));
    }
    if dice.roll(30) == 0 {
        line.extend(b"x".repeat(dice.roll(9000)));
    }
    line
}

#[test]
fn any_wrong_line_gets_one_answer_and_the_connection_lives_on() {
    const LINES: usize = 3000;
    let mut talk = Talk::with(Server::start());
    talk.play("ann:\nbob:");
    let mut dice = Dice(7);
    let (mut said, mut codes) = (0, std::collections::BTreeSet::new());
    for _ in 0..LINES {
        let mut line = bad_line(&mut dice);
        let shown = line.escape_ascii().to_string();
        line.extend(b"\nPING fence\n");
        let bob = talk.peer("bob");
        bob.send(&line);
        let mut answers = 0;
        loop {
            let answer = bob.line().unwrap_or_else(|| panic!("the connection ended after {shown}"));
            if answer == "OK PING fence" {
                break;
            }
            let mut words = answer.split(' ');
            match (words.next(), words.next(), words.next()) {
                (Some("ERR"), Some(verb), Some(code)) => {
                    assert!(CODES.contains(&code), "{shown}: {answer}");
                    assert!(verb == "-" || verb.bytes().all(|b| b.is_ascii_uppercase()), "{shown}: {answer}");
                    codes.insert(code.to_owned());
                    answers += 1;
                }
                (Some("OK"), Some(verb), _) => {
                    said += usize::from(verb == "MSG");
                    answers += 1;
                }
                (Some("WHO" | "MEMBER" | "HELP"), _, _) => {}
                _ => panic!("{shown}: {answer}"),
            }
        }
        // A telnet command leaves nothing behind.
        let blank = shown.replace("\\r", "").replace("\\t", "").trim().is_empty() || shown.contains("\\xff");
        assert!(answers == 1 || (answers == 0 && blank), "{answers} answers to {shown}");
    }
    for code in ["unknown-command", "usage", "admin-only", "bad-mail", "bad-text", "too-long", "bad-password"]
    {
        assert!(codes.contains(code), "the lines are not bad enough for {code}: {codes:?}");
    }
    // Only what was acknowledged has reached anybody.
    for n in 1..=said {
        talk.peer("ann").expect(&format!("MSG {n} <time> bob@x …"));
    }
    talk.play("ann=");
}

#[test]
fn byte_255_swallows_no_end_of_a_line() {
    check(
        r"
        ann:
        bob:
        bob>> MSG lou\xff\nMSG second\n
        bob< ERR MSG bad-text …
        bob< OK MSG 1 <time>
        ann< MSG 1 <time> bob@x second
        bob>> MSG a\xff\xfa\nMSG b\xff\xfd\nMSG third\n
        bob< ERR MSG bad-text …
        bob< ERR MSG bad-text …
        bob< OK MSG 2 <time>
        ann< MSG 2 <time> bob@x third
        bob=
        ann=",
    );
}

#[test]
fn urgent_data_is_read_like_any_other() {
    let server = Server::start();
    let mut stream = TcpStream::connect(server.addr()).expect("the server listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("an option");
    let mut answers = BufReader::new(stream.try_clone().expect("a descriptor")).lines();
    let mut line = || answers.next().expect("the connection lives").expect("an answer");
    assert!(line().starts_with("HELLO "));
    // All of it is there when the server reads: a read ends before the urgent byte, which is the last of its call.
    server.signal(Signal::STOP);
    SockRef::from(&stream).send_out_of_band(b"PING one\nP").expect("sent");
    stream.write_all(b"ING two\n").expect("sent");
    server.signal(Signal::CONT);
    assert_eq!([line(), line()], ["OK PING one", "OK PING two"]);
    SockRef::from(&stream).send_out_of_band(b"PING three\n").expect("sent");
    assert_eq!(line(), "OK PING three");
}

#[test]
fn any_wrong_line_before_login_too() {
    let server = Server::start();
    let mut dice = Dice(11);
    let mut ended = 0;
    for _ in 0..300 {
        let mut anonymous = Peer::connect(server.addr());
        anonymous.expect("HELLO …");
        for _ in 0..5 {
            let mut line = bad_line(&mut dice);
            line.extend(b"\nPING fence\n");
            anonymous.send(&line);
        }
        anonymous.half_close();
        let mut last = String::new();
        let mut fences = 0;
        while let Some(line) = anonymous.line() {
            fences += usize::from(line == "OK PING fence");
            last = line;
        }
        // Too long a line ends a connection before its login, and three wrong passwords would.
        assert!(
            fences == 5 || last.starts_with("BYE protocol") || last.starts_with("BYE bad-login"),
            "{last}"
        );
        ended += usize::from(fences < 5);
    }
    assert!(ended < 100, "most bad lines end nothing: {ended}");
}

#[test]
fn nothing_typed_adds_a_line_to_the_members_file() {
    let mut talk = Talk::with(Server::start());
    talk.play("ann:\nbob:");
    let before = talk.server.members_text();
    let mut added = Vec::new();
    let blanks = ["\r", "\x0b", "\x0c", "\t", "\u{85}", "\u{a0}", "\u{2028}", "\u{2029}", "\u{3000}", "\0"];
    let mut lines = vec![
        "ADD #zoe@x zoe-secret".to_owned(),
        "ADD # zoe@x zoe-secret".to_owned(),
        "ADD zoe@x zoe-secret admin".to_owned(),
        "ADD zoe@x/admin zoe-secret".to_owned(),
        "ADD zoe@x #zoe-secret".to_owned(),
        "ADD kim@x $argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$AAAA".to_owned(),
        "ADD \"zoe@x kim@x\" zoe-secret".to_owned(),
        "RESET bob@x bob-secret admin".to_owned(),
        "ADD zoe%0a@x zoe-secret".to_owned(),
        "ADD zoe\\nmal@x zoe-secret".to_owned(),
    ];
    for blank in blanks {
        lines.push(format!("ADD zoe@x{blank}mal@x zoe-secret"));
        lines.push(format!("ADD zoe@x zoe{blank}mal@x-secret"));
        lines.push(format!("ADD zoe@x zoe-secret{blank}mal@x mal-secret admin"));
        lines.push(format!("ADD {blank}zoe@x zoe-secret"));
        lines.push(format!("RESET bob@x bob-secret{blank}mal@x"));
        lines.push(format!("REMOVE bob@x{blank}mal@x"));
        lines.push(format!("PASSWD ann-secret ann-secret{blank}mal@x"));
    }
    for line in &lines {
        let ann = talk.peer("ann");
        ann.say(line);
        let mut answer = ann.line().expect("an answer");
        while answer.starts_with("ADDED ") {
            answer = ann.line().expect("an answer");
        }
        if let Some(mail) = answer.strip_prefix("OK ADD ") {
            added.push(mail.to_owned());
        } else {
            assert!(answer.starts_with("ERR "), "{}: {answer}", line.escape_debug());
        }
    }
    let after = talk.server.members_text();
    let rest = after.strip_prefix(&before).expect("nothing that was there has changed");
    let new: Vec<&str> = rest.lines().collect();
    assert_eq!(new.len(), added.len(), "{rest}");
    for (line, mail) in new.iter().zip(&added) {
        let hash = line.strip_prefix(&format!("{mail} $argon2id$v=19$m=19456,t=2,p=1$")).expect(line);
        assert!(hash.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/$".contains(&b)), "{line}");
    }
    assert!(!after.contains("mal@x") || added.iter().any(|mail| mail.contains("mal@x")), "{after}");
}

#[test]
fn words_in_chat_are_never_commands() {
    let words = [
        "QUIT",
        "/quit",
        "LEAVE",
        "REMOVE ann@x",
        "OK MSG 7 2026-01-02T03:04:05.678Z",
        "BYE removed you are no longer a member of this group",
        "MSG 9 2026-01-02T03:04:05.678Z ann@x I am ann",
        "PASSWD bob-secret other-secret",
        "LOGIN ann@x ann-secret",
        "ERR MSG bad-text",
        "# a comment",
        "$argon2id$v=19$m=8,t=1,p=1$x$x",
    ];
    let steps = (1..)
        .zip(words)
        .map(|(n, text)| {
            format!("bob> MSG {text}\nbob< OK MSG {n} <time>\nann< MSG {n} <time> bob@x {}\n", masked(text))
        })
        .collect::<Vec<_>>()
        .concat();
    check(&format!("ann:\nbob:\n{steps}bob=\nann=\nbob> /quit\nbob< ERR - unknown-command …\nbob=\nann="));
}

fn masked(text: &str) -> String {
    text.replace("2026-01-02T03:04:05.678Z", "<time>")
}
