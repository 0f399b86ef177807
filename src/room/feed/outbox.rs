//! What one connection is owed: a cursor into the transcript, and the replies to put in on the way.
//!
//! A reply is keyed by the position at which it goes in: the durable mark when it was made, or the key of
//! the reply before it if that is later. An own message is an entry at its event's place; once the event is
//! durable it is rendered as `OK MSG` and the event's bytes are passed over. Only such entries name a
//! position that is not yet durable. A piece of history is an entry too: a range of the transcript, never a
//! copy of its lines.

use std::collections::VecDeque;

use crate::limits::WRITE_MAX;
use crate::protocol::{MsgOk, Seq};
use crate::room::feed::ack_tracker::{Arrived, Trail};
use crate::room::feed::entry::Entry;
use crate::room::feed::gap::Gap;
use crate::room::ids::{BlockNo, Pos};
use crate::room::transcript::blocks::Missing;
use crate::room::transcript::window::{Placed, Transcript};

/// Which part of the transcript a connection receives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Feed {
    #[default]
    /// None: not logged in, or logged in without a feed. Receives replies only, and can never lag.
    Off,
    /// All of it, from the cursor on: from the window, or from blocks of the files where the cursor is
    /// behind it.
    Live,
    /// Leaving: up to a fixed end, then the replies that are left, then nothing more.
    Last(Pos),
    /// Leaving at the end of the line that is on its way, which lies in a block that is not here yet.
    LastLine,
}

/// What to send next.
#[derive(Debug, PartialEq, Eq)]
pub enum Chunk<'a> {
    /// These bytes.
    Bytes(&'a [u8]),
    /// Nothing at present.
    Nothing,
    /// Nothing before this block of the files is here.
    Blocked(BlockNo),
    /// Nothing ever again: all was said.
    Finished,
    /// What comes next is forgotten.
    Lagged,
}

impl Chunk<'_> {
    fn missing(what: Missing) -> Self {
        match what {
            Missing::Block(block) => Chunk::Blocked(block),
            Missing::Forgotten => Chunk::Lagged,
        }
    }
}

/// What stands at a cursor.
enum Step {
    Transcript { to: Pos },
    Entry,
    Nothing,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Outbox {
    pub(in crate::room) feed: Feed,
    pub(in crate::room) cursor: Pos,
    pub(in crate::room) entries: VecDeque<Entry>,
    /// Bytes of the first entry that are on their way already.
    sent: usize,
    /// Whether the cursor stands within a line: behind the window nothing else tells.
    mid_line: bool,
    /// What the entries cost, against the bound of `limits::OWED_MAX`.
    pub(in crate::room) owed: usize,
    /// Lines that are passed over when the one that is on its way has ended. Hardly anybody has some.
    pub(in crate::room) gap: Option<Box<Gap>>,
    /// The peer takes nothing any more.
    discards_output: bool,
    trail: Trail,
}

impl Outbox {
    /// Of a connection that is not logged in.
    pub fn new() -> Outbox {
        Outbox::default()
    }

    /// Memory that unsent replies take.
    pub fn owed(&self) -> usize {
        self.owed
    }

    /// From here on the transcript, beginning at `from`, the durable mark or a line boundary before it.
    pub fn go_live(&mut self, transcript: &Transcript, from: Pos) {
        debug_assert_eq!(self.feed, Feed::Off);
        if self.discards_output {
            return;
        }
        self.cursor = from;
        self.feed = Feed::Live;
        // What was answered before, OK LOGIN among it, comes before what was missed.
        for entry in &mut self.entries {
            entry.pull_back(from, transcript.durable());
        }
    }

    /// The peer takes nothing any more: drops what is owed, now and later.
    pub fn discard_output(&mut self) {
        self.discards_output = true;
        self.entries = VecDeque::new();
        (self.owed, self.sent, self.gap) = (0, 0, None);
        if self.feed == Feed::Live {
            self.feed = Feed::Off;
        }
    }

    /// No more lines will be taken from this connection; it ends some time.
    pub fn is_leaving(&self) -> bool {
        matches!(self.feed, Feed::Last(_) | Feed::LastLine)
    }

