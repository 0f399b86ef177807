//! Questions that take the keys until they are answered. What was being typed comes back after them.

use std::time::Instant;

use super::Chat;
use super::asked::Asked;
use super::password::{Given, Secret};
use super::view::notice;
use crate::client::terminal::editor::pasted;
use crate::client::terminal::keys::Key;
use crate::client::terminal::tty::Echo;
use crate::limits::CLIENT_ANSWER_REST;
use crate::protocol::Mail;

/// A question.
#[derive(Debug)]
pub(super) enum Ask {
    /// Answered with y or n. Enter, Esc, Ctrl-C and Ctrl-D are n.
    YesNo(Question),
    /// Answered with a password, which is not shown.
    Secret(Secret),
    /// The server has to answer first, which got one.
    Given(Given),
}

#[derive(Debug)]
pub(super) enum Question {
    /// Whether to say so many lines: the text as it was typed.
    Paste(String, usize),
    /// Whether to say a line that may hold a password.
    Password { said: String, typed: String },
    /// Whether to remove somebody.
    Remove(Mail),
    /// Whether to leave the group.
    Leave,
}

impl Question {
    /// Whether to say all of this.
    pub(super) fn paste(text: String) -> Question {
        let lines = text.lines().filter(|line| !line.is_empty()).count();
        Question::Paste(text, lines)
    }
}

impl Ask {
    pub(super) fn prompt(&self) -> String {
        match self {
            Ask::YesNo(Question::Paste(_, lines)) => format!("say these {lines} lines? [y/N] "),
            Ask::YesNo(Question::Leave) => "leave the group for good? [y/N] ".to_owned(),
            Ask::YesNo(Question::Remove(mail)) => format!("remove {mail} from the group? [y/N] "),
            Ask::YesNo(Question::Password { .. }) => {
                "there may be a password in this line: say it to the group? [y/N] ".to_owned()
            }
            Ask::Secret(secret) => secret.prompt(),
            Ask::Given(given) => given.prompt(),
        }
    }

    pub(super) fn echo(&self) -> Echo {
        if matches!(self, Ask::YesNo(_)) { Echo::On } else { Echo::Off }
    }

    /// What stands before the prompt: the text, so that it is seen.
    pub(super) fn about(&self) -> &str {
        match self {
            Ask::YesNo(Question::Paste(text, _) | Question::Password { typed: text, .. }) => text,
            _ => "",
        }
    }
}

/// What a question was answered with, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Yes,
    No,
}

impl Answer {
    const WORDS: [(&str, Answer); 2] = [("yes", Answer::Yes), ("no", Answer::No)];

    /// A word, or its first letter, as it was typed.
    fn parse(word: &str) -> Option<Answer> {
        let word = word.trim().to_lowercase();
        let is_it = |whole: &str| word == whole || word == whole[..1];
        Answer::WORDS.iter().find(|(whole, _)| is_it(whole)).map(|(_, answer)| *answer)
    }

    /// What may follow the letter.
    fn rest(self) -> &'static str {
        match self {
            Answer::Yes => "es",
            Answer::No => "o",
        }
    }
}

/// The rest of the word that answered a question, and its Enter: they belong to the answer if they come at once.
#[derive(Debug)]
pub(super) struct Rest {
    letters: &'static str,
    until: Instant,
}

impl Chat {
    /// Keys that came at once.
    pub(in super::super) fn keys(&mut self, keys: Vec<Key>, now: Instant) {
        let mut keys = keys.into_iter().peekable();
        while let Some(key) = keys.next() {
            let Some(Ask::YesNo(_)) = &self.ask else {
                self.key(key, now);
                continue;
            };
            let Key::Char(first) = key else {
                self.key(key, now);
                continue;
            };
            // A line is the answer as a whole: what else begins with a y is none.
            let mut word = String::from(first);
            while let Some(Key::Char(c)) = keys.next_if(|key| matches!(key, Key::Char(_))) {
                word.push(c);
            }
            let has_end = keys.next_if_eq(&Key::Enter).is_some();
            if let Some(answer) = Answer::parse(&word) {
                self.answered(answer);
                self.rest = (!has_end).then(|| Rest {
                    letters: if word.len() == 1 { answer.rest() } else { "" },
                    until: now + CLIENT_ANSWER_REST,
                });
                self.go_on();
            }
        }
    }

    /// Whether a key belongs to the answer before it.
    pub(super) fn is_rest(&mut self, key: &Key, now: Instant) -> bool {
        let Some(Rest { letters, until }) = self.rest.take().filter(|rest| now <= rest.until) else {
            return false;
        };
        match key {
            Key::Enter => true,
            Key::Char(c) => {
                let left = letters.strip_prefix(c.to_ascii_lowercase());
                self.rest = left.map(|letters| Rest { letters, until });
                left.is_some()
            }
            _ => false,
        }
    }

    fn answered(&mut self, answer: Answer) {
        match (self.ask.take(), answer) {
            (Some(Ask::YesNo(question)), Answer::Yes) => self.yes(question),
            (Some(Ask::YesNo(question)), Answer::No) => self.no(question),
            (ask, _) => self.ask = ask,
        }
    }

    /// A key while something is asked.
    pub(super) fn answer_key(&mut self, ask: Ask, key: Key) {
        match ask {
            Ask::YesNo(question) => match (question, key) {
                (question, Key::Enter | Key::Escape | Key::Interrupt | Key::Eof) => self.no(question),
                // It came in pieces.
                (Question::Paste(text, _), Key::Paste(more)) => {
                    let text = format!("{text}\n{}", pasted(&more));
                    self.ask = Some(Ask::YesNo(Question::paste(text)));
                }
                (question, _) => self.ask = Some(Ask::YesNo(question)),
            },
            Ask::Secret(secret) => self.secret_key(secret, key),
            Ask::Given(given) => self.given_key(given, key),
        }
    }

    fn yes(&mut self, question: Question) {
        match question {
            Question::Paste(text, _) => self.say_lines(&text),
            Question::Password { said, typed } => self.say_line(said, typed),
            Question::Remove(mail) => self.remove(&mail),
            Question::Leave if self.is_up() => self.ask_server(Asked::Leave, &["LEAVE"]),
            Question::Leave => self.not_up(),
        }
    }

    fn no(&mut self, question: Question) {
        match question {
            Question::Paste(text, _) => {
                self.editor.remember(&text);
                self.print(notice("not said; Up brings it back"));
            }
            Question::Password { typed, .. } => {
                self.editor.set(typed);
                self.print(notice(
                    "not said; /add, /reset and /passwd ask for passwords without showing them",
                ));
            }
            Question::Remove(mail) => self.print(notice(format!("{mail} is not removed"))),
            Question::Leave => self.print(notice("you are still in the group")),
        }
    }
}
