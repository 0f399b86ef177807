//! The frames of WebSocket (RFC 6455), without IO. What a browser sends becomes bytes of lines, in the buffer in which it
//! came; lines become messages of whole lines.

use bytes::BytesMut;

use crate::limits::{WEB_FRAME_MAX, WEB_FRAME_TAKEN_MAX};
use crate::server::net::web::utf8::Utf8;

/// Why a connection ends (RFC 6455 section 7.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CloseCode(pub u16);

impl CloseCode {
    /// All is said.
    pub const NORMAL: CloseCode = CloseCode(1000);
    /// The server stops, or cannot go on.
    pub const GOING_AWAY: CloseCode = CloseCode(1001);
    /// The peer does not follow RFC 6455.
    pub const PROTOCOL: CloseCode = CloseCode(1002);
    /// The peer sends something other than text.
    pub const UNSUPPORTED: CloseCode = CloseCode(1003);
    /// The peer sends text that is no UTF-8.
    pub const NOT_UTF8: CloseCode = CloseCode(1007);
    /// The group's rules say so.
    pub const POLICY: CloseCode = CloseCode(1008);
    /// A frame is too long.
    pub const TOO_LONG: CloseCode = CloseCode(1009);

    /// Whether a peer may send it.
    fn is_sent(self) -> bool {
        matches!(self.0, 1000..=1003 | 1007..=1014 | 3000..=4999)
    }
}

const FIN: u8 = 0x80;
const RESERVED: u8 = 0x70;
const MASKED: u8 = 0x80;
const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;
/// A control frame's payload (section 5.5).
const CONTROL_MAX: u32 = 125;
/// The longest header of a frame from a peer.
const HEADER_MAX: usize = 14;

/// What a frame from a peer carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Carries {
    /// Between two frames.
    #[default]
    Nothing,
    /// Text of a message that goes on.
    Text,
    /// Text up to a message's end.
    LastText,
    Close,
    Ping,
    Pong,
}

/// The header of a frame from a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Header {
    carries: Carries,
    payload: u32,
    mask: [u8; 4],
    len: usize,
}

/// What reading has brought beside text.
#[derive(Debug, Default)]
pub struct Decoded {
    /// Bytes of lines, at the buffer's start.
    pub text: usize,
    /// The answers to pings, as frames.
    pub pongs: BytesMut,
    /// The connection ends with this code: the peer has said so, or made a mistake. Nothing after that is looked at.
    pub end: Option<CloseCode>,
}

/// Where the frames from a peer stand. Between messages a new one does as well, so that nothing has to be kept.
#[derive(Debug, Default)]
pub struct Reader {
    /// What has come of a header or of a control frame.
    gathered: BytesMut,
    /// Bytes of the present frame's payload that are still to come.
    left: u32,
    /// For the next bytes.
    mask: [u8; 4],
    carries: Carries,
    in_message: bool,
    /// Whether a message has begun a line that it has not ended.
    in_line: bool,
    /// Where the message's text stands (section 8.1).
    utf8: Utf8,
}

impl Reader {
    /// Whether nothing has come of the next message or frame.
    pub fn is_between_messages(&self) -> bool {
        !self.in_message && self.carries == Carries::Nothing && self.gathered.is_empty()
    }

    /// Decodes what was read into `buf[1..=len]`, in place.
    pub fn decode(&mut self, buf: &mut [u8], len: usize) -> Decoded {
        let mut decoded = Decoded::default();
        // What is written never overtakes what is read: each frame has a header that is longer than the LF that may come with its
        // end, but for the first, whose header may have come before. That is what the byte at the start is for.
        let (mut at, end) = (1, len + 1);
        let ending = loop {
            let step = match self.carries {
                Carries::Nothing => self.header(buf, &mut at, end),
                Carries::Text | Carries::LastText => self.text(buf, &mut at, end, &mut decoded.text),
                Carries::Close | Carries::Ping | Carries::Pong => {
                    self.control(&buf[..end], &mut at, &mut decoded.pongs)
                }
            };
            match step {
                Ok(true) => {}
                Ok(false) => break None,
                Err(code) => break Some(code),
            }
        };
        decoded.end = ending;
        decoded
    }

