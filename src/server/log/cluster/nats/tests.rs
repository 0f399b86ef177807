//! What a broker sends, whole and byte by byte, and what is told of it; what a client says.

use bytes::BytesMut;

use super::command::{self, Secret};
use super::{Event, Message, Parser, Sid, Subject};
use crate::limits::{NATS_LINE_MAX, NATS_MESSAGE_MAX};

fn told(event: &Event) -> String {
    match event {
        Event::Info(json) => format!("INFO<{}>", json.escape_ascii()),
        Event::Message(message) => told_message(message),
        Event::Ping => "PING".to_owned(),
        Event::Pong => "PONG".to_owned(),
        Event::Error(text) => format!("ERROR<{text}>"),
    }
}

fn told_message(message: &Message) -> String {
    let mut text = format!("{} {}", message.subject, message.sid.0);
    let mut tell = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            text = [&text, " ", name, "=", &value].concat();
        }
    };
    tell("reply", message.reply.as_ref().map(ToString::to_string));
    tell("status", message.status().map(|status| status.to_string()));
    tell("seq", message.sequence().map(|seq| seq.to_string()));
    tell("stamp", message.stamp().map(str::to_owned));
    tell("pending", message.pending().map(|pending| pending.to_string()));
    tell("x", message.header("X").map(str::to_owned));
    format!("{text} <{}>", message.payload.escape_ascii())
}

/// All events, and at the end why there will be no more.
fn events(pieces: impl Iterator<Item = impl AsRef<[u8]>>) -> String {
    let (mut parser, mut all) = (Parser::default(), Vec::new());
    for piece in pieces {
        parser.feed(piece.as_ref());
        loop {
            match parser.poll() {
                Ok(Some(event)) => all.push(told(&event)),
                Ok(None) => break,
                Err(why) => {
                    all.push(format!("!{why:?}"));
                    assert_eq!(parser.poll(), Err(why), "there is no way back");
                    return all.join(", ");
                }
            }
        }
    }
    all.join(", ")
}

#[track_caller]
fn check(wire: &[u8], expected: &str) {
    assert_eq!(events([wire].into_iter()), expected);
    assert_eq!(events(wire.chunks(1)), expected, "byte by byte");
}

