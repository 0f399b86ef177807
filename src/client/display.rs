//! Text that is safe on a terminal. The server checks what it passes on; the client does not rely on that.

use std::borrow::Cow;

use crate::fingerprint::Fingerprint;
use crate::protocol::Text;

/// Pairs of a fingerprint in a row, which has 27 columns with its indent.
const PAIRS_A_ROW: usize = 8;

/// The bytes as text that does not control a terminal: U+FFFD for every character that [`Text`] refuses.
pub(super) fn clean(bytes: &[u8]) -> Cow<'_, str> {
    let cleaned = |c| if is_harmless(c) { c } else { char::REPLACEMENT_CHARACTER };
    match Text::parse(bytes) {
        Ok(text) => Cow::Borrowed(text.as_str()),
        Err(_) => Cow::Owned(String::from_utf8_lossy(bytes).chars().map(cleaned).collect()),
    }
}

/// Whether a character is only displayed. [`Text`] decides, so that there is one rule.
pub(super) fn is_harmless(c: char) -> bool {
    Text::parse(c.encode_utf8(&mut [0; 4]).as_bytes()).is_ok()
}

/// A sentence for a terminal, with each fingerprint in rows of its own, which no terminal breaks within a pair.
pub(super) fn with_rows(sentence: &str) -> String {
    let mut shown = String::new();
    for (at, word) in sentence.split(' ').enumerate() {
        let bare = word.trim_end_matches([',', '.', ';', ':']);
        if Fingerprint::parse(bare).is_none() {
            let blank = if at == 0 || shown.ends_with('\n') { "" } else { " " };
            shown.extend([blank, word]);
            continue;
        }
        let pairs: Vec<&str> = bare.split(':').collect();
        let rows: Vec<String> =
            pairs.chunks(PAIRS_A_ROW).map(|row| format!("\n    {}", row.join(":"))).collect();
        shown.extend([&rows.join(":"), &word[bare.len()..], "\n"]);
    }
    shown.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], expected: &str) {
        assert_eq!(clean(bytes), expected);
    }

    #[test]
    fn what_controls_a_terminal_is_replaced_and_the_rest_stays() {
        check("tab\tünï 漢字 👩‍👧".as_bytes(), "tab\tünï 漢字 👩‍👧");
        check(b"\x1b[2J\x07", "\u{fffd}[2J\u{fffd}");
        check("a\u{9b}b\u{202e}c\u{2028}d".as_bytes(), "a\u{fffd}b\u{fffd}c\u{fffd}d");
        check(b"a\r\nb\0\x7f", "a\u{fffd}\u{fffd}b\u{fffd}\u{fffd}");
        check(b"caf\xe9 \xff", "caf\u{fffd} \u{fffd}");
    }
    #[test]
    fn a_fingerprint_is_shown_in_rows_of_whole_pairs() {
        let fingerprint = ["AB"; 32].join(":");
        let row = ["AB"; 8].join(":");
        assert_eq!(
            with_rows(&format!("it shows {fingerprint}, and FILE:1 says {fingerprint}. So nothing was sent")),
            format!(
                "it shows\n    {row}:\n    {row}:\n    {row}:\n    {row},\nand FILE:1 says\n    {row}:\n    {row}:\n    \
                 {row}:\n    {row}.\nSo nothing was sent"
            )
        );
        assert_eq!(with_rows("none in  it: a"), "none in  it: a");
    }
}
