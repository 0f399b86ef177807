//! FIND, as far as it has come: the transcript from its end backwards, in blocks, wherever they are.

use std::fmt;

use crate::limits::FIND_LINES_MAX;
use crate::protocol::{Finder, Seq, Text};
use crate::room::Pos;

/// A message that holds the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its number.
    pub seq: Seq,
    /// Where its line begins.
    pub start: Pos,
    /// After its LF.
    pub end: Pos,
}

/// A search for a text.
pub struct Search {
    text: Box<str>,
    /// Made by the thread that searches.
    finder: Option<Box<Finder>>,
    bounds: (Seq, Seq),
    /// What is not searched yet, between lines; `None`: it is not known where that is.
    rest: Option<(Pos, Pos)>,
    /// Everything from this line on is searched, up to the end.
    searched: Seq,
    /// The newest first.
    found: Vec<Found>,
    /// There were more than fit.
    is_cut: bool,
}

/// Bytes that are not lines of a transcript.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoLines;

impl Search {
    /// Searches the lines from `first` on, before `end`.
    pub fn new(text: Text<'_>, first: Seq, end: Seq) -> Search {
        Search {
            text: text.as_str().into(),
            finder: None,
            bounds: (first, end),
            rest: None,
            searched: end,
            found: Vec::new(),
            is_cut: false,
        }
    }

    /// The first line to be searched, and the one after the last.
    pub fn bounds(&self) -> (Seq, Seq) {
        self.bounds
    }

    /// Where what is not searched yet begins and ends, if that is known.
    pub fn rest(&self) -> Option<(Pos, Pos)> {
        self.rest
    }

    /// The lines to be searched begin at or after `from`, and end at `to`.
    pub fn located(&mut self, from: Pos, to: Pos) {
        self.rest = Some((from, to));
    }

    /// Nothing before this line is to be searched.
    pub fn forget_before(&mut self, first: Pos) {
        if let Some((from, _)) = &mut self.rest {
            *from = first.max(*from);
        }
    }

    /// Searches this block: it begins at `start`, with a line or within one, and ends where the rest ended until now.
    pub fn block(&mut self, start: Pos, block: &[u8], begins_with_line: bool) -> Result<(), NoLines> {
        let cut_off = if begins_with_line { 0 } else { memchr::memchr(b'\n', block).ok_or(NoLines)? + 1 };
        let lines = &block[cut_off..];
        let start = start.plus(cut_off);
        let first = number_of(lines).ok_or(NoLines)?;
        let text = Text::parse(self.text.as_bytes()).expect("it was one");
        let finder = self.finder.get_or_insert_with(|| Box::new(Finder::new(text)));
        let mut found = Vec::new();
        finder.messages(lines, |place| {
            let seq = number_of(&lines[place.clone()]);
            if let Some(seq) = seq.filter(|&seq| seq >= self.bounds.0 && seq < self.bounds.1) {
                found.push(Found { seq, start: start.plus(place.start), end: start.plus(place.end) });
            }
        });
        let wanted = FIND_LINES_MAX - self.found.len();
        self.is_cut = found.len() > wanted;
        self.found.extend(found.into_iter().rev().take(wanted));
        self.searched = first;
        let (from, _) = self.rest.expect("a block of the rest");
        self.rest = Some((from, start));
        Ok(())
    }

    /// Whether there is nothing more to find, or enough was found.
    pub fn is_over(&self) -> bool {
        self.found.len() >= FIND_LINES_MAX || self.rest.is_some_and(|(from, to)| from >= to)
    }

    /// What was found, the oldest first, and the line before which to go on, unless all was searched.
    pub fn into_found(mut self) -> (Vec<Found>, Option<Seq>) {
        self.found.reverse();
        let more = match self.found.first() {
            Some(oldest) if self.is_cut => Some(oldest.seq),
            _ if self.rest.is_some_and(|(from, to)| from >= to) => None,
            _ => Some(self.searched),
        };
        (self.found, more)
    }
}

/// The text may be long.
impl fmt::Debug for Search {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Search before {}, {} found, rest {:?}", self.searched, self.found.len(), self.rest)
    }
}

