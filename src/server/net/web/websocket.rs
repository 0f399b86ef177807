//! WebSocket over TLS or a bare socket: lines in frames. What the kernel did not take of a frame is kept, so a peer that
//! does not read costs one frame at most, and nothing can change what a frame that has begun will carry. An idle
//! connection keeps a few numbers, and so does one that is written to now and then: what was given up to the last message
//! has arrived when all has. Only who is written to before the last message has arrived has checkpoints.

use std::io::{self, IoSlice};

use bytes::{Buf as _, BytesMut};
use log::debug;

use crate::limits::{WEB_FRAMES_PER_WRITE, WEB_LOOK_MAX, WEB_PONGS_MAX};
use crate::protocol::Bye;
use crate::protocol::framing::wipe;
use crate::server::net::base::Base;
use crate::server::net::checkpoints::Checkpoints;
use crate::server::net::web::frames::{self, CloseCode, Frame, Reader};
use crate::server::net::{ReadOutcome, Socket, tcp_info};

/// See the module.
#[derive(Debug)]
pub(in crate::server) struct WebSocket {
    base: Base,
    /// Bytes given to the base, those of HTTP included, and bytes of lines taken.
    given: u64,
    lines: u64,
    /// Without checkpoints: so many of the bytes of lines, the last, are not known to have arrived. They end a message, and
    /// have arrived when all that was given has.
    unarrived: u32,
    inbound: Inbound,
    /// A message was begun and not ended.
    in_message: bool,
    has_said_end: bool,
    /// What there is only for a moment.
    busy: Option<Box<Busy>>,
}

/// What may come from the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Inbound {
    Open,
    /// Nothing, which is not told yet.
    Ending,
    /// Nothing, which is told.
    Ended,
}

#[derive(Debug, Default)]
struct Busy {
    /// If something has come of a message or a frame and not all.
    reader: Option<Reader>,
    /// With which to end, because nothing more may come.
    code: Option<CloseCode>,
    /// Frames that are being sent.
    held: BytesMut,
    /// Answers to pings, which follow.
    pongs: BytesMut,
    /// If more than one message is under way, or a part of one.
    acks: Option<Checkpoints>,
}

impl WebSocket {
    /// `given`: bytes that were given to the base before.
    pub(super) fn new(base: Base, given: u64) -> WebSocket {
        WebSocket {
            base,
            given,
            lines: 0,
            unarrived: 0,
            inbound: Inbound::Open,
            in_message: false,
            has_said_end: false,
            busy: None,
        }
    }

    fn busy(&mut self) -> &mut Busy {
        self.busy.get_or_insert_default()
    }

    /// From now on there are checkpoints.
    fn keep_checkpoints(&mut self) {
        let (given, lines, unarrived) = (self.given, self.lines, std::mem::take(&mut self.unarrived));
        self.busy().acks.get_or_insert_with(|| {
            let mut acks = Checkpoints::after(lines - u64::from(unarrived));
            acks.record(given, lines);
            acks
        });
    }

    pub(in crate::server::net) fn read(&mut self, socket: &mut Socket, buf: &mut [u8]) -> ReadOutcome {
        match self.inbound {
            Inbound::Open => {}
            Inbound::Ending => {
                self.inbound = Inbound::Ended;
                return ReadOutcome::Closed;
            }
            Inbound::Ended => {
                let outcome = self.base.read(socket, buf);
                return if matches!(outcome, ReadOutcome::Bytes(_)) {
                    ReadOutcome::Bytes(0)
                } else {
                    outcome
                };
            }
        }
        match self.base.read(socket, &mut buf[1..]) {
            ReadOutcome::Bytes(len) => self.decode(socket, buf, len),
            // Without a close frame nobody has said that this is all.
            ReadOutcome::Eof => ReadOutcome::CutOff,
            outcome => outcome,
        }
    }

