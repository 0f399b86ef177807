//! What browsers send: a request's head and WebSocket's frames mean the same however their bytes are split.

use chat_room::limits::WEB_HEAD_MAX;
use chat_room::server::net::web::answer::{Site, Then, answer, refuse};
use chat_room::server::net::web::frames::Reader;
use chat_room::server::net::web::request::{Head, Malformed, Request};

use crate::engine::{Seen, Target, fuzz};

/// Sizes of pieces beside all at once.
const PIECES: [usize; 4] = [1, 2, 5, 64];

fn requests(input: &[u8], piece: usize) -> Vec<Result<Request, Malformed>> {
    let (mut head, mut found) = (Head::default(), Vec::new());
    for part in input.chunks(piece) {
        head.feed(part);
        while let Some(request) = head.next_request() {
            found.push(request);
            if found.last().is_some_and(Result::is_err) {
                return found;
            }
        }
    }
    found
}

#[test]
fn fuzz_heads() {
    let target = Target {
        name: "heads",
        seeds: vec![
            b"GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip;q=0.5, br\r\nIf-None-Match: \"x\", W/\"y\"\r\n\r\n".to_vec(),
            b"GET /chat HTTP/1.1\r\nHost: a:1\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: http://a:1\r\n\r\n".to_vec(),
            b"HEAD http://a/x?y#z HTTP/1.0\nConnection: close\n\nGET /none HTTP/1.1\r\nHost: b\r\nContent-Length: 0\r\n\r\n".to_vec(),
        ],
        words: &["GET ", "HEAD ", " HTTP/1.1\r\n", " HTTP/1.0\r\n", "Host: a\r\n", "\r\n\r\n", "Transfer-Encoding: chunked\r\n", "Content-Length: ", "Origin: null\r\n", "Connection: ", "close", "/chat", "://"],
        runs: 20_000,
        len_max: WEB_HEAD_MAX + 100,
    };
    fuzz(&target, |input, seen| {
        let found = requests(input, input.len().max(1));
        for piece in PIECES {
            assert_eq!(requests(input, piece), found, "in pieces of {piece}");
        }
        for request in &found {
            let answer = match request {
                Ok(request) => answer(request, &Site::default(), "now", true),
                Err(why) => refuse(*why, "now"),
            };
            let text = std::str::from_utf8(&answer.head).expect("ASCII");
            // Nothing of a request gets into the answer's own lines.
            let (lines, _) = text.split_once("\r\n\r\n").expect("an empty line");
            assert!(lines.split("\r\n").skip(1).all(|line| line.contains(": ")), "{lines}");
            assert!(answer.then != Then::Frames || lines.starts_with("HTTP/1.1 101 "));
            seen.mark((&answer.head[..13], answer.then == Then::End));
            if let Ok(Request { method, accepts_gzip, upgrade, has, .. }) = request {
                let told = [
                    upgrade.in_connection,
                    upgrade.to_websocket,
                    upgrade.of_version_13,
                    upgrade.key.is_some(),
                ];
                seen.mark((
                    format!("{method:?}"),
                    accepts_gzip,
                    has.is_some(),
                    told,
                    upgrade.origin.is_some(),
                ));
            }
        }
        seen.mark(found.len().min(4));
    });
}

/// Text, pongs and the code of the end.
fn decoded(input: &[u8], piece: usize) -> (Vec<u8>, Vec<u8>, Option<u16>) {
    let mut reader = Reader::default();
    let (mut text, mut pongs) = (Vec::new(), Vec::new());
    for part in input.chunks(piece) {
        let mut buf = vec![0; part.len() + 1];
        buf[1..].copy_from_slice(part);
        let decoded = reader.decode(&mut buf, part.len());
        text.extend_from_slice(&buf[..decoded.text]);
        pongs.extend_from_slice(&decoded.pongs);
        if let Some(code) = decoded.end {
            return (text, pongs, Some(code.0));
        }
    }
    (text, pongs, None)
}

