//! The outbox by itself, in words.

use super::*;
use crate::protocol::{Event, Mail, Text, Time};

/// A transcript and one connection to it, driven by words: `say TEXT` (another's), `own TEXT`,
/// `durable`, `fail`, `reply WORD`, `live`, `end`, `cut`, `take N`, `take` (all there is).
/// Returns what was received, numbers and texts only.
fn check(script: &str, expected: &str) {
    for max in [1, 7, 1 << 16] {
        assert_eq!(play(script, max), expected, "in pieces of {max}: {script}");
    }
}

fn play(script: &str, max: usize) -> String {
    let mut transcript = Transcript::new(1 << 16);
    let mut outbox = Outbox::new();
    let mut received = Vec::new();
    let mut scratch = Vec::new();
    for word in script.split(", ") {
        let (verb, rest) = word.split_once(' ').unwrap_or((word, ""));
        match verb {
            "say" | "own" => {
                let mail = Mail::parse(b"a@x").expect("a mail");
                let text = Text::parse(rest.as_bytes()).expect("a text");
                let placed = transcript.append(Time::from_unix_ms(0), Event::Msg { mail, text });
                if verb == "own" {
                    outbox.own_msg(placed);
                }
            }
            "durable" => transcript.set_durable(transcript.end()),
            "fail" => {
                transcript.cut_back();
                outbox.cut_back(transcript.durable());
            }
            "reply" => outbox.reply(&transcript, format!("{rest}\n").into_bytes()),
            "live" => outbox.go_live(&transcript, transcript.durable()),
            "end" => outbox.leave_at_end(&transcript),
            "cut" => outbox.leave_at_line_end(&transcript),
            "take" => {
                let mut left = rest.parse().unwrap_or(usize::MAX);
                while left > 0 {
                    let n = match outbox.chunk(&transcript, &mut scratch, max) {
                        Chunk::Bytes(bytes) => {
                            let n = bytes.len().min(left);
                            received.extend_from_slice(&bytes[..n]);
                            n
                        }
                        Chunk::Nothing => break,
                        Chunk::Finished => {
                            received.extend_from_slice(b"FIN\n");
                            break;
                        }
                        Chunk::Lagged | Chunk::Blocked(_) => unreachable!("nothing leaves this window"),
                    };
                    outbox.advance(&transcript, n);
                    left -= n;
                }
            }
            _ => unreachable!("{verb}"),
        }
    }
    let text = String::from_utf8(received).expect("text");
    text.replace(" 1970-01-01T00:00:00.000Z", "").replace(" a@x", "").replace('\n', "|")
}

#[test]
fn order() {
    check("reply hello, take, say 1, durable, take", "hello|");
    check("live, say x, take, durable, take", "MSG 1 x|");
    check("live, say a, own b, say c, durable, take", "MSG 1 a|OK MSG 2|MSG 3 c|");
    check("live, reply p, say a, reply q, durable, reply r, take", "p|q|MSG 1 a|r|");
    check("live, own a, reply p, take, durable, take", "OK MSG 1|p|");
    check("live, say x, own a, reply p, say b, durable, reply q, take", "MSG 1 x|OK MSG 2|p|MSG 3 b|q|");
}

#[test]
fn without_a_feed() {
    check("own a, say b, own c, reply p, take, durable, take", "OK MSG 1|OK MSG 3|p|");
}

#[test]
fn leaving() {
    check("live, say a, durable, say b, end, durable, take", "MSG 1 a|FIN|");
    check("live, say a, own b, say c, end, durable, take", "MSG 1 a|OK MSG 2|FIN|");
    check("own b, say c, end, take, durable, take", "OK MSG 1|FIN|");
    check("live, say aaaa, say b, durable, take 3, cut, reply bye, take", "MSG 1 aaaa|bye|FIN|");
    check("live, say a, durable, cut, reply bye, take", "bye|FIN|");
    check(
        "live, say a, own b, durable, own c, cut, reply bye, take, durable, take",
        "OK MSG 2|OK MSG 3|bye|FIN|",
    );
    check("live, say a, reply p, durable, take 40, say b, durable, cut, take", "p|MSG 1 a|FIN|");
}

#[test]
fn a_failed_append() {
    let lost = "ERR MSG storage the message could not be stored, nobody saw it|";
    check("live, say a, durable, own b, reply p, say c, fail, take", &format!("MSG 1 a|{lost}p|"));
    check("live, own b, fail, own c, durable, take", &format!("{lost}OK MSG 1|"));
    check("live, own b, end, fail, say c, durable, take", &format!("{lost}FIN|"));
}
