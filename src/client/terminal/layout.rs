//! Text in columns: lines with styles, and how they are broken into rows.

use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

use super::breaks::breaks;

/// How a piece of text looks. Each is readable without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Style {
    Plain,
    /// Less than the rest.
    Quiet,
    /// What went wrong.
    Alarm,
    /// My name, of who says something.
    Own,
    /// My name, in what is said.
    Mention,
    /// Another's name, in one of [`NAME_COLOURS`].
    Name(usize),
}

/// Colours of names: readable on black and on white, as far as terminals agree.
pub(in super::super) const NAME_COLOURS: [&str; 11] =
    ["31", "32", "33", "34", "35", "36", "91", "92", "94", "95", "96"];

/// A line of any length; rows after its first begin `indent` columns in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Line {
    spans: Vec<(Style, String)>,
    /// So many bytes say who or what the rest is of, and do not stand alone.
    head: usize,
    indent: usize,
}

/// What follows a head begins in its row if so many columns are left there.
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

    /// What there is so far does not stand alone in its row.
    #[must_use]
    pub(in super::super) fn head_ends(mut self) -> Line {
        self.head = self.spans.iter().map(|(_, text)| text.len()).sum();
        self
    }

    #[must_use]
    pub(in super::super) fn indented(self, indent: usize) -> Line {
        Line { indent, ..self }
    }

    /// Less than other lines, all of it.
    #[must_use]
    pub(in super::super) fn quiet(mut self) -> Line {
        self.spans.iter_mut().for_each(|(style, _)| *style = Style::Quiet);
        self
    }

    #[cfg(test)]
    pub(in super::super) fn is_quiet(&self) -> bool {
        self.spans.iter().all(|(style, _)| *style == Style::Quiet)
    }

    /// Without its styles.
    #[cfg(test)]
    pub(in super::super) fn text(&self) -> String {
        self.spans.iter().map(|(_, text)| text.as_str()).collect()
    }
}

/// Columns that a text takes.
pub(super) fn columns(text: &str) -> usize {
    shown(text).width()
}

/// What stands for a character cluster on the screen: a tab jumps, and its width depends on where it is.
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
        // One in the midst of a cluster is none.
        while breaks.next_if(|&place| place < at).is_some() {}
        let may_begin = breaks.next_if_eq(&at).is_some();
        at += cluster.len();
        Cell { style, text, columns: text.width(), may_begin }
    });
    cells.collect()
}