    /// Decodes what was read into `buf[1..=len]`.
    pub(in crate::server::net) fn decode(
        &mut self,
        socket: &mut Socket,
        buf: &mut [u8],
        len: usize,
    ) -> ReadOutcome {
        let mut reader = self.busy.as_mut().and_then(|busy| busy.reader.take()).unwrap_or_default();
        let decoded = reader.decode(buf, len);
        // The rest may have a password, and its mask.
        wipe(&mut buf[decoded.text..=len]);
        if !reader.is_between_messages() {
            self.busy().reader = Some(reader);
        }
        if !decoded.pongs.is_empty() {
            self.add_pongs(&decoded.pongs);
            // If that fails, so will the next write.
            let _ = self.flush(socket);
        }
        if let Some(code) = decoded.end {
            debug!("WebSocket ends with {}: from={}", code.0, socket.origin());
            self.inbound = Inbound::Ending;
            self.busy().code = Some(code);
            // What was said before still counts, and is taken first.
            socket.readable = true;
        }
        ReadOutcome::Bytes(decoded.text)
    }

    fn add_pongs(&mut self, pongs: &[u8]) {
        let busy = self.busy();
        if busy.pongs.len() + pongs.len() > WEB_PONGS_MAX {
            busy.pongs.clear();
        }
        // Of what does not fit even so, the last is enough.
        let mut newest = pongs;
        while newest.len() > WEB_PONGS_MAX {
            newest = &newest[2 + usize::from(newest[1])..];
        }
        busy.pongs.extend_from_slice(newest);
    }

    pub(in crate::server::net) fn flush(&mut self, socket: &mut Socket) -> io::Result<bool> {
        while let Some(busy) = &mut self.busy {
            if busy.held.is_empty() {
                busy.held = std::mem::take(&mut busy.pongs);
            }
            if busy.held.is_empty() {
                break;
            }
            if !socket.writable {
                return Ok(false);
            }
            let n = self.base.write(socket, &mut [IoSlice::new(&busy.held)])?;
            busy.held.advance(n);
            let is_all = busy.held.is_empty();
            if is_all {
                busy.held = BytesMut::new();
            }
            if self.unarrived > 0 {
                self.keep_checkpoints();
            }
            self.given += n as u64;
            if !is_all {
                return Ok(false);
            }
        }
        self.record();
        self.base.flush(socket)
    }

    /// A message counts as a whole: a browser shows no part of it.
    fn record(&mut self) {
        let is_whole = !self.in_message;
        if let Some(acks) = self.busy.as_mut().and_then(|busy| busy.acks.as_mut()).filter(|_| is_whole) {
            acks.record(self.given, self.lines);
        }
        self.tidy();
    }

    /// Drops what is there only for a moment, if it is over.
    fn tidy(&mut self) {
        let Some(busy) = &mut self.busy else { return };
        if busy.acks.as_ref().is_some_and(|acks| acks.arrived() == self.lines) {
            busy.acks = None;
        }
        let reads = busy.reader.is_some() || busy.code.is_some();
        let writes = !busy.held.is_empty() || !busy.pongs.is_empty() || busy.acks.is_some();
        if !reads && !writes {
            self.busy = None;
        }
    }

    /// Another message follows one that is not known to have arrived. Nearly always it has, if it is short, as the kernel knows:
    /// then nothing has to be allocated.
    fn look(&mut self, socket: &Socket) {
        if self.unarrived == 0 {
            return;
        }
        if self.unarrived <= WEB_LOOK_MAX
            && let Ok(info) = tcp_info::info(&socket.stream)
        {
            self.acknowledged(info.acknowledged(self.wire()));
        }
        if self.unarrived > 0 {
            self.keep_checkpoints();
        }
    }

