//! The window: the last lines of the transcript, by position and number.
//!
//! Only committed lines are added. Positions are absolute and only grow; `base` and `end` are line boundaries, and what is
//! before `base` is in the files or no longer kept.

use std::collections::VecDeque;

use crate::protocol::{Seq, Time};
use crate::room::transcript::blocks::{Blocks, Missing};
use crate::room::{BlockNo, Pos};

/// The place of a committed event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// The position before its first byte.
    pub start: Pos,
    /// The position after its LF.
    pub end: Pos,
    /// Its number.
    pub seq: Seq,
    /// Its time.
    pub time: Time,
}

/// The end of the transcript in the files, to fill the window.
#[derive(Debug, PartialEq, Eq)]
pub struct Tail {
    /// Where `bytes` begin: a line boundary.
    pub base: Pos,
    /// Whole lines.
    pub bytes: Vec<u8>,
    /// The number of the last line.
    pub last: Seq,
}

/// The transcript, as far as it is in memory.
#[derive(Debug)]
pub struct Transcript {
    /// The number and the position of the oldest line in the files. `None`: what is before the window is forgotten.
    past: Option<(Seq, Pos)>,
    pub(crate) blocks: Blocks,
    bytes: VecDeque<u8>,
    base: Pos,
    /// Where each line of the window begins.
    starts: VecDeque<Pos>,
    last: Seq,
    window: usize,
}

impl Transcript {
    /// An empty transcript that keeps `window` bytes in memory.
    pub fn new(window: usize) -> Transcript {
        Transcript {
            past: None,
            blocks: Blocks::default(),
            // Allocated at once: growing would copy the window in the middle of a turn, and end at twice its size. A page costs
            // nothing until it is used.
            bytes: VecDeque::with_capacity(window),
            base: Pos(0),
            starts: VecDeque::new(),
            last: Seq(0),
            window,
        }
    }

    /// The transcript in the files, with its end in memory.
    pub fn restore(window: usize, first: Seq, base: Pos, tail: Tail) -> Transcript {
        let mut starts: VecDeque<Pos> =
            memchr::memchr_iter(b'\n', &tail.bytes).map(|at| tail.base.plus(at + 1)).collect();
        starts.pop_back();
        if !tail.bytes.is_empty() {
            starts.push_front(tail.base);
        }
        let mut transcript = Transcript {
            past: Some((first, base)),
            base: tail.base,
            starts,
            last: tail.last,
            ..Transcript::new(window)
        };
        transcript.bytes.extend(tail.bytes);
        transcript
    }

    /// Everything before this line was dropped from the files.
    pub fn set_past(&mut self, first: Seq, base: Pos) {
        self.past = Some((first, base));
    }

    /// Where the window begins.
    pub fn base(&self) -> Pos {
        self.base
    }

    /// Where the transcript ends.
    pub fn end(&self) -> Pos {
        self.base.plus(self.bytes.len())
    }

    /// The number of the last line, 0 if there is none.
    pub fn last(&self) -> Seq {
        self.last
    }

    /// The number of the oldest line kept; of the next line if there is none. A segment may be dropped while its lines are still
    /// in memory.
    pub fn first(&self) -> Seq {
        self.past.map_or(self.window_first(), |(first, _)| first.min(self.window_first()))
    }

    /// Where the oldest line kept begins.
    pub fn oldest(&self) -> Pos {
        self.past.map_or(self.base, |(_, base)| base.min(self.base))
    }

    /// Whether anything is kept before the window.
    pub fn has_past(&self) -> bool {
        self.past.is_some()
    }

    /// Whether the oldest line kept is only in memory: there are no files, or none that begins so early.
    pub fn begins_in_memory(&self) -> bool {
        self.past.is_none_or(|(_, files)| files > self.base)
    }

    /// The number of the oldest line in memory; of the next line if there is none.
    fn window_first(&self) -> Seq {
        Seq(self.last.0 + 1 - self.starts.len() as u64)
    }

    /// Where a line in memory begins, or where the next line will.
    pub fn start_of(&self, seq: Seq) -> Option<Pos> {
        let index = usize::try_from(seq.0.checked_sub(self.window_first().0)?).ok()?;
        if index == self.starts.len() { Some(self.end()) } else { self.starts.get(index).copied() }
    }

