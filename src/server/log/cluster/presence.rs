//! Who is at the other nodes, as far as they have told, and which of these nodes are there at all.
//!
//! Each tells what changes, with a count of that, and a sign of life with the count now and then ([`Telling`]). Whoever has
//! missed something asks for everybody. A node that is not heard for [`HERE_SILENT`] is silent, and after [`HERE_FORGOTTEN`]
//! nobody is shown to be there any more. But somebody may still be: that a node is silent does not mean that it says nothing
//! to the stream. [`Presence::may_have`] says so until the stream has ended the start under which the node was heard.
//!
//! Pure: time comes in. After each input, [`Presence::poll`] until there is nothing.
//!
//! [`Telling`]: super::telling::Telling

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use crate::limits::{HERE_ASK_AGAIN, HERE_FORGOTTEN, HERE_SILENT};
use crate::protocol::{Device, Mail};
use crate::server::log::cluster::here::{Devices, HereHead, HereVersion, What, lines};
use crate::server::log::cluster::ids::{NodeName, Start, StreamSeq};
use crate::server::log::cluster::places::PlacesHeard;
use crate::server::log::cluster::state::Known;

/// See the module.
#[derive(Debug)]
pub struct Presence {
    nodes: BTreeMap<NodeName, Other>,
    /// Members of whom something has changed since [`Presence::take_changes`].
    changed: BTreeSet<Mail>,
    acts: VecDeque<Act>,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// Ask this node for everybody who is there.
    Ask(NodeName),
    /// Ask this node for all its places: some that it has told up to this message were missed.
    AskPlaces(NodeName, u64),
    /// Give a sign of life.
    Greet,
}

/// Whether a node is heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Life {
    /// It is, or has joined a moment ago.
    Live,
    /// Not for some seconds.
    Silent,
    /// Not for so long that its members count as gone in answers.
    Forgotten,
}

/// Another node.
#[derive(Debug)]
struct Other {
    start: Start,
    /// Whether the stream has ended that start: nothing more of it counts.
    is_over: bool,
    life: Life,
    /// When it was heard, or the stream told of a new start.
    heard_at: Duration,
    /// What `members` is, of its present start; `None`: it has not told of everybody, and those are of an earlier start.
    version: Option<HereVersion>,
    /// What it has told last, as far as is known.
    newest: HereVersion,
    /// The message of the stream that it applies next, at least.
    next: StreamSeq,
    members: BTreeMap<Mail, Devices>,
    /// Everybody, of whom some parts have come.
    whole: Option<Whole>,
    /// When it was asked for everybody.
    asked_at: Option<Duration>,
    places: PlacesHeard,
}

#[derive(Debug)]
struct Whole {
    version: HereVersion,
    /// The part that comes next.
    part: u32,
    members: BTreeMap<Mail, Devices>,
}

impl Other {
    fn of(start: Start, now: Duration) -> Other {
        Other {
            start,
            is_over: false,
            life: Life::Live,
            heard_at: now,
            version: None,
            newest: HereVersion::default(),
            next: StreamSeq(0),
            members: BTreeMap::new(),
            whole: None,
            asked_at: None,
            places: PlacesHeard::default(),
        }
    }

    /// It has another start, of which nothing was told yet. Its members are shown until something is.
    fn begin(&mut self, start: Start) {
        (self.start, self.is_over) = (start, false);
        (self.version, self.newest) = (None, HereVersion::default());
        (self.whole, self.asked_at) = (None, None);
        self.places = PlacesHeard::default();
    }

    /// Whether it has told something that is not known here.
    fn is_behind(&self) -> bool {
        self.version.is_none_or(|version| version < self.newest)
    }

    /// When to ask it for everybody, if that is to be done.
    fn ask_at(&self) -> Option<Duration> {
        let is_asked = self.life == Life::Live && self.is_behind() && self.newest > HereVersion::default();
        is_asked.then(|| self.asked_at.map_or(Duration::ZERO, |at| at + HERE_ASK_AGAIN))
    }

