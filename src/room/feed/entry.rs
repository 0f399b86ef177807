//! Replies that are owed, each with the position at which it goes in.

use crate::limits::OWED_ENTRY_COST;
use crate::protocol::{Code, MsgOk, Verb, err};
use crate::room::ids::Pos;
use crate::room::transcript::blocks::Missing;
use crate::room::transcript::window::Transcript;

/// One of them.
#[derive(Debug)]
pub(in crate::room) enum Entry {
    /// A line, or some.
    Reply { key: Pos, line: Box<[u8]> },
    /// Whole lines of the transcript.
    Range { key: Pos, from: Pos, to: Pos },
    /// The connection's own message: its OK, in the place of the event.
    OwnMsg { start: Pos, end: Pos, ok: MsgOk },
}

impl Entry {
    /// Where it goes in.
    pub(in crate::room) fn key(&self) -> Pos {
        match self {
            Entry::Reply { key, .. } | Entry::Range { key, .. } => *key,
            Entry::OwnMsg { start, .. } => *start,
        }
    }

    /// The earliest key for a reply behind this one.
    pub(in crate::room) fn key_after(&self) -> Pos {
        match self {
            Entry::Reply { key, .. } | Entry::Range { key, .. } => *key,
            Entry::OwnMsg { end, .. } => *end,
        }
    }

    /// Bytes on the wire.
    pub(in crate::room) fn len(&self) -> usize {
        match self {
            Entry::Reply { line, .. } => line.len(),
            Entry::Range { from, to, .. } => to.since(*from),
            Entry::OwnMsg { ok, .. } => ok.line_len(),
        }
    }

    /// Bytes of memory.
    pub(in crate::room) fn cost(&self) -> usize {
        let own = match self {
            Entry::Range { .. } => 0,
            Entry::Reply { .. } | Entry::OwnMsg { .. } => self.len(),
        };
        own + OWED_ENTRY_COST
    }

    /// Appends up to `max` bytes of it (all of a short one), beginning with byte `sent`, and gives their
    /// number. An error: its bytes are not here.
    pub(in crate::room) fn write(
        &self,
        transcript: &Transcript,
        sent: usize,
        max: usize,
        out: &mut Vec<u8>,
    ) -> Result<usize, Missing> {
        let before = out.len();
        match self {
            Entry::Reply { line, .. } => out.extend_from_slice(&line[sent..]),
            Entry::Range { from, to, .. } => {
                let bytes = transcript.slice(from.plus(sent), *to)?;
                out.extend_from_slice(&bytes[..bytes.len().min(max)]);
            }
            Entry::OwnMsg { ok, .. } => {
                ok.write(out);
                out.drain(before..before + sent);
            }
        }
        Ok(out.len() - before)
    }

    /// What was not durable was taken back.
    pub(in crate::room) fn cut_back(&mut self, durable: Pos) {
        match self {
            Entry::OwnMsg { end, .. } if *end > durable => {
                let line = err(Verb::Msg, Code::Storage, "the message could not be stored, nobody saw it");
                *self = Entry::Reply { key: durable, line: line.into_boxed_slice() };
            }
            Entry::Reply { key, .. } | Entry::Range { key, .. } => *key = (*key).min(durable),
            Entry::OwnMsg { .. } => {}
        }
    }

    /// What lies between `from` and `to` is passed over: this goes in before it. An own message there is
    /// answered, but its place is gone.
    pub(in crate::room) fn pull_back(&mut self, from: Pos, to: Pos) {
        match self {
            Entry::Reply { key, .. } | Entry::Range { key, .. } if *key <= to => *key = (*key).min(from),
            Entry::OwnMsg { end, ok, .. } if *end <= to => {
                let mut line = Vec::new();
                ok.write(&mut line);
                *self = Entry::Reply { key: from, line: line.into_boxed_slice() };
            }
            Entry::Reply { .. } | Entry::Range { .. } | Entry::OwnMsg { .. } => {}
        }
    }
}
