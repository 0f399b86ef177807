//! Names as data: which are some, and which look alike.

use super::*;

fn name(text: &str) -> DisplayName {
    DisplayName::parse(text.as_bytes()).expect(text)
}

#[test]
fn names() {
    for good in [
        "Ann",
        "Ann B.",
        "J\u{fc}rgen",
        "O'Neill #1",
        "漢字\u{3000}太郎",
        "Ng\u{f4} B\u{1ea3}o",
        "\u{639}\u{644}\u{6cc}\u{200c}\u{631}\u{636}\u{627}",
        "👩\u{200d}👩\u{200d}👧",
        "❤\u{fe0f}",
        "שָׁלוֹם",
        &"x".repeat(64),
        &"\u{fc}".repeat(64),
    ] {
        assert_eq!(name(good).as_str(), good);
        assert_eq!(DisplayName::kept(good.as_bytes()), Some(name(good)));
    }
    // Composed, and counted when it is.
    assert_eq!(name("Ju\u{308}rgen").as_str(), "J\u{fc}rgen");
    assert_eq!(name(&"u\u{308}".repeat(64)).as_str(), "\u{fc}".repeat(64));
}

#[test]
fn no_names() {
    let refused = |text: &str| DisplayName::parse(text.as_bytes()).expect_err(text);
    for text in ["", &"x".repeat(65), &"q\u{308}".repeat(33)] {
        assert_eq!(refused(text), NameError::Length, "{text:?}");
    }
    for text in [" ", "Ann ", " Ann", "\u{a0}Ann", "Ann\u{3000}", "\u{2003}", "\t"] {
        assert_eq!(refused(text), NameError::Edge, "{text:?}");
    }
    for text in ["ann@x", "a/b", "Ann\u{ff20}x", "a\u{2044}b", "a\u{2215}b", "a\u{ff0f}b"] {
        assert!(matches!(refused(text), NameError::Mail(_)), "{text:?}");
    }
    for c in [
        '\u{0}',
        '\u{1b}',
        '\t',
        '\u{7f}',
        '\u{85}',
        '\u{ad}',
        '\u{34f}',
        '\u{61c}',
        '\u{115f}',
        '\u{1160}',
        '\u{17b4}',
        '\u{180e}',
        '\u{200b}',
        '\u{200c}',
        '\u{200d}',
        '\u{200e}',
        '\u{200f}',
        '\u{2028}',
        '\u{202a}',
        '\u{202e}',
        '\u{2060}',
        '\u{2063}',
        '\u{2066}',
        '\u{2069}',
        '\u{206a}',
        '\u{2800}',
        '\u{3164}',
        '\u{e000}',
        '\u{fe00}',
        '\u{fe0f}',
        '\u{feff}',
        '\u{ffa0}',
        '\u{fff9}',
        '\u{1bca0}',
        '\u{1d159}',
        '\u{1d173}',
        '\u{e0001}',
        '\u{e0041}',
        '\u{e0100}',
        '\u{f0000}',
        '\u{10fffd}',
    ] {
        let inside = format!("An{c}n");
        let found = DisplayName::parse(inside.as_bytes());
        assert_eq!(found, Err(NameError::Hidden(c)), "U+{:04X}", u32::from(c));
        assert!(DisplayName::parse(c.to_string().as_bytes()).is_err(), "U+{:04X}", u32::from(c));
    }
    for text in ["\u{301}Ann", &format!("A{}nn", "\u{330}".repeat(NAME_MARKS_MAX + 1))] {
        assert_eq!(refused(text), NameError::Marks, "{text:?}");
    }
    // Nothing that joins is at an end.
    for text in ["\u{200d}👩", "👩\u{200d}", "\u{6cc}\u{200c}", "\u{fe0f}"] {
        assert!(matches!(refused(text), NameError::Hidden(_)), "{text:?}");
    }
    assert_eq!(DisplayName::parse(b"\xff"), Err(NameError::Encoding));
    assert_eq!(refused("#1"), NameError::Comment);
}

#[test]
fn what_is_kept_is_text() {
    for bad in ["", " Ann", "Ann ", "a\tb", "a\u{1b}b", &"x".repeat(65)] {
        assert_eq!(DisplayName::kept(bad.as_bytes()), None, "{bad:?}");
    }
    assert!(DisplayName::kept("An\u{200b}n".as_bytes()).is_some(), "the rules were others then");
}

#[test]
fn look_alikes() {
    for (one, other) in [
        ("Ann", "Ann"),
        ("Ann", "ann"),
        ("Ann", "\u{410}nn"),
        ("Ann", "\u{ff21}nn"),
        ("Iris", "lris"),
        ("paypal", "p\u{430}yp\u{430}l"),
        ("Bob B.", "Bob  B."),
        ("Bob B.", "Bob\u{a0}B."),
        ("Rnax", "Max"),
        ("❤\u{fe0f}", "❤"),
        ("\u{639}\u{644}\u{6cc}\u{200c}\u{631}", "\u{639}\u{644}\u{6cc}\u{631}"),
        ("STRASSE", "strasse"),
        ("IRIS", "iris"),
        ("B0B", "bob"),
        ("a b", "a_b"),
    ] {
        assert_eq!(name(one).look(), name(other).look(), "{one:?} and {other:?}");
    }
    for (one, other) in [("Ann", "Anne"), ("Bob B.", "Bob C."), ("J\u{fc}rgen", "Jurgen"), ("太郎", "次郎")]
    {
        assert_ne!(name(one).look(), name(other).look(), "{one:?} and {other:?}");
    }
}

#[test]
fn a_name_may_look_like_a_mail() {
    // All that is ASCII in a mail before the @.
    for c in ('!'..='~').filter(|c| !"@/".contains(*c)) {
        let mail = Mail::parse(format!("a{c}z@example.org").as_bytes()).expect("a mail");
        // With a letter that is not ASCII the long way is taken.
        let long = name(&format!("a{c}z\u{fc}")).look();
        assert_eq!(Some(Look::of_mail(&mail).as_str()), long.as_str().strip_suffix("u\u{308}"), "{c}");
    }
    let bob = Mail::parse(b"bob@example.org").expect("a mail");
    assert_eq!(Look::of_mail(&bob), name("B\u{43e}b").look());
}

#[test]
fn a_look_is_one_short_word() {
    for text in ["Ann B.", "漢字\u{3000}太郎", "Rnax"] {
        let look = name(text).look();
        assert_eq!(Look::kept(look.as_str()), Some(look));
    }
    for bad in ["", "a b", "a\tb", "\u{202e}", &"x".repeat(LOOK_MAX + 1)] {
        assert_eq!(Look::kept(bad), None, "{bad:?}");
    }
    // A character that stands for a sentence of eighteen.
    let wide = "\u{fdfa}".repeat(NAME_MAX);
    assert_eq!(DisplayName::parse(wide.as_bytes()), Err(NameError::Wide));
}
