//! Reading with a time-out.

use std::io::{self, ErrorKind, Read};

/// What one read gives. A read with a time-out is interrupted when the process was stopped and continued, by a debugger or a
/// frozen machine (signal(7)), and then it is asked again.
pub(crate) fn read_some(from: &mut impl Read, buf: &mut [u8]) -> io::Result<usize> {
    loop {
        match from.read(buf) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}
