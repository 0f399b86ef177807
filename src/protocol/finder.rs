//! Which messages hold a text, whatever the case. Most of a history is passed over at the speed of memory: what is looked for is
//! the rarest part of the text, in all its forms at once. Only a line that has that is looked at closely.

use std::ops::Range;

use aho_corasick::packed::{self, Searcher};
use aho_corasick::{AhoCorasick, Input, MatchKind};
use memchr::memmem;

use super::folding::{Folding, forms};
use super::text::Text;
use crate::limits::{FIND_PART_CHARS, FIND_PART_FORMS, TIME_LEN};

/// Finds a text in messages.
#[derive(Debug)]
pub struct Finder {
    part: Part,
    leads: Option<Leads>,
    folding: Folding,
    /// The text, folded.
    text: memmem::Finder<'static>,
    /// The message that is looked at, folded.
    folded: Vec<u8>,
}

/// The bytes with which all spellings of a part begin that begins with no ASCII: where there is little but ASCII, these are found
/// faster than a part is.
#[derive(Debug)]
struct Leads([u8; 2]);

impl Leads {
    fn of(spellings: &[String]) -> Option<Leads> {
        let mut bytes: Vec<u8> = spellings.iter().map(|spelling| spelling.as_bytes()[0]).collect();
        bytes.sort_unstable();
        bytes.dedup();
        match bytes[..] {
            [one] if !one.is_ascii() => Some(Leads([one, one])),
            [one, two] if !one.is_ascii() => Some(Leads([one, two])),
            _ => None,
        }
    }

    /// Where the first of them is.
    fn first(&self, lines: &[u8], from: usize) -> Option<usize> {
        let Leads([one, two]) = *self;
        Some(from + memchr::memchr2(one, two, &lines[from..])?)
    }
}

/// All forms of some characters of the text.
#[derive(Debug)]
enum Part {
    /// With vector instructions.
    Packed(Searcher),
    /// For processors without them.
    Other(AhoCorasick),
}

impl Part {
    fn of(patterns: &[String]) -> Part {
        let mut packed = packed::Config::new().match_kind(packed::MatchKind::LeftmostFirst).builder();
        match packed.extend(patterns).build() {
            Some(searcher) => Part::Packed(searcher),
            None => Part::Other(
                AhoCorasick::builder()
                    .match_kind(MatchKind::LeftmostFirst)
                    .build(patterns)
                    .expect("the patterns are few and short"),
            ),
        }
    }

    /// Where it next occurs.
    fn next(&self, lines: &[u8], from: usize) -> Option<usize> {
        let found = match self {
            Part::Packed(searcher) => searcher.find_in(lines, (from..lines.len()).into()),
            Part::Other(automaton) => automaton.find(Input::new(lines).range(from..)),
        };
        found.map(|found| found.start())
    }
}

impl Finder {
    /// Of a text that is not empty.
    pub fn new(text: Text<'_>) -> Finder {
        let text = text.as_str();
        let folding = Folding::of(text);
        let mut folded = Vec::new();
        folding.write(text, &mut folded);
        let finder = memmem::Finder::new(&folded).into_owned();
        let spellings = spellings(&rarest(text));
        Finder { part: Part::of(&spellings), leads: Leads::of(&spellings), folding, text: finder, folded }
    }

    /// Where the part next occurs.
    fn next(&self, lines: &[u8], from: usize) -> Option<usize> {
        let from = match &self.leads {
            Some(leads) => leads.first(lines, from)?,
            None => from,
        };
        self.part.next(lines, from)
    }

    /// Calls `each` with the place of every message that holds the text: where its line begins, and after its LF. `lines` are
    /// whole lines of the transcript. Takes time in proportion to their length, whatever they and the text are.
    pub fn messages(&mut self, lines: &[u8], mut each: impl FnMut(Range<usize>)) {
        let mut at = 0;
        while let Some(hit) = self.next(lines, at) {
            let start = memchr::memrchr(b'\n', &lines[at..hit]).map_or(at, |lf| at + lf + 1);
            let end = memchr::memchr(b'\n', &lines[hit..]).map_or(lines.len(), |lf| hit + lf);
            // `at` is where a line ends, or where the text of this one begins.
            let text = if start > at || at == 0 {
                text_of(&lines[start..end]).map(|text| start + text)
            } else {
                Some(at)
            };
            match text {
                // Its number, time or author.
                Some(text) if hit < text => at = text,
                Some(text) => {
                    if self.is_in(&lines[text..end]) {
                        let start = memchr::memrchr(b'\n', &lines[..text]).map_or(0, |lf| lf + 1);
                        each(start..(end + 1).min(lines.len()));
                    }
                    at = end;
                }
                None => at = end,
            }
        }
    }

