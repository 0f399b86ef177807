//! The outbox by itself, in words.

use crate::limits::BLOCK_CACHE_MAX;
use crate::protocol::{Event, Mail, Seq, Text};
use crate::room::feed::outbox::*;
use crate::room::ids::BlockNo;
use crate::room::transcript::window::tests::append;
use crate::room::{Block, ConnId, LogRefusal, Tail};

/// A transcript, a log, and one connection, driven by words: `say TEXT` (another's), `own TEXT` and `set TEXT` (answered beside its event) are proposed, `commit`
/// and `refuse` answer all that was; `elsewhere TEXT` was said on another node and is committed at once; `reply WORD`, `live`,
/// `end`, `cut`, `break` (`cut`, and later own messages are not answered), `forget` (what was proposed gets no answer), `gone` (a removed member that was leaving), `take N`, `take` (all there is).
/// Returns what was received, numbers and texts only.
fn check(script: &str, expected: &str) {
    for max in [1, 7, 1 << 16] {
        assert_eq!(play(script, max), expected, "in pieces of {max}: {script}");
    }
}

fn play(script: &str, max: usize) -> String {
    let mut transcript = Transcript::new(1 << 16);
    let mut outbox = Outbox::default();
    let mut received = Vec::new();
    let mut scratch = Vec::new();
    let mut proposed: Vec<(&str, &str)> = Vec::new();
    for word in script.split(", ") {
        let (verb, rest) = word.split_once(' ').unwrap_or((word, ""));
        match verb {
            "say" | "own" | "set" => {
                proposed.push((verb, rest));
                if verb != "say" {
                    outbox.propose();
                }
            }
            "commit" => {
                for (verb, text) in proposed.drain(..) {
                    let mail = Mail::parse(b"a@x").expect("a mail");
                    let text = Text::parse(text.as_bytes()).expect("a text");
                    let placed = append(&mut transcript, Event::Msg { mail, text });
                    match verb {
                        "own" => outbox.committed(&transcript, placed),
                        "set" => outbox.set(
                            &transcript,
                            Some(placed),
                            format!("set {}\n", text.as_str()).into_bytes(),
                        ),
                        _ => {}
                    }
                }
            }
            "refuse" => {
                for (verb, _) in proposed.drain(..) {
                    if verb != "say" {
                        outbox.refused(&transcript, Verb::Msg, LogRefusal::Storage);
                    }
                }
            }
            "reply" => outbox.reply(&transcript, format!("{rest}\n").into_bytes()),
            "live" => outbox.go_live(&transcript, transcript.end()),
            "end" => outbox.leave_at_end(&transcript),
            "cut" => outbox.leave_at_line_end(&transcript),
            "break" => outbox.break_off(&transcript),
            "gone" => outbox.leave_without_later_events(&transcript),
            "forget" => outbox.replies.forget_tickets(transcript.end()),
            "elsewhere" => {
                let (mail, text) = (Mail::parse(b"a@x").expect("a mail"), Text::parse(rest.as_bytes()));
                append(&mut transcript, Event::Msg { mail, text: text.expect("a text") });
            }
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
                        Chunk::Missing(_) => unreachable!("nothing leaves this window"),
                    };
                    outbox.advance(&transcript, n);
                    left -= n;
                }
            }
            _ => unreachable!("{verb}"),
        }
        outbox.check(&transcript);
    }
    let text = String::from_utf8(received).expect("text");
    text.replace(" 1970-01-01T00:00:00.000Z", "").replace(" a@x", "").replace('\n', "|")
}

#[test]
fn order() {
    check("reply hello, take, say 1, commit, take", "hello|");
    check("live, say x, take, commit, take", "MSG 1 x|");
    check("live, say a, own b, say c, commit, take", "MSG 1 a|OK MSG 2|MSG 3 c|");
    check("live, reply p, say a, reply q, commit, reply r, take", "p|q|MSG 1 a|r|");
    check("live, own a, reply p, take, commit, take", "OK MSG 1|p|");
    check("live, say x, own a, reply p, say b, commit, reply q, take", "MSG 1 x|OK MSG 2|p|MSG 3 b|q|");
}

#[test]
fn without_a_feed() {
    check("own a, say b, own c, reply p, take, commit, take", "OK MSG 1|OK MSG 3|p|");
}

