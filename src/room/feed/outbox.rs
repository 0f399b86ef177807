//! What one connection is owed: a cursor into the transcript, and the replies to put in on the way.
//!
//! A reply is keyed by the position at which it goes in: the transcript's end when it was made. An own message is a ticket
//! until the log has answered; what comes after it waits, but events go on. Then it is an entry at its event's place,
//! rendered as `OK MSG`, and the event's bytes are passed over. A piece of history is an entry too: a range of the
//! transcript, never a copy of its lines.

use crate::limits::WRITE_MAX;
use crate::protocol::Seq;
use crate::room::feed::ack_tracker::{AckTracker, Arrived};
use crate::room::feed::chunk::Chunk;
use crate::room::feed::entry::Entry;
use crate::room::feed::gap::Gap;
use crate::room::feed::replies::Replies;
use crate::room::ids::Pos;
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
    /// Leaving: up to the own message that was said last, which the log has not answered yet.
    LastTicket,
    /// Leaving: up to a fixed end, then the replies that are left, then nothing more.
    Last(Pos),
    /// Leaving at the end of the line that is on its way, which lies in a block that is not here yet.
    LastLine,
}

/// What stands at a cursor.
enum Step<'a> {
    Transcript { to: Pos },
    Entry(&'a Entry),
    Nothing,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Outbox {
    pub(in crate::room) feed: Feed,
    pub(in crate::room) cursor: Pos,
    pub(in crate::room) replies: Replies,
    /// Whether the cursor stands within a line: behind the window nothing else tells.
    pub(in crate::room) mid_line: bool,
    /// Lines that are passed over when the one that is on its way has ended. Hardly anybody has some.
    pub(in crate::room) gap: Option<Box<Gap>>,
    /// The peer takes nothing any more.
    discards_output: bool,
    acks: AckTracker,
}

impl Outbox {
    /// Of a connection that is not logged in.
    pub fn new() -> Outbox {
        Outbox::default()
    }

    /// Memory that unsent replies take.
    pub fn owed(&self) -> usize {
        self.replies.cost()
    }

    /// From here on the transcript, beginning at `from`, a line boundary.
    pub fn go_live(&mut self, transcript: &Transcript, from: Pos) {
        debug_assert_eq!(self.feed, Feed::Off);
        if self.discards_output {
            return;
        }
        self.cursor = from;
        self.feed = Feed::Live;
        // What was answered before, OK LOGIN among it, comes before what was missed.
        self.replies.pull_back(from, transcript.end());
    }

    /// The peer takes nothing any more: drops what is owed, now and later.
    pub fn discard_output(&mut self) {
        self.discards_output = true;
        (self.replies, self.gap) = (Replies::default(), None);
        match self.feed {
            Feed::Live => self.feed = Feed::Off,
            Feed::LastTicket => self.feed = Feed::Last(self.cursor),
            Feed::Off | Feed::Last(_) | Feed::LastLine => {}
        }
    }

    /// No more lines will be taken from this connection; it ends some time.
    pub fn is_leaving(&self) -> bool {
        matches!(self.feed, Feed::LastTicket | Feed::Last(_) | Feed::LastLine)
    }

    /// Puts a line (or some, each with its LF) in at the transcript's end, after the replies before it.
    pub fn reply(&mut self, transcript: &Transcript, line: Vec<u8>) {
        self.push(Entry::Reply { key: transcript.end(), line: line.into_boxed_slice() });
    }

    /// Puts a piece of the transcript in, whole lines, where a reply would go.
    pub fn reply_range(&mut self, transcript: &Transcript, from: Pos, to: Pos) {
        self.push(Entry::Range { key: transcript.end(), from, to });
    }

    /// The connection has said something, and the log is asked.
    pub fn propose(&mut self) {
        self.push(Entry::Ticket);
    }

    /// Whether the log has something of this connection's to answer.
    pub fn has_tickets(&self) -> bool {
        self.replies.has_tickets()
    }

    /// The oldest message that waited for the log stands at `placed`: there its OK goes in.
    pub fn committed(&mut self, transcript: &Transcript, placed: Placed) {
        self.settle(transcript, Entry::committed(placed), placed.end);
    }

    /// The oldest message that waited for the log will never be an event.
    pub fn refused(&mut self, transcript: &Transcript) {
        self.settle(transcript, Entry::refused(transcript.end()), transcript.end());
    }

    /// Nobody knows what became of the messages that wait for the log: nothing is said about them.
    pub fn forget_tickets(&mut self) {
        self.replies.forget_tickets();
    }

    fn settle(&mut self, transcript: &Transcript, answer: Entry, end: Pos) {
        self.replies.settle(answer);
        if !self.has_tickets() && self.feed == Feed::LastTicket {
            self.feed = Feed::Last(end);
        }
        if cfg!(debug_assertions) {
            self.check(transcript);
        }
    }

    /// Whether more events are to come than two writes carry: in a flood it is one, and what is left of the one before.
    /// Ranges in answers do not count.
    pub fn is_catching_up(&self, transcript: &Transcript) -> bool {
        self.feed != Feed::Off && transcript.end().since(self.cursor) > 2 * WRITE_MAX
    }

    /// The next bytes owed, about `max` at the most, in one piece: a part of the transcript itself where no
    /// reply comes between, else assembled in `scratch`. The same until [`Outbox::advance`].
    pub fn chunk<'a>(&self, transcript: &'a Transcript, scratch: &'a mut Vec<u8>, max: usize) -> Chunk<'a> {
        if self.is_lagging(transcript) {
            return Chunk::Lagged;
        }
        if self.replies.is_empty() {
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
        let (mut cursor, mut index, mut sent) = (self.cursor, 0, self.replies.sent());
        let mut missing = None;
        while scratch.len() < max {
            match self.step(transcript, cursor, index) {
                Step::Transcript { to } => match transcript.slice(cursor, to) {
                    Ok(bytes) => {
                        let bytes = self.last_line_of(&bytes[..bytes.len().min(max - scratch.len())]);
                        scratch.extend_from_slice(bytes);
                        cursor = self.after_gap(cursor.plus(bytes.len()));
                        if self.feed == Feed::LastLine && bytes.ends_with(b"\n") {
                            break;
                        }
                    }
                    Err(what) => {
                        missing = Some(what);
                        break;
                    }
                },
                Step::Entry(entry) => match entry.write(transcript, sent, max - scratch.len(), scratch) {
                    Ok(n) if sent + n < entry.len() => sent += n,
                    Ok(_) => {
                        cursor = self.cursor_after(cursor, entry);
                        sent = 0;
                        index += 1;
                    }
                    Err(what) => {
                        missing = Some(what);
                        break;
                    }
                },
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
                    self.sent_feed(transcript, taken);
                    self.cursor = self.cursor.plus(taken);
                    self.update_mid_line(transcript);
                    self.cross_gap(transcript);
                    n -= taken;
                }
                Step::Entry(_) => {
                    let (taken, done) = self.replies.advance(n);
                    self.acks.sent_reply(taken);
                    n -= taken;
                    let Some(entry) = done else { return };
                    let after = self.cursor_after(self.cursor, &entry);
                    if after != self.cursor {
                        self.cursor = after;
                        self.begin_run(transcript);
                    }
                }
                Step::Nothing => unreachable!("no more can be on its way than chunk gave"),
            }
        }
    }

    /// Bytes handed to the transport so far.
    pub fn bytes_sent(&self) -> u64 {
        self.acks.sent()
    }

    /// Bytes of which the peer's kernel has said nothing yet.
    pub fn outstanding(&self) -> u64 {
        self.acks.outstanding()
    }

    /// The peer's kernel has `total` of all bytes sent. The number of the last line of the feed that has
    /// arrived whole, if that is news.
    pub fn acknowledged(&mut self, transcript: &Transcript, total: u64) -> Option<Seq> {
        let Arrived { pos, at_least } = self.acks.acknowledge(total)?;
        Some(transcript.seq_before(pos).map_or(at_least, |seq| seq.max(at_least)))
    }

    /// Whether the next write would find bytes. Cheap: asked for every connection at every message.
    pub fn is_due(&self, transcript: &Transcript) -> bool {
        !matches!(self.step(transcript, self.cursor, 0), Step::Nothing)
    }

    /// Whether nothing of the feed before `mark` is outstanding, and no reply.
    pub(in crate::room) fn is_served(&self, mark: Pos) -> bool {
        self.replies.is_empty() && (self.is_exhausted(self.cursor) || self.cursor >= mark)
    }

    /// Whether what comes next is forgotten.
    pub fn is_lagging(&self, transcript: &Transcript) -> bool {
        !self.is_exhausted(self.cursor) && self.cursor < transcript.oldest()
    }

    /// What stands at `cursor`, the entries before `index` being done with.
    fn step(&self, transcript: &Transcript, cursor: Pos, index: usize) -> Step<'_> {
        let limit = match self.feed {
            Feed::Off => cursor,
            Feed::Live | Feed::LastTicket | Feed::LastLine => transcript.end(),
            Feed::Last(end) => end,
        };
        let limit = match &self.gap {
            Some(gap) if cursor <= gap.from => limit.min(gap.from),
            _ => limit,
        };
        let Some(entry) = self.replies.get(index) else {
            return if cursor < limit { Step::Transcript { to: limit } } else { Step::Nothing };
        };
        match entry.key() {
            Some(key) if cursor >= key || self.is_exhausted(cursor) => return Step::Entry(entry),
            _ => {}
        }
        let to = entry.key().map_or(limit, |key| key.min(limit));
        if cursor < to { Step::Transcript { to } } else { Step::Nothing }
    }

    /// Whether no more of the transcript will ever be sent.
    fn is_exhausted(&self, cursor: Pos) -> bool {
        match self.feed {
            Feed::Off => true,
            Feed::Live | Feed::LastTicket | Feed::LastLine => false,
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
    fn update_mid_line(&mut self, transcript: &Transcript) {
        let before = Pos(self.cursor.0 - 1);
        self.mid_line = transcript.slice(before, self.cursor) != Ok(b"\n");
        if self.feed == Feed::LastLine && !self.mid_line {
            self.feed = Feed::Last(self.cursor);
        }
    }

    fn cursor_after(&self, cursor: Pos, entry: &Entry) -> Pos {
        match entry {
            // An own message's event is passed over, where the connection is at it.
            Entry::OwnMsg { start, end, .. } if cursor == *start && self.feed != Feed::Off => *end,
            _ => cursor,
        }
    }

    /// `n` bytes of the feed go out, from the cursor on.
    fn sent_feed(&mut self, transcript: &Transcript, n: usize) {
        // Behind the window every piece begins a run: its line number is known now, and perhaps not later.
        if !self.acks.continues(self.cursor) || self.cursor < transcript.base() {
            self.begin_run(transcript);
        }
        self.acks.sent_feed(n);
    }

    pub(in crate::room) fn begin_run(&mut self, transcript: &Transcript) {
        let seq = transcript.seq_before(self.cursor).unwrap_or_default();
        self.acks.begin_run(self.cursor, seq);
    }

    fn push(&mut self, entry: Entry) {
        if !self.discards_output {
            self.replies.push(entry);
        }
    }

    /// What is always true of it.
    ///
    /// # Panics
    /// If it is not.
    pub fn check(&self, transcript: &Transcript) {
        let end = transcript.end();
        assert!(self.cursor <= end, "the cursor is in the transcript: {self:?}");
        self.replies.check(end);
        assert!(self.gap.as_ref().is_none_or(|gap| gap.from <= gap.to && gap.to <= end), "{self:?}");
        match self.feed {
            Feed::Last(last) => assert!(last <= end, "{self:?}"),
            Feed::LastTicket => assert!(self.has_tickets(), "{self:?}"),
            Feed::Off | Feed::Live | Feed::LastLine => {}
        }
    }
}

#[cfg(test)]
mod tests;
