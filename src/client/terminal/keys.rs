//! Bytes of a keyboard to keys. What terminals send: characters as UTF-8, control characters, and sequences
//! that begin with ESC. Any split of the bytes gives the same keys, and whatever the bytes are, the key after them is
//! what it is.

use std::time::Duration;

use memchr::memmem;

use super::burst;
use crate::limits::{CLIENT_PASTE_WAIT, CLIENT_SEQUENCE_WAIT, CLIENT_TYPED_MAX};

/// A key, by what it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum Key {
    Char(char),
    /// Text between the marks of a bracketed paste, as it came.
    Paste(String),
    /// No key: the terminal says which one it is.
    Terminal(String),
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
    /// Look for a line typed before.
    Search,
    /// ESC by itself, or what stands for it.
    Escape,
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

/// Begins a bracketed paste, and ends it.
const PASTE_BEGIN: &[u8] = b"\x1b[200~";
const PASTE_END: &[u8] = b"\x1b[201~";

/// The longest sequence that is waited for; no key has more.
const SEQUENCE_MAX: usize = 32;

impl Keys {
    /// The keys of bytes that came at once. Several lines that come so were pasted: nobody types as fast. Where the
    /// terminal does not mark a paste, this is how it is known; a terminal that gives whole lines gives it so, too.
    pub(in super::super) fn take_at_once(&mut self, bytes: &[u8]) -> Vec<Key> {
        let is_marked = self.is_waiting() || memmem::find(bytes, PASTE_BEGIN).is_some();
        if is_marked || !burst::is_paste(bytes) {
            return self.take(bytes);
        }
        let mut keys = vec![Key::Paste(String::from_utf8_lossy(bytes).into_owned())];
        if bytes.ends_with(b"\r") || bytes.ends_with(b"\n") {
            keys.push(Key::Enter);
        }
        keys
    }

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
                    keys.extend(self.end_paste());
                }
                continue;
            }
            self.pending.push(byte);
            self.read_pending(&mut keys);
        }
        keys
    }

    /// How long to wait for the rest of what is not complete.
    pub(in super::super) fn patience(&self) -> Option<Duration> {
        match (&self.paste, self.pending.as_slice()) {
            (Some(_), _) => Some(CLIENT_PASTE_WAIT),
            (None, []) => None,
            (None, _) => Some(CLIENT_SEQUENCE_WAIT),
        }
    }

    /// The rest does not come: what there is was all.
    pub(in super::super) fn give_up(&mut self) -> Vec<Key> {
        let mut keys: Vec<Key> = self.end_paste().into_iter().collect();
        match self.pending.as_slice() {
            [0x1b] => keys.push(Key::Escape),
            [] | [0x1b, ..] => {}
            _ => keys.push(Key::Char(char::REPLACEMENT_CHARACTER)),
        }
        self.pending.clear();
        keys
    }

    fn is_waiting(&self) -> bool {
        self.patience().is_some()
    }

    fn end_paste(&mut self) -> Option<Key> {
        self.paste.take().map(|paste| Key::Paste(String::from_utf8_lossy(&paste).into_owned()))
    }

    fn read_pending(&mut self, keys: &mut Vec<Key>) {
        while !self.pending.is_empty() {
            match read(&self.pending) {
                Read::Incomplete if self.pending.len() < SEQUENCE_MAX => return,
                Read::Incomplete | Read::Nothing => self.pending.clear(),
                Read::PasteBegins => {
                    self.pending.clear();
                    self.paste = Some(Vec::new());
                }
                Read::Key(key) => {
                    self.pending.clear();
                    keys.push(key);
                }
                Read::BrokenOff(len, key) => {
                    self.pending.drain(..len);
                    keys.extend(key);
                }
            }
        }
    }
}

/// What some bytes are.
enum Read {
    Key(Key),
    PasteBegins,
    Incomplete,
    /// No key that anything is done with.
    Nothing,
    /// So many bytes are this key or none, and are over: the next one does not belong to them.
    BrokenOff(usize, Option<Key>),
}

