//! The title of the terminal's window: saved when it is first set, and restored at the end (XTWINOPS 22 and 23, OSC 2). Terminals
//! that have no title pass over the sequences, but for those that show them.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::client::display::clean;

/// The terminal has saved its own title. Static, so that a panic can restore it.
static IS_SAVED: AtomicBool = AtomicBool::new(false);

const SAVE: &str = "\x1b[22;2t";
const RESTORE: &str = "\x1b[23;2t";

/// Sets the title, or restores the terminal's own if it is empty.
pub(in super::super) fn set(title: &str) -> String {
    if title.is_empty() {
        return restore().to_owned();
    }
    let save = if IS_SAVED.swap(true, Ordering::Relaxed) { "" } else { SAVE };
    format!("{save}\x1b]2;{}\x1b\\", clean(title.as_bytes()))
}

/// Restores the terminal's own title, if it is not shown.
pub(super) fn restore() -> &'static str {
    if IS_SAVED.swap(false, Ordering::Relaxed) { RESTORE } else { "" }
}

/// Whether a terminal of this kind takes the sequences for what they are: not the Linux console, and not what emulates a
/// terminal from before there were titles.
pub(in super::super) fn is_known(term: &str) -> bool {
    !["dumb", "linux", "vt"].iter().any(|kind| term.starts_with(kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn saved_once_and_restored_once() {
        assert_eq!(set(""), "");
        assert_eq!(set("Book club"), "\x1b[22;2t\x1b]2;Book club\x1b\\");
        assert_eq!(set("a\x1b[2J\u{202e}b\u{9c}"), "\x1b]2;a\u{fffd}[2J\u{fffd}b\u{fffd}\x1b\\");
        assert_eq!(set(""), "\x1b[23;2t");
        assert_eq!(restore(), "");
    }

    #[test]
    fn terminals_without_a_title() {
        for (term, expected) in [("xterm-256color", true), ("tmux", true), ("linux", false), ("vt220", false)]
        {
            assert_eq!(is_known(term), expected, "{term}");
        }
    }
}
