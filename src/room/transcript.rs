//! The window of event bytes: the last lines of everything that was ever said, by position and number.
//!
//! Positions are absolute and only grow; `base ≤ durable ≤ end`, and each of the three is a line boundary.
//! What lies before `base` is forgotten here, what lies behind `durable` is not yet safe and nobody's to see.

use std::collections::VecDeque;

use super::blocks::{Block, BlockNo, Blocks, Missing};
use super::session::ConnId;
use crate::protocol::{Event, EventLine, Seq, Time};

/// Bytes before a point of the transcript. Known within one process only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pos(pub u64);

impl Pos {
    /// `n` bytes further on.
    #[must_use]
    pub fn plus(self, n: usize) -> Pos {
        Pos(self.0 + n as u64)
    }

    /// Bytes from `earlier` to here; none if it is not earlier.
    pub fn since(self, earlier: Pos) -> usize {
        usize::try_from(self.0.saturating_sub(earlier.0)).expect("a window fits the address space")
    }
}

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

    /// Appends an event, not yet durable. Its time never lies before that of the line before it, whatever
    /// the clock does. What no longer fits the window is forgotten, whole lines, durable ones only.
    pub fn append(&mut self, now: Time, event: Event<'_>) -> Placed {
        let seq = self.last.next();
        let time = now.max(self.last_time);
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
    }

    /// Takes back what is not durable: it could not be stored, and nobody has seen it.
    pub fn cut_back(&mut self) {
        let kept = self.starts.partition_point(|&start| start < self.durable);
        self.starts.truncate(kept);
        self.bytes.truncate(self.durable.since(self.base));
        self.last = self.durable_last;
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
mod tests {
    use super::*;
    use crate::protocol::{Mail, Text};

    fn say(transcript: &mut Transcript, text: &str) -> Placed {
        let mail = Mail::parse(b"ann@x").expect("a mail");
        let text = Text::parse(text.as_bytes()).expect("a text");
        transcript.append(Time::from_unix_ms(0), Event::Msg { mail, text })
    }

    fn whole(transcript: &Transcript, from: Pos, to: Pos) -> String {
        let mut out = Vec::new();
        let mut at = from;
        while at < to {
            let piece = transcript.window_slice(at, to);
            out.extend_from_slice(piece);
            at = at.plus(piece.len());
        }
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn lines_stay_whole_while_the_window_moves() {
        let mut transcript = Transcript::new(300);
        let mut spoken = Vec::new();
        for n in 0..200 {
            let placed = say(&mut transcript, &"x".repeat(n % 40));
            spoken.push(placed);
            transcript.set_durable(placed.end);
            assert!(transcript.bytes.len() <= 300);
            let first = usize::try_from(transcript.first().0).expect("small") - 1;
            assert_eq!(spoken[first].start, transcript.base());
            for line in &spoken[first..] {
                let text = whole(&transcript, line.start, line.end);
                assert!(text.starts_with(&format!("MSG {} 1970", line.seq)) && text.ends_with('\n'));
                assert_eq!(transcript.line_end(line.start), line.start);
                assert_eq!(transcript.line_end(line.start.plus(1)), line.end);
                assert_eq!(transcript.line_end(line.end), line.end);
            }
        }
        assert!(transcript.base() > Pos(0));
    }

    #[test]
    fn what_is_not_durable_is_kept_or_taken_back() {
        let mut transcript = Transcript::new(100);
        let first = say(&mut transcript, "first");
        transcript.set_durable(first.end);
        for _ in 0..10 {
            say(&mut transcript, "unsafe and larger than the window");
        }
        assert!(transcript.base() <= first.end && transcript.end() > first.end.plus(100));
        assert_eq!(transcript.durable_last(), Seq(1));
        transcript.cut_back();
        assert_eq!((transcript.end(), transcript.line_end(transcript.end())), (first.end, first.end));
        assert_eq!(say(&mut transcript, "again").seq, Seq(2));
    }

    #[test]
    fn the_window_is_allocated_once() {
        let window = 10_000;
        let new = Transcript::new(window);
        let line = b"MSG 1 1970-01-01T00:00:00.000Z ann@x hello\n".to_vec();
        let tail = Tail { base: Pos(0), bytes: line, last: Seq(1), last_time: Time::default() };
        let restored = Transcript::restore(window, Seq(1), Pos(0), tail);
        for mut transcript in [new, restored] {
            let room = transcript.bytes.capacity();
            assert!(room <= window + window / 8, "{room}");
            // What gathers while the disk works: half a window.
            while transcript.end().since(Pos(0)) < 3 * window {
                let before = transcript.end();
                while transcript.end().since(before) < window / 2 {
                    say(&mut transcript, "some words of no importance");
                }
                transcript.set_durable(transcript.end());
                assert_eq!(transcript.bytes.capacity(), room);
            }
        }
    }

    #[test]
    fn what_is_in_memory_is_kept_though_its_file_is_dropped() {
        let tail = Tail { base: Pos(0), bytes: Vec::new(), last: Seq(0), last_time: Time::default() };
        let mut transcript = Transcript::restore(300, Seq(1), Pos(0), tail);
        let placed: Vec<Placed> = (0..20).map(|_| say(&mut transcript, "hello")).collect();
        transcript.set_durable(transcript.end());
        transcript.set_past(Seq(11), placed[10].start);
        assert_eq!((transcript.first(), transcript.oldest()), (Seq(1), Pos(0)));
        for _ in 0..20 {
            let placed = say(&mut transcript, "hello");
            transcript.set_durable(placed.end);
        }
        assert_eq!((transcript.first(), transcript.oldest()), (Seq(11), placed[10].start));
        assert!(transcript.base() > transcript.oldest());
    }

    #[test]
    fn time_never_runs_backwards() {
        let mut transcript = Transcript::new(1000);
        let mail = Mail::parse(b"ann@x").expect("a mail");
        let mut added = |ms| {
            let event = Event::Added { by: crate::protocol::Author::HandEdit, mail: mail.clone() };
            transcript.append(Time::from_unix_ms(ms), event).time.unix_ms()
        };
        assert_eq!([added(5), added(3), added(9)], [5, 5, 9]);
    }
}
