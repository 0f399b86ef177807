//! What Tab makes of the words before the cursor: a command at the beginning of the line, else a name, which may be of several
//! words.

use crate::client::chat::commands;
use crate::client::chat::names::Names;
use crate::limits::CLIENT_NAME_BYTES;

/// How a text can go on.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Completion {
    Nothing,
    /// The last bytes, this many, become this.
    Replace(usize, String),
    /// In several ways.
    Choices(Vec<String>),
}

/// Completes the end of this text.
pub(super) fn complete(text: &str, names: &Names) -> Completion {
    if text.starts_with('/') && !text.contains(char::is_whitespace) {
        let commands = commands::words().filter(|command| command.starts_with(text));
        return completion(text, commands.map(str::to_owned).collect(), " ");
    }
    // A command takes a word for a member.
    let write = |names: &Names, mail: &_| {
        if commands::takes_member(text) { names.word(mail).to_owned() } else { names.shown(mail) }
    };
    // From as many words as are the beginning of a name.
    let begins = text.char_indices().filter(|&(at, c)| {
        !c.is_whitespace() && text[..at].chars().next_back().is_none_or(char::is_whitespace)
    });
    let mut ends = begins.map(|(at, _)| &text[at..]).filter(|end| end.len() <= CLIENT_NAME_BYTES);
    let found =
        ends.find_map(|end| Some((end, names.complete(end, write))).filter(|(_, found)| !found.is_empty()));
    found.map_or(Completion::Nothing, |(end, found)| {
        completion(end, found, if end.len() == text.len() { ": " } else { " " })
    })
}

/// What becomes of the end of a text that can become any of these.
fn completion(end: &str, found: Vec<String>, after: &str) -> Completion {
    let common = common_prefix(&found);
    match found.as_slice() {
        [] => Completion::Nothing,
        [only] => Completion::Replace(end.len(), format!("{only}{after}")),
        _ if common.len() > end.len() => Completion::Replace(end.len(), common),
        _ => Completion::Choices(found),
    }
}

fn common_prefix(words: &[String]) -> String {
    let Some((first, others)) = words.split_first() else { return String::new() };
    let agrees = |end: usize| others.iter().all(|word| word.starts_with(&first[..end]));
    let ends = first.char_indices().map(|(at, c)| at + c.len_utf8());
    let end = ends.take_while(|&end| agrees(end)).last().unwrap_or(0);
    first[..end].to_owned()
}
