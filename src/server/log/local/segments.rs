//! The list of the transcript's segments, shared by the threads that write and read them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use crate::protocol::{Seq, Time};
use crate::room::Pos;
use crate::server::files::Problem;
use crate::server::log::local::disk::Folder;

/// The file name of the segment that begins with this line.
pub(super) fn segment_name(first: Seq) -> String {
    format!("{:012}.txt", first.0)
}

/// The number of the first line of the segment with this file name; `None` if it is no segment's.
pub(super) fn first_of_segment(name: &str) -> Option<Seq> {
    let digits = name.strip_suffix(".txt")?;
    let first = Seq(digits.parse().ok()?);
    (first.0 > 0 && segment_name(first) == name).then_some(first)
}

/// The segments in this folder by the numbers of their first lines, in order.
pub(super) fn firsts_of_segments(folder: &Folder) -> Result<Vec<Seq>, Problem> {
    let mut firsts: Vec<Seq> = folder.names()?.iter().filter_map(|name| first_of_segment(name)).collect();
    firsts.sort_unstable();
    Ok(firsts)
}

/// The list as both threads have it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct SharedSegments {
    pub(super) folder: Arc<Folder>,
    list: Arc<Mutex<Segments>>,
}

impl SharedSegments {
    pub(super) fn new(folder: Arc<Folder>, segments: Segments) -> SharedSegments {
        SharedSegments { folder, list: Arc::new(Mutex::new(segments)) }
    }

    /// The first event that is kept, and the last one. Without any the last is the one before the first.
    pub fn kept(&self) -> (Seq, Seq) {
        let segments = self.lock();
        (segments.oldest().0, Seq(segments.next.0 - 1))
    }

    /// Never taken by the loop, and never held while a file is read or written, only while an old one is removed.
    pub(super) fn lock(&self) -> MutexGuard<'_, Segments> {
        self.list.lock().expect("nobody panics while holding the list")
    }
}

/// The segments, oldest first; there is always one. Of the last one, only what was appended as a whole counts.
#[derive(Debug)]
pub(super) struct Segments {
    list: VecDeque<Listed>,
    pub(super) end: Pos,
    /// The number of the next line.
    pub(super) next: Seq,
}

#[derive(Clone, Copy, Debug)]
struct Listed {
    first: Seq,
    start: Pos,
    /// The time of its last line, once it is not the last segment.
    last_time: Time,
}

/// A segment, as far as it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    /// The number of its first line, which is its name.
    pub(super) first: Seq,
    pub(super) start: Pos,
    /// Where the next segment begins, or where it ends.
    pub(super) end: Pos,
    /// The number of the line after its last.
    pub(super) next: Seq,
}

impl Segment {
    pub(super) fn len(&self) -> u64 {
        self.end.0 - self.start.0
    }
}

impl Segments {
    /// One empty segment.
    pub(super) fn new(first: Seq) -> Segments {
        let only = Listed { first, start: Pos(0), last_time: Time::default() };
        Segments { list: VecDeque::from([only]), end: Pos(0), next: first }
    }

    /// The last segment has grown by `bytes`; `next` is the number of the next line.
    pub(super) fn grow(&mut self, bytes: u64, next: Seq) {
        self.end = Pos(self.end.0 + bytes);
        self.next = next;
    }

    /// Adds an empty segment. The last line before it has this time.
    pub(super) fn push(&mut self, last_time: Time) {
        self.list.back_mut().expect("there is always one").last_time = last_time;
        self.list.push_back(Listed { first: self.next, start: self.end, last_time: Time::default() });
    }

    /// Bytes of all of them.
    pub(super) fn len(&self) -> u64 {
        self.end.0 - self.oldest().1.0
    }

    /// The oldest line kept, and where it begins.
    pub(super) fn oldest(&self) -> (Seq, Pos) {
        let oldest = self.list.front().expect("there is always one");
        (oldest.first, oldest.start)
    }

    /// The oldest segment and the time of its last line, if it is not the only one.
    pub(super) fn droppable(&self) -> Option<(Segment, Time)> {
        (self.list.len() > 1).then(|| (self.segment(0), self.list[0].last_time))
    }

    /// Takes the oldest segment off the list.
    pub(super) fn drop_oldest(&mut self) {
        assert!(self.list.len() > 1, "the last segment is never dropped");
        self.list.pop_front();
    }

    pub(super) fn last(&self) -> Segment {
        self.segment(self.list.len() - 1)
    }

    /// The segment that holds the byte at `pos`, or the last one.
    pub(super) fn at(&self, pos: Pos) -> Segment {
        let after = self.list.partition_point(|listed| listed.start <= pos);
        self.segment(after.saturating_sub(1))
    }

    /// The segment that holds this line, or the first or last one.
    pub(super) fn with(&self, seq: Seq) -> Segment {
        let after = self.list.partition_point(|listed| listed.first <= seq);
        self.segment(after.saturating_sub(1))
    }

    fn segment(&self, at: usize) -> Segment {
        let Listed { first, start, .. } = self.list[at];
        let (end, next) =
            self.list.get(at + 1).map_or((self.end, self.next), |next| (next.start, next.first));
        Segment { first, start, end, next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert_eq!(segment_name(Seq(1)), "000000000001.txt");
        assert_eq!(first_of_segment("000000000001.txt"), Some(Seq(1)));
        assert_eq!(first_of_segment("1000000000001.txt"), Some(Seq(1_000_000_000_001)));
        for other in
            ["1.txt", "000000000000.txt", "000000000001", "+00000000001.txt", "0000000000001.txt", "id"]
        {
            assert_eq!(first_of_segment(other), None, "{other}");
        }
    }

    #[test]
    fn each_byte_and_line_has_its_segment() {
        let mut segments = Segments::new(Seq(5));
        segments.grow(100, Seq(8));
        segments.push(Time::from_unix_ms(1));
        let first = Segment { first: Seq(5), start: Pos(0), end: Pos(100), next: Seq(8) };
        let empty = Segment { first: Seq(8), start: Pos(100), end: Pos(100), next: Seq(8) };
        assert_eq!(
            [segments.at(Pos(0)), segments.at(Pos(99)), segments.with(Seq(7)), segments.with(Seq(1))],
            [first; 4]
        );
        assert_eq!(
            [segments.at(Pos(100)), segments.at(Pos(999)), segments.with(Seq(8)), segments.last()],
            [empty; 4]
        );
        assert_eq!(segments.droppable(), Some((first, Time::from_unix_ms(1))));
        segments.drop_oldest();
        assert_eq!((segments.oldest(), segments.droppable()), ((Seq(8), Pos(100)), None));
    }
}
