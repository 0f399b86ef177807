//! Lines of people and lines of the transcript: what is understood can be written down and is understood again as
//! the same; what is refused is refused in one clean line.

use chat_room::limits::{LINE_OVERHEAD, PASSWORD_MAX, PASSWORD_MIN};
use chat_room::protocol::{
    Command, Device, Event, EventLine, Mail, Password, Proof, Request, Seq, Span, Subscription, Text, Time,
    Token, Verb, verb_echo,
};

use crate::engine::{Seen, Target, fuzz};

/// The line as it should be typed, with this in the place of its secrets if there are any.
fn canonical(verb: Verb, request: &Request<'_>, secret: Option<&str>) -> String {
    let hide = |text: &str| secret.unwrap_or(text).to_owned();
    let password = |password: &Password| hide(password.expose());
    let token = |token: &Token| hide(token.expose());
    let who = |mail: &Mail, subscription: &Subscription| match subscription {
        Subscription::Feed(Device::Default) => mail.to_string(),
        Subscription::Feed(Device::Named(name)) => format!("{mail}/{name}"),
        Subscription::Feedless => format!("{mail}/-"),
    };
    let after = |after: &Option<Mail>| after.as_ref().map_or(String::new(), |mail| format!(" {mail}"));
    let rest = match request {
        Request::Login { mail, subscription, proof: Proof::Password(secret) } => {
            format!(" {} {}", who(mail, subscription), password(secret))
        }
        Request::Login { mail, subscription, proof: Proof::Token(secret) } => {
            format!(" {} {}", who(mail, subscription), token(secret))
        }
        Request::Msg(text) | Request::Ping(Some(text)) | Request::Find { before: None, text } => {
            format!(" {}", text.as_str())
        }
        Request::Who { after: mail } | Request::Members { after: mail } => after(mail),
        Request::Info { seq, after: mail } => format!(" {seq}{}", after(mail)),
        Request::History(Span::Last(n)) => format!(" {n}"),
        Request::History(Span::Since(seq, n)) => format!(" SINCE {seq} {n}"),
        Request::Find { before: Some(seq), text } => format!(" BEFORE {seq} {}", text.as_str()),
        Request::Passwd { old, new } => format!(" {} {}", password(old), password(new)),
        Request::Add { mail, password: secret } | Request::Reset { mail, password: secret } => {
            format!(" {mail} {}", password(secret))
        }
        Request::Join { mail, word, password: secret } => {
            format!(" {mail} {} {}", hide(word.expose()), password(secret))
        }
        Request::Invite(mail) | Request::Remove(mail) | Request::Promote(mail) | Request::Demote(mail) => {
            format!(" {mail}")
        }
        Request::Help(Some(about)) => format!(" {about}"),
        Request::Announce(Some(mode)) => format!(" {mode}"),
        Request::Name(Some(text)) | Request::Title(Some(text)) => format!(" {}", text.as_str()),
        Request::Token
        | Request::Name(None)
        | Request::Title(None)
        | Request::Announce(None)
        | Request::Skip
        | Request::Leave
        | Request::Stats
        | Request::Ping(None)
        | Request::Help(None)
        | Request::Quit => String::new(),
    };
    format!("{verb}{rest}")
}

/// Nothing that acts on a terminal. Not asked of the type: it is what is tried.
fn assert_harmless(text: &str) {
    let acts = |c: char| {
        c.is_control() && c != '\t'
            || ('\u{2028}'..='\u{202e}').contains(&c)
            || ('\u{2066}'..='\u{2069}').contains(&c)
    };
    assert!(!text.contains(acts), "{text:?}");
}

fn understood(line: &[u8], request: &Request<'_>, seen: &mut Seen) {
    let verb = Command::of(line).verb.expect("it is understood");
    seen.mark(verb.to_string());
    let written = canonical(verb, request, None);
    assert_harmless(&written);
    assert_eq!(Request::parse(written.as_bytes()).as_ref(), Ok(request), "{written:?}");

    // A verb is a verb in upper and lower case, and after blanks.
    let end = line.iter().take_while(|b| **b == b' ').count() + verb.to_string().len();
    for flip in [<[u8]>::make_ascii_lowercase, <[u8]>::make_ascii_uppercase] {
        let mut other = [b"  ", line].concat();
        flip(&mut other[..end + 2]);
        assert_eq!(Request::parse(&other).as_ref(), Ok(request));
    }

    let mail = match request {
        Request::Login { mail, proof: Proof::Password(password), .. }
        | Request::Add { mail, password }
        | Request::Reset { mail, password } => {
            assert!((PASSWORD_MIN..=PASSWORD_MAX).contains(&password.expose().len()));
            assert!(!password.expose().contains(char::is_whitespace));
            Some(mail)
        }
        Request::Login { mail, .. } | Request::Remove(mail) => Some(mail),
        Request::Who { after } | Request::Members { after } | Request::Info { after, .. } => after.as_ref(),
        Request::Msg(text) | Request::Ping(Some(text)) => {
            assert!(line.ends_with(text.as_str().as_bytes()), "verbatim");
            // What can be said can be kept.
            let time = Time::from_unix_ms(1_767_323_045_678);
            let mail = Mail::parse(b"ann@x").expect("a mail");
            let event = EventLine { seq: Seq(7), time, event: Event::Msg { mail, text: *text } };
            let mut line = Vec::new();
            event.write(&mut line);
            assert_eq!(EventLine::parse(line.strip_suffix(b"\n").expect("its end")).as_ref(), Some(&event));
            None
        }
        Request::History(Span::Last(n) | Span::Since(_, n)) => {
            assert!(*n <= 1000);
            None
        }
        _ => None,
    };
    if let Some(mail) = mail {
        seen.mark("with a mail");
        let text = mail.as_str();
        assert!(text.len() <= 254 && text.bytes().all(|b| b.is_ascii_graphic() && !b.is_ascii_uppercase()));
        assert!(text.matches('@').count() == 1 && !text.contains('/') && !text.starts_with('#'), "{text}");
    }

    // Secrets are in no log: what is shown of a request does not depend on them.
    let other = canonical(verb, request, Some("other-secret_0"));
    let other = Request::parse(other.as_bytes()).expect("with another secret");
    assert_eq!(format!("{request:?}"), format!("{other:?}"));
}

