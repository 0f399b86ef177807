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
    /// A key without a use.
    Nothing,
    /// A sequence that was broken off: this many bytes are this key or none, the next one does not belong to them.
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

/// What follows ESC. A letter was typed with Alt; what cannot be in a sequence begins something new.
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
        // ESC was pressed by itself.
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
mod tests;
