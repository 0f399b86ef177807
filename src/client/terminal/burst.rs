//! Bytes that came at once: a key, some keys typed ahead, or a paste.

use std::time::Duration;

use crate::limits::{CLIENT_BURST_LINES_WAIT, CLIENT_BURST_WAIT, CLIENT_PASTE_LINES};

/// How long to wait for more that belongs to it. A line may be the first of many.
pub(super) fn wait(bytes: &[u8]) -> Duration {
    match lines(bytes).count() {
        0 => Duration::ZERO,
        _ if !bytes.contains(&b'\r') && !bytes.contains(&b'\n') => Duration::ZERO,
        1 => CLIENT_BURST_WAIT,
        _ => CLIENT_BURST_LINES_WAIT,
    }
}

/// Whether it is a paste that needs a question before it is said: of many lines, or with one that looks like a command.
pub(super) fn is_paste(bytes: &[u8]) -> bool {
    let is_command = |line: &[u8]| line.trim_ascii_start().starts_with(b"/");
    match lines(bytes).count() {
        0 | 1 => false,
        count => count > CLIENT_PASTE_LINES || lines(bytes).any(is_command),
    }
}

/// The lines that are not blank.
fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|byte| b"\r\n".contains(byte)).filter(|line| !line.trim_ascii().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pastes() {
        let six = b"1\r2\r3\r4\r5\r6";
        for yes in [six.as_slice(), b"a\n/remove bob\n", b"/who\r\r  x", b"a\r\n \t/b"] {
            assert!(is_paste(yes), "{yes:?}");
        }
        for no in [b"/who\r".as_slice(), b"\r\r\r\r\r\r\r\r", b"1\r2\r3\r4\r5\r", b"", b"a/b\rc\r"] {
            assert!(!is_paste(no), "{no:?}");
        }
    }

    #[test]
    fn only_lines_are_waited_for() {
        assert_eq!(wait(b"a"), Duration::ZERO);
        assert_eq!(wait(b"a\r"), CLIENT_BURST_WAIT);
        assert_eq!(wait(b"a\rb"), CLIENT_BURST_LINES_WAIT);
    }
}
