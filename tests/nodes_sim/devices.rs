//! Devices that log in: wherever one comes to, its feed begins where it has been at the latest, so that it misses nothing. The
//! nodes tell each other how far devices have come; that is lost, comes late, or cannot be asked for, because the node that knows
//! is cut off or has crashed. A device that is new where it logs in is known to the others before it is shown anything.

use std::collections::BTreeMap;
use std::time::Duration;

use chat_room::protocol::{Device, LastIs, Mail, Seq, Time};
use chat_room::room::Delivered;
use chat_room::server::log::cluster::Question;

use super::node::Node;
use super::report::What;
use super::world::{World, mail};

/// Few, so that they come back.
const NAMES: [&str; 3] = ["tv", "phone", "desk"];

/// A device of a member, who is named by their mail and by their ADDED line.
pub(super) type Key = (Mail, u64, Device);

/// How far devices have come, as a node knows it.
pub(super) type Places = BTreeMap<Key, Place>;

#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    seq: u64,
    /// It is about to log in for the first time.
    is_expected: bool,
}

/// What a device's client has read.
pub(super) struct Read {
    up_to: u64,
    /// When it was let in first.
    since: Duration,
}

/// What nodes tell each other of devices.
#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    places: Vec<Delivered>,
    expected: Vec<Delivered>,
}

impl Node {
    /// The last event that it has, in a transcript that begins after this one.
    fn last(&self, base: u64) -> u64 {
        base + self.at as u64
    }

    fn key(&self, who: &Mail, device: &Device) -> Option<Key> {
        let added = self.group.get(who.as_str())?.added;
        Some((who.clone(), added, device.clone()))
    }

    /// Where a device of this membership begins that is new here; `None` if it is known.
    fn beginning(&self, key: &Key) -> Option<u64> {
        if let Some(place) = self.places.get(key) {
            return place.is_expected.then_some(place.seq);
        }
        let (who, added, _) = key;
        let is_theirs =
            |((mail, since, _), place): &(&Key, &Place)| mail == who && since == added && !place.is_expected;
        let theirs = self.places.iter().filter(is_theirs).map(|(_, place)| place.seq);
        Some(theirs.max().unwrap_or(added.saturating_sub(1)))
    }

    /// Takes over a place, when it has that event.
    fn takes_place(&mut self, base: u64, place: Delivered) {
        let (last, is_member) = (self.last(base), self.group.contains_key(place.mail.as_str()));
        if place.seq.0 > last || place.seq.0 == last && !is_member {
            return self.ahead.push(place);
        }
        let Some(key) = self.key(&place.mail, &place.device) else { return };
        if place.seq.0 + 1 >= key.1 {
            let known = self.places.get(&key).filter(|known| !known.is_expected);
            let seq = known.map_or(0, |known| known.seq).max(place.seq.0);
            self.places.insert(key, Place { seq, is_expected: false });
        }
    }

    /// It has more events.
    fn has_come(&mut self, base: u64) {
        for place in std::mem::take(&mut self.ahead) {
            self.takes_place(base, place);
        }
    }

    /// A device is about to log in somewhere for the first time.
    fn is_expected(&mut self, base: u64, place: Delivered) {
        let last = self.last(base);
        let Some(key) = self.key(&place.mail, &place.device) else {
            return self.ahead.extend((place.seq.0 >= last).then_some(place));
        };
        let seq = place.seq.0;
        if seq + 1 < key.1 {
            return;
        }
        let known = self.places.entry(key).or_insert(Place { seq, is_expected: true });
        if known.is_expected {
            known.seq = known.seq.max(seq);
        }
    }

    /// It starts again: what it expected is in no file.
    pub(super) fn forgets_expected(&mut self) {
        self.places.retain(|_, place| !place.is_expected);
    }

    /// What it tells of members' devices.
    fn tells(&self, about: impl Fn(&Mail) -> bool) -> Told {
        let mut told = Told::default();
        for ((mail, added, device), place) in &self.places {
            let is_theirs = self.group.get(mail.as_str()).is_some_and(|member| member.added == *added);
            if is_theirs && about(mail) {
                let (mail, device, seq) = (mail.clone(), device.clone(), Seq(place.seq));
                let to = if place.is_expected { &mut told.expected } else { &mut told.places };
                to.push(Delivered { mail, device, seq, time: Time::default() });
            }
        }
        told
    }
}

impl World {
    pub(super) fn any_device(&mut self) -> Device {
        let name: &&str = self.rng.pick(&NAMES);
        Device::parse_named(name).expect("a name")
    }

    /// Where this device begins at a node, if it is new there.
    pub(super) fn new_device(
        &mut self,
        index: usize,
        who: &'static str,
        device: &Device,
    ) -> Option<Delivered> {
        let base = self.oracle.base;
        let node = &mut self.nodes[index];
        node.has_come(base);
        let key = node.key(&mail(who), device)?;
        let seq = Seq(node.beginning(&key)?);
        let place = Delivered { mail: key.0, device: key.2, seq, time: Time::default() };
        node.is_expected(base, place.clone());
        Some(place)
    }

    /// A node is asked about members who log in at another one. What it tells with the answer.
    pub(super) fn tells_of_devices(&mut self, index: usize, question: &Question) -> Told {
        let base = self.oracle.base;
        let node = &mut self.nodes[index];
        node.has_come(base);
        for place in &question.new {
            let here = node.key(&place.mail, &place.device).and_then(|key| node.beginning(&key));
            let seq = place.seq.max(Seq(here.unwrap_or(0)));
            node.is_expected(base, Delivered { seq, ..place.clone() });
        }
        node.tells(|mail| question.mails.contains(mail))
    }

    /// A node tells the others of all devices.
    pub(super) fn tells_of_all_devices(&self, index: usize) -> Told {
        Told { expected: Vec::new(), ..self.nodes[index].tells(|_| true) }
    }

    pub(super) fn hears_of_devices(&mut self, index: usize, told: Told) {
        let base = self.oracle.base;
        let node = &mut self.nodes[index];
        node.has_come(base);
        told.places.into_iter().for_each(|place| node.takes_place(base, place));
        told.expected.into_iter().for_each(|place| node.is_expected(base, place));
    }

    /// A device is let in, and its client reads all that the node has; the node knows of a part of that.
    pub(super) fn device_enters(
        &mut self,
        index: usize,
        who: &'static str,
        device: &Device,
        last_is: LastIs,
    ) {
        let base = self.oracle.base;
        let node = &mut self.nodes[index];
        node.has_come(base);
        let Some(key) = node.key(&mail(who), device) else { return };
        let new = node.beginning(&key);
        let start = new.unwrap_or_else(|| node.places[&key].seq);
        let (joined_at, last) = (node.joined_at, node.last(base));
        let unread = usize::try_from(last - start.min(last)).expect("few");
        let seq = start + self.rng.below(unread + 1) as u64;
        self.nodes[index].places.insert(key.clone(), Place { seq, is_expected: false });
        let (now, name) = (self.now, &self.nodes[index].name);
        let read = self.read.entry(key).or_insert(Read { up_to: last, since: now });
        // It may have joined since then, and not have heard of all devices yet, or have forgotten one that it only expected.
        let is_excused = joined_at > Some(read.since) || !self.doubled.is_empty();
        assert!(
            start <= read.up_to || is_excused,
            "{who}{device} begins at {name} after {start}{last_is}, and has read up to {}",
            read.up_to
        );
        read.up_to = last.max(read.up_to);
        if new.is_some() {
            self.report.count(What::NewDevice);
        }
        self.tell_place(index);
    }
}
