//! The screen as bytes: printed lines, and below them the live rows, which are erased and drawn again. The cursor only ever
//! goes back to the live rows. How many they are is known: they are cut to the window and drawn with the terminal's own
//! wrapping switched off.

use std::collections::VecDeque;
use std::fmt::Write as _;

use super::kind::Resizing;
use super::layout::{self, Line, NAME_COLOURS, Row, Style};
use super::title;
use crate::limits::CLIENT_PRINTED_KEPT;

/// What is below the lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Live {
    /// One row each.
    pub(in super::super) above: Vec<Line>,
    pub(in super::super) prompt: &'static str,
    pub(in super::super) typed: String,
    /// A byte offset in `typed`.
    pub(in super::super) cursor: usize,
}

/// What the terminal can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Ability {
    /// Place a cursor, and show names in colours.
    Colours,
    /// Place a cursor.
    Cursor,
    /// Print lines: nothing is drawn, and the terminal itself shows what is typed.
    Lines,
}

/// Collects bytes for the terminal.
#[derive(Debug)]
pub(in super::super) struct Canvas {
    out: String,
    width: usize,
    height: usize,
    ability: Ability,
    /// What the terminal does when its width changes.
    pub(in super::super) resizing: Resizing,
    drawn: Option<Drawn>,
    printed: VecDeque<Line>,
}

/// The live rows as they were drawn.
#[derive(Debug)]
struct Drawn {
    live: Live,
    /// The rows down to the one in which the cursor is, and its column there.
    rows: Vec<String>,
    column: usize,
}

impl Drawn {
    /// How many rows the cursor is below the first.
    fn above(&self) -> usize {
        self.rows.len() - 1
    }

    /// The same after the terminal has wrapped them again.
    fn above_in(&self, width: usize) -> usize {
        let (last, before) = self.rows.split_last().expect("the cursor is in a row");
        let before = before.iter().map(|row| layout::wrapped(row, width, usize::MAX) + 1);
        before.sum::<usize>() + layout::wrapped(last, width, self.column)
    }
}

const ERASE_BELOW: &str = "\r\x1b[J";
const WRAP_OFF: &str = "\x1b[?7l";
const WRAP_ON: &str = "\x1b[?7h";
const RING: char = '\x07';

impl Canvas {
    pub(in super::super) fn new(size: (usize, usize), ability: Ability) -> Canvas {
        let (width, height) = size;
        let resizing = Resizing::default();
        Canvas { out: String::new(), width, height, ability, resizing, drawn: None, printed: VecDeque::new() }
    }

    /// How many bytes there are so far.
    pub(in super::super) fn len(&self) -> usize {
        self.out.len()
    }

    /// Takes the bytes so far.
    pub(in super::super) fn take(&mut self) -> String {
        std::mem::take(&mut self.out)
    }

    /// Prints a line for good.
    pub(in super::super) fn print(&mut self, line: Line) {
        self.erase();
        self.put(&line);
        if self.printed.len() == CLIENT_PRINTED_KEPT {
            self.printed.pop_front();
        }
        self.printed.push_back(line);
    }

    /// Puts a question, after which the terminal shows the answer.
    pub(in super::super) fn ask(&mut self, question: &str) {
        self.out.push_str(question);
    }

    /// Gives the window a title; none is its own.
    pub(in super::super) fn title(&mut self, title: &str) {
        self.out.push_str(&title::set(title));
    }

    pub(in super::super) fn ring(&mut self) {
        self.out.push(RING);
    }

