//! An option is described once, as data. From that come the parser of the command line, `--help`, the OPTIONS of a manual page,
//! and the table in a document.
//!
//! A description may contain `code` in backticks and `[text](links)`, as in Markdown.

use std::fmt::Write as _;

/// The default of an option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Default {
    /// None: it is a switch, or has no value unless it is given one.
    None,
    /// This value.
    Value(String),
    /// Described in words, because no value would do the same.
    Words(String),
}

/// One option of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flag {
    /// Its name, without dashes.
    pub long: &'static str,
    /// Its one-letter name, without the dash; empty if it has none.
    pub short: &'static str,
    /// What its value is called, if it takes one.
    pub value: Option<&'static str>,
    /// What applies without it.
    pub default: Default,
    /// A sentence without a capital letter and a full stop. `--help` has only this and the default.
    pub help: String,
    /// More sentences for the manual.
    pub more: Vec<String>,
}

impl Flag {
    /// An option without a value.
    pub fn switch(long: &'static str, help: impl Into<String>) -> Flag {
        let (default, help) = (Default::None, help.into());
        Flag { long, short: "", value: None, default, help, more: Vec::new() }
    }

    /// An option with a value.
    pub fn taking(long: &'static str, value: &'static str, help: impl Into<String>) -> Flag {
        Flag { value: Some(value), ..Flag::switch(long, help) }
    }

    /// Sets its one-letter name.
    #[must_use]
    pub fn short(self, short: &'static str) -> Flag {
        Flag { short, ..self }
    }

    /// Sets the default value.
    #[must_use]
    pub fn default(self, value: impl Into<String>) -> Flag {
        Flag { default: Default::Value(value.into()), ..self }
    }

    /// Describes the default, where no value would do the same.
    #[must_use]
    pub fn without(self, words: impl Into<String>) -> Flag {
        Flag { default: Default::Words(words.into()), ..self }
    }

    /// Adds a sentence for the manual.
    #[must_use]
    pub fn more(mut self, sentence: impl Into<String>) -> Flag {
        self.more.push(sentence.into());
        self
    }
}

/// The parser of a command line.
pub fn grammar(flags: &[Flag]) -> getopts::Options {
    let mut grammar = getopts::Options::new();
    for flag in flags {
        match flag.value {
            Some(value) => grammar.optopt(flag.short, flag.long, "", value),
            None => grammar.optflag(flag.short, flag.long, ""),
        };
    }
    grammar
}

/// The column in which descriptions begin in `--help`: after `--password-file FILE`.
const COLUMN: usize = 24;
/// Columns of a line that no terminal of 80 columns wraps.
const WIDTH: usize = 79;

/// The options for `--help`.
pub fn help(flags: &[Flag]) -> String {
    flags.iter().map(help_of).collect()
}

fn help_of(flag: &Flag) -> String {
    let short = if flag.short.is_empty() { String::new() } else { format!("-{}, ", flag.short) };
    let value = flag.value.map(|value| format!(" {value}")).unwrap_or_default();
    let name = format!("  {short}--{}{value}", flag.long);
    let default = match &flag.default {
        Default::None => String::new(),
        Default::Value(text) | Default::Words(text) => format!(" [{text}]"),
    };
    let text = format!("{}{default}", flag.help);
    let text: String = parts(&text).into_iter().map(|(_, text)| text).collect();

    let mut out = format!("{name:COLUMN$}");
    if name.chars().count() + 2 > COLUMN {
        out = format!("{name}\n{:COLUMN$}", "");
    }
    let mut column = COLUMN;
    for (number, word) in text.split(' ').enumerate() {
        if number > 0 && column + 1 + word.chars().count() > WIDTH {
            let _ = write!(out, "\n{:COLUMN$}", "");
            column = COLUMN;
        } else if number > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += word.chars().count();
    }
    out.push('\n');
    out
}

/// The options for a manual page, in the macros of man(7).
pub fn man(flags: &[Flag]) -> String {
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
pub fn table(flags: &[Flag]) -> String {
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

/// The text before a link, the text of the link, and the text after it.
fn link(text: &str) -> Option<(&str, &str, &str)> {
    let (head, tail) = text.split_once("](")?;
    let (before, text) = head.rsplit_once('[')?;
    let (_, after) = tail.split_once(')')?;
    Some((before, text, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags() -> Vec<Flag> {
        vec![
            Flag::taking("log-file", "FILE", "append the log to a file; `none`: nowhere")
                .without("standard error, as [docs/a.md](a.md#b) says")
                .more("It is opened anew at `kill -HUP`.")
                .more("A back\\slash."),
            Flag::taking("rate", "N", "so much").short("r").default("10"),
            Flag::switch("yes", "do it"),
        ]
    }

    #[test]
    fn one_description_in_three_forms() {
        assert_eq!(
            help(&flags()),
            "  --log-file FILE       append the log to a file; none: nowhere [standard\n\
             \x20                       error, as docs/a.md says]\n\
             \x20 -r, --rate N          so much [10]\n\
             \x20 --yes                 do it\n"
        );
        assert_eq!(
            man(&flags()),
            ".TP\n\\fB\\-\\-log\\-file\\fR \\fIFILE\\fR\nAppend the log to a file; \\fBnone\\fR: nowhere.\n\
             It is opened anew at \\fBkill \\-HUP\\fR.\nA back\\eslash.\n\
             Default: standard error, as docs/a.md says.\n\
             .TP\n\\fB\\-r\\fR, \\fB\\-\\-rate\\fR \\fIN\\fR\nSo much.\nDefault: \\fB10\\fR.\n\
             .TP\n\\fB\\-\\-yes\\fR\nDo it.\n"
        );
        assert_eq!(
            table(&flags()),
            "| option | default | |\n|---|---|---|\n\
             | `--log-file FILE` | standard error, as [docs/a.md](a.md#b) says | append the log to a file; `none`: \
             nowhere. It is opened anew at `kill -HUP`. A back\\slash. |\n\
             | `--rate N`, `-r` | `10` | so much |\n\
             | `--yes` | | do it |\n"
        );
    }

    #[test]
    fn a_long_name_has_a_line_of_its_own() {
        let flag = Flag::taking("password-file", "FILE", "a");
        assert_eq!(help(&[flag]), "  --password-file FILE  a\n");
        let flag = Flag::taking("password-files", "FILE", "a");
        assert_eq!(help(&[flag]), format!("  --password-files FILE\n{:24}a\n", ""));
    }

    #[test]
    fn the_grammar_knows_what_has_a_value() {
        let matches = grammar(&flags()).parse(["-r", "3", "--yes", "rest"]).expect("it is right");
        assert_eq!(matches.opt_str("rate").as_deref(), Some("3"));
        assert!(matches.opt_present("yes") && matches.free == ["rest"]);
        assert!(grammar(&flags()).parse(["--yes=1"]).is_err());
    }
}