    /// Takes a header. False: it is not complete.
    fn header(&mut self, buf: &[u8], at: &mut usize, end: usize) -> Result<bool, CloseCode> {
        let rest = &buf[*at..end];
        let before = self.gathered.len();
        let found = if before == 0 {
            header(rest, self.in_message)?
        } else {
            self.gathered.extend_from_slice(&rest[..rest.len().min(HEADER_MAX - before)]);
            header(&self.gathered, self.in_message)?
        };
        let Some(header) = found else {
            if before == 0 {
                self.gathered.extend_from_slice(rest);
            }
            *at = end;
            return Ok(false);
        };
        *at += header.len - before;
        self.gathered.clear();
        (self.carries, self.left, self.mask) = (header.carries, header.payload, header.mask);
        if matches!(header.carries, Carries::Text | Carries::LastText) {
            self.in_message = true;
        }
        Ok(true)
    }

    /// Takes text. False: more is to come.
    fn text(
        &mut self,
        buf: &mut [u8],
        at: &mut usize,
        end: usize,
        text: &mut usize,
    ) -> Result<bool, CloseCode> {
        let len = (end - *at).min(self.left as usize);
        buf.copy_within(*at..*at + len, *text);
        let part = &mut buf[*text..*text + len];
        self.unmask(part);
        let utf8 = self.utf8.after(part);
        if let Some(&last) = part.last() {
            self.in_line = last != b'\n';
        }
        *at += len;
        // What comes before a mistake counts, however it was split.
        *text += utf8.err().unwrap_or(len);
        self.utf8 = utf8.map_err(|_| CloseCode::NOT_UTF8)?;
        if self.left > 0 {
            return Ok(false);
        }
        if std::mem::take(&mut self.carries) == Carries::LastText {
            self.in_message = false;
            self.utf8 = self.utf8.whole().ok_or(CloseCode::NOT_UTF8)?;
            if std::mem::take(&mut self.in_line) {
                buf[*text] = b'\n';
                *text += 1;
            }
        }
        Ok(true)
    }

    /// Takes a control frame. False: it is not complete.
    fn control(&mut self, buf: &[u8], at: &mut usize, pongs: &mut BytesMut) -> Result<bool, CloseCode> {
        let len = (buf.len() - *at).min(self.left as usize);
        let mut payload = std::mem::take(&mut self.gathered);
        let before = payload.len();
        payload.extend_from_slice(&buf[*at..*at + len]);
        self.unmask(&mut payload[before..]);
        *at += len;
        if self.left > 0 {
            self.gathered = payload;
            return Ok(false);
        }
        match std::mem::take(&mut self.carries) {
            Carries::Ping => {
                pongs.extend_from_slice(&[FIN | PONG, u8::try_from(payload.len()).expect("it is limited")]);
                pongs.extend_from_slice(&payload);
                Ok(true)
            }
            Carries::Close => Err(close_code(&payload)),
            _ => Ok(true),
        }
    }

    /// The next bytes of the payload; the mask is turned by as many.
    fn unmask(&mut self, bytes: &mut [u8]) {
        let mask = self.mask;
        let mut fours = bytes.chunks_exact_mut(4);
        for four in &mut fours {
            for (byte, key) in four.iter_mut().zip(mask) {
                *byte ^= key;
            }
        }
        for (byte, key) in fours.into_remainder().iter_mut().zip(mask) {
            *byte ^= key;
        }
        self.mask.rotate_left(bytes.len() % 4);
        self.left -= u32::try_from(bytes.len()).expect("no more than is left");
    }
}

