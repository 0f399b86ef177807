//! Who is at this node, and what of it the others are to be told: a change as it comes, a sign of life now and then, everybody
//! if somebody has missed something.
//!
//! A member is here while there is a connection, and after it until all that was said on it is settled: whoever hears of a
//! node that it does not have a member may be sure that nothing of that member will come from it. That is true of what the
//! node has applied when it says so ([`Presence::next_of`](super::presence::Presence::next_of)).
//!
//! Pure: time comes in. After each input [`Telling::tell`] says what to publish, if there is a broker.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::limits::{HERE_EVERY, HERE_GATHER};
use crate::protocol::Mail;
use crate::server::log::cluster::here::{Devices, HereHead, HereVersion, What, pieces, write_line};
use crate::server::log::cluster::ids::{Start, StreamSeq};
use crate::server::log::cluster::places::PlacesTold;

/// See the module.
#[derive(Debug)]
pub(super) struct Telling {
    pub(super) start: Start,
    version: HereVersion,
    members: BTreeMap<Mail, Devices>,
    /// Those of them whose connections have left.
    settling: BTreeSet<Mail>,
    /// Those of whom something has changed that was not told.
    changed: BTreeSet<Mail>,
    /// Changes are told from then on.
    changes_at: Duration,
    /// The next sign of life.
    beat_at: Duration,
    pub(super) places: PlacesTold,
    wanted: Wanted,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Here,
    /// The node stops. Nobody comes any more.
    Leaving,
}

/// What is to be told beside changes, if anything: the later ones include the earlier ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Wanted {
    Nothing,
    Beat,
    Hello,
    Whole,
}

impl Telling {
    /// Nobody is here yet.
    pub(super) fn new(start: Start) -> Telling {
        Telling {
            start,
            version: HereVersion::default(),
            members: BTreeMap::new(),
            settling: BTreeSet::new(),
            changed: BTreeSet::new(),
            changes_at: Duration::ZERO,
            beat_at: Duration::ZERO,
            places: PlacesTold::new(),
            wanted: Wanted::Hello,
            phase: Phase::Here,
        }
    }

    /// The node's start is this one.
    pub(super) fn starts(&mut self, start: Start) {
        if self.start != start {
            self.start = start;
            self.want(Wanted::Beat);
        }
    }

    /// There is a broker again: in both directions something may be lost.
    pub(super) fn up(&mut self) {
        self.want(Wanted::Hello);
    }

    /// Another node wants a sign of life.
    pub(super) fn greeted(&mut self) {
        self.want(Wanted::Beat);
    }

    /// Another node wants to know of everybody.
    pub(super) fn asked(&mut self) {
        self.want(Wanted::Whole);
    }

    fn want(&mut self, wanted: Wanted) {
        self.wanted = self.wanted.max(wanted);
    }

    /// The member's connections have these devices; `None`: there is none. Then `is_unsettled` says whether something of what
    /// was said on them is not settled.
    pub(super) fn member(&mut self, mail: Mail, connected: Option<Devices>, is_unsettled: bool) {
        if self.phase == Phase::Leaving {
            return;
        }
        let is_here = connected.is_some();
        let here = connected.or(is_unsettled.then(Devices::new));
        if here.is_some() && !is_here {
            self.settling.insert(mail.clone());
        } else {
            self.settling.remove(&mail);
        }
        self.set(mail, here);
    }

    /// All that this member has said so far is settled.
    pub(super) fn settled(&mut self, mail: &Mail) {
        if self.settling.remove(mail) {
            self.set(mail.clone(), None);
        }
    }

    fn set(&mut self, mail: Mail, here: Option<Devices>) {
        let is_news = match here {
            Some(here) if self.members.get(&mail) == Some(&here) => false,
            Some(here) => {
                self.members.insert(mail.clone(), here);
                true
            }
            None => self.members.remove(&mail).is_some(),
        };
        if is_news {
            self.changed.insert(mail);
        }
    }

    /// The node stops: all its connections end. `is_unsettled`: what this member has said may come nevertheless.
    pub(super) fn leave(&mut self, is_unsettled: impl Fn(&Mail) -> bool) {
        self.phase = Phase::Leaving;
        self.members.retain(|mail, _| is_unsettled(mail));
        self.members.values_mut().for_each(Devices::clear);
        self.settling.clear();
        self.changed.clear();
        self.version = self.version.next();
        self.want(Wanted::Whole);
    }

