//! What a terminal shows of the bytes.

use std::num::NonZeroU16;

use super::*;
use crate::client::terminal::editor::Editor;
use crate::client::terminal::keys::Key;

/// A canvas and the terminal that its bytes go to.
struct Screen {
    canvas: Canvas,
    terminal: vt100::Parser,
}

impl Screen {
    fn new(width: u16, height: u16) -> Screen {
        let canvas = Canvas::new((width.into(), height.into()), Ability::Colours);
        Screen { canvas, terminal: vt100::Parser::new(size(height), size(width), 1000) }
    }

    fn print(&mut self, text: &str) {
        self.canvas.print(Line::new(Style::Plain, text));
    }

    fn draw(&mut self, above: &[&str], typed: &str) {
        let above = above.iter().map(|text| Line::new(Style::Quiet, *text)).collect();
        let typed = typed.to_owned();
        self.canvas.draw(&Live { above, prompt: "> ", cursor: typed.len(), typed });
    }

    /// The rows, blanks at their ends left out, and the cursor.
    #[track_caller]
    fn check(&mut self, rows: &[&str], cursor: (u16, u16)) {
        self.terminal.process(self.canvas.take().as_bytes());
        let screen = self.terminal.screen();
        let shown: Vec<String> = screen.contents().lines().map(|row| row.trim_end().to_owned()).collect();
        assert_eq!(shown, rows);
        assert_eq!(screen.cursor_position(), cursor);
    }

    /// Those of the scrollback and of the screen.
    fn all_rows(&mut self) -> Vec<String> {
        let screen = self.terminal.screen_mut();
        let mut rows = Vec::new();
        screen.set_scrollback(usize::MAX);
        for above in (0..=screen.scrollback()).rev() {
            screen.set_scrollback(above);
            rows.extend(screen.rows(0, u16::MAX).next());
        }
        rows.extend(screen.rows(0, u16::MAX).skip(1));
        rows
    }

    fn resize(&mut self, width: u16, height: u16) {
        self.terminal.set_size(size(height), size(width));
        self.canvas.resize((width.into(), height.into()));
    }
}

fn size(size: u16) -> NonZeroU16 {
    NonZeroU16::new(size).expect("a window has rows and columns")
}

#[test]
fn lines_come_above_what_is_typed() {
    let mut screen = Screen::new(10, 5);
    screen.print("one");
    screen.draw(&[], "half");
    screen.check(&["one", "> half"], (1, 6));
    screen.print("two");
    screen.draw(&["[sending] a long one"], "half ty");
    screen.check(&["one", "two", "[sendi...", "> half ty"], (3, 9));
    screen.draw(&["x"], "half typed");
    screen.check(&["one", "two", "x", "> half ty", "ped"], (4, 3));
    screen.print("three");
    screen.draw(&[], "half typed");
    screen.check(&["one", "two", "three", "> half ty", "ped"], (4, 3));
    screen.print("four five six");
    screen.draw(&[], "half typed");
    screen.check(&["three", "four five", "six", "> half ty", "ped"], (4, 3));
    screen.canvas.erase();
    screen.check(&["three", "four five", "six"], (3, 0));
}

#[test]
fn the_live_rows_never_take_the_whole_window() {
    let mut screen = Screen::new(10, 4);
    screen.print("one");
    screen.draw(&["a", "b", "c", "d"], "x");
    screen.check(&["one", "c", "d", "> x"], (3, 3));
    screen.draw(&["a"], &"1234567 ".repeat(9));
    screen.check(&["one", "a", "67 123456", "7"], (3, 2));
    screen.print("two");
    screen.draw(&[], "");
    screen.check(&["one", "two", ">"], (2, 2));
}

#[test]
fn a_cursor_in_the_middle() {
    let mut screen = Screen::new(10, 4);
    let typed = "漢字漢字漢字".to_owned();
    screen.canvas.draw(&Live { above: Vec::new(), prompt: "> ", cursor: 3, typed: typed.clone() });
    screen.check(&["> 漢字漢", "字漢字"], (0, 4));
    screen.print("one");
    screen.canvas.draw(&Live { above: Vec::new(), prompt: "> ", cursor: 0, typed });
    screen.check(&["one", "> 漢字漢", "字漢字"], (1, 2));
}

#[test]
fn another_width_keeps_what_was_printed() {
    let mut screen = Screen::new(20, 6);
    for text in ["first of all", "second line here", "third"] {
        screen.print(text);
    }
    screen.draw(&[], "half a typed line that wraps");
    screen
        .check(&["first of all", "second line here", "third", "> half a typed line", " that wraps"], (4, 11));
    // A terminal that cuts: what was printed is cut, what is typed is not.
    screen.resize(12, 6);
    screen.draw(&[], "half a typed line that wraps");
    screen.check(&["first of all", "second line", "third", "> half a ty", "ped line th", "at wraps"], (5, 8));
    screen.resize(40, 6);
    screen.draw(&[], "half a typed line that wraps");
    screen.check(&["first of all", "second line", "third", "> half a typed line that wraps"], (3, 30));
    // On demand it is as it would be in this width.
    screen.canvas.redraw();
    screen.draw(&[], "half a typed line that wraps");
    screen.check(&["first of all", "second line here", "third", "> half a typed line that wraps"], (3, 30));
    screen.resize(40, 3);
    screen.draw(&[], "half a typed line that wraps");
    screen.print("fourth");
    screen.draw(&[], "half");
    screen.terminal.process(screen.canvas.take().as_bytes());
    assert!(screen.terminal.screen().contents().trim_end().ends_with("fourth\n> half"));
}

