//! A message that a broker delivers.

use bytes::Bytes;

use super::subject::Subject;

/// Which subscription a message came by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sid(pub u64);

/// A message. Its parts share the buffer that it was received in, up to some 64 KiB with what came beside it: copy what
/// is kept for long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What it was published to.
    pub subject: Subject,
    /// By which subscription it came.
    pub sid: Sid,
    /// Where an answer goes.
    pub reply: Option<Subject>,
    /// `NATS/1.0`, then lines, as they came; empty without headers.
    pub headers: Bytes,
    /// The rest.
    pub payload: Bytes,
}

/// What a header block begins with.
const VERSION: &[u8] = b"NATS/1.0";

impl Message {
    /// The status that a broker answers with: 404 no message, 204 the end of a batch, 503 nobody is there to answer. A
    /// message that somebody published has none.
    pub fn status(&self) -> Option<u16> {
        let line = self.headers.strip_prefix(VERSION)?.strip_prefix(b" ")?;
        let digits = line.get(..3)?;
        let is_word = line.get(3).is_none_or(|byte| b" \r".contains(byte));
        let is_number = is_word && digits.iter().all(u8::is_ascii_digit);
        is_number.then(|| digits.iter().fold(0, |number, digit| number * 10 + u16::from(digit - b'0')))
    }

    /// The first header of this name, without blanks around it. Names are compared exactly, as brokers do.
    pub fn header(&self, name: &str) -> Option<&str> {
        let lines = self.headers.strip_prefix(VERSION)?.split(|byte| *byte == b'\n').skip(1);
        let mut values = lines.filter_map(|line| line.strip_prefix(name.as_bytes())?.strip_prefix(b":"));
        str::from_utf8(values.next()?).ok().map(str::trim)
    }

    /// Its number in the stream, in what the stream republishes and in answers to a direct get.
    pub fn sequence(&self) -> Option<u64> {
        self.number("Nats-Sequence")
    }

    /// When the stream's leader stored it, as text: the same for all who read it.
    pub fn stamp(&self) -> Option<&str> {
        self.header("Nats-Time-Stamp")
    }

    /// In an answer to a batched direct get: how many more there are, as far as this replica knows.
    pub fn pending(&self) -> Option<u64> {
        self.number("Nats-Num-Pending")
    }

    fn number(&self, name: &str) -> Option<u64> {
        number(self.header(name)?.as_bytes())
    }
}

/// Digits, and nothing else.
pub(super) fn number(word: &[u8]) -> Option<u64> {
    word.iter()
        .all(u8::is_ascii_digit)
        .then_some(word)
        .and_then(|word| str::from_utf8(word).ok()?.parse().ok())
}