    /// When its life changes if it is not heard.
    fn ends_at(&self) -> Option<Duration> {
        match self.life {
            Life::Live => Some(self.heard_at + HERE_SILENT),
            Life::Silent => Some(self.heard_at + HERE_FORGOTTEN),
            Life::Forgotten => None,
        }
    }

    /// It is there, whatever it says.
    fn lives(&mut self, now: Duration, changed: &mut BTreeSet<Mail>) {
        self.heard_at = now;
        if self.life == Life::Forgotten {
            changed.extend(self.members.keys().cloned());
        }
        self.life = Life::Live;
    }

    /// What it has told about its members.
    fn told(&mut self, head: &HereHead, text: &[u8], changed: &mut BTreeSet<Mail>) {
        self.newest = self.newest.max(head.version);
        if head.version == HereVersion::default() && self.version.is_none() {
            return self.replace(head.version, BTreeMap::new(), changed);
        }
        match head.what {
            What::Changes if self.version.map(HereVersion::next) == Some(head.version) => {
                self.version = Some(head.version);
                for (mail, here) in lines(text) {
                    match here {
                        Some(here) => drop(self.members.insert(mail.clone(), here)),
                        None => drop(self.members.remove(&mail)),
                    }
                    changed.insert(mail);
                }
            }
            What::Whole(part, parts) if self.version < Some(head.version) => {
                let begun =
                    self.whole.take().filter(|whole| (whole.version, whole.part) == (head.version, part));
                let fresh = || Whole { version: head.version, part, members: BTreeMap::new() };
                let Some(mut whole) = begun.or_else(|| (part == 1).then(fresh)) else { return };
                whole.members.extend(lines(text).filter_map(|(mail, here)| Some((mail, here?))));
                if part == parts {
                    return self.replace(head.version, whole.members, changed);
                }
                whole.part += 1;
                self.whole = Some(whole);
            }
            What::Beat | What::Hello | What::Changes | What::Whole(..) => {}
        }
    }

    /// Everybody who is there, in the place of what was known.
    fn replace(
        &mut self,
        version: HereVersion,
        members: BTreeMap<Mail, Devices>,
        changed: &mut BTreeSet<Mail>,
    ) {
        let before = std::mem::replace(&mut self.members, members);
        let gone = before.keys().filter(|mail| !self.members.contains_key(*mail));
        changed.extend(gone.cloned());
        let news = self.members.iter().filter(|(mail, here)| before.get(*mail) != Some(*here));
        changed.extend(news.map(|(mail, _)| mail.clone()));
        (self.version, self.asked_at, self.whole) = (Some(version), None, None);
    }
}

impl Presence {
    /// Nothing is known of other nodes.
    pub(super) fn new() -> Presence {
        Presence { nodes: BTreeMap::new(), changed: BTreeSet::new(), acts: VecDeque::new() }
    }

    /// What the stream says of the other nodes: a start begins, or is ended.
    pub(super) fn in_stream<'a>(
        &mut self,
        now: Duration,
        nodes: impl IntoIterator<Item = (&'a NodeName, Known)>,
    ) {
        for (name, Known { start, last }) in nodes {
            let is_over = last.is_none();
            match self.nodes.get_mut(name) {
                Some(other) if start > other.start => {
                    other.begin(start);
                    other.is_over = is_over;
                    if !is_over {
                        // Those of the start before are not shown once more.
                        if other.life == Life::Forgotten {
                            other.members.clear();
                        }
                        other.lives(now, &mut self.changed);
                    }
                }
                Some(other) => other.is_over |= is_over && start == other.start,
                None if is_over => {}
                None => drop(self.nodes.insert(name.clone(), Other::of(start, now))),
            }
        }
        self.tick(now);
    }