fn line(line: &[u8], seen: &mut Seen) {
    seen.mark(("HTTP", Command::of(line).is_http()));
    if !Command::of(line).is_blank() {
        match Request::parse(line) {
            Ok(request) => understood(line, &request, seen),
            Err(refusal) => {
                seen.mark((refusal.code.to_string(), Command::of(line).verb.map(|verb| verb.to_string())));
                assert_eq!(refusal.verb, verb_echo(line), "what ERR repeats does not depend on why");
                let answer = refusal.line();
                let text = answer.strip_suffix(b"\n").expect("a line ends");
                assert!(text.iter().all(|b| (b' '..=b'~').contains(b)) && answer.len() <= LINE_OVERHEAD);
                assert!(text.starts_with(format!("ERR {} {} ", refusal.verb, refusal.code).as_bytes()));
            }
        }
    }
    if let Some(event) = EventLine::parse(line) {
        seen.mark(("event", std::mem::discriminant(&event.event)));
        let mut written = Vec::new();
        event.write(&mut written);
        assert_eq!(written, [line, b"\n"].concat(), "no event but as it is written");
        assert_harmless(std::str::from_utf8(line).expect("an event is text"));
        assert!(event.seq > Seq(0));
    }
    if let Ok(text) = Text::parse(line) {
        assert_harmless(text.as_str());
    }
}

fn check(input: &[u8], seen: &mut Seen) {
    // Lines have no LF, and no CR at their end.
    for piece in input.split(|&b| b == b'\n') {
        line(piece.strip_suffix(b"\r").unwrap_or(piece), seen);
    }
}

#[test]
fn fuzz_requests() {
    let seeds = [
        "MSG  two  blanks ",
        "ping \tünï 漢字",
        "LOGIN Ann@X/laptop geheim-1",
        "LOGIN ann@x/- geheim-1",
        "RESUME ann@x a-b_0",
        "PASSWD geheim-1 geheim-2",
        "ADD bob@example.org geheim-1",
        "RESET bob@example.org geheim-1",
        "REMOVE  bob@example.org ",
        "MEMBERS bob@example.org",
        "TITLE The  Choir",
        "ANNOUNCE On ",
        "INFO 12 bob@x",
        "HISTORY SINCE 7 3",
        "HISTORY 20",
        "FIND  before 7  two blanks ",
        "FIND before",
        "HELP msg",
        "SKIP\r\nTOKEN\nWHO\nSTATS\nLEAVE\nQUIT",
        "GET / HTTP/1.1",
        "MSG 1 2026-01-02T03:04:05.678Z ann@example.org  verbatim ",
        "ADDED 20 2026-01-02T03:04:05.678Z - bob@example.org",
        "REMOVED 300 2026-01-02T03:04:05.678Z ann@x bob@example.org",
        "DEMOTED 301 2026-01-02T03:04:05.678Z ann@x bob@example.org",
    ];
    let words = &[
        "LOGIN ",
        "RESUME ",
        "TOKEN",
        "MSG ",
        "WHO ",
        "MEMBERS ",
        "HISTORY ",
        "FIND ",
        "BEFORE ",
        "INFO ",
        "SKIP",
        "PASSWD ",
        "LEAVE",
        "ADD ",
        "REMOVE ",
        "RESET ",
        "STATS",
        "PING ",
        "HELP ",
        "QUIT",
        "SINCE ",
        "ann@x",
        "/-",
        "/laptop",
        "@",
        " ",
        "geheim-1",
        "ADDED ",
        "REMOVED ",
        "PROMOTED ",
        "NAMED ",
        "TITLE ",
        "TITLED ",
        "ANNOUNCE ",
        "2026-01-02T03:04:05.678Z",
        "\u{2028}",
        "\u{202e}",
        "\u{2066}",
        "\u{85}",
        "\u{a0}",
        "#",
        "\t",
        "HTTP/1.1",
    ];
    let seeds = seeds.map(|seed| seed.as_bytes().to_vec()).to_vec();
    fuzz(&Target { name: "requests", seeds, words, runs: 10_000, len_max: 2048 }, check);
}
