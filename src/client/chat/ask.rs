//! Questions that take the keys until they are answered. What was being typed comes back after them.

use zeroize::Zeroizing;

use super::commands::Command;
use super::view::alarm;
use super::{Asked, Chat};
use crate::client::terminal::keys::Key;
use crate::client::terminal::tty::Echo;
use crate::limits::PASSWORD_MAX;
use crate::protocol::{Mail, Password};

/// A question.
#[derive(Debug)]
pub(super) enum Ask {
    /// Answered with y or n.
    YesNo(Question),
    /// Answered with a password, which is not shown.
    Secret(Secret, Zeroizing<String>),
}

#[derive(Debug)]
pub(super) enum Question {
    /// Whether to say so many lines: the text as it was typed.
    Paste(String, usize),
    /// Whether to leave the group.
    Leave,
}

/// What the password is for.
#[derive(Debug)]
pub(super) enum Secret {
    Add(Mail),
    Reset(Mail),
    Old,
    New(Password),
    Again(Password, Password),
}

impl Ask {
    pub(super) fn secret(what: Secret) -> Ask {
        // Room for all of it, so that no copy is left behind by growing.
        Ask::Secret(what, Zeroizing::new(String::with_capacity(PASSWORD_MAX)))
    }

    pub(super) fn prompt(&self) -> String {
        match self {
            Ask::YesNo(Question::Paste(_, lines)) => format!("say these {lines} lines? y/n "),
            Ask::YesNo(Question::Leave) => "leave the group for good? y/n ".to_owned(),
            Ask::Secret(Secret::Add(mail) | Secret::Reset(mail), _) => format!("password for {mail}: "),
            Ask::Secret(Secret::Old, _) => "your password now: ".to_owned(),
            Ask::Secret(Secret::New(_), _) => "your new password: ".to_owned(),
            Ask::Secret(Secret::Again(..), _) => "the new password again: ".to_owned(),
        }
    }

    pub(super) fn echo(&self) -> Echo {
        if matches!(self, Ask::Secret(..)) { Echo::Off } else { Echo::On }
    }

    /// What stands behind the prompt: the pasted text, so that it is seen.
    pub(super) fn about(&self) -> &str {
        match self {
            Ask::YesNo(Question::Paste(text, _)) => text,
            _ => "",
        }
    }
}

impl Chat {
    /// A key while something is asked.
    pub(super) fn answer_key(&mut self, ask: Ask, key: Key) {
        match ask {
            Ask::YesNo(question) => match key {
                Key::Char('y' | 'Y') => self.yes(question),
                Key::Char('n' | 'N') | Key::Interrupt | Key::Eof => self.no(question),
                _ => self.ask = Some(Ask::YesNo(question)),
            },
            Ask::Secret(what, mut typed) => match key {
                Key::Interrupt | Key::Eof => {}
                Key::Enter => match Password::parse(typed.as_bytes()) {
                    Ok(password) => self.secret(what, password),
                    Err(why) => self.print(alarm(format!("{why}; type the command again"))),
                },
                key => {
                    match key {
                        Key::Char(c) if typed.len() + c.len_utf8() <= PASSWORD_MAX => typed.push(c),
                        Key::Paste(text) if typed.len() + text.len() <= PASSWORD_MAX => typed.push_str(&text),
                        Key::Backspace => drop(typed.pop()),
                        Key::KillBegin => typed.clear(),
                        _ => {}
                    }
                    self.ask = Some(Ask::Secret(what, typed));
                }
            },
        }
    }

    fn yes(&mut self, question: Question) {
        match question {
            Question::Paste(text, _) => self.say_lines(&text),
            Question::Leave => self.ask_server(Asked::Leave, &["LEAVE"]),
        }
    }

    fn no(&mut self, question: Question) {
        if let Question::Paste(text, _) = question {
            self.editor.set(text);
        }
    }

    fn secret(&mut self, what: Secret, password: Password) {
        match what {
            Secret::Add(mail) => self.carry_out(Command::Add(mail, Some(password))),
            Secret::Reset(mail) => self.carry_out(Command::Reset(mail, Some(password))),
            Secret::Old => self.ask = Some(Ask::secret(Secret::New(password))),
            Secret::New(old) => self.ask = Some(Ask::secret(Secret::Again(old, password))),
            Secret::Again(old, new) if new == password => {
                self.carry_out(Command::Passwd(Some((old, new))));
            }
            Secret::Again(..) => {
                self.print(alarm("/passwd: these are two different passwords; type the command again"));
            }
        }
    }
}
