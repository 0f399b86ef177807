//! What the load generator has to know of a protocol: how to come in, how a message is said and answered, and where the
//! messages are in what a receiver gets.

use std::io;

use crate::common::crowd::KNOCKING;

/// Every server asks for it, in the cheapest form that it has.
pub(crate) const PASSWORD: &str = "bench-password";
/// The channel, subject, topic or stream where all is said.
pub(crate) const ROOM: &str = "room";

/// Something that is said on the way in, and how to tell its answer.
pub(crate) struct Stage {
    pub(crate) say: Vec<u8>,
    pub(crate) until: fn(&[u8]) -> io::Result<Until>,
}

/// What the bytes that came so far are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Until {
    /// The answer is there and has so many bytes.
    Answered(usize),
    /// It is not, and so many bytes can be forgotten.
    NotYet(usize),
}

/// What the receivers are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    /// All of them the same bytes: those of all but the first are compared with its bytes.
    Common,
    /// Each its own bytes, or the publishers' messages in an order of its own: message by message is compared.
    Own,
}

/// What of some bytes from a receiver's connection was understood.
pub(crate) type Taken = io::Result<usize>;

pub(crate) trait Protocol {
    fn stream(&self) -> Stream;

    /// So many may be on their way in at a time: enough to keep both sides busy, fewer than its backlog.
    fn at_once(&self) -> usize {
        KNOCKING
    }

    /// How a receiver comes in.
    fn enter(&self, receiver: usize) -> Vec<Stage>;

    /// After all are in: what comes after its answer is what is said.
    fn fence(&self) -> Option<Stage> {
        None
    }

    /// Hands over the texts of the messages in these bytes, as far as they are whole, and writes down what the receiver has
    /// to say to that.
    fn take(&self, bytes: &[u8], each: &mut dyn FnMut(&[u8]) -> io::Result<()>, says: &mut Vec<u8>) -> Taken;

    /// How a publisher comes in.
    fn enter_to_publish(&self, publisher: usize) -> Vec<Stage>;

    fn publish(&self, out: &mut Vec<u8>, publisher: usize, text: &[u8]);

    /// Where messages are not answered one by one: what is said after some of them. Its answer is theirs.
    fn ask(&self) -> Option<&'static [u8]> {
        None
    }

    /// The bytes understood of what a publisher got, and how many answers there were.
    fn answers(&self, bytes: &[u8]) -> io::Result<(usize, u64)>;
}

/// The whole lines of these bytes, with their ends.
pub(crate) fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let whole = memchr::memrchr(b'\n', bytes).map_or(0, |end| end + 1);
    bytes[..whole].split_inclusive(|&byte| byte == b'\n')
}

/// The answer is the first line that this is true of.
pub(crate) fn until_line(bytes: &[u8], is_it: impl Fn(&[u8]) -> io::Result<bool>) -> io::Result<Until> {
    let mut seen = 0;
    for line in lines(bytes) {
        seen += line.len();
        if is_it(line)? {
            return Ok(Until::Answered(seen));
        }
    }
    Ok(Until::NotYet(seen))
}

/// The answer is these bytes, and nothing before them.
pub(crate) fn until_exactly(bytes: &[u8], answer: &[u8]) -> io::Result<Until> {
    let length = bytes.len().min(answer.len());
    if bytes[..length] != answer[..length] {
        return unexpected("on the way in", bytes);
    }
    Ok(if length == answer.len() { Until::Answered(length) } else { Until::NotYet(0) })
}

/// Says that this came.
pub(crate) fn unexpected<T>(what: &str, bytes: &[u8]) -> io::Result<T> {
    let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(300)]);
    Err(io::Error::other(format!("{what} came {shown:?}")))
}
