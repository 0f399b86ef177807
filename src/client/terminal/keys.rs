//! From a terminal's bytes to keys: characters in UTF-8, control characters, and sequences that begin with ESC. However the
//! bytes are split, the keys are the same; and whatever bytes come, the next key is recognized.

use std::time::Duration;

use memchr::memmem;

use super::burst;
use crate::limits::{CLIENT_PASTE_WAIT, CLIENT_SEQUENCE_WAIT, CLIENT_TYPED_MAX};

/// A key, named after what it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum Key {
    Char(char),
    /// Text between the marks of a bracketed paste, as it came.
    Paste(String),
    /// Not a key: the terminal says which kind it is.
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
    /// Delete from the cursor to the end, to the beginning, the word before it, the word after it.
    KillEnd,
    KillBegin,
    KillWordLeft,
    KillWordRight,
    Yank,
    /// Search the lines typed before.
    Search,
    /// ESC by itself, or Ctrl-G.
    Escape,
    Redraw,
    Interrupt,
    Eof,
    Suspend,
}

/// Reads keys; keeps what is incomplete.
#[derive(Debug, Default)]
pub(in super::super) struct Keys {
    pending: Vec<u8>,
    paste: Option<Vec<u8>>,
}

/// The marks around a bracketed paste.
const PASTE_BEGIN: &[u8] = b"\x1b[200~";
const PASTE_END: &[u8] = b"\x1b[201~";

/// The longest sequence; no key has more bytes.
const SEQUENCE_MAX: usize = 32;

impl Keys {
    /// The keys of bytes that came at once. Several lines at once were pasted: nobody types that fast. This is how a paste is
    /// recognized where the terminal does not mark it, also where it gives whole lines.
    pub(in super::super) fn take_at_once(&mut self, bytes: &[u8]) -> Vec<Key> {
        let is_marked = self.patience().is_some() || memmem::find(bytes, PASTE_BEGIN).is_some();
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
                    // Too much to be used: only its end matters.
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

    /// How long to wait for the rest of what is incomplete.
    pub(in super::super) fn patience(&self) -> Option<Duration> {
        match (&self.paste, self.pending.as_slice()) {
            (Some(_), _) => Some(CLIENT_PASTE_WAIT),
            (None, []) => None,
            (None, _) => Some(CLIENT_SEQUENCE_WAIT),
        }
    }

    /// The rest does not come: this was all.
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

    fn end_paste(&mut self) -> Option<Key> {
        self.paste.take().map(|paste| Key::Paste(String::from_utf8_lossy(&paste).into_owned()))
    }

    fn read_pending(&mut self, keys: &mut Vec<Key>) {
        while !self.pending.is_empty() {
            match read(&self.pending) {
                _ if self.pending == PASTE_BEGIN => {
                    self.pending.clear();
                    self.paste = Some(Vec::new());
                }
                Some((len, key)) => {
                    self.pending.drain(..len);
                    keys.extend(key);
                }
                None if self.pending.len() < SEQUENCE_MAX => return,
                None => self.pending.clear(),
            }
        }
    }
}

/// How many of these bytes are a key, and which, if it has a use. All of them, unless a sequence was broken off: the next byte does
/// not belong to it. `None`: the rest is still to come.
fn read(bytes: &[u8]) -> Option<(usize, Option<Key>)> {
    let whole = |key| Some((bytes.len(), key));
    match bytes {
        [0x1b] | [0x1b, b'O'] => None,
        [0x1b, b'[', parameters @ ..] => control_sequence(parameters).map(|(len, key)| (len + 2, key)),
        [0x1b, b'O', b'H'] => whole(Some(Key::Home)),
        [0x1b, b'O', b'F'] => whole(Some(Key::End)),
        [0x1b, b'O', letter @ 0x20..=0x7e] => whole(arrow(*letter, false)),
        [0x1b, b'O', ..] => Some((2, None)),
        // A letter was typed with Alt.
        [0x1b, b'b' | b'B'] => whole(Some(Key::WordLeft)),
        [0x1b, b'f' | b'F'] => whole(Some(Key::WordRight)),
        [0x1b, b'd' | b'D'] => whole(Some(Key::KillWordRight)),
        [0x1b, 0x08 | 0x7f] => whole(Some(Key::KillWordLeft)),
        [0x1b, 0x20..=0x7e] => whole(None),
        // ESC was pressed by itself.
        [0x1b, ..] => Some((1, Some(Key::Escape))),
        [byte @ (0..=0x1f | 0x7f)] => whole(control(*byte)),
        _ => match std::str::from_utf8(bytes) {
            Ok(text) => whole(text.chars().next().map(Key::Char)),
            Err(why) => why.error_len().map(|len| (len, Some(Key::Char(char::REPLACEMENT_CHARACTER)))),
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

/// What follows `ESC [`: parameters, and a last byte from `@` to `~`.
fn control_sequence(bytes: &[u8]) -> Option<(usize, Option<Key>)> {
    let (parameters, last) = match bytes {
        // The function keys of the Linux console have a second bracket.
        [] | [b'['] => return None,
        [b'[', 0x20..=0x7e] => return Some((2, None)),
        [parameters @ .., last @ 0x40..=0x7e] if !parameters.starts_with(b"[") => (parameters, last),
        [.., 0x20..=0x3f] => return None,
        [before @ .., _] => return Some((before.len(), None)),
    };
    // `1;5` before the letter: with Ctrl; `1;3`: with Alt.
    let with_modifier = parameters.contains(&b';');
    let key = match (parameters, last) {
        (_, b'H') | (b"1" | b"7", b'~') => Some(Key::Home),
        (_, b'F') | (b"4" | b"8", b'~') => Some(Key::End),
        (_, b'A'..=b'D') => arrow(*last, with_modifier),
        (b"3", b'~') => Some(Key::Delete),
        ([b'>', name @ ..], b'c') => Some(Key::Terminal(String::from_utf8_lossy(name).into_owned())),
        _ => None,
    };
    Some((bytes.len(), key))
}

fn arrow(letter: u8, with_modifier: bool) -> Option<Key> {
    Some(match (letter, with_modifier) {
        (b'A', _) => Key::Up,
        (b'B', _) => Key::Down,
        (b'C', false) => Key::Right,
        (b'C', true) => Key::WordRight,
        (b'D', false) => Key::Left,
        (b'D', true) => Key::WordLeft,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