    /// Puts a line (or some, each with its LF) in at the durable mark, or behind the replies before it.
    pub fn reply(&mut self, transcript: &Transcript, line: Vec<u8>) {
        let key = self.key_after_all().max(transcript.durable());
        self.push(Entry::Reply { key, line: line.into_boxed_slice() });
    }

    /// Puts a piece of the transcript in, whole lines, where a reply would go.
    pub fn reply_range(&mut self, transcript: &Transcript, from: Pos, to: Pos) {
        let key = self.key_after_all().max(transcript.durable());
        self.push(Entry::Range { key, from, to });
    }

    /// The connection's own message stands at `placed`: there its OK goes in.
    pub fn own_msg(&mut self, placed: Placed) {
        let ok = MsgOk { seq: placed.seq, time: placed.time };
        self.push(Entry::OwnMsg { start: placed.start, end: placed.end, ok });
    }

    /// The end of the line that is on its way, or the cursor if it stands between lines. An error: a block that
    /// is not here would tell.
    pub(in crate::room) fn line_end(&self, transcript: &Transcript) -> Result<Pos, BlockNo> {
        if self.cursor >= transcript.base() {
            Ok(transcript.line_end(self.cursor))
        } else if self.mid_line {
            transcript.line_end_behind(self.cursor)
        } else {
            Ok(self.cursor)
        }
    }

    /// Ends the feed behind the answer to the last command, and at the durable mark at least.
    pub fn leave_at_end(&mut self, transcript: &Transcript) {
        let end = self.key_after_all().max(transcript.durable());
        self.feed = Feed::Last(match self.feed {
            Feed::Off => self.cursor,
            Feed::Live => end,
            Feed::Last(earlier) => earlier,
            Feed::LastLine => return,
        });
    }

    /// Ends the feed at the end of the line that is on its way. Replies that are owed are still sent.
    pub fn leave_at_line_end(&mut self, transcript: &Transcript) {
        let line_end = self.line_end(transcript).ok();
        self.feed = match (self.feed, line_end) {
            (Feed::Off, _) => Feed::Last(self.cursor),
            (Feed::Live, Some(line_end)) => Feed::Last(line_end),
            (Feed::Last(earlier), Some(line_end)) => Feed::Last(earlier.min(line_end)),
            (Feed::Live | Feed::Last(_) | Feed::LastLine, None) | (Feed::LastLine, Some(_)) => Feed::LastLine,
        };
    }

    /// Nobody knows what became of what is not durable: nothing is said about own messages in it.
    pub fn forget_unstored(&mut self, durable: Pos) {
        self.entries.retain(|entry| !matches!(entry, Entry::OwnMsg { end, .. } if *end > durable));
    }

    /// What is not durable was taken back: own messages in it become refusals, in their order.
    pub fn cut_back(&mut self, durable: Pos) {
        for entry in &mut self.entries {
            entry.cut_back(durable);
        }
        self.owed = self.entries.iter().map(Entry::cost).sum();
        if let Feed::Last(end) = &mut self.feed {
            *end = (*end).min(durable);
        }
    }

    /// Whether more events are to come than two writes carry: in a flood it is one, and what is left of the one before.
    /// Ranges in answers do not count.
    pub fn is_catching_up(&self, transcript: &Transcript) -> bool {
        self.feed != Feed::Off && transcript.durable().since(self.cursor) > 2 * WRITE_MAX
    }

