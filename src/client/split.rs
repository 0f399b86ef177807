//! A line of a program's output made into messages: without escape sequences, and in pieces that fit into a message.

use std::borrow::Cow;
use std::ops::RangeInclusive;

use unicode_segmentation::UnicodeSegmentation as _;

const ESC: u8 = 0x1b;

/// Removes escape sequences: colours and the like.
pub(super) fn without_escapes(line: &[u8]) -> Cow<'_, [u8]> {
    if !line.contains(&ESC) {
        return Cow::Borrowed(line);
    }
    let (mut kept, mut rest) = (Vec::with_capacity(line.len()), line);
    while let Some(at) = rest.iter().position(|&byte| byte == ESC) {
        kept.extend_from_slice(&rest[..at]);
        rest = &rest[at..];
        let len = sequence(rest);
        // An incomplete sequence stays, and the line is refused later.
        kept.extend_from_slice(if len == 0 { &rest[..1] } else { &[] });
        rest = &rest[len.max(1)..];
    }
    kept.extend_from_slice(rest);
    Cow::Owned(kept)
}

/// Length of the sequence that begins here, as ECMA-48 defines them; 0 if it does not end.
fn sequence(bytes: &[u8]) -> usize {
    let is_end = |from: usize, parts: RangeInclusive<u8>, last: RangeInclusive<u8>| {
        let end = bytes[from..].iter().position(|byte| !parts.contains(byte)).map(|at| from + at);
        end.filter(|&end| last.contains(&bytes[end])).map_or(0, |end| end + 1)
    };
    match bytes {
        [ESC, b'[', ..] => is_end(2, 0x20..=0x3f, 0x40..=0x7e),
        // A title, a link: up to BEL, or ESC \.
        [ESC, b']' | b'P' | b'X' | b'^' | b'_', rest @ ..] => {
            let bell = rest.iter().position(|&byte| byte == 0x07).map(|at| at + 3);
            let ended = rest.windows(2).position(|two| two == [ESC, b'\\']).map(|at| at + 4);
            bell.into_iter().chain(ended).min().unwrap_or(0)
        }
        [ESC, 0x20..=0x2f, ..] => is_end(1, 0x20..=0x2f, 0x30..=0x7e),
        [ESC, 0x30..=0x7e, ..] => 2,
        _ => 0,
    }
}

/// Splits a text into pieces of at most `room` bytes, at blanks, or where there is none between two characters.
pub(super) fn pieces(text: &str, room: usize) -> Vec<&str> {
    let (mut pieces, mut rest) = (Vec::new(), text);
    while rest.len() > room {
        let fits =
            rest.grapheme_indices(true).map(|(at, _)| at).take_while(|&at| at <= room).last().unwrap_or(0);
        // A single cluster that is longer than a message: between two of its code points.
        let fits = if fits == 0 {
            (1..=room).rev().find(|&at| rest.is_char_boundary(at)).unwrap_or(room)
        } else {
            fits
        };
        let is_blank_at = |at: usize| rest[at..].starts_with(char::is_whitespace);
        let blank = rest[..fits].rfind(char::is_whitespace).filter(|&at| !rest[..at].trim().is_empty());
        let end = if is_blank_at(fits) { fits } else { blank.unwrap_or(fits) };
        pieces.extend(Some(rest[..end].trim_end()).filter(|piece| !piece.is_empty()));
        rest = if is_blank_at(end) { rest[end..].trim_start() } else { &rest[end..] };
    }
    if !rest.is_empty() {
        pieces.push(rest);
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_go_and_text_stays() {
        let check = |line: &str, expected: &str| {
            assert_eq!(String::from_utf8_lossy(&without_escapes(line.as_bytes())), expected, "{line:?}");
        };
        check("plain ünï", "plain ünï");
        check("\x1b[1;31mred\x1b[0m and \x1b[Kso on\x1b[m", "red and so on");
        check("\x1b]8;;http://x\x07link\x1b]8;;\x1b\\.", "link.");
        check("\x1b(Bascii\x1b7", "ascii");
        for whole in ["\x1b", "a\x1b[3", "\x1b]0;title"] {
            assert!(without_escapes(whole.as_bytes()).contains(&ESC), "{whole:?}");
        }
    }

    #[test]
    fn long_lines_break_at_blanks() {
        let check =
            |text: &str, room, expected: &[&str]| assert_eq!(pieces(text, room), expected, "{text:?}");
        check("", 5, &[]);
        check("one two", 7, &["one two"]);
        check("one two", 6, &["one", "two"]);
        check("one two", 3, &["one", "two"]);
        check("one  two three", 8, &["one  two", "three"]);
        check("abcdefgh ij", 3, &["abc", "def", "gh", "ij"]);
        check("        ab", 4, &["ab"]);
        check("  abcdefgh", 4, &["  ab", "cdef", "gh"]);
        check("e\u{301}e\u{301}", 4, &["e\u{301}", "e\u{301}"]);
        check("漢字", 4, &["漢", "字"]);
        check("a\u{301}\u{301}\u{301}", 4, &["a\u{301}", "\u{301}\u{301}"]);
    }
}
