//! The client at a terminal: lines are messages or commands, and what happens is told.

use std::io::{self, BufRead};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use super::lines::{Found, read_line};
use super::link::{Link, Sender, Welcome, said_bye};
use super::said::{Answer, Said, field};
use super::screen::Screen;
use super::typed::Typed;
use super::{Failure, print};
use crate::limits::CLIENT_OUTSTANDING_MAX;
use crate::protocol::{Mail, Text};

/// What an answer belongs to.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    /// Something said to the group.
    Message,
    /// A page of a list: the thread that asked waits to hear whether there is more.
    Page,
    /// Any other command.
    Command,
}

/// Talks with whoever sits at the terminal. `Ok`: they left.
pub(super) fn run(mut link: Link, welcome: &Welcome) -> Result<(), Failure> {
    let Welcome { mail, role, missed } = welcome;
    print(&format!("* you are in as {mail} ({role}), {missed} missed; /help lists the commands\n"))?;
    let (sender, asked) = link.sender()?;
    let (more, pages) = sync_channel(1);
    thread::spawn(move || Typist { sender, pages }.run(io::stdin().lock()));
    listen(&mut link, &asked, &more)
}

/// Shows what the server says until it ends.
fn listen(link: &mut Link, asked: &Receiver<Asked>, more: &SyncSender<Option<Mail>>) -> Result<(), Failure> {
    let mut screen = Screen::default();
    let mut leaving = false;
    loop {
        let said = match link.next() {
            Ok(Said::Bye(sentence)) if !leaving => return Err(lost(&said_bye(&sentence), asked)),
            Ok(said) => said,
            Err(_) if leaving => return Ok(()),
            Err(ended) => return Err(lost(&ended.to_string(), asked)),
        };
        print(&screen.show(&said))?;
        match said {
            Said::Answer(Answer { verb, outcome }) => {
                let Ok(asked) = asked.try_recv() else {
                    return Err(Failure::told("the server answered something that was not asked"));
                };
                match (verb.as_str(), &outcome) {
                    ("QUIT", Ok(_)) => return Ok(()),
                    ("LEAVE", Ok(_)) => leaving = true,
                    _ => {}
                }
                if asked == Asked::Page {
                    let next =
                        outcome.ok().and_then(|rest| Mail::parse(field(&rest, "more")?.as_bytes()).ok());
                    // The typist takes it before asking for another page, so this never waits; it may have
                    // gone only when the connection is gone.
                    let _ = more.send(next);
                }
            }
            Said::Bye(_) => return Ok(()),
            Said::Event(_) | Said::Other(_) => {}
        }
    }
}

/// Why it ended, and whether something that was said may not have been heard.
fn lost(why: &str, asked: &Receiver<Asked>) -> Failure {
    let left = asked.try_iter().take(CLIENT_OUTSTANDING_MAX + 1);
    match left.filter(|asked| *asked == Asked::Message).count() {
        0 => Failure::told(why),
        1 => Failure::Told(format!("{why}; your last message is not acknowledged")),
        n => Failure::Told(format!("{why}; your last {n} messages are not acknowledged")),
    }
}

/// The thread that reads the keyboard and writes to the server.
#[derive(Debug)]
struct Typist {
    sender: Sender<Asked>,
    pages: Receiver<Option<Mail>>,
}

impl Typist {
    /// Until the typist quits or the connection is gone; of the latter the listening side knows more.
    fn run(mut self, mut input: impl BufRead) {
        let mut line = Vec::new();
        let max = self.sender.room_after("") + "\r\n".len();
        loop {
            match read_line(&mut input, max, &mut line) {
                Ok(Found::Line | Found::Unended) => {
                    if !self.take(&line).unwrap_or(false) {
                        return;
                    }
                }
                Ok(Found::TooLong) => {
                    too_long();
                    // If this fails so does the next reading.
                    let _ = input.skip_until(b'\n');
                }
                Ok(Found::End) | Err(_) => {
                    let _ = self.sender.send(Asked::Command, "QUIT", "");
                    return;
                }
            }
        }
    }

    /// Does what a line asks for; whether there may be another.
    fn take(&mut self, line: &[u8]) -> io::Result<bool> {
        let text = match Text::parse(line) {
            Ok(text) => text.as_str(),
            Err(why) => {
                note(&format!("not sent: {why}"));
                return Ok(true);
            }
        };
        match Typed::parse(text) {
            Typed::Nothing => {}
            Typed::Unclear => note("that is no command; /help lists them, // says a text that begins with /"),
            Typed::Message(text) if text.len() > self.sender.room_after("MSG") => too_long(),
            Typed::Message(text) => self.sender.send(Asked::Message, "MSG", text)?,
            Typed::Command(verb, rest) if rest.len() > self.sender.room_after(&verb) => too_long(),
            Typed::Command(verb, rest) => match verb.as_str() {
                "WHO" | "MEMBERS" => self.list(&verb, rest)?,
                "MSG" => self.sender.send(Asked::Message, &verb, rest)?,
                _ => {
                    self.sender.send(Asked::Command, &verb, rest)?;
                    return Ok(verb != "QUIT" || !rest.trim().is_empty());
                }
            },
        }
        Ok(true)
    }

    /// Asks for all pages of a list, each after the answer to the one before.
    fn list(&mut self, verb: &str, after: &str) -> io::Result<()> {
        self.sender.send(Asked::Page, verb, after)?;
        let mut last: Option<Mail> = None;
        while let Ok(Some(next)) = self.pages.recv() {
            // Pages go forward, or they would never end.
            if last.is_some_and(|last| next <= last) {
                break;
            }
            self.sender.send(Asked::Page, verb, next.as_str())?;
            last = Some(next);
        }
        Ok(())
    }
}

fn too_long() {
    note("not sent: longer than a line may be");
}

/// Tells the typist something. If the screen is gone, the listening side finds out.
fn note(sentence: &str) {
    let _ = print(&format!("! {sentence}\n"));
}