    /// The next bytes owed, about `max` at the most, in one piece: a part of the transcript itself where no
    /// reply comes between, else assembled in `scratch`. The same until [`Outbox::advance`].
    pub fn chunk<'a>(&self, transcript: &'a Transcript, scratch: &'a mut Vec<u8>, max: usize) -> Chunk<'a> {
        if self.is_lagging(transcript) {
            return Chunk::Lagged;
        }
        if self.entries.is_empty() {
            return match self.step(transcript, self.cursor, 0) {
                Step::Transcript { to } => match transcript.slice(self.cursor, to) {
                    Ok(bytes) => Chunk::Bytes(self.last_line_of(&bytes[..bytes.len().min(max)])),
                    Err(missing) => Chunk::missing(missing),
                },
                _ if self.is_exhausted(self.cursor) && self.is_leaving() => Chunk::Finished,
                _ => Chunk::Nothing,
            };
        }
        scratch.clear();
        let (mut cursor, mut index, mut sent) = (self.cursor, 0, self.sent);
        let mut missing = None;
        while scratch.len() < max {
            match self.step(transcript, cursor, index) {
                Step::Transcript { to } => match transcript.slice(cursor, to) {
                    Ok(bytes) => {
                        let bytes = self.last_line_of(&bytes[..bytes.len().min(max - scratch.len())]);
                        scratch.extend_from_slice(bytes);
                        cursor = self.behind_gap(cursor.plus(bytes.len()));
                        if self.feed == Feed::LastLine && bytes.ends_with(b"\n") {
                            break;
                        }
                    }
                    Err(what) => {
                        missing = Some(what);
                        break;
                    }
                },
                Step::Entry => {
                    let entry = &self.entries[index];
                    match entry.write(transcript, sent, max - scratch.len(), scratch) {
                        Ok(n) if sent + n < entry.len() => sent += n,
                        Ok(_) => {
                            cursor = self.cursor_behind(cursor, entry);
                            sent = 0;
                            index += 1;
                        }
                        Err(what) => {
                            missing = Some(what);
                            break;
                        }
                    }
                }
                Step::Nothing => break,
            }
        }
        match missing {
            _ if !scratch.is_empty() => Chunk::Bytes(scratch),
            Some(missing) => Chunk::missing(missing),
            None => Chunk::Nothing,
        }
    }

    /// The first `n` bytes of [`Outbox::chunk`] are on their way.
    pub fn advance(&mut self, transcript: &Transcript, mut n: usize) {
        while n > 0 {
            match self.step(transcript, self.cursor, 0) {
                Step::Transcript { to } => {
                    let taken = n.min(to.since(self.cursor));
                    self.note_feed(transcript, taken);
                    self.cursor = self.cursor.plus(taken);
                    self.note_line_end(transcript);
                    self.cross_gap(transcript);
                    n -= taken;
                }
                Step::Entry => {
                    let rest = self.entries[0].len() - self.sent;
                    self.trail.note_reply(n.min(rest));
                    if n < rest {
                        self.sent += n;
                        return;
                    }
                    n -= rest;
                    self.sent = 0;
                    let entry = self.entries.pop_front().expect("the step is an entry");
                    self.owed -= entry.cost();
                    let behind = self.cursor_behind(self.cursor, &entry);
                    if behind != self.cursor {
                        self.cursor = behind;
                        self.note_place(transcript);
                    }
                }
                Step::Nothing => unreachable!("no more can be on its way than chunk gave"),
            }
        }
        if self.entries.is_empty() && self.entries.capacity() > 0 {
            // Most connections say little: an idle one owns no buffer.
            self.entries = VecDeque::new();
        }
    }

    /// Bytes handed to the transport so far.
    pub fn bytes_sent(&self) -> u64 {
        self.trail.sent()
    }

    /// Bytes of which the peer's kernel has said nothing yet.
    pub fn outstanding(&self) -> u64 {
        self.trail.outstanding()
    }

    /// The peer's kernel has `total` of all bytes sent. The number of the last line of the feed that has
    /// arrived whole, if that is news.
    pub fn acknowledged(&mut self, transcript: &Transcript, total: u64) -> Option<Seq> {
        let Arrived { pos, at_least } = self.trail.acknowledge(total)?;
        Some(transcript.seq_before(pos).map_or(at_least, |seq| seq.max(at_least)))
    }

    /// Whether the next write would find bytes. Cheap: asked for every connection at every message.
    pub fn is_due(&self, transcript: &Transcript) -> bool {
        !matches!(self.step(transcript, self.cursor, 0), Step::Nothing)
    }

    /// Whether nothing of the feed before `mark` is outstanding, and no reply.
    pub(in crate::room) fn is_served(&self, mark: Pos) -> bool {
        self.entries.is_empty() && (self.is_exhausted(self.cursor) || self.cursor >= mark)
    }

    /// Whether what comes next is forgotten.
    pub fn is_lagging(&self, transcript: &Transcript) -> bool {
        !self.is_exhausted(self.cursor) && self.cursor < transcript.oldest()
    }