    /// The number of the last whole line before `pos`, if the bytes there are in memory.
    pub fn seq_before(&self, pos: Pos) -> Option<Seq> {
        if pos < self.base {
            return self.blocks.seq_before(pos);
        }
        let begun = self.starts.partition_point(|&start| start < pos);
        let is_boundary = self.starts.get(begun).map_or(pos == self.end(), |&start| start == pos);
        let whole = begun as u64 - u64::from(!is_boundary && begun > 0);
        Some(Seq(self.window_first().0 - 1 + whole))
    }

    /// Appends whole committed lines; the first has the number after the last. Whole lines that no longer fit the window are
    /// dropped from it.
    pub fn append(&mut self, lines: &[u8]) {
        debug_assert!(lines.ends_with(b"\n"), "whole lines");
        let excess = (self.bytes.len() + lines.len()).saturating_sub(self.window);
        self.forget(self.base.plus(excess));
        let mut start = self.end();
        for at in memchr::memchr_iter(b'\n', lines) {
            self.starts.push_back(start);
            start = self.end().plus(at + 1);
            self.last = self.last.next();
        }
        self.bytes.extend(lines);
    }

    /// Drops the lines that begin before `until` from the window.
    fn forget(&mut self, until: Pos) {
        let mut new_base = self.base;
        // One by one: they are about as many as are appended, and a search would touch the whole window.
        while new_base < until && !self.starts.is_empty() {
            self.starts.pop_front();
            new_base = self.starts.front().copied().unwrap_or(self.end());
        }
        self.bytes.drain(..new_base.since(self.base));
        self.base = new_base;
    }

    /// The bytes from `from` towards `to` that are contiguous: all, or up to where the ring wraps around, or up to the end of a
    /// block. `from < to ≤ end`.
    pub fn slice(&self, from: Pos, to: Pos) -> Result<&[u8], Missing> {
        if from < self.base {
            let missing =
                if from < self.oldest() { Missing::Forgotten } else { Missing::Block(BlockNo::of(from)) };
            return self.blocks.slice(from, to.min(self.base)).ok_or(missing);
        }
        Ok(self.window_slice(from, to))
    }

    /// The same for bytes in the window, which are in at most two pieces.
    pub fn window_slice(&self, from: Pos, to: Pos) -> &[u8] {
        let (from, to) = (from.since(self.base), to.since(self.base));
        let (front, back) = self.bytes.as_slices();
        match from.checked_sub(front.len()) {
            Some(from) => &back[from..to - front.len()],
            None => &front[from..to.min(front.len())],
        }
    }

    /// The line that begins here, in the window; nothing at the transcript's end.
    pub fn line_at(&self, start: Pos) -> Vec<u8> {
        let end = self.line_end(start.plus(1)).min(self.end());
        let (mut line, mut at) = (Vec::new(), start);
        while at < end {
            let piece = self.window_slice(at, end);
            line.extend_from_slice(piece);
            at = at.plus(piece.len());
        }
        line
    }

    /// The end of the line at `pos`, which is before the window and not at the line's beginning. An error: this block is needed
    /// to find out.
    pub fn line_end_before_window(&self, pos: Pos) -> Result<Pos, BlockNo> {
        self.blocks.line_end(pos, self.base)
    }

    /// The first line boundary at or after `pos`, which is in the window.
    pub fn line_end(&self, pos: Pos) -> Pos {
        let next = self.starts.partition_point(|&start| start < pos);
        self.starts.get(next).copied().unwrap_or(self.end())
    }

    /// Panics if an invariant does not hold.
    pub fn check(&self) {
        assert!(self.starts.is_empty() == self.bytes.is_empty(), "each line has a byte, each byte a line");
        assert!(self.starts.front().is_none_or(|&first| first == self.base), "the window begins with a line");
        assert!(self.starts.iter().is_sorted_by(|a, b| a < b), "lines begin one after the other");
        assert!(self.starts.back().is_none_or(|&last| last < self.end()), "the last line has bytes");
        assert!(self.bytes.back().is_none_or(|&byte| byte == b'\n'), "the window ends with a line's end");
        assert!(self.last.0 >= self.starts.len() as u64, "numbers count from 1");
        assert!(
            self.past.is_none_or(|(first, base)| first.0 >= 1 && base <= self.end()),
            "the past comes before"
        );
    }
}

#[cfg(test)]
pub(crate) mod tests;