fn read(bytes: &[u8]) -> Read {
    match bytes {
        [0x1b, rest @ ..] => escaped(rest),
        [byte @ (0..=0x1f | 0x7f)] => control(*byte).map_or(Read::Nothing, Read::Key),
        _ => match std::str::from_utf8(bytes) {
            Ok(text) => text.chars().next().map_or(Read::Incomplete, |c| Read::Key(Key::Char(c))),
            Err(why) => match why.error_len() {
                None => Read::Incomplete,
                Some(len) => Read::BrokenOff(len, Some(Key::Char(char::REPLACEMENT_CHARACTER))),
            },
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
        0x07 => Key::Escape,
        0x08 | 0x7f => Key::Backspace,
        b'\t' => Key::Tab,
        b'\r' | b'\n' => Key::Enter,
        0x0b => Key::KillEnd,
        0x0c => Key::Redraw,
        0x0e => Key::Down,
        0x10 => Key::Up,
        0x12 => Key::Search,
        0x15 => Key::KillBegin,
        0x17 => Key::KillWordLeft,
        0x19 => Key::Yank,
        0x1a => Key::Suspend,
        _ => return None,
    })
}

/// What follows ESC. A letter is then typed with Alt; what no sequence has in it begins something of its own.
fn escaped(rest: &[u8]) -> Read {
    let key = match rest {
        [] | [b'O'] => return Read::Incomplete,
        [b'[', parameters @ ..] => return control_sequence(parameters),
        [b'O', b'H'] => Key::Home,
        [b'O', b'F'] => Key::End,
        [b'O', letter @ 0x20..=0x7e] => return arrow(*letter, false),
        [b'O', ..] => return Read::BrokenOff(2, None),
        [b'b' | b'B'] => Key::WordLeft,
        [b'f' | b'F'] => Key::WordRight,
        [b'd' | b'D'] => Key::KillWordRight,
        [0x08 | 0x7f] => Key::KillWordLeft,
        [0x20..=0x7e] => return Read::Nothing,
        // ESC was a key by itself.
        _ => return Read::BrokenOff(1, Some(Key::Escape)),
    };
    Read::Key(key)
}

