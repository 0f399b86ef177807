//! Messages that are not acknowledged. Each is said once: after a connection has ended, it is looked for among what was said
//! since, and said again on another one only if the first cannot bring it any more.

use std::collections::VecDeque;

use super::input::Piece;
use crate::client::connection::End;

#[derive(Debug, Default)]
pub(super) struct Unanswered {
    /// On the present connection, the oldest first.
    sent: VecDeque<Piece>,
    /// On one that has ended.
    lost: VecDeque<(Piece, End)>,
    /// They were not said, and are to be sent before anything new.
    again: VecDeque<Piece>,
    /// They were never sent.
    waiting: VecDeque<Piece>,
    /// Nobody knows whether they were said.
    unknown: Vec<Piece>,
}

impl Unanswered {
    pub(super) fn sent(&mut self, piece: Piece) {
        self.sent.push_back(piece);
    }

    /// The oldest on this connection has an answer.
    pub(super) fn answered(&mut self) -> Option<Piece> {
        self.sent.pop_front()
    }

    /// How many are on this connection.
    pub(super) fn outstanding(&self) -> usize {
        self.sent.len()
    }

    /// To be sent when there is a connection again, after what was lost.
    pub(super) fn wait(&mut self, piece: Piece) {
        self.waiting.push_back(piece);
    }

    /// The next to be sent again.
    pub(super) fn next(&mut self) -> Option<Piece> {
        self.again.pop_front().or_else(|| self.waiting.pop_front())
    }

    /// The connection is gone.
    pub(super) fn lost(&mut self, end: End) {
        self.lost.extend(self.sent.drain(..).map(|piece| (piece, end)));
    }

    /// Whether some are to be looked for.
    pub(super) fn has_lost(&self) -> bool {
        !self.lost.is_empty()
    }

    /// A message of this member has come. If a lost one has this text, it was that one.
    pub(super) fn found(&mut self, text: &str) {
        if let Some(at) = self.lost.iter().position(|(piece, _)| piece.text == text) {
            self.lost.remove(at);
        }
    }

    /// All that was said before this login was looked at. A server lets a member in when it knows what became of all that other
    /// servers took from them; so what a server took on a connection that it has closed itself is there now, or was
    /// never said. What it has not read yet may still come if the connection only fell silent: nobody
    /// knows.
    pub(super) fn looked(&mut self) {
        for (piece, end) in self.lost.drain(..) {
            match end {
                End::Closed => self.again.push_back(piece),
                End::Silent => self.unknown.push(piece),
            }
        }
    }

    /// What was never acknowledged, if no connection follows: how many, and the line of the first.
    pub(super) fn left(&self) -> Option<(usize, u64)> {
        let all = self
            .lost
            .iter()
            .map(|(piece, _)| piece)
            .chain(&self.sent)
            .chain(&self.again)
            .chain(&self.waiting);
        let mut lines = self.unknown.iter().chain(all).map(|piece| piece.line);
        let first = lines.next()?;
        Some((1 + lines.count(), first))
    }

    /// The lines of which nobody knows.
    pub(super) fn unknown(&self) -> Vec<u64> {
        let mut lines: Vec<u64> = self.unknown.iter().map(|piece| piece.line).collect();
        lines.dedup();
        lines
    }

    /// Whether nothing is left to be done about any of them.
    pub(super) fn is_settled(&self) -> bool {
        self.sent.is_empty() && self.lost.is_empty() && self.again.is_empty() && self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Texts that were sent, one a line.
    fn with(texts: &str) -> Unanswered {
        let mut unanswered = Unanswered::default();
        for (line, text) in (1..).zip(texts.split(' ')) {
            unanswered.sent(Piece { line, text: text.to_owned() });
        }
        unanswered
    }

    /// What is to be sent again, and the lines of which nobody knows.
    fn settled(unanswered: &mut Unanswered) -> (String, Vec<u64>) {
        let again = std::iter::from_fn(|| unanswered.next()).map(|piece| piece.text);
        (again.collect::<Vec<_>>().join(" "), unanswered.unknown())
    }

    #[test]
    fn what_was_not_said_is_said_again_and_nothing_else() {
        let mut unanswered = with("a b a c");
        assert_eq!(unanswered.answered().map(|piece| piece.text).as_deref(), Some("a"));
        unanswered.lost(End::Closed);
        unanswered.found("b");
        unanswered.found("x");
        unanswered.looked();
        assert_eq!(settled(&mut unanswered), ("a c".to_owned(), vec![]));
    }

    #[test]
    fn what_may_still_come_is_never_said_again() {
        let mut unanswered = with("a b");
        unanswered.lost(End::Silent);
        unanswered.found("a");
        assert_eq!(unanswered.left(), Some((1, 2)));
        unanswered.looked();
        assert_eq!(settled(&mut unanswered), (String::new(), vec![2]));
        assert!(unanswered.is_settled());
        assert_eq!(unanswered.left(), Some((1, 2)));
    }
}
