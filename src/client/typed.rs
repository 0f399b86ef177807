//! What a line typed at the terminal asks for.

use crate::limits::VERB_MAX;

/// A line as its typist meant it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Typed<'a> {
    /// Only Enter.
    Nothing,
    /// To be said.
    Message(&'a str),
    /// `/word rest`: the word in upper case and the rest verbatim.
    Command(String, &'a str),
    /// A slash with something behind it that is no word. More likely a slip than a message.
    Unclear,
}

impl Typed<'_> {
    /// Reads a line without its end.
    pub(super) fn parse(line: &str) -> Typed<'_> {
        if line.trim().is_empty() {
            return Typed::Nothing;
        }
        let Some(behind) = line.strip_prefix('/') else { return Typed::Message(line) };
        if behind.starts_with('/') {
            return Typed::Message(behind);
        }
        let (word, rest) = behind.split_once(' ').unwrap_or((behind, ""));
        let is_verb = (1..=VERB_MAX).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_alphabetic());
        if is_verb { Typed::Command(word.to_ascii_uppercase(), rest) } else { Typed::Unclear }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: &str) {
        assert_eq!(format!("{:?}", Typed::parse(line)), expected, "{line:?}");
    }

    #[test]
    fn messages() {
        check("hello", "Message(\"hello\")");
        check(" /who ", "Message(\" /who \")");
        check("//who", "Message(\"/who\")");
        check("///", "Message(\"//\")");
        check("", "Nothing");
        check(" \t ", "Nothing");
    }

    #[test]
    fn commands() {
        check("/who", "Command(\"WHO\", \"\")");
        check("/Add bob@x geheim", "Command(\"ADD\", \"bob@x geheim\")");
        check("/ping  a b ", "Command(\"PING\", \" a b \")");
        check("/abcdefghijklmnop", "Command(\"ABCDEFGHIJKLMNOP\", \"\")");
    }

    #[test]
    fn unclear() {
        check("/", "Unclear");
        check("/ who", "Unclear");
        check("/etc/passwd", "Unclear");
        check("/abcdefghijklmnopq", "Unclear");
    }
}
