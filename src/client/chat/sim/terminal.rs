//! The terminal of the simulation: what it was given, what it has taken, and so what the person has seen.

use std::collections::VecDeque;

use crate::client::chat::Chat;
use crate::client::connection::numbers::Place;
use crate::client::terminal::layout::Line;

/// See the module.
#[derive(Default)]
pub(super) struct Terminal {
    /// Pieces that it has not taken yet.
    waiting: VecDeque<Piece>,
    pub(super) shown: Vec<String>,
    /// How many events were shown or skipped, and those that were skipped.
    seen: usize,
    pub(super) skipped: Vec<String>,
    /// What is recorded for the next chat.
    pub(super) recorded: Option<Place>,
    /// Messages that were given back to the person.
    pub(super) given_back: Vec<String>,
}

/// Lines, and up to where all was shown when the terminal has taken them.
#[derive(Default)]
struct Piece {
    lines: Vec<String>,
    place: Option<Place>,
}

/// What an event says, after its time.
pub(super) fn text(event: &str) -> Option<&str> {
    event.split_once(": ").or_else(|| event.split_once(" bob@x ")).map(|(_, text)| text)
}

impl Terminal {
    pub(super) fn print(&mut self, line: &Line) {
        if self.waiting.back().is_none_or(|piece| piece.place.is_some()) {
            self.waiting.push_back(Piece::default());
        }
        self.waiting.back_mut().expect("just put there").lines.push(line.text());
    }

    pub(super) fn mark(&mut self, place: Place) {
        match self.waiting.back_mut().filter(|piece| piece.place.is_none()) {
            Some(piece) => piece.place = Some(place),
            None => self.waiting.push_back(Piece { lines: Vec::new(), place: Some(place) }),
        }
    }

    /// How many pieces it has not taken.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// The chat was killed: what waits is lost.
    pub(super) fn lose(&mut self) {
        self.waiting.clear();
    }

    /// It takes some pieces, with events of this transcript.
    pub(super) fn take(&mut self, pieces: usize, transcript: &[(&'static str, String)]) {
        for Piece { lines, place } in self.waiting.drain(..pieces.min(self.waiting.len())) {
            for text in lines {
                if let Some(said) = text.strip_prefix("03:04 ").and_then(self::text) {
                    self.shown.push(said.to_owned());
                    self.seen += 1;
                } else if let Some((count, _)) =
                    text.strip_prefix("* ").and_then(|said| said.split_once(" not shown;"))
                {
                    let count: usize = count.parse().expect("a number");
                    let texts = transcript[self.seen..].iter().take(count);
                    self.skipped.extend(texts.map(|(_, text)| text.clone()));
                    self.seen += count;
                } else if let Some((_, lost)) = text.split_once("not acknowledged: ") {
                    self.given_back.push(lost.to_owned());
                } else if let Some((_, lost)) = text.split_once("Up brings it back: ") {
                    self.given_back.push(lost.to_owned());
                }
            }
            self.recorded = place.or(self.recorded.take());
        }
    }

    /// In the end each text that was typed is said once, or was given back to the person, and none waits.
    pub(super) fn check_typed(
        &self,
        typed: &[String],
        said: &[&String],
        chat: &Chat,
        story: impl Fn() -> String,
    ) {
        for text in typed {
            let count = said.iter().filter(|other| **other == text).count();
            let told = self.given_back.contains(text);
            assert!(count == 1 || count == 0 && told, "{text} is there {count} times: {}", story());
        }
        assert_eq!(chat.transcript.outbox.lines().len(), 0, "{}", story());
    }
}
