//! The line being typed, and those typed before.

use unicode_segmentation::UnicodeSegmentation as _;

use super::{Key, Search};
use crate::client::display;
use crate::limits::{CLIENT_TYPED_KEPT, CLIENT_TYPED_MAX};

/// A text with a cursor, the byte offset of a character.
#[derive(Debug, Default)]
pub(in super::super) struct Editor {
    pub(in super::super) text: String,
    pub(in super::super) cursor: usize,
    /// What was deleted last, for Yank.
    killed: String,
    /// Lines typed before, the oldest first.
    history: Vec<String>,
    /// The one of them that is shown, and what was being typed before that.
    browsing: Option<(usize, String)>,
    search: Option<Search>,
}

/// What follows from a key.
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) enum Typed {
    /// Nothing more.
    Edited,
    /// Enter was pressed: this is the line.
    Entered(String),
    /// Not inserted: the line would be too long.
    Full,
    /// A key that the editor does not handle.
    Other(Key),
}

impl Editor {
    /// What is shown above the text during a search.
    pub(in super::super) fn searching(&self) -> Option<String> {
        self.search.as_ref().map(Search::prompt)
    }

    /// Whether nothing is typed or looked for.
    pub(in super::super) fn is_untouched(&self) -> bool {
        self.text.is_empty() && self.search.is_none()
    }

    /// Replaces what is typed.
    pub(in super::super) fn set(&mut self, text: String) {
        self.cursor = text.len();
        self.text = text;
        self.browsing = None;
    }

    /// Keeps a line for Up, unless it is the same as the last one.
    pub(in super::super) fn remember(&mut self, line: &str) {
        if line.trim().is_empty() || self.history.last().is_some_and(|last| last == line) {
            return;
        }
        if self.history.len() == CLIENT_TYPED_KEPT {
            self.history.remove(0);
        }
        self.history.push(line.to_owned());
    }

    /// Replaces the `len` bytes before the cursor.
    pub(in super::super) fn replace_before(&mut self, len: usize, with: &str) {
        let from = self.cursor - len;
        self.text.replace_range(from..self.cursor, with);
        self.cursor = from + with.len();
    }

    /// Handles a key.
    pub(in super::super) fn key(&mut self, key: Key) -> Typed {
        if let Some(search) = self.search.take() {
            return self.search_key(search, key);
        }
        match key {
            Key::Search => self.search = Some(Search::new(self.text.clone())),
            Key::Char(c) if !display::is_harmless(c) => {}
            Key::Char(c) => return self.insert(c.encode_utf8(&mut [0; 4])),
            Key::Paste(text) => return self.insert(&pasted(&text)),
            Key::Enter => {
                let text = std::mem::take(&mut self.text);
                self.set(String::new());
                return Typed::Entered(text);
            }
            Key::Backspace => self.delete(self.before(), self.cursor),
            Key::Delete => self.delete(self.cursor, self.after()),
            // Ctrl-D ends an empty line, and deletes in another one.
            Key::Eof if !self.text.is_empty() => self.delete(self.cursor, self.after()),
            Key::Left => self.cursor = self.before(),
            Key::Right => self.cursor = self.after(),
            Key::WordLeft => self.cursor = self.word_before(),
            Key::WordRight => self.cursor = self.word_after(),
            Key::Home => self.cursor = 0,
            Key::End => self.cursor = self.text.len(),
            Key::KillEnd => self.kill(self.cursor, self.text.len()),
            Key::KillBegin => self.kill(0, self.cursor),
            Key::KillWordLeft => self.kill(self.word_before(), self.cursor),
            Key::KillWordRight => self.kill(self.cursor, self.word_after()),
            Key::Yank => {
                let killed = self.killed.clone();
                return self.insert(&killed);
            }
            Key::Interrupt if !self.text.is_empty() => self.set(String::new()),
            Key::Up => self.show_older(),
            Key::Down => self.show_newer(),
            Key::Escape | Key::Terminal(_) => {}
            Key::Tab | Key::Redraw | Key::Interrupt | Key::Eof | Key::Suspend => {
                return Typed::Other(key);
            }
        }
        Typed::Edited
    }