    /// Takes whole lines in messages, and a line that is not whole in a part of one. The rest of a frame that the socket does
    /// not take is kept.
    pub(in crate::server::net) fn write(&mut self, socket: &mut Socket, bytes: &[u8]) -> io::Result<usize> {
        if !self.flush(socket)? || !socket.writable || bytes.is_empty() {
            return Ok(0);
        }
        self.look(socket);
        let (frames, count) = self.frames(bytes);
        let frames = &frames[..count];
        let mut pieces = [IoSlice::new(&[]); 2 * WEB_FRAMES_PER_WRITE];
        let mut rest = bytes;
        for (frame, pieces) in frames.iter().zip(pieces.chunks_exact_mut(2)) {
            let (payload, after) = rest.split_at(frame.payload);
            pieces.copy_from_slice(&[IoSlice::new(frame.header()), IoSlice::new(payload)]);
            rest = after;
        }
        let mut written = self.base.write(socket, &mut pieces[..2 * count])?;
        if written == 0 {
            return Ok(0);
        }
        let headers: usize = frames.iter().map(|frame| frame.header().len()).sum();
        let payload: usize = frames.iter().map(|frame| frame.payload).sum();
        let is_whole = written == headers + payload && frames[count - 1].ends_message;
        if is_whole && self.busy.as_ref().is_none_or(|busy| busy.acks.is_none()) {
            self.given += written as u64;
            self.lines += payload as u64;
            self.unarrived = u32::try_from(payload).expect("a write is short");
            return Ok(payload);
        }
        // Before the lines are counted: those before are known to have arrived.
        self.keep_checkpoints();
        self.given += written as u64;
        let mut taken = 0;
        for frame in frames {
            if written == 0 {
                break;
            }
            let payload = &bytes[taken..taken + frame.payload];
            let given = written.min(frame.header().len() + payload.len());
            written -= given;
            if given < frame.header().len() + payload.len() {
                let held = &mut self.busy().held;
                held.extend_from_slice(frame.header().get(given..).unwrap_or_default());
                held.extend_from_slice(&payload[given.saturating_sub(frame.header().len())..]);
            }
            taken += payload.len();
            self.in_message = !frame.ends_message;
        }
        self.lines += taken as u64;
        if self.busy().held.is_empty() {
            self.record();
        }
        Ok(taken)
    }

    /// The frames for these bytes, and how many there are.
    fn frames(&self, bytes: &[u8]) -> ([Frame; WEB_FRAMES_PER_WRITE], usize) {
        let first = Frame::of(bytes, self.in_message);
        let (mut frames, mut count, mut end) = ([first; WEB_FRAMES_PER_WRITE], 1, first.payload);
        while count < WEB_FRAMES_PER_WRITE && end < bytes.len() {
            let next = Frame::of(&bytes[end..], !frames[count - 1].ends_message);
            if !next.ends_message && next.payload == bytes.len() - end {
                // A line that is not whole: its rest comes next time, and then it is.
                break;
            }
            (frames[count], end) = (next, end + next.payload);
            count += 1;
        }
        (frames, count)
    }

    pub(in crate::server::net) fn say_end(
        &mut self,
        socket: &mut Socket,
        why: Option<Bye>,
    ) -> io::Result<bool> {
        if !std::mem::replace(&mut self.has_said_end, true) {
            let busy = self.busy();
            let code = busy.code.unwrap_or_else(|| code_of(why));
            busy.pongs.clear();
            busy.pongs.extend_from_slice(&frames::close(code));
        }
        Ok(self.flush(socket)? && self.base.say_end(socket)?)
    }

    pub(in crate::server::net) fn has_closed(&self) -> bool {
        self.inbound == Inbound::Ended
    }

    pub(in crate::server::net) fn wire(&self) -> u64 {
        self.base.wire(self.given)
    }

    pub(in crate::server::net) fn acknowledged(&mut self, wire: u64) -> u64 {
        let given = self.base.acknowledged(wire);
        if let Some(acks) = self.busy.as_mut().and_then(|busy| busy.acks.as_mut()) {
            let arrived = acks.acknowledged(given);
            self.tidy();
            return arrived;
        }
        if given >= self.given {
            self.unarrived = 0;
        }
        self.lines - u64::from(self.unarrived)
    }
}

/// The code for these last words.
fn code_of(why: Option<Bye>) -> CloseCode {
    match why {
        None | Some(Bye::Left) => CloseCode::NORMAL,
        Some(Bye::Shutdown | Bye::CutOff | Bye::Storage) => CloseCode::GOING_AWAY,
        Some(
            Bye::Removed
            | Bye::PasswordChanged
            | Bye::LoginTimeout
            | Bye::BadLogin
            | Bye::Full
            | Bye::Replaced
            | Bye::Protocol,
        ) => CloseCode::POLICY,
    }
}

#[cfg(test)]
mod tests;
