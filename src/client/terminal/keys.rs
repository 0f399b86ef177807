//! Bytes of a keyboard to keys. What terminals send: characters as UTF-8, control characters, and sequences
//! that begin with ESC. Any split of the bytes gives the same keys.

use crate::limits::CLIENT_TYPED_MAX;

/// A key, by what it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum Key {
    Char(char),
    /// Text between the marks of a bracketed paste, as it came.
    Paste(String),
    Enter,
    Tab,
    Backspace,
    Delete,
    Left,
    Right,
    WordLeft,
    WordRight,
    Home,
    End,
    Up,
    Down,
    /// From the cursor to the end, to the beginning, and the word before and behind it.
    KillEnd,
    KillBegin,
    KillWordLeft,
    KillWordRight,
    Yank,
    Redraw,
    Interrupt,
    Eof,
    Suspend,
}

/// Keeps what is not complete.
#[derive(Debug, Default)]
pub(in super::super) struct Keys {
    pending: Vec<u8>,
    paste: Option<Vec<u8>>,
}

/// Ends a bracketed paste; ESC [ 200 ~ begins it.
const PASTE_END: &[u8] = b"\x1b[201~";

/// The longest sequence that is waited for; no key has more.
const SEQUENCE_MAX: usize = 32;

impl Keys {
    /// The keys that these bytes complete.
    pub(in super::super) fn take(&mut self, bytes: &[u8]) -> Vec<Key> {
        let mut keys = Vec::new();
        for &byte in bytes {
            if let Some(paste) = &mut self.paste {
                paste.push(byte);
                if paste.len() > 2 * CLIENT_TYPED_MAX {
                    // Too much in any case: only its end is waited for.
                    paste.drain(..CLIENT_TYPED_MAX / 2);
                }
                if paste.ends_with(PASTE_END) {
                    paste.truncate(paste.len() - PASTE_END.len());
                    keys.push(Key::Paste(String::from_utf8_lossy(paste).into_owned()));
                    self.paste = None;
                }
                continue;
            }
            self.pending.push(byte);
            match read(&self.pending) {
                Read::Incomplete if self.pending.len() < SEQUENCE_MAX => {}
                Read::Incomplete | Read::Nothing => self.pending.clear(),
                Read::PasteBegins => {
                    self.pending.clear();
                    self.paste = Some(Vec::new());
                }
                Read::Key(key) => {
                    self.pending.clear();
                    keys.push(key);
                }
            }
        }
        keys
    }
}

/// What some bytes are.
enum Read {
    Key(Key),
    PasteBegins,
    Incomplete,
    /// No key that anything is done with.
    Nothing,
}

fn read(bytes: &[u8]) -> Read {
    match bytes {
        [0x1b, rest @ ..] => escaped(rest),
        [byte @ (0..=0x1f | 0x7f)] => control(*byte).map_or(Read::Nothing, Read::Key),
        _ => match std::str::from_utf8(bytes) {
            Ok(text) => text.chars().next().map_or(Read::Incomplete, |c| Read::Key(Key::Char(c))),
            Err(why) if why.error_len().is_none() => Read::Incomplete,
            Err(_) => Read::Key(Key::Char(char::REPLACEMENT_CHARACTER)),
        },
    }
}

fn control(byte: u8) -> Option<Key> {
    Some(match byte {
        0x01 => Key::Home,
        0x02 => Key::Left,
        0x03 => Key::Interrupt,
        0x04 => Key::Eof,
        0x05 => Key::End,
        0x06 => Key::Right,
        0x08 | 0x7f => Key::Backspace,
        b'\t' => Key::Tab,
        b'\r' | b'\n' => Key::Enter,
        0x0b => Key::KillEnd,
        0x0c => Key::Redraw,
        0x0e => Key::Down,
        0x10 => Key::Up,
        0x15 => Key::KillBegin,
        0x17 => Key::KillWordLeft,
        0x19 => Key::Yank,
        0x1a => Key::Suspend,
        _ => return None,
    })
}