/// What follows `ESC [`: parameters, and a last byte from `@` to `~`.
fn control_sequence(bytes: &[u8]) -> Read {
    let (parameters, last) = match bytes {
        // The function keys of the Linux console have a second bracket.
        [] | [b'['] => return Read::Incomplete,
        [b'[', 0x20..=0x7e] => return Read::Nothing,
        [parameters @ .., last @ 0x40..=0x7e] if !parameters.starts_with(b"[") => (parameters, last),
        [.., 0x20..=0x3f] => return Read::Incomplete,
        [before @ .., _] => return Read::BrokenOff(2 + before.len(), None),
    };
    // `1;5` before the letter: with Ctrl; `1;3`: with Alt.
    let with_modifier = parameters.contains(&b';');
    Read::Key(match (parameters, last) {
        (_, b'H') | (b"1" | b"7", b'~') => Key::Home,
        (_, b'F') | (b"4" | b"8", b'~') => Key::End,
        (_, b'A'..=b'D') => return arrow(*last, with_modifier),
        (b"3", b'~') => Key::Delete,
        (b"200", b'~') => return Read::PasteBegins,
        ([b'>', name @ ..], b'c') => Key::Terminal(String::from_utf8_lossy(name).into_owned()),
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
    use proptest::prelude::*;

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
        let unknown = Key::Char('\u{fffd}');
        check(b"\xff\xe9a", &[unknown.clone(), unknown.clone(), Key::Char('a')]);
        check(b"caf\xe9\r", &[Key::Char('c'), Key::Char('a'), Key::Char('f'), unknown.clone(), Key::Enter]);
        check(b"\xe9\x03\xf0\x9f\x1b[A\xed\xa0\x80", &{
            let mut keys = vec![unknown.clone(), Key::Interrupt, unknown.clone(), Key::Up];
            keys.extend(vec![unknown.clone(); 3]);
            keys
        });
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
            &[Key::WordLeft, Key::KillWordRight, Key::KillWordLeft, Key::Escape, Key::Right],
        );
        check(b"\x1b[H\x1b[4~\x1bOH", &[Key::Home, Key::End, Key::Home]);
        check(b"\x1b[>84;0;0ca", &[Key::Terminal("84;0;0".to_owned()), Key::Char('a')]);
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
    #[test]
    fn what_breaks_off_leaves_the_next_key() {
        check(b"\x1b\r", &[Key::Escape, Key::Enter]);
        check(b"\x1b[\r\x1b[1;\x03", &[Key::Enter, Key::Interrupt]);
        check(b"\x1bO\r\x1b[[\r", &[Key::Enter, Key::Enter]);
        check("\x1bé\x1b[1é".as_bytes(), &[Key::Escape, Key::Char('é'), Key::Char('é')]);
        check(b"\x1b[1\x1b[A", &[Key::Up]);
        check(b"\x1b[[Aa\x07", &[Key::Char('a'), Key::Escape]);
    }

    #[test]
    fn what_does_not_come_is_not_waited_for() {
        let given_up = |bytes: &[u8]| {
            let mut keys = Keys::default();
            assert_eq!((keys.take(bytes), keys.is_waiting()), (Vec::new(), true), "{bytes:?}");
            let given_up = keys.give_up();
            assert_eq!((keys.take(b"a"), keys.is_waiting()), (vec![Key::Char('a')], false), "{bytes:?}");
            given_up
        };
        assert_eq!(given_up(b"\xe9"), [Key::Char('\u{fffd}')]);
        assert_eq!(given_up(b"\x1b"), [Key::Escape]);
        assert_eq!(given_up(b"\x1b[1;"), []);
        assert_eq!(given_up(b"\x1b[200~one\rtwo\x1b[20"), [Key::Paste("one\rtwo\u{1b}[20".to_owned())]);
    }

    #[test]
    fn an_unmarked_paste() {
        let check = |bytes: &str, expected: &[Key]| {
            assert_eq!(Keys::default().take_at_once(bytes.as_bytes()), expected, "{bytes:?}");
        };
        let paste = |text: &str| Key::Paste(text.to_owned());
        check("1\r2\r3\r4\r5\r6\r", &[paste("1\r2\r3\r4\r5\r6\r"), Key::Enter]);
        check("1\n/quit", &[paste("1\n/quit")]);
        check("a\r\n", &[Key::Char('a'), Key::Enter, Key::Enter]);
        check("\x1b[200~a\r/b\x1b[201~\r", &[paste("a\r/b"), Key::Enter]);
        let mut keys = Keys::default();
        assert_eq!(keys.take_at_once(b"\x1b[200~a\r"), []);
        assert_eq!(keys.take_at_once(b"/b\r/c\x1b[201~"), [paste("a\r/b\r/c")]);
    }

    proptest! {
        /// Garbage, then Enter, then a line: the Enter and the line are what they are. A paste that never ends takes
        /// them until it is given up.
        #[test]
        fn any_garbage_leaves_the_keys_after_it(
            garbage in prop::collection::vec(
                prop_oneof![
                    any::<u8>().prop_map(|byte| vec![byte]),
                    prop::sample::select(vec![
                        b"\x1b".to_vec(), b"\x1b[".to_vec(), b"\x1bO".to_vec(), b"\x1b[[".to_vec(), b"1;".to_vec(),
                        b"\xe9".to_vec(), b"\xf0\x9f".to_vec(), PASTE_BEGIN.to_vec(), PASTE_END.to_vec(),
                        b"\x1b[>84;0;0c".to_vec(), b"\x1b]0;x".to_vec(),
                    ]),
                ],
                0..12,
            ),
            split in any::<usize>(),
        ) {
            let garbage = garbage.concat();
            let (first, second) = garbage.split_at(split % (garbage.len() + 1));
            let mut keys = Keys::default();
            keys.take(first);
            keys.take(second);
            if keys.paste.is_some() {
                keys.give_up();
            }
            let mut found = keys.take("\rcafé\x03".as_bytes());
            let expected: Vec<Key> =
                [Key::Enter].into_iter().chain("café".chars().map(Key::Char)).chain([Key::Interrupt]).collect();
            // What was not complete may be a key by itself.
            found.drain(..found.len().saturating_sub(expected.len()));
            prop_assert_eq!(found, expected);
        }
    }
}
