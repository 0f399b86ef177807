//! What was typed and is not acknowledged. A line is in the group once or not at all: after a break it is looked
//! for in what was said meanwhile, and sent again only if the server cannot have it still before it.

use std::collections::VecDeque;

use super::connection::End;
use crate::limits::CLIENT_OUTSTANDING_MAX;

/// Own lines, the oldest first: what was sent stands before what was not.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    lines: VecDeque<Mine>,
}

/// A line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mine {
    pub(super) text: String,
    pub(super) state: State,
}

/// How far it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// On no wire yet.
    Unsent,
    /// Sent on the present connection.
    Sent,
    /// Sent on one that is gone.
    Lost(End),
}

impl Outbox {
    /// A line more.
    pub(super) fn say(&mut self, text: String) {
        self.lines.push_back(Mine { text, state: State::Unsent });
    }

    /// The next line to be sent now, which counts as sent.
    pub(super) fn next(&mut self) -> Option<&str> {
        let sent = self.lines.iter().filter(|mine| mine.state == State::Sent).count();
        let next = self.lines.get_mut(sent)?;
        // Lost ones stand before: what becomes of them is known first.
        if sent >= CLIENT_OUTSTANDING_MAX || next.state != State::Unsent {
            return None;
        }
        next.state = State::Sent;
        Some(&next.text)
    }

    /// The oldest that was sent is answered, in one way or the other.
    pub(super) fn answered(&mut self) -> Option<String> {
        let is_sent = self.lines.front().is_some_and(|mine| mine.state == State::Sent);
        is_sent.then(|| self.lines.pop_front()).flatten().map(|mine| mine.text)
    }

    /// The connection is gone.
    pub(super) fn lost(&mut self, end: End) {
        for mine in &mut self.lines {
            if mine.state == State::Sent {
                mine.state = State::Lost(end);
            }
        }
    }

    /// An own message came as an event: if a lost line says the same, it was this one.
    pub(super) fn found(&mut self, text: &str) {
        let is_it = |mine: &Mine| matches!(mine.state, State::Lost(_)) && mine.text == text;
        if let Some(at) = self.lines.iter().position(is_it) {
            self.lines.remove(at);
        }
    }

    /// All that was said before this connection began was looked at. What cannot double is unsent again; the rest
    /// is given back.
    pub(super) fn looked(&mut self) -> Vec<String> {
        let mut unknown = Vec::new();
        for mine in std::mem::take(&mut self.lines) {
            match mine.state {
                State::Lost(End::Silent) => unknown.push(mine.text),
                State::Lost(End::Closed) => self.say(mine.text),
                State::Unsent | State::Sent => self.lines.push_back(mine),
            }
        }
        unknown
    }

    /// What was lost cannot be looked for.
    pub(super) fn give_up(&mut self) -> Vec<String> {
        self.lost_ones(End::Silent);
        self.looked()
    }

    fn lost_ones(&mut self, end: End) {
        for mine in &mut self.lines {
            if matches!(mine.state, State::Lost(_)) {
                mine.state = State::Lost(end);
            }
        }
    }

    /// Whether nothing waits to be sent.
    pub(super) fn all_sent(&self) -> bool {
        self.lines.iter().all(|mine| mine.state == State::Sent)
    }

    /// What is not acknowledged.
    pub(super) fn lines(&self) -> impl ExactSizeIterator<Item = &Mine> {
        self.lines.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines and how far they have come.
    fn shown(outbox: &Outbox) -> String {
        let line = |mine: &Mine| match mine.state {
            State::Unsent => format!("{} ", mine.text),
            State::Sent => format!("{}> ", mine.text),
            State::Lost(End::Closed) => format!("{}! ", mine.text),
            State::Lost(End::Silent) => format!("{}? ", mine.text),
        };
        outbox.lines().map(line).collect::<String>().trim_end().to_owned()
    }

    fn with(lines: &str, sent: usize) -> Outbox {
        let mut outbox = Outbox::default();
        lines.split(' ').for_each(|line| outbox.say(line.to_owned()));
        for _ in 0..sent {
            outbox.next().expect("one more");
        }
        outbox
    }

    #[test]
    fn sent_and_answered_in_order() {
        let mut outbox = with("a b c", 2);
        assert_eq!(shown(&outbox), "a> b> c");
        assert_eq!(outbox.answered().as_deref(), Some("a"));
        assert_eq!(outbox.answered().as_deref(), Some("b"));
        assert_eq!(outbox.answered(), None, "c was not sent");
        assert_eq!(outbox.next(), Some("c"));
        assert_eq!(outbox.next(), None);
    }

    #[test]
    fn only_so_many_at_once() {
        let mut outbox = with(&"x ".repeat(CLIENT_OUTSTANDING_MAX + 1), CLIENT_OUTSTANDING_MAX);
        assert_eq!(outbox.next(), None);
        outbox.answered();
        assert!(outbox.next().is_some());
    }

    #[test]
    fn what_the_server_has_is_not_sent_again() {
        let mut outbox = with("a b a c", 3);
        outbox.lost(End::Closed);
        assert_eq!(shown(&outbox), "a! b! a! c");
        assert_eq!(outbox.next(), None, "not before it is known what became of a");
        outbox.found("a");
        outbox.found("x");
        assert_eq!(outbox.looked(), [""; 0]);
        assert_eq!(shown(&outbox), "b a c");
    }

    #[test]
    fn what_may_still_arrive_is_not_sent_again() {
        let mut outbox = with("a b c", 2);
        outbox.lost(End::Silent);
        outbox.found("b");
        assert_eq!(outbox.looked(), ["a"]);
        assert_eq!(shown(&outbox), "c");
        let mut outbox = with("a b", 1);
        outbox.lost(End::Closed);
        assert_eq!(outbox.give_up(), ["a"]);
        assert_eq!(shown(&outbox), "b");
    }

    #[test]
    fn a_second_break_before_all_was_looked_at() {
        let mut outbox = with("a b", 2);
        outbox.lost(End::Silent);
        outbox.lost(End::Closed);
        assert_eq!(shown(&outbox), "a? b?");
    }
}
