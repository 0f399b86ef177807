//! Blocks of the history files, for connections that are behind the window. Shared: whoever reads the same
//! stretch reads it from the same block, and who waits for one owns no buffer.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;

use crate::limits::{BLOCK_CACHE_MAX, BLOCK_FETCHES_MAX};
use crate::protocol::Seq;
use crate::room::ids::{BlockNo, ConnId, Pos};

/// Why bytes are not here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// They are in this block of the files.
    Block(BlockNo),
    /// They are nowhere any more.
    Forgotten,
}

/// A piece of the files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Where its bytes begin: at the block's own start, or where the oldest file kept begins.
    pub start: Pos,
    /// Up to the block's end, or to where the files ended when it was read.
    pub bytes: Bytes,
    /// The number of the first line that begins at or behind `start`; of the next line if none does.
    pub first_line: Seq,
    /// Whether `start` lies within the line before that.
    pub mid_line: bool,
}

impl Block {
    fn end(&self) -> Pos {
        self.start.plus(self.bytes.len())
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(in crate::room) struct Blocks {
    cached: BTreeMap<BlockNo, Block>,
    /// In the order in which they came; the oldest goes first.
    order: VecDeque<BlockNo>,
    /// Who waits for what.
    waiting: BTreeMap<BlockNo, BTreeSet<ConnId>>,
    /// Those of them that are not asked for yet, in the order in which they were wanted first.
    wanted: VecDeque<BlockNo>,
    /// How many are asked for.
    asked: usize,
}

impl Blocks {
    /// The bytes from `from` on, as far as one block has them, but not beyond `to`.
    pub(in crate::room) fn slice(&self, from: Pos, to: Pos) -> Option<&[u8]> {
        let block = self.cached.get(&BlockNo::of(from))?;
        if from < block.start || from >= block.end() {
            return None;
        }
        let (start, end) = (from.since(block.start), to.since(block.start).min(block.bytes.len()));
        Some(&block.bytes[start..end])
    }

    /// The number of the last line that lies wholly before `pos`, if its block is here.
    pub(in crate::room) fn seq_before(&self, pos: Pos) -> Option<Seq> {
        let block = self.cached.get(&BlockNo::of(pos))?;
        if pos < block.start || pos > block.end() {
            return None;
        }
        let lines = memchr::memchr_iter(b'\n', &block.bytes[..pos.since(block.start)]).count();
        let before = block.first_line.0 - 1 - u64::from(block.mid_line);
        Some(Seq(before + lines as u64))
    }

    /// Behind the first line end at or behind `pos`, which lies before `base`, a line boundary. An error: this
    /// block would tell.
    pub(in crate::room) fn line_end(&self, mut pos: Pos, base: Pos) -> Result<Pos, BlockNo> {
        while pos < base {
            let rest = self.slice(pos, base).ok_or(BlockNo::of(pos))?;
            if let Some(at) = memchr::memchr(b'\n', rest) {
                return Ok(pos.plus(at + 1));
            }
            pos = pos.plus(rest.len());
        }
        Ok(base)
    }

    /// A connection cannot go on without this block.
    pub(in crate::room) fn want(&mut self, number: BlockNo, id: ConnId) {
        let waiting = self.waiting.entry(number).or_insert_with(|| {
            self.wanted.push_back(number);
            BTreeSet::new()
        });
        waiting.insert(id);
    }

    /// Blocks to be read now, each to be asked for once.
    pub(in crate::room) fn ask(&mut self) -> Vec<BlockNo> {
        let free = BLOCK_FETCHES_MAX.saturating_sub(self.asked).min(self.wanted.len());
        self.asked += free;
        self.wanted.drain(..free).collect()
    }

    /// A block that was asked for is here, or cannot be had. Gives those who waited for it.
    pub(in crate::room) fn answered(&mut self, number: BlockNo, block: Option<Block>) -> Vec<ConnId> {
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
