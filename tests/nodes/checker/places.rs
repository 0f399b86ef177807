//! Where each device's feed begins, whatever node it comes to:
//!
//! - at or before the event after the last one that its client has read: it misses nothing;
//! - for a new device, there where its member's furthest device is, and for a new member at the own ADDED;
//! - and nothing comes again that had been recorded by all nodes when everything was at rest.

use std::collections::BTreeMap;

use super::feed::{Feed, Login};
use super::group::Group;
use crate::record::{Device, Files, PlacesAre};

/// What is known of a device's client.
#[derive(Clone, Debug)]
struct Known {
    /// Its member's ADDED.
    since: u64,
    /// The last event that it has read.
    read: u64,
    /// All nodes have recorded that it has read up to this one.
    recorded: u64,
}

/// A device, and the node at which it is that device, if places are separate.
type Key = (Device, Option<String>);

#[derive(Debug)]
pub(super) struct Places {
    are: PlacesAre,
    known: BTreeMap<Key, Known>,
    /// How far each device of each membership, named by its ADDED, has read.
    read: BTreeMap<(u64, Key), u64>,
    /// Logins of devices that were new: the membership, what a complaint begins with, and where they began.
    new: Vec<((u64, Key), String, u64)>,
    /// Where each device was last.
    nodes: BTreeMap<Device, String>,
    pub(super) moves: Moves,
}

/// How devices have moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Moves {
    /// Logins at another node than the one before.
    pub(crate) moved: u64,
    /// Logins after which events came again, these events, and the most for one login.
    pub(crate) repeats: u64,
    pub(crate) repeated: u64,
    pub(crate) most: u64,
}

impl Places {
    pub(super) fn new(are: PlacesAre) -> Places {
        Places {
            are,
            known: BTreeMap::new(),
            read: BTreeMap::new(),
            new: Vec::new(),
            nodes: BTreeMap::new(),
            moves: Moves::default(),
        }
    }

    fn key(&self, device: &Device, node: &str) -> Key {
        (device.clone(), (self.are == PlacesAre::Separate).then(|| node.to_owned()))
    }

    /// A feed begins. Its member's ADDED, if there is one.
    pub(super) fn entered(
        &mut self,
        feed: &Feed,
        login: Login,
        group: &Group,
        complaints: &mut Vec<String>,
    ) -> Option<u64> {
        let (device, start) = (&feed.device, login.start);
        let Some(since) = group.since(device.mail(), login.last) else {
            complaints.push(format!("{} was let in and is no member", feed.name()));
            return None;
        };
        if !device.has_feed() {
            return Some(since);
        }
        let mut complain =
            |what: String| complaints.push(format!("{} begins after event {start}, {what}", feed.name()));
        if start + 1 < since {
            complain(format!("before its member was added by event {since}"));
        }
        let key = self.key(device, &feed.node);
        if self.known.get(&key).is_some_and(|known| known.since > since) {
            self.entered_behind(since, key, feed.name(), start, complaints);
            return Some(since);
        }
        let known = self.known.get(&key).filter(|known| known.since == since);
        match known {
            Some(known) if start > known.read => {
                complain(format!("and misses something: its client has read up to {}", known.read));
            }
            Some(known) if start < known.recorded => complain(format!(
                "again: all nodes had recorded that its client has read up to {}",
                known.recorded
            )),
            Some(_) => {}
            None => self.new.push(((since, key.clone()), feed.name(), start)),
        }
        if let Some(known) = known {
            let again = known.read.saturating_sub(start);
            self.moves.repeats += u64::from(again > 0);
            self.moves.repeated += again;
            self.moves.most = self.moves.most.max(again);
        }
        let (read, recorded) = known.map_or((start, 0), |known| (known.read.max(start), known.recorded));
        self.known.insert(key, Known { since, read, recorded });
        let before = self.nodes.insert(device.clone(), feed.node.clone());
        self.moves.moved += u64::from(before.is_some_and(|before| before != feed.node));
        Some(since)
    }

    /// At a node that does not know of a later membership yet: there it is the device of the one before.
    fn entered_behind(
        &mut self,
        since: u64,
        key: Key,
        name: String,
        start: u64,
        complaints: &mut Vec<String>,
    ) {
        match self.read.get(&(since, key.clone())) {
            Some(read) if start > *read => complaints.push(format!(
                "{name} begins after event {start}, and misses something: its client has read up to {read}"
            )),
            Some(_) => {}
            None => {
                self.new.push(((since, key.clone()), name, start));
                self.read.insert((since, key), start);
            }
        }
    }

    /// A node has lost what it had recorded: if the others do not tell it, all devices are new to it.
    pub(super) fn wiped(&mut self, node: &str, complaints: &mut Vec<String>) {
        self.check_new(complaints);
        self.known.retain(|(_, at), _| at.as_deref() != Some(node));
        self.read.retain(|(_, (_, at)), _| at.as_deref() != Some(node));
    }

    /// A feed has come so far.
    pub(super) fn read(&mut self, feed: &Feed, since: u64) {
        let key = self.key(&feed.device, &feed.node);
        if let Some(known) = self.known.get_mut(&key).filter(|known| known.since == since) {
            known.read = known.read.max(feed.read);
            self.read.insert((since, key), known.read);
        } else if let Some(read) = self.read.get_mut(&(since, key)) {
            *read = (*read).max(feed.read);
        }
    }

    /// A new device begins where another one of its member has certainly been, or at the own ADDED. What that one's
    /// kernel had acknowledged by then, its client has read by now.
    fn check_new(&mut self, complaints: &mut Vec<String>) {
        for ((since, key), name, start) in std::mem::take(&mut self.new) {
            let (device, node) = &key;
            let others = self.read.iter().filter(|((membership, (other, at)), _)| {
                *membership == since && other.mail() == device.mail() && other != device && at == node
            });
            let others = others.map(|(_, read)| *read).max().unwrap_or(0).max(since.saturating_sub(1));
            if start > others {
                complaints.push(format!(
                    "{name} begins after event {start}, and misses something: it is new, its member's others were at \
                     {others}"
                ));
            }
        }
    }

    /// No node has recorded more than was read: that would be missed.
    pub(super) fn check(&mut self, files: &[Files], group: &Group, complaints: &mut Vec<String>) {
        self.check_new(complaints);
        for Files { node, places, .. } in files {
            for (device, &recorded) in places {
                let since = group.since(device.mail(), u64::MAX);
                let known = self.known.get(&self.key(device, node));
                let known = known.filter(|known| Some(known.since) == since);
                if let Some(known) = known.filter(|known| recorded > known.read) {
                    complaints.push(format!(
                        "{node} has recorded {} at {recorded}, and its client has read up to {}",
                        device.0, known.read
                    ));
                }
            }
        }
    }

    /// Everything has come to rest, and this device is at the end: that is recorded everywhere, or at its node.
    pub(super) fn at_rest(&mut self, feed: &Feed, files: &[Files], complaints: &mut Vec<String>) {
        let (device, key) = (&feed.device, self.key(&feed.device, &feed.node));
        let Some(known) = self.known.get_mut(&key) else { return };
        let are = self.are;
        let nodes = files.iter().filter(|files| are == PlacesAre::Shared || files.node == feed.node);
        for Files { node, places, .. } in nodes {
            let recorded = places.get(device).copied().unwrap_or(0);
            if recorded < known.read {
                complaints.push(format!(
                    "at rest {node} has recorded {} at {recorded}, and its client has read up to {}",
                    device.0, known.read
                ));
            }
        }
        known.recorded = known.read;
    }
}
