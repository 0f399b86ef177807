//! Messages to the person, on standard error.

use std::io::{self, IsTerminal as _, Write as _};

use super::display;

/// Writes a sentence to standard error. If that fails, there is nowhere to report it.
pub(super) fn complain(sentence: &str) {
    let sentence = display::clean(sentence.as_bytes());
    let shown = if io::stderr().is_terminal() { display::with_rows(&sentence).into() } else { sentence };
    let _ = writeln!(io::stderr(), "chat-room-client: {shown}");
}
