//! Questions, which take the keys until they are answered.

use std::time::Instant;

use super::secret::{Given, Secret};
use crate::client::terminal::{Echo, Key};
use crate::limits::CLIENT_ANSWER_REST;
use crate::protocol::Mail;

/// A question.
#[derive(Debug)]
pub(super) enum Question {
    /// Answered with y or n. Enter, Esc, Ctrl-C and Ctrl-D are n.
    YesNo(Whether),
    /// Answered with a password, which is not shown.
    Secret(Secret),
    /// Answered by the server, which has a password.
    Given(Given),
}

/// What a yes or no is about.
#[derive(Debug)]
pub(in crate::client::chat) enum Whether {
    /// Whether to say a paste.
    SayPaste(String),
    /// Whether to say a line that may hold a password.
    SayLine { said: String, typed: String },
    /// Whether to remove a member.
    Remove(Mail),
    /// Whether to leave the group.
    Leave,
}

/// The lines of a paste that would be said.
pub(super) fn pasted_lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.is_empty())
}

impl Question {
    pub(super) fn prompt(&self) -> String {
        match self {
            Question::YesNo(Whether::SayPaste(text)) => {
                format!("say these {} lines? [y/N] ", pasted_lines(text).count())
            }
            Question::YesNo(Whether::Leave) => "leave the group for good? [y/N] ".to_owned(),
            Question::YesNo(Whether::Remove(mail)) => format!("remove {mail} from the group? [y/N] "),
            Question::YesNo(Whether::SayLine { .. }) => {
                "there may be a password in this line: say it to the group? [y/N] ".to_owned()
            }
            Question::Secret(secret) => secret.prompt(),
            Question::Given(given) => given.prompt(),
        }
    }

    pub(super) fn echo(&self) -> Echo {
        if matches!(self, Question::YesNo(_)) { Echo::On } else { Echo::Off }
    }

    /// With the text that it is about above it.
    pub(super) fn whole(&self) -> String {
        match self {
            Question::YesNo(Whether::SayPaste(text) | Whether::SayLine { typed: text, .. }) => {
                format!("{text}\n{}", self.prompt())
            }
            _ => self.prompt(),
        }
    }
}

/// The answer to a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Yes,
    No,
}

impl Answer {
    /// A word, or its first letter.
    pub(super) fn parse(word: &str) -> Option<Answer> {
        match word.trim().to_lowercase().as_str() {
            "y" | "yes" => Some(Answer::Yes),
            "n" | "no" => Some(Answer::No),
            _ => None,
        }
    }
}

/// The rest of the word of an answer, and its Enter. They belong to the answer if they come at once.
#[derive(Debug)]
pub(super) struct Rest {
    letters: &'static str,
    until: Instant,
}

impl Rest {
    /// After this word of an answer.
    pub(super) fn of(answer: Answer, word: &str, now: Instant) -> Rest {
        let letters = match answer {
            _ if word.len() > 1 => "",
            Answer::Yes => "es",
            Answer::No => "o",
        };
        Rest { letters, until: now + CLIENT_ANSWER_REST }
    }

    /// Whether a key is a part of it. What may follow then stays.
    pub(super) fn takes(rest: &mut Option<Rest>, key: &Key, now: Instant) -> bool {
        let Some(Rest { letters, until }) = rest.take().filter(|rest| now <= rest.until) else {
            return false;
        };
        match key {
            Key::Enter => true,
            Key::Char(c) => {
                let left = letters.strip_prefix(c.to_ascii_lowercase());
                *rest = left.map(|letters| Rest { letters, until });
                left.is_some()
            }
            _ => false,
        }
    }
}
