//! Which messages with places of devices were told, and which were heard. They are numbered; whoever has missed one asks for
//! all places, and has them when a telling of all that began later has come without a hole.
//!
//! Places are merged by the furthest, so it does no harm if one comes twice.

use std::time::Duration;

use crate::limits::HERE_ASK_AGAIN;

/// What this node tells.
#[derive(Debug)]
pub(super) struct PlacesTold {
    /// The last message. What the files have at the start counts as the first one, which nobody has heard.
    last: u64,
    /// After this one the last telling of all began, and the last one that is complete.
    begun: u64,
    complete: u64,
    /// Somebody has missed messages up to this one.
    wanted: u64,
}

impl PlacesTold {
    pub(super) fn new() -> PlacesTold {
        PlacesTold { last: 1, begun: 0, complete: 0, wanted: 0 }
    }

    /// The number of the next message.
    pub(super) fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// The last message, and the one after which the last complete telling of all began.
    pub(super) fn state(&self) -> (u64, u64) {
        (self.last, self.complete)
    }

    /// Somebody has missed messages up to this one.
    pub(super) fn asked(&mut self, up_to: u64) {
        self.wanted = self.wanted.max(up_to.min(self.last));
    }

    /// Whether a telling of all has to begin: after which message it does.
    pub(super) fn begin(&mut self) -> Option<u64> {
        let is_due = self.begun == self.complete && self.wanted > self.begun;
        is_due.then(|| {
            self.begun = self.last;
            self.begun
        })
    }

    /// The telling that began after this message is complete.
    pub(super) fn completed(&mut self, begun: u64) {
        self.complete = begun;
    }
}

/// What another node has told.
#[derive(Debug, Default)]
pub(super) struct PlacesHeard {
    /// The last message that is known of.
    last: u64,
    /// Some up to this one were missed.
    missed: Option<u64>,
    asked_at: Option<Duration>,
}

impl PlacesHeard {
    /// A message has come.
    pub(super) fn heard(&mut self, number: u64) {
        self.told_before(number.saturating_sub(1));
        self.last = self.last.max(number);
    }

    /// The node has told so many, and after that one of them all places.
    pub(super) fn state(&mut self, (last, complete): (u64, u64)) {
        self.told_before(last);
        if self.missed.is_some_and(|missed| missed <= complete) {
            (self.missed, self.asked_at) = (None, None);
        }
    }

    fn told_before(&mut self, last: u64) {
        if last > self.last {
            (self.last, self.missed) = (last, Some(last));
        }
    }

    /// When to ask for all places, if that is to be done.
    pub(super) fn ask_at(&self) -> Option<Duration> {
        self.missed?;
        Some(self.asked_at.map_or(Duration::ZERO, |at| at + HERE_ASK_AGAIN))
    }

    /// Up to which message some were missed, if it is time to ask.
    pub(super) fn ask(&mut self, now: Duration) -> Option<u64> {
        self.ask_at().filter(|at| now >= *at)?;
        self.asked_at = Some(now);
        self.missed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_missed_is_asked_for_until_all_has_come() {
        let (mut told, mut heard) = (PlacesTold::new(), PlacesHeard::default());
        let at = Duration::from_millis;
        // What it had before.
        heard.state(told.state());
        assert_eq!((heard.ask(at(0)), heard.ask(at(999)), heard.ask(at(1000))), (Some(1), None, Some(1)));
        told.asked(1);
        assert_eq!((told.begin(), told.begin()), (Some(1), None));
        heard.heard(told.next());
        heard.state(told.state());
        assert_eq!(heard.ask(at(2000)), Some(1), "it is not complete");
        told.completed(1);
        heard.state(told.state());
        assert_eq!(heard.ask(at(9000)), None);
        // Message 3 is lost, and so is 4, of the answer.
        told.next();
        heard.state(told.state());
        told.asked(heard.ask(at(9000)).expect("it was lost"));
        assert_eq!(told.begin(), Some(3));
        told.next();
        heard.heard(told.next());
        told.completed(3);
        heard.state(told.state());
        told.asked(heard.ask(at(10_000)).expect("a part was lost"));
        assert_eq!(told.begin(), Some(5));
        told.completed(5);
        heard.state(told.state());
        assert_eq!(heard.ask(at(20_000)), None);
        // One that was late after all is nothing new, and hides no other.
        heard.heard(3);
        told.next();
        heard.state(told.state());
        assert_eq!(heard.ask(at(20_000)), Some(6));
    }

    #[test]
    fn who_asks_while_all_is_being_told_waits_for_that_or_the_next() {
        let mut told = PlacesTold::new();
        told.asked(1);
        assert_eq!(told.begin(), Some(1));
        told.asked(1);
        assert_eq!(told.next(), 2);
        told.asked(2);
        told.asked(99);
        assert_eq!(told.begin(), None);
        told.completed(1);
        assert_eq!(told.begin(), Some(2));
        told.completed(2);
        told.asked(2);
        assert_eq!(told.begin(), None);
    }
}
