//! Replies that are owed, each with the position at which it goes in.

use crate::limits::{OWED_ENTRY_COST, SEQ_DIGITS_MAX, TIME_LEN};
use crate::protocol::{Code, MsgOk, Verb, err};
use crate::room::ids::Pos;
use crate::room::transcript::blocks::Missing;
use crate::room::transcript::window::{Placed, Transcript};

/// One of them.
#[derive(Debug)]
pub(in crate::room) enum Entry {
    /// A line, or some.
    Reply { key: Pos, line: Box<[u8]> },
    /// Whole lines of the transcript.
    Range { key: Pos, from: Pos, to: Pos },
    /// The connection's own message, proposed: the log has not answered.
    Ticket,
    /// The connection's own message, committed: its OK, in the place of the event.
    OwnMsg { start: Pos, end: Pos, ok: MsgOk },
}

impl Entry {
    /// Of a message that stands there.
    pub(in crate::room) fn committed(placed: Placed) -> Entry {
        let ok = MsgOk { seq: placed.seq, time: placed.time };
        Entry::OwnMsg { start: placed.start, end: placed.end, ok }
    }

    /// Of a message that will never be an event.
    pub(in crate::room) fn refused(end: Pos) -> Entry {
        let line = err(Verb::Msg, Code::Storage, "the message could not be stored, nobody saw it");
        Entry::Reply { key: end, line: line.into_boxed_slice() }
    }

    /// Where it goes in: not before that position, and not before the entry ahead of it. A ticket has no place yet.
    pub(in crate::room) fn key(&self) -> Option<Pos> {
        match self {
            Entry::Reply { key, .. } | Entry::Range { key, .. } => Some(*key),
            Entry::OwnMsg { start, .. } => Some(*start),
            Entry::Ticket => None,
        }
    }

    /// Bytes on the wire; of a ticket, as many as it may become.
    pub(in crate::room) fn len(&self) -> usize {
        match self {
            Entry::Reply { line, .. } => line.len(),
            Entry::Range { from, to, .. } => to.since(*from),
            Entry::OwnMsg { ok, .. } => ok.line_len(),
            Entry::Ticket => "OK MSG ".len() + SEQ_DIGITS_MAX + " ".len() + TIME_LEN + "\n".len(),
        }
    }

    /// Bytes of memory.
    pub(in crate::room) fn cost(&self) -> usize {
        let own = match self {
            Entry::Range { .. } => 0,
            Entry::Reply { .. } | Entry::OwnMsg { .. } | Entry::Ticket => self.len(),
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
            Entry::Ticket => unreachable!("it is not written before it is answered"),
        }
        Ok(out.len() - before)
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
            Entry::Reply { .. } | Entry::Range { .. } | Entry::OwnMsg { .. } | Entry::Ticket => {}
        }
    }
}
