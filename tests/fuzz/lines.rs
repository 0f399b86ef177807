//! Bytes to lines: whatever the bytes are and however they are split, the lines are those of a model that has them
//! all at once.

use chat_room::protocol::framing::{Line, Lines};
use fastrand::Rng;

use crate::engine::{Seen, Target, fuzz};

#[derive(Clone, Debug, Hash, PartialEq, Eq)]
enum Out {
    Whole(Vec<u8>),
    TooLong(Vec<u8>),
    TimingMark,
    TlsHello,
}

/// The smallest `--max-line` is far above; what of a line that is too long is shown has to fit.
const HEAD: usize = 64;

/// What has to come out, from RFC 854 and PROTOCOL.md: a line at a time, for nothing reaches beyond its LF.
fn model(input: &[u8], line_max: usize) -> Vec<Out> {
    let pieces: Vec<&[u8]> = input.split(|&b| b == b'\n').collect();
    let mut out = Vec::new();
    for (index, piece) in pieces.iter().enumerate() {
        let (line, marks) = without_telnet(piece);
        let is_hello = index == 0 && line.starts_with(&[0x16, 0x03]);
        let known = if is_hello { 2 } else { line_max };
        let (before, behind): (Vec<usize>, Vec<usize>) = marks.iter().partition(|&&at| at < known);
        out.extend(before.iter().map(|_| Out::TimingMark));
        if is_hello {
            out.push(Out::TlsHello);
            return out;
        }
        let is_last = index == pieces.len() - 1;
        if line.len() + 1 > line_max {
            out.push(Out::TooLong(line[..HEAD].to_vec()));
        } else if !is_last || !line.is_empty() {
            out.push(Out::Whole(line.strip_suffix(b"\r").unwrap_or(&line).to_vec()));
        }
        out.extend(behind.iter().map(|_| Out::TimingMark));
    }
    out
}

/// The text of a line, and after how many bytes of it a timing mark was requested.
fn without_telnet(line: &[u8]) -> (Vec<u8>, Vec<usize>) {
    let (mut out, mut marks, mut at) = (Vec::new(), Vec::new(), 0);
    while let Some(&byte) = line.get(at) {
        let skipped = match line.get(at + 1) {
            _ if byte != 255 => None,
            Some(236..=249) => Some(2),
            Some(251..=254) => Some(3),
            Some(250) => Some(subnegotiation(&line[at..]).unwrap_or(usize::MAX)),
            Some(255) => {
                at += 1;
                None
            }
            _ => None,
        };
        match skipped {
            Some(skipped) if skipped <= line.len() - at => {
                if line[at..].starts_with(&[255, 253, 6]) {
                    marks.push(out.len());
                }
                at += skipped;
            }
            Some(_) => {
                // Cut off by the end of the line.
                out.push(255);
                break;
            }
            None => {
                out.push(byte);
                at += 1;
            }
        }
    }
    (out, marks)
}

/// The length of IAC SB … IAC SE, in which IAC and any other byte are two of its content.
fn subnegotiation(bytes: &[u8]) -> Option<usize> {
    let mut at = 2;
    loop {
        match (bytes.get(at)?, bytes.get(at + 1)) {
            (255, Some(240)) => return Some(at + 2),
            (255, _) => at += 2,
            _ => at += 1,
        }
    }
}

/// How it is read.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    AtOnce,
    ByteByByte,
    AnyHow,
}

