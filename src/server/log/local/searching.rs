//! FIND in the segments.

use std::fs::File;
use std::os::unix::fs::FileExt as _;

use crate::limits::FIND_BLOCK;
use crate::room::{NoLines, Pos, Search};
use crate::server::files::Problem;
use crate::server::log::local::SharedSegments;
use crate::server::log::local::reader::Reader;
use crate::server::log::local::segments::segment_name;

/// Searches the segments on the list.
#[derive(Debug)]
pub struct Searcher {
    segments: SharedSegments,
    reader: Reader,
    block: Vec<u8>,
}

impl Searcher {
    /// Reads these.
    pub fn new(segments: SharedSegments) -> Searcher {
        Searcher { reader: Reader::new(segments.clone()), segments, block: vec![0; FIND_BLOCK] }
    }

    /// Nothing is searched for a while: keeps no segment open, because it may be dropped.
    pub fn rest(&mut self) {
        self.reader.open = None;
    }

    /// Goes on with a search, until about so many bytes were read.
    pub fn go_on(&mut self, search: &mut Search, bytes: usize) -> Result<(), Problem> {
        if search.rest().is_none() {
            let (first, end) = search.bounds();
            // What was dropped here may still be in memory: the room knows.
            let is_kept = first > self.segments.lock().oldest().0;
            let from = if is_kept { self.reader.locate(first)? } else { Pos(0) };
            search.located(from, self.reader.locate(end)?);
        }
        let mut left = bytes;
        while left > 0 && !search.is_over() {
            match self.block(search)? {
                0 => break,
                read => left = left.saturating_sub(read),
            }
        }
        Ok(())
    }

    /// Searches the block before what was searched. Returns how much was read: nothing if the rest was dropped.
    fn block(&mut self, search: &mut Search) -> Result<usize, Problem> {
        let (from, to) = search.rest().expect("it is located");
        let (oldest, segment) = {
            let segments = self.segments.lock();
            (segments.oldest().1, segments.at(Pos(to.0 - 1)))
        };
        if to <= oldest {
            return Ok(0);
        }
        let first = from.max(segment.start);
        let start = first.max(Pos(to.0.saturating_sub(FIND_BLOCK as u64)));
        let block = &mut self.block[..to.since(start)];
        let read = |file: &File| file.read_exact_at(block, start.0 - segment.start.0);
        if let Err(problem) = self.reader.in_file(segment, read) {
            let was_dropped = self.segments.lock().oldest().1 > oldest;
            return if was_dropped { Ok(0) } else { Err(problem) };
        }
        search.block(start, block, start == first).map_err(|NoLines| {
            let what = format!("is damaged: no event before byte {}; see --check", to.0 - segment.start.0);
            self.segments.folder.problem(&segment_name(segment.first), what)
        })?;
        Ok(to.since(start))
    }
}
