//! Text in columns: lines with styles, and how they are broken into rows.

use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

use super::breaks::breaks;

/// How a piece of text looks. None is needed to understand it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Style {
    Plain,
    /// Less prominent.
    Quiet,
    /// An error.
    Alarm,
    /// My name as an author.
    Own,
    /// My name in a text.
    Mention,
    /// Somebody else's name, in one of [`NAME_COLOURS`].
    Name(usize),
}

/// Colours of names: readable on black and on white, as far as terminals agree.
pub(in super::super) const NAME_COLOURS: [&str; 11] =
    ["31", "32", "33", "34", "35", "36", "91", "92", "94", "95", "96"];

/// A line of any length; rows after its first are indented.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Line {
    spans: Vec<(Style, String)>,
    /// Bytes at the beginning, such as a time and a name, that are not left alone in a row.
    head: usize,
    indent: usize,
}

/// What follows the head begins in the same row if this many columns are left there.
const HEAD_ROOM: usize = 8;

impl Line {
    pub(in super::super) fn new(style: Style, text: impl Into<String>) -> Line {
        Line { spans: vec![(style, text.into())], head: 0, indent: 0 }
    }

    #[must_use]
    pub(in super::super) fn with(mut self, style: Style, text: impl Into<String>) -> Line {
        self.spans.push((style, text.into()));
        self
    }

    /// What there is so far is the head.
    #[must_use]
    pub(in super::super) fn head_ends(mut self) -> Line {
        self.head = self.spans.iter().map(|(_, text)| text.len()).sum();
        self
    }

    #[must_use]
    pub(in super::super) fn indented(self, indent: usize) -> Line {
        Line { indent, ..self }
    }

    /// All of it in [`Style::Quiet`].
    #[must_use]
    pub(in super::super) fn quiet(mut self) -> Line {
        self.spans.iter_mut().for_each(|(style, _)| *style = Style::Quiet);
        self
    }
}

/// Columns that a text takes.
pub(super) fn columns(text: &str) -> usize {
    shown(text).width()
}

/// What is shown for a character cluster: the width of a tab would depend on where it is.
fn shown(cluster: &str) -> &str {
    if cluster == "\t" { "    " } else { cluster }
}

/// A row: pieces of text with their styles.
pub(super) type Row = Vec<(Style, String)>;

struct Cell<'a> {
    style: Style,
    text: &'a str,
    columns: usize,
    /// Whether a row may begin with it.
    may_begin: bool,
}

impl Cell<'_> {
    fn is_blank(&self) -> bool {
        self.text.trim().is_empty()
    }
}

fn cells(line: &Line, width: usize) -> Vec<Cell<'_>> {
    let text: String = line.spans.iter().map(|(_, text)| text.as_str()).collect();
    let head = text.len() - text[line.head..].trim_start().len();
    let first = if columns(&text[..head]) + HEAD_ROOM <= width { head + 1 } else { 0 };
    let breaks = breaks(&text);
    let mut breaks = breaks.iter().copied().skip_while(|&at| at < first).peekable();
    let mut at = 0;
    let clusters =
        line.spans.iter().flat_map(|(style, text)| text.graphemes(true).map(|cluster| (*style, cluster)));
    let cells = clusters.map(|(style, cluster)| {
        let text = shown(cluster);
        // A place within a cluster does not count.
        while breaks.next_if(|&place| place < at).is_some() {}
        let may_begin = breaks.next_if_eq(&at).is_some();
        at += cluster.len();
        Cell { style, text, columns: text.width(), may_begin }
    });
    cells.collect()
}

