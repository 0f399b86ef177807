//! What a broker sends: whatever the bytes are and however they are split, the events are those of a model that has
//! them all at once, and what a client says comes back as it was said.

use bytes::BytesMut;
use chat_room::limits::{NATS_LINE_MAX, NATS_MESSAGE_MAX};
use chat_room::server::log::cluster::nats::{Event, Malformed, Parser, Sid, Subject, command};
use fastrand::Rng;

use crate::engine::{Seen, Target, fuzz};

#[derive(Clone, Debug, Hash, PartialEq, Eq)]
enum Out {
    Info(Vec<u8>),
    Message { words: Vec<Vec<u8>>, headers: Vec<u8>, payload: Vec<u8> },
    Ping,
    Pong,
    Error,
    Malformed(Malformed),
}

/// What has to come out, from the documentation of the protocol.
fn model(mut input: &[u8]) -> Vec<Out> {
    let mut out = Vec::new();
    loop {
        let Some(end) = input.iter().position(|&b| b == b'\n') else {
            out.extend((input.len() > NATS_LINE_MAX).then_some(Out::Malformed(Malformed::LineTooLong)));
            return out;
        };
        if end > NATS_LINE_MAX {
            out.push(Out::Malformed(Malformed::LineTooLong));
            return out;
        }
        let line = input[..end].strip_suffix(b"\r").unwrap_or(&input[..end]);
        input = &input[end + 1..];
        let words: Vec<Vec<u8>> = line
            .split(|&b| b == b' ' || b == b'\t')
            .filter(|word| !word.is_empty())
            .map(<[u8]>::to_vec)
            .collect();
        let begins_blank = line.first().is_none_or(|&b| b == b' ' || b == b'\t');
        let verb = if begins_blank { Vec::new() } else { words[0].to_ascii_uppercase() };
        let rest = line[verb.len()..].trim_ascii();
        match &verb[..] {
            b"INFO" => out.push(Out::Info(rest.to_vec())),
            b"-ERR" => out.push(Out::Error),
            b"PING" | b"PONG" | b"+OK" if !rest.is_empty() => {
                out.push(Out::Malformed(Malformed::Arguments));
                return out;
            }
            b"PING" => out.push(Out::Ping),
            b"PONG" => out.push(Out::Pong),
            b"+OK" => {}
            b"MSG" | b"HMSG" => match message(&verb, &line[verb.len()..], input) {
                Ok(Some((message, taken))) => {
                    out.push(message);
                    input = &input[taken..];
                }
                Ok(None) => return out,
                Err(why) => {
                    out.push(Out::Malformed(why));
                    return out;
                }
            },
            _ => {
                out.push(Out::Malformed(Malformed::Verb));
                return out;
            }
        }
    }
}

/// The message, and how many bytes it has after its line.
fn message(verb: &[u8], rest: &[u8], input: &[u8]) -> Result<Option<(Out, usize)>, Malformed> {
    let words: Vec<Vec<u8>> = rest
        .split(|&b| b == b' ' || b == b'\t')
        .filter(|word| !word.is_empty())
        .map(<[u8]>::to_vec)
        .collect();
    let sizes = if verb == b"MSG" { 1 } else { 2 };
    let number = |word: &[u8]| {
        let digits = word.iter().all(u8::is_ascii_digit);
        str::from_utf8(word).ok().filter(|_| digits)?.parse::<u64>().ok()
    };
    let Some(names) = words.len().checked_sub(sizes).filter(|names| [2, 3].contains(names)) else {
        return Err(Malformed::Arguments);
    };
    let numbers: Option<Vec<u64>> = words[names..].iter().map(|word| number(word)).collect();
    let one_word = |word: &Vec<u8>| !word.contains(&b'\r');
    let reply_fine = words[2..names].iter().all(one_word);
    let Some(numbers) = numbers.filter(|_| reply_fine) else { return Err(Malformed::Arguments) };
    let (headers, total) = if sizes == 1 { (0, numbers[0]) } else { (numbers[0], numbers[1]) };
    if total > NATS_MESSAGE_MAX as u64 {
        return Err(Malformed::MessageTooLong);
    }
    if headers > total || !one_word(&words[0]) || number(&words[1]).is_none() {
        return Err(Malformed::Arguments);
    }
    let size = |size| usize::try_from(size).expect("at most the longest message");
    let (headers, total) = (size(headers), size(total));
    if input.len() < total + 2 {
        return Ok(None);
    }
    if &input[total..total + 2] != b"\r\n" {
        return Err(Malformed::Unended);
    }
    let (headers, payload) = input[..total].split_at(headers);
    let mut words: Vec<Vec<u8>> = words[..names].to_vec();
    words[1] = number(&words[1]).expect("just seen").to_string().into_bytes();
    Ok(Some((Out::Message { words, headers: headers.to_vec(), payload: payload.to_vec() }, total + 2)))
}

