//! Owed replies, each with the position in the feed at which it is inserted.

use crate::limits::{OWED_ENTRY_COST, SEQ_DIGITS_MAX, TIME_LEN};
use crate::protocol::{Code, MsgOk, Verb, err};
use crate::room::ids::Pos;
use crate::room::transcript::blocks::Missing;
use crate::room::transcript::window::{Placed, Transcript};

/// An owed reply. `key` is its position in the feed: what of the feed comes before that is sent first.
#[derive(Debug)]
pub(in crate::room) enum Entry {
    /// A line, or some.
    Reply { key: Pos, line: Box<[u8]> },
    /// Whole lines of the transcript.
    Range { key: Pos, from: Pos, to: Pos },
    /// The connection's own message, which the log has not answered yet.
    Ticket,
    /// The connection's own message, committed: its OK replaces the event.
    OwnMsg { start: Pos, end: Pos, ok: MsgOk },
}

impl Entry {
    /// The answer to a committed message.
    pub(in crate::room) fn committed(placed: Placed) -> Entry {
        let ok = MsgOk { seq: placed.seq, time: placed.time };
        Entry::OwnMsg { start: placed.start, end: placed.end, ok }
    }

    /// The answer to a refused message.
    pub(in crate::room) fn refused(end: Pos) -> Entry {
        let line = err(Verb::Msg, Code::Storage, "the message could not be stored, nobody saw it");
        Entry::Reply { key: end, line: line.into_boxed_slice() }
    }

    /// The position before which it must not be sent; a ticket has none yet. It must not overtake an earlier entry either.
    pub(in crate::room) fn key(&self) -> Option<Pos> {
        match self {
            Entry::Reply { key, .. } | Entry::Range { key, .. } => Some(*key),
            Entry::OwnMsg { start, .. } => Some(*start),
            Entry::Ticket => None,
        }
    }

    /// Bytes on the wire; for a ticket, as many as its answer may have.
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

    /// Appends up to `max` bytes of it (all of a short one), from byte `sent` on, and returns how many. An error: the bytes are
    /// not in memory.
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

    /// The feed skips from `from` to `to`: entries between them move to `from`. An own message between them is still answered.
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
