//! Names, numbers and sums that the stream has.

use std::fmt;
use std::sync::Arc;

use blake2::digest::consts::U32;
use blake2::{Blake2b, Digest as _};
use zeroize::Zeroizing;

use crate::limits::NODE_NAME_MAX;
use crate::protocol::Time;

/// A node of the group: `[A-Za-z0-9-]`, at most [`NODE_NAME_MAX`] bytes. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeName(Arc<str>);

/// Not a node's name. Its sentence says what one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeNameError;

impl NodeName {
    /// Parses a name.
    pub fn parse(text: &str) -> Result<NodeName, NodeNameError> {
        let fits = (1..=NODE_NAME_MAX).contains(&text.len());
        let is_clean = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if fits && is_clean { Ok(NodeName(text.into())) } else { Err(NodeNameError) }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NodeNameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a node's name has 1 to {NODE_NAME_MAX} of A-Z, a-z, 0-9 and -")
    }
}

impl fmt::Display for NodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for NodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A node's start: greater than all starts of that name before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Start(pub u64);

/// The number of a batch within its node's start: from 1 on, without a hole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BatchNumber(pub u64);

/// The number of a message in the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StreamSeq(pub u64);

impl Start {
    /// The one under which a group is founded; a server's is a time in milliseconds, or more than one before it.
    pub const FOUNDING: Start = Start(1);

    /// The least greater one.
    #[must_use]
    pub fn next(self) -> Start {
        Start(self.0 + 1)
    }
}

impl BatchNumber {
    /// The first of a start.
    pub const FIRST: BatchNumber = BatchNumber(1);

    /// The number of the next batch.
    #[must_use]
    pub fn next(self) -> BatchNumber {
        BatchNumber(self.0 + 1)
    }
}

impl StreamSeq {
    /// The number of the next message.
    #[must_use]
    pub fn next(self) -> StreamSeq {
        StreamSeq(self.0 + 1)
    }
}

impl fmt::Display for Start {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for BatchNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for StreamSeq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What the lines so far add up to: the BLAKE2b-256 of the sum before and the lines of a batch. Before the first line it is
/// zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum([u8; 32]);

impl Sum {
    /// The sum after these lines of a batch.
    #[must_use]
    pub fn after(self, lines: &[u8]) -> Sum {
        let mut summing = Summing::after(self);
        summing.add(lines);
        summing.end()
    }

    /// Parses what [`fmt::Display`] writes.
    pub fn parse(text: &[u8]) -> Option<Sum> {
        let mut bytes = [0; 32];
        from_hex(text, &mut bytes)?;
        Some(Sum(bytes))
    }
}

/// A sum of lines that come in pieces.
#[derive(Debug)]
pub(super) struct Summing(Blake2b<U32>);

impl Summing {
    pub(super) fn after(sum: Sum) -> Summing {
        let mut hash = Blake2b::new();
        hash.update(sum.0);
        Summing(hash)
    }

    pub(super) fn add(&mut self, piece: &[u8]) {
        self.0.update(piece);
    }

    pub(super) fn end(self) -> Sum {
        Sum(self.0.finalize().into())
    }
}

impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The key of the group's tokens: those made by one node are good on all. Wiped when dropped, never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenKey(Zeroizing<[u8; 32]>);

impl TokenKey {
    /// From its bytes.
    pub fn new(bytes: Zeroizing<[u8; 32]>) -> TokenKey {
        TokenKey(bytes)
    }

    /// For making and checking tokens only.
    pub fn expose(&self) -> &Zeroizing<[u8; 32]> {
        &self.0
    }

    /// Parses what [`TokenKey::hex`] writes.
    pub(super) fn parse(text: &[u8]) -> Option<TokenKey> {
        let mut bytes = Zeroizing::new([0; 32]);
        from_hex(text, &mut bytes)?;
        Some(TokenKey(bytes))
    }

    /// As the stream has it.
    pub(super) fn hex(&self) -> Zeroizing<[u8; 64]> {
        let mut text = Zeroizing::new([0; 64]);
        for (digits, byte) in text.chunks_exact_mut(2).zip(self.0.iter()) {
            digits[0] = HEX[usize::from(byte >> 4)];
            digits[1] = HEX[usize::from(byte & 15)];
        }
        text
    }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<key>")
    }
}

