//! What one connection is owed: a cursor into the transcript, and replies inserted at certain positions.
//!
//! A reply's position is the transcript's end when it was made. An own message is a ticket until the log has answered; later
//! replies wait for it, events do not. Once committed, it is an entry at its event's position, sent as `OK MSG` instead of
//! the event. A part of the history is an entry, too: a range of the transcript, not a copy.

use crate::limits::WRITE_MAX;
use crate::protocol::{Seq, Verb};
use crate::room::feed::ack_tracker::{AckTracker, Arrived};
use crate::room::feed::replies::{Entry, Replies};
use crate::room::{Chunk, LogRefusal, Missing, Placed, Pos, Transcript};

/// Which part of the transcript a connection receives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Feed {
    #[default]
    /// None: before login, or logged in without a feed. Replies only.
    Off,
    /// All of it from the cursor on: out of the window, or out of blocks of the files if the cursor is before the window.
    Live,
    /// Leaving: up to the last own message, which the log has not answered yet.
    LastTicket,
    /// Leaving: up to this position, then the remaining replies.
    Last(Pos),
    /// Leaving: up to the end of the line that is being sent, which is in a block that is not in memory yet.
    LastLine,
}

/// Skipped lines: the positions before and after them, and the number of the last.
#[derive(Debug)]
pub(crate) struct Gap {
    pub(crate) from: Pos,
    pub(crate) to: Pos,
    pub(crate) to_seq: Seq,
}

/// What comes next at a cursor.
enum Step<'a> {
    Transcript { to: Pos },
    Entry(&'a Entry),
    Nothing,
}

/// What one connection is owed.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    pub(crate) feed: Feed,
    pub(crate) cursor: Pos,
    pub(crate) replies: Replies,
    /// Whether the cursor is within a line. Before the window there is no other way to know.
    pub(crate) mid_line: bool,
    /// Lines that are skipped after the one that is being sent. Most connections have none.
    pub(crate) gap: Option<Box<Gap>>,
    /// The peer takes nothing any more.
    discards_output: bool,
    pub(crate) acks: AckTracker,
}

impl Outbox {
    /// Starts the feed at `from`, a line boundary.
    pub(crate) fn go_live(&mut self, transcript: &Transcript, from: Pos) {
        debug_assert_eq!(self.feed, Feed::Off);
        if self.discards_output {
            return;
        }
        self.cursor = from;
        self.feed = Feed::Live;
        // Earlier answers, with OK LOGIN, come before what was missed.
        self.replies.pull_back(from, transcript.end());
    }

    /// The peer takes nothing any more: drops what is owed, now and later.
    pub(crate) fn discard_output(&mut self) {
        self.discards_output = true;
        (self.replies, self.gap) = (Replies::default(), None);
        match self.feed {
            Feed::Live => self.feed = Feed::Off,
            Feed::LastTicket => self.feed = Feed::Last(self.cursor),
            Feed::Off | Feed::Last(_) | Feed::LastLine => {}
        }
    }

    /// Whether the feed is ending.
    pub(crate) fn is_leaving(&self) -> bool {
        matches!(self.feed, Feed::LastTicket | Feed::Last(_) | Feed::LastLine)
    }

    /// Adds a reply at the transcript's end: one line or more, each with its LF.
    pub(crate) fn reply(&mut self, transcript: &Transcript, line: Vec<u8>) {
        self.push(Entry::Reply { key: transcript.end(), line: line.into_boxed_slice() });
    }

    /// Adds whole lines of the transcript as a reply.
    pub(crate) fn reply_range(&mut self, transcript: &Transcript, from: Pos, to: Pos) {
        self.push(Entry::Range { key: transcript.end(), from, to });
    }

    /// Adds a ticket for what the log will answer.
    pub(crate) fn propose(&mut self) {
        self.push(Entry::Ticket);
    }

    /// The oldest waiting message was committed at `placed`: its OK is sent there.
    pub(crate) fn committed(&mut self, transcript: &Transcript, placed: Placed) {
        self.settle(transcript, Entry::committed(placed), placed.end);
    }

