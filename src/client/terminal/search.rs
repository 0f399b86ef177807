//! Searching the lines typed before, letter by letter, from the newest back.

/// The pattern, and what was found.
#[derive(Debug)]
pub(super) struct Search {
    pattern: String,
    /// The line that was found last.
    at: Option<usize>,
    /// Whether it contains the whole pattern.
    fits: bool,
    /// What was being typed before the search.
    pub(super) typed: String,
}

impl Search {
    pub(super) fn new(typed: String) -> Search {
        Search { pattern: String::new(), at: None, fits: true, typed }
    }

    /// What is shown above the line that was found.
    pub(super) fn prompt(&self) -> String {
        let what = if self.fits { "search" } else { "not found" };
        format!("{what}: {}", self.pattern)
    }

    /// One letter more: the same line, or an older one.
    pub(super) fn add(&mut self, letter: char, lines: &[String]) {
        self.pattern.push(letter);
        self.look(self.at.map_or(lines.len(), |at| at + 1), lines);
    }

    /// One letter less: from the newest again.
    pub(super) fn remove(&mut self, lines: &[String]) {
        self.pattern.pop();
        self.at = None;
        self.look(lines.len(), lines);
    }

    /// An older one.
    pub(super) fn older(&mut self, lines: &[String]) {
        self.look(self.at.unwrap_or(lines.len()), lines);
    }

    /// Finds the newest before `end` that contains the pattern, in any case.
    fn look(&mut self, end: usize, lines: &[String]) {
        let pattern = self.pattern.to_lowercase();
        let holds = |line: &String| line.to_lowercase().contains(&pattern);
        let found = if pattern.is_empty() { None } else { lines[..end].iter().rposition(holds) };
        self.fits = found.is_some() || pattern.is_empty();
        self.at = found.or(self.at);
    }

    pub(super) fn found<'a>(&'a self, lines: &'a [String]) -> &'a str {
        self.at.map_or(&self.typed, |at| &lines[at])
    }
}
