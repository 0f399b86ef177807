//! The options as the manual pages and the documents list them. The pages and the tables are read without building, so they are
//! committed as they are rendered here.

use std::fmt::Write as _;

use chat_room::manual::{Default, Flag, link};

/// The options for a manual page, in the macros of man(7).
pub(super) fn man(flags: &[Flag]) -> String {
    flags.iter().map(man_of).collect()
}

fn man_of(flag: &Flag) -> String {
    let mut out = ".TP\n".to_owned();
    if !flag.short.is_empty() {
        let _ = write!(out, "\\fB\\-{}\\fR, ", flag.short);
    }
    let _ = write!(out, "{}", bold(&format!("--{}", flag.long)));
    if let Some(value) = flag.value {
        let _ = write!(out, " \\fI{value}\\fR");
    }
    let mut letters = flag.help.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    let _ = write!(out, "\n{}.\n", roff(&format!("{first}{}", letters.as_str())));
    for sentence in &flag.more {
        let _ = writeln!(out, "{}", roff(sentence));
    }
    match &flag.default {
        Default::None => {}
        Default::Value(value) => drop(writeln!(out, "Default: {}.", bold(value))),
        Default::Words(words) => drop(writeln!(out, "Default: {}.", roff(words))),
    }
    out
}

/// A sentence for roff. Each is a line of its own, and none begins with a character that starts a macro.
fn roff(text: &str) -> String {
    let escaped = |text: &str| text.replace('\\', "\\e");
    let parts = parts(text).into_iter();
    parts.map(|(is_code, text)| if is_code { bold(text) } else { escaped(text) }).collect()
}

/// Text to be typed: with minus signs, not hyphens, so that it can be copied from the page.
fn bold(text: &str) -> String {
    format!("\\fB{}\\fR", text.replace('\\', "\\e").replace('-', "\\-"))
}

/// The options as a table of Markdown.
pub(super) fn table(flags: &[Flag]) -> String {
    let rows = flags.iter().map(|flag| {
        let value = flag.value.map(|value| format!(" {value}")).unwrap_or_default();
        let short = if flag.short.is_empty() { String::new() } else { format!(", `-{}`", flag.short) };
        let default = match &flag.default {
            Default::None => String::new(),
            Default::Value(value) => format!("`{value}` "),
            Default::Words(words) => format!("{words} "),
        };
        let text = if flag.more.is_empty() {
            flag.help.clone()
        } else {
            format!("{}. {}", flag.help, flag.more.join(" "))
        };
        format!("| `--{}{value}`{short} | {default}| {text} |\n", flag.long)
    });
    let head = "| option | default | |\n|---|---|---|\n".to_owned();
    head + &rows.collect::<String>()
}

/// Splits a text into parts and says whether each is code. Links are replaced by their text.
fn parts(text: &str) -> Vec<(bool, &str)> {
    let mut found = Vec::new();
    for (number, part) in text.split('`').enumerate() {
        if number % 2 == 1 {
            found.push((true, part));
            continue;
        }
        let mut rest = part;
        while let Some((before, text, after)) = link(rest) {
            found.extend([(false, before), (false, text)]);
            rest = after;
        }
        found.push((false, rest));
    }
    found
}

#[test]
fn one_description_in_two_forms() {
    let flags = [
        Flag::taking("log-file", "FILE", "append the log to a file; `none`: nowhere")
            .without("standard error, as [docs/a.md](a.md#b) says")
            .more("It is opened anew at `kill -HUP`.")
            .more("A back\\slash."),
        Flag::taking("rate", "N", "so much").short("r").default("10"),
        Flag::switch("yes", "do it"),
    ];
    assert_eq!(
        man(&flags),
        ".TP\n\\fB\\-\\-log\\-file\\fR \\fIFILE\\fR\nAppend the log to a file; \\fBnone\\fR: nowhere.\n\
         It is opened anew at \\fBkill \\-HUP\\fR.\nA back\\eslash.\n\
         Default: standard error, as docs/a.md says.\n\
         .TP\n\\fB\\-r\\fR, \\fB\\-\\-rate\\fR \\fIN\\fR\nSo much.\nDefault: \\fB10\\fR.\n\
         .TP\n\\fB\\-\\-yes\\fR\nDo it.\n"
    );
    assert_eq!(
        table(&flags),
        "| option | default | |\n|---|---|---|\n\
         | `--log-file FILE` | standard error, as [docs/a.md](a.md#b) says | append the log to a file; `none`: \
         nowhere. It is opened anew at `kill -HUP`. A back\\slash. |\n\
         | `--rate N`, `-r` | `10` | so much |\n\
         | `--yes` | | do it |\n"
    );
}
