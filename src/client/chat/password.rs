//! A password as it is asked for: what for, which one, and what was typed of it.

use zeroize::Zeroizing;

use crate::client::terminal::keys::Key;
use crate::limits::{CLIENT_TYPED_MAX, PASSWORD_MAX};
use crate::protocol::{Mail, Password};

/// What a password is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Add(Mail),
    Reset(Mail),
    Passwd,
}

/// Which one is asked for.
#[derive(Debug)]
pub(super) enum Step {
    Old,
    /// The new one; of PASSWD the old one is known.
    New(Option<Password>),
    Again(Option<Password>, Password),
}

/// A password is being typed.
#[derive(Debug)]
pub(super) struct Secret {
    pub(super) purpose: Purpose,
    pub(super) step: Step,
    pub(super) typed: Zeroizing<String>,
    /// More was typed than there is room for: no beginning of it counts.
    pub(super) too_much: bool,
}

/// A password was given, and the server has not answered. What is typed meanwhile waits: it is the next line if the
/// answer is yes, else it may be the next try.
#[derive(Debug)]
pub(super) struct Given {
    pub(super) purpose: Purpose,
    pub(super) held: Vec<Key>,
    pub(super) size: usize,
}

impl Purpose {
    /// The command that asked.
    pub(super) fn typed(&self) -> &'static str {
        match self {
            Purpose::Add(_) => "/add",
            Purpose::Reset(_) => "/reset",
            Purpose::Passwd => "/passwd",
        }
    }

    pub(super) fn first(self) -> Secret {
        let step = if self == Purpose::Passwd { Step::Old } else { Step::New(None) };
        Secret::at(self, step)
    }
}

impl Secret {
    pub(super) fn at(purpose: Purpose, step: Step) -> Secret {
        // Room for all of it, so that no copy is left behind by growing.
        let typed = Zeroizing::new(String::with_capacity(PASSWORD_MAX));
        Secret { purpose, step, typed, too_much: false }
    }

    pub(super) fn prompt(&self) -> String {
        match (&self.step, &self.purpose) {
            (Step::Old, _) => "your password now: ".to_owned(),
            (Step::New(_), Purpose::Passwd) => "your new password: ".to_owned(),
            (Step::New(_), Purpose::Add(mail) | Purpose::Reset(mail)) => format!("password for {mail}: "),
            (Step::Again(..), _) => "the same again: ".to_owned(),
        }
    }

    pub(super) fn insert(&mut self, text: &str) {
        self.too_much |= self.typed.len() + text.len() > PASSWORD_MAX;
        if !self.too_much {
            self.typed.push_str(text);
        }
    }

    pub(super) fn clear(&mut self) {
        self.typed.clear();
        self.too_much = false;
    }

    /// What was typed, if it can be a password, and nothing is left of it here.
    pub(super) fn take(&mut self) -> Result<Password, String> {
        let typed = if self.too_much { "" } else { self.typed.as_str() };
        let parsed = Password::parse(typed.as_bytes()).map_err(|why| why.to_string());
        self.clear();
        parsed
    }
}

impl Given {
    pub(super) fn prompt(&self) -> String {
        format!("{}: waiting for the server; Ctrl-C continues without it ", self.purpose.typed())
    }

    /// Whether somebody is in the midst of a line that nobody sees.
    pub(super) fn is_half(&self) -> bool {
        self.held.last().is_some_and(|key| *key != Key::Enter)
    }

    /// Whether that password was typed once more.
    pub(super) fn holds(&self, password: &Password) -> bool {
        // Room for all of it, so that no copy is left behind by growing.
        let mut text = Zeroizing::new(String::with_capacity(4 * self.size.min(CLIENT_TYPED_MAX)));
        for key in &self.held {
            match key {
                Key::Char(c) => text.push(*c),
                Key::Paste(pasted) => text.push_str(pasted),
                Key::Backspace => drop(text.pop()),
                _ => {}
            }
        }
        text.contains(password.expose())
    }
}