    /// A key during a search. A key that edits edits the line that was found.
    fn search_key(&mut self, mut search: Search, key: Key) -> Typed {
        match key {
            Key::Escape | Key::Interrupt => {
                self.set(search.typed);
                return Typed::Edited;
            }
            Key::Char(c) if display::is_harmless(c) => search.add(c, &self.history),
            Key::Backspace => search.remove(&self.history),
            Key::Search => search.older(&self.history),
            key => return self.key(key),
        }
        self.set(search.found(&self.history).to_owned());
        self.search = Some(search);
        Typed::Edited
    }

    fn insert(&mut self, text: &str) -> Typed {
        if self.text.len() + text.len() > CLIENT_TYPED_MAX {
            return Typed::Full;
        }
        self.text.insert_str(self.cursor, text);
        self.cursor += text.len();
        Typed::Edited
    }

    fn delete(&mut self, from: usize, to: usize) {
        self.text.drain(from..to);
        self.cursor = from;
    }

    fn kill(&mut self, from: usize, to: usize) {
        if from < to {
            self.killed = self.text[from..to].to_owned();
            self.delete(from, to);
        }
    }

    fn before(&self) -> usize {
        self.text[..self.cursor].grapheme_indices(true).next_back().map_or(0, |(at, _)| at)
    }

    fn after(&self) -> usize {
        self.cursor + self.text[self.cursor..].graphemes(true).next().map_or(0, str::len)
    }

    fn word_before(&self) -> usize {
        let left = self.text[..self.cursor].trim_end();
        left.rfind(char::is_whitespace)
            .map_or(0, |at| at + left[at..].chars().next().map_or(0, char::len_utf8))
    }

    fn word_after(&self) -> usize {
        let right = &self.text[self.cursor..];
        let word = right.len() - right.trim_start().len();
        self.cursor + right[word..].find(char::is_whitespace).map_or(right.len(), |at| word + at)
    }

    fn show_older(&mut self) {
        let shown = self.browsing.take();
        let (at, typed) = shown.unwrap_or_else(|| (self.history.len(), self.text.clone()));
        self.show(at.saturating_sub(1), typed);
    }

    fn show_newer(&mut self) {
        if let Some((at, typed)) = self.browsing.take() {
            self.show(at + 1, typed);
        }
    }

    fn show(&mut self, at: usize, typed: String) {
        match self.history.get(at) {
            Some(line) => {
                self.text.clone_from(line);
                self.browsing = Some((at, typed));
            }
            None => self.text = typed,
        }
        self.cursor = self.text.len();
    }
}

