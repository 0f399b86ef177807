//! What Tab makes of the word before the cursor: a command at the beginning of the line, else a name.

use crate::client::chat::commands;
use crate::client::chat::names::Names;

/// How a word can go on.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Completion {
    Nothing,
    /// The last bytes, this many, become this.
    Replace(usize, String),
    /// In several ways.
    Choices(Vec<String>),
}

/// Completes the last word of this text.
pub(super) fn complete(text: &str, names: &Names) -> Completion {
    let blank = text.char_indices().rfind(|(_, c)| c.is_whitespace());
    let begin = blank.map_or(0, |(at, c)| at + c.len_utf8());
    let word = &text[begin..];
    let (found, end) = if begin == 0 && word.starts_with('/') {
        let commands = commands::words().filter(|command| command.starts_with(word));
        (commands.map(str::to_owned).collect(), " ")
    } else if word.is_empty() {
        return Completion::Nothing;
    } else {
        (names.complete(word), if begin == 0 { ": " } else { " " })
    };
    let common = common_prefix(&found);
    match found.as_slice() {
        [] => Completion::Nothing,
        [only] => Completion::Replace(word.len(), format!("{only}{end}")),
        _ if common.len() > word.len() => Completion::Replace(word.len(), common),
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
