//! A hostile server against the display: whatever its lines are and whatever is typed meanwhile, the terminal gets no control
//! characters but those of the canvas, no row is wider than the window, and what is sent is clean lines.
//!
//! An input is a width and lines of the server, a chunk up to each LF; `KEYS` begins what a terminal sends, `DOWN`
//! ends the connection, `WIDE` changes the window.

#[path = "../../../tests/fuzz/engine.rs"]
mod engine;

use std::time::Duration;

use unicode_width::UnicodeWidthStr as _;

use super::tests::{start, welcome};
use super::*;
use crate::client::connection::said::Said;
use crate::client::display::clean;
use crate::client::terminal::canvas::{Ability, Canvas};
use crate::client::terminal::keys::Keys;
use crate::limits::LINE_MAX_DEFAULT;
use engine::{Seen, Target, fuzz};

const LINE_MAX: usize = 200;

/// Characters that control a terminal. Defined here again, because the type is what is tested.
fn acts(c: char) -> bool {
    c.is_control() && c != '\t'
        || ('\u{2028}'..='\u{202e}').contains(&c)
        || ('\u{2066}'..='\u{2069}').contains(&c)
}

/// The rows of what goes to a terminal, without the canvas' own sequences.
fn rows(out: &str) -> Vec<String> {
    let (mut rows, mut row, mut rest) = (Vec::new(), String::new(), out);
    while let Some(c) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("\x1b[") {
            let end = after.find(|c: char| c.is_ascii_alphabetic()).expect("a sequence ends");
            let (numbers, letter) = (&after[..end], &after[end..=end]);
            assert!(numbers.bytes().all(|b| b"0123456789;?".contains(&b)), "{out:?}");
            let own = match letter {
                "m" | "A" | "C" => !numbers.starts_with('?') && !numbers.is_empty(),
                "h" | "l" => numbers == "?7",
                "J" => numbers.is_empty() || numbers == "2",
                "H" => numbers.is_empty(),
                _ => false,
            };
            assert!(own, "not the canvas' own: {out:?}");
            rest = &after[end + 1..];
            continue;
        }
        rest = &rest[c.len_utf8()..];
        match c {
            '\r' => rows.push(std::mem::take(&mut row)),
            '\n' => assert!(row.is_empty(), "LF comes only after CR"),
            '\x07' => {}
            c => {
                assert!(!c.is_control() && !acts(c), "{c:?} gets out: {out:?}");
                row.push(c);
            }
        }
    }
    rows.push(row);
    rows
}

fn assert_fits(out: &str, width: usize) {
    for row in rows(out) {
        assert!(row.width() <= width, "{row:?} in {width} columns");
    }
}

/// Carries out effects, as far as they are visible. Whether the chat goes on.
fn carry_out(chat: &mut Chat, canvas: &mut Canvas, width: usize, now: Instant, seen: &mut Seen) -> bool {
    let (mut goes_on, mut rings) = (true, 0);
    for effect in chat.out.take() {
        seen.mark(std::mem::discriminant(&effect));
        match effect {
            Effect::Print(line) => {
                let text = line.text();
                assert!(!text.contains(acts), "{text:?}");
                let word = |word: &str| word.len() > 3 && word.bytes().all(|b| b.is_ascii_lowercase());
                seen.mark((
                    text.chars().next(),
                    text.split(' ').skip(1).find(|text| word(text)).map(str::len),
                ));
                canvas.print(line);
            }
            Effect::Ring => {
                rings += 1;
                canvas.ring();
            }
            Effect::Send(line) => {
                let text = std::str::from_utf8(&line).expect("text").strip_suffix('\n').expect("its end");
                seen.mark(text.split(' ').next().map(str::to_owned));
                // A line with passwords is not split, and a server takes the longest.
                let is_secret = ["PASSWD ", "ADD ", "RESET "].iter().any(|verb| text.starts_with(verb));
                let max = if is_secret { LINE_MAX_DEFAULT } else { LINE_MAX };
                assert!(!text.contains(acts) && line.len() <= max, "{text:?}");
            }
            Effect::GiveUp(why) => {
                chat.down(End::Closed, why, now, 0.0);
                return carry_out(chat, canvas, width, now, seen);
            }
            Effect::Title(title) => assert!(!clean(title.as_bytes()).contains(acts), "{title:?}"),
            Effect::Redraw => canvas.redraw(),
            Effect::Clear => canvas.clear(),
            Effect::GiveBack(text) => chat.give_back(&text),
            Effect::Leave(_) => goes_on = false,
            Effect::More
            | Effect::Connect(_)
            | Effect::SaveToken(_)
            | Effect::Shown(_)
            | Effect::NewPassword(_)
            | Effect::Suspend => {}
        }
    }
    canvas.draw(&chat.live(now));
    let out = canvas.take();
    assert_fits(&out, width);
    assert!(out.matches('\x07').count() <= rings, "{out:?}");
    goes_on
}