    /// What the oldest ticket has asked for was committed at `placed`, or is so already: it is answered there, and its event
    /// follows.
    pub(crate) fn set(&mut self, transcript: &Transcript, placed: Option<Placed>, line: Vec<u8>) {
        let (start, end) =
            placed.map_or((transcript.end(), transcript.end()), |placed| (placed.start, placed.end));
        self.settle(transcript, Entry::answer(start, line), end);
    }

    /// What the oldest ticket has asked for was refused.
    pub(crate) fn refused(&mut self, transcript: &Transcript, verb: Verb, why: LogRefusal) {
        self.settle(transcript, Entry::refused(transcript.end(), verb, why), transcript.end());
    }

    fn settle(&mut self, transcript: &Transcript, answer: Entry, end: Pos) {
        self.replies.settle(answer);
        if !self.replies.has_tickets() && self.feed == Feed::LastTicket {
            self.feed = Feed::Last(end);
        }
        if cfg!(debug_assertions) {
            self.check(transcript);
        }
    }

    /// Whether more events are owed than two writes carry. In a flood it is at most one write, and the rest of the one before.
    /// Ranges in answers do not count.
    pub(crate) fn is_catching_up(&self, transcript: &Transcript) -> bool {
        self.feed != Feed::Off && transcript.end().since(self.cursor) > 2 * WRITE_MAX
    }

