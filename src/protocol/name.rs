//! The names that members give themselves, and what these look like.

use std::fmt;
use std::sync::Arc;

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;
use unicode_security::confusable_detection::skeleton;
use unicode_width::UnicodeWidthChar as _;

use super::mail::Mail;
use super::text::Text;
use crate::limits::{LOOK_MAX, NAME_MARKS_MAX, NAME_MAX};

/// What a member wants to be called: 1 to [`NAME_MAX`] characters, composed (NFC), all of them visible but blanks between
/// them. Nothing but what people see. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DisplayName(Arc<str>);

/// What a reader sees of a name: two that may be taken for each other have the same. One word. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Look(Arc<str>);

/// Why a text is no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameError {
    /// Not UTF-8.
    Encoding,
    /// None at all, or too many characters.
    Length,
    /// It would take far more room than its characters let expect.
    Wide,
    /// A blank at the beginning or the end.
    Edge,
    /// In members.txt it would look like a comment.
    Comment,
    /// A character that would make it a mail or a device, or look so.
    Mail(char),
    /// A character that is not shown, or acts on what is.
    Hidden(char),
    /// A mark that has nothing to stand on, or too many of them on each other.
    Marks,
}

impl NameError {
    /// A sentence about what the text was to be.
    pub(super) fn about(self, what: &str) -> String {
        let says = match self {
            NameError::Encoding => "is UTF-8, and this is not".to_owned(),
            NameError::Length => format!("has 1 to {NAME_MAX} characters"),
            NameError::Wide => "of these characters would be too long to be shown".to_owned(),
            NameError::Edge => "begins and ends with no blank".to_owned(),
            NameError::Comment => "does not begin with #".to_owned(),
            NameError::Mail(c) => format!("may not contain {c}, which is for mails and devices"),
            NameError::Hidden(c) => format!("may not contain U+{:04X}, which is not shown", u32::from(c)),
            NameError::Marks => {
                format!("begins with no mark, and has at most {NAME_MARKS_MAX} on each other")
            }
        };
        format!("a {what} {says}")
    }
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.about("name"))
    }
}

/// Parses what somebody types, and composes it (NFC): 1 to [`NAME_MAX`] characters, all of them visible but blanks between
/// them.
pub(super) fn shown_text(bytes: &[u8]) -> Result<String, NameError> {
    let typed = std::str::from_utf8(bytes).map_err(|_| NameError::Encoding)?;
    let text: String = typed.nfc().collect();
    if !(1..=NAME_MAX).contains(&text.chars().count()) {
        return Err(NameError::Length);
    }
    if text.trim() != text {
        return Err(NameError::Edge);
    }
    let (mut before, mut marks) = (None, 0);
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        // Within a word of some scripts, and in emoji, characters are joined by such that are not shown. Between letters of
        // ASCII they would be nothing but a way to look like another.
        let joins = is_joiner(c) && before.is_some_and(|c: char| !c.is_ascii());
        let is_inside = is_selector(c) || rest.peek().is_some_and(|next| !next.is_ascii());
        if is_hidden(c) && !(joins && is_inside) {
            return Err(NameError::Hidden(c));
        }
        marks = if is_combining_mark(c) && !is_joiner(c) { marks + 1 } else { 0 };
        if marks > NAME_MARKS_MAX || marks > 0 && before.is_none() {
            return Err(NameError::Marks);
        }
        before = Some(c);
    }
    Ok(text)
}

/// Text that was fit to be shown when it was given. What is can change with Unicode, and must not make a history unreadable.
pub(super) fn kept_text(bytes: &[u8]) -> Option<&str> {
    let text = Text::parse(bytes).ok()?.as_str();
    let fits = (1..=NAME_MAX).contains(&text.chars().count());
    let is_plain = !text.starts_with(' ') && !text.ends_with(' ') && !text.contains('\t');
    (fits && is_plain).then_some(text)
}

