//! Bytes in, lines out: framing without IO, independent of how the bytes were split into packets.
//!
//! Telnet commands (RFC 854, 885, 1184) are dropped, but an LF always ends a line, even inside a command. So no byte
//! can join two lines, or make the server ignore all that follows. A command that an LF interrupts is none: its byte
//! 255 stays in the line, which is then not UTF-8. Nothing is lost by this: a real command could contain an LF only
//! within an option that the server had agreed to (RFC 855), and it never agrees to any. One command needs an answer,
//! the request for a timing mark: it comes out among the lines.
//!
//! Any line may contain a password, even one that is no command, is too long or never ends. So bytes are wiped when
//! they are consumed, moved or dropped.
//!
//! Invariant: `buf[..scanned]` has no LF, and while `skipping` is set `buf` is empty.

mod marks;

use bytes::{Buf, BytesMut};
use zeroize::optimization_barrier;

use super::command::Command;
use crate::limits::TERMINAL_LINE;
use marks::Marks;

/// What [`Lines::peek`] finds. `W` is what is known of a whole line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line<'a, W = &'a [u8]> {
    /// A whole line without its LF or CR LF.
    Whole(W),
    /// The start of a line longer than allowed; the rest is skipped up to its LF.
    TooLong(&'a [u8]),
    /// The start of a line that a terminal has probably cut: it has exactly the length to which terminals cut lines.
    Cut(&'a [u8]),
    /// Not a line but `IAC DO TIMING-MARK` (RFC 860). The peer drops all it receives until this is answered.
    TimingMark,
    /// A TLS handshake instead of a first line.
    TlsHello,
}

impl<'a> Line<'a> {
    /// Reads the first word of a whole line.
    pub fn command(self) -> Line<'a, Command<'a>> {
        match self {
            Line::Whole(line) => Line::Whole(Command::of(line)),
            Line::TooLong(start) => Line::TooLong(start),
            Line::Cut(start) => Line::Cut(start),
            Line::TimingMark => Line::TimingMark,
            Line::TlsHello => Line::TlsHello,
        }
    }
}

/// The state of the parser of telnet commands (RFC 854).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Telnet {
    Text,
    /// After IAC.
    Command,
    /// After IAC WILL, WONT or DONT: one option byte follows.
    Option,
    /// After IAC DO: one option byte follows.
    Do,
    /// After IAC SB: up to IAC SE, or to the end of the line.
    Subnegotiation,
    /// After IAC within a subnegotiation.
    SubnegotiationIac,
}

const IAC: u8 = 255;
/// Commands of one byte: EOF, SUSP and ABORT (RFC 1184), EOR (RFC 885), NOP, AYT and the like.
const SIMPLE: std::ops::RangeInclusive<u8> = 236..=249;
const WILL_TO_DONT: std::ops::RangeInclusive<u8> = 251..=254;
const DO: u8 = 253;
const SB: u8 = 250;
const SE: u8 = 240;
const TIMING_MARK: u8 = 6;
/// A TLS record of type handshake, version 3.x (RFC 8446 section 5.1).
const TLS_HANDSHAKE: [u8; 2] = [0x16, 0x03];
/// Bytes of a line that is too long: enough for its verb.
const HEAD: usize = 64;
/// An allocation is replaced by a smaller one when more than this of it, and more than half, is unused.
const WASTE_MAX: usize = 512;

/// The bytes of one connection that are not consumed yet. Its memory is little more than these bytes, because a
/// connection may wait for long; it has none while it is empty.
#[derive(Debug)]
pub struct Lines {
    buf: BytesMut,
    /// Bytes at the front of the allocation that were consumed.
    consumed: u32,
    scanned: u32,
    line_max: u32,
    telnet: Telnet,
    marks: Option<Box<Marks>>,
    /// Whether the rest of a line that was too long is being dropped.
    skipping: bool,
    /// Whether nothing was consumed yet: only the first line can be a TLS hello.
    fresh: bool,
}

impl Lines {
    /// `line_max` includes the line's end.
    pub fn new(line_max: usize) -> Lines {
        Lines {
            buf: BytesMut::new(),
            consumed: 0,
            scanned: 0,
            line_max: u32::try_from(line_max).expect("options keep it below 64 KiB"),
            telnet: Telnet::Text,
            marks: None,
            skipping: false,
            fresh: true,
        }
    }