fn actual<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Vec<Out> {
    let (mut parser, mut out) = (Parser::default(), Vec::new());
    for piece in pieces {
        parser.feed(piece);
        loop {
            match parser.poll() {
                Ok(Some(event)) => out.push(shown(event)),
                Ok(None) => break,
                Err(why) => {
                    out.push(Out::Malformed(why));
                    return out;
                }
            }
        }
    }
    out
}

fn shown(event: Event) -> Out {
    match event {
        Event::Info(json) => Out::Info(json.to_vec()),
        Event::Message(message) => {
            // They are read from any block of headers.
            let _ = (message.status(), message.sequence(), message.stamp(), message.pending());
            let sid = message.sid.0.to_string().into_bytes();
            let mut words = vec![message.subject.as_bytes().to_vec(), sid];
            words.extend(message.reply.map(|reply| reply.as_bytes().to_vec()));
            Out::Message { words, headers: message.headers.to_vec(), payload: message.payload.to_vec() }
        }
        Event::Ping => Out::Ping,
        Event::Pong => Out::Pong,
        Event::Error(text) => {
            assert!(!text.contains(char::is_control));
            Out::Error
        }
    }
}

fn check(input: &[u8], seen: &mut Seen) {
    let expected = model(input);
    for out in expected.iter().take(8) {
        seen.mark(std::mem::discriminant(out));
        if let Out::Malformed(why) = out {
            seen.mark(why);
        }
    }
    seen.mark(expected.len().min(20));
    assert_eq!(actual([input].into_iter()), expected, "all at once");
    assert_eq!(actual(input.chunks(1)), expected, "byte by byte");
    let mut rng = Rng::with_seed(input.len() as u64);
    let mut at = 0;
    let pieces = std::iter::from_fn(|| {
        let begin = at;
        at = input.len().min(at + rng.usize(1..40));
        (begin < input.len()).then(|| &input[begin..at])
    });
    assert_eq!(actual(pieces), expected, "in pieces");
    comes_back(input);
}

/// A message that is published arrives as it is: PUB with a sid in its line is MSG.
fn comes_back(input: &[u8]) {
    let Some(subject) = Subject::new(input.split(|b| *b == b'\n').next().unwrap_or_default().to_vec()) else {
        return;
    };
    let mut out = BytesMut::new();
    command::publish(&mut out, &subject, None, input);
    let rest = out
        .strip_prefix(b"PUB ")
        .and_then(|rest| rest.strip_prefix(subject.as_bytes()))
        .expect("it begins so");
    let wire = [b"MSG ", subject.as_bytes(), b" 9", rest].concat();
    let words = vec![subject.as_bytes().to_vec(), b"9".to_vec()];
    assert_eq!(
        actual([&wire[..]].into_iter()),
        [Out::Message { words, headers: Vec::new(), payload: input.to_vec() }]
    );
    command::subscribe(&mut out, &subject, Sid(1));
    assert!(out.ends_with(&[b"SUB ", subject.as_bytes(), b" 1\r\n"].concat()));
}

#[test]
fn fuzz_nats() {
    let seeds = [
        "INFO {\"server_name\":\"n1\",\"version\":\"2.15.0\",\"headers\":true} \r\nPING\r\nPONG\r\n+OK\r\n",
        "MSG live.b 1 5\r\nhello\r\nMSG _INBOX.x.1 2 _INBOX.y 0\r\n\r\nPING\r\n",
        "HMSG live.b 1 12 17\r\nNATS/1.0\r\n\r\nhello\r\n-ERR 'Stale Connection'\r\n",
        "HMSG i 1 r 52 53\r\nNATS/1.0 204 EOB\r\nNats-Num-Pending: 7\r\nNats-X: 123\r\n\r\nx\r\n",
        "HMSG i 1 81 81\r\nNATS/1.0\r\nNats-Sequence: 12\r\nNats-Time-Stamp: 2026-11-28T21:00:00.123456789Z\r\n\r\n\r\n",
    ];
    let words = &[
        "INFO ",
        "MSG ",
        "HMSG ",
        "PING",
        "PONG",
        "+OK",
        "-ERR ",
        "\r\n",
        "\r",
        "\n",
        "\t",
        " ",
        "a",
        "1",
        "NATS/1.0",
        "\r\n\r\n",
        "Nats-Sequence: ",
        "Nats-Time-Stamp: ",
        "Nats-Num-Pending: ",
        "503",
        "1048576",
        "1048577",
        "65536",
    ];
    let seeds = seeds.map(|seed| seed.as_bytes().to_vec()).to_vec();
    fuzz(&Target { name: "nats", seeds, words, runs: 10_000, len_max: 4096 }, check);
}
