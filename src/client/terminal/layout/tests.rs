//! Where lines are broken.

use super::*;

impl Line {
    pub(in crate::client) fn is_quiet(&self) -> bool {
        self.spans.iter().all(|(style, _)| *style == Style::Quiet)
    }

    /// Without its styles.
    pub(in crate::client) fn text(&self) -> String {
        self.spans.iter().map(|(_, text)| text.as_str()).collect()
    }
}

fn check(text: &str, width: usize, indent: usize, expected: &[&str]) {
    // In two styles: a break does not care.
    let (quiet, plain) = text.split_at(text.char_indices().nth(3).map_or(0, |(at, _)| at));
    let line = Line::new(Style::Quiet, quiet).with(Style::Plain, plain).indented(indent);
    let found: Vec<String> =
        rows(&line, width).into_iter().map(|row| row.into_iter().map(|(_, text)| text).collect()).collect();
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
    let found: Vec<String> =
        rows(&line, width).into_iter().map(|row| row.into_iter().map(|(_, text)| text).collect()).collect();
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
    check_said("12:03 bob: ", "  https://example.org/", 24, &["12:03 bob:   https://exa", "      mple.org/"]);
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