#[test]
fn control_lines() {
    check(b"INFO {\"a\": 1} \r\nPING\r\nPONG\r\n", r#"INFO<{\"a\": 1}>, PING, PONG"#);
    check(b"ping\r\nPong\n+ok\r\n+OK\r\ninfo\t{}\r\n", "PING, PONG, INFO<{}>");
    check(b"-ERR 'Stale Connection'\r\n-ERR\r\n-err a'b\r\n", "ERROR<Stale Connection>, ERROR<>, ERROR<a'b>");
    check(b"-ERR '\x1b[2Jx\xff\xc2\x9b'\r\n", "ERROR<?[2Jx\u{fffd}?>");
    check(b"PIN", "");
    for (wrong, why) in [
        ("\r\n", "Verb"),
        (" PING\r\n", "Verb"),
        ("HELLO\r\n", "Verb"),
        ("PUB a 1\r\n", "Verb"),
        ("HTTP/1.1 400 Bad Request\r\n", "Verb"),
        ("PING x\r\n", "Arguments"),
        ("+OK 1\r\n", "Arguments"),
    ] {
        check(format!("PONG\r\n{wrong}PING\r\n").as_bytes(), &format!("PONG, !{why}"));
    }
}

#[test]
fn messages() {
    check(b"MSG a.b 7 5\r\nhello\r\nMSG a 8 0\r\n\r\nPING\r\n", "a.b 7 <hello>, a 8 <>, PING");
    check(b"msg  a\t7  _INBOX.x \t2\r\n\r\n\r\nPING\r\n", r"a 7 reply=_INBOX.x <\r\n>, PING");
    check(b"MSG \x0c 1 1\r\nx\r\n", r"\x0c 1 <x>");
    check(b"MSG \xff 1 1\r\nx\r\n", r"\xff 1 <x>");
    check(b"MSG a 7 5\r\nhel", "");
    check(b"MSG a 7 5\r\nhello", "");
    check(b"MSG a 7 5\r\nhello\n\n", "!Unended");
    check(b"MSG a 7 5\r\nhello!\r\n", "!Unended");
    for wrong in [
        "MSG",
        "MSG a 7",
        "MSG a 7 x 5 6",
        "MSG a 7 x 5 6 7 8",
        "MSG a x 5",
        "MSG a 7 +5",
        "MSG a 7 -1",
        "MSG a 18446744073709551616 5",
        "MSG a\r 7 5",
        "MSG a 7 18446744073709551616",
        "HMSG a 7 5",
        "HMSG a 7 6 5",
        "HMSG a 7 x y 6 5 4",
    ] {
        check(format!("{wrong}\r\n").as_bytes(), "!Arguments");
    }
}

#[test]
fn headers() {
    let message = |headers: &str, payload: &str| {
        let (headers, payload) = (headers.replace('\n', "\r\n"), payload.as_bytes());
        let line = format!("HMSG live.b 1 {} {}\r\n", headers.len(), headers.len() + payload.len());
        [line.as_bytes(), headers.as_bytes(), payload, b"\r\n"].concat()
    };
    check(
        &message(
            "NATS/1.0\nNats-Stream: ROOM\nNats-Sequence: 42\nNats-Time-Stamp: 2026-11-28T21:00:00.123999999Z\n\n",
            "v1 a 1 1",
        ),
        "live.b 1 seq=42 stamp=2026-11-28T21:00:00.123999999Z <v1 a 1 1>",
    );
    check(&message("NATS/1.0\nNats-Sequence: +1\nNats-Num-Pending: \n\n", ""), "live.b 1 <>");
    check(
        &message("NATS/1.0 204 EOB\nNats-Num-Pending: 7\nNats-Last-Sequence: 9\n\n", ""),
        "live.b 1 status=204 pending=7 <>",
    );
    check(&message("NATS/1.0 503\n\n", ""), "live.b 1 status=503 <>");
    check(&message("NATS/1.0 404 Message Not Found\n\n", ""), "live.b 1 status=404 <>");
    for no_status in [
        "NATS/1.0 50\n\n",
        "NATS/1.0 5000\n\n",
        "NATS/1.0 -50\n\n",
        "NATS/1.05 503\n\n",
        "HTTP/1.1 503\n\n",
        "",
        "\n",
    ] {
        check(&message(no_status, "x"), "live.b 1 <x>");
    }
    check(&message("NATS/1.0\nX:1 \nX: 2\n\n", ""), "live.b 1 x=1 <>");
    check(&message("NATS/1.0\nx: 1\nXX: 2\n X: 3\nX : 4\n\n", ""), "live.b 1 <>");
    check(b"HMSG a 1 r 17 18\r\nNATS/1.0\r\nX:\xff\r\n\r\n!\r\n", "a 1 reply=r <!>");
}

#[test]
fn nothing_is_too_long() {
    let line = |length: usize| format!("INFO {}\r\n", "x".repeat(length - 6));
    let fits = line(NATS_LINE_MAX);
    assert!(events([&fits].into_iter()).starts_with("INFO<xxx"));
    assert_eq!(events([line(NATS_LINE_MAX + 1)].into_iter()), "!LineTooLong");
    // Also without an end.
    assert_eq!(events(["x".repeat(NATS_LINE_MAX)].into_iter()), "");
    assert_eq!(events(["x".repeat(NATS_LINE_MAX + 1)].into_iter()), "!LineTooLong");
    let message = |length: usize| format!("MSG a 1 {length}\r\n{}\r\n", "x".repeat(length.min(2 << 20)));
    assert!(events([message(NATS_MESSAGE_MAX)].into_iter()).starts_with("a 1 <xxx"));
    assert_eq!(events([message(NATS_MESSAGE_MAX + 1)].into_iter()), "!MessageTooLong");
    // Told before anything of it is kept.
    check(b"HMSG a 1 99999999999 99999999999\r\n", "!MessageTooLong");
}

/// A payload shares the bytes that were fed; a message is not copied again.
#[test]
fn messages_share_their_buffer() {
    let mut parser = Parser::default();
    parser.feed(b"MSG a 1 2\r\nhi\r\nMSG b 1 2\r\nho\r\n");
    let mut next = || match parser.poll() {
        Ok(Some(Event::Message(message))) => message,
        other => panic!("{other:?}"),
    };
    let (first, second) = (next(), next());
    let distance = second.payload.as_ptr() as usize - first.payload.as_ptr() as usize;
    assert_eq!(distance, "hi\r\nMSG b 1 2\r\n".len());
}

#[track_caller]
fn check_command(write: impl FnOnce(&mut BytesMut), expected: &str) {
    let mut out = BytesMut::new();
    write(&mut out);
    assert_eq!(out.escape_ascii().to_string(), expected);
}

#[test]
fn commands() {
    let subject = |text: &'static str| Subject::word(text);
    check_command(command::ping, r"PING\r\n");
    check_command(command::pong, r"PONG\r\n");
    check_command(|out| command::subscribe(out, &subject("live.>"), Sid(1)), r"SUB live.> 1\r\n");
    check_command(|out| command::unsubscribe(out, Sid(7)), r"UNSUB 7\r\n");
    check_command(
        |out| command::publish(out, &subject("room.b"), None, b"x\r\ny"),
        r"PUB room.b 4\r\nx\r\ny\r\n",
    );
    check_command(
        |out| command::publish(out, &subject("a"), Some(&subject("_INBOX.1")), b""),
        r"PUB a _INBOX.1 0\r\n\r\n",
    );
    check_command(
        |out| command::publish_with(out, &subject("a"), Some(&subject("r")), &[("X", "1")], b"text"),
        r"HPUB a r 18 22\r\nNATS/1.0\r\nX: 1\r\n\r\ntext\r\n",
    );
    check_command(
        |out| command::publish_with(out, &subject("a"), None, &[("X", "1\r\nY: 2")], b""),
        r"HPUB a 24 24\r\nNATS/1.0\r\nX: 1  Y: 2\r\n\r\n\r\n",
    );
}

#[test]
fn connect_is_json_whatever_the_password() {
    for (secret, expected) in [
        (Secret::None, &[][..]),
        (Secret::User("node", "a\"b\\c\r\nd\u{1}é"), &[("user", "node"), ("pass", "a\"b\\c\r\nd\u{1}é")]),
        (Secret::Token("x'y"), &[("auth_token", "x'y")]),
    ] {
        let mut out = BytesMut::new();
        command::connect(&mut out, "chat-room n1", secret);
        let text = str::from_utf8(&out).expect("it is text");
        let json =
            text.strip_prefix("CONNECT ").and_then(|rest| rest.strip_suffix("\r\n")).expect("one line");
        assert!(!json.contains(['\r', '\n']), "{json}");
        let json: serde_json::Value = serde_json::from_str(json).expect("JSON");
        assert_eq!((&json["headers"], &json["no_responders"]), (&true.into(), &true.into()));
        assert_eq!(json["name"], "chat-room n1");
        let told = ["user", "pass", "auth_token"].map(|name| (name, json[name].as_str()));
        let told: Vec<_> = told.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        assert_eq!(told, expected);
        assert!(!format!("{secret:?}").contains(['"', 'x']), "a secret is not shown");
    }
}

#[test]
fn a_subject_is_one_word() {
    for no_word in ["", " ", "a b", "a\r", "a\nb", "\ta"] {
        assert_eq!(Subject::new(no_word), None, "{no_word:?}");
    }
    let subject = Subject::word("where.n1");
    assert_eq!((subject.after("where."), subject.after("here.")), (Some(&b"n1"[..]), None));
    assert_eq!(Subject::word(&b"a\xff"[..]).to_string(), r"a\xff");
}
