//! What one connection is owed: a cursor into the transcript, and the replies to put in on the way.
//!
//! A reply is keyed by the position at which it goes in: the durable mark when it was made, or the key of
//! the reply before it if that is later. An own message is an entry at its event's place; once the event is
//! durable it is rendered as `OK MSG` and the event's bytes are passed over. Only such entries name a
//! position that is not yet durable.

use std::collections::VecDeque;

use super::transcript::{Placed, Pos, Transcript};
use crate::limits::OWED_ENTRY_COST;
use crate::protocol::{Code, MsgOk, Verb, err};

/// Which part of the transcript a connection receives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feed {
    /// None: not logged in, or logged in without a feed. Receives replies only, and can never lag.
    Off,
    /// All of it, from the cursor on.
    Live,
    /// Leaving: up to a fixed end, then the replies that are left, then nothing more.
    Last(Pos),
}

/// What to send next.
#[derive(Debug, PartialEq, Eq)]
pub enum Chunk<'a> {
    /// These bytes.
    Bytes(&'a [u8]),
    /// Nothing at present.
    Nothing,
    /// Nothing ever again: all was said.
    Finished,
    /// What comes next has left the window.
    Lagged,
}

#[derive(Debug)]
enum Entry {
    Reply { key: Pos, line: Box<[u8]> },
    OwnMsg { start: Pos, end: Pos, ok: MsgOk },
}

impl Entry {
    fn key(&self) -> Pos {
        match self {
            Entry::Reply { key, .. } => *key,
            Entry::OwnMsg { start, .. } => *start,
        }
    }

    /// The earliest key for a reply behind this one.
    fn key_after(&self) -> Pos {
        match self {
            Entry::Reply { key, .. } => *key,
            Entry::OwnMsg { end, .. } => *end,
        }
    }

    fn len(&self) -> usize {
        match self {
            Entry::Reply { line, .. } => line.len(),
            Entry::OwnMsg { ok, .. } => ok.line_len(),
        }
    }

    fn cost(&self) -> usize {
        self.len() + OWED_ENTRY_COST
    }