/// Reads a header. `None`: it is not complete. What is wrong with the first bytes is said before the others have come.
fn header(bytes: &[u8], in_message: bool) -> Result<Option<Header>, CloseCode> {
    let &[first, second, ..] = bytes else {
        // Even so it may be no frame.
        return if bytes.first().is_some_and(|first| first & RESERVED != 0) {
            Err(CloseCode::PROTOCOL)
        } else {
            Ok(None)
        };
    };
    let (is_last, opcode) = (first & FIN != 0, first & !(FIN | RESERVED));
    // No extension was agreed to that would give these bits a meaning. And a peer that does not mask may be a proxy's victim.
    if first & RESERVED != 0 || second & MASKED == 0 {
        return Err(CloseCode::PROTOCOL);
    }
    let short = u32::from(second & !MASKED);
    let carries = match opcode {
        CONTINUATION if in_message => text_of(is_last),
        TEXT if !in_message => text_of(is_last),
        BINARY if !in_message => return Err(CloseCode::UNSUPPORTED),
        CLOSE | PING | PONG if !is_last || short > CONTROL_MAX => return Err(CloseCode::PROTOCOL),
        CLOSE => Carries::Close,
        PING => Carries::Ping,
        PONG => Carries::Pong,
        _ => return Err(CloseCode::PROTOCOL),
    };
    let len_bytes = match short {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    let Some(rest) = bytes.get(2..2 + len_bytes + 4) else { return Ok(None) };
    let (long, mask) = rest.split_at(len_bytes);
    let payload = match long.len() {
        0 => u64::from(short),
        _ => long.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)),
    };
    // The shortest form has to be used, and the highest bit is zero (section 5.2).
    let is_shortest = match len_bytes {
        0 => true,
        2 => payload > u64::from(CONTROL_MAX),
        _ => payload > u64::from(u16::MAX),
    };
    if !is_shortest || payload >> 63 != 0 {
        return Err(CloseCode::PROTOCOL);
    }
    let payload = u32::try_from(payload).ok().filter(|payload| *payload <= WEB_FRAME_TAKEN_MAX);
    let payload = payload.ok_or(CloseCode::TOO_LONG)?;
    let mask = mask.try_into().expect("it has four bytes");
    Ok(Some(Header { carries, payload, mask, len: 2 + len_bytes + 4 }))
}

fn text_of(is_last: bool) -> Carries {
    if is_last { Carries::LastText } else { Carries::Text }
}

/// The code with which to answer a peer's close: its own, or what is wrong with it (section 5.5.1).
fn close_code(payload: &[u8]) -> CloseCode {
    match payload {
        [] => CloseCode::NORMAL,
        [high, low, reason @ ..] => {
            let code = CloseCode(u16::from_be_bytes([*high, *low]));
            if !code.is_sent() {
                CloseCode::PROTOCOL
            } else if std::str::from_utf8(reason).is_err() {
                CloseCode::NOT_UTF8
            } else {
                code
            }
        }
        [_] => CloseCode::PROTOCOL,
    }
}

/// The frame that closes a connection.
pub fn close(code: CloseCode) -> [u8; 4] {
    let [high, low] = code.0.to_be_bytes();
    [FIN | CLOSE, 2, high, low]
}

/// A frame to be sent: its header, and how many of the next bytes of lines are its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    header: [u8; 4],
    header_len: u8,
    /// Bytes of lines.
    pub payload: usize,
    /// Whether the message ends with it, and with a line.
    pub ends_message: bool,
}

impl Frame {
    /// The next frame for these bytes, of which there are some: up to the end of the last line that it has room for. A line
    /// that is not complete, or longer than that, begins or continues a message of several frames.
    pub fn of(bytes: &[u8], in_message: bool) -> Frame {
        let most = &bytes[..bytes.len().min(WEB_FRAME_MAX)];
        let line_end = memchr::memrchr(b'\n', most);
        let payload = line_end.map_or(most.len(), |at| at + 1);
        let opcode = if in_message { CONTINUATION } else { TEXT };
        let first = opcode | if line_end.is_some() { FIN } else { 0 };
        let [.., high, low] = payload.to_be_bytes();
        let (header, header_len) = if payload <= CONTROL_MAX as usize {
            ([first, low, 0, 0], 2)
        } else {
            ([first, 126, high, low], 4)
        };
        Frame { header, header_len, payload, ends_message: line_end.is_some() }
    }

    /// Its header.
    pub fn header(&self) -> &[u8] {
        &self.header[..usize::from(self.header_len)]
    }
}

#[cfg(test)]
mod tests;
