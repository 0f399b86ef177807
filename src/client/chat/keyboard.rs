//! What keys do.

use std::time::Instant;

use super::Chat;
use super::ask::{Ask, Question};
use super::asked::Asked;
use super::commands::{COMMANDS, Command, Meant, read, takes_password, without_password, words};
use super::effect::Effect;
use super::password::Purpose;
use super::view::{alarm, notice};
use crate::client::lines::cut_by_terminal;
use crate::client::options::Bell;
use crate::client::terminal::editor::Typed;
use crate::client::terminal::keys::Key;
use crate::client::terminal::layout::{Line, Style};
use crate::limits::{CLIENT_PASTE_LINES, CLIENT_QUIT_WAIT, TERMINAL_LINE};
use crate::protocol::{Mail, Seq};

impl Chat {
    /// A key was pressed.
    pub(super) fn key(&mut self, key: Key, now: Instant) {
        if self.is_rest(&key, now) {
            return;
        }
        match key {
            Key::Interrupt if self.leaving.is_some() => self.leave(Ok(())),
            Key::Redraw => self.effects.push(Effect::Redraw),
            Key::Suspend => self.effects.push(Effect::Suspend),
            key => match self.ask.take() {
                Some(ask) => self.answer_key(ask, key),
                None => self.edit(key, now),
            },
        }
        self.go_on();
    }

    /// What was given back to be made shorter cannot be changed here: the next line begins with nothing.
    pub(super) fn take_back_nothing(&mut self) {
        self.editor.set(String::new());
    }

    /// The keyboard is gone.
    pub(super) fn keyboard_ended(&mut self, now: Instant) {
        self.go(now);
    }

    fn edit(&mut self, key: Key, now: Instant) {
        if key == Key::Interrupt && !self.editor.is_searching() && !self.editor.text().is_empty() {
            // Up brings it back.
            let text = self.editor.text().to_owned();
            self.editor.remember(&without_password(&text, &read(&text, &self.names)));
        }
        match self.editor.key(key) {
            Typed::Edited => {}
            Typed::Entered(text) => self.entered_line(text, now),
            Typed::Full => self.print(alarm("that is too long for one line; say it in several lines")),
            Typed::Other(Key::Tab) => self.complete(),
            Typed::Other(Key::Eof) => self.go(now),
            Typed::Other(Key::Interrupt) if self.stop_history() => {}
            Typed::Other(_) => self.print(notice("Ctrl-D or /quit ends the chat")),
        }
    }

    fn entered_line(&mut self, text: String, now: Instant) {
        if text.contains('\n') {
            let lines = text.lines().filter(|line| !line.is_empty()).count();
            // None of them is a command, and whoever pastes some has to know.
            let is_command = |line: &str| line.trim_start().starts_with('/') || takes_password(line);
            if lines > CLIENT_PASTE_LINES || text.lines().any(is_command) {
                self.ask = Some(Ask::YesNo(Question::paste(text)));
            } else {
                self.say_lines(&text);
            }
            return;
        }
        let meant = read(&text, &self.names);
        let kept = without_password(&text, &meant);
        let meant = match meant {
            Meant::Say(said) if takes_password(&said) => {
                return self.ask = Some(Ask::YesNo(Question::Password { said, typed: text }));
            }
            meant => meant,
        };
        self.editor.remember(&kept);
        match meant {
            Meant::Nothing if self.is_up() && self.numbers.is_held() => self.show_missed(),
            Meant::Nothing => {}
            Meant::Say(said) => self.say_line(said, text),
            Meant::Wrong(sentence) => {
                let verb = if kept.is_empty() { "/" } else { &kept };
                self.print(alarm(format!("{verb}: {sentence}")));
                if text.starts_with(char::is_whitespace) {
                    self.editor.set(text);
                }
            }
            Meant::Do(command) => {
                self.print(Line::new(Style::Quiet, format!("> {kept}")).indented(2));
                if command == Command::Quit {
                    self.go(now);
                } else {
                    self.carry_out(command);
                }
            }
            Meant::Instead(command, why) => {
                self.print(Line::new(Style::Quiet, format!("> {kept}")).indented(2));
                self.print(alarm(why));
                self.carry_out(command);
            }
        }
    }

    /// Says a line, unless it is too long or not whole; then it is given back.
    pub(super) fn say_line(&mut self, said: String, typed: String) {
        if said.len() > self.room_for_text() {
            self.too_long(&said, typed);
        } else if typed.len() == TERMINAL_LINE {
            // Where no cursor can be placed the terminal gives the lines.
            self.print(alarm(format!("not said: {}", cut_by_terminal())));
            self.editor.set(typed);
        } else {
            self.say(said);
        }
    }

    /// Says a line. MSG before it is another client's, or nc's.
    pub(super) fn say(&mut self, said: String) {
        let said = match said.strip_prefix("MSG ") {
            Some(text) if !text.trim().is_empty() => {
                self.print(notice("MSG is left out: here every line is said as it is"));
                text.to_owned()
            }
            _ => said,
        };
        self.outbox.say(said);
    }

    /// Each line of a paste as it stands: a slash in it is no command.
    pub(super) fn say_lines(&mut self, text: &str) {
        self.editor.remember(text);
        for said in text.lines().filter(|line| !line.is_empty()) {
            if said.len() > self.room_for_text() {
                self.too_long(said, said.to_owned());
            } else {
                self.outbox.say(said.to_owned());
            }
        }
    }

    fn room_for_text(&self) -> usize {
        self.line_max - "MSG \n".len()
    }

