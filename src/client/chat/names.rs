//! What members are called: their own names, or their mails, shortened where that is unambiguous; in a constant colour, and
//! completed. Nobody is shown like somebody else: where two look alike, the mails stand beside them.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use unicode_width::UnicodeWidthChar as _;

use crate::client::terminal::layout::{NAME_COLOURS, Style};
use crate::limits::CLIENT_NAMES_MAX;
use crate::protocol::{DisplayName, Event, Look, Mail, Seq};

/// The known members of the group.
#[derive(Debug)]
pub(super) struct Names {
    pub(super) me: Mail,
    known: BTreeMap<Mail, Called>,
    /// Whose name, or part of the mail before the `@`, looks so.
    looks: BTreeMap<Look, BTreeSet<Mail>>,
    /// The list of members is of this event or a later one.
    as_of: Seq,
    /// All that the list says is known.
    pub(super) are_listed: bool,
}

/// What a member is called.
#[derive(Debug, Default)]
struct Called {
    name: Option<DisplayName>,
    /// The event that said so, if it came after the list.
    since: Seq,
}

impl Names {
    pub(super) fn new(me: &Mail) -> Names {
        let (known, looks) = (BTreeMap::new(), BTreeMap::new());
        let mut names = Names { me: me.clone(), known, looks, as_of: Seq(0), are_listed: false };
        names.learn(me);
        names
    }

    /// A list of members will come, which knows of this event.
    pub(super) fn will_be_listed(&mut self, last: Seq) {
        self.as_of = last;
        self.are_listed = false;
    }

    /// Whether the list knew of this event.
    pub(super) fn know(&self, seq: Seq) -> bool {
        seq <= self.as_of
    }

    pub(super) fn learn(&mut self, mail: &Mail) {
        if self.known.len() < CLIENT_NAMES_MAX && !self.known.contains_key(mail) {
            self.known.insert(mail.clone(), Called::default());
            self.looks.entry(Look::of_mail(mail)).or_default().insert(mail.clone());
        }
    }

    /// A member is called so.
    pub(super) fn call(&mut self, mail: &Mail, name: Option<DisplayName>) {
        self.learn(mail);
        let Some(called) = self.known.get_mut(mail) else { return };
        let before = std::mem::replace(&mut called.name, name.clone());
        if let Some(before) = before {
            self.drop_look(&before.look(), mail);
        }
        for look in name.map(|name| name.look()).into_iter().chain([Look::of_mail(mail)]) {
            self.looks.entry(look).or_default().insert(mail.clone());
        }
    }

    fn drop_look(&mut self, look: &Look, mail: &Mail) {
        if let Some(mails) = self.looks.get_mut(look) {
            mails.remove(mail);
            if mails.is_empty() {
                self.looks.remove(look);
            }
        }
    }

    /// What an event says. The list knew of those before it, and of what became of that.
    pub(super) fn follow(&mut self, event: &Event<'_>, seq: Seq) {
        match event {
            Event::Msg { mail, .. }
            | Event::Added { mail, .. }
            | Event::Role { mail, .. }
            | Event::Titled { by: mail, .. }
            | Event::Announce { by: mail, .. } => {
                self.learn(mail);
            }
            Event::Named { mail, name, .. } if seq > self.as_of => {
                if self.known.get(mail).is_none_or(|called| seq > called.since) {
                    self.call(mail, name.clone());
                    self.known.entry(mail.clone()).and_modify(|called| called.since = seq);
                }
            }
            Event::Removed { mail, .. } if seq > self.as_of => self.forget(mail),
            Event::Named { .. } | Event::Removed { .. } => {}
        }
    }

    fn forget(&mut self, mail: &Mail) {
        if let Some(Called { name, .. }) = self.known.remove(mail) {
            for look in name.map(|name| name.look()).into_iter().chain([Look::of_mail(mail)]) {
                self.drop_look(&look, mail);
            }
        }
    }

    /// My own name; nothing if I have none.
    pub(super) fn mine(&self) -> &str {
        self.name(&self.me).map_or("", DisplayName::as_str)
    }

    /// A member's own name.
    fn name(&self, mail: &Mail) -> Option<&DisplayName> {
        self.known.get(mail)?.name.as_ref()
    }

    fn is_only(&self, look: &Look, mail: &Mail) -> bool {
        self.looks.get(look).is_none_or(|mails| mails.iter().all(|known| known == mail))
    }

