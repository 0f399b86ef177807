//! Finds lines in a segment. Each line begins with its number, so a binary search finds any of them without an index.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, ErrorKind, Read as _, Seek as _, SeekFrom};
use std::ops::ControlFlow;
use std::os::unix::fs::FileExt as _;

use crate::limits::{LINE_MAX_CEILING, LINE_OVERHEAD};
use crate::protocol::{Event, EventLine, Seq, Time};
use crate::room::StepBack;

/// The longest line there can be, with its LF.
pub(super) const LINE_MAX: usize = LINE_MAX_CEILING + LINE_OVERHEAD;

/// Bytes read at a time in search of a line's beginning.
const LOOK: u64 = 4 << 10;
/// The longest verb and number, each with its blank.
const NUMBERED: usize = "PROMOTED ".len() + 20 + " ".len();

/// Calls `each` with every line from `from` on, which is a line's beginning: its offset, and the line without its LF. A
/// line without one, at the end or because it is too long, is given as `None` and is the last.
pub(super) fn each_line(
    file: &File,
    from: u64,
    mut each: impl FnMut(u64, Option<&[u8]>) -> ControlFlow<()>,
) -> io::Result<()> {
    let mut reader = BufReader::with_capacity(256 << 10, file);
    reader.seek(SeekFrom::Start(from))?;
    let (mut offset, mut line) = (from, Vec::new());
    loop {
        line.clear();
        let len = (&mut reader).take(LINE_MAX as u64).read_until(b'\n', &mut line)?;
        if len == 0 {
            return Ok(());
        }
        let whole = line.strip_suffix(b"\n");
        if each(offset, whole).is_break() || whole.is_none() {
            return Ok(());
        }
        offset += len as u64;
    }
}

/// How much of a file is good.
#[derive(Debug)]
pub(super) struct Verified {
    /// The offset after the last good line.
    pub(super) good: u64,
    /// The number of the line after that.
    pub(super) next: Seq,
    /// The time of the last good line, or of the line before the file.
    pub(super) last_time: Time,
    /// What is wrong with the line after that, and its line number in the file.
    pub(super) bad: Option<(u64, String)>,
    /// The first line with an earlier time than the line before it. A clock was wrong, but the line is good.
    pub(super) step_back: Option<(u64, StepBack)>,
}

/// Verifies a file in full: it should hold events numbered from `first`. The line before it had the time `after`.
pub(super) fn verify(file: &File, first: Seq, after: Time) -> io::Result<Verified> {
    let mut state = Verified { good: 0, next: first, last_time: after, bad: None, step_back: None };
    each_line(file, 0, |offset, line| match verify_line(line, &state) {
        Err(what) => {
            state.bad = Some((1 + (state.next.0 - first.0), what));
            ControlFlow::Break(())
        }
        Ok((time, len)) => {
            if time < state.last_time && state.step_back.is_none() {
                let line = 1 + (state.next.0 - first.0);
                state.step_back = Some((line, StepBack { from: state.last_time, to: time }));
            }
            state.good = offset + len as u64 + 1;
            state.last_time = time;
            state.next = state.next.next();
            ControlFlow::Continue(())
        }
    })?;
    Ok(state)
}

fn verify_line(line: Option<&[u8]>, before: &Verified) -> Result<(Time, usize), String> {
    let line = line.ok_or("the line has no end")?;
    let event = EventLine::parse(line).ok_or("this is no event")?;
    if event.seq != before.next {
        return Err(format!("this is event {}, and {} belongs here", event.seq, before.next));
    }
    Ok((event.time, line.len()))
}

/// The numbers of the first and the last line of a file, and the time of the last one. `None` if they are no events.
pub(super) fn ends(file: &File, len: u64) -> io::Result<Option<(Seq, Seq, Time)>> {
    let mut head = read(file, 0, len.min(LINE_MAX as u64))?;
    head.truncate(memchr::memchr(b'\n', &head).unwrap_or(0));
    let mut tail = read(file, len.saturating_sub(LINE_MAX as u64), len)?;
    if tail.pop() != Some(b'\n') {
        return Ok(None);
    }
    let tail = &tail[memchr::memrchr(b'\n', &tail).map_or(0, |lf| lf + 1)..];
    let (Some(first), Some(last)) = (EventLine::parse(&head), EventLine::parse(tail)) else {
        return Ok(None);
    };
    Ok(Some((first.seq, last.seq, last.time)))
}

/// The line number at this offset, which is a line's beginning.
pub(super) fn line_number(file: &File, offset: u64) -> io::Result<u64> {
    let mut number = 1;
    each_line(file, 0, |at, _| {
        number += u64::from(at < offset);
        if at < offset { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    Ok(number)
}

/// Where the first line at or after `offset` and before `end` begins, and its number.
pub(super) fn line_from(file: &File, offset: u64, end: u64) -> io::Result<Option<(u64, Seq)>> {
    // A line begins after the LF of the one before, the first at 0.
    let mut at = offset.saturating_sub(1);
    let start = if offset == 0 {
        0
    } else {
        loop {
            if at >= end {
                return Ok(None);
            }
            let bytes = read(file, at, end.min(at + LOOK))?;
            match memchr::memchr(b'\n', &bytes) {
                Some(lf) => break at + lf as u64 + 1,
                None => at += bytes.len() as u64,
            }
        }
    };
    if start >= end { Ok(None) } else { number_at(file, start, end).map(|seq| Some((start, seq))) }
}

/// Where line `seq` begins, in a file that begins with line `first` and holds `seq` before `end`.
pub(super) fn locate(file: &File, first: Seq, seq: Seq, end: u64) -> io::Result<u64> {
    // Line `low_seq`, at most `seq`, begins at `low`, and line `seq` begins before `high`.
    let (mut low, mut low_seq, mut high) = (0, first, end);
    while low_seq < seq && high - low > LOOK {
        let middle = low + (high - low) / 2;
        match line_from(file, middle, high)? {
            Some((at, found)) if found <= seq => (low, low_seq) = (at, found),
            _ => high = middle,
        }
    }
    if low_seq < seq {
        let bytes = read(file, low, high)?;
        let lines_between = usize::try_from(seq.0 - low_seq.0 - 1).unwrap_or(usize::MAX);
        let lf = memchr::memchr_iter(b'\n', &bytes).nth(lines_between).ok_or_else(|| damaged(low))?;
        low += lf as u64 + 1;
    }
    // A start does not verify older segments, so the line has to confirm what counting found.
    if number_at(file, low, end)? == seq { Ok(low) } else { Err(damaged(low)) }
}

/// The number of the line that begins here.
fn number_at(file: &File, offset: u64, end: u64) -> io::Result<Seq> {
    let bytes = read(file, offset, end.min(offset + NUMBERED as u64))?;
    let mut words = bytes.split(|&b| b == b' ');
    let verb = words.next().is_some_and(Event::is_name);
    let number = words.next().and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
    // Only a third word shows that the number is complete.
    match (verb, number, words.next()) {
        (true, Some(number), Some(_)) => Ok(Seq(number)),
        _ => Err(damaged(offset)),
    }
}

fn damaged(offset: u64) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, format!("no event where one should be, near byte {offset}"))
}

/// All bytes from `from` to `to`.
pub(super) fn read(file: &File, from: u64, to: u64) -> io::Result<Vec<u8>> {
    let len = usize::try_from(to.saturating_sub(from)).map_err(io::Error::other)?;
    let mut bytes = vec![0; len];
    file.read_exact_at(&mut bytes, from)?;
    Ok(bytes)
}