    fn is_in(&mut self, text: &[u8]) -> bool {
        let Ok(text) = std::str::from_utf8(text) else { return false };
        self.folding.write(text, &mut self.folded);
        self.text.find(&self.folded).is_some()
    }
}

/// Where the text begins in a line, if that is a message.
fn text_of(line: &[u8]) -> Option<usize> {
    let numbered = line.strip_prefix(b"MSG ")?;
    let timed = numbered.get(memchr::memchr(b' ', numbered)? + 1 + TIME_LEN + 1..)?;
    let text = timed.get(memchr::memchr(b' ', timed)? + 1..)?;
    Some(line.len() - text.len())
}

/// The part of a text that is found least often by chance: some characters in a row, with the forms of each.
fn rarest(text: &str) -> Vec<Vec<char>> {
    let all: Vec<Vec<char>> = text.chars().map(forms).collect();
    let parts = (0..all.len()).map(|start| {
        let (mut spellings, mut end) = (1, start);
        while end < all.len().min(start + FIND_PART_CHARS) && spellings * all[end].len() <= FIND_PART_FORMS {
            spellings *= all[end].len();
            end += 1;
        }
        &all[start..end]
    });
    let rarity = |part: &&[Vec<char>]| part.iter().map(|forms| rarity(forms)).sum::<u32>();
    parts.max_by_key(rarity).expect("the text is not empty").to_vec()
}

/// How rare a character is, in all its forms: about the number of bits by which finding it is a surprise.
fn rarity(forms: &[char]) -> u32 {
    /// The letters of English from the most frequent to the rarest, and the blank.
    const LETTERS: &str = " etaoinshrdlcumwfgypbvkjxqz";
    match forms.iter().map(char::to_ascii_lowercase).find(char::is_ascii) {
        // In the number and the time of every line.
        Some('0'..='9' | '-' | ':' | '.' | '@') => 2,
        Some(c) => LETTERS.find(c).map_or(8, |at| 2 + u32::try_from(at / 4).expect("few")),
        None => 6,
    }
}