/// Breaks a line where it may be broken. A word longer than a row is cut.
pub(super) fn rows(line: &Line, width: usize) -> Vec<Row> {
    let cells = cells(line, width);
    let indent = if line.indent * 2 < width { line.indent } else { 0 };
    let mut rows = Vec::new();
    // Where the row begins, where it may end, the cell that is looked at, and its column.
    let (mut begin, mut end, mut at, mut column) = (0, 0, 0, 0);
    while let Some(cell) = cells.get(at) {
        if cell.may_begin {
            end = at;
        }
        // Blanks may stand outside: they are not seen there.
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

/// How many rows below the first a column of a row is, after a terminal of this width has wrapped it.
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

/// As much of a line as fits one row, with dots if that is not all.
pub(super) fn one_row(line: &Line, width: usize) -> Row {
    let shown_whole = |text: &String| text.graphemes(true).map(shown).collect::<String>();
    let whole: Row = line.spans.iter().map(|(style, text)| (*style, shown_whole(text))).collect();
    if whole.iter().map(|(_, text)| columns(text)).sum::<usize>() <= width {
        return whole;
    }
    let room = width.saturating_sub("...".len());
    let (mut row, mut taken) = (Row::new(), 0);
    for (style, text) in whole {
        let mut fits = String::new();
        for cluster in text.graphemes(true) {
            if taken + cluster.width() > room {
                row.push((style, fits));
                row.push((Style::Plain, ".".repeat(width.min(3))));
                return row;
            }
            taken += cluster.width();
            fits.push_str(cluster);
        }
        row.push((style, fits));
    }
    row
}

/// A text being typed, broken after any character, and where its cursor is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Typed {
    pub(super) rows: Vec<String>,
    pub(super) cursor_row: usize,
    pub(super) cursor_column: usize,
}

/// Lays a text out behind a prompt. `cursor` is a byte of it. One column stays free, for the cursor at the end.
pub(super) fn typed(prompt: &str, text: &str, cursor: usize, width: usize) -> Typed {
    let room = width.saturating_sub(1).max(1);
    let mut rows = vec![prompt.to_owned()];
    let mut column = columns(prompt);
    let (mut cursor_row, mut cursor_column) = (0, column);
    for (at, cluster) in text.grapheme_indices(true) {
        if at <= cursor {
            (cursor_row, cursor_column) = (rows.len() - 1, column);
        }
        if cluster == "\n" {
            rows.push(String::new());
            column = 0;
        } else {
            let cluster = shown(cluster);
            if column + cluster.width() > room {
                rows.push(String::new());
                column = 0;
                if at <= cursor {
                    (cursor_row, cursor_column) = (rows.len() - 1, 0);
                }
            }
            rows.last_mut().expect("there is one").push_str(cluster);
            column += cluster.width();
        }
    }
    if cursor >= text.len() {
        (cursor_row, cursor_column) = (rows.len() - 1, column);
    }
    Typed { rows, cursor_row, cursor_column }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, width: usize, indent: usize, expected: &[&str]) {
        // In two styles: a break does not care.
        let (quiet, plain) = text.split_at(text.char_indices().nth(3).map_or(0, |(at, _)| at));
        let line = Line::new(Style::Quiet, quiet).with(Style::Plain, plain).indented(indent);
        let found: Vec<String> = rows(&line, width)
            .into_iter()
            .map(|row| row.into_iter().map(|(_, text)| text).collect())
            .collect();
        assert_eq!(found, expected, "{text:?} in {width}");
    }

    #[test]
    fn lines_break_at_blanks() {
        check("", 10, 0, &[""]);
        check("one two three", 13, 0, &["one two three"]);
        check("one two three", 12, 2, &["one two", "  three"]);
        check("one two three four", 7, 2, &["one two", "  three", "  four"]);
        check("one  two", 4, 0, &["one", "two"]);
        check("tab\there", 40, 0, &["tab    here"]);
    }

    #[test]
    fn a_word_longer_than_a_row_is_cut() {
        check(
            "see https://example.org/a/long/way there",
            14,
            2,
            &["see", "  https://exam", "  ple.org/a/lo", "  ng/way there"],
        );
        check("0123456789abc d", 10, 0, &["0123456789", "abc d"]);
    }

    #[test]
    fn wide_characters_take_two_columns() {
        check("漢字 漢字 ab", 8, 0, &["漢字 漢", "字 ab"]);
        check("👩‍👧 👩‍👧 x", 5, 0, &["👩‍👧 👩‍👧", "x"]);
        check("今日は、晴れです。", 8, 2, &["今日は、", "  晴れで", "  す。"]);
        assert_eq!(columns("e\u{301}漢"), 3);
    }

    /// What is said by somebody with a short name and by one with a long name.
    fn check_said(head: &str, text: &str, width: usize, expected: &[&str]) {
        let line = Line::new(Style::Quiet, head).head_ends().with(Style::Plain, text).indented(6);
        let found: Vec<String> = rows(&line, width)
            .into_iter()
            .map(|row| row.into_iter().map(|(_, text)| text).collect())
            .collect();
        assert_eq!(found, expected);
        assert!(found.iter().all(|row| columns(row) <= width), "{found:?}");
        assert!(found[1..].iter().all(|row| row.starts_with("      ")), "{found:?}");
    }

    #[test]
    fn a_name_does_not_stand_alone() {
        let cjk = "今日は天気がいいから、散歩しましょう。";
        check_said(
            "12:03 bob: ",
            cjk,
            24,
            &["12:03 bob: 今日は天気が", "      いいから、散歩しま", "      しょう。"],
        );
        let url = "https://example.org/a/way";
        check_said("12:03 bob: ", url, 24, &["12:03 bob: https://examp", "      le.org/a/way"]);
        check_said(
            "12:03 bob: ",
            "  https://example.org/",
            24,
            &["12:03 bob:   https://exa", "      mple.org/"],
        );
        // There is no room for text.
        check_said(
            "12:03 somebody.else: ",
            url,
            26,
            &["12:03 somebody.else:", "      https://example.org/", "      a/way"],
        );
        check_said("12:03 bob: ", "hello all of you", 24, &["12:03 bob: hello all of", "      you"]);
    }

    #[test]
    fn a_row_ends_in_dots() {
        let text = |width| {
            let row = one_row(&Line::new(Style::Plain, "one ").with(Style::Own, "two three"), width);
            row.into_iter().map(|(_, text)| text).collect::<String>()
        };
        assert_eq!(text(13), "one two three");
        assert_eq!(text(12), "one two t...");
        assert_eq!(text(2), "..");
        let tab = one_row(&Line::new(Style::Plain, "a\tb"), 6);
        assert_eq!(tab, [(Style::Plain, "a    b".to_owned())]);
    }

    #[test]
    fn what_a_terminal_wraps() {
        let check = |row, width, column, expected| assert_eq!(wrapped(row, width, column), expected, "{row}");
        check("", 4, 0, 0);
        check("abcd", 4, usize::MAX, 0);
        check("abcde", 4, usize::MAX, 1);
        check("abcdefgh", 4, 3, 0);
        check("abcdefgh", 4, 4, 1);
        check("abcd", 4, 4, 0);
        check("abc漢def", 4, usize::MAX, 2);
        check("漢漢漢", 3, usize::MAX, 2);
    }

    fn check_typed(text: &str, cursor: usize, width: usize, rows: &[&str], at: (usize, usize)) {
        let found = typed("> ", text, cursor, width);
        assert_eq!(found.rows, rows, "{text:?}");
        assert_eq!((found.cursor_row, found.cursor_column), at, "{text:?}");
    }

    #[test]
    fn what_is_typed_breaks_anywhere() {
        check_typed("", 0, 10, &["> "], (0, 2));
        check_typed("hello", 5, 10, &["> hello"], (0, 7));
        check_typed("hello w", 7, 10, &["> hello w"], (0, 9));
        check_typed("hello wo", 8, 10, &["> hello w", "o"], (1, 1));
        check_typed("hello wo", 7, 10, &["> hello w", "o"], (1, 0));
        check_typed("hello wo", 0, 10, &["> hello w", "o"], (0, 2));
        check_typed("a\nb", 1, 10, &["> a", "b"], (0, 3));
        check_typed("a\nb", 2, 10, &["> a", "b"], (1, 0));
        check_typed("123456漢", 6, 10, &["> 123456", "漢"], (1, 0));
    }
}
