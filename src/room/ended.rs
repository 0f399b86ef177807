//! Whose invitations have ended: of those who were removed, and of those who are no admins any more. An invitation names
//! the last event when it was made. It has ended if its mail, or who has invited, has an end after that.
//!
//! Only events enter, so all who know the same ones know the same ends.

use std::collections::{BTreeMap, VecDeque};

use crate::limits::{ENDS_KEPT_FOR, ENDS_MAX};
use crate::protocol::{Event, Mail, Role, Seq, Time};

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// Ends before this one are not all known: all invitations of before have ended.
    since: Seq,
    /// The last end of each.
    last: BTreeMap<Mail, Seq>,
    /// All ends, oldest first.
    all: VecDeque<(Seq, Time, Mail)>,
}

impl Ended {
    /// Nothing is known of what was before this event.
    pub fn since(event: Seq) -> Ended {
        Ended { since: event, ..Ended::default() }
    }

    /// The first event from which on all ends are known.
    pub fn known_since(&self) -> Seq {
        self.since
    }

    /// All ends, oldest first: their events, when that was, and whose.
    pub fn iter(&self) -> impl Iterator<Item = (Seq, Time, &Mail)> {
        self.all.iter().map(|(seq, time, mail)| (*seq, *time, mail))
    }

    /// Whether an invitation of this mail by that admin, made after the event `made` and before the next one, has ended.
    pub fn has(&self, made: Seq, mail: &Mail, by: &Mail) -> bool {
        let later = |whose: &Mail| self.last.get(whose).is_some_and(|end| *end > made);
        made < self.since || later(mail) || later(by)
    }

    /// Follows an event. Those that are followed already may come again.
    pub fn follow(&mut self, seq: Seq, time: Time, event: &Event<'_>) {
        if let Event::Removed { mail, .. } | Event::Role { mail, role: Role::Member, .. } = event {
            self.end(seq, time, mail.clone());
        }
    }

    /// The invitations of this mail and by this member end with this event. What is too old is forgotten.
    pub fn end(&mut self, seq: Seq, time: Time, mail: Mail) {
        self.restore(seq, time, mail);
        let kept_for = u64::try_from(ENDS_KEPT_FOR.as_millis()).expect("some days");
        while let Some((_, oldest, _)) = self.all.front()
            && (self.all.len() > ENDS_MAX || oldest.unix_ms() + kept_for < time.unix_ms())
        {
            self.forget_oldest();
        }
    }

    /// An end that was remembered, after all earlier ones.
    pub fn restore(&mut self, seq: Seq, time: Time, mail: Mail) {
        let is_known = seq <= self.since || self.all.back().is_some_and(|(last, ..)| *last > seq);
        if !is_known && self.last.get(&mail) != Some(&seq) {
            self.last.insert(mail.clone(), seq);
            self.all.push_back((seq, time, mail));
        }
    }

    /// The transcript ends with this event now: what came after it has not happened.
    pub fn cut(&mut self, last: Seq) {
        self.since = self.since.min(last);
        self.all.retain(|(seq, ..)| *seq <= last);
        self.last = self.all.iter().map(|(seq, _, mail)| (mail.clone(), *seq)).collect();
    }

    fn forget_oldest(&mut self) {
        let Some((seq, _, mail)) = self.all.pop_front() else { return };
        if self.last.get(&mail) == Some(&seq) {
            self.last.remove(&mail);
        }
        self.since = seq;
    }

    /// Whether its invariants hold: the ends are in order, none is of what was forgotten, and the last of each is known.
    pub fn is_sound(&self) -> bool {
        let last: BTreeMap<Mail, Seq> = self.all.iter().map(|(seq, _, mail)| (mail.clone(), *seq)).collect();
        let is_kept = |(seq, ..): &(Seq, Time, Mail)| *seq >= self.since;
        self.all.iter().map(|(seq, ..)| seq).is_sorted()
            && self.all.front().is_none_or(is_kept)
            && last == self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(text: &str) -> Mail {
        Mail::parse(text.as_bytes()).expect("a mail")
    }

    fn at(hours: u64) -> Time {
        Time::from_unix_ms(1_700_000_000_000 + hours * 60 * 60 * 1000)
    }

    #[test]
    fn an_end_is_of_what_was_before_it() {
        let mut ended = Ended::since(Seq(3));
        let has = |ended: &Ended, made| ended.has(Seq(made), &mail("cid@x"), &mail("ann@x"));
        assert_eq!((has(&ended, 2), has(&ended, 3)), (true, false));
        ended.end(Seq(7), at(0), mail("cid@x"));
        assert_eq!((has(&ended, 6), has(&ended, 7)), (true, false));
        ended.end(Seq(9), at(0), mail("ann@x"));
        assert_eq!((has(&ended, 8), has(&ended, 9)), (true, false));
        assert!(!ended.has(Seq(3), &mail("dan@x"), &mail("bob@x")), "another's");
        assert!(ended.is_sound());
        // Events may come again.
        let before = ended.clone();
        ended.end(Seq(7), at(0), mail("cid@x"));
        ended.end(Seq(9), at(0), mail("ann@x"));
        assert_eq!(ended, before);
        ended.cut(Seq(8));
        assert_eq!((has(&ended, 6), has(&ended, 8)), (true, false));
        assert!(ended.is_sound());
    }

    #[test]
    fn what_is_forgotten_ends_all_that_was_before() {
        let mut ended = Ended::default();
        ended.end(Seq(5), at(0), mail("cid@x"));
        ended.end(Seq(6), at(8 * 24), mail("dan@x"));
        assert_eq!(ended.known_since(), Seq(0));
        ended.end(Seq(8), at(8 * 24 + 1), mail("eve@x"));
        assert!(ended.is_sound());
        assert_eq!((ended.known_since(), ended.iter().count()), (Seq(5), 2));
        assert!(ended.has(Seq(4), &mail("kim@x"), &mail("ann@x")));
        for n in 0..ENDS_MAX as u64 {
            ended.end(Seq(10 + n), at(8 * 24 + 2), mail(&format!("m{n}@x")));
        }
        assert!(ended.is_sound());
        assert_eq!((ended.known_since(), ended.iter().count()), (Seq(8), ENDS_MAX));
    }
}
