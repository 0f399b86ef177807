//! An option is described once, as data. From that come the parser of the command line and `--help`; and in the repository's
//! own tests (`tests/tidy/`) the OPTIONS of the manual page, the table in a document, and what shells complete.
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
    /// All values that there are, if they are few.
    pub words: &'static [&'static str],
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
        Flag { long, short: "", value: None, words: &[], default, help, more: Vec::new() }
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

    /// Lists its values.
    #[must_use]
    pub fn words(self, words: &'static [&'static str]) -> Flag {
        Flag { words, ..self }
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
    let text = plain(&format!("{}{default}", flag.help));

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

/// A description without the marks of Markdown: links are replaced by their text.
pub fn plain(text: &str) -> String {
    let mut plain = text.replace('`', "");
    while let Some((before, text, after)) = link(&plain) {
        plain = [before, text, after].concat();
    }
    plain
}

/// The text before a link, the text of the link, and the text after it.
pub fn link(text: &str) -> Option<(&str, &str, &str)> {
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
    fn a_description_is_wrapped_and_plain() {
        assert_eq!(
            help(&flags()),
            "  --log-file FILE       append the log to a file; none: nowhere [standard\n\
             \x20                       error, as docs/a.md says]\n\
             \x20 -r, --rate N          so much [10]\n\
             \x20 --yes                 do it\n"
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
