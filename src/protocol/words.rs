//! The first word of a line, and what `ERR` repeats of it.

use std::fmt;

use super::verb::Verb;
use crate::limits::VERB_MAX;

/// What `ERR` repeats of a line: its first word in upper case if that has only letters, at most [`VERB_MAX`]; else `-`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerbEcho(String);

impl VerbEcho {
    /// Of a line, or of the start of one that was too long.
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

/// The first word, and what follows the one blank after it. Blanks before the word are skipped.
pub(super) fn first_word(line: &[u8]) -> (&[u8], &[u8]) {
    let start = line.iter().position(|&b| b != b' ').unwrap_or(line.len());
    let line = &line[start..];
    match line.iter().position(|&b| b == b' ') {
        Some(end) => (&line[..end], &line[end + 1..]),
        None => (line, &[]),
    }
}
