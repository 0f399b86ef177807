//! A line as far as its first word, and what `ERR` repeats of that.

use super::verb::Verb;
use crate::limits::VERB_MAX;

/// A whole line whose first word was read. This decides whether the line is taken; its arguments are read after that,
/// by [`Request::of`](crate::protocol::Request::of), so that a line that has to wait is not read again and again, and
/// no password is copied out of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Command<'a> {
    /// All of it, without its end.
    pub(super) line: &'a [u8],
    /// The first word.
    pub(super) word: &'a [u8],
    /// The command of that name, if there is one.
    pub verb: Option<Verb>,
    /// What follows the one blank after that word.
    pub(super) arguments: &'a [u8],
}

impl<'a> Command<'a> {
    /// Reads the first word of a line without its end.
    pub fn of(line: &'a [u8]) -> Command<'a> {
        let (word, arguments) = first_word(line);
        Command { line, word, verb: Verb::parse(word), arguments }
    }

    /// Whether the line has nothing but blanks, so that it is ignored.
    pub fn is_blank(&self) -> bool {
        self.line.iter().all(|&b| b == b' ' || b == b'\t')
    }

    /// Whether the line is an HTTP request (`GET / HTTP/1.1`) from a browser or a scanner.
    pub fn is_http(&self) -> bool {
        let mut words = self.line.split(|&b| b == b' ');
        let method = words.next().is_some_and(|w| !w.is_empty() && w.iter().all(u8::is_ascii_uppercase));
        method && words.nth(1).is_some_and(|w| w.starts_with(b"HTTP/")) && words.next().is_none()
    }
}

/// What `ERR` repeats of a line: its first word in upper case if that has only letters, at most [`VERB_MAX`]; else `-`.
/// Of a line that was too long its start is enough.
pub fn verb_echo(line: &[u8]) -> String {
    let (word, _) = first_word(line);
    let fits = (1..=VERB_MAX).contains(&word.len()) && word.iter().all(u8::is_ascii_alphabetic);
    match std::str::from_utf8(word) {
        Ok(word) if fits => word.to_ascii_uppercase(),
        _ => "-".to_owned(),
    }
}

/// The first word, and what follows the one blank after it. Blanks before the word are skipped.
pub(super) fn first_word(line: &[u8]) -> (&[u8], &[u8]) {
    let start = line.iter().position(|&b| b != b' ').unwrap_or(line.len());
    let mut parts = line[start..].splitn(2, |&b| b == b' ');
    (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
}
