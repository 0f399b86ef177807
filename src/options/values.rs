//! Values of options. An error is a sentence that names the option.

use std::str::FromStr;

use getopts::Matches;

pub(super) fn value<T: FromStr>(matches: &Matches, name: &str, what: &str) -> Result<Option<T>, String> {
    let Some(text) = matches.opt_str(name) else { return Ok(None) };
    match text.parse() {
        Ok(value) => Ok(Some(value)),
        Err(_) => Err(format!("--{name} takes {what}, not '{text}'")),
    }
}

pub(super) fn ranged(matches: &Matches, name: &str, min: usize, max: usize) -> Result<Option<usize>, String> {
    let what = match max {
        usize::MAX => format!("a number from {min}"),
        _ => format!("a number from {min} to {max}"),
    };
    match value(matches, name, &what)? {
        Some(n) if n < min || n > max => Err(format!("--{name} takes {what}, not '{n}'")),
        found => Ok(found),
    }
}
