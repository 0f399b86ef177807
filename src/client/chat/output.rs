//! What the shell of the chat gives the terminal: lines, the live rows below them, questions where nothing is drawn. With it goes
//! how far the transcript is shown when the terminal has taken each part.

use std::collections::VecDeque;
use std::io;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

use crate::client::connection::numbers::Place;
use crate::client::terminal::tty::{self, Echo};
use crate::client::terminal::{Ability, Canvas, Line};
use crate::limits::CLIENT_PIECE;

/// See the module.
#[derive(Debug)]
pub(super) struct Output {
    pub(super) canvas: Canvas,
    pub(super) ability: Ability,
    has_title: bool,
    /// Bytes of the canvas, and how far the transcript is shown when the terminal has taken this many.
    marks: VecDeque<(usize, Place)>,
    /// Where nothing is drawn: the question that was put last.
    asked: Option<(String, Echo)>,
}

impl Output {
    pub(super) fn new() -> Output {
        let ability = tty::ability();
        let canvas = Canvas::new(tty::size(), ability);
        let has_title = ability != Ability::Lines && tty::has_title();
        Output { canvas, ability, has_title, marks: VecDeque::new(), asked: None }
    }

    pub(super) fn draws(&self) -> bool {
        self.ability != Ability::Lines
    }

    /// Gives the window a title, where windows have one.
    pub(super) fn title(&mut self, title: &str) {
        if self.has_title {
            self.canvas.title(title);
        }
    }

    /// Prints a line; `question` gives the one that is open.
    pub(super) fn print(&mut self, line: Line, question: impl FnOnce() -> Option<(String, Echo)>) {
        self.interrupt_question(question);
        self.canvas.print(line);
    }

    /// A line is not printed into the row of a question; the question is put again below it.
    fn interrupt_question(&mut self, question: impl FnOnce() -> Option<(String, Echo)>) {
        let Some((text, echo)) = &self.asked else { return };
        if text.ends_with('\n') {
            return;
        }
        // The end of an answer that was shown has ended its row.
        if *echo == Echo::Off || question() == self.asked {
            self.canvas.ask("\n");
        }
        self.asked = None;
    }

    /// Where nothing is drawn: puts the question that is open, once.
    pub(super) fn put_question(&mut self, question: Option<(String, Echo)>) {
        if question == self.asked {
            return;
        }
        // The end of an answer that was not shown was not shown either.
        if let Some((_, Echo::Off)) = self.asked {
            self.canvas.ask("\n");
        }
        let (text, echo) = question.as_ref().map_or(("", Echo::On), |(text, echo)| (text.as_str(), *echo));
        self.canvas.ask(text);
        // If that fails the terminal is gone, and the next write reports it.
        let _ = tty::set_echo(echo);
        self.asked = question;
    }

    /// The transcript is shown up to here when the terminal has taken everything so far.
    pub(super) fn mark(&mut self, place: Place) {
        self.marks.push_back((self.canvas.len(), place));
    }

    pub(super) fn has_marks(&self) -> bool {
        !self.marks.is_empty()
    }

    /// Gives the terminal everything so far, a piece at a time, and records after each how far the transcript was shown: what the
    /// terminal has taken, and no more. If the program is killed in between, a piece is shown twice, rather than never.
    pub(super) fn write(&mut self, mut record: impl FnMut(Option<&Place>)) -> io::Result<()> {
        let (bytes, mut marks) = (self.canvas.take(), std::mem::take(&mut self.marks));
        let mut taken = 0;
        loop {
            let mut place = None;
            while marks.front().is_some_and(|(end, _)| *end <= taken) {
                place = marks.pop_front().map(|(_, shown)| shown);
            }
            // Without a place, too: an earlier one may not be recorded yet.
            record(place.as_ref());
            if taken == bytes.len() {
                return Ok(());
            }
            let piece = marks.iter().map(|(end, _)| *end).find(|end| *end >= taken + CLIENT_PIECE);
            taken += write(&bytes.as_bytes()[taken..piece.unwrap_or(bytes.len())])?;
        }
    }
}

/// Waits until the terminal takes some of these bytes. Returns how many it has taken: all, unless a signal or its end came in
/// between.
fn write(bytes: &[u8]) -> io::Result<usize> {
    let stdout = io::stdout();
    loop {
        match rustix::io::write(&stdout, bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(n) => return Ok(n),
            Err(Errno::INTR) => {}
            // Another program has left the terminal in non-blocking mode.
            Err(Errno::AGAIN) => {
                poll(&mut [PollFd::new(&stdout, PollFlags::OUT)], None)?;
            }
            Err(why) => return Err(why.into()),
        }
    }
}