    /// Another node has told this. What is no message of this version is nothing.
    pub(super) fn heard(&mut self, now: Duration, name: &NodeName, message: &[u8]) {
        let Some((head, text)) = HereHead::parse(message) else { return };
        let other = self.nodes.entry(name.clone()).or_insert_with(|| Other::of(head.start, now));
        if head.start < other.start {
            return;
        }
        if head.start > other.start {
            other.begin(head.start);
        }
        other.lives(now, &mut self.changed);
        other.next = other.next.max(head.next);
        other.told(&head, text, &mut self.changed);
        other.places.state(head.places);
        if head.what == What::Hello {
            self.acts.push_back(Act::Greet);
        }
        self.tick(now);
    }

    /// Another node has told its message with places of this number.
    pub(super) fn heard_places(&mut self, name: &NodeName, start: Start, number: u64) {
        if let Some(other) = self.nodes.get_mut(name).filter(|other| other.start == start) {
            other.places.heard(number);
        }
    }

    /// Time has passed.
    pub(super) fn tick(&mut self, now: Duration) {
        self.nodes.retain(|name, other| {
            while other.ends_at().is_some_and(|at| now >= at) {
                if other.life == Life::Live {
                    other.life = Life::Silent;
                    continue;
                }
                other.life = Life::Forgotten;
                self.changed.extend(other.members.keys().cloned());
            }
            if other.ask_at().is_some_and(|at| now >= at) {
                other.asked_at = Some(now);
                self.acts.push_back(Act::Ask(name.clone()));
            }
            if other.life == Life::Live
                && let Some(up_to) = other.places.ask(now)
            {
                self.acts.push_back(Act::AskPlaces(name.clone(), up_to));
            }
            // It has no part in the group any more.
            other.life != Life::Forgotten || !other.is_over
        });
    }

    /// The next thing to do.
    pub(super) fn poll(&mut self) -> Option<Act> {
        self.acts.pop_front()
    }

    /// When to call [`Presence::tick`] even if nothing else happens.
    pub(super) fn next_deadline(&self) -> Option<Duration> {
        let places = |other: &Other| other.places.ask_at().filter(|_| other.life == Life::Live);
        let of = |other| [Other::ends_at(other), other.ask_at(), places(other)];
        self.nodes.values().flat_map(of).flatten().min()
    }

    /// The members of whom something has changed since the last call, and with which devices each is there, all nodes that are
    /// not forgotten together.
    pub(super) fn take_changes(&mut self) -> Vec<(Mail, Devices)> {
        let changed = std::mem::take(&mut self.changed);
        changed.into_iter().map(|mail| (self.devices(&mail), mail)).map(|(all, mail)| (mail, all)).collect()
    }

    fn devices(&self, mail: &Mail) -> Devices {
        let shown = self.nodes.values().filter(|other| other.life != Life::Forgotten);
        let mut all: Vec<Device> =
            shown.filter_map(|other| other.members.get(mail)).flatten().cloned().collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// The nodes whose start is not over: the start, and whether it is heard.
    pub fn nodes(&self) -> impl Iterator<Item = (&NodeName, Start, Life)> {
        let not_over = self.nodes.iter().filter(|(_, other)| !other.is_over);
        not_over.map(|(name, other)| (name, other.start, other.life))
    }

    /// Whether something of this member may still come from this node, under its present start. If not, that is true of what
    /// comes in the stream from [`Presence::next_of`] on. Of a node that has not told of everybody it has nothing is certain.
    pub fn may_have(&self, node: &NodeName, mail: &Mail) -> bool {
        let other = self.nodes.get(node).filter(|other| !other.is_over);
        other.is_some_and(|other| other.is_behind() || other.members.contains_key(mail))
    }

    /// Whether this node has told anything under its present start.
    pub fn is_heard(&self, node: &NodeName) -> bool {
        let has_told = |other: &Other| other.version.is_some() || other.newest > HereVersion::default();
        self.nodes.get(node).is_some_and(has_told)
    }

    /// The message of the stream that this node applies next, as it has told.
    pub fn next_of(&self, node: &NodeName) -> Option<StreamSeq> {
        self.nodes.get(node).map(|other| other.next)
    }
}

#[cfg(test)]
mod tests;
