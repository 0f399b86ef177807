//! Blocks of the history, for connections that are before the window. Connections share them, and one that waits for a block
//! has no buffer of its own.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;

use crate::limits::{BLOCK_CACHE_MAX, BLOCK_FETCHES_MAX};
use crate::protocol::Seq;
use crate::room::{BlockNo, ConnId, Pos};

/// Why bytes are not in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// They are in this block of the files.
    Block(BlockNo),
    /// They are no longer kept.
    Forgotten,
}

/// A block of the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Where its bytes begin: at the block's start, or where the oldest segment begins.
    pub start: Pos,
    /// The bytes, up to the block's end or to where the history ended when it was read.
    pub bytes: Bytes,
    /// The number of the first line that begins at or after `start`; of the next line if none does.
    pub first_line: Seq,
    /// Whether `start` is within a line, the one before `first_line`.
    pub mid_line: bool,
}

impl Block {
    fn end(&self) -> Pos {
        self.start.plus(self.bytes.len())
    }
}

#[derive(Debug, Default)]
pub(crate) struct Blocks {
    cached: BTreeMap<BlockNo, Block>,
    /// In the order in which they were read; the oldest is dropped first.
    order: VecDeque<BlockNo>,
    /// The connections that wait for each block.
    waiting: BTreeMap<BlockNo, BTreeSet<ConnId>>,
    /// Blocks not requested yet, in the order in which they were first wanted.
    wanted: VecDeque<BlockNo>,
    /// How many are being read.
    asked: usize,
}

impl Blocks {
    /// The bytes from `from` towards `to` that are in one block.
    pub(crate) fn slice(&self, from: Pos, to: Pos) -> Option<&[u8]> {
        let block = self.cached.get(&BlockNo::of(from))?;
        if from < block.start || from >= block.end() {
            return None;
        }
        let (start, end) = (from.since(block.start), to.since(block.start).min(block.bytes.len()));
        Some(&block.bytes[start..end])
    }

    /// The number of the last whole line before `pos`, if its block is in memory.
    pub(crate) fn seq_before(&self, pos: Pos) -> Option<Seq> {
        let block = self.cached.get(&BlockNo::of(pos))?;
        if pos < block.start || pos > block.end() {
            return None;
        }
        let lines = memchr::memchr_iter(b'\n', &block.bytes[..pos.since(block.start)]).count();
        let before = block.first_line.0 - 1 - u64::from(block.mid_line);
        Some(Seq(before + lines as u64))
    }

    /// The position after the first LF at or after `pos`; at most `base`, which is a line boundary. An error: this block is
    /// needed to find out.
    pub(crate) fn line_end(&self, mut pos: Pos, base: Pos) -> Result<Pos, BlockNo> {
        while pos < base {
            let rest = self.slice(pos, base).ok_or(BlockNo::of(pos))?;
            if let Some(at) = memchr::memchr(b'\n', rest) {
                return Ok(pos.plus(at + 1));
            }
            pos = pos.plus(rest.len());
        }
        Ok(base)
    }

    /// A connection waits for this block.
    pub(crate) fn want(&mut self, number: BlockNo, id: ConnId) {
        let waiting = self.waiting.entry(number).or_insert_with(|| {
            self.wanted.push_back(number);
            BTreeSet::new()
        });
        waiting.insert(id);
    }

    /// Blocks to be read now; each is returned once.
    pub(crate) fn ask(&mut self) -> impl Iterator<Item = BlockNo> {
        let free = BLOCK_FETCHES_MAX.saturating_sub(self.asked).min(self.wanted.len());
        self.asked += free;
        self.wanted.drain(..free)
    }

    /// A block was read, or could not be. Returns the connections that waited for it.
    pub(crate) fn answered(&mut self, number: BlockNo, block: Option<Block>) -> Vec<ConnId> {
        self.asked -= 1;
        if let Some(block) = block
            && self.cached.insert(number, block).is_none()
        {
            self.order.push_back(number);
            if self.order.len() > BLOCK_CACHE_MAX {
                let oldest = self.order.pop_front().expect("it is longer than nothing");
                self.cached.remove(&oldest);
            }
        }
        self.waiting.remove(&number).unwrap_or_default().into_iter().collect()
    }
}
