//! The outbox by itself, in words.

use crate::limits::BLOCK_CACHE_MAX;
use crate::protocol::{Event, Mail, Seq, Text, Time};
use crate::room::feed::outbox::*;
use crate::room::{Block, ConnId, Tail};

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

fn block(transcript: &mut Transcript, number: u64, bytes: &[u8]) {
    let number = BlockNo(number);
    let (start, bytes) = (number.start(), bytes::Bytes::copy_from_slice(bytes));
    transcript.want(number, ConnId { slot: 0, serial: 0 });
    assert_eq!(transcript.ask_blocks(), [number]);
    transcript.block_answered(number, Some(Block { start, bytes, first_line: Seq(1), mid_line: false }));
}

/// A connection has read `read` bytes of 40 lines, from a block, when the file before line 20 is dropped. What it gets
/// then, by number; nothing if it cannot go on. `is_here`: the block still is.
fn after_a_drop(read: usize, is_here: bool, max: usize) -> Option<Vec<u64>> {
    let tail = Tail { base: Pos(0), bytes: Vec::new(), last: Seq(0), last_time: Time::default() };
    let mut transcript = Transcript::restore(300, Seq(1), Pos(0), tail);
    let mut outbox = Outbox::new();
    outbox.go_live(&transcript, Pos(0));
    let (mut all, mut line_20) = (Vec::new(), Pos(0));
    for n in 1..=40 {
        let mail = Mail::parse(b"a@x").expect("a mail");
        let text = "x".repeat(1 + n % 7);
        let text = Text::parse(text.as_bytes()).expect("a text");
        let placed = transcript.append(Time::from_unix_ms(0), Event::Msg { mail, text });
        if placed.seq == Seq(20) {
            line_20 = placed.start;
        }
        let mut at = placed.start;
        while at < placed.end {
            let piece = transcript.window_slice(at, placed.end);
            all.extend_from_slice(piece);
            at = at.plus(piece.len());
        }
        transcript.set_durable(placed.end);
    }
    block(&mut transcript, 0, &all);
    let (mut received, mut scratch) = (Vec::new(), Vec::new());
    let take = |outbox: &mut Outbox, transcript: &Transcript, received: &mut Vec<u8>, max: usize| {
        let n = match outbox.chunk(transcript, &mut Vec::new(), max) {
            Chunk::Bytes(bytes) => {
                received.extend_from_slice(bytes);
                bytes.len()
            }
            Chunk::Nothing => return false,
            other => panic!("{other:?}"),
        };
        outbox.advance(transcript, n);
        true
    };
    while received.len() < read {
        let left = max.min(read - received.len());
        assert!(take(&mut outbox, &transcript, &mut received, left));
    }
    if !is_here {
        for number in 1..=BLOCK_CACHE_MAX as u64 {
            block(&mut transcript, number, b"");
        }
    }
    transcript.set_past(Seq(20), line_20);
    assert_eq!(outbox.chunk(&transcript, &mut scratch, max), Chunk::Lagged);
    if !outbox.leap(&transcript) {
        return None;
    }
    if !is_here {
        block(&mut transcript, 0, &all);
    }
    while take(&mut outbox, &transcript, &mut received, max) {}
    let sent = outbox.bytes_sent();
    assert_eq!((sent, outbox.acknowledged(&transcript, sent)), (received.len() as u64, Some(Seq(40))));
    assert!(received.ends_with(b"\n"));
    let lines = received[..received.len() - 1].split(|&byte| byte == b'\n');
    Some(lines.map(|line| crate::protocol::EventLine::parse(line).expect("whole lines").seq.0).collect())
}

#[test]
fn what_was_not_read_is_dropped() {
    let line = |n: usize| "MSG 1 1970-01-01T00:00:00.000Z a@x \n".len() + 1 + n % 7;
    let third = line(1) + line(2);
    for max in [1, 7, 1 << 16] {
        for (read, kept) in
            [(0, 0), (third, 2), (third + 1, 3), (third + line(3) - 1, 3), (third + line(3), 3)]
        {
            let expected: Vec<u64> = (1..=kept).chain(20..=40).collect();
            assert_eq!(after_a_drop(read, true, max), Some(expected.clone()), "{read}, in pieces of {max}");
            let between = [0, third, third + line(3)].contains(&read);
            let without = between.then_some(expected);
            assert_eq!(after_a_drop(read, false, max), without, "{read}, the line is gone, {max}");
        }
    }
}