/// The number of the first of these lines.
fn number_of(lines: &[u8]) -> Option<Seq> {
    let numbered = lines.get(memchr::memchr(b' ', lines)? + 1..)?;
    let digits = numbered.get(..memchr::memchr(b' ', numbered)?)?;
    std::str::from_utf8(digits).ok()?.parse().ok().map(Seq)
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    /// Lines that are numbered from 1; their positions begin at 1000.
    fn transcript(texts: &[String]) -> Vec<u8> {
        let line = |(seq, text): (usize, &String)| match text.as_str() {
            "" => format!("ADDED {seq} 2026-01-02T03:04:05.678Z - lunch@x\n"),
            text => format!("MSG {seq} 2026-01-02T03:04:05.678Z ann@x {text}\n"),
        };
        (1..).zip(texts).map(line).collect::<String>().into_bytes()
    }

    const BASE: usize = 1000;

    /// Where a line begins.
    fn place(transcript: &[u8], seq: Seq) -> usize {
        let lines = usize::try_from(seq.0).expect("few") - 1;
        transcript.split_inclusive(|&b| b == b'\n').take(lines).map(<[u8]>::len).sum()
    }

    /// Goes on in blocks of this size until it is over, or after so many blocks.
    fn run(transcript: &[u8], search: &mut Search, size: usize, blocks: usize) {
        let pos = |at: usize| Pos((BASE + at) as u64);
        if search.rest().is_none() {
            let (first, end) = search.bounds();
            search.located(pos(place(transcript, first)), pos(place(transcript, end)));
        }
        for _ in 0..blocks {
            if search.is_over() {
                return;
            }
            let (from, to) = search.rest().expect("located");
            let (from, to) = (from.since(Pos(BASE as u64)), to.since(Pos(BASE as u64)));
            let start = to.saturating_sub(size).max(from);
            search.block(pos(start), &transcript[start..to], start == from).expect("lines");
        }
    }

    fn seqs(found: &[Found]) -> Vec<u64> {
        found.iter().map(|found| found.seq.0).collect()
    }

    fn text(text: &str) -> Text<'_> {
        Text::parse(text.as_bytes()).expect("a text")
    }

    proptest! {
        #[test]
        fn as_a_naive_search(
            texts in vec(select(vec!["", "lunch", "LUNCH at one", "no", "dinner at eight, or later"]), 1..120),
            wanted in select(vec!["lunch", "Dinner", "e", "absent"]),
            (first, end) in (0.0..1.0f64, 0.0..1.0f64),
            size in 80..500usize,
        ) {
            let texts: Vec<String> = texts.into_iter().map(str::to_owned).collect();
            let transcript = transcript(&texts);
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
            let seq = |part: f64| 1 + (part * texts.len() as f64) as u64;
            let (first, end) = (seq(first).min(seq(end)), seq(first).max(seq(end)));

            let holds = |seq: &u64| {
                let text = &texts[usize::try_from(*seq).expect("few") - 1];
                text.to_lowercase().contains(&wanted.to_lowercase())
            };
            let mut all: Vec<u64> = (first..end).filter(holds).collect();
            // Page by page.
            let mut before = Some(Seq(end));
            while let Some(end) = before {
                let mut search = Search::new(text(wanted), Seq(first), end);
                run(&transcript, &mut search, size, usize::MAX);
                let (found, more) = search.into_found();
                for Found { seq, start, .. } in &found {
                    prop_assert_eq!(start.since(Pos(BASE as u64)), place(&transcript, *seq));
                }
                let page = all.split_off(all.len().saturating_sub(FIND_LINES_MAX));
                prop_assert_eq!(seqs(&found), page);
                prop_assert!(more.is_some() || all.is_empty());
                before = more;
            }
            prop_assert!(all.is_empty());
        }

        #[test]
        fn one_that_is_broken_off_says_where_to_go_on(blocks in 1..30usize, size in 60..300usize) {
            let texts: Vec<String> = (0..60).map(|n| if n % 9 == 3 { "x" } else { "y" }.to_owned()).collect();
            let transcript = transcript(&texts);
            let mut search = Search::new(text("x"), Seq(1), Seq(61));
            run(&transcript, &mut search, size, blocks);
            let is_over = search.is_over();
            let (found, more) = search.into_found();
            prop_assert_eq!(is_over, more.is_none());
            let from = more.map_or(1, |more| more.0);
            let expected: Vec<u64> = (from..61).filter(|seq| (seq - 1) % 9 == 3).collect();
            prop_assert_eq!(seqs(&found), expected);
        }
    }

    #[test]
    fn what_is_dropped_meanwhile_is_not_searched() {
        let texts: Vec<String> = (0..10).map(|_| "x".to_owned()).collect();
        let transcript = transcript(&texts);
        let mut search = Search::new(text("x"), Seq(1), Seq(11));
        run(&transcript, &mut search, 100, 1);
        assert!(!search.is_over());
        search.forget_before(Pos((BASE + place(&transcript, Seq(8))) as u64));
        run(&transcript, &mut search, 100, usize::MAX);
        assert_eq!(seqs(&search.into_found().0), [8, 9, 10]);
    }

    #[test]
    fn no_lines() {
        let mut search = Search::new(text("x"), Seq(1), Seq(2));
        search.located(Pos(0), Pos(9));
        assert_eq!(search.block(Pos(1), b"12345678", false), Err(NoLines));
        assert_eq!(search.block(Pos(0), b"MSG\nMSG\n\n", true), Err(NoLines));
    }
}