/// In a terminal that cuts off what does not fit: in many small steps and in large ones, in both directions, with wide
/// characters and lines longer than the window, each line is there once, in the scrollback or on the screen, and what is
/// typed is below it.
#[test]
fn no_change_of_size_loses_or_doubles_a_line() {
    for seed in 0..40 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut screen = Screen::new(60, 12);
        let (mut width, mut height) = (60_u16, 12_u16);
        let mut printed = 0;
        for step in 0..120 {
            if rng.bool() {
                printed += 1;
                screen.print(&format!("{printed}. 漢字 {}", "long and wide 漢字 ".repeat(rng.usize(0..8))));
            }
            (width, height) = match step / 30 {
                0 => (width - 1, height),
                1 => (width + 1, height - u16::from(step % 6 == 0)),
                2 => (rng.u16(12..90), height),
                _ => (width.saturating_sub(rng.u16(0..3)).max(12), rng.u16(5..20)),
            };
            screen.resize(width, height);
            let typed = "typed 漢字 ".repeat(rng.usize(0..4));
            screen.draw(
                if rng.bool() { &["[sending] something that is longer than some windows"] } else { &[] },
                &typed,
            );
            screen.terminal.process(screen.canvas.take().as_bytes());
        }
        let rows = screen.all_rows();
        let is_number = |row: &String| row.split('.').next().and_then(|number| number.parse::<usize>().ok());
        let numbers: Vec<usize> = rows.iter().filter_map(is_number).collect();
        assert_eq!(numbers, (1..=printed).collect::<Vec<_>>(), "seed {seed}:\n{}", rows.join("\n"));
        let prompts = rows.iter().filter(|row| row.starts_with('>') || row.starts_with('[')).count();
        assert!(prompts <= 2, "seed {seed}:\n{}", rows.join("\n"));
    }
}

#[test]
fn colours_only_where_wanted() {
    let bytes = |colours| {
        let mut canvas = Canvas::new((20, 5), colours);
        canvas.print(Line::new(Style::Name(0), "ann").with(Style::Plain, ": hi"));
        canvas.take()
    };
    assert_eq!(bytes(Ability::Colours), "\x1b[31mann\x1b[0m: hi\r\n");
    assert_eq!(bytes(Ability::Cursor), "ann: hi\r\n");
}

/// Whatever is typed, printed and resized: the row of the cursor is the row that is being typed in, and the line
/// printed last is right above the live rows.
#[test]
fn the_cursor_is_where_it_is_typed() {
    // Nothing that terminals disagree on: for that their own wrapping is off.
    const TEXTS: [&str; 7] = ["a", "hello ", "漢字", "👩", "e\u{301}", "\n", "averyveryverylongword"];
    for seed in 0..150 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut screen = Screen::new(20, 8);
        let mut editor = Editor::default();
        let mut printed = String::new();
        for _ in 0..60 {
            let text = TEXTS[rng.usize(..TEXTS.len())];
            match rng.u32(0..10) {
                0..5 => drop(editor.key(Key::Paste(format!("{text}{text}")))),
                5 => drop(editor.key(Key::WordLeft)),
                6 => drop(editor.key(Key::Backspace)),
                7 => drop(editor.key(Key::Right)),
                8 => {
                    printed = format!("{}.", rng.u32(0..1000));
                    screen.print(&text.replace('\n', " ").repeat(rng.usize(0..4)));
                    screen.print(&printed);
                }
                _ => {
                    let size = (rng.u16(6..30), rng.u16(3..10));
                    screen.terminal = vt100::Parser::new(self::size(size.1), self::size(size.0), 0);
                    // Of another height only, a terminal would keep its rows.
                    screen.canvas.resize((size.0.into(), size.1.into()));
                    screen.canvas.redraw();
                }
            }
            let (typed, cursor) = (editor.text.clone(), editor.cursor);
            let above = vec![Line::new(Style::Quiet, "[sending] something that is long")];
            let expected = layout::typed("> ", &typed, cursor, screen.canvas.width);
            screen.canvas.draw(&Live { above, prompt: "> ", typed, cursor });
            screen.terminal.process(screen.canvas.take().as_bytes());
            let rows: Vec<String> = screen.terminal.screen().rows(0, 200).collect();
            let (row, column) = screen.terminal.screen().cursor_position();
            assert_eq!(usize::from(column), expected.cursor_column, "seed {seed}");
            let typed_row = expected.rows[expected.cursor_row].trim_end();
            assert_eq!(rows[usize::from(row)].trim_end(), typed_row, "seed {seed}");
            let mark = rows.iter().position(|row| row.starts_with("[s")).expect("one row is above");
            if mark > 0 {
                assert_eq!(rows[mark - 1].trim_end(), printed, "seed {seed}");
            }
        }
    }
}
