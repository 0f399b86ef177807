//! What members agree on for all of them: what the group is called, and who speaks.

use std::fmt;
use std::sync::Arc;

use super::name::{NameError, kept_text, shown_text};

/// What the group is called: text by the rules of names, but for those that keep mails apart. Cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct Title(Arc<str>);

/// Whether only admins speak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Announce {
    /// Everybody does.
    #[default]
    Off,
    /// Only admins do.
    On,
}

impl Title {
    /// Parses what somebody types, and composes it. An error is a sentence.
    pub fn parse(bytes: &[u8]) -> Result<Title, String> {
        shown_text(bytes).map(|text| Title(text.into())).map_err(|why: NameError| why.about("title"))
    }

    /// Parses a title that was one when it was given.
    pub fn kept(bytes: &[u8]) -> Option<Title> {
        kept_text(bytes).map(|text| Title(text.into()))
    }

    /// The title.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Announce {
    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Announce::Off => "off",
            Announce::On => "on",
        }
    }

    /// Parses a word.
    pub fn parse(word: &[u8]) -> Option<Announce> {
        [Announce::Off, Announce::On].into_iter().find(|mode| mode.word().as_bytes() == word)
    }
}

impl fmt::Display for Title {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Title {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for Announce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles() {
        for good in ["The Choir", "#1 @ home/away", "J\u{fc}rgens Verein", "👩\u{200d}👩\u{200d}👧", "on"]
        {
            assert_eq!(Title::parse(good.as_bytes()).expect(good).as_str(), good);
            assert_eq!(Title::kept(good.as_bytes()), Title::parse(good.as_bytes()).ok());
        }
        assert_eq!(Title::parse("Ju\u{308}rgen".as_bytes()).expect("a title").as_str(), "J\u{fc}rgen");
        for (bad, why) in [
            ("", "a title has 1 to 64 characters"),
            (&"x".repeat(65), "a title has 1 to 64 characters"),
            (" x", "a title begins and ends with no blank"),
            ("x\u{3000}", "a title begins and ends with no blank"),
            ("a\u{202e}b", "a title may not contain U+202E, which is not shown"),
            ("a\tb", "a title may not contain U+0009, which is not shown"),
        ] {
            assert_eq!(Title::parse(bad.as_bytes()), Err(why.to_owned()));
        }
        for bad in ["", " x", "a\u{1b}b"] {
            assert_eq!(Title::kept(bad.as_bytes()), None);
        }
    }

    #[test]
    fn modes() {
        for mode in [Announce::Off, Announce::On] {
            assert_eq!(Announce::parse(mode.word().as_bytes()), Some(mode));
        }
        assert_eq!(Announce::parse(b"On"), None);
    }
}
