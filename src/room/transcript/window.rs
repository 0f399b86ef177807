//! The window of event bytes: the last lines of everything that was ever said, by position and number.
//!
//! Positions are absolute and only grow; `base ≤ durable ≤ end`, and each of the three is a line boundary.
//! What lies before `base` is forgotten here, what lies behind `durable` is not yet safe and nobody's to see.

use std::collections::VecDeque;

use crate::limits::TIME_LEN;
use crate::protocol::{Event, EventLine, Seq, Time};
use crate::room::clock::next_time;
use crate::room::ids::{BlockNo, ConnId, Pos};
use crate::room::transcript::blocks::{Block, Blocks, Missing};

/// Where an appended event stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// Before its first byte.
    pub start: Pos,
    /// Behind its LF.
    pub end: Pos,
    /// Its number.
    pub seq: Seq,
    /// Its time.
    pub time: Time,
}

/// What lies before the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Past {
    /// Nothing: it is forgotten.
    Forgotten,
    /// Files, from this line on.
    Kept {
        /// The oldest line kept.
        first: Seq,
        /// Where it begins.
        base: Pos,
    },
}

/// The end of the transcript as the files have it, to begin with.
#[derive(Debug)]
pub struct Tail {
    /// Where `bytes` begin, a line boundary.
    pub base: Pos,
    /// Whole lines, all durable.
    pub bytes: Vec<u8>,
    /// The number of the last line.
    pub last: Seq,
    /// The time of the last line.
    pub last_time: Time,
}

/// See the module.
#[derive(Debug)]
pub struct Transcript {
    past: Past,
    blocks: Blocks,
    bytes: VecDeque<u8>,
    base: Pos,
    /// Where each line of the window begins.
    starts: VecDeque<Pos>,
    /// The number of the last line appended.
    last: Seq,
    durable: Pos,
    durable_last: Seq,
    durable_time: Time,
    window: usize,
    last_time: Time,
    /// The line being appended; kept for its memory.
    line: Vec<u8>,
}

impl Transcript {
    /// An empty one that keeps `window` bytes.
    pub fn new(window: usize) -> Transcript {
        Transcript {
            past: Past::Forgotten,
            blocks: Blocks::default(),
            // All at once: growing would copy the window in the middle of a turn, and end at twice its size. A page
            // costs nothing until something is said in it. More is taken only if what is not durable does not fit.
            bytes: VecDeque::with_capacity(window),
            base: Pos(0),
            starts: VecDeque::new(),
            last: Seq(0),
            durable: Pos(0),
            durable_last: Seq(0),
            durable_time: Time::default(),
            window,
            last_time: Time::default(),
            line: Vec::new(),
        }
    }

    /// What the files have, with the end of it in memory.
    pub fn restore(window: usize, first: Seq, base: Pos, tail: Tail) -> Transcript {
        let mut starts: VecDeque<Pos> =
            memchr::memchr_iter(b'\n', &tail.bytes).map(|at| tail.base.plus(at + 1)).collect();
        starts.pop_back();
        if !tail.bytes.is_empty() {
            starts.push_front(tail.base);
        }
        let mut transcript = Transcript {
            past: Past::Kept { first, base },
            base: tail.base,
            starts,
            last: tail.last,
            durable: tail.base.plus(tail.bytes.len()),
            durable_last: tail.last,
            last_time: tail.last_time,
            durable_time: tail.last_time,
            ..Transcript::new(window)
        };
        transcript.bytes.extend(tail.bytes);
        transcript
    }

    /// The files before this line are gone.
    pub fn set_past(&mut self, first: Seq, base: Pos) {
        self.past = Past::Kept { first, base };
    }

    /// The oldest byte in memory.
    pub fn base(&self) -> Pos {
        self.base
    }

    /// Everything before it is safe and may be shown.
    pub fn durable(&self) -> Pos {
        self.durable
    }

    /// Behind the last byte appended.
    pub fn end(&self) -> Pos {
        self.base.plus(self.bytes.len())
    }

    /// The number of the last durable line, 0 if there is none.
    pub fn durable_last(&self) -> Seq {
        self.durable_last
    }

    /// The number of the oldest line kept; of the next line if none is. A file may go whose lines are still in memory.
    pub fn first(&self) -> Seq {
        match self.past {
            Past::Forgotten => self.window_first(),
            Past::Kept { first, .. } => first.min(self.window_first()),
        }
    }

    /// Where the oldest line kept begins.
    pub fn oldest(&self) -> Pos {
        match self.past {
            Past::Forgotten => self.base,
            Past::Kept { base, .. } => base.min(self.base),
        }
    }

    /// Whether there is anything behind the window's beginning.
    pub fn has_past(&self) -> bool {
        self.past != Past::Forgotten
    }

    /// The number of the oldest line in memory; of the next line if none is.
    fn window_first(&self) -> Seq {
        Seq(self.last.0 + 1 - self.starts.len() as u64)
    }

    /// Where a line begins, or where the next one will, if the line is in memory.
    pub fn start_of(&self, seq: Seq) -> Option<Pos> {
        let index = usize::try_from(seq.0.checked_sub(self.window_first().0)?).ok()?;
        match index.cmp(&self.starts.len()) {
            std::cmp::Ordering::Less => Some(self.starts[index]),
            std::cmp::Ordering::Equal => Some(self.end()),
            std::cmp::Ordering::Greater => None,
        }
    }

