//! The prompt: the line being typed and the questions above it. Keys go in, wishes come out.

mod complete;
pub(super) mod question;
pub(super) mod secret;
pub(super) mod wish;

use std::iter::Peekable;
use std::time::Instant;
use std::vec::IntoIter;

use super::commands::{Command, Input, Purpose, read, takes_password, without_password};
use super::names::Names;
use super::view::{alarm, echoed, notice};
use crate::client::lines::cut_by_terminal;
use crate::client::terminal::{Echo, Editor, Key, Line, Live, Typed, pasted};
use crate::limits::{CLIENT_PASTE_LINES, TERMINAL_LINE};
use crate::protocol::Password;
use complete::{Completion, complete};
use question::{Answer, Question, Rest, Whether, pasted_lines};
use secret::{Given, Next, Secret};
use wish::{Around, Wish};

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Prompt {
    editor: Editor,
    question: Option<Question>,
    /// What may still come of the last answer.
    rest: Option<Rest>,
    /// Keys that waited until a password was accepted.
    pub(super) typed_ahead: Vec<Key>,
    /// What came of the last key.
    wishes: Vec<Wish>,
}

impl Prompt {
    /// Takes the next key; or several, if they are one answer.
    pub(super) fn take(
        &mut self,
        keys: &mut Peekable<IntoIter<Key>>,
        now: Instant,
        around: &Around<'_>,
    ) -> Vec<Wish> {
        match keys.next() {
            Some(Key::Char(first)) if matches!(self.question, Some(Question::YesNo(_))) => {
                self.word(first, keys, now, around);
            }
            Some(key) if !Rest::takes(&mut self.rest, &key, now) => self.key(key, around),
            _ => {}
        }
        std::mem::take(&mut self.wishes)
    }

    fn key(&mut self, key: Key, around: &Around<'_>) {
        match (key, self.question.take()) {
            (key @ (Key::Redraw | Key::Suspend), question) => {
                self.question = question;
                self.wishes.push(if key == Key::Redraw { Wish::Redraw } else { Wish::Suspend });
            }
            (key, Some(Question::YesNo(whether))) => self.yes_no_key(whether, &key),
            (key, Some(Question::Secret(secret))) => self.secret_key(secret, key, around),
            (Key::Interrupt | Key::Eof, Some(Question::Given(given))) => {
                self.print(notice(format!("{}: the answer comes later", given.purpose.typed())));
            }
            (key, Some(Question::Given(mut given))) => {
                given.add(key);
                self.question = Some(Question::Given(given));
            }
            (key, None) => self.edit(key, around),
        }
    }

    fn print(&mut self, line: Line) {
        self.wishes.push(Wish::Print(line));
    }

    /// A word where y or n is expected. It is the answer as a whole: another word that begins with a y is none.
    fn word(&mut self, first: char, keys: &mut Peekable<IntoIter<Key>>, now: Instant, around: &Around<'_>) {
        let mut word = String::from(first);
        while let Some(Key::Char(c)) = keys.next_if(|key| matches!(key, Key::Char(_))) {
            word.push(c);
        }
        let has_end = keys.next_if_eq(&Key::Enter).is_some();
        let Some(answer) = Answer::parse(&word) else { return };
        if let Some(Question::YesNo(whether)) = self.question.take() {
            match answer {
                Answer::Yes => self.yes(whether, around),
                Answer::No => self.no(whether),
            }
        }
        self.rest = (!has_end).then(|| Rest::of(answer, &word, now));
    }

    fn yes_no_key(&mut self, whether: Whether, key: &Key) {
        let whether = match (whether, key) {
            (whether, Key::Enter | Key::Escape | Key::Interrupt | Key::Eof) => {
                return self.no(whether);
            }
            // A paste that comes in pieces.
            (Whether::SayPaste(text), Key::Paste(more)) => {
                Whether::SayPaste(format!("{text}\n{}", pasted(more)))
            }
            (whether, _) => whether,
        };
        self.question = Some(Question::YesNo(whether));
    }

    fn yes(&mut self, whether: Whether, around: &Around<'_>) {
        match whether {
            Whether::SayPaste(text) => self.say_paste(&text, around),
            Whether::SayLine { said, typed } => self.say(said, typed, around),
            Whether::Remove(mail) => self.wishes.push(Wish::Do(Command::Remove(mail))),
            Whether::Leave => self.wishes.push(Wish::Do(Command::Leave)),
        }
    }

