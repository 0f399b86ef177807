//! Text that people write.

/// Text that a person writes: UTF-8 without characters that could move a reader's cursor, colour their screen or
/// reverse their text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text<'a>(&'a str);

/// Why a text was refused.
#[derive(Clone, Copy, Debug, derive_more::Display, PartialEq, Eq)]
pub enum TextError {
    /// Not UTF-8.
    #[display("text is UTF-8, and this is not")]
    Encoding,
    /// A control, line-separating or direction-changing character.
    #[display("text may not contain U+{:04X}", u32::from(*_0))]
    Character(char),
}

impl<'a> Text<'a> {
    /// Parses a text, which stays verbatim.
    pub fn parse(bytes: &'a [u8]) -> Result<Text<'a>, TextError> {
        let text = std::str::from_utf8(bytes).map_err(|_| TextError::Encoding)?;
        // Most texts are ASCII, and this loop checks many bytes at a time.
        let is_plain = |byte: u8| (b' '..0x7f).contains(&byte) || byte == b'\t';
        if bytes.iter().fold(true, |all, &byte| all & is_plain(byte)) {
            return Ok(Text(text));
        }
        match text.chars().find(|&c| is_forbidden(c)) {
            Some(c) => Err(TextError::Character(c)),
            None => Ok(Text(text)),
        }
    }

    /// The text.
    pub fn as_str(self) -> &'a str {
        self.0
    }
}

/// Characters that control a terminal instead of being shown: C0 except TAB, DEL and C1, line and paragraph separators,
/// and the bidirectional controls of "Trojan Source" (UTS #55).
pub(super) fn is_forbidden(c: char) -> bool {
    matches!(
        c,
        '\0'..='\x08' | '\x0a'..='\x1f' | '\x7f'..='\u{9f}' | '\u{2028}' | '\u{2029}'
        | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_every_character_but_the_forbidden_ones() {
        let listed = |c: u32| {
            (c <= 0x1f && c != 0x09)
                || (0x7f..=0x9f).contains(&c)
                || (0x2028..=0x202e).contains(&c)
                || (0x2066..=0x2069).contains(&c)
        };
        for c in '\0'..=char::MAX {
            let text = c.to_string();
            assert_eq!(Text::parse(text.as_bytes()).is_err(), listed(c.into()), "U+{:04X}", u32::from(c));
        }
    }

    #[test]
    fn texts() {
        for good in ["hi", " two  blanks ", "tab\there", "ünï → 漢字 👩‍👩‍👧"] {
            assert!(Text::parse(good.as_bytes()).is_ok(), "{good:?}");
        }
        for bad in ["a\u{0}", "\u{1b}[2J", "\r", "a\u{7f}", "\u{85}", "\u{2028}", "\u{202e}abc", "\u{2066}"] {
            assert!(matches!(Text::parse(bad.as_bytes()), Err(TextError::Character(_))), "{bad:?}");
        }
        assert_eq!(Text::parse(b"\xff"), Err(TextError::Encoding));
    }
}
