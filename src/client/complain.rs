//! What is said to the person, on standard error.

use std::io::{self, IsTerminal as _, Write as _};

use super::display;

/// Talk goes to standard error. If nobody hears it there is nobody to tell.
pub(super) fn complain(sentence: &str) {
    let sentence = display::clean(sentence.as_bytes());
    let shown = if io::stderr().is_terminal() { display::with_rows(&sentence).into() } else { sentence };
    let _ = writeln!(io::stderr(), "chat-room-client: {shown}");
}
