//! Where a text may be broken: as UAX #14 says, but not within addresses, options and smileys.

use unicode_linebreak::linebreaks;

/// The bytes of a text before which a row may end, ascending.
pub(super) fn breaks(text: &str) -> Vec<usize> {
    let allowed = linebreaks(text).map(|(at, _)| at).filter(|&at| at < text.len() && is_fine(text, at));
    // UAX #14 lets no row begin with a slash. Here it begins a command or a path.
    let slashes = text.match_indices(" /").map(|(at, _)| at + 1);
    let mut found: Vec<usize> = allowed.chain(slashes).collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// An address is not broken, so that it can be clicked and copied. Neither are `--option`, `/path` and `:-D`: a row may end after
/// a punctuation mark only if the mark follows a letter or a digit.
fn is_fine(text: &str, at: usize) -> bool {
    let (before, after) = text.split_at(at);
    let mut back = before.chars().rev();
    match (back.next(), back.next()) {
        (Some(mark), marked) if mark.is_ascii_punctuation() => {
            marked.is_some_and(char::is_alphanumeric) && !is_in_address(before, after)
        }
        _ => true,
    }
}

fn is_in_address(before: &str, after: &str) -> bool {
    let is_outside = |c: char| !c.is_ascii_graphic();
    let begin =
        before.rfind(is_outside).map_or(0, |at| at + before[at..].chars().next().map_or(0, char::len_utf8));
    let end = after.find(is_outside).unwrap_or(after.len());
    let word = [&before[begin..], &after[..end]].concat();
    word.contains("://") || word.starts_with("www.")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pieces that are not broken, with bars between.
    fn check(expected: &str) {
        let text = expected.replace('|', "");
        let mut found = String::new();
        let mut begin = 0;
        for at in breaks(&text) {
            found.push_str(&text[begin..at]);
            found.push('|');
            begin = at;
        }
        found.push_str(&text[begin..]);
        assert_eq!(found, expected);
    }

    #[test]
    fn where_people_would() {
        check("one |two  |three");
        check("well-|kept |and/|or");
        check("--option |and |/path/|to :-D");
        check("今|日|は、|晴|れ|で|す。");
        check("「今|日」|は");
        check("한|국|어 |no\u{a0}break");
        check("Bonjour ! |Oui");
        check("");
    }

    #[test]
    fn addresses_stay_whole() {
        check("see |https://example.org/a/long-way?x=1&y=2 |there");
        check("見|て|https://example.org/a/b|を|見|て");
        check("www.example.org/a/b");
    }
}