    /// The messages to publish now. `next` is the message of the stream that is applied next.
    pub(super) fn tell(&mut self, now: Duration, next: StreamSeq) -> Vec<Vec<u8>> {
        let mut told = Vec::new();
        let wanted = std::mem::replace(&mut self.wanted, Wanted::Nothing);
        // What is told whole has all changes.
        if !self.changed.is_empty() && (now >= self.changes_at || wanted == Wanted::Whole) {
            self.changes_at = now + HERE_GATHER;
            let mut lines = Vec::new();
            for mail in std::mem::take(&mut self.changed) {
                write_line(&mut lines, &mail, self.members.get(&mail));
            }
            for piece in pieces(&lines) {
                self.version = self.version.next();
                told.push(self.head(next, What::Changes).message(piece));
            }
        }
        match wanted {
            Wanted::Whole => {
                let mut lines = Vec::new();
                self.members.iter().for_each(|(mail, here)| write_line(&mut lines, mail, Some(here)));
                let pieces = pieces(&lines);
                let parts = u32::try_from(pieces.len()).expect("a few");
                for (part, piece) in (1..).zip(pieces) {
                    told.push(self.head(next, What::Whole(part, parts)).message(piece));
                }
            }
            Wanted::Hello => told.push(self.head(next, What::Hello).message(b"")),
            Wanted::Beat => told.push(self.head(next, What::Beat).message(b"")),
            Wanted::Nothing if told.is_empty() && now >= self.beat_at => {
                told.push(self.head(next, What::Beat).message(b""));
            }
            Wanted::Nothing => {}
        }
        if !told.is_empty() {
            self.beat_at = now + HERE_EVERY;
        }
        told
    }

    fn head(&self, next: StreamSeq, what: What) -> HereHead {
        HereHead { start: self.start, version: self.version, next, places: self.places.state(), what }
    }

