//! Lines from a blocking reader, with a bound on their length.

use std::io::{self, BufRead, Read as _};

use crate::limits::TERMINAL_LINE;

/// Why a line of [`TERMINAL_LINE`] bytes is not sent.
pub(super) fn cut_by_terminal() -> String {
    format!("a terminal cuts lines off at {TERMINAL_LINE} bytes, the length of this one")
}

/// What [`read_line`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A line. The buffer has it without its LF or CR LF.
    Line,
    /// The stream ended within a line. The buffer has what there was, and is not empty.
    Unended,
    /// The line is too long; the rest of it is still to be read.
    TooLong,
    /// The end of the stream.
    End,
}

/// Reads one line into `buf`, replacing its contents. `max` counts the bytes of a line with its end.
pub(super) fn read_line(from: &mut impl BufRead, max: usize, buf: &mut Vec<u8>) -> io::Result<Found> {
    buf.clear();
    let mut bounded = from.take(max.try_into().expect("a bound fits 64 bits"));
    bounded.read_until(b'\n', buf)?;
    Ok(match buf.as_slice() {
        [] => Found::End,
        [.., b'\n'] => {
            buf.pop();
            if buf.last() == Some(&b'\r') {
                buf.pop();
            }
            Found::Line
        }
        unended if unended.len() < max => Found::Unended,
        _ => Found::TooLong,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input: &str, expected: &[(Found, &str)]) {
        let mut from = input.as_bytes();
        let mut buf = Vec::new();
        for &(found, content) in expected {
            assert_eq!(read_line(&mut from, 6, &mut buf).expect("memory is readable"), found, "{input:?}");
            assert_eq!(buf, content.as_bytes(), "{input:?}");
        }
    }

    #[test]
    fn ends_and_bounds() {
        check("a\n\nb\r\n", &[(Found::Line, "a"), (Found::Line, ""), (Found::Line, "b"), (Found::End, "")]);
        check("12345\nx", &[(Found::Line, "12345"), (Found::Unended, "x"), (Found::End, "")]);
        check("123456\n", &[(Found::TooLong, "123456"), (Found::Line, "")]);
        check("123456", &[(Found::TooLong, "123456"), (Found::End, "")]);
    }
}
