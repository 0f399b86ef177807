//! What a broker sends, taken apart.

use std::fmt;

use bytes::{Buf as _, Bytes, BytesMut};
use memchr::memchr;

use super::message::{Message, Sid, number};
use super::subject::Subject;
use crate::limits::{NATS_LINE_MAX, NATS_MESSAGE_MAX};

/// What a broker says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// INFO: what it is, as JSON. The first line of a connection; again when the brokers have changed.
    Info(Bytes),
    /// A message for a subscription.
    Message(Message),
    /// To be answered with PONG.
    Ping,
    /// The answer to PING: everything that was sent before that has been handled.
    Pong,
    /// `-ERR`, without its quotes and with nothing that would disturb a log. Often the last words of a connection.
    Error(String),
}

/// What is not the protocol. Nothing more can be learned from the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Malformed {
    /// A control line is longer than [`NATS_LINE_MAX`].
    LineTooLong,
    /// A message is longer than [`NATS_MESSAGE_MAX`].
    MessageTooLong,
    /// A control line begins with a word that brokers do not say to clients.
    Verb,
    /// Not the arguments that a verb has.
    Arguments,
    /// No line end after a payload.
    Unended,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, message) = (NATS_LINE_MAX >> 10, NATS_MESSAGE_MAX >> 10);
        match self {
            Malformed::LineTooLong => write!(f, "it sent a control line of more than {line} KiB"),
            Malformed::MessageTooLong => write!(f, "it sent a message of more than {message} KiB"),
            Malformed::Verb => {
                f.write_str("what it sends is not the protocol of NATS; is that a broker's port for clients?")
            }
            Malformed::Arguments => f.write_str("it sent a control line with wrong arguments"),
            Malformed::Unended => f.write_str("it sent a message that does not end where it should"),
        }
    }
}

/// What is known of a message before its payload is here.
#[derive(Debug)]
struct Head {
    subject: Subject,
    sid: Sid,
    reply: Option<Subject>,
    headers: usize,
    /// Headers and payload.
    total: usize,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Parser {
    bytes: BytesMut,
    /// So many of them have been searched for a line end.
    searched: usize,
    /// The message whose payload is next.
    head: Option<Head>,
    failed: Option<Malformed>,
}

impl Parser {
    /// Takes what has come. Take all events before the next piece, so that no more than one message is kept.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Whether nothing is left of what was fed.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty() && self.head.is_none()
    }

    /// The next event, if all of it is here. After an error there is only that error.
    pub fn poll(&mut self) -> Result<Option<Event>, Malformed> {
        if let Some(failed) = self.failed {
            return Err(failed);
        }
        let next = self.advance();
        self.failed = next.as_ref().err().copied();
        next
    }

    fn advance(&mut self) -> Result<Option<Event>, Malformed> {
        loop {
            if let Some(head) = self.head.take() {
                return self.message(head);
            }
            let Some(line) = self.line()? else { return Ok(None) };
            if let Some(event) = self.control(&line)? {
                return Ok(Some(event));
            }
        }
    }

    /// The next control line, without its end.
    fn line(&mut self) -> Result<Option<Bytes>, Malformed> {
        let found = memchr(b'\n', &self.bytes[self.searched..]).map(|at| self.searched + at);
        if found.unwrap_or(self.bytes.len()) > NATS_LINE_MAX {
            return Err(Malformed::LineTooLong);
        }
        let Some(end) = found else {
            self.searched = self.bytes.len();
            return Ok(None);
        };
        self.searched = 0;
        let mut line = self.bytes.split_to(end + 1).freeze();
        line.truncate(if line.ends_with(b"\r\n") { end - 1 } else { end });
        Ok(Some(line))
    }

    /// `None`: there is nothing to tell yet.
    fn control(&mut self, line: &Bytes) -> Result<Option<Event>, Malformed> {
        let end = line.iter().position(|byte| is_blank(*byte)).unwrap_or(line.len());
        let (verb, rest) = (&line[..end], line[end..].trim_ascii());
        let is = |word: &[u8]| verb.eq_ignore_ascii_case(word);
        if is(b"MSG") || is(b"HMSG") {
            self.head = Some(head(line, &line[end..], is(b"HMSG"))?);
            return Ok(None);
        }
        if is(b"INFO") {
            return Ok(Some(Event::Info(line.slice_ref(rest))));
        }
        if is(b"-ERR") {
            let quoted = rest.strip_prefix(b"'").and_then(|rest| rest.strip_suffix(b"'"));
            let text = String::from_utf8_lossy(quoted.unwrap_or(rest));
            let text = text.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
            return Ok(Some(Event::Error(text)));
        }
        let event = match () {
            () if is(b"PING") => Some(Event::Ping),
            () if is(b"PONG") => Some(Event::Pong),
            () if is(b"+OK") => None,
            () => return Err(Malformed::Verb),
        };
        if rest.is_empty() { Ok(event) } else { Err(Malformed::Arguments) }
    }

    fn message(&mut self, head: Head) -> Result<Option<Event>, Malformed> {
        if self.bytes.len() < head.total + 2 {
            self.head = Some(head);
            return Ok(None);
        }
        let mut payload = self.bytes.split_to(head.total).freeze();
        if !self.bytes.starts_with(b"\r\n") {
            return Err(Malformed::Unended);
        }
        self.bytes.advance(2);
        let headers = payload.split_to(head.headers);
        let Head { subject, sid, reply, .. } = head;
        Ok(Some(Event::Message(Message { subject, sid, reply, headers, payload })))
    }
}

fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

/// `<subject> <sid> [reply] [length of headers] <length>`.
fn head(line: &Bytes, arguments: &[u8], has_headers: bool) -> Result<Head, Malformed> {
    let mut words = arguments.split(|byte| is_blank(*byte)).filter(|word| !word.is_empty());
    // More than any message has.
    let words: [Option<&[u8]>; 6] = std::array::from_fn(|_| words.next());
    let words = &words[..words.iter().position(Option::is_none).unwrap_or(words.len())];
    let (subject, sid, reply, headers, total) = match (words, has_headers) {
        (&[Some(subject), Some(sid), Some(total)], false) => (subject, sid, None, &b"0"[..], total),
        (&[Some(subject), Some(sid), reply, Some(total)], false) => (subject, sid, reply, &b"0"[..], total),
        (&[Some(subject), Some(sid), Some(headers), Some(total)], true) => {
            (subject, sid, None, headers, total)
        }
        (&[Some(subject), Some(sid), reply, Some(headers), Some(total)], true) => {
            (subject, sid, reply, headers, total)
        }
        _ => return Err(Malformed::Arguments),
    };
    let word = |word| Subject::new(line.slice_ref(word)).ok_or(Malformed::Arguments);
    let size = |word| number(word).ok_or(Malformed::Arguments);
    let reply = reply.map(word).transpose()?;
    let (headers, total) = (size(headers)?, size(total)?);
    if total > NATS_MESSAGE_MAX as u64 {
        return Err(Malformed::MessageTooLong);
    }
    if headers > total {
        return Err(Malformed::Arguments);
    }
    let size = |size| usize::try_from(size).expect("at most the longest message");
    let (headers, total) = (size(headers), size(total));
    Ok(Head {
        subject: word(subject)?,
        sid: Sid(number(sid).ok_or(Malformed::Arguments)?),
        reply,
        headers,
        total,
    })
}