#[test]
fn leaving() {
    check("live, say a, commit, say b, end, commit, take", "MSG 1 a|FIN|");
    check("live, say a, own b, say c, end, commit, take", "MSG 1 a|OK MSG 2|FIN|");
    check("own b, say c, end, take, commit, take", "OK MSG 1|FIN|");
    check("live, say aaaa, say b, commit, take 3, cut, reply bye, take", "MSG 1 aaaa|bye|FIN|");
    check("live, say a, commit, cut, reply bye, take", "bye|FIN|");
    check(
        "live, say a, own b, commit, own c, cut, reply bye, take, commit, take",
        "OK MSG 2|OK MSG 3|bye|FIN|",
    );
    check("live, say a, reply p, commit, take 40, say b, commit, cut, take", "p|MSG 1 a|FIN|");
    let refused = "ERR MSG storage the message could not be stored, nobody saw it|FIN|";
    check("live, own a, end, elsewhere b, elsewhere c, refuse, take", &format!("MSG 1 b|MSG 2 c|{refused}"));
    check("live, own a, end, elsewhere b, gone, elsewhere c, refuse, take", &format!("MSG 1 b|{refused}"));
    check("live, own a, end, elsewhere b, gone, elsewhere c, commit, take", "MSG 1 b|OK MSG 3|FIN|");
    check("live, elsewhere a, end, elsewhere b, gone, take", "MSG 1 a|FIN|");
    check("live, own a, reply p, elsewhere bbb, take 3, forget, cut, reply bye, take", "MSG 1 bbb|bye|FIN|");
    check("live, own a, reply p, elsewhere bbb, forget, cut, reply bye, take", "bye|FIN|");
}

/// The number in an answer would say that all events before it were sent, too.
#[test]
fn leaving_with_no_number_after_one_that_is_left_out() {
    check("live, say a, own b, commit, own c, break, reply bye, commit, take", "bye|FIN|");
    check(
        "live, own a, own b, say c, own d, reply p, commit, break, reply bye, take",
        "OK MSG 1|OK MSG 2|bye|FIN|",
    );
    check(
        "live, say aaaa, own b, say c, own d, commit, take 3, break, reply bye, take",
        "MSG 1 aaaa|bye|FIN|",
    );
    check("live, reply p, say a, own b, reply q, commit, break, reply bye, take", "p|bye|FIN|");
    check("live, say a, own b, commit, end, break, take", "FIN|");
    check("live, own a, end, elsewhere b, break, commit, take", "FIN|");
    check("live, say a, own b, commit, cut, reply bye, break, take", "OK MSG 2|bye|FIN|");
    check(
        "own a, say b, own c, commit, own d, break, reply bye, commit, take",
        "OK MSG 1|OK MSG 3|OK MSG 4|bye|FIN|",
    );
}

#[test]
fn an_event_that_its_author_gets_too() {
    check("live, say x, set a, say b, reply p, commit, take", "MSG 1 x|set a|p|MSG 2 a|MSG 3 b|");
    check("set a, say b, commit, take", "set a|");
    check("live, set a, end, say b, commit, take", "set a|MSG 1 a|FIN|");
    check("live, set a, end, elsewhere b, gone, elsewhere c, commit, take", "MSG 1 b|set a|FIN|");
}

#[test]
fn a_refusal() {
    let lost = "ERR MSG storage the message could not be stored, nobody saw it|";
    check("live, say a, commit, own b, reply p, say c, refuse, take", &format!("MSG 1 a|{lost}p|"));
    check("live, own b, refuse, own c, commit, take", &format!("{lost}OK MSG 1|"));
    check("live, own b, end, refuse, say c, commit, take", &format!("{lost}FIN|"));
}

fn block(transcript: &mut Transcript, number: u64, bytes: &[u8]) {
    let number = BlockNo(number);
    let (start, bytes) = (number.start(), bytes::Bytes::copy_from_slice(bytes));
    transcript.blocks.want(number, ConnId { slot: 0, serial: 0 });
    assert!(transcript.blocks.ask().eq([number]));
    transcript.blocks.answered(number, Some(Block { start, bytes, first_line: Seq(1), mid_line: false }));
}

/// A connection has read `read` bytes of 40 lines, from a block, when the file before line 20 is dropped. What it gets
/// then, by number; nothing if it cannot go on. `is_here`: the block still is.
fn after_a_drop(read: usize, is_here: bool, max: usize) -> Option<Vec<u64>> {
    let tail = Tail { base: Pos(0), bytes: Vec::new(), last: Seq(0) };
    let mut transcript = Transcript::restore(300, Seq(1), Pos(0), tail);
    let mut outbox = Outbox::default();
    outbox.go_live(&transcript, Pos(0));
    let (mut all, mut line_20) = (Vec::new(), Pos(0));
    for n in 1..=40 {
        let mail = Mail::parse(b"a@x").expect("a mail");
        let text = "x".repeat(1 + n % 7);
        let text = Text::parse(text.as_bytes()).expect("a text");
        let placed = append(&mut transcript, Event::Msg { mail, text });
        if placed.seq == Seq(20) {
            line_20 = placed.start;
        }
        let mut at = placed.start;
        while at < placed.end {
            let piece = transcript.window_slice(at, placed.end);
            all.extend_from_slice(piece);
            at = at.plus(piece.len());
        }
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
    assert_eq!(outbox.chunk(&transcript, &mut scratch, max), Chunk::Missing(Missing::Forgotten));
    if !outbox.leap(&transcript) {
        return None;
    }
    if !is_here {
        block(&mut transcript, 0, &all);
    }
    while take(&mut outbox, &transcript, &mut received, max) {}
    let sent = outbox.acks.sent;
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