/// All ways to write these characters.
fn spellings(part: &[Vec<char>]) -> Vec<String> {
    part.iter().fold(vec![String::new()], |begun, forms| {
        let with = |begun: &String| forms.iter().map(|&form| format!("{begun}{form}")).collect::<Vec<_>>();
        begun.iter().flat_map(with).collect()
    })
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    fn line(seq: usize, text: &str) -> String {
        format!("MSG {seq} 2026-01-02T03:04:05.678Z ann@example.org {text}\n")
    }

    fn found(text: &str, lines: &str) -> Vec<String> {
        let mut finder = Finder::new(Text::parse(text.as_bytes()).expect("a text"));
        let mut found = Vec::new();
        finder.messages(lines.as_bytes(), |place| found.push(lines[place].to_owned()));
        found
    }

    /// Texts of which the first is found in the others marked with `+`.
    fn check(text: &str, others: &[&str]) {
        let line_of = |(at, other): (usize, &&str)| line(at + 1, &other[1..]);
        let lines: String = others.iter().enumerate().map(line_of).collect();
        let expected = others.iter().enumerate().filter(|(_, other)| other.starts_with('+')).map(line_of);
        assert_eq!(found(text, &lines), expected.collect::<Vec<_>>(), "{text}");
    }

    #[test]
    fn texts() {
        check("hello", &["+Hello", "-hell o", "+say HELLO!", "-", "+ hellohello "]);
        check("größe", &["+GRÖẞE", "+Größe", "-grosse", "-GRÖSSE", "-gro\u{308}ße"]);
        check("σος", &["+ΣΟΣ", "+σοσ", "-σο"]);
        check("ЖЁ", &["+жё", "+оЖёт", "-же"]);
        check("k", &["+ok", "+273 \u{212a}", "-c"]);
        check("漢", &["+漢字", "-字"]);
        check(" ", &["+a b", "-ab", "+ ", "-"]);
        check("a b", &["+A B", "-a  b"]);
        check("x", &["-", "-", "+x"]);
        check("%", &["+100 %", "-100"]);
    }

    #[test]
    fn only_the_text_of_a_message_counts() {
        check("ann", &["+Anna", "-hi"]);
        check("2026-01", &["-hi", "+since 2026-01-02"]);
        check("MSG 2", &["-hi", "+I said MSG 2"]);
        check("org hi", &["-hi"]);
        check("z", &["-hi", "+zoo"]);
        let other = "ADDED 7 2026-01-02T03:04:05.678Z ann@example.org bob@example.org\n\
                     TITLED 8 2026-01-02T03:04:05.678Z ann@example.org bob and others\n\
                     MSG 9 2026-01-02T03:04:05.678Z bob@example.org bob\n\
                     MSG 10 bob\nbob\n\n";
        assert_eq!(found("bob", other), ["MSG 9 2026-01-02T03:04:05.678Z bob@example.org bob\n"]);
    }

    #[test]
    fn the_rarest_part() {
        let part = |text: &str| rarest(text).iter().map(|forms| forms[0]).collect::<String>();
        assert_eq!(part("the jazz seat"), "JAZZ");
        assert_eq!(part("7"), "7");
        assert_eq!(part("12:30 pm"), "0 PM");
        assert!(spellings(&rarest("sssss")).len() <= FIND_PART_FORMS);
    }

    #[test]
    fn leads() {
        let leads = |text: &str| Leads::of(&spellings(&rarest(text))).map(|Leads(bytes)| bytes);
        assert_eq!(leads("и"), Some([0xd0, 0xd0]));
        assert_eq!(leads("σ"), Some([0xce, 0xcf]));
        assert_eq!((leads("s"), leads("k"), leads("x")), (None, None, None));
    }

    /// Characters that occur often, so that texts are found, or nearly so.
    fn text(longest: usize) -> impl Strategy<Value = String> {
        let characters = vec!["a", "A", "b", "s", "ſ", "k", "\u{212a}", "ß", "ẞ", "ж", "Ж", " ", "2", "@"];
        vec(select(characters), 1..=longest).prop_map(|characters| characters.concat())
    }

    proptest! {
        #[test]
        fn as_a_naive_search(text in text(7), others in vec(text(30), 0..20)) {
            let lines: Vec<String> = (1..).zip(&others).map(|(seq, other)| line(seq, other)).collect();
            let same = |one: char, two: char| forms(one).contains(&two);
            let text_of: Vec<char> = text.chars().collect();
            let holds = |other: &String| {
                let other: Vec<char> = other.chars().collect();
                other.windows(text_of.len()).any(|w| w.iter().zip(&text_of).all(|(a, b)| same(*a, *b)))
            };
            let expected: Vec<&String> =
                lines.iter().zip(&others).filter(|(_, other)| holds(other)).map(|(line, _)| line).collect();
            let found = found(&text, &lines.concat());
            prop_assert_eq!(found.iter().collect::<Vec<_>>(), expected);
        }
    }

    /// What occurs in every line, or nearly, is found in time that grows as the lines do: this ends.
    #[test]
    fn hostile_texts() {
        let long = "a".repeat(4000);
        let lines: String = (1..500).map(|seq| line(seq, &long)).collect();
        assert_eq!(found("a", &lines).len(), 499);
        assert_eq!(found(&long, &lines).len(), 499);
        assert_eq!(found(&[&long[1..], "b"].concat(), &lines).len(), 0);
        assert_eq!(found(&["b", &long[1..]].concat(), &lines).len(), 0);
        let halves = ["b", &long[..1999], "b", &long[..1999]].concat();
        assert_eq!(found(&halves, &lines).len(), 0);
        assert_eq!(found("@example.org", &lines).len(), 0);
    }
}
