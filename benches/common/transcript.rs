//! What every receiver must have received, checked line by line once.
//!
//! All receivers are owed the same bytes. So each byte is checked and kept here when the first of them receives it, and
//! those of all others are compared with that: at memory speed, yet every byte of every line of every receiver that
//! compares.

use std::io::{self, Write as _};

use chat_room::limits::TIME_LEN;

use super::fail;

/// The one member all connections belong to. Short, so that a line has 64 bytes at seven digits.
pub(crate) const MAIL: &str = "a@b.c";
/// Publishers of a run at most. Their texts begin with two digits.
pub(crate) const PUBLISHERS_MAX: usize = 16;
/// Brings a line to 64 bytes, the size of the measurements in the plan.
const FILL: &str = "abcdef";
/// Two digits, blank, ten digits, blank, fill.
const TEXT_LEN: usize = 2 + 1 + 10 + 1 + FILL.len();

/// What publisher `publisher` says as its message number `count`.
pub(crate) fn write_text(out: &mut Vec<u8>, publisher: usize, count: u64) {
    write!(out, "{publisher:02} {count:010} {FILL}").expect("writing to a Vec cannot fail");
}

/// What a server makes of message number `count` of a publisher.
pub(crate) fn write_line(out: &mut Vec<u8>, number: u64, publisher: usize, count: u64) {
    write!(out, "MSG {number} 2026-01-02T03:04:05.678Z {MAIL} ").expect("writing to a Vec cannot fail");
    write_text(out, publisher, count);
    out.push(b'\n');
}

/// The bytes of one run.
#[derive(Debug)]
pub(crate) struct Transcript {
    bytes: Vec<u8>,
    /// So many of them are whole lines, and right.
    checked: usize,
    next_seq: u64,
    /// What each publisher says next.
    next_count: [u64; PUBLISHERS_MAX],
    /// For each publisher the numbers its messages got in this run, in order.
    numbers: [Vec<u64>; PUBLISHERS_MAX],
}

impl Transcript {
    /// Lines follow number `last`; the publishers count from 0.
    pub(crate) fn new(last: u64) -> Transcript {
        Transcript {
            bytes: Vec::new(),
            checked: 0,
            next_seq: last + 1,
            next_count: [0; PUBLISHERS_MAX],
            numbers: Default::default(),
        }
    }

    /// Forgets the bytes, after all receivers have had them.
    pub(crate) fn start_run(&mut self) {
        self.bytes.clear();
        self.checked = 0;
        self.numbers = Default::default();
    }

    /// The number of the last whole line.
    pub(crate) fn last(&self) -> u64 {
        self.next_seq - 1
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Where each line of the run ends, after its LF.
    pub(crate) fn ends(&self) -> Vec<usize> {
        memchr::memchr_iter(b'\n', &self.bytes).map(|lf| lf + 1).collect()
    }

    /// For each publisher the numbers its messages got in this run.
    pub(crate) fn numbers(&self) -> &[Vec<u64>; PUBLISHERS_MAX] {
        &self.numbers
    }

    /// Takes `bytes` that a receiver got at `at`: compares what is known, checks and keeps what is new.
    pub(crate) fn take(&mut self, at: usize, bytes: &[u8]) -> io::Result<()> {
        let known = bytes.len().min(self.bytes.len() - at);
        if bytes[..known] != self.bytes[at..at + known] {
            let received = String::from_utf8_lossy(bytes);
            return fail(format!(
                "a receiver got something else than another, at byte {at}: {received:.300?}"
            ));
        }
        if known < bytes.len() {
            self.bytes.extend_from_slice(&bytes[known..]);
            while let Some(length) = memchr::memchr(b'\n', &self.bytes[self.checked..]) {
                let line = self.checked..self.checked + length;
                self.checked += length + 1;
                if self.check(line.clone()).is_none() {
                    let (next, line) = (self.next_seq, String::from_utf8_lossy(&self.bytes[line]));
                    return fail(format!("number {next} was expected, this came: {line:?}"));
                }
            }
        }
        Ok(())
    }

    /// Whether a line is the next: number, publisher's count, and every other byte but the time's.
    fn check(&mut self, line: std::ops::Range<usize>) -> Option<()> {
        let line = &self.bytes[line];
        let (number, rest) = decimal(line.strip_prefix(b"MSG ")?);
        let rest = rest.strip_prefix(b" ")?.get(TIME_LEN..)?.strip_prefix(b" ")?;
        let text = rest.strip_prefix(MAIL.as_bytes())?.strip_prefix(b" ")?;
        let (publisher, rest) = decimal(text);
        let (count, rest) = decimal(rest.strip_prefix(b" ")?);
        let numbers = self.numbers.get_mut(usize::try_from(publisher).ok()?)?;
        let next_count = &mut self.next_count[usize::try_from(publisher).ok()?];
        let right = number == self.next_seq
            && count == *next_count
            && rest.strip_prefix(b" ")? == FILL.as_bytes()
            && text.len() == TEXT_LEN;
        numbers.push(number);
        self.next_seq += 1;
        *next_count += 1;
        right.then_some(())
    }
}

/// A yardstick that cannot fail measures nothing: lost, doubled, torn, changed and swapped lines are noticed,
/// by the first receiver and by all others.
pub(crate) fn prove_itself() -> io::Result<()> {
    let mut lines: Vec<Vec<u8>> = vec![Vec::new(); 3];
    (0..).zip(&mut lines).for_each(|(count, line)| write_line(line, 8 + count, 0, count));
    let [one, two, three] = &lines[..] else { unreachable!("three were made") };
    let right = [&one[..], two, three].concat();
    let wrong = [
        ("lost", [&one[..], three].concat()),
        ("doubled", [&one[..], one, two].concat()),
        ("swapped", [&two[..], one, three].concat()),
        ("torn", [&one[..20], two, three].concat()),
        ("cut", [&one[..], &two[1..], three].concat()),
        ("changed", right.iter().map(|&byte| if byte == b'f' { b'h' } else { byte }).collect()),
    ];
    for (what, bytes) in wrong {
        let first_notices = Transcript::new(7).take(0, &bytes).is_err();
        let mut transcript = Transcript::new(7);
        transcript.take(0, &right)?;
        if !first_notices || transcript.take(0, &bytes).is_ok() {
            return fail(format!("a {what} line is not noticed"));
        }
    }
    Ok(())
}

/// The number at the beginning, and what follows it.
fn decimal(bytes: &[u8]) -> (u64, &[u8]) {
    let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let value = bytes[..digits]
        .iter()
        .fold(0, |value: u64, &digit| value.wrapping_mul(10).wrapping_add(u64::from(digit - b'0')));
    (value, &bytes[digits..])
}