/// The same by the book: RFC 6455, with all bytes at once.
fn model(mut input: &[u8]) -> (Vec<u8>, Vec<u8>, Option<u16>) {
    let (mut text, mut pongs, mut in_message) = (Vec::new(), Vec::new(), false);
    let mut message = Vec::new();
    loop {
        let &[first, second, ..] = input else {
            let is_wrong = input.first().is_some_and(|first| first & 0x70 != 0);
            return (text, pongs, is_wrong.then_some(1002));
        };
        let (is_last, opcode, short) = (first & 0x80 != 0, first & 0x0F, second & 0x7F);
        let is_control = opcode >= 8;
        if first & 0x70 != 0 || second & 0x80 == 0 {
            return (text, pongs, Some(1002));
        }
        match opcode {
            0 if in_message => {}
            1 if !in_message => {}
            2 if !in_message => return (text, pongs, Some(1003)),
            8..=10 if is_last && short <= 125 => {}
            _ => return (text, pongs, Some(1002)),
        }
        let long = match short {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        if input.len() < 2 + long + 4 {
            return (text, pongs, None);
        }
        let number = input[2..2 + long].iter().fold(0u64, |sum, byte| sum << 8 | u64::from(*byte));
        let len = if long == 0 { u64::from(short) } else { number };
        if (long == 2 && len < 126) || (long == 8 && (len <= 0xFFFF || len >> 63 != 0)) {
            return (text, pongs, Some(1002));
        }
        if len > 1 << 20 {
            return (text, pongs, Some(1009));
        }
        let mask = &input[2 + long..2 + long + 4];
        let rest = &input[2 + long + 4..];
        let have = rest.len().min(usize::try_from(len).expect("20 bits"));
        let payload: Vec<u8> =
            rest[..have].iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
        let is_whole = have as u64 == len;
        if is_control {
            match (is_whole, opcode, &payload[..]) {
                (false, ..) => return (text, pongs, None),
                (_, 8, []) => return (text, pongs, Some(1000)),
                (_, 8, [_]) => return (text, pongs, Some(1002)),
                (_, 8, [high, low, reason @ ..]) => {
                    let code = u16::from_be_bytes([*high, *low]);
                    let is_code = (1000..5000).contains(&code)
                        && ![1004, 1005, 1006].contains(&code)
                        && !(1015..3000).contains(&code);
                    let code = if !is_code {
                        1002
                    } else if std::str::from_utf8(reason).is_err() {
                        1007
                    } else {
                        code
                    };
                    return (text, pongs, Some(code));
                }
                (_, 9, payload) => {
                    pongs.extend([0x8A, u8::try_from(payload.len()).expect("short")]);
                    pongs.extend_from_slice(payload);
                }
                _ => {}
            }
        } else {
            in_message = true;
            message.extend_from_slice(&payload);
            let is_wrong = |len: &usize| {
                std::str::from_utf8(&message[..*len]).is_err_and(|error| error.error_len().is_some())
            };
            if let Err(error) = std::str::from_utf8(&message)
                && let Some(wrong) = (error.valid_up_to() + 1..=message.len()).find(is_wrong)
            {
                text.extend_from_slice(&payload[..payload.len() - (message.len() - wrong) - 1]);
                return (text, pongs, Some(1007));
            }
            text.extend_from_slice(&payload);
            if is_whole && is_last && std::str::from_utf8(&message).is_err() {
                return (text, pongs, Some(1007));
            }
            if !is_whole {
                return (text, pongs, None);
            }
            if is_last {
                in_message = false;
                if !message.is_empty() && !message.ends_with(b"\n") {
                    text.push(b'\n');
                }
                message.clear();
            }
        }
        input = &rest[have..];
    }
}

#[test]
fn fuzz_frames() {
    let target = Target {
        name: "frames",
        seeds: vec![
            b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58".to_vec(),
            b"\x01\x82\0\0\0\0MS\x89\x83\0\0\0\0now\x80\x83\0\0\0\0G x\x8a\x80\0\0\0\0\x88\x86\0\0\0\0\x03\xe9away".to_vec(),
            [&b"\x81\xfe\0\x80\0\0\0\0"[..], &[b'x'; 128], b"\x88\x80\0\0\0\0"].concat(),
            b"\x82\x80\0\0\0\0\x01\xff\0\0\0\0\0\x01\0\0\x01\x02\x03\x04abc".to_vec(),
        ],
        words: &["\0\0\0\0", "\n", "\u{1}", "\u{9}", "PING\n"],
        runs: 30_000,
        len_max: 2048,
    };
    fuzz(&target, |input, seen: &mut Seen| {
        let expected = model(input);
        for piece in PIECES.into_iter().chain([input.len().max(1)]) {
            let found = decoded(input, piece);
            assert!(found == expected, "in pieces of {piece}: {found:?}");
        }
        seen.mark((expected.0.len().min(4), expected.1.len().min(4), expected.2.map(|code| code.min(1010))));
    });
}