impl DisplayName {
    /// Parses what somebody types, and composes it.
    pub fn parse(bytes: &[u8]) -> Result<DisplayName, NameError> {
        let name = shown_text(bytes)?;
        if name.starts_with('#') {
            return Err(NameError::Comment);
        }
        if let Some(c) = name.chars().find(|c| is_for_mails(*c)) {
            return Err(NameError::Mail(c));
        }
        let name = DisplayName(name.into());
        if name.look().0.len() > LOOK_MAX { Err(NameError::Wide) } else { Ok(name) }
    }

    /// Parses a name that was one when it was given.
    pub fn kept(bytes: &[u8]) -> Option<DisplayName> {
        kept_text(bytes).map(|name| DisplayName(name.into()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What a reader sees of it, whatever the case: Unicode's skeleton of look-alikes (UTS #39), before and after the letters
    /// are lower case, because `I` looks like `l`, and `m` like `rn`.
    pub fn look(&self) -> Look {
        Look::of(&self.0)
    }
}

impl Look {
    fn of(text: &str) -> Look {
        if text.is_ascii() {
            return Look::of_ascii(text);
        }
        let shown: String = text.nfkc().filter(|c| !is_joiner(*c)).collect();
        let shown = skeleton(&shown).collect::<String>().to_lowercase();
        let shown: String = skeleton(&shown).map(|c| if c == 'i' { 'l' } else { c }).collect();
        Look(shown.split_whitespace().collect::<Vec<_>>().join("_").into())
    }

    /// The same for ASCII, of which most names and all mails are, in a fraction of the time.
    fn of_ascii(text: &str) -> Look {
        let mut shown = String::with_capacity(text.len());
        for (at, word) in text.split_ascii_whitespace().enumerate() {
            if at > 0 {
                shown.push('_');
            }
            for c in word.chars().map(|c| c.to_ascii_lowercase()) {
                match c {
                    'm' => shown.push_str("rn"),
                    '0' => shown.push('o'),
                    '1' | 'i' | '|' => shown.push('l'),
                    '`' => shown.push('\''),
                    '%' => shown.push_str("\u{b0}/\u{2080}"),
                    '"' => shown.push_str("''"),
                    c => shown.push(c),
                }
            }
        }
        Look(shown.into())
    }

    /// Of the part of a mail before the `@`.
    pub fn of_mail(mail: &Mail) -> Look {
        Look::of_ascii(mail.local_part())
    }

    /// Parses what [`Look::as_str`] returned.
    pub fn kept(text: &str) -> Option<Look> {
        let is_word = !text.is_empty() && !text.contains([' ', '\t']);
        (is_word && text.len() <= LOOK_MAX && Text::parse(text.as_bytes()).is_ok()).then(|| Look(text.into()))
    }

    /// As one word.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// `@`, `/`, and what looks like them.
fn is_for_mails(c: char) -> bool {
    matches!(
        c,
        '@' | '\u{fe6b}' | '\u{ff20}' | '/' | '\u{2044}' | '\u{2215}' | '\u{2571}' | '\u{29f8}' | '\u{ff0f}'
    )
}

/// Variation selectors: text or emoji.
fn is_selector(c: char) -> bool {
    matches!(c, '\u{fe0e}' | '\u{fe0f}')
}

/// Zero-width joiner and non-joiner, and selectors.
fn is_joiner(c: char) -> bool {
    is_selector(c) || matches!(c, '\u{200c}' | '\u{200d}')
}

/// Whether nothing is shown of it, or it acts on what is shown.
fn is_hidden(c: char) -> bool {
    match c {
        // Marks that are not shown; fillers and symbols that are blank; for private use, so that what is shown depends on the
        // reader's fonts; separators of lines, and marks around notes.
        '\u{34f}'
        | '\u{17b4}'
        | '\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{e0100}'..='\u{e01ef}'
        | '\u{115f}'
        | '\u{1160}'
        | '\u{2800}'
        | '\u{3164}'
        | '\u{ffa0}'
        | '\u{1d159}'
        | '\u{e000}'..='\u{f8ff}'
        | '\u{f0000}'..='\u{10ffff}'
        | '\u{2028}'
        | '\u{2029}'
        | '\u{fff9}'..='\u{fffb}' => true,
        _ if is_combining_mark(c) => false,
        _ => c.is_control() || c.width() == Some(0),
    }
}

impl fmt::Display for DisplayName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for DisplayName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests;
