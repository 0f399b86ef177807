//! The one place that writes lines of the transcript, so that a group on many nodes has the same bytes as one on a single
//! node.

use std::io::Write as _;

use crate::protocol::{Seq, Time};
use crate::room::next_time;

/// An event's number and time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Last {
    pub(super) seq: Seq,
    pub(super) time: Time,
}

/// Writes events after the last one.
pub(super) struct LineWriter {
    /// The last event written.
    pub(super) last: Last,
    /// A time and its text. A flood has many events in the same millisecond, and formatting a time takes longer than the
    /// rest of the line.
    written: (Time, String),
}

impl LineWriter {
    pub(super) fn after(last: Last) -> LineWriter {
        LineWriter { last, written: (Time::default(), Time::default().to_string()) }
    }

    /// Appends the line of the next event: its first word, its number, its time if the clock shows `clock`, and what `rest`
    /// appends. Returns the line's bytes.
    pub(super) fn append(
        &mut self,
        lines: &mut Vec<u8>,
        name: &str,
        clock: Time,
        rest: impl FnOnce(&mut Vec<u8>),
    ) -> usize {
        let time = next_time(self.last.time, clock);
        self.last = Last { seq: self.last.seq.next(), time };
        if self.written.0 != time {
            self.written = (time, time.to_string());
        }
        let before = lines.len();
        write!(lines, "{name} {} ", self.last.seq).expect("writing to a Vec cannot fail");
        for part in [self.written.1.as_bytes(), b" "] {
            lines.extend_from_slice(part);
        }
        rest(lines);
        lines.len() - before
    }
}
