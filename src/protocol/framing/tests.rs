//! Bytes and the lines that come out, written as words.

use crate::protocol::framing::*;
use proptest::prelude::*;

/// The lines that come out when `input` arrives cut at `cuts`, the stream's end included.
fn run(input: &[u8], cuts: &[usize]) -> Vec<String> {
    let mut lines = Lines::new(LINE_MAX);
    let mut out = Vec::new();
    let mut drain = |lines: &mut Lines| {
        while let Some(line) = lines.peek() {
            let hello = line == Line::TlsHello;
            out.push(match line {
                Line::Cut(head) => format!("CUT {}", String::from_utf8_lossy(&head[..4])),
                Line::TimingMark => "MARK".to_owned(),
                Line::Whole(line) => String::from_utf8_lossy(line).into_owned(),
                Line::TooLong(head) => format!("TOO LONG {}", String::from_utf8_lossy(&head[..4])),
                Line::TlsHello => "TLS".to_owned(),
            });
            if hello {
                lines.clear();
                break;
            }
            lines.consume();
        }
    };
    let mut from = 0;
    for &cut in cuts {
        let cut = cut.clamp(from, input.len());
        lines.feed(&input[from..cut]);
        drain(&mut lines);
        from = cut;
    }
    lines.feed(&input[from..]);
    drain(&mut lines);
    lines.finish();
    drain(&mut lines);
    assert!(lines.is_empty());
    out
}

const LINE_MAX: usize = 80;

fn check(input: &[u8], expected: &[&str]) {
    assert_eq!(run(input, &[]), expected, "whole");
    let every: Vec<usize> = (1..input.len()).collect();
    assert_eq!(run(input, &every), expected, "byte by byte");
}

#[test]
fn ends() {
    check(b"a\nb\r\nc\rd\n\n\r\ne", &["a", "b", "c\rd", "", "", "e"]);
    check(b"", &[]);
    check(b"\n", &[""]);
    check(b"last\r", &["last"]);
}

#[test]
fn length() {
    let fits = "x".repeat(LINE_MAX - 1);
    check(format!("{fits}\nok\n").as_bytes(), &[&fits, "ok"]);
    check(format!("{fits}x\nok\n").as_bytes(), &["TOO LONG xxxx", "ok"]);
    check(format!("{fits}\r\nok\n").as_bytes(), &["TOO LONG xxxx", "ok"]);
    check(format!("{fits}xyz").as_bytes(), &["TOO LONG xxxx"]);
    check(
        format!("{}\n{}\nok", fits.repeat(9), fits.repeat(9)).as_bytes(),
        &["TOO LONG xxxx", "TOO LONG xxxx", "ok"],
    );
}

#[test]
fn telnet() {
    check(b"\xff\xfb\x18PI\xff\xfd\x01NG\n", &["PING"]);
    check(b"\xff\xfa\x18\x00xterm\xff\xff\xff\xf0PING\n", &["PING"]);
    check(b"\xff\xf1ok\xff\xffno\n", &["ok\u{fffd}no"]);
    // EOF, SUSP, ABORT, EOR.
    check(b"\xff\xec\xff\xedPI\xff\xeeNG\xff\xef\n", &["PING"]);
}

#[test]
fn a_timing_mark_comes_after_the_complete_lines() {
    const DO: &[u8] = b"\xff\xfd\x06";
    let check_bytes = check;
    let check = |input: &str, expected: &[&str]| {
        let bytes: Vec<&[u8]> = input.split('!').map(str::as_bytes).collect();
        check_bytes(&bytes.join(DO), expected);
    };
    check("!", &["MARK"]);
    check("a\n!b\n", &["a", "MARK", "b"]);
    check("a\nb!b\n!", &["a", "MARK", "bb", "MARK"]);
    check("!!a!a\n!", &["MARK", "MARK", "MARK", "aa", "MARK"]);
    check("\n!\n\n!!b", &["", "MARK", "", "", "MARK", "MARK", "b"]);
    // A line that is too long counts as complete before its end.
    let long = "x".repeat(LINE_MAX);
    check(&format!("x!{long}!!\n!b!\n"), &["MARK", "TOO LONG xxxx", "MARK", "MARK", "MARK", "MARK", "b"]);
    check(&format!("{long}!x\n"), &["TOO LONG xxxx", "MARK"]);
    check(&format!("{}!\n", &long[1..]), &["MARK", &long[1..]]);
    // Others only look like a request for a mark.
    check_bytes(b"\xff\xfb\x06\xff\xfc\x06\xff\xfe\x06\xff\xfd\x01PING\n", &["PING"]);
    check_bytes(b"\xff\xfa\x18\xff\xfd\x06\xff\xf0\n", &[""]);
    check_bytes(b"\xff\xff\xfd\x06\n", &["\u{fffd}\u{fffd}\u{6}"]);
}