fn run(input: &[u8], line_max: usize, way: Way, rng: &mut Rng) -> Vec<Out> {
    let mut lines = Lines::new(line_max);
    let mut out = Vec::new();
    let mut rest = input;
    while !rest.is_empty() {
        let len = match way {
            Way::AtOnce => rest.len(),
            Way::ByteByByte => 1,
            Way::AnyHow => {
                let most = 1 << rng.u32(0..10);
                rng.usize(1..=rest.len().min(most))
            }
        };
        lines.feed(&rest[..len]);
        rest = &rest[len..];
        // A connection is not asked for lines while it waits for a thread.
        if way != Way::AnyHow || rng.u32(0..3) > 0 {
            drain(&mut lines, line_max, &mut out);
        }
    }
    drain(&mut lines, line_max, &mut out);
    lines.finish();
    drain(&mut lines, line_max, &mut out);
    assert!(lines.is_empty(), "{} bytes are left", lines.len());
    out
}

fn drain(lines: &mut Lines, line_max: usize, out: &mut Vec<Out>) {
    while let Some(line) = lines.peek() {
        let found = match line {
            Line::Whole(line) => Out::Whole(line.to_vec()),
            Line::TooLong(head) => Out::TooLong(head.to_vec()),
            Line::Cut(_) => unreachable!("no line here is so long"),
            Line::TimingMark => Out::TimingMark,
            Line::TlsHello => {
                // The intake looks no further.
                lines.clear();
                out.push(Out::TlsHello);
                return;
            }
        };
        lines.consume();
        out.push(found);
    }
    assert!(lines.len() < line_max, "what is no line yet is shorter than one");
    assert_eq!(lines.peek(), None, "asked twice");
}

fn check(input: &[u8], seen: &mut Seen) {
    let [size, chance, input @ ..] = input else { return };
    let line_max = HEAD + usize::from(*size);
    let mut rng = Rng::with_seed(u64::from(*chance));
    let expected = model(input, line_max);
    for way in [Way::AtOnce, Way::ByteByByte, Way::AnyHow] {
        let found = run(input, line_max, way, &mut rng);
        // Behind a TLS hello nothing is taken from the stream; the model knows of no packets.
        let hello = found.iter().position(|line| *line == Out::TlsHello);
        let found = hello.map_or(&found[..], |at| &found[..=at]);
        assert_eq!(found, expected);
    }
    for line in &expected {
        match line {
            Out::Whole(line) => {
                seen.mark(("whole", line.len().min(3), line.contains(&255), line.contains(&13)));
            }
            Out::TooLong(head) => seen.mark(("too long", head.contains(&255))),
            Out::TimingMark => seen.mark("timing mark"),
            Out::TlsHello => seen.mark("hello"),
        }
    }
    for pair in input.windows(3).filter(|pair| pair[0] == 255) {
        seen.mark((pair[1].min(235), pair[2] == 255, pair[2] == b'\n', pair[2] == 240));
    }
    seen.mark((expected.len().min(20), input.ends_with(b"\n")));
}

#[test]
fn fuzz_lines() {
    let long = "x".repeat(63);
    let seeds = [
        "\0\0a\nb\r\nc\rd\n\n\r\ne".as_bytes(),
        &[b"\0\x01", long.as_bytes(), b"\nok\n", long.as_bytes(), b"\r\nok\r\n", long.as_bytes(), b"yz"].concat(),
        b"\x10\x02\xff\xfb\x18PI\xff\xfd\x01NG\n\xff\xfa\x18\x00xterm\xff\xff\xff\xf0PING\n\xff\xf1ok\xff\xffno\n",
        b"\0\x03\x16\x03\x01\x02\x00\x01\xfc\x03",
        b"\0\x04\xff\xf4\xff\xfd\x06PI\xff\xfd\x06\xff\xfd\x06NG\n\xff\xfd\x06\xff\xec\xff\xef\n",
        b"\0\x05\x16\xff\xfd\x06\x03\xff\xfd\x06",
    ];
    let seeds = seeds.map(<[u8]>::to_vec).to_vec();
    let words = &["\r\n", "\n", "\u{16}\u{3}", "\r", "xxxxxxxxxxxxxxxx", "PING\n", "\u{6}"];
    fuzz(&Target { name: "lines", seeds, words, runs: 5_000, len_max: 2048 }, check);
}