    fn write(&self, from: usize, out: &mut Vec<u8>) {
        match self {
            Entry::Reply { line, .. } => out.extend_from_slice(&line[from..]),
            Entry::OwnMsg { ok, .. } => {
                let start = out.len();
                ok.write(out);
                out.drain(start..start + from);
            }
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
#[derive(Debug)]
pub struct Outbox {
    feed: Feed,
    cursor: Pos,
    entries: VecDeque<Entry>,
    /// Bytes of the first entry that are on their way already.
    sent: usize,
    /// What the entries cost, against the bound of `limits::OWED_MAX`.
    owed: usize,
}

impl Default for Outbox {
    fn default() -> Outbox {
        Outbox::new()
    }
}

impl Outbox {
    /// Of a connection that is not logged in.
    pub fn new() -> Outbox {
        Outbox { feed: Feed::Off, cursor: Pos(0), entries: VecDeque::new(), sent: 0, owed: 0 }
    }

    /// Memory that unsent replies take.
    pub fn owed(&self) -> usize {
        self.owed
    }

    /// From here on the transcript, beginning at `from`, the durable mark or a line boundary before it.
    pub fn go_live(&mut self, from: Pos) {
        debug_assert_eq!(self.feed, Feed::Off);
        self.cursor = from;
        self.feed = Feed::Live;
    }

    /// No more lines will be taken from this connection; it ends some time.
    pub fn is_leaving(&self) -> bool {
        matches!(self.feed, Feed::Last(_))
    }

    /// Puts a line (or some, each with its LF) in at the durable mark, or behind the replies before it.
    pub fn reply(&mut self, transcript: &Transcript, line: Vec<u8>) {
        let key = self.key_after_all().max(transcript.durable());
        self.push(Entry::Reply { key, line: line.into_boxed_slice() });
    }

    /// The connection's own message stands at `placed`: there its OK goes in.
    pub fn own_msg(&mut self, placed: Placed) {
        let ok = MsgOk { seq: placed.seq, time: placed.time };
        self.push(Entry::OwnMsg { start: placed.start, end: placed.end, ok });
    }

    /// Ends the feed behind the answer to the last command, and at the durable mark at least.
    pub fn leave_at_end(&mut self, transcript: &Transcript) {
        let end = self.key_after_all().max(transcript.durable());
        self.leave(match self.feed {
            Feed::Off => self.cursor,
            Feed::Live => end,
            Feed::Last(earlier) => earlier,
        });
    }

    /// Ends the feed at the end of the line that is on its way. Replies that are owed are still sent.
    pub fn leave_at_line_end(&mut self, transcript: &Transcript) {
        let line_end = transcript.line_end(self.cursor);
        self.leave(match self.feed {
            Feed::Off => self.cursor,
            Feed::Live => line_end,
            Feed::Last(earlier) => earlier.min(line_end),
        });
    }

    fn leave(&mut self, end: Pos) {
        self.feed = Feed::Last(end);
    }

    /// What is not durable was taken back: own messages in it become refusals, in their order.
    pub fn cut_back(&mut self, durable: Pos) {
        let mut owed = 0;
        for entry in &mut self.entries {
            match entry {
                Entry::OwnMsg { end, .. } if *end > durable => {
                    let line =
                        err(Verb::Msg, Code::Storage, "the message could not be stored, nobody saw it");
                    *entry = Entry::Reply { key: durable, line: line.into_boxed_slice() };
                }
                Entry::Reply { key, .. } => *key = (*key).min(durable),
                Entry::OwnMsg { .. } => {}
            }
            owed += entry.cost();
        }
        self.owed = owed;
        if let Feed::Last(end) = &mut self.feed {
            *end = (*end).min(durable);
        }
    }

    /// The next bytes owed, about `max` at the most, in one piece: a part of the transcript itself where no
    /// reply comes between, else assembled in `scratch`. The same until [`Outbox::advance`].
    pub fn chunk<'a>(&self, transcript: &'a Transcript, scratch: &'a mut Vec<u8>, max: usize) -> Chunk<'a> {
        if self.is_lagging(transcript) {
            return Chunk::Lagged;
        }
        if self.entries.is_empty() {
            return match self.step(transcript, self.cursor, 0) {
                Step::Transcript { to } => {
                    let bytes = transcript.slice(self.cursor, to);
                    Chunk::Bytes(&bytes[..bytes.len().min(max)])
                }
                _ if self.is_exhausted(self.cursor) && self.is_leaving() => Chunk::Finished,
                _ => Chunk::Nothing,
            };
        }
        scratch.clear();
        let (mut cursor, mut index, mut sent) = (self.cursor, 0, self.sent);
        while scratch.len() < max {
            match self.step(transcript, cursor, index) {
                Step::Transcript { to } => {
                    let bytes = transcript.slice(cursor, to);
                    let bytes = &bytes[..bytes.len().min(max - scratch.len())];
                    scratch.extend_from_slice(bytes);
                    cursor = cursor.plus(bytes.len());
                }
                Step::Entry => {
                    self.entries[index].write(sent, scratch);
                    cursor = self.cursor_behind(cursor, &self.entries[index]);
                    sent = 0;
                    index += 1;
                }
                Step::Nothing => break,
            }
        }
        if scratch.is_empty() { Chunk::Nothing } else { Chunk::Bytes(scratch) }
    }

    /// The first `n` bytes of [`Outbox::chunk`] are on their way.
    pub fn advance(&mut self, transcript: &Transcript, mut n: usize) {
        while n > 0 {
            match self.step(transcript, self.cursor, 0) {
                Step::Transcript { to } => {
                    let taken = n.min(to.since(self.cursor));
                    self.cursor = self.cursor.plus(taken);
                    n -= taken;
                }
                Step::Entry => {
                    let rest = self.entries[0].len() - self.sent;
                    if n < rest {
                        self.sent += n;
                        return;
                    }
                    n -= rest;
                    self.sent = 0;
                    let entry = self.entries.pop_front().expect("the step is an entry");
                    self.owed -= entry.cost();
                    self.cursor = self.cursor_behind(self.cursor, &entry);
                }
                Step::Nothing => unreachable!("no more can be on its way than chunk gave"),
            }
        }
        if self.entries.is_empty() && self.entries.capacity() > 0 {
            // Most connections say little: an idle one owns no buffer.
            self.entries = VecDeque::new();
        }
    }

    /// Whether the next write would find bytes. Cheap: asked for every connection at every message.
    pub fn is_due(&self, transcript: &Transcript) -> bool {
        !matches!(self.step(transcript, self.cursor, 0), Step::Nothing)
    }

    /// Whether what comes next has left the window.
    pub fn is_lagging(&self, transcript: &Transcript) -> bool {
        !self.is_exhausted(self.cursor) && self.cursor < transcript.base()
    }

    /// What stands at `cursor`, the entries before `index` being done with.
    fn step(&self, transcript: &Transcript, cursor: Pos, index: usize) -> Step {
        let exhausted = self.is_exhausted(cursor);
        let limit = match self.feed {
            Feed::Off => cursor,
            Feed::Live => transcript.durable(),
            Feed::Last(end) => end.min(transcript.durable()),
        };
        let Some(entry) = self.entries.get(index) else {
            return if cursor < limit { Step::Transcript { to: limit } } else { Step::Nothing };
        };
        if exhausted || cursor >= entry.key() {
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
            Feed::Live => false,
            Feed::Last(end) => cursor >= end,
        }
    }

    fn cursor_behind(&self, cursor: Pos, entry: &Entry) -> Pos {
        match entry {
            // An own message's event is passed over, where the connection is at it.
            Entry::OwnMsg { start, end, .. } if cursor == *start && self.feed != Feed::Off => *end,
            _ => cursor,
        }
    }

    fn key_after_all(&self) -> Pos {
        self.entries.back().map_or(Pos(0), Entry::key_after)
    }

    fn push(&mut self, entry: Entry) {
        self.owed += entry.cost();
        self.entries.push_back(entry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Event, Mail, Text, Time};

    /// A transcript and one connection to it, driven by words: `say TEXT` (another's), `own TEXT`,
    /// `durable`, `fail`, `reply WORD`, `live`, `end`, `cut`, `take N`, `take` (all there is).
    /// Returns what was received, numbers and texts only.
    fn check(script: &str, expected: &str) {
        for max in [1, 7, 1 << 16] {
            assert_eq!(play(script, max), expected, "in pieces of {max}: {script}");
        }
    }

    fn play(script: &str, max: usize) -> String {
        let mut transcript = Transcript::new(1 << 16);
        let mut outbox = Outbox::new();
        let mut received = Vec::new();
        let mut scratch = Vec::new();
        for word in script.split(", ") {
            let (verb, rest) = word.split_once(' ').unwrap_or((word, ""));
            match verb {
                "say" | "own" => {
                    let mail = Mail::parse(b"a@x").expect("a mail");
                    let text = Text::parse(rest.as_bytes()).expect("a text");
                    let placed = transcript.append(Time::from_unix_ms(0), Event::Msg { mail, text });
                    if verb == "own" {
                        outbox.own_msg(placed);
                    }
                }
                "durable" => transcript.set_durable(transcript.end()),
                "fail" => {
                    transcript.cut_back();
                    outbox.cut_back(transcript.durable());
                }
                "reply" => outbox.reply(&transcript, format!("{rest}\n").into_bytes()),
                "live" => outbox.go_live(transcript.durable()),
                "end" => outbox.leave_at_end(&transcript),
                "cut" => outbox.leave_at_line_end(&transcript),
                "take" => {
                    let mut left = rest.parse().unwrap_or(usize::MAX);
                    while left > 0 {
                        let n = match outbox.chunk(&transcript, &mut scratch, max) {
                            Chunk::Bytes(bytes) => {
                                let n = bytes.len().min(left);
                                received.extend_from_slice(&bytes[..n]);
                                n
                            }
                            Chunk::Nothing => break,
                            Chunk::Finished => {
                                received.extend_from_slice(b"FIN\n");
                                break;
                            }
                            Chunk::Lagged => unreachable!("nothing leaves this window"),
                        };
                        outbox.advance(&transcript, n);
                        left -= n;
                    }
                }
                _ => unreachable!("{verb}"),
            }
        }
        let text = String::from_utf8(received).expect("text");
        text.replace(" 1970-01-01T00:00:00.000Z", "").replace(" a@x", "").replace('\n', "|")
    }

    #[test]
    fn order() {
        check("reply hello, take, say 1, durable, take", "hello|");
        check("live, say x, take, durable, take", "MSG 1 x|");
        check("live, say a, own b, say c, durable, take", "MSG 1 a|OK MSG 2|MSG 3 c|");
        check("live, reply p, say a, reply q, durable, reply r, take", "p|q|MSG 1 a|r|");
        check("live, own a, reply p, take, durable, take", "OK MSG 1|p|");
        check("live, say x, own a, reply p, say b, durable, reply q, take", "MSG 1 x|OK MSG 2|p|MSG 3 b|q|");
    }

    #[test]
    fn without_a_feed() {
        check("own a, say b, own c, reply p, take, durable, take", "OK MSG 1|OK MSG 3|p|");
    }

    #[test]
    fn leaving() {
        check("live, say a, durable, say b, end, durable, take", "MSG 1 a|FIN|");
        check("live, say a, own b, say c, end, durable, take", "MSG 1 a|OK MSG 2|FIN|");
        check("own b, say c, end, take, durable, take", "OK MSG 1|FIN|");
        check("live, say aaaa, say b, durable, take 3, cut, reply bye, take", "MSG 1 aaaa|bye|FIN|");
        check("live, say a, durable, cut, reply bye, take", "bye|FIN|");
        check(
            "live, say a, own b, durable, own c, cut, reply bye, take, durable, take",
            "OK MSG 2|OK MSG 3|bye|FIN|",
        );
        check("live, say a, reply p, durable, take 40, say b, durable, cut, take", "p|MSG 1 a|FIN|");
    }

    #[test]
    fn a_failed_append() {
        let lost = "ERR MSG storage the message could not be stored, nobody saw it|";
        check("live, say a, durable, own b, reply p, say c, fail, take", &format!("MSG 1 a|{lost}p|"));
        check("live, own b, fail, own c, durable, take", &format!("{lost}OK MSG 1|"));
        check("live, own b, end, fail, say c, durable, take", &format!("{lost}FIN|"));
    }
}