    /// Draws the live rows if they are not what is drawn.
    pub(in super::super) fn draw(&mut self, live: &Live) {
        if self.ability == Ability::Lines || self.drawn.as_ref().is_some_and(|drawn| drawn.live == *live) {
            return;
        }
        self.erase();
        let typed = layout::typed(live.prompt, &live.typed, live.cursor, self.width);
        // At least one printed row stays visible.
        let room = self.height.saturating_sub(1).max(1);
        let above = live.above.len().min(room - 1);
        let visible = typed.rows.len().min(room - above);
        let first = typed.cursor_row.saturating_sub(visible - 1);
        let mut rows: Vec<Row> = live.above[live.above.len() - above..]
            .iter()
            .map(|line| layout::one_row(line, self.width.saturating_sub(1)))
            .collect();
        rows.extend(typed.rows[first..first + visible].iter().map(|row| vec![(Style::Plain, row.clone())]));
        self.out.push_str(WRAP_OFF);
        for (at, row) in rows.iter().enumerate() {
            if at > 0 {
                self.out.push_str("\r\n");
            }
            self.put_row(row);
        }
        self.out.push_str(WRAP_ON);
        let cursor_row = above + typed.cursor_row - first;
        self.up(rows.len() - 1 - cursor_row);
        self.out.push('\r');
        if typed.cursor_column > 0 {
            self.escape(typed.cursor_column, 'C');
        }
        let text = |row: &Row| row.iter().map(|(_, text)| text.as_str()).collect();
        let rows = rows[..=cursor_row].iter().map(text).collect();
        self.drawn = Some(Drawn { live: live.clone(), rows, column: typed.cursor_column });
    }

    /// Erases the live rows; the cursor is then where the next line begins.
    pub(in super::super) fn erase(&mut self) {
        if let Some(drawn) = self.drawn.take() {
            self.up(drawn.above());
            self.out.push_str(ERASE_BELOW);
        }
    }

    /// Another program may have written, and left the cursor at the beginning of a row below. If none has, the cursor is in the
    /// row that was drawn, which is then drawn again.
    pub(in super::super) fn forget_drawn(&mut self) {
        self.drawn = None;
        if self.ability != Ability::Lines {
            self.out.push_str(ERASE_BELOW);
        }
    }

    /// The window has another size. The terminal may have wrapped, cut or moved what was printed, which is left alone. Only the
    /// live rows are erased, wherever they are now, to be drawn again.
    pub(in super::super) fn resize(&mut self, size: (usize, usize)) {
        if size == (self.width, self.height) {
            return;
        }
        (self.width, self.height) = size;
        if let Some(drawn) = self.drawn.take() {
            self.up(match self.resizing {
                Resizing::Wraps => drawn.above_in(self.width),
                Resizing::Cuts => drawn.above(),
            });
            self.out.push_str(ERASE_BELOW);
        }
    }

    /// Clears the screen.
    pub(in super::super) fn clear(&mut self) {
        self.printed.clear();
        self.redraw();
    }

    /// Clears the screen and prints the last lines again, as many as it holds.
    pub(in super::super) fn redraw(&mut self) {
        if self.ability == Ability::Lines {
            return;
        }
        self.drawn = None;
        self.out.push_str("\x1b[H\x1b[2J");
        let lines = std::mem::take(&mut self.printed);
        let mut rows = 0;
        let first = lines.iter().rposition(|line| {
            rows += layout::rows(line, self.width).len();
            rows >= self.height
        });
        for line in lines.iter().skip(first.unwrap_or(0)) {
            self.put(line);
        }
        self.printed = lines;
    }

    fn put(&mut self, line: &Line) {
        for row in layout::rows(line, self.width) {
            self.put_row(&row);
            self.out.push_str(if self.ability == Ability::Lines { "\n" } else { "\r\n" });
        }
    }

    fn put_row(&mut self, row: &Row) {
        for (style, text) in row {
            let code = match (self.ability, style) {
                (Ability::Cursor | Ability::Lines, _) | (Ability::Colours, Style::Plain) => "",
                (Ability::Colours, Style::Quiet) => "2",
                (Ability::Colours, Style::Alarm) => "1;31",
                (Ability::Colours, Style::Own) => "1",
                // Black on yellow is readable on black and on white.
                (Ability::Colours, Style::Mention) => "30;43",
                (Ability::Colours, Style::Name(colour)) => NAME_COLOURS[colour % NAME_COLOURS.len()],
            };
            if code.is_empty() {
                self.out.push_str(text);
            } else {
                write!(self.out, "\x1b[{code}m{text}\x1b[0m").expect("writing to a String cannot fail");
            }
        }
    }

    fn up(&mut self, rows: usize) {
        if rows > 0 {
            self.escape(rows, 'A');
        }
    }

    fn escape(&mut self, count: usize, letter: char) {
        write!(self.out, "\x1b[{count}{letter}").expect("writing to a String cannot fail");
    }
}

#[cfg(test)]
mod tests;
