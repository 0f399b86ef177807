//! The files in pieces, for another node that copies them.

use crate::protocol::Seq;
use crate::room::Pos;
use crate::server::files::Problem;
use crate::server::log::local::reader::Reader;
use crate::server::log::local::scan;
use crate::server::log::local::segments::{Segment, SharedSegments};

/// Bytes read at a time for a sum.
const PIECE: u64 = 1 << 20;

/// See the module.
#[derive(Debug)]
pub struct Pieces {
    reader: Reader,
}

/// A piece of a file.
#[derive(Debug, PartialEq, Eq)]
pub struct Piece {
    /// Bytes of the whole file, as far as it is written.
    pub len: u64,
    /// Whether another file follows, so that this one grows no more.
    pub is_whole: bool,
    /// Bytes after this piece, in this file and those that follow.
    pub left: u64,
    /// The piece.
    pub bytes: Vec<u8>,
}

impl Pieces {
    /// Of these files.
    pub fn of(segments: SharedSegments) -> Pieces {
        Pieces { reader: Reader::new(segments) }
    }

    /// The first event that is kept, and the last one that is written. Without any the last is the one before the first.
    pub fn kept(&self) -> (Seq, Seq) {
        self.reader.segments.kept()
    }

    /// The first event of the last file that has one, the bytes of that, and whether another file follows.
    pub fn last_file(&self) -> Option<(Seq, u64, bool)> {
        let segments = self.reader.segments.lock();
        let (last, oldest) = (Seq(segments.next.0 - 1), segments.oldest().0);
        let file = (last >= oldest).then(|| segments.with(last))?;
        Some((file.first, file.len(), segments.last().first != file.first))
    }

    /// The files.
    pub fn segments(&self) -> &SharedSegments {
        &self.reader.segments
    }

    /// At most so many bytes of the file that begins with this event, from this offset on. `None`: there is no such file, or
    /// it is shorter.
    pub fn piece(&mut self, first: Seq, offset: u64, most: usize) -> Result<Option<Piece>, Problem> {
        let Some((segment, is_whole, end)) = self.find(first, offset) else { return Ok(None) };
        let len = segment.len();
        let until = len.min(offset.saturating_add(most as u64));
        let left = end.0 - segment.start.0 - until;
        let bytes = self.read(segment, offset, until)?;
        Ok(bytes.map(|bytes| Piece { len, is_whole, left, bytes }))
    }

    /// Calls `each` with the first bytes of this file, piece by piece. Returns whether it has them.
    pub fn each(&mut self, first: Seq, len: u64, mut each: impl FnMut(&[u8])) -> Result<bool, Problem> {
        let Some((segment, ..)) = self.find(first, len) else { return Ok(false) };
        let mut at = 0;
        while at < len {
            let until = len.min(at + PIECE);
            let Some(bytes) = self.read(segment, at, until)? else { return Ok(false) };
            each(&bytes);
            at = until;
        }
        Ok(true)
    }

    /// The lines after this event, up to that one. `None`: not all of them are kept.
    pub fn lines(&mut self, after: Seq, to: Seq) -> Result<Option<Vec<u8>>, Problem> {
        let (first, last) = self.kept();
        if after.next() < first || to > last {
            return Ok(None);
        }
        let (from, until) = (self.reader.locate(after.next())?, self.reader.locate(to.next())?);
        self.reader.range(from, until).map(Some)
    }

    /// Closes the file that was read last: its disk space is free only then if it was dropped.
    pub fn close(&mut self) {
        self.reader.open = None;
    }

    /// The file, whether another one follows, and where the last one ends.
    fn find(&self, first: Seq, len: u64) -> Option<(Segment, bool, Pos)> {
        let segments = self.reader.segments.lock();
        let segment = segments.with(first);
        let has = segment.first == first && len <= segment.len();
        has.then(|| (segment, segments.last().first != first, segments.end))
    }

    fn read(&mut self, segment: Segment, from: u64, to: u64) -> Result<Option<Vec<u8>>, Problem> {
        match self.reader.in_file(segment, |file| scan::read(file, from, to)) {
            Ok(bytes) => Ok(Some(bytes)),
            // It was dropped meanwhile.
            Err(_) if self.find(segment.first, to).is_none() => Ok(None),
            Err(problem) => Err(problem),
        }
    }
}