/// Breaks a line into rows. A word longer than a row is cut.
pub(super) fn rows(line: &Line, width: usize) -> Vec<Row> {
    let cells = cells(line, width);
    let indent = if line.indent * 2 < width { line.indent } else { 0 };
    let mut rows = Vec::new();
    // Where the row begins, where it may end, the present cell, and its column.
    let (mut begin, mut end, mut at, mut column) = (0, 0, 0, 0);
    while let Some(cell) = cells.get(at) {
        if cell.may_begin {
            end = at;
        }
        // Blanks may be beyond the edge: they are not visible there.
        if column + cell.columns > width && at > begin && !cell.is_blank() {
            let next = if end > begin { end } else { at };
            rows.push(row(&cells[begin..next], rows.is_empty(), indent));
            (begin, end, at, column) = (next, next, next, indent);
        } else {
            column += cell.columns;
            at += 1;
        }
    }
    if begin < cells.len() || rows.is_empty() {
        rows.push(row(&cells[begin..], rows.is_empty(), indent));
    }
    rows
}

fn row(cells: &[Cell<'_>], is_first: bool, indent: usize) -> Row {
    let end = cells.iter().rposition(|cell| !cell.is_blank()).map_or(0, |last| last + 1);
    let mut row = Row::new();
    if !is_first && indent > 0 {
        row.push((Style::Plain, " ".repeat(indent)));
    }
    for cell in &cells[..end] {
        match row.last_mut() {
            Some((style, text)) if *style == cell.style => text.push_str(cell.text),
            _ => row.push((cell.style, cell.text.to_owned())),
        }
    }
    row
}

/// In which row a column of a row is, counted from 0, after a terminal of this width has wrapped it.
pub(super) fn wrapped(row: &str, width: usize, column: usize) -> usize {
    let (mut below, mut taken, mut passed) = (0, 0, 0);
    for cluster in row.graphemes(true) {
        let columns = cluster.width();
        if taken + columns > width && taken > 0 {
            (below, taken) = (below + 1, 0);
        }
        if passed >= column {
            break;
        }
        taken += columns;
        passed += columns;
    }
    below
}

/// As much of a line as fits into one row, with dots if that is not all.
pub(super) fn one_row(line: &Line, width: usize) -> Row {
    let shown_whole = |text: &String| text.graphemes(true).map(shown).collect::<String>();
    let whole: Row = line.spans.iter().map(|(style, text)| (*style, shown_whole(text))).collect();
    if whole.iter().map(|(_, text)| columns(text)).sum::<usize>() <= width {
        return whole;
    }
    let room = width.saturating_sub("...".len());
    let (mut row, mut taken) = (Row::new(), 0);
    for (style, text) in whole {
        let clusters = text.graphemes(true).take_while(|cluster| {
            taken += cluster.width();
            taken <= room
        });
        row.push((style, clusters.collect()));
        if taken > room {
            break;
        }
    }
    row.push((Style::Plain, ".".repeat(width.min(3))));
    row
}

/// A text that is being typed, broken after any character, and its cursor.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Typed {
    pub(super) rows: Vec<String>,
    pub(super) cursor_row: usize,
    pub(super) cursor_column: usize,
}

/// Lays out a text after a prompt. `cursor` is a byte offset in it. One column stays free, for the cursor at the end.
pub(super) fn typed(prompt: &str, text: &str, cursor: usize, width: usize) -> Typed {
    let room = width.saturating_sub(1).max(1);
    let mut rows = vec![prompt.to_owned()];
    let mut column = columns(prompt);
    let (mut cursor_row, mut cursor_column) = (0, column);
    for (at, cluster) in text.grapheme_indices(true) {
        let text = shown(cluster);
        if cluster != "\n" && column + text.width() > room {
            rows.push(String::new());
            column = 0;
        }
        if at <= cursor {
            (cursor_row, cursor_column) = (rows.len() - 1, column);
        }
        if cluster == "\n" {
            rows.push(String::new());
            column = 0;
        } else {
            rows.last_mut().expect("there is one").push_str(text);
            column += text.width();
        }
    }
    if cursor >= text.len() {
        (cursor_row, cursor_column) = (rows.len() - 1, column);
    }
    Typed { rows, cursor_row, cursor_column }
}

#[cfg(test)]
mod tests;