    /// When [`Telling::tell`] has something even if nothing else happens.
    pub(super) fn next_deadline(&self) -> Duration {
        if self.wanted != Wanted::Nothing {
            return Duration::ZERO;
        }
        let changes = (!self.changed.is_empty()).then_some(self.changes_at);
        changes.map_or(self.beat_at, |at| at.min(self.beat_at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Device;

    /// Node with start 5, which said hello at 0.
    struct Stage {
        telling: Telling,
        now: u64,
    }

    fn mail(text: &str) -> Mail {
        Mail::parse(text.as_bytes()).expect("a mail")
    }

    impl Stage {
        fn new() -> Stage {
            let mut stage = Stage { telling: Telling::new(Start(5)), now: 0 };
            assert_eq!(stage.tells(), "5 0 9 1 0 hello");
            stage
        }

        fn here(&mut self, who: &str, devices: &[&str]) {
            let devices = devices.iter().map(|name| match *name {
                "*" => Device::Default,
                name => Device::parse_named(name).expect("a name"),
            });
            self.telling.member(mail(who), Some(devices.collect()), false);
        }

        /// What is told now.
        fn tells(&mut self) -> String {
            let told = self.telling.tell(Duration::from_millis(self.now), StreamSeq(9));
            let told = told.into_iter().map(|message| {
                let text = String::from_utf8(message).expect("text");
                text.strip_prefix("v1 ").expect("the version").trim_end().replace('\n', ", ")
            });
            told.collect::<Vec<_>>().join("; ")
        }

        /// Each time at which something is told up to this one.
        fn until(&mut self, ms: u64) -> String {
            let mut told = Vec::new();
            while let at = self.telling.next_deadline()
                && at <= Duration::from_millis(ms)
            {
                self.now = self.now.max(u64::try_from(at.as_millis()).expect("a few"));
                let tells = self.tells();
                told.push(format!("{}: {tells}", self.now));
            }
            self.now = ms;
            told.join(" | ")
        }
    }

    #[test]
    fn changes_are_told_at_once_and_then_gather() {
        let mut stage = Stage::new();
        stage.here("ann@x", &["*", "phone"]);
        assert_eq!(stage.tells(), "5 1 9 1 0 changes, ann@x * phone");
        stage.here("bob@x", &[]);
        stage.here("cid@x", &["*"]);
        assert_eq!(stage.tells(), "");
        stage.telling.member(mail("ann@x"), None, false);
        assert_eq!(stage.until(49), "");
        // Whoever was there for a moment only is told of, too: in between somebody may have been told of everybody.
        stage.telling.member(mail("cid@x"), None, false);
        assert_eq!(stage.until(50), "50: 5 2 9 1 0 changes, ann@x -, bob@x, cid@x -");
        // What is no change is not told.
        stage.here("bob@x", &[]);
        assert_eq!(stage.until(2049), "");
        assert_eq!(stage.until(5000), "2050: 5 2 9 1 0 beat | 4050: 5 2 9 1 0 beat");
    }

    #[test]
    fn who_has_left_is_here_until_all_is_settled() {
        let mut stage = Stage::new();
        stage.here("ann@x", &["*"]);
        stage.here("bob@x", &["*"]);
        assert_eq!(stage.tells(), "5 1 9 1 0 changes, ann@x *, bob@x *");
        stage.telling.settled(&mail("ann@x"));
        stage.telling.member(mail("ann@x"), None, true);
        stage.telling.member(mail("bob@x"), None, true);
        assert_eq!(stage.until(100), "50: 5 2 9 1 0 changes, ann@x, bob@x");
        // Bob is back before his lines are settled.
        stage.here("bob@x", &["phone"]);
        assert_eq!(stage.tells(), "5 3 9 1 0 changes, bob@x phone");
        stage.telling.settled(&mail("ann@x"));
        stage.telling.settled(&mail("bob@x"));
        assert_eq!(stage.until(200), "150: 5 4 9 1 0 changes, ann@x -");
    }

    #[test]
    fn what_is_asked_for_is_told() {
        let mut stage = Stage::new();
        stage.here("ann@x", &["*"]);
        stage.tells();
        stage.here("bob@x", &["*"]);
        stage.telling.greeted();
        assert_eq!(stage.tells(), "5 1 9 1 0 beat");
        stage.telling.greeted();
        stage.telling.asked();
        assert_eq!(stage.tells(), "5 2 9 1 0 changes, bob@x *; 5 2 9 1 0 whole 1 1, ann@x *, bob@x *");
        stage.telling.up();
        assert_eq!(stage.tells(), "5 2 9 1 0 hello");
        // A fence has ended the start: the same members are there under the next one.
        stage.telling.starts(Start(6));
        stage.telling.starts(Start(6));
        assert_eq!((stage.tells(), stage.tells()), ("6 2 9 1 0 beat".to_owned(), String::new()));
    }

    #[test]
    fn a_node_that_stops_takes_its_leave() {
        let mut stage = Stage::new();
        stage.here("ann@x", &["*"]);
        stage.tells();
        stage.here("bob@x", &["*"]);
        stage.here("cid@x", &["*"]);
        stage.telling.leave(|mail| mail.as_str() == "bob@x");
        stage.telling.member(mail("ann@x"), None, false);
        stage.here("dan@x", &["*"]);
        assert_eq!(stage.tells(), "5 2 9 1 0 whole 1 1, bob@x");
        assert_eq!(stage.until(2000), "2000: 5 2 9 1 0 beat");
    }

    #[test]
    fn many_changes_are_some_messages() {
        let mut stage = Stage::new();
        for n in 0..30_000 {
            stage.here(&format!("somebody-{n}@example.org"), &["*"]);
        }
        let told = stage.telling.tell(Duration::ZERO, StreamSeq(9));
        let heads = told.iter().map(|message| HereHead::parse(message).expect("a message").0);
        let versions: Vec<_> = heads.map(|head| (head.version.0, head.what)).collect();
        assert_eq!(versions, [1, 2, 3, 4].map(|version| (version, What::Changes)));
        stage.telling.asked();
        let told = stage.telling.tell(Duration::ZERO, StreamSeq(9));
        let heads = told.iter().map(|message| HereHead::parse(message).expect("a message").0);
        let parts: Vec<_> = heads.map(|head| (head.version.0, head.what)).collect();
        assert_eq!(parts, [1, 2, 3, 4].map(|part| (4, What::Whole(part, 4))));
    }
}