    /// As whom to show a member: `Ann Baker`, with the mail where somebody else looks like that; `ann` for ann@example.org without
    /// a name, as long as nobody else is called so.
    pub(super) fn shown(&self, mail: &Mail) -> String {
        match self.name(mail) {
            Some(name) if is_plain(name) && self.is_only(&name.look(), mail) => name.to_string(),
            Some(_) => self.in_full(mail),
            None => self.word(mail).to_owned(),
        }
    }

    /// `Ann Baker (ann@example.org)`; without a name as above.
    pub(super) fn in_full(&self, mail: &Mail) -> String {
        self.name(mail).map_or(self.word(mail).to_owned(), |name| format!("{name} ({mail})"))
    }

    /// One word for a member, made of the mail.
    pub(super) fn word<'a>(&self, mail: &'a Mail) -> &'a str {
        if self.is_only(&Look::of_mail(mail), mail) { mail.local_part() } else { mail.as_str() }
    }

    pub(super) fn style(&self, mail: &Mail) -> Style {
        if *mail == self.me { Style::Own } else { Style::Name(colour(mail)) }
    }

    /// The mail for what a person has typed: a mail, or what only one member is called.
    pub(super) fn resolve(&self, typed: &str) -> Option<Mail> {
        if let Ok(mail) = Mail::parse(typed.as_bytes()) {
            return Some(mail);
        }
        let typed = folded(typed);
        let is_called = |mail: &Mail| {
            mail.local_part() == typed || self.name(mail).is_some_and(|name| folded(name.as_str()) == typed)
        };
        let mut mails = self.known.keys().filter(|mail| is_called(mail));
        mails.next().filter(|_| mails.next().is_none()).cloned()
    }

    /// Where the text contains what I am called as a word of its own: my name, the whole mail, or the part before its `@`.
    pub(super) fn mentions(&self, text: &str) -> Vec<Range<usize>> {
        let mut mine = [self.me.as_str(), self.me.local_part(), self.mine()].map(folded);
        mine.sort_by_key(|name| std::cmp::Reverse(name.len()));
        let mut found: Vec<Range<usize>> = Vec::new();
        for (at, _) in text.char_indices() {
            if found.last().is_some_and(|last| at < last.end) {
                continue;
            }
            let ends = mine.iter().filter_map(|name| begins(&text[at..], name)).map(|len| at + len);
            found.extend(ends.into_iter().find(|&end| is_word(text, at, end)).map(|end| at..end));
        }
        found
    }

    /// Those whose name, or mail, begins like this; not me. `write` says what is made of each.
    pub(super) fn complete(&self, begin: &str, write: impl Fn(&Names, &Mail) -> String) -> Vec<String> {
        let begin = folded(begin);
        let fits = |mail: &Mail| {
            let is_name = |name: &DisplayName| folded(name.as_str()).starts_with(&begin);
            mail.as_str().starts_with(&begin) || self.name(mail).is_some_and(is_name)
        };
        let others = self.known.keys().filter(|mail| **mail != self.me && fits(mail));
        let written = |mail: &Mail| if begin.contains('@') { mail.to_string() } else { write(self, mail) };
        let mut names: Vec<String> = others.map(written).collect();
        names.sort();
        names.dedup();
        names
    }
}

/// Whether nobody takes more of a line for the name than it is, or less: `bob: hi` would look like something that Bob said. The
/// server lets no others in than those that are names, but this is not to depend on it.
fn is_plain(name: &DisplayName) -> bool {
    DisplayName::parse(name.as_str().as_bytes()).is_ok() && !name.look().as_str().contains([':', '*'])
}

/// Whatever the case.
fn folded(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

/// How many bytes of the text are this name, which is folded, if it begins with it.
fn begins(text: &str, name: &str) -> Option<usize> {
    let mut name = name.chars().peekable();
    name.peek()?;
    for (at, c) in text.char_indices() {
        if name.peek().is_none() {
            return Some(at);
        }
        if !c.to_lowercase().all(|c| name.next() == Some(c)) {
            return None;
        }
    }
    name.peek().is_none().then_some(text.len())
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

/// FNV-1a: the same on every machine and in every version.
fn colour(mail: &Mail) -> usize {
    let hash = mail
        .as_str()
        .bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    hash as usize % NAME_COLOURS.len()
}

#[cfg(test)]
mod tests;