    /// What the feed would give next went with a file that was dropped: it goes on with the oldest line kept, and the
    /// numbers tell what is missing. The line that is on its way is ended first; false if the rest of it is gone too.
    pub fn leap(&mut self, transcript: &Transcript) -> bool {
        if !transcript.has_past() || !self.is_lagging(transcript) {
            return false;
        }
        let mut rest = Vec::new();
        if self.mid_line {
            let Ok(end) = transcript.line_end_behind(self.cursor) else { return false };
            let mut at = self.cursor;
            while at < end
                && let Ok(bytes) = transcript.slice(at, end)
            {
                rest.extend_from_slice(bytes);
                at = at.plus(bytes.len());
            }
        }
        let behind_gap = self.gap.take().map_or(Pos(0), |gap| gap.to);
        let goes_on = transcript.oldest().max(behind_gap);
        for entry in &mut self.entries {
            entry.pull_back(self.cursor, goes_on);
        }
        if !rest.is_empty() {
            self.entries.push_front(Entry::Reply { key: self.cursor, line: rest.into_boxed_slice() });
        }
        self.owed = self.entries.iter().map(Entry::cost).sum();
        (self.cursor, self.mid_line) = (goes_on, false);
        if self.feed == Feed::LastLine {
            self.feed = Feed::Last(self.cursor);
        }
        true
    }

    /// What stands at `cursor`, the entries before `index` being done with.
    fn step(&self, transcript: &Transcript, cursor: Pos, index: usize) -> Step {
        let limit = match self.feed {
            Feed::Off => cursor,
            Feed::Live | Feed::LastLine => transcript.durable(),
            Feed::Last(end) => end.min(transcript.durable()),
        };
        let limit = match &self.gap {
            Some(gap) if cursor <= gap.from => limit.min(gap.from),
            _ => limit,
        };
        let Some(entry) = self.entries.get(index) else {
            return if cursor < limit { Step::Transcript { to: limit } } else { Step::Nothing };
        };
        if self.is_exhausted(cursor) || cursor >= entry.key() {
            return match entry {
                Entry::OwnMsg { end, .. } if *end > transcript.durable() => Step::Nothing,
                _ => Step::Entry,
            };
        }
        let to = limit.min(entry.key());
        if cursor < to { Step::Transcript { to } } else { Step::Nothing }
    }

    /// Whether no more of the transcript will ever be sent.
    fn is_exhausted(&self, cursor: Pos) -> bool {
        match self.feed {
            Feed::Off => true,
            Feed::Live | Feed::LastLine => false,
            Feed::Last(end) => cursor >= end,
        }
    }

    /// Of the feed's next bytes those that may still go out.
    fn last_line_of<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        match memchr::memchr(b'\n', bytes) {
            Some(at) if self.feed == Feed::LastLine => &bytes[..=at],
            _ => bytes,
        }
    }

    /// Notes whether the cursor, which has just moved over bytes that are here, stands within a line.
    fn note_line_end(&mut self, transcript: &Transcript) {
        let before = Pos(self.cursor.0 - 1);
        self.mid_line = transcript.slice(before, self.cursor) != Ok(b"\n");
        if self.feed == Feed::LastLine && !self.mid_line {
            self.feed = Feed::Last(self.cursor);
        }
    }

    fn cursor_behind(&self, cursor: Pos, entry: &Entry) -> Pos {
        match entry {
            // An own message's event is passed over, where the connection is at it.
            Entry::OwnMsg { start, end, .. } if cursor == *start && self.feed != Feed::Off => *end,
            _ => cursor,
        }
    }

    /// `n` bytes of the feed go out, from the cursor on.
    fn note_feed(&mut self, transcript: &Transcript, n: usize) {
        // Behind the window every piece begins a run: its line number is known now, and perhaps not later.
        if !self.trail.continues(self.cursor) || self.cursor < transcript.base() {
            self.note_place(transcript);
        }
        self.trail.note_feed(n);
    }

    pub(in crate::room) fn note_place(&mut self, transcript: &Transcript) {
        let seq = transcript.seq_before(self.cursor).unwrap_or_default();
        self.trail.note_place(self.cursor, seq);
    }

    fn key_after_all(&self) -> Pos {
        self.entries.back().map_or(Pos(0), Entry::key_after)
    }

    fn push(&mut self, entry: Entry) {
        if self.discards_output {
            return;
        }
        self.owed += entry.cost();
        self.entries.push_back(entry);
    }
}

#[cfg(test)]
mod tests;
