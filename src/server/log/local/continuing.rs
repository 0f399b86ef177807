//! A history that continues with lines which others have, too: those that are here already have to be the same, byte for
//! byte, and the others are appended. Where a file ends depends on the lines alone, so that all have the same files.

use std::path::Path;

use crate::files::if_there;
use crate::limits::{HISTORY_SEGMENT_MAX, HISTORY_SYNC_MAX};
use crate::protocol::Seq;
use crate::room::Pos;
use crate::server::files::Problem;
use crate::server::log::local::{Answered, AppendError, Opened, Reader, Storage};

/// How many of these lines' bytes belong to the file that has `len` bytes; 0: all belong to the next file. Whole lines, and of
/// an empty file at least one.
pub(in crate::server::log) fn in_this_file(len: u64, lines: &[u8]) -> usize {
    let room = usize::try_from(HISTORY_SEGMENT_MAX.saturating_sub(len)).unwrap_or(usize::MAX);
    if lines.len() <= room {
        return lines.len();
    }
    match memchr::memrchr(b'\n', &lines[..room]) {
        Some(end) => end + 1,
        None if len > 0 => 0,
        None => memchr::memchr(b'\n', lines).map_or(lines.len(), |end| end + 1),
    }
}

/// See the module.
#[derive(Debug)]
pub struct Continuing {
    storage: Storage,
    reader: Reader,
    /// What is to be compared next; at the end nothing is.
    at: Pos,
    end: Pos,
    /// The number of the line after those that are compared or appended.
    next: Seq,
    /// Lines to append, from `unwritten_first` on.
    unwritten: Vec<u8>,
    unwritten_first: Seq,
}

impl Continuing {
    /// Continues after this event, which must not be later than the last one that is here.
    pub fn after(opened: Opened, event: Seq) -> Result<Continuing, Problem> {
        let (next, unwritten_first) = (event.next(), opened.tail.last.next());
        let (storage, end) = (opened.storage, opened.segments.lock().end);
        let mut reader = Reader::new(opened.segments);
        let at = reader.locate(next)?;
        Ok(Continuing { storage, reader, at, end, next, unwritten: Vec::new(), unwritten_first })
    }

    /// Takes the next lines.
    pub fn take(&mut self, lines: &[u8]) -> Result<(), Problem> {
        let known = usize::try_from(self.end.0 - self.at.0).unwrap_or(usize::MAX).min(lines.len());
        let (known, new) = lines.split_at(known);
        if !known.is_empty() {
            let until = self.at.plus(known.len());
            if self.reader.range(self.at, until)? != known {
                let (next, last) = (self.next, self.unwritten_first.0 - 1);
                return Err(self.storage.problem(format!(
                    "the events from {next} to {last} are not what the other nodes have there: move the history and the members \
                     file away, and this node gets theirs"
                )));
            }
            self.at = until;
        }
        self.next.0 += memchr::memchr_iter(b'\n', lines).count() as u64;
        self.unwritten.extend_from_slice(new);
        if self.unwritten.len() >= HISTORY_SYNC_MAX { self.write() } else { Ok(()) }
    }

    /// The number of the last line taken.
    pub fn last(&self) -> Seq {
        Seq(self.next.0 - 1)
    }

    /// Whether all lines that were here have come again.
    pub fn is_compared(&self) -> bool {
        self.at == self.end
    }

    fn write(&mut self) -> Result<(), Problem> {
        let lines = std::mem::take(&mut self.unwritten);
        let (mut rest, mut len) = (&lines[..], self.storage.len());
        while !rest.is_empty() {
            let fits = in_this_file(len, rest);
            if fits == 0 {
                len = 0;
                continue;
            }
            let (now, later) = rest.split_at(fits);
            match self.storage.append(self.unwritten_first, now, Answered::WhenWritten) {
                Ok(()) => {}
                Err(AppendError::Failed(problem) | AppendError::Fatal(problem)) => return Err(problem),
            }
            self.unwritten_first.0 += memchr::memchr_iter(b'\n', now).count() as u64;
            (rest, len) = (later, 0);
        }
        Ok(())
    }

    /// Writes what is left, and `note` beside it, syncs all, and gives the lock back.
    pub fn close(mut self, name: &str, note: &[u8]) -> Result<(), Problem> {
        self.write()?;
        self.storage.put(name, note)?;
        self.storage.close()
    }
}

/// The folder's small file with this name; `None` if there is none.
pub fn read_small(folder: &Path, name: &str) -> Result<Option<Vec<u8>>, Problem> {
    let read = if_there(std::fs::read(folder.join(name)));
    read.map_err(|error| Problem::of(&folder.join(name), format!("cannot read it: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_end_where_the_lines_say() {
        let max = HISTORY_SEGMENT_MAX;
        for (len, lines, fits) in [
            (0, "", 0),
            (0, "one\n", 4),
            (max - 4, "one\n", 4),
            (max - 3, "one\n", 0),
            (max, "one\n", 0),
            (max - 7, "one\ntwo\n", 4),
            (max - 8, "one\ntwo\n", 8),
            (max + 9, "one\n", 0),
        ] {
            assert_eq!(in_this_file(len, lines.as_bytes()), fits, "{len} of {max}: {lines}");
        }
        let mut long = vec![b'x'; usize::try_from(max).expect("it fits the memory")];
        long.extend_from_slice(b"\nnext\n");
        assert_eq!(
            in_this_file(0, &long),
            long.len() - "next\n".len(),
            "a line has a file, however long it is"
        );
    }
}