    /// Adds bytes that were read.
    pub fn feed(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.telnet != Telnet::Text {
                bytes = self.negotiate(bytes);
                continue;
            }
            let text = memchr::memchr(IAC, bytes).unwrap_or(bytes.len());
            self.feed_text(&bytes[..text]);
            bytes = &bytes[text..];
            if let [IAC, rest @ ..] = bytes {
                self.telnet = Telnet::Command;
                bytes = rest;
            }
        }
    }

    /// The next line, if it is complete. It stays the same until [`Lines::consume`].
    pub fn peek(&mut self) -> Option<Line<'_>> {
        if self.is_mark_due() {
            return Some(Line::TimingMark);
        }
        if self.is_tls_hello() {
            return Some(Line::TlsHello);
        }
        let line_max = self.line_max as usize;
        let scanned = self.scanned as usize;
        match memchr::memchr(b'\n', &self.buf[scanned..]) {
            Some(offset) => {
                let end = scanned + offset;
                self.scanned = offset_of(end);
                if end + 1 > line_max {
                    return Some(Line::TooLong(&self.buf[..HEAD]));
                }
                let line = &self.buf[..end];
                let line = line.strip_suffix(b"\r").unwrap_or(line);
                Some(if line.len() == TERMINAL_LINE { Line::Cut(&line[..HEAD]) } else { Line::Whole(line) })
            }
            None => {
                self.scanned = offset_of(self.buf.len());
                (self.buf.len() >= line_max).then(|| Line::TooLong(&self.buf[..HEAD]))
            }
        }
    }

    /// Consumes the line that [`Lines::peek`] returned. No [`Lines::feed`] may come between the two.
    pub fn consume(&mut self) {
        if self.is_mark_due() {
            return self.consume_mark();
        }
        self.fresh = false;
        let end = self.scanned as usize;
        let passed = match self.buf.get(end) {
            Some(b'\n') => {
                wipe(&mut self.buf[..end]);
                self.buf.advance(end + 1);
                self.consumed = self.consumed.saturating_add(self.scanned + 1);
                end + 1
            }
            _ => {
                // Too long, and its end has not come yet.
                let passed = self.buf.len();
                wipe(&mut self.buf);
                self.buf.clear();
                self.skipping = true;
                passed
            }
        };
        if let Some(marks) = &mut self.marks {
            marks.advance(passed);
        }
        self.scanned = 0;
        self.shrink();
    }

    /// Moves the bytes to a smaller allocation once more than half of it is unused. So at most one byte is moved for
    /// each that was consumed.
    fn shrink(&mut self) {
        let waste = self.consumed as usize;
        if self.buf.is_empty() || (waste > WASTE_MAX && waste > self.buf.len()) {
            self.reallocate(self.buf.len());
        }
    }

    /// Moves the bytes to an allocation of this size; to none if the size is 0.
    fn reallocate(&mut self, size: usize) {
        let mut moved = BytesMut::with_capacity(size);
        moved.extend_from_slice(&self.buf);
        wipe(&mut self.buf);
        self.buf = moved;
        self.consumed = 0;
    }

    /// Ends the stream: bytes after the last LF become a line. To be called once, before the last calls of
    /// [`Lines::peek`].
    pub fn finish(&mut self) {
        if self.telnet != Telnet::Text {
            self.end_command();
        }
        if !self.skipping && !self.buf.is_empty() && self.buf.last() != Some(&b'\n') {
            self.extend(b"\n");
        }
        self.skipping = false;
    }

    /// Drops everything.
    pub fn clear(&mut self) {
        wipe(&mut self.buf);
        self.buf = BytesMut::new();
        (self.consumed, self.scanned, self.marks) = (0, 0, None);
    }

    /// How many bytes of lines wait.
    pub fn len(&self) -> usize {
        self.buf.len()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.buf.is_empty() && self.marks.is_none()
    }

    fn is_tls_hello(&self) -> bool {
        self.fresh && self.buf.starts_with(&TLS_HANDSHAKE)
    }

    fn is_mark_due(&self) -> bool {
        self.marks.as_ref().is_some_and(|marks| marks.is_due())
    }

    fn add_mark(&mut self) {
        let complete = if self.is_tls_hello() { TLS_HANDSHAKE.len() } else { self.line_max as usize };
        self.marks.get_or_insert_default().add(&self.buf, complete);
    }

    fn consume_mark(&mut self) {
        self.marks.as_mut().expect("one is due").take();
        self.marks.take_if(|marks| marks.is_empty());
    }

    fn feed_text(&mut self, mut text: &[u8]) {
        if self.skipping {
            let Some(end) = memchr::memchr(b'\n', text) else { return };
            self.skipping = false;
            text = &text[end + 1..];
        }
        self.extend(text);
    }

    fn extend(&mut self, text: &[u8]) {
        let len = self.buf.len() + text.len();
        if len > self.buf.capacity() {
            // BytesMut would leave a copy behind when it grows.
            self.reallocate(len.max(2 * self.buf.len()));
        }
        self.buf.extend_from_slice(text);
    }

    /// Takes the next byte of a command and returns the rest: all of it if that byte belongs to no command.
    fn negotiate<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let Some((&byte, rest)) = bytes.split_first() else { return bytes };
        self.telnet = match (self.telnet, byte) {
            (Telnet::Command, SB) => Telnet::Subnegotiation,
            (Telnet::Command, byte) if SIMPLE.contains(&byte) => Telnet::Text,
            (Telnet::Command, DO) => Telnet::Do,
            (Telnet::Command, byte) if WILL_TO_DONT.contains(&byte) => Telnet::Option,
            (Telnet::Command, IAC) => {
                // A quoted 255. It stays in the line, which is then refused, because UTF-8 never has that byte.
                self.end_command();
                return rest;
            }
            (Telnet::Command, _) | (_, b'\n') => {
                self.end_command();
                return bytes;
            }
            (Telnet::Subnegotiation, IAC) => Telnet::SubnegotiationIac,
            (Telnet::Do, TIMING_MARK) => {
                self.add_mark();
                Telnet::Text
            }
            (Telnet::Do | Telnet::Option, _) | (Telnet::SubnegotiationIac, SE) => Telnet::Text,
            (Telnet::Subnegotiation | Telnet::SubnegotiationIac, _) => Telnet::Subnegotiation,
            (Telnet::Text, _) => unreachable!("feed handles text itself"),
        };
        rest
    }

    /// It was no command: its 255 is text.
    fn end_command(&mut self) {
        self.telnet = Telnet::Text;
        self.feed_text(&[IAC]);
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        wipe(&mut self.buf);
    }
}

/// Zeroizes all bytes at once. `Zeroize` does it byte by byte, which would take as long as the framing itself.
pub(crate) fn wipe(bytes: &mut [u8]) {
    bytes.fill(0);
    optimization_barrier(bytes);
}

/// An offset in what waits, which is little more than one turn's reading and one line.
fn offset_of(at: usize) -> u32 {
    u32::try_from(at).expect("far less waits than 4 GiB")
}

#[cfg(test)]
mod tests;