    /// The next bytes owed, about `max` at most: a slice of the transcript if no reply comes between, else assembled in
    /// `scratch`. They stay the same until [`Outbox::advance`].
    pub(crate) fn chunk<'a>(
        &self,
        transcript: &'a Transcript,
        scratch: &'a mut Vec<u8>,
        max: usize,
    ) -> Chunk<'a> {
        if self.is_lagging(transcript) {
            return Chunk::Missing(Missing::Forgotten);
        }
        if self.replies.is_empty() {
            return match self.step(transcript, self.cursor, 0) {
                Step::Transcript { to } => match transcript.slice(self.cursor, to) {
                    Ok(bytes) => Chunk::Bytes(self.last_line_of(&bytes[..bytes.len().min(max)])),
                    Err(missing) => Chunk::Missing(missing),
                },
                _ if self.is_exhausted(self.cursor) && self.is_leaving() => Chunk::Finished,
                _ => Chunk::Nothing,
            };
        }
        scratch.clear();
        match self.assemble(transcript, scratch, max) {
            _ if !scratch.is_empty() => Chunk::Bytes(scratch),
            Ok(()) => Chunk::Nothing,
            Err(missing) => Chunk::Missing(missing),
        }
    }

    /// Replies, and what of the feed comes between them. An error: the next bytes are not in memory.
    fn assemble(&self, transcript: &Transcript, scratch: &mut Vec<u8>, max: usize) -> Result<(), Missing> {
        let (mut cursor, mut index, mut sent) = (self.cursor, 0, self.replies.sent);
        while scratch.len() < max {
            let room = max - scratch.len();
            match self.step(transcript, cursor, index) {
                Step::Transcript { to } => {
                    let bytes = transcript.slice(cursor, to)?;
                    let bytes = self.last_line_of(&bytes[..bytes.len().min(room)]);
                    scratch.extend_from_slice(bytes);
                    cursor = self.after_gap(cursor.plus(bytes.len()));
                    if self.feed == Feed::LastLine && bytes.ends_with(b"\n") {
                        break;
                    }
                }
                Step::Entry(entry) => {
                    sent += entry.write(transcript, sent, room, scratch)?;
                    if sent == entry.len() {
                        cursor = self.cursor_after(cursor, entry);
                        (sent, index) = (0, index + 1);
                    }
                }
                Step::Nothing => break,
            }
        }
        Ok(())
    }

    /// The transport has taken the first `n` bytes of [`Outbox::chunk`].
    pub(crate) fn advance(&mut self, transcript: &Transcript, mut n: usize) {
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
                Step::Nothing => unreachable!("the transport takes no more than chunk returned"),
            }
        }
    }

    /// The peer's kernel has acknowledged `total` of all bytes sent. Returns the last line of the feed that is acknowledged in
    /// full, if that is news.
    pub(crate) fn acknowledged(&mut self, transcript: &Transcript, total: u64) -> Option<Seq> {
        let Arrived { pos, at_least } = self.acks.acknowledge(total)?;
        Some(transcript.seq_before(pos).map_or(at_least, |seq| seq.max(at_least)))
    }

    /// Whether [`Outbox::chunk`] has bytes. Cheap, because it is called for every connection at every message.
    pub(crate) fn is_due(&self, transcript: &Transcript) -> bool {
        !matches!(self.step(transcript, self.cursor, 0), Step::Nothing)
    }

    /// Whether no reply is owed, and nothing of the feed before `mark`.
    pub(crate) fn is_served(&self, mark: Pos) -> bool {
        self.replies.is_empty() && (self.is_exhausted(self.cursor) || self.cursor >= mark)
    }

    /// Whether what comes next is no longer kept.
    pub(crate) fn is_lagging(&self, transcript: &Transcript) -> bool {
        !self.is_exhausted(self.cursor) && self.cursor < transcript.oldest()
    }

    /// What comes next at `cursor`, after the entries before `index`.
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
        let key = entry.key();
        if key.is_some_and(|key| cursor >= key || self.is_exhausted(cursor)) {
            return Step::Entry(entry);
        }
        let to = key.map_or(limit, |key| key.min(limit));
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

    /// The part of the feed's next bytes that may still be sent.
    fn last_line_of<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        match memchr::memchr(b'\n', bytes) {
            Some(at) if self.feed == Feed::LastLine => &bytes[..=at],
            _ => bytes,
        }
    }

    /// Finds out whether the cursor, which has just moved over bytes in memory, is within a line.
    fn update_mid_line(&mut self, transcript: &Transcript) {
        let before = Pos(self.cursor.0 - 1);
        self.mid_line = transcript.slice(before, self.cursor) != Ok(b"\n");
        if self.feed == Feed::LastLine && !self.mid_line {
            self.feed = Feed::Last(self.cursor);
        }
    }

    fn cursor_after(&self, cursor: Pos, entry: &Entry) -> Pos {
        match entry {
            // The event of an own message is skipped, if the feed is at it.
            Entry::OwnMsg { start, end, .. } if cursor == *start && self.feed != Feed::Off => *end,
            _ => cursor,
        }
    }

    /// `n` bytes of the feed are sent, from the cursor on.
    fn sent_feed(&mut self, transcript: &Transcript, n: usize) {
        // Before the window every piece begins a run: its line number is known now, but perhaps not later.
        if !self.acks.continues(self.cursor) || self.cursor < transcript.base() {
            self.begin_run(transcript);
        }
        self.acks.sent_feed(n);
    }

    pub(crate) fn begin_run(&mut self, transcript: &Transcript) {
        let seq = transcript.seq_before(self.cursor).unwrap_or_default();
        self.acks.begin_run(self.cursor, seq);
    }

    fn push(&mut self, entry: Entry) {
        if !self.discards_output {
            self.replies.push(entry);
        }
    }

    /// Panics if an invariant does not hold.
    pub(crate) fn check(&self, transcript: &Transcript) {
        let end = transcript.end();
        assert!(self.cursor <= end, "the cursor is in the transcript: {self:?}");
        self.replies.check(end);
        assert!(self.gap.as_ref().is_none_or(|gap| gap.from <= gap.to && gap.to <= end), "{self:?}");
        match self.feed {
            Feed::Last(last) => assert!(last <= end, "{self:?}"),
            Feed::LastTicket => assert!(self.replies.has_tickets(), "{self:?}"),
            Feed::Off | Feed::Live | Feed::LastLine => {}
        }
    }
}

#[cfg(test)]
mod tests;