    /// Gives a line back to be made shorter.
    fn too_long(&mut self, said: &str, typed: String) {
        let over = said.len() - self.room_for_text();
        let bytes = if over == 1 { "byte" } else { "bytes" };
        self.print(alarm(format!(
            "not said: {over} {bytes} too long; shorten it, or say it in several lines"
        )));
        self.editor.set(typed);
    }

    /// Does what a command says.
    pub(super) fn carry_out(&mut self, command: Command) {
        match command {
            Command::Clear => return self.effects.push(Effect::Clear),
            Command::Help => return self.help(),
            Command::Bell(when) => return self.set_bell(when),
            _ => {}
        }
        if !self.is_up() {
            return self.not_up();
        }
        match command {
            Command::Add(mail, None) => self.ask_password(Purpose::Add(mail)),
            Command::Reset(mail, None) => self.ask_password(Purpose::Reset(mail)),
            Command::Passwd(None) => self.ask_password(Purpose::Passwd),
            Command::Add(mail, Some(password)) => self.give(Purpose::Add(mail), None, password),
            Command::Reset(mail, Some(password)) => self.give(Purpose::Reset(mail), None, password),
            Command::Passwd(Some((old, new))) => self.give(Purpose::Passwd, Some(&old), new),
            Command::Leave => self.ask = Some(Ask::YesNo(Question::Leave)),
            Command::Remove(mail) => self.ask = Some(Ask::YesNo(Question::Remove(mail))),
            Command::Who => self.ask_server(Asked::Who(Vec::new()), &["WHO"]),
            Command::Members => self.ask_server(Asked::Members(Vec::new()), &["MEMBERS"]),
            Command::Stats => self.ask_server(Asked::Stats, &["STATS"]),
            Command::Skip if self.numbers.left() > 0 => self.skip_left(),
            Command::Skip => self.ask_server(Asked::Skip, &["SKIP"]),
            Command::History(lines, before) => self.history(lines, before),
            Command::Info(Some(seq)) => self.info(seq),
            // The number of the last one is not known yet.
            Command::Info(None) if self.outbox.lines().len() > 0 => self.info_waits = true,
            Command::Info(None) => self.info_of_last(),
            // Done above, or by who asked.
            Command::Clear | Command::Help | Command::Bell(_) | Command::Quit => {}
        }
    }

    pub(super) fn not_up(&mut self) {
        self.print(alarm("not done: there is no connection; try again when there is"));
    }

    fn ask_password(&mut self, purpose: Purpose) {
        self.ask = Some(Ask::Secret(purpose.first()));
    }

    pub(super) fn remove(&mut self, mail: &Mail) {
        if !self.is_up() {
            return self.not_up();
        }
        let done = format!("{mail} is no longer in the group");
        self.ask_server(Asked::Plain { typed: "/remove", done }, &["REMOVE", mail.as_str()]);
    }

    fn info(&mut self, seq: Seq) {
        self.ask_server(Asked::Info(seq, Vec::new()), &["INFO", &seq.to_string()]);
    }

    /// Of the last own message, when all that was said is answered.
    pub(super) fn info_of_last(&mut self) {
        self.info_waits = false;
        match self.my_last {
            Some(seq) => self.info(seq),
            None => {
                self.print(alarm("/info: you have said nothing yet; /history shows the numbers"));
            }
        }
    }

    fn help(&mut self) {
        self.print(notice("every line you type goes to the group; to begin one with /, type //"));
        for (usage, purpose) in COMMANDS {
            self.print(Line::new(Style::Plain, format!("  {usage:<26} {purpose}")).indented(4));
        }
        self.print(notice(
            "Tab completes, Up and Ctrl-R bring back what you typed, Ctrl-L redraws the window",
        ));
    }

    fn set_bell(&mut self, when: Option<Bell>) {
        self.bell = when.unwrap_or(self.bell);
        self.print(notice(match self.bell {
            Bell::Off => "the bell is off",
            Bell::Mention => "the bell rings when somebody says your name",
            Bell::All => "the bell rings when somebody says anything",
        }));
    }

    /// Completes the word before the cursor: a command at the beginning, else a name.
    fn complete(&mut self) {
        let before = &self.editor.text()[..self.editor.cursor()];
        let begin = before
            .rfind(char::is_whitespace)
            .map_or(0, |at| at + before[at..].chars().next().map_or(0, char::len_utf8));
        let word = &before[begin..];
        let (found, behind) = if begin == 0 && word.starts_with('/') {
            (words().filter(|command| command.starts_with(word)).map(str::to_owned).collect(), " ")
        } else if word.is_empty() {
            return;
        } else {
            (self.names.complete(word), if begin == 0 { ": " } else { " " })
        };
        let (len, common) = (word.len(), common_beginning(&found));
        match found.as_slice() {
            [] => {}
            [only] => self.editor.replace_before(len, &format!("{only}{behind}")),
            _ if common.len() > len => self.editor.replace_before(len, &common),
            _ => self.print(notice(found.join("  "))),
        }
    }

    /// Ends the chat, after what was said is acknowledged.
    fn go(&mut self, now: Instant) {
        if self.leaving.is_some() {
            return;
        }
        if self.is_up() {
            self.leaving = Some(now + CLIENT_QUIT_WAIT);
            self.go_on();
        } else {
            self.leave(Ok(()));
        }
    }
}

fn common_beginning(words: &[String]) -> String {
    let Some((first, others)) = words.split_first() else { return String::new() };
    let agrees = |end: usize| others.iter().all(|word| word.starts_with(&first[..end]));
    let ends = first.char_indices().map(|(at, c)| at + c.len_utf8());
    let end = ends.take_while(|&end| agrees(end)).last().unwrap_or(0);
    first[..end].to_owned()
}
