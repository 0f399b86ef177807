//! What characters look like, for the page, which cannot ask the crates that the server and the terminal client ask:
//! src/web/confusables.js. `UPDATE=1 cargo test --test tidy confusables` writes it again.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use chat_room::protocol::DisplayName;
use unicode_normalization::UnicodeNormalization as _;

use crate::{read, root};

const NAME: &str = "src/web/confusables.js";
const HEAD: &str = "\
// What characters look like, see look.js. Made from the server's rule: UPDATE=1 cargo test --test tidy confusables
// In the order of the characters: how much further each is than the one before, in base 36, if that is not 1, and its look.

export const CONFUSABLES = String.raw`
";
/// From here on there are no letters.
const UNASSIGNED: char = '\u{40000}';
/// Entries in a line of the file.
const A_LINE: usize = 20;

fn small(c: char) -> String {
    c.to_lowercase().nfd().collect()
}

/// Each character that a name may have, once it is composed and taken apart again, with what it looks like; without those
/// that look like themselves, or like their small letter.
fn looks() -> BTreeMap<char, String> {
    let mut looks = BTreeMap::new();
    for c in '!'..UNASSIGNED {
        let text = c.to_string();
        let look = DisplayName::kept(text.as_bytes()).map(|name| name.look().as_str().to_owned());
        let Some(look) = look.filter(|look| !look.is_empty() && *look != small(c)) else { continue };
        let is_whole = text.nfkc().nfd().eq([c]);
        if is_whole && DisplayName::parse(format!("\u{fc}{c}\u{fc}").as_bytes()).is_ok() {
            looks.insert(c, look);
        }
    }
    let all = looks.clone();
    looks.retain(|c, look| {
        let small = small(*c);
        let is_small = small.chars().eq([*c]);
        is_small
            || small.chars().count() > 1
            || small.chars().next().and_then(|small| all.get(&small)) != Some(look)
    });
    looks
}

fn written(looks: &BTreeMap<char, String>) -> String {
    let mut text = HEAD.to_owned();
    let mut before = 0;
    for (at, (c, look)) in looks.iter().enumerate() {
        assert!(
            !look.contains([' ', '|', '`', '\n']) && !look.contains("${"),
            "{look:?} cannot be written so"
        );
        if at > 0 {
            text.push(if at % A_LINE == 0 { '\n' } else { '|' });
        }
        let code = u32::from(*c);
        if code - before != 1 {
            text.push_str(&base_36(code - before));
        }
        write!(text, " {look}").expect("writing to a String cannot fail");
        before = code;
    }
    text.push_str("\n`;\n");
    text
}

fn base_36(mut number: u32) -> String {
    let mut digits = Vec::new();
    while number > 0 {
        digits.push(char::from_digit(number % 36, 36).expect("it is below 36"));
        number /= 36;
    }
    digits.iter().rev().collect()
}

#[test]
fn confusables() {
    let should = written(&looks());
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(root().join(NAME), &should).expect(NAME);
    }
    assert!(
        read(NAME) == should,
        "{NAME} has other looks than the server; this writes it: UPDATE=1 cargo test --test tidy confusables"
    );
}

#[test]
fn numbers_in_base_36() {
    for (number, text) in [(1, "1"), (35, "z"), (36, "10"), (1295, "zz"), (1296, "100")] {
        assert_eq!(base_36(number), text);
    }
}
