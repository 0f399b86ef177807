//! Bytes in, lines out. Framing without IO, and indifferent to how the bytes were split into packets.
//!
//! Telnet's commands (RFC 854, 885, 1184) are left out, but no LF ever is: whatever byte 255 begins, a line ends at its LF,
//! so that no byte joins two lines or makes a connection deaf. A command that an LF cuts off is none, and its
//! 255 stays in the line as what no UTF-8 has. This costs nothing: an option, or a subnegotiation's content,
//! could rightly hold an LF, but only if the server had agreed to one (RFC 855), and it never negotiates. One of them
//! has to be answered, the request for a timing mark: it comes out among the lines.
//!
//! Any line may hold a password, also one that is no command, too long, or never ended: what is taken, moved or given
//! up is wiped.
//!
//! Invariant: `buf[..scanned]` holds no LF, and while `skipping` is set `buf` is empty.

mod marks;

use bytes::{Buf, BytesMut};
use zeroize::optimization_barrier;

use crate::limits::TERMINAL_LINE;
use marks::Marks;

/// What [`Lines::peek`] finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// A whole line without its LF or CR LF.
    Whole(&'a [u8]),
    /// A line longer than allowed. Its beginning is given, the rest is skipped up to its LF.
    TooLong(&'a [u8]),
    /// A line of just the length to which a terminal cuts longer ones. Its beginning is given.
    Cut(&'a [u8]),
    /// No line: `IAC DO TIMING-MARK` (RFC 860). The peer drops what comes until this is answered.
    TimingMark,
    /// A TLS handshake instead of a first line: the peer speaks another protocol.
    TlsHello,
}

/// Where in a telnet negotiation (RFC 854) the bytes stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Telnet {
    Text,
    /// After IAC.
    Command,
    /// After IAC WILL, WONT or DONT: one option byte follows.
    Option,
    /// After IAC DO: so it does here.
    Do,
    /// After IAC SB: everything up to IAC SE, or to the end of the line.
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
/// Enough of a line that is too long to tell its verb.
const HEAD: usize = 64;
/// An allocation of which more than this is of no use any more, and more than half, is given back.
const WASTE_MAX: usize = 512;

/// The bytes of one connection that are no line yet, or not taken yet. Owns no memory while empty, and little more
/// than what waits otherwise: a connection may wait for long.
#[derive(Debug)]
pub struct Lines {
    buf: BytesMut,
    /// Bytes at the front of the allocation that were taken.
    taken: u32,
    scanned: u32,
    line_max: u32,
    telnet: Telnet,
    marks: Option<Box<Marks>>,
    /// The rest of a line that was too long is being dropped.
    skipping: bool,
    /// Nothing was taken yet: only here a TLS hello is looked for.
    fresh: bool,
}

impl Lines {
    /// `line_max` counts a line's bytes with its end.
    pub fn new(line_max: usize) -> Lines {
        Lines {
            buf: BytesMut::new(),
            taken: 0,
            scanned: 0,
            line_max: u32::try_from(line_max).expect("options keep it below 64 KiB"),
            telnet: Telnet::Text,
            marks: None,
            skipping: false,
            fresh: true,
        }
    }

    /// Takes in what was read.
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

    /// The next line, if it is there. The same line until [`Lines::consume`] takes it.
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
                self.scanned = place(end);
                if end + 1 > line_max {
                    return Some(Line::TooLong(&self.buf[..HEAD]));
                }
                let line = strip_cr(&self.buf[..end]);
                Some(if line.len() == TERMINAL_LINE { Line::Cut(&line[..HEAD]) } else { Line::Whole(line) })
            }
            None => {
                self.scanned = place(self.buf.len());
                (self.buf.len() >= line_max).then(|| Line::TooLong(&self.buf[..HEAD]))
            }
        }
    }

    /// Takes away the line that [`Lines::peek`] showed. Call it directly after, with no feeding between.
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
                self.taken = self.taken.saturating_add(self.scanned + 1);
                end + 1
            }
            _ => {
                // Too long, its end not yet seen.
                let passed = self.buf.len();
                wipe(&mut self.buf);
                self.buf.clear();
                self.skipping = true;
                passed
            }
        };
        if let Some(marks) = &mut self.marks {
            marks.pass(passed);
        }
        self.scanned = 0;
        self.give_back();
    }

    /// Moves what waits to an allocation of its size once more than half of the old one is of no use: each byte
    /// taken pays for one moved at most.
    fn give_back(&mut self) {
        let waste = self.taken as usize;
        if self.buf.is_empty() || (waste > WASTE_MAX && waste > self.buf.len()) {
            self.move_to(self.buf.len());
        }
    }

    /// Moves what waits to an allocation of this size. Of no bytes there is none.
    fn move_to(&mut self, size: usize) {
        let mut moved = BytesMut::with_capacity(size);
        moved.extend_from_slice(&self.buf);
        wipe(&mut self.buf);
        self.buf = moved;
        self.taken = 0;
    }

    /// At the end of the stream what has no LF counts as a line: gives it one. Call it once, before a
    /// last round of [`Lines::peek`].
    pub fn finish(&mut self) {
        if self.telnet != Telnet::Text {
            self.end_command();
        }
        if !self.skipping && !self.buf.is_empty() && self.buf.last() != Some(&b'\n') {
            self.extend(b"\n");
        }
        self.skipping = false;
    }

    /// Forgets everything: nothing of this peer is wanted any more.
    pub fn clear(&mut self) {
        wipe(&mut self.buf);
        self.buf = BytesMut::new();
        (self.taken, self.scanned, self.marks) = (0, 0, None);
    }

    /// Bytes of lines waiting.
    pub fn len(&self) -> usize {
        self.buf.len()
    }

    /// Nothing waits.
    pub fn is_empty(&self) -> bool {
        self.buf.is_empty() && self.marks.is_none()
    }

    fn is_tls_hello(&self) -> bool {
        self.fresh && self.buf.starts_with(&TLS_HANDSHAKE)
    }

    fn is_mark_due(&self) -> bool {
        self.marks.as_ref().is_some_and(|marks| marks.is_due())
    }

    fn note_mark(&mut self) {
        let known = if self.is_tls_hello() { TLS_HANDSHAKE.len() } else { self.line_max as usize };
        self.marks.get_or_insert_default().note(&self.buf, known);
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
            // Left to itself it would grow and leave a copy behind.
            self.move_to(len.max(2 * self.buf.len()));
        }
        self.buf.extend_from_slice(text);
    }

    /// Takes the next byte of a command. Gives the rest: all of it if that byte belongs to no command.
    fn negotiate<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let Some((&byte, rest)) = bytes.split_first() else { return bytes };
        self.telnet = match (self.telnet, byte) {
            (Telnet::Command, SB) => Telnet::Subnegotiation,
            (Telnet::Command, byte) if SIMPLE.contains(&byte) => Telnet::Text,
            (Telnet::Command, DO) => Telnet::Do,
            (Telnet::Command, byte) if WILL_TO_DONT.contains(&byte) => Telnet::Option,
            (Telnet::Command, IAC) => {
                // A quoted 255. No UTF-8 has one, so the line will be refused as text; it is not hidden.
                self.end_command();
                return rest;
            }
            (Telnet::Command, _) | (_, b'\n') => {
                self.end_command();
                return bytes;
            }
            (Telnet::Subnegotiation, IAC) => Telnet::SubnegotiationIac,
            (Telnet::Do, TIMING_MARK) => {
                self.note_mark();
                Telnet::Text
            }
            (Telnet::Do | Telnet::Option, _) | (Telnet::SubnegotiationIac, SE) => Telnet::Text,
            (Telnet::Subnegotiation | Telnet::SubnegotiationIac, _) => Telnet::Subnegotiation,
            (Telnet::Text, _) => unreachable!("feed takes text itself"),
        };
        rest
    }

    /// It is no command: its 255 is text.
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

/// Zeroizes all at once: a byte at a time, as `Zeroize` has it, would take as long as the framing itself.
pub(crate) fn wipe(bytes: &mut [u8]) {
    bytes.fill(0);
    optimization_barrier(bytes);
}

/// In what waits, which is little more than a turn reads and a line has.
fn place(at: usize) -> u32 {
    u32::try_from(at).expect("far less waits than 4 GiB")
}

fn strip_cr(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests;