    fn no(&mut self, whether: Whether) {
        let told = match whether {
            Whether::SayPaste(text) => {
                self.editor.remember(&text);
                notice("not said; Up brings it back")
            }
            Whether::SayLine { typed, .. } => {
                self.editor.set(typed);
                notice("not said; /add, /reset and /passwd ask for passwords without showing them")
            }
            Whether::Remove(mail) => notice(format!("{mail} is not removed")),
            Whether::Leave => notice("you are still in the group"),
        };
        self.print(told);
    }

    fn secret_key(&mut self, secret: Secret, key: Key, around: &Around<'_>) {
        match secret.key(key, around.is_up) {
            Next::Ask(secret, told) => {
                self.wishes.extend(told.map(Wish::Print));
                self.question = Some(Question::Secret(secret));
            }
            Next::Give(purpose, passwords) => {
                self.wishes.push(Wish::Do(Command::Password(purpose, Some(passwords))));
            }
            Next::Ended(purpose) => self.print(notice(format!("{}: not done", purpose.typed()))),
        }
    }

    fn edit(&mut self, key: Key, around: &Around<'_>) {
        if key == Key::Interrupt && self.editor.searching().is_none() && !self.editor.text.is_empty() {
            // Up brings it back.
            let text = self.editor.text.clone();
            self.editor.remember(&without_password(&text, &read(&text, around.names)));
        }
        match self.editor.key(key) {
            Typed::Edited => {}
            Typed::Entered(text) => self.entered(text, around),
            Typed::Full => {
                self.print(alarm("that is too long for one line; say it in several lines"));
            }
            Typed::Other(Key::Tab) => self.complete(around.names),
            Typed::Other(Key::Eof) => self.wishes.push(Wish::Do(Command::Quit)),
            Typed::Other(_) => self.wishes.push(Wish::Interrupt),
        }
    }

    fn complete(&mut self, names: &Names) {
        match complete(&self.editor.text[..self.editor.cursor], names) {
            Completion::Nothing => {}
            Completion::Replace(len, with) => self.editor.replace_before(len, &with),
            Completion::Choices(words) => self.print(notice(words.join("  "))),
        }
    }

    fn entered(&mut self, text: String, around: &Around<'_>) {
        if text.contains('\n') {
            // None of them is carried out as a command, and whoever pastes one has to know.
            let is_command = |line: &str| line.trim_start().starts_with('/') || takes_password(line);
            if pasted_lines(&text).count() > CLIENT_PASTE_LINES || text.lines().any(is_command) {
                self.question = Some(Question::YesNo(Whether::SayPaste(text)));
            } else {
                self.say_paste(&text, around);
            }
            return;
        }
        let input = read(&text, around.names);
        let kept = without_password(&text, &input);
        let input = match input {
            Input::Say(said) if takes_password(&said) => {
                self.question = Some(Question::YesNo(Whether::SayLine { said, typed: text }));
                return;
            }
            input => input,
        };
        self.editor.remember(&kept);
        match input {
            Input::Nothing => self.wishes.push(Wish::Enter),
            Input::Say(said) => self.say(said, text, around),
            Input::Wrong(sentence) => {
                let verb = if kept.is_empty() { "/" } else { &kept };
                self.print(alarm(format!("{verb}: {sentence}")));
                if text.starts_with(char::is_whitespace) {
                    self.editor.set(text);
                }
            }
            Input::Do(command) => {
                self.print(echoed(&kept));
                self.command(command, around);
            }
            Input::AskPassword(purpose, why) => {
                self.wishes.extend([Wish::Print(echoed(&kept)), Wish::Print(alarm(why))]);
                self.command(Command::Password(purpose, None), around);
            }
        }
    }

    /// A command was typed. What lacks a password, or cannot be undone, comes after a question.
    fn command(&mut self, command: Command, around: &Around<'_>) {
        match command {
            command if !around.is_up => self.wishes.push(Wish::Do(command)),
            Command::Password(purpose, None) => self.ask_password(purpose),
            Command::Remove(mail) => self.question = Some(Question::YesNo(Whether::Remove(mail))),
            Command::Leave => self.question = Some(Question::YesNo(Whether::Leave)),
            command => self.wishes.push(Wish::Do(command)),
        }
    }

