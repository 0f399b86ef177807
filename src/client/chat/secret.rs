//! Passwords are asked for unseen, each twice, until they are right or somebody ends it with Ctrl-C. What is typed where
//! one was asked for belongs to the question, and so does what is typed until the server has taken it: nothing of that
//! is ever said to the group.

use super::ask::Ask;
use super::asked::Asked;
use super::effect::Effect;
use super::password::{Given, Purpose, Secret, Step};
use super::view::{alarm, notice};
use super::{Chat, commands};
use crate::client::connection::said::{AnyCode, Refusal};
use crate::client::terminal::keys::Key;
use crate::limits::CLIENT_TYPED_MAX;
use crate::protocol::{Code, Password};

impl Chat {
    /// A key while a password is asked for.
    pub(super) fn secret_key(&mut self, mut secret: Secret, key: Key) {
        match key {
            Key::Interrupt | Key::Eof => {
                return self.print(notice(format!("{}: not done", secret.purpose.typed())));
            }
            Key::Enter => {
                return match secret.take() {
                    Ok(password) => self.password_typed(secret, password),
                    Err(why) => self.ask_again(secret, &why),
                };
            }
            Key::Char(c) => secret.insert(c.encode_utf8(&mut [0; 4])),
            // As password managers copy it. Lines within it are no password.
            Key::Paste(text) => secret.insert(text.trim_end_matches(['\r', '\n'])),
            Key::Backspace => drop(secret.typed.pop()),
            Key::KillBegin => secret.clear(),
            _ => {}
        }
        self.ask = Some(Ask::Secret(secret));
    }

    fn ask_again(&mut self, secret: Secret, why: &str) {
        self.print(alarm(format!("{why}; type it again, or Ctrl-C")));
        self.ask = Some(Ask::Secret(secret));
    }

    fn password_typed(&mut self, secret: Secret, password: Password) {
        let Secret { purpose, step, .. } = secret;
        let next = match step {
            Step::Old => Step::New(Some(password)),
            Step::New(old) => Step::Again(old, password),
            Step::Again(old, new) if new == password && self.is_up() => {
                return self.give(purpose, old.as_ref(), new);
            }
            Step::Again(_, new) if new == password => {
                self.not_up();
                return self.ask = Some(Ask::Secret(purpose.first()));
            }
            Step::Again(old, _) => {
                let secret = Secret::at(purpose, Step::New(old));
                return self.ask_again(secret, "the two passwords differ");
            }
        };
        self.ask = Some(Ask::Secret(Secret::at(purpose, next)));
    }

    /// Gives the server a password. Of PASSWD the old one stands before the new one.
    pub(super) fn give(&mut self, purpose: Purpose, old: Option<&Password>, new: Password) {
        if !self.is_up() {
            return self.not_up();
        }
        let (secret, old) = (new.expose(), old.map_or("", Password::expose));
        let line = match &purpose {
            Purpose::Add(mail) => commands::line(&["ADD", mail.as_str(), secret]),
            Purpose::Reset(mail) => commands::line(&["RESET", mail.as_str(), secret]),
            Purpose::Passwd => commands::line(&["PASSWD", old, secret]),
        };
        self.asked.push_back(Asked::Password(purpose.clone(), new));
        self.effects.push(Effect::Send(line));
        self.ask = Some(Ask::Given(Given { purpose, held: Vec::new(), size: 0 }));
    }

    /// A key while the server has not answered.
    pub(super) fn given_key(&mut self, mut given: Given, key: Key) {
        if matches!(key, Key::Interrupt | Key::Eof) {
            return self.print(notice(format!("{}: the answer comes later", given.purpose.typed())));
        }
        given.size += if let Key::Paste(text) = &key { text.len() } else { 1 };
        if given.size <= CLIENT_TYPED_MAX {
            given.held.push(key);
        }
        self.ask = Some(Ask::Given(given));
    }

    /// The server has taken a password.
    pub(super) fn password_taken(&mut self, purpose: &Purpose, password: Password) {
        // Whoever has typed it once more did not mean to say it.
        let given = self.answered_given(purpose).filter(|given| !given.holds(&password));
        match purpose {
            Purpose::Add(mail) => self.print(notice(format!("{mail} can log in with that password"))),
            Purpose::Reset(mail) => self.print(notice(format!("{mail} has the new password now"))),
            Purpose::Passwd => {
                self.print(notice("your password is changed; your other devices have to log in again"));
                self.effects.push(Effect::NewPassword(password));
                if self.stays {
                    self.ask_server(Asked::Token, &["TOKEN"]);
                }
            }
        }
        if let Some(given) = given {
            self.typed_ahead.extend(given.held);
        }
    }

    /// It has not. If another password may be taken it is asked for: whoever is told so may type it at once.
    pub(super) fn password_refused(&mut self, purpose: Purpose, why: &Refusal) {
        self.print(super::view::refused(purpose.typed(), why));
        // What was typed meanwhile may be it, and so may what follows.
        let is_half = self.answered_given(&purpose).is_some_and(|given| given.is_half());
        let asks = matches!(
            why.code,
            AnyCode::Known(Code::BadPassword | Code::BadLogin | Code::Usage | Code::BadText)
        );
        if (asks || is_half) && self.ask.is_none() {
            self.ask = Some(Ask::Secret(purpose.first()));
        }
    }

    fn answered_given(&mut self, purpose: &Purpose) -> Option<Given> {
        match self.ask.take() {
            Some(Ask::Given(given)) if given.purpose == *purpose => Some(given),
            ask => {
                self.ask = ask;
                None
            }
        }
    }

    /// No answer comes any more.
    pub(super) fn password_lost(&mut self) {
        match self.ask.take() {
            Some(Ask::Given(given)) if given.is_half() => {
                self.ask = Some(Ask::Secret(given.purpose.first()));
            }
            Some(Ask::Given(_)) => {}
            ask => self.ask = ask,
        }
    }

    /// Whether keys answer a question.
    pub(super) fn is_asking(&self) -> bool {
        self.ask.is_some()
    }

    /// Whether what is typed now is a password, or may be one.
    pub(super) fn asks_for_password(&self) -> bool {
        matches!(&self.ask, Some(Ask::Secret(_) | Ask::Given(_)))
    }
}
