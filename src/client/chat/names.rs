//! Names: shortened where that is unambiguous, in a constant colour, and completed.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use unicode_width::UnicodeWidthChar as _;

use crate::client::terminal::layout::{NAME_COLOURS, Style};
use crate::limits::CLIENT_NAMES_MAX;
use crate::protocol::Mail;

/// The known members of the group.
#[derive(Debug)]
pub(super) struct Names {
    pub(super) me: Mail,
    /// By the part before the `@`.
    known: BTreeMap<String, BTreeSet<Mail>>,
    count: usize,
}

impl Names {
    pub(super) fn new(me: &Mail) -> Names {
        let mut names = Names { me: me.clone(), known: BTreeMap::new(), count: 0 };
        names.learn(me);
        names
    }

    pub(super) fn learn(&mut self, mail: &Mail) {
        if self.count < CLIENT_NAMES_MAX
            && self.known.entry(local(mail).to_owned()).or_default().insert(mail.clone())
        {
            self.count += 1;
        }
    }

    pub(super) fn forget(&mut self, mail: &Mail) {
        if let Some(mails) = self.known.get_mut(local(mail))
            && mails.remove(mail)
        {
            self.count -= 1;
            if mails.is_empty() {
                self.known.remove(local(mail));
            }
        }
    }

    /// `ann` for ann@example.org, as long as no other ann is known.
    pub(super) fn short<'a>(&self, mail: &'a Mail) -> &'a str {
        let is_other = |mails: &BTreeSet<Mail>| mails.iter().any(|known| known != mail);
        if self.known.get(local(mail)).is_some_and(is_other) { mail.as_str() } else { local(mail) }
    }

    pub(super) fn style(&self, mail: &Mail) -> Style {
        if *mail == self.me { Style::Own } else { Style::Name(colour(mail)) }
    }

    /// The mail for what a person has typed: a mail, or a short name that is unambiguous.
    pub(super) fn resolve(&self, word: &str) -> Option<Mail> {
        if let Ok(mail) = Mail::parse(word.as_bytes()) {
            return Some(mail);
        }
        let mails = self.known.get(&word.to_ascii_lowercase())?;
        mails.first().filter(|_| mails.len() == 1).cloned()
    }

    /// Where the text contains my name as a word of its own: the whole mail, or the part before its `@`.
    pub(super) fn mentions(&self, text: &str) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        let mut from = 0;
        let lower = text.to_ascii_lowercase();
        while let Some(at) = lower[from..].find(local(&self.me)).map(|at| from + at) {
            let names = [self.me.as_str(), local(&self.me)];
            let name = names
                .into_iter()
                .find(|name| lower[at..].starts_with(name) && is_word(text, at, at + name.len()));
            // Names are ASCII, so the next byte begins a character.
            from = at + name.map_or(1, str::len);
            found.extend(name.map(|_| at..from));
        }
        found
    }

    /// The names that begin with a word, as they are shown.
    pub(super) fn complete(&self, begin: &str) -> Vec<String> {
        let begin = begin.to_lowercase();
        let mails = self.known.range(begin.clone()..).take_while(|(name, _)| name.starts_with(&begin));
        let others = mails.flat_map(|(_, mails)| mails).filter(|mail| **mail != self.me);
        let mut names: Vec<String> = others.map(|mail| self.short(mail).to_owned()).collect();
        if let Some((name, _)) = begin.split_once('@') {
            let mails = self.known.get(name).into_iter().flatten();
            names.extend(mails.map(Mail::to_string).filter(|mail| mail.starts_with(&begin)));
        }
        names.sort();
        names.dedup();
        names
    }
}

/// Whether a name is not a part of a longer word or of another mail: `anna`, `ann@elsewhere`, `ann.lee` and `x_ann` are not
/// ann.
fn is_word(text: &str, begin: usize, end: usize) -> bool {
    let joins = |c: char| "@._-+".contains(c);
    let is_part = |first: Option<char>, second: Option<char>| match first {
        // In scripts without blanks the next character is another word.
        Some(c) if c.is_alphanumeric() => c.width() != Some(2),
        Some(c) if joins(c) => second.is_some_and(char::is_alphanumeric),
        _ => false,
    };
    let (mut before, mut after) = (text[..begin].chars().rev(), text[end..].chars());
    !is_part(before.next(), before.next()) && !is_part(after.next(), after.next())
}

fn local(mail: &Mail) -> &str {
    mail.as_str().split('@').next().expect("split gives at least one piece")
}

/// FNV-1a: the same on every machine and in every version.
fn colour(mail: &Mail) -> usize {
    let hash = mail
        .as_str()
        .bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    hash as usize % NAME_COLOURS.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(text: &str) -> Mail {
        Mail::parse(text.as_bytes()).expect("a mail")
    }

    fn group(mails: &[&str]) -> Names {
        let mut names = Names::new(&mail("ann@x"));
        for text in mails {
            names.learn(&mail(text));
        }
        names
    }

    #[test]
    fn short_where_unique() {
        let mut names = group(&["bob@x", "bob@y", "cid@x"]);
        let short = |names: &Names, who: &str| names.short(&mail(who)).to_owned();
        assert_eq!(short(&names, "cid@x"), "cid");
        assert_eq!(short(&names, "bob@x"), "bob@x");
        assert_eq!(short(&names, "dan@x"), "dan", "not known yet");
        assert_eq!(short(&names, "cid@y"), "cid@y", "another cid is known");
        names.forget(&mail("bob@y"));
        names.forget(&mail("bob@y"));
        assert_eq!(short(&names, "bob@x"), "bob");
        assert_eq!(names.resolve("BOB"), Some(mail("bob@x")));
        assert_eq!(names.resolve("new@x"), Some(mail("new@x")));
        assert_eq!(names.resolve("nobody"), None);
    }

    #[test]
    fn colours_are_constant() {
        let names = group(&[]);
        assert_eq!(names.style(&mail("ann@x")), Style::Own);
        assert_eq!(names.style(&mail("bob@example.org")), Style::Name(colour(&mail("bob@example.org"))));
        let others = ["bob@x", "cid@x", "dan@x", "eve@x", "fay@x"].map(|who| colour(&mail(who)));
        assert!(others.iter().collect::<BTreeSet<_>>().len() >= 3, "{others:?}");
    }

    #[test]
    fn mentions() {
        let names = group(&[]);
        let check = |text: &str, expected: &[&str]| {
            let found: Vec<&str> = names.mentions(text).into_iter().map(|at| &text[at]).collect();
            assert_eq!(found, expected, "{text}");
        };
        check("ann", &["ann"]);
        check("Ann: look, ANN!", &["Ann", "ANN"]);
        check("ask ann@x, or ann.", &["ann@x", "ann"]);
        check("(ann) @ann ann's ann...", &["ann", "ann", "ann", "ann"]);
        check("annさん、漢ann 漢 ann", &["ann", "ann", "ann"]);
        for no in ["", "anna", "joann", "an n", "ann@y.org", "ann.lee", "x_ann", "ännann"] {
            check(no, &[]);
        }
    }

    #[test]
    fn completions() {
        let names = group(&["bob@x", "bert@x", "bob@y"]);
        assert_eq!(names.complete("b"), ["bert", "bob@x", "bob@y"]);
        assert_eq!(names.complete("BE"), ["bert"]);
        assert_eq!(names.complete("bert@"), ["bert@x"]);
        assert_eq!(names.complete("an"), [""; 0], "not me");
    }
}
