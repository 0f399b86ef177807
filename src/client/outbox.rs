//! Messages that are not acknowledged. Each is said once or not at all: after the connection has broken, it is looked for
//! among the events since, and sent again only if no server can take it from the old connection any more.

use std::collections::VecDeque;

use super::connection::End;
use crate::limits::CLIENT_OUTSTANDING_MAX;

/// My messages, the oldest first; those that were sent are before those that were not.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    lines: VecDeque<Mine>,
}

/// A message.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mine {
    pub(super) text: String,
    pub(super) state: State,
}

/// How far it has got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Not sent yet.
    Unsent,
    /// Sent on the present connection.
    Sent,
    /// Sent on one that is gone.
    Lost(End),
}

impl Outbox {
    /// Adds a message.
    pub(super) fn say(&mut self, text: String) {
        self.lines.push_back(Mine { text, state: State::Unsent });
    }

    /// The next message that may be sent now; from then on it counts as sent.
    pub(super) fn next(&mut self) -> Option<&str> {
        let sent = self.lines.iter().filter(|mine| mine.state == State::Sent).count();
        let next = self.lines.get_mut(sent)?;
        // While some are lost, the others wait: they come after those.
        if sent >= CLIENT_OUTSTANDING_MAX || next.state != State::Unsent {
            return None;
        }
        next.state = State::Sent;
        Some(&next.text)
    }

    /// The oldest that was sent is answered, with OK or ERR.
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

    /// Whether some are to be looked for.
    pub(super) fn has_lost(&self) -> bool {
        self.lines.iter().any(|mine| matches!(mine.state, State::Lost(_)))
    }

    /// A message of mine came as an event. If a lost one has this text, it was that one.
    pub(super) fn found(&mut self, text: &str) {
        let is_it = |mine: &Mine| matches!(mine.state, State::Lost(_)) && mine.text == text;
        if let Some(at) = self.lines.iter().position(is_it) {
            self.lines.remove(at);
        }
    }

    /// All events from before this connection were looked at. Messages that cannot arrive twice are to be sent again; those that
    /// can are returned: nobody knows whether they will be said.
    pub(super) fn looked(&mut self) -> Vec<String> {
        let mut unknown = Vec::new();
        for mine in std::mem::take(&mut self.lines) {
            match mine.state {
                State::Lost(End::Closed) => self.say(mine.text),
                State::Lost(End::Silent) => unknown.push(mine.text),
                State::Unsent | State::Sent => self.lines.push_back(mine),
            }
        }
        unknown
    }

    /// Lost messages cannot be looked for any more.
    pub(super) fn give_up(&mut self) -> Vec<String> {
        let (lost, others): (VecDeque<Mine>, VecDeque<Mine>) = std::mem::take(&mut self.lines)
            .into_iter()
            .partition(|mine| matches!(mine.state, State::Lost(_)));
        self.lines = others;
        lost.into_iter().map(|mine| mine.text).collect()
    }

    /// Whether all were sent on the present connection.
    pub(super) fn all_sent(&self) -> bool {
        self.lines.iter().all(|mine| mine.state == State::Sent)
    }

    /// All of them.
    pub(super) fn lines(&self) -> impl ExactSizeIterator<Item = &Mine> {
        self.lines.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The messages and how far they have got.
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
