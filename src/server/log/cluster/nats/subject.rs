//! Where a message goes to, and where its answer goes.

use std::fmt;

use bytes::Bytes;

/// A subject without blanks and line ends, and not empty: what may stand in a command.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subject(Bytes);

impl Subject {
    /// `None`: it would not be one word of a command.
    pub fn new(text: impl Into<Bytes>) -> Option<Subject> {
        let text = text.into();
        let is_word = !text.is_empty() && !text.iter().any(|byte| b" \t\r\n".contains(byte));
        is_word.then_some(Subject(text))
    }

    /// Of one word, or of words that the caller knows to have no blanks.
    ///
    /// # Panics
    /// If it is not one word.
    pub fn word(text: impl Into<Bytes>) -> Subject {
        Subject::new(text).expect("the caller's words have no blanks")
    }

    /// Its bytes, which need not be UTF-8 if somebody else chose them.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// What follows these words, if it begins with them: `where.n1` after `where.` is `n1`.
    pub fn after(&self, begin: &str) -> Option<&[u8]> {
        self.0.strip_prefix(begin.as_bytes())
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.escape_ascii().fmt(f)
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
