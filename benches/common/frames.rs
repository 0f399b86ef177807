//! WebSocket from the browser's side, as far as receivers need it: the wish for one, a line in a frame, and lines out of the
//! server's frames.

use std::io;

use super::fail;

/// The head of a request for a WebSocket, as a browser sends it.
pub(crate) const WISH: &str = "GET /chat HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
     Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// A short line in a frame. The key is four zeros, which changes nothing for the server: it turns every byte by its key.
pub(crate) fn frame(line: &str) -> Vec<u8> {
    let length = u8::try_from(line.len()).ok().filter(|length| *length < 126).expect("a short line");
    [&[0x81, 0x80 | length, 0, 0, 0, 0], line.as_bytes()].concat()
}

/// Where in its frames a receiver is.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    /// What has come of a frame's header, and how many bytes that is.
    header: [u8; 4],
    has: usize,
    /// Bytes of its payload that are still to come.
    left: usize,
}

impl Frames {
    /// Hands over the payloads in these bytes, piece by piece.
    pub(crate) fn take(
        &mut self,
        mut bytes: &[u8],
        mut each: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        while let Some(&first) = bytes.first() {
            if self.left > 0 {
                let (payload, rest) = bytes.split_at(self.left.min(bytes.len()));
                each(payload)?;
                self.left -= payload.len();
                bytes = rest;
                continue;
            }
            self.header[self.has] = first;
            self.has += 1;
            bytes = &bytes[1..];
            self.left = match (self.has, self.header) {
                (1, [0x00 | 0x01 | 0x80 | 0x81, ..]) | (2 | 3, [_, 126, ..]) => continue,
                (2, [_, length @ 1..126, ..]) => usize::from(length),
                (4, [.., high, low]) => usize::from(u16::from_be_bytes([high, low])),
                _ => return fail(format!("a frame of text was expected, this came: {:?}", self.header)),
            };
            self.has = 0;
        }
        Ok(())
    }

    /// The text of all whole frames after the head of an HTTP answer; `None`: that is not all there.
    pub(crate) fn said(bytes: &[u8]) -> io::Result<Option<Vec<u8>>> {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
        let Some((head, frames)) = end.map(|end| bytes.split_at(end + 4)) else { return Ok(None) };
        if !head.starts_with(b"HTTP/1.1 101 ") {
            return fail(format!("no WebSocket: {}", String::from_utf8_lossy(head)));
        }
        let mut said = Vec::new();
        Frames::default().take(frames, |payload| {
            said.extend_from_slice(payload);
            Ok(())
        })?;
        Ok(Some(said))
    }
}
