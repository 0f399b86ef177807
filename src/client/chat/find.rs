//! /find: messages that hold a text, as many as the server gives at once; /find alone goes on with older ones.

use super::view::notice;
use crate::client::terminal::layout::Line;
use crate::protocol::{FindOk, Seq};

/// What is looked for.
#[derive(Clone, Debug)]
pub(super) struct Find {
    text: String,
    before: Option<Seq>,
}

impl Find {
    pub(super) fn new(text: String) -> Find {
        // The server would take the number that may follow for its own.
        let is_before = text.split(' ').next().is_some_and(|word| word.eq_ignore_ascii_case("before"));
        Find { before: is_before.then_some(Seq(u64::MAX)), text }
    }

    /// The words of FIND.
    pub(super) fn words(&self) -> String {
        let before = self.before.map_or(String::new(), |before| format!("BEFORE {before} "));
        before + &self.text
    }

    /// With what it goes on after this answer, if there may be older ones; and what is left to say.
    pub(super) fn answered(self, ok: FindOk) -> (Option<Find>, Option<Line>) {
        let line = match (ok.count, ok.more) {
            (0, None) if self.before.is_none_or(|before| before.0 == u64::MAX) => Some("nothing was found"),
            (0, None) => Some("nothing older was found"),
            (0, Some(_)) => Some("nothing was found so far; /find goes on"),
            (_, None) => None,
            (_, Some(_)) => Some("/find goes on with older ones"),
        };
        let next = ok.more.map(|more| Find { before: Some(more), ..self });
        (next, line.map(notice))
    }
}
