//! Bytes on their way to the terminal, and how many of them it has taken.

use std::io;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

/// Waits until the terminal takes some of these bytes. Returns how many it has taken: all, unless a signal or its end came in
/// between.
pub(in super::super) fn write(bytes: &[u8]) -> io::Result<usize> {
    let stdout = io::stdout();
    loop {
        match rustix::io::write(&stdout, bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(n) => return Ok(n),
            Err(Errno::INTR) => {}
            // Another program has left the terminal in non-blocking mode.
            Err(Errno::AGAIN) => {
                poll(&mut [PollFd::new(&stdout, PollFlags::OUT)], None)?;
            }
            Err(why) => return Err(why.into()),
        }
    }
}
