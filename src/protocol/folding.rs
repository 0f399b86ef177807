//! Letters whatever their case: Unicode's simple case folding, as far as one text needs it.

use regex_syntax::hir::{ClassUnicode, ClassUnicodeRange};

/// Makes characters the same that differ from those of a text in their case alone, each by itself: `É` and `é`, `Σ`, `σ` and
/// `ς`, but not `ß` and `ss`.
#[derive(Clone, Debug)]
pub(super) struct Folding {
    /// Beyond ASCII: the forms of the text's characters, sorted, each with the one that stands for it and the others.
    others: Vec<(char, char)>,
}

impl Folding {
    /// What this text needs.
    pub(super) fn of(text: &str) -> Folding {
        let mut characters: Vec<char> = text.chars().collect();
        characters.sort_unstable();
        characters.dedup();
        let mut others: Vec<(char, char)> = characters
            .into_iter()
            .flat_map(|c| {
                let forms = forms(c);
                let all = *forms.first().expect("a character is a form of itself");
                forms.into_iter().filter(|form| !form.is_ascii()).map(move |c| (c, all.to_ascii_lowercase()))
            })
            .collect();
        others.sort_unstable();
        others.dedup();
        Folding { others }
    }

    fn fold(&self, c: char) -> char {
        match self.others.binary_search_by_key(&c, |&(form, _)| form) {
            Ok(at) => self.others[at].1,
            Err(_) => c.to_ascii_lowercase(),
        }
    }

    /// Writes this text into `folded`, over what is there.
    pub(super) fn write(&self, text: &str, folded: &mut Vec<u8>) {
        folded.clear();
        if self.others.is_empty() || text.is_ascii() {
            folded.extend_from_slice(text.as_bytes());
            folded.make_ascii_lowercase();
            return;
        }
        for c in text.chars() {
            let mut bytes = [0; 4];
            folded.extend_from_slice(self.fold(c).encode_utf8(&mut bytes).as_bytes());
        }
    }
}

/// The characters that differ from this one in their case alone, and itself, in their order.
pub(super) fn forms(c: char) -> Vec<char> {
    let mut class = ClassUnicode::new([ClassUnicodeRange::new(c, c)]);
    class.try_case_fold_simple().expect("the tables are compiled in");
    class.iter().flat_map(|range| range.start()..=range.end()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, other: &str, are_same: bool) {
        let folding = Folding::of(text);
        let (mut one, mut two) = (Vec::new(), Vec::new());
        folding.write(text, &mut one);
        folding.write(other, &mut two);
        assert_eq!(one == two, are_same, "{text} {other}");
    }

    #[test]
    fn the_same_whatever_the_case() {
        for (one, two) in [
            ("Hello, World 7", "hELLO, wORLD 7"),
            ("Größe", "gRÖßE"),
            ("ẞ", "ß"),
            ("ΣΊΣΥΦΟΣ", "σίσυφος"),
            ("Привет, ЁЖ", "пРИВЕТ, ёж"),
            // The Kelvin sign, the long s, the micro sign.
            ("kK\u{212a}", "\u{212a}kK"),
            ("sS\u{17f}", "\u{17f}sS"),
            ("\u{b5}", "Μ"),
            ("ǆ ǅ Ǆ", "Ǆ ǆ ǅ"),
            ("Ⴀ", "ⴀ"),
            ("漢字 👩‍👩‍👧", "漢字 👩‍👩‍👧"),
        ] {
            check(one, two, true);
            check(two, one, true);
        }
    }

    #[test]
    fn not_the_same() {
        for (one, two) in [
            ("ß", "ss"),
            // Turkish has letters of its own.
            ("ı", "i"),
            ("İ", "i"),
            // One piece and two.
            ("ü", "u\u{308}"),
            ("é", "e"),
            ("a", "\u{430}"),
            ("[", "{"),
            ("@", "`"),
        ] {
            check(one, two, false);
            check(two, one, false);
        }
    }

    #[test]
    fn all_forms_of_a_character_are_one() {
        for c in (0..0x2_0000).filter_map(char::from_u32) {
            let forms = forms(c);
            assert!(forms.contains(&c) && forms.is_sorted(), "{c}");
            let folding = Folding::of(&c.to_string());
            let folded: Vec<char> = forms.iter().map(|&form| folding.fold(form)).collect();
            assert!(folded.windows(2).all(|two| two[0] == two[1]), "{c}: {folded:?}");
            assert!(c.is_ascii() || c == folding.fold(c) || forms.len() > 1, "{c}");
        }
    }
}