/// What stands behind ESC. ESC alone is no key here, so it waits for the next: that is then typed with Alt.
fn escaped(rest: &[u8]) -> Read {
    let key = match rest {
        [] | [b'O'] => return Read::Incomplete,
        [b'[', parameters @ ..] => return control_sequence(parameters),
        [b'O', b'H'] => Key::Home,
        [b'O', b'F'] => Key::End,
        [b'O', letter] => return arrow(*letter, false),
        // The first ESC was a key by itself.
        [0x1b, rest @ ..] => return escaped(rest),
        [b'b' | b'B'] => Key::WordLeft,
        [b'f' | b'F'] => Key::WordRight,
        [b'd' | b'D'] => Key::KillWordRight,
        [0x08 | 0x7f] => Key::KillWordLeft,
        _ => return Read::Nothing,
    };
    Read::Key(key)
}

/// What stands behind `ESC [`: parameters, and a last byte from `@` to `~`.
fn control_sequence(bytes: &[u8]) -> Read {
    let [parameters @ .., last @ 0x40..=0x7e] = bytes else { return Read::Incomplete };
    // `1;5` before the letter: with Ctrl; `1;3`: with Alt.
    let with_modifier = parameters.contains(&b';');
    Read::Key(match (parameters, last) {
        (_, b'H') | (b"1" | b"7", b'~') => Key::Home,
        (_, b'F') | (b"4" | b"8", b'~') => Key::End,
        (_, b'A'..=b'D') => return arrow(*last, with_modifier),
        (b"3", b'~') => Key::Delete,
        (b"200", b'~') => return Read::PasteBegins,
        _ => return Read::Nothing,
    })
}

fn arrow(letter: u8, with_modifier: bool) -> Read {
    Read::Key(match (letter, with_modifier) {
        (b'A', _) => Key::Up,
        (b'B', _) => Key::Down,
        (b'C', false) => Key::Right,
        (b'C', true) => Key::WordRight,
        (b'D', false) => Key::Left,
        (b'D', true) => Key::WordLeft,
        _ => return Read::Nothing,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], expected: &[Key]) {
        assert_eq!(Keys::default().take(bytes), expected, "{bytes:?}");
        let mut keys = Keys::default();
        let one_by_one: Vec<Key> = bytes.iter().flat_map(|byte| keys.take(&[*byte])).collect();
        assert_eq!(one_by_one, expected, "{bytes:?} byte by byte");
    }

    #[test]
    fn characters() {
        check("aß漢👩".as_bytes(), &[Key::Char('a'), Key::Char('ß'), Key::Char('漢'), Key::Char('👩')]);
        check(b"\xff\xe9a", &[Key::Char('\u{fffd}'), Key::Char('\u{fffd}')]);
        check(
            b"\r\n\t\x7f\x03\x04\x1a\x00\x1f",
            &[Key::Enter, Key::Enter, Key::Tab, Key::Backspace, Key::Interrupt, Key::Eof, Key::Suspend],
        );
    }

    #[test]
    fn sequences() {
        check(
            b"\x1b[A\x1bOB\x1b[1;5C\x1b[1;3D\x1b[3~",
            &[Key::Up, Key::Down, Key::WordRight, Key::WordLeft, Key::Delete],
        );
        check(
            b"\x1bb\x1bd\x1b\x7f\x1b\x1b[C",
            &[Key::WordLeft, Key::KillWordRight, Key::KillWordLeft, Key::Right],
        );
        check(b"\x1b[H\x1b[4~\x1bOH", &[Key::Home, Key::End, Key::Home]);
    }

    #[test]
    fn what_is_unknown_leaves_nothing_behind() {
        check(b"\x1b[15~a", &[Key::Char('a')]);
        check(b"\x1b[<0;3;4Mb", &[Key::Char('b')]);
        check(b"\x1bxc", &[Key::Char('c')]);
        check(b"\x1b[I\x1b[?62;c\x1b[6;1Rd", &[Key::Char('d')]);
        let endless = [b"\x1b[".as_slice(), &[b'1'; 30]].concat();
        check(&[&endless, b"x".as_slice()].concat(), &[Key::Char('x')]);
    }

    #[test]
    fn pastes() {
        check(
            b"a\x1b[200~one\rtwo\x1b[A\x03\x1b[201~b",
            &[Key::Char('a'), Key::Paste("one\rtwo\x1b[A\x03".to_owned()), Key::Char('b')],
        );
    }
}
