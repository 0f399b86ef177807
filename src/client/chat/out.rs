//! The two ways out of the chat: to the server, and to the shell. Both are effects, so their order is one.

use super::asked::Asked;
use super::effect::Effect;
use crate::client::connection::Connection;
use crate::client::terminal::layout::Line;
use crate::protocol::Verb;

/// See the module.
#[derive(Debug)]
pub(super) struct Out {
    pub(super) connection: Connection<Asked>,
    effects: Vec<Effect>,
}

impl Out {
    pub(super) fn new(connection: Connection<Asked>) -> Out {
        Out { connection, effects: Vec::new() }
    }

    /// Asks the server.
    pub(super) fn ask(&mut self, what: Asked, verb: Verb, words: &[&str]) {
        let line = self.connection.ask(what, verb, words);
        self.push(Effect::Send(line));
    }

    /// The same with words that were made for it.
    pub(super) fn ask_with(&mut self, what: Asked, verb: Verb, words: &[String]) {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        self.ask(what, verb, &words);
    }

    /// Renews the saved token, if there is one.
    pub(super) fn renew_token(&mut self) {
        let line = self.connection.renew_token();
        self.effects.extend(line.map(Effect::Send));
    }

    /// Asks for events that are missing, if some are.
    pub(super) fn fill_gap(&mut self) {
        let line = self.connection.fill_gap();
        self.effects.extend(line.map(Effect::Send));
    }

    pub(super) fn print(&mut self, line: Line) {
        self.push(Effect::Print(line));
    }

    pub(super) fn push(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    /// The effects so far.
    pub(super) fn take(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }
}
