//! The two ways out of the chat: to the server, and to the shell. Both are effects, so their order is one.

use super::commands::Purpose;
use super::find::Find;
use super::history::Pages;
use super::lists::List;
use crate::client::connection::numbers::Place;
use crate::client::connection::{CommandLine, Connection};
use crate::client::failure::Failure;
use crate::client::terminal::layout::Line;
use crate::protocol::{Announce, Mail, Password, Role, Seq, Token, Verb};

/// What a command was sent for.
#[derive(Debug)]
pub(super) enum Asked {
    Message,
    /// To learn the members' names, after this many pages of them.
    Names(usize),
    /// To learn what the group is called.
    TitleNow,
    /// To skip what was missed while a question about it is open.
    SkipHeld,
    Skip,
    History(Pages),
    Find(Find),
    /// To show events up to this one, before those that were missed.
    LeadIn(Seq),
    List(List),
    Stats,
    Password(Purpose, Password),
    Remove(Mail),
    Role(Mail, Role),
    Name,
    Invite(Mail),
    Title,
    Announce(Option<Announce>),
    Leave,
    Quit,
}

impl Asked {
    /// How it was typed, if a person waits for the answer.
    pub(super) fn typed(&self) -> Option<&'static str> {
        match self {
            Asked::Message
            | Asked::LeadIn(_)
            | Asked::Names(_)
            | Asked::TitleNow
            | Asked::SkipHeld
            | Asked::Quit => None,
            Asked::Skip => Some("/skip"),
            Asked::History(_) => Some("/history"),
            Asked::Find(_) => Some("/find"),
            Asked::List(list) => Some(list.typed()),
            Asked::Stats => Some("/stats"),
            Asked::Password(purpose, _) => Some(purpose.typed()),
            Asked::Remove(_) => Some("/remove"),
            Asked::Role(_, Role::Admin) => Some("/promote"),
            Asked::Role(_, Role::Member) => Some("/demote"),
            Asked::Name => Some("/name"),
            Asked::Invite(_) => Some("/invite"),
            Asked::Title => Some("/title"),
            Asked::Announce(_) => Some("/announce"),
            Asked::Leave => Some("/leave"),
        }
    }
}

/// What the shell is to do, in this order.
#[derive(Debug)]
pub(super) enum Effect {
    Print(Line),
    Ring,
    Send(CommandLine),
    /// Take the next lines.
    More,
    /// To the server with this place in the list.
    Connect(usize),
    /// End the connection, for this reason.
    GiveUp(&'static str),
    SaveToken(Token),
    /// When the terminal has taken everything so far, the transcript is shown up to here. That is to be recorded, before
    /// anything more is sent.
    Shown(Place),
    /// A line that was refused is to be typed again, or at least to be seen.
    GiveBack(String),
    /// Log in with this password from now on.
    NewPassword(Password),
    /// The window's title; none is its own.
    Title(String),
    Redraw,
    Clear,
    Suspend,
    Leave(Result<(), Failure>),
}

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
    pub(super) fn ask(&mut self, what: Asked, verb: Verb, words: &str) {
        let line = self.connection.ask(what, verb, words);
        self.push(Effect::Send(line));
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
