//! Timing marks (RFC 860) that were requested and not answered yet, each with its place among the lines.
//!
//! The peer drops all it receives until its request is answered. So a mark is due as early as possible: after the lines
//! that were complete when it came, and before the line in which it came.

use std::collections::VecDeque;

/// Most connections never have any.
#[derive(Debug, Default)]
pub(super) struct Marks {
    waiting: VecDeque<Run>,
    /// Bytes of text consumed since the first mark came. The offsets below count from where that was.
    passed: usize,
    /// Where the last line begins, and how much of the text was searched for that.
    line_start: usize,
    searched: usize,
}

/// Marks at the same place. However many come, there is at most one run for each line.
#[derive(Debug)]
struct Run {
    at: usize,
    count: usize,
}

impl Marks {
    /// Adds a mark after this text, which is all that waits. A line without its end counts as complete when it has so
    /// many bytes.
    pub(super) fn add(&mut self, text: &[u8], complete: usize) {
        let from = self.searched.saturating_sub(self.passed);
        if let Some(end) = memchr::memrchr(b'\n', &text[from..]) {
            self.line_start = self.passed + from + end + 1;
        }
        self.line_start = self.line_start.max(self.passed);
        self.searched = self.passed + text.len();
        let in_line = self.searched - self.line_start;
        let at = if in_line < complete { self.line_start } else { self.line_start + complete };
        match self.waiting.back_mut() {
            Some(last) if last.at == at => last.count += 1,
            _ => self.waiting.push_back(Run { at, count: 1 }),
        }
    }

    /// Whether the next mark comes before all text that waits.
    pub(super) fn is_due(&self) -> bool {
        self.waiting.front().is_some_and(|first| first.at <= self.passed)
    }

    /// Takes the next mark.
    pub(super) fn take(&mut self) {
        if let Some(first) = self.waiting.front_mut() {
            first.count -= 1;
            if first.count == 0 {
                self.waiting.pop_front();
            }
        }
    }

    /// So many bytes of the text were consumed.
    pub(super) fn advance(&mut self, text: usize) {
        self.passed += text;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}