    /// Says a line, unless it is too long or not whole; then it is given back.
    fn say(&mut self, said: String, typed: String, around: &Around<'_>) {
        if said.len() > around.room {
            self.too_long(&said, typed, around);
        } else if typed.len() == TERMINAL_LINE || said.len() == TERMINAL_LINE - "MSG ".len() {
            // Where the terminal edits the line itself; and the server refuses a line of that length.
            self.print(alarm(format!("not said: {}", cut_by_terminal())));
            self.editor.set(typed);
        } else if let Some(text) = said.strip_prefix("MSG ").filter(|text| !text.trim().is_empty()) {
            // A habit from nc.
            self.print(notice("MSG is left out: here every line is said as it is"));
            self.wishes.push(Wish::Say(text.to_owned()));
        } else {
            self.wishes.push(Wish::Say(said));
        }
    }

    /// Says each line of a paste as it is: a slash does not make it a command.
    fn say_paste(&mut self, text: &str, around: &Around<'_>) {
        self.editor.remember(text);
        for said in pasted_lines(text) {
            if said.len() > around.room {
                self.too_long(said, said.to_owned(), around);
            } else {
                self.wishes.push(Wish::Say(said.to_owned()));
            }
        }
    }

    /// Gives a line back to be shortened.
    fn too_long(&mut self, said: &str, typed: String, around: &Around<'_>) {
        let over = said.len() - around.room;
        let bytes = if over == 1 { "byte" } else { "bytes" };
        self.print(alarm(format!(
            "not said: {over} {bytes} too long; shorten it, or say it in several lines"
        )));
        self.editor.set(typed);
    }

    /// Gives a line back, unless something else is being typed. Whether it does.
    pub(super) fn give_back(&mut self, text: &str) -> bool {
        let is_free = self.question.is_none() && self.editor.is_untouched();
        if is_free {
            self.editor.set(text.to_owned());
        }
        is_free
    }

    /// Forgets a line that was given back to be shortened, where the terminal edits lines itself and cannot show it.
    pub(super) fn clear(&mut self) {
        self.editor.set(String::new());
    }

    fn ask_password(&mut self, purpose: Purpose) {
        self.question = Some(Question::Secret(Secret::ask(purpose)));
    }

    /// The server has a password and has to answer.
    pub(super) fn wait_for(&mut self, purpose: Purpose) {
        self.question = Some(Question::Given(Given::new(purpose)));
    }

    /// The server has accepted a password: what was typed meanwhile are lines.
    pub(super) fn password_accepted(&mut self, purpose: &Purpose, password: &Password) {
        if let Some(given) = self.take_given(purpose) {
            self.typed_ahead.extend(given.into_lines(password));
        }
    }

    /// The server has not. If another password may be accepted it is asked for: the person may type it at once, or has
    /// begun to.
    pub(super) fn password_refused(&mut self, purpose: Purpose, another_may_do: bool) {
        let is_half = self.take_given(&purpose).is_some_and(|given| given.is_half());
        if (another_may_do || is_half) && self.question.is_none() {
            self.ask_password(purpose);
        }
    }

    /// The server does not answer any more.
    pub(super) fn connection_lost(&mut self) {
        match self.question.take() {
            Some(Question::Given(given)) if given.is_half() => self.ask_password(given.purpose),
            Some(Question::Given(_)) => {}
            question => self.question = question,
        }
    }

    fn take_given(&mut self, purpose: &Purpose) -> Option<Given> {
        match self.question.take() {
            Some(Question::Given(given)) if given.purpose == *purpose => Some(given),
            question => {
                self.question = question;
                None
            }
        }
    }

    /// Whether what is typed now is a password, or may be one.
    pub(super) fn hides_typing(&self) -> bool {
        matches!(&self.question, Some(Question::Secret(_) | Question::Given(_)))
    }

    /// The question, for a terminal that shows it once, and whether the answer is to be seen.
    pub(super) fn question(&self) -> Option<(String, Echo)> {
        self.question.as_ref().map(|question| (question.prompt(), question.echo()))
    }

    /// The prompt below these rows.
    pub(super) fn live(&self, above: Vec<Line>) -> Live {
        let text = &self.editor.text;
        let (prompt, typed, cursor) = match (&self.question, self.editor.searching()) {
            (Some(question), _) => ("", question.whole(), usize::MAX),
            (None, Some(search)) => ("", format!("{search}\n> {text}"), search.len()),
            (None, None) => ("> ", text.clone(), self.editor.cursor),
        };
        Live { above, prompt, typed, cursor }
    }
}
