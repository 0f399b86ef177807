//! What may stand on a screen. The server checks what it passes on; the client does not take its word for it.

use std::borrow::Cow;

use crate::protocol::Text;

/// The bytes as text in which nothing acts on a terminal: what [`Text`] refuses stands as U+FFFD.
pub(super) fn clean(bytes: &[u8]) -> Cow<'_, str> {
    match Text::parse(bytes) {
        Ok(text) => Cow::Borrowed(text.as_str()),
        Err(_) => Cow::Owned(String::from_utf8_lossy(bytes).chars().map(clean_char).collect()),
    }
}

/// Whether a character only stands where it is put. Asked of the type, so that there is one rule.
pub(super) fn is_harmless(c: char) -> bool {
    Text::parse(c.encode_utf8(&mut [0; 4]).as_bytes()).is_ok()
}

fn clean_char(c: char) -> char {
    if is_harmless(c) { c } else { char::REPLACEMENT_CHARACTER }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], expected: &str) {
        assert_eq!(clean(bytes), expected);
    }

    #[test]
    fn what_acts_is_replaced_and_the_rest_stays() {
        check("tab\tünï 漢字 👩‍👧".as_bytes(), "tab\tünï 漢字 👩‍👧");
        check(b"\x1b[2J\x07", "\u{fffd}[2J\u{fffd}");
        check("a\u{9b}b\u{202e}c\u{2028}d".as_bytes(), "a\u{fffd}b\u{fffd}c\u{fffd}d");
        check(b"a\r\nb\0\x7f", "a\u{fffd}\u{fffd}b\u{fffd}\u{fffd}");
        check(b"caf\xe9 \xff", "caf\u{fffd} \u{fffd}");
    }
}
