//! A password that is asked for, unseen and twice, until it is right or Ctrl-C ends it; and what is typed until the server has
//! answered. Nothing of that is ever said to the group.

use zeroize::Zeroizing;

use crate::client::chat::commands::{Passwords, Purpose};
use crate::client::chat::view::{alarm, not_connected};
use crate::client::terminal::{Key, Line};
use crate::limits::{CLIENT_TYPED_MAX, PASSWORD_MAX};
use crate::protocol::Password;

/// Which one is asked for.
#[derive(Debug)]
enum Step {
    Old,
    /// The new one; the old one is known where one is needed.
    New(Option<Password>),
    Again(Option<Password>, Password),
}

/// A password is being typed.
#[derive(Debug)]
pub(super) struct Secret {
    purpose: Purpose,
    step: Step,
    typed: Zeroizing<String>,
    /// More was typed than there is room for: the part that fits does not count.
    is_too_long: bool,
}

/// What follows from a key.
#[derive(Debug)]
pub(super) enum Next {
    /// The question goes on, perhaps after a complaint.
    Ask(Secret, Option<Line>),
    /// It was ended.
    Ended(Purpose),
    /// The server gets it.
    Give(Purpose, Passwords),
}

impl Secret {
    /// The first question.
    pub(super) fn ask(purpose: Purpose) -> Secret {
        let step = if purpose == Purpose::Passwd { Step::Old } else { Step::New(None) };
        Secret::at(purpose, step)
    }

    fn at(purpose: Purpose, step: Step) -> Secret {
        // With room for all of it: a text that grows leaves copies behind.
        let typed = Zeroizing::new(String::with_capacity(PASSWORD_MAX));
        Secret { purpose, step, typed, is_too_long: false }
    }

    pub(super) fn prompt(&self) -> String {
        match (&self.step, &self.purpose) {
            (Step::Old, _) => "your password now: ".to_owned(),
            (Step::New(_), Purpose::Passwd) => "your new password: ".to_owned(),
            (Step::New(_), Purpose::Add(mail) | Purpose::Reset(mail)) => format!("password for {mail}: "),
            (Step::Again(..), _) => "the same again: ".to_owned(),
        }
    }

    pub(super) fn key(mut self, key: Key, is_up: bool) -> Next {
        match key {
            Key::Interrupt | Key::Eof => return Next::Ended(self.purpose),
            Key::Enter => {
                return match self.take() {
                    Ok(password) => self.entered(password, is_up),
                    Err(why) => self.again(&why),
                };
            }
            Key::Char(c) => self.insert(c.encode_utf8(&mut [0; 4])),
            // Password managers copy it with a line end. Several lines are no password.
            Key::Paste(text) => self.insert(text.trim_end_matches(['\r', '\n'])),
            Key::Backspace => drop(self.typed.pop()),
            Key::KillBegin => self.clear(),
            _ => {}
        }
        Next::Ask(self, None)
    }

    fn again(self, why: &str) -> Next {
        Next::Ask(self, Some(alarm(format!("{why}; type it again, or Ctrl-C"))))
    }

    fn entered(self, password: Password, is_up: bool) -> Next {
        let Secret { purpose, step, .. } = self;
        let step = match step {
            Step::Old => Step::New(Some(password)),
            Step::New(old) => Step::Again(old, password),
            Step::Again(old, new) if new == password && is_up => {
                return Next::Give(purpose, Passwords { old, new });
            }
            Step::Again(_, new) if new == password => {
                return Next::Ask(Secret::ask(purpose), Some(not_connected()));
            }
            Step::Again(old, _) => {
                return Secret::at(purpose, Step::New(old)).again("the two passwords differ");
            }
        };
        Next::Ask(Secret::at(purpose, step), None)
    }

    fn insert(&mut self, text: &str) {
        self.is_too_long |= self.typed.len() + text.len() > PASSWORD_MAX;
        if !self.is_too_long {
            self.typed.push_str(text);
        }
    }

    fn clear(&mut self) {
        self.typed.clear();
        self.is_too_long = false;
    }

    /// What was typed, if it can be a password. Nothing is left of it here.
    fn take(&mut self) -> Result<Password, String> {
        let typed = if self.is_too_long { "" } else { self.typed.as_str() };
        let parsed = Password::parse(typed.as_bytes()).map_err(|why| why.to_string());
        self.clear();
        parsed
    }
}

/// The server has a password and has not answered. What is typed meanwhile waits: it is the next line if the answer is yes,
/// else it may be the next try.
#[derive(Debug)]
pub(super) struct Given {
    pub(super) purpose: Purpose,
    typed: Vec<Key>,
    /// Bytes typed, those that were too many among them.
    size: usize,
}

impl Given {
    pub(super) fn new(purpose: Purpose) -> Given {
        Given { purpose, typed: Vec::new(), size: 0 }
    }

    pub(super) fn prompt(&self) -> String {
        format!("{}: waiting for the server; Ctrl-C continues without it ", self.purpose.typed())
    }

    pub(super) fn add(&mut self, key: Key) {
        self.size += if let Key::Paste(text) = &key { text.len() } else { 1 };
        if self.size <= CLIENT_TYPED_MAX {
            self.typed.push(key);
        }
    }

    /// Whether somebody is in the middle of a line that is not shown.
    pub(super) fn is_half(&self) -> bool {
        self.typed.last().is_some_and(|key| *key != Key::Enter)
    }

    /// What was typed, unless the password is in it: whoever typed that once more did not mean to say it.
    pub(super) fn into_lines(self, password: &Password) -> Vec<Key> {
        // With room for all of it: a text that grows leaves copies behind.
        let mut text = Zeroizing::new(String::with_capacity(4 * self.size.min(CLIENT_TYPED_MAX)));
        for key in &self.typed {
            match key {
                Key::Char(c) => text.push(*c),
                Key::Paste(pasted) => text.push_str(pasted),
                Key::Backspace => drop(text.pop()),
                _ => {}
            }
        }
        if text.contains(password.expose()) { Vec::new() } else { self.typed }
    }
}