    /// The number of the last line that lies wholly before `pos`, if the bytes there are in memory.
    pub fn seq_before(&self, pos: Pos) -> Option<Seq> {
        if pos < self.base {
            return self.blocks.seq_before(pos);
        }
        let begun = self.starts.partition_point(|&start| start < pos);
        let is_boundary = self.starts.get(begun).map_or(pos == self.end(), |&start| start == pos);
        let whole = begun as u64 - u64::from(!is_boundary && begun > 0);
        Some(Seq(self.window_first().0 - 1 + whole))
    }

    /// A connection needs this block before it can go on.
    pub fn want(&mut self, number: BlockNo, id: ConnId) {
        self.blocks.want(number, id);
    }

    /// Blocks to be read from the files now.
    pub fn ask_blocks(&mut self) -> Vec<BlockNo> {
        self.blocks.ask()
    }

    /// A block was read, or could not be. Gives those who waited for it.
    pub fn block_answered(&mut self, number: BlockNo, block: Option<Block>) -> Vec<ConnId> {
        self.blocks.answered(number, block)
    }

    /// How many bytes are kept at least.
    pub fn window(&self) -> usize {
        self.window
    }

    /// Appends an event, not yet durable. What no longer fits the window is forgotten, whole lines, durable ones only.
    pub fn append(&mut self, now: Time, event: Event<'_>) -> Placed {
        let seq = self.last.next();
        let time = next_time(self.last_time, now);
        self.line.clear();
        EventLine { seq, time, event }.write(&mut self.line);

        let excess = (self.bytes.len() + self.line.len()).saturating_sub(self.window);
        self.forget(self.base.plus(excess));
        let start = self.end();
        self.starts.push_back(start);
        self.bytes.extend(&self.line);
        self.last = seq;
        self.last_time = time;
        Placed { start, end: self.end(), seq, time }
    }

    /// Forgets the lines that begin before `until`, as far as they are durable.
    fn forget(&mut self, until: Pos) {
        let until = until.min(self.durable);
        let mut new_base = self.base;
        // One by one: it is as many as are appended, and a search would look all over the window.
        while new_base < until {
            self.starts.pop_front();
            new_base = self.starts.front().copied().unwrap_or(self.end());
        }
        self.bytes.drain(..new_base.since(self.base));
        self.base = new_base;
    }

    /// Everything up to `to`, a line boundary at which an append ended, is safe.
    pub fn set_durable(&mut self, to: Pos) {
        debug_assert!(self.durable <= to && to <= self.end() && self.line_end(to) == to);
        self.durable = to;
        let behind = self.starts.len() - self.starts.partition_point(|&start| start < to);
        self.durable_last = Seq(self.last.0 - behind as u64);
        let last = (self.starts.len() - behind).checked_sub(1);
        self.durable_time = match last {
            Some(last) if behind > 0 => self.time_of(self.starts[last]),
            _ => self.last_time,
        };
    }

    /// Takes back what is not durable: it could not be stored, and nobody has seen it.
    pub fn cut_back(&mut self) {
        let kept = self.starts.partition_point(|&start| start < self.durable);
        self.starts.truncate(kept);
        self.bytes.truncate(self.durable.since(self.base));
        self.last = self.durable_last;
        self.last_time = self.durable_time;
    }

    /// The time of the line of the window that begins here: its third word.
    fn time_of(&self, start: Pos) -> Time {
        let line = self.bytes.range(start.since(self.base)..).copied();
        let word: Vec<u8> = line
            .skip_while(|&b| b != b' ')
            .skip(1)
            .skip_while(|&b| b != b' ')
            .skip(1)
            .take(TIME_LEN)
            .collect();
        let time = std::str::from_utf8(&word).ok().and_then(Time::parse);
        time.expect("a line of the window is an event")
    }

    /// The bytes from `from` on, towards `to`, as far as they lie in one piece: all, or up to where the ring
    /// begins anew, or to the end of a block. `from < to ≤ end`.
    pub fn slice(&self, from: Pos, to: Pos) -> Result<&[u8], Missing> {
        if from < self.base {
            let missing =
                if from < self.oldest() { Missing::Forgotten } else { Missing::Block(BlockNo::of(from)) };
            return self.blocks.slice(from, to.min(self.base)).ok_or(missing);
        }
        Ok(self.window_slice(from, to))
    }

    /// The bytes of the window that are not durable yet come in one or two pieces; this is the first.
    pub fn window_slice(&self, from: Pos, to: Pos) -> &[u8] {
        let (from, to) = (from.since(self.base), to.since(self.base));
        let (front, back) = self.bytes.as_slices();
        match from.checked_sub(front.len()) {
            Some(from) => &back[from..to - front.len()],
            None => &front[from..to.min(front.len())],
        }
    }

    /// The end of the line that a byte before the window belongs to; `pos` is not at its beginning. An error: a
    /// block that is not here would tell.
    pub fn line_end_behind(&self, pos: Pos) -> Result<Pos, BlockNo> {
        self.blocks.line_end(pos, self.base)
    }

    /// The time of the last line appended; the default if there is none.
    pub fn last_time(&self) -> Time {
        self.last_time
    }

    /// The number of the last line appended, durable or not.
    pub fn last(&self) -> Seq {
        self.last
    }

    /// The first line boundary at or behind `pos`, which lies in the window.
    pub fn line_end(&self, pos: Pos) -> Pos {
        let next = self.starts.partition_point(|&start| start < pos);
        self.starts.get(next).copied().unwrap_or(self.end())
    }
}

#[cfg(test)]
mod tests;
