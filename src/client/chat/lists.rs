//! /who, /members and /info: lists that come in pages and are shown as a whole.

use super::names::Names;
use super::view::View;
use crate::client::terminal::layout::Line;
use crate::limits::CLIENT_NAMES_MAX;
use crate::protocol::{Mail, More, Seq, Verb, split_word};

/// A list, as far as it has come.
#[derive(Debug)]
pub(super) struct List {
    of: Of,
    lines: Vec<String>,
}

/// What is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    Who,
    Members,
    /// The members whom this message has not reached.
    Info(Seq),
}

impl List {
    pub(super) fn new(of: Of) -> List {
        List { of, lines: Vec::new() }
    }

    /// How it was typed.
    pub(super) fn typed(&self) -> &'static str {
        match self.of {
            Of::Who => "/who",
            Of::Members => "/members",
            Of::Info(_) => "/info",
        }
    }

    /// The command for the page after this mail, or for the first.
    pub(super) fn command(&self, after: Option<&Mail>) -> (Verb, Vec<String>) {
        let after = after.map(Mail::to_string);
        match self.of {
            Of::Who => (Verb::Who, after.into_iter().collect()),
            Of::Members => (Verb::Members, after.into_iter().collect()),
            Of::Info(seq) => (Verb::Info, [seq.to_string()].into_iter().chain(after).collect()),
        }
    }

    pub(super) fn add(&mut self, line: String) {
        if self.lines.len() < CLIENT_NAMES_MAX {
            self.lines.push(line);
        }
    }

    /// After which mail the next page begins, if there is one. Pages go forward, or they would never end.
    pub(super) fn next_page(&self, rest: &str) -> Option<Mail> {
        let next = More::parse(rest).0?;
        let (first, _) = split_word(split_word(self.lines.first()?).1);
        (next.as_str() >= first && self.lines.len() < CLIENT_NAMES_MAX).then_some(next)
    }

    /// The whole list; `rest` is what follows the verb of the last `OK`.
    pub(super) fn shown(&self, rest: &str, view: &View, names: &Names) -> Vec<Line> {
        match self.of {
            Of::Who => vec![View::who(&self.lines, names)],
            Of::Members => view.members(&self.lines, names),
            Of::Info(seq) => view.info(seq, rest, &self.lines, names),
        }
    }
}
