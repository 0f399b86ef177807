//! The picture of README.md is the window of docs/client.md, which tests/chat/readme.rs compares with the real client,
//! in its colours. `UPDATE=1 cargo test --test tidy picture` draws it again.

use std::fmt::Write as _;

use crate::{read, root};

const GREY: &str = "#8b949e";
const LIGHT: &str = "#d0d7de";
const WHITE: &str = "#ffffff";
/// Each name always in the same one.
const NAMES: [(&str, &str); 2] = [("ann", "#6cb6ff"), ("bob", "#7ec699")];

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// `15:02`, the name with its colour, and what follows, of a line that somebody said.
fn said(line: &str) -> Option<(&str, &str, &str, &str)> {
    let (time, rest) = line.split_at_checked(5)?;
    let (name, text) = rest.strip_prefix(' ')?.split_once(": ")?;
    let (_, colour) = NAMES.iter().find(|(known, _)| *known == name)?;
    (time.as_bytes()[2] == b':').then_some((time, name, colour, text))
}

fn drawn(window: &str) -> String {
    let lines: Vec<&str> = window.lines().collect();
    let (width, height) = (706, 10 + 19 * (lines.len() + 2));
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\" role=\"img\" aria-label=\"The terminal client\">\n\
         <rect width=\"{width}\" height=\"{height}\" rx=\"8\" fill=\"#161b22\"/>\n\
         <g fill=\"#6e7681\"><circle cx=\"18\" cy=\"14\" r=\"5\"/><circle cx=\"36\" cy=\"14\" r=\"5\"/>\
         <circle cx=\"54\" cy=\"14\" r=\"5\"/></g>\n\
         <g font-family=\"ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace\" font-size=\"14\">\n"
    );
    for (index, line) in lines.iter().enumerate() {
        let colour = match line {
            line if line.starts_with("$ ") => WHITE,
            line if line.starts_with("* ") || line.starts_with("--- ") => GREY,
            _ => LIGHT,
        };
        let inside = said(line).map_or_else(
            || escaped(line),
            |(time, name, colour, text)| {
                let text = escaped(text);
                format!(
                    "<tspan fill=\"{GREY}\">{time}</tspan> <tspan fill=\"{colour}\">{name}:</tspan> {text}"
                )
            },
        );
        let y = 42 + 19 * index;
        writeln!(svg, "<text x=\"16\" y=\"{y}\" fill=\"{colour}\" xml:space=\"preserve\">{inside}</text>")
            .expect("writing to a String cannot fail");
    }
    svg.push_str("</g>\n</svg>\n");
    svg
}

#[test]
fn the_picture_shows_the_window() {
    let document = read("docs/client.md");
    let (_, window) = document.split_once("```window 80\n").expect("it has that window");
    let (window, _) = window.split_once("\n```").expect("it ends");
    let (is, should) = (read("docs/chat.svg"), drawn(window));
    if is != should && std::env::var_os("UPDATE").is_some() {
        return std::fs::write(root().join("docs/chat.svg"), should).expect("the file");
    }
    assert!(
        is == should,
        "docs/chat.svg is another window; UPDATE=1 cargo test --test tidy picture draws it"
    );

    assert_eq!(said("15:02 ann: a: b"), Some(("15:02", "ann", NAMES[0].1, "a: b")));
    assert_eq!((said("15:02 eve: a"), said("* ann: a"), said("> ann")), (None, None, None));
    assert!(drawn("a <b\n* c").contains(">a &lt;b</text>\n<text x=\"16\" y=\"61\" fill=\"#8b949e\""));
}