fn check(input: &[u8], seen: &mut Seen) {
    let text = clean(input);
    assert!(!text.contains(acts), "{text:?}");
    assert_eq!(clean(text.as_bytes()), text, "what is clean stays");

    let [size, input @ ..] = input else { return };
    let mut width = 12 + usize::from(*size) % 80;
    let mut now = Instant::now();
    let mut chat = Chat::new(Start { lead_in: 2, ..start(welcome(20, 3), None) }, now);
    chat.line_max = LINE_MAX;
    let mut canvas = Canvas::new((width, 10), Ability::Colours);
    let mut keys = Keys::default();
    for line in input.split_inclusive(|&b| b == b'\n') {
        if let Some(typed) = line.strip_prefix(b"KEYS ") {
            keys.take(typed).into_iter().for_each(|key| chat.keys(vec![key], now));
        } else if line.starts_with(b"DOWN") {
            chat.down(End::Silent, "cut", now, 0.0);
            now += Duration::from_secs(2);
            chat.tick(now);
            chat.up(&welcome(25, 2), LINE_MAX, now);
        } else if let [b'W', b'I', b'D', b'E', by, ..] = line {
            width = 12 + usize::from(*by) % 80;
            canvas.resize((width, 10));
        } else {
            let asked = chat.out.connection.answering().map(|asked| std::mem::discriminant(asked));
            seen.mark((std::mem::discriminant(&Said::parse(line)), asked));
            chat.lines(line, now);
        }
        if !carry_out(&mut chat, &mut canvas, width, now, seen) {
            return;
        }
    }
}

#[test]
fn fuzz_display() {
    let seeds = [
        "\u{20}OK TITLE Choir\nMEMBER bob@x role=admin online=no name=Bob B.\nOK MEMBERS 1\nMSG 18 2026-01-02T03:04:05.678Z bob@x hi\tann \u{1b}[2J\n\
         MSG 18 2026-01-02T03:04:05.678Z bob@x ann: one two three four five six seven eight\n\
         ADDED 19 2026-01-03T03:04:05.678Z - eve@x\nREMOVED 20 2026-01-03T03:04:05.678Z ann@x eve@x\n",
        "\u{20}OK TITLE Choir\nMEMBER bob@x role=admin online=no seen=never\nOK MEMBERS 1 more=bob@x\nKEYS hello\tall\r\nDOWN\n",
        "\u{20}OK TITLE\nOK MEMBERS 0\nKEYS /who\r\nWHO bob@x devices=2\nWHO \u{1b}[31m devices=1\nOK WHO 2\nKEYS /members\r\n\
         MEMBER bob@x role=member online=no seen=2026-01-02T03:04:05.678Z\nOK MEMBERS 1\nKEYS /info 7\r\n\
         PENDING bob@x seen=never\nOK INFO 7 delivered=1 pending=1\nKEYS /stats\r\nSTAT members 3\nOK STATS 1\n",
        "\u{20}OK TITLE\nOK MEMBERS 0\nKEYS /history 2\r\nHISTORY 7 7\nMSG 7 2026-01-02T03:04:05.678Z bob@x hi\n\
         OK HISTORY 1 last=7\nKEYS 漢字👩‍👧e\u{301}\u{1b}[D\u{1b}[200~a\nb\tc\u{1b}[201~\nBYE removed \u{7} sorry\nWIDE!\n",
        "\u{20}OK TITLE\nOK MEMBERS 0\nKEYS a\rb\r/remove bob\r/skip\r\nERR MSG bad-text \u{9b}31m no\nOK MSG 24 2026-01-02T03:04:05.678Z\n\
         ERR REMOVE admin-only no\nOK SKIP 4\nMSG 24 2026-01-02T03:04:05.678Z bob@x x\nHISTORY 21 22\nOK HISTORY 0 last=24\n",
    ];
    let words = &[
        "KEYS ",
        "DOWN\n",
        "WIDE",
        "\nMSG 21 2026-01-02T03:04:05.678Z bob@x ",
        "\nNAMED 21 2026-01-02T03:04:05.678Z bob@x ",
        " name=",
        "OK ",
        "ERR ",
        "BYE ",
        "OK MSG ",
        "OK HISTORY 0 last=9",
        "HISTORY 1 2\n",
        "MEMBER ",
        "PENDING ",
        "seen=never",
        "more=bob@x",
        "devices=2",
        "\u{1b}[2J",
        "\u{1b}]0;x\u{7}",
        "\u{9b}",
        "\u{202e}",
        "\u{2028}",
        "\r",
        "\n",
        "/who\r",
        "/history 9\r",
        "/passwd\r",
        "/quit\r",
        "/skip\r",
        "\t",
        "\u{1b}[200~",
        "\u{1b}[201~",
        "漢字",
        "👩‍👧",
        "e\u{301}",
        "ann",
        "bob@x",
        " ",
        "wordwordwordwordwordwordwordword",
    ];
    let seeds = seeds.map(|seed| seed.as_bytes().to_vec()).to_vec();
    fuzz(&Target { name: "display", seeds, words, runs: 2_000, len_max: 4096 }, check);
}
