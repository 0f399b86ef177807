//! The first word of a line: which command it is, and what an answer repeats of it.

use std::fmt;

use super::verb::Verb;
use crate::limits::VERB_MAX;

/// What an `ERR` repeats of a line: its first word if that is a word of at most [`VERB_MAX`] letters, in
/// upper case, else `-`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerbEcho(String);

impl VerbEcho {
    /// From a line, or from its beginning when it was too long.
    pub fn of_line(line: &[u8]) -> VerbEcho {
        let (word, _) = first_word(line);
        let fits = (1..=VERB_MAX).contains(&word.len()) && word.iter().all(u8::is_ascii_alphabetic);
        VerbEcho(match std::str::from_utf8(word) {
            Ok(word) if fits => word.to_ascii_uppercase(),
            _ => "-".to_owned(),
        })
    }
}

impl From<Verb> for VerbEcho {
    fn from(verb: Verb) -> VerbEcho {
        VerbEcho(verb.name().to_owned())
    }
}

impl fmt::Display for VerbEcho {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The first word, and what stands behind the one blank after it. Blanks before it do not count.
pub(super) fn first_word(line: &[u8]) -> (&[u8], &[u8]) {
    let start = line.iter().position(|&b| b != b' ').unwrap_or(line.len());
    let line = &line[start..];
    match line.iter().position(|&b| b == b' ') {
        Some(end) => (&line[..end], &line[end + 1..]),
        None => (line, &[]),
    }
}
