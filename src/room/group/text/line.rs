//! One line of members.txt.

use std::ops::Range;

use crate::protocol::{DisplayName, Mail, Password, Role};
use crate::room::group::foreign::{Foreign, without_mark};
use crate::room::{PasswordHash, Record, Secret};

/// What a member's line says.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) mail: Mail,
    pub(super) record: Record,
    /// The password's place in the line.
    pub(super) password: Range<usize>,
}

/// Parses a line with its end; `None` if it is blank or a comment.
pub(super) fn parse_line(raw: &[u8]) -> Result<Option<Entry>, String> {
    let text = without_end(raw);
    let mut fields = fields(text);
    let Some(first) = fields.next() else { return Ok(None) };
    if text[first.start] == b'#' {
        return Ok(None);
    }
    let password = fields.next();
    if is_joined(&text[first.clone()], password.clone().map(|range| &text[range])) {
        let sentence =
            "a domain has no such character; put a blank, and nothing else, between mail and password";
        return Err(sentence.to_owned());
    }
    // This may be a password in the wrong place, so no sentence quotes it before a password has been found.
    let mail = Mail::parse(&text[first])
        .map_err(|_| "the line begins neither with a mail address nor with #".to_owned())?;
    let is_last_and_role = |word: &Range<usize>| {
        role(&text[word.clone()]).is_some() && after_password(text, word.end).0.is_none()
    };
    let password = password.filter(|word| !is_last_and_role(word)).ok_or("no password follows the mail")?;
    let secret = parse_secret(&text[password.clone()])
        .map_err(|sentence| format!("the password of {mail}: {sentence}"))?;
    let (word, name) = after_password(text, password.end);
    let role = match word {
        None => Role::Member,
        Some(word) => role(&text[word]).ok_or_else(|| {
            format!("after the password of {mail} only the word admin or member may follow")
        })?,
    };
    let name = name.map(|name| DisplayName::parse(&text[name])).transpose();
    let name = name.map_err(|why| format!("after the role of {mail} only a name may follow: {why}"))?;
    Ok(Some(Entry { mail, record: Record { secret, role, name }, password }))
}

/// A line without its end.
pub(super) fn without_end(raw: &[u8]) -> &[u8] {
    raw.strip_suffix(b"\r\n").or(raw.strip_suffix(b"\n")).unwrap_or(raw)
}

fn role(word: &[u8]) -> Option<Role> {
    Role::parse(std::str::from_utf8(word).ok()?)
}

fn parse_secret(field: &[u8]) -> Result<Secret, String> {
    let text = std::str::from_utf8(field).map_err(|_| "this is not UTF-8; save the file as UTF-8")?;
    let phc = without_mark(text);
    if PasswordHash::claims_to_be(phc) {
        return PasswordHash::parse(phc).map(Secret::Hash).map_err(|error| error.to_string());
    }
    if let Some(foreign) = Foreign::of(text) {
        return Err(foreign.to_string());
    }
    Password::parse(field).map(Secret::Typed).map_err(|error| error.to_string())
}

/// Whether something other than a blank joins a mail and a password, as in files of htpasswd and in tables: the domain has a
/// character that no domain has. ADD takes such a mail, too, but then a hash of ours follows.
fn is_joined(first: &[u8], second: Option<&[u8]>) -> bool {
    let domain = first.iter().position(|&b| b == b'@').map_or(&[][..], |at| &first[at + 1..]);
    // An IP address in brackets.
    let is_literal = domain.starts_with(b"[") && domain.ends_with(b"]");
    let is_of_domain = |b: &u8| b.is_ascii_alphanumeric() || b"-._@".contains(b) || !b.is_ascii_graphic();
    let is_hash = |text: &str| PasswordHash::claims_to_be(without_mark(text));
    !is_literal
        && !domain.iter().all(is_of_domain)
        && !second.is_some_and(|second| std::str::from_utf8(second).is_ok_and(is_hash))
}

/// The places of the role and of the name in a line without its end, whose password ends there.
pub(super) fn after_password(text: &[u8], end: usize) -> (Option<Range<usize>>, Option<Range<usize>>) {
    let mut words = fields(&text[end..]).map(|word| end + word.start..end + word.end);
    let role = words.next();
    let name = words.next().map(|first| first.start..words.last().map_or(first.end, |last| last.end));
    (role, name)
}

/// The places of the words in a line.
fn fields(text: &[u8]) -> impl Iterator<Item = Range<usize>> + '_ {
    let is_blank = |&b: &u8| b == b' ' || b == b'\t';
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + text[at..].iter().position(|b| !is_blank(b))?;
        at = text[start..].iter().position(is_blank).map_or(text.len(), |len| start + len);
        Some(start..at)
    })
}