/// What of a paste is inserted: with LF as line ends, without the last one, and without characters that control a terminal.
pub(in super::super) fn pasted(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let text = text.strip_suffix('\n').unwrap_or(&text);
    text.chars().filter(|&c| c == '\n' || display::is_harmless(c)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text with a bar for the cursor, after the keys.
    fn check(editor: &mut Editor, keys: &[Key], expected: &str) {
        for key in keys {
            assert_eq!(editor.key(key.clone()), Typed::Edited, "{key:?}");
        }
        let (left, right) = editor.text.split_at(editor.cursor);
        assert_eq!(format!("{left}|{right}"), expected, "{keys:?}");
    }

    fn typed(text: &str) -> Editor {
        let mut editor = Editor::default();
        editor.set(text.to_owned());
        editor
    }

    #[test]
    fn characters_as_people_count_them() {
        check(&mut typed("a👩‍👧e\u{301}"), &[Key::Left, Key::Backspace], "a|e\u{301}");
        check(&mut typed("漢字"), &[Key::Home, Key::Right, Key::Char('x')], "漢x|字");
        check(&mut typed("ab"), &[Key::Home, Key::Delete, Key::Left, Key::Left], "|b");
        check(&mut typed("ab"), &[Key::Home, Key::Eof, Key::End, Key::Right, Key::Delete], "b|");
    }

    #[test]
    fn words_and_kills() {
        check(&mut typed("one two  three"), &[Key::WordLeft, Key::WordLeft], "one |two  three");
        check(&mut typed("one two"), &[Key::Home, Key::WordRight, Key::KillEnd], "one|");
        check(&mut typed("one two"), &[Key::KillWordLeft, Key::Home, Key::Yank], "two|one ");
        check(&mut typed("one two"), &[Key::Home, Key::KillWordRight], "| two");
        check(&mut typed("one two"), &[Key::WordLeft, Key::KillBegin, Key::End, Key::Yank], "twoone |");
        check(&mut typed("a\u{3000}b"), &[Key::WordLeft], "a\u{3000}|b");
    }

    #[test]
    fn what_was_typed_comes_back() {
        let mut editor = typed("");
        for line in ["one", "two", "two", "  "] {
            editor.remember(line);
        }
        check(&mut editor, &[Key::Char('x'), Key::Up], "two|");
        check(&mut editor, &[Key::Up, Key::Up], "one|");
        check(&mut editor, &[Key::Down, Key::Down], "x|");
        check(&mut editor, &[Key::Down], "x|");
        check(&mut editor, &[Key::Interrupt], "|");
        assert_eq!(editor.key(Key::Interrupt), Typed::Other(Key::Interrupt));
        assert_eq!(editor.key(Key::Eof), Typed::Other(Key::Eof));
    }

    #[test]
    fn a_line_is_looked_for() {
        let mut editor = typed("");
        for line in ["the first line", "Second", "another first", "漢字"] {
            editor.remember(line);
        }
        let look = |editor: &mut Editor, keys: &[Key], prompt: &str, text: &str| {
            check(editor, keys, &format!("{text}|"));
            assert_eq!(editor.searching().as_deref(), Some(prompt));
        };
        editor.set("half".to_owned());
        look(&mut editor, &[Key::Search], "search: ", "half");
        look(&mut editor, &[Key::Char('f'), Key::Char('i')], "search: fi", "another first");
        look(&mut editor, &[Key::Search], "search: fi", "the first line");
        look(&mut editor, &[Key::Search], "not found: fi", "the first line");
        look(&mut editor, &[Key::Backspace, Key::Backspace], "search: ", "half");
        look(&mut editor, &[Key::Char('S'), Key::Char('E')], "search: SE", "Second");
        look(&mut editor, &[Key::Char('x')], "not found: SEx", "Second");
        check(&mut editor, &[Key::Escape], "half|");
        check(&mut editor, &[Key::Search, Key::Char('s'), Key::Interrupt], "half|");
        check(&mut editor, &[Key::Search, Key::Char('n'), Key::Char('d'), Key::Home], "|Second");
        check(&mut editor, &[Key::Search, Key::Char('漢'), Key::Backspace, Key::Char('漢')], "漢字|");
        assert_eq!(editor.key(Key::Enter), Typed::Entered("漢字".to_owned()));
        assert_eq!(editor.searching(), None);
    }

    #[test]
    fn entered() {
        let mut editor = typed("one");
        assert_eq!(editor.key(Key::Enter), Typed::Entered("one".to_owned()));
        check(&mut editor, &[], "|");
    }

    #[test]
    fn pastes() {
        check(&mut typed(""), &[Key::Paste("a\r\nb\rc\n".to_owned())], "a\nb\nc|");
        check(&mut typed(""), &[Key::Paste("\x1b[31mred\x07\ttab\u{202e}".to_owned())], "[31mred\ttab|");
        let mut editor = typed("a");
        assert_eq!(editor.key(Key::Paste("x".repeat(CLIENT_TYPED_MAX))), Typed::Full);
        check(&mut editor, &[], "a|");
    }

    #[test]
    fn completed() {
        let mut editor = typed("hi an");
        editor.replace_before(2, "ann ");
        check(&mut editor, &[], "hi ann |");
    }
}
