//! Timing marks (RFC 860) that were asked for and are not taken yet, each with its place among the lines.
//!
//! Who asks for one drops all that comes until it is answered, so it is due at once: behind the lines that were known
//! when it came, and before the one it stands in.

use std::collections::VecDeque;

/// See the module. Most connections never own one.
#[derive(Debug, Default)]
pub(super) struct Marks {
    waiting: VecDeque<Together>,
    /// Bytes of text that were taken since the first of these came. What follows counts from there.
    passed: usize,
    /// The last line that begins in the text, and how much of it was searched for that.
    line_start: usize,
    searched: usize,
}

/// So many at one place. A flood makes one of these for each line at most.
#[derive(Debug)]
struct Together {
    at: usize,
    count: usize,
}

impl Marks {
    /// One more, behind this text, which is all that waits. A line is known when it has so many bytes, its end or not.
    pub(super) fn note(&mut self, text: &[u8], known: usize) {
        let from = self.searched.saturating_sub(self.passed);
        if let Some(end) = memchr::memrchr(b'\n', &text[from..]) {
            self.line_start = self.passed + from + end + 1;
        }
        self.line_start = self.line_start.max(self.passed);
        self.searched = self.passed + text.len();
        let in_line = self.searched - self.line_start;
        let at = if in_line < known { self.line_start } else { self.line_start + known };
        match self.waiting.back_mut() {
            Some(last) if last.at == at => last.count += 1,
            _ => self.waiting.push_back(Together { at, count: 1 }),
        }
    }

    /// Whether the next stands before all text that waits.
    pub(super) fn is_due(&self) -> bool {
        self.waiting.front().is_some_and(|first| first.at <= self.passed)
    }

    /// Takes the next.
    pub(super) fn take(&mut self) {
        if let Some(first) = self.waiting.front_mut() {
            first.count -= 1;
            if first.count == 0 {
                self.waiting.pop_front();
            }
        }
    }

    /// So much of the text was taken.
    pub(super) fn pass(&mut self, text: usize) {
        self.passed += text;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}