#[test]
fn a_flood_of_timing_marks_takes_little_memory() {
    let mut lines = Lines::new(4095);
    lines.feed(&b"\xff\xfd\x06".repeat(10_000));
    lines.feed(&b"PING\xff\xfd\x06".repeat(10));
    for _ in 0..10_010 {
        assert_eq!(lines.peek(), Some(Line::TimingMark));
        lines.consume();
    }
    assert_eq!(lines.peek(), None);
    assert_eq!(lines.len(), 40);
    assert!(lines.marks.is_none());
}

#[test]
fn a_line_cut_by_a_terminal_is_told_by_its_length() {
    for line_max in [TERMINAL_LINE, 8192] {
        for (more, end) in [(-1, "\n"), (-1, "\r\n"), (0, "\n"), (0, "\r\n"), (1, "\n"), (1, "\r\n")] {
            let len = TERMINAL_LINE.saturating_add_signed(more);
            let mut lines = Lines::new(line_max);
            lines.feed(&[&b"x".repeat(len), end.as_bytes()].concat());
            let line = lines.peek().expect("it is there");
            if len + end.len() > line_max {
                assert!(matches!(line, Line::TooLong(_)), "{len} {end:?}");
            } else if more == 0 {
                assert!(matches!(line, Line::Cut(_)), "{len} {end:?}");
            } else {
                assert_eq!(line, Line::Whole(&b"x".repeat(len)[..]), "{len} {end:?}");
            }
        }
    }
}

#[test]
fn no_telnet_command_outlives_its_line() {
    check(b"MSG lou\xff\nMSG second\n", &["MSG lou\u{fffd}", "MSG second"]);
    check(b"MSG lou\xff\r\nMSG second\n", &["MSG lou\u{fffd}", "MSG second"]);
    check(b"MSG \xffle-de-France\n", &["MSG \u{fffd}le-de-France"]);
    check(b"a\xff\xebb\n", &["a\u{fffd}\u{fffd}b"]);
    check(b"a\xff\xfd\nb\n", &["a\u{fffd}", "b"]);
    check(b"a\xff\xfa\nb\n", &["a\u{fffd}", "b"]);
    check(b"a\xff\xfa\x18\x00xterm\xff\nb\n", &["a\u{fffd}", "b"]);
    for unended in [&b"a\xff"[..], b"a\xff\xfb", b"a\xff\xfa", b"a\xff\xfaxx\xff"] {
        check(unended, &["a\u{fffd}"]);
    }
    check(&[&b"\xff\xfa"[..], &b"x".repeat(10 * LINE_MAX), b"\nb\n"].concat(), &["\u{fffd}", "b"]);
}

#[test]
fn what_waits_is_kept_in_little_more_than_its_size() {
    let mut lines = Lines::new(4095);
    lines.feed(&[b"x".repeat(4000), b"\n".to_vec(), b"PING\n".repeat(3000)].concat());
    assert!(lines.peek().is_some());
    lines.consume();
    while lines.len() > 10 {
        assert!(lines.peek().is_some());
        lines.consume();
        assert!(lines.buf.capacity() + lines.consumed as usize <= 2 * lines.len() + WASTE_MAX + 4001);
    }
    assert!(lines.buf.capacity() + (lines.consumed as usize) <= lines.len() + WASTE_MAX + 5);
    while lines.peek().is_some() {
        lines.consume();
    }
    assert_eq!(lines.buf.capacity(), 0);
}

#[test]
fn tls_hello() {
    assert_eq!(run(b"\x16\x03\x01\x02\x00\x01\xfc\x03", &[]), ["TLS"]);
    assert_eq!(run(b"\x16\x03\x01\x02\x00\x01\xfc\x03", &[1]), ["TLS"]);
    assert_eq!(run(b"ok\n\x16\x03\n", &[]), ["ok", "\u{16}\u{3}"]);
}

proptest! {
    #[test]
    fn any_split_gives_the_same_lines(
        input in proptest::collection::vec(
            prop_oneof![8 => Just(b'x'), 2 => Just(b'\n'), 1 => Just(b'\r'), 2 => Just(255u8),
                1 => Just(250u8), 1 => Just(253u8), 1 => Just(240u8), 1 => Just(6u8), 1 => any::<u8>()], 0..600),
        mut cuts in proptest::collection::vec(0usize..600, 0..40),
    ) {
        cuts.sort_unstable();
        prop_assume!(!input.starts_with(&[0x16]));
        let whole = run(&input, &[]);
        let lines = whole.iter().filter(|line| *line != "MARK").count();
        let ends = memchr::memchr_iter(b'\n', &input).count();
        // A last line need not have an end.
        prop_assert!(lines == ends || lines == ends + 1, "{ends} ends: {whole:?}");
        prop_assert_eq!(run(&input, &cuts), whole);
    }
}

#[test]
fn a_connection_without_marks_pays_nothing_for_them() {
    // As many bytes as without marks: there may be a million of these.
    assert_eq!(size_of::<Lines>(), 56);
}
