//! The thread that reads the history: blocks for connections that are catching up, and single lines by number.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::sync::Arc;

use bytes::Bytes;
use mio::Waker;

use crate::limits::{HISTORY_QUEUE_MAX, HISTORY_READER_IDLE};
use crate::protocol::Seq;
use crate::room::{Block, BlockNo, Pos};
use crate::server::files::Problem;
use crate::server::log::local::{Segment, SharedSegments, scan, segment_name};
use crate::server::threads::worker::Worker;

/// A request to the thread. Each gets one answer, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReaderJob {
    /// A block.
    Block(BlockNo),
    /// The line with this number, and its position.
    Line(Seq),
}

/// An answer of the thread.
#[derive(Debug)]
pub enum ReaderDone {
    /// To [`ReaderJob::Block`].
    Block(BlockNo, Result<Block, Problem>),
    /// To [`ReaderJob::Line`]: where it begins, and the line with its LF. For a line that was dropped, the oldest line kept; for
    /// one that does not exist yet, the end and nothing.
    Line(Seq, Result<(Pos, Bytes), Problem>),
}

/// Starts the thread.
pub fn spawn_reader(
    segments: SharedSegments,
    waker: Arc<Waker>,
) -> io::Result<Worker<ReaderJob, ReaderDone>> {
    Worker::spawn("history reader", HISTORY_QUEUE_MAX, waker, move |jobs, answers| {
        let mut reader = Reader::new(segments);
        loop {
            let job = jobs.recv_timeout(HISTORY_READER_IDLE).or_else(|_| {
                // No timeout from here on: there is nothing left to close.
                reader.open = None;
                jobs.recv()
            });
            answers.send(match job {
                Ok(ReaderJob::Block(number)) => ReaderDone::Block(number, reader.block(number)),
                Ok(ReaderJob::Line(seq)) => ReaderDone::Line(seq, reader.line(seq)),
                Err(_) => return Ok(()),
            })?;
        }
    })
}

/// The lines of the file that has this event, from that file's first one up to it. `None`: the event is not kept.
pub fn file_up_to(segments: &SharedSegments, event: Seq) -> Result<Option<Vec<u8>>, Problem> {
    let segment = segments.lock().with(event);
    if !(segment.first..segment.next).contains(&event) {
        return Ok(None);
    }
    let mut reader = Reader::new(segments.clone());
    let end = reader.locate(event.next())?;
    reader.range(segment.start, end).map(Some)
}

/// Reads the segments on the list.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) segments: SharedSegments,
    /// The segment read last: the next read is mostly of the same one.
    pub(super) open: Option<(Seq, File)>,
}

impl Reader {
    pub(super) fn new(segments: SharedSegments) -> Reader {
        Reader { segments, open: None }
    }

    fn block(&mut self, number: BlockNo) -> Result<Block, Problem> {
        self.unless_dropped(|reader, oldest, end| {
            let start = number.start().max(oldest);
            let bytes = reader.range(start, number.end().min(end))?.into();
            let (line, first_line) = reader.line_from(start)?;
            Ok(Block { start, bytes, first_line, mid_line: line > start })
        })
    }

    fn line(&mut self, seq: Seq) -> Result<(Pos, Bytes), Problem> {
        self.unless_dropped(|reader, _, end| {
            let start = reader.locate(seq)?;
            let next = if start < end { reader.line_from(start.plus(1))?.0 } else { start };
            Ok((start, reader.range(start, next)?.into()))
        })
    }

    /// Where this line begins. For a line that was dropped, where the oldest line kept does; for one that does not
    /// exist yet, the end.
    pub(super) fn locate(&mut self, seq: Seq) -> Result<Pos, Problem> {
        self.unless_dropped(|reader, _, _| {
            let segment = reader.segments.lock().with(seq);
            if seq <= segment.first || seq >= segment.next {
                return Ok(if seq <= segment.first { segment.start } else { segment.end });
            }
            let offset = reader.in_file(segment, |file| {
                scan::locate(file, segment.first, seq, segment.end.0 - segment.start.0)
            })?;
            Ok(Pos(segment.start.0 + offset))
        })
    }

    /// Where the first line at or after `pos` begins, and its number; the end and the next number if there is none.
    pub(super) fn line_from(&mut self, pos: Pos) -> Result<(Pos, Seq), Problem> {
        let segment = self.segments.lock().at(pos);
        if pos >= segment.end {
            return Ok((segment.end, segment.next));
        }
        let (offset, len) = (pos.0.saturating_sub(segment.start.0), segment.end.0 - segment.start.0);
        let found = self.in_file(segment, |file| scan::line_from(file, offset, len))?;
        Ok(found.map_or((segment.end, segment.next), |(offset, seq)| (Pos(segment.start.0 + offset), seq)))
    }

    /// The bytes from `from` to `to`, both between the oldest line kept and the end; none if `to` is not after `from`.
    pub(super) fn range(&mut self, from: Pos, to: Pos) -> Result<Vec<u8>, Problem> {
        let (mut bytes, mut at) = (Vec::new(), from);
        while at < to {
            let segment = self.segments.lock().at(at);
            let until = segment.end.min(to);
            // It begins after `at` if segments were dropped since: then `unless_dropped` reads again.
            let offset = at.0.saturating_sub(segment.start.0);
            let piece = self
                .in_file(segment, |file| scan::read(file, offset, until.0.saturating_sub(segment.start.0)))?;
            // Mostly the only piece.
            if bytes.is_empty() {
                bytes = piece;
            } else {
                bytes.extend_from_slice(&piece);
            }
            at = until;
        }
        Ok(bytes)
    }

    /// Calls `read` with where the transcript begins and ends. Calls it again if a segment was dropped meanwhile: then
    /// the result may be made of parts from before and after, or miss some.
    fn unless_dropped<T>(
        &mut self,
        mut read: impl FnMut(&mut Reader, Pos, Pos) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        loop {
            let (oldest, end) = {
                let segments = self.segments.lock();
                (segments.oldest().1, segments.end)
            };
            let result = read(self, oldest, end);
            if self.segments.lock().oldest().1 == oldest {
                return result;
            }
        }
    }

    pub(super) fn in_file<T>(
        &mut self,
        segment: Segment,
        read: impl FnOnce(&File) -> io::Result<T>,
    ) -> Result<T, Problem> {
        let name = segment_name(segment.first);
        let folder = Arc::clone(&self.segments.folder);
        let file = match self.open.take() {
            Some((first, file)) if first == segment.first => Ok(file),
            _ => File::open(folder.path(&name)),
        };
        let result = file.and_then(|file| {
            let result = read(&file);
            self.open = Some((segment.first, file));
            result
        });
        result.map_err(|error| match error.kind() {
            ErrorKind::InvalidData => folder.problem(&name, format!("is damaged: {error}; see --check")),
            ErrorKind::UnexpectedEof => folder.problem(&name, "is shorter than it was; see --check"),
            _ => folder.cannot(&name, "read it", &error),
        })
    }
}