const HEX: &[u8; 16] = b"0123456789abcdef";

/// Exactly as many bytes, in lower case.
fn from_hex(text: &[u8], bytes: &mut [u8; 32]) -> Option<()> {
    let value = |digit: u8| HEX.iter().position(|&b| b == digit).and_then(|at| u8::try_from(at).ok());
    if text.len() != 2 * bytes.len() {
        return None;
    }
    for (byte, digits) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        *byte = value(digits[0])? << 4 | value(digits[1])?;
    }
    Some(())
}

/// Parses a message's time as the stream's engine writes it: RFC 3339 in UTC, with any number of digits of the second, or
/// none. All nodes cut it to milliseconds.
pub fn parse_stamp(text: &str) -> Option<Time> {
    const SECOND: usize = "2026-01-02T03:04:05".len();
    let (second, rest) = text.split_at_checked(SECOND)?;
    let digits = match rest.strip_suffix('Z')? {
        "" => "",
        fraction => fraction.strip_prefix('.').filter(|digits| !digits.is_empty())?,
    };
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Time::parse(format!("{second}.{:0<3}Z", &digits[..digits.len().min(3)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for good in ["a", "node-1", "X9", &"n".repeat(NODE_NAME_MAX)] {
            assert_eq!(NodeName::parse(good).map(|name| name.to_string()), Ok(good.to_owned()));
        }
        for bad in ["", "a b", "a.b", "a_b", "*", ">", "ä", "a\n", &"n".repeat(NODE_NAME_MAX + 1)] {
            assert_eq!(NodeName::parse(bad), Err(NodeNameError), "{bad:?}");
        }
    }

    #[test]
    fn stamps_are_cut_to_milliseconds() {
        for (text, expected) in [
            ("2026-01-02T03:04:05.678912345Z", Some("2026-01-02T03:04:05.678Z")),
            ("2026-01-02T03:04:05.6789Z", Some("2026-01-02T03:04:05.678Z")),
            ("2026-01-02T03:04:05.67Z", Some("2026-01-02T03:04:05.670Z")),
            ("2026-01-02T03:04:05.6Z", Some("2026-01-02T03:04:05.600Z")),
            ("2026-01-02T03:04:05Z", Some("2026-01-02T03:04:05.000Z")),
            ("2026-01-02T03:04:05.Z", None),
            ("2026-01-02T03:04:05.678", None),
            ("2026-01-02T03:04:05.6+00:00", None),
            ("2026-01-02T03:04:05.-78Z", None),
            ("2026-01-02T03:04Z", None),
            ("1969-12-31T23:59:59.999Z", None),
            ("2026-01-02T03:04:0\u{e4}Z", None),
            ("", None),
        ] {
            assert_eq!(parse_stamp(text).map(|time| time.to_string()).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn sums_and_keys_are_hex() {
        let sum = Sum::default().after(b"MSG 1\n");
        assert_eq!(Sum::parse(sum.to_string().as_bytes()), Some(sum));
        assert_ne!(sum, Sum::default().after(b"MSG 2\n"));
        assert_ne!(sum.after(b"x"), Sum::default().after(b"x"), "the sum before counts");
        // BLAKE2b-256 of 32 zeros and "abc", by Python's hashlib.
        let known = "5db827e5e925e6b933a86596a0446c345c0d74d77f55a751ade5d7c7162eead8";
        assert_eq!(Sum::default().after(b"abc").to_string(), known);
        for bad in ["", "00", &"0".repeat(63), &"0".repeat(65), &"A".repeat(64), &"+f".repeat(32)] {
            assert_eq!(Sum::parse(bad.as_bytes()), None, "{bad:?}");
        }
        let key = TokenKey::new(Zeroizing::new([0xa7; 32]));
        assert_eq!(key.hex().as_ref(), "a7".repeat(32).as_bytes());
        assert_eq!(TokenKey::parse(key.hex().as_ref()), Some(key.clone()));
        assert_eq!(format!("{key:?}"), "<key>");
    }
}
