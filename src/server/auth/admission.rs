//! Where connections come from, and which one is evicted for a new one when no place is left: the oldest evictable
//! connection from the source that has the most of them. So connections without a login may fill all places, but keep
//! none from a member, however many of them there are.
//!
//! Evictable is a connection before its login, and one that has left and only waits for acknowledgements. Not while its
//! password is being checked: the queue for that is bounded by itself. A member's connection never is.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, Ipv4Addr};

use slab::Slab;

use crate::room::ConnId;

/// Where a connection comes from: an IPv4 address, or the first 64 bits of an IPv6 address, because one host can have
/// all of the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::server) enum Source {
    V4(Ipv4Addr),
    V6(u64),
}

impl Source {
    pub(in crate::server) fn of(address: IpAddr) -> Source {
        match address.to_canonical() {
            IpAddr::V4(address) => Source::V4(address),
            IpAddr::V6(address) => Source::V6((address.to_bits() >> 64) as u64),
        }
    }
}

/// The connections from one source.
#[derive(Debug)]
struct PerSource {
    source: Source,
    connections: usize,
    /// Those that may be evicted, by age: serial number and slot.
    evictable: BTreeSet<(u64, u32)>,
}

/// How many connections there may be.
#[derive(Clone, Copy, Debug)]
pub(in crate::server) struct Places {
    pub(in crate::server) all: usize,
    pub(in crate::server) before_login: usize,
    pub(in crate::server) per_address: usize,
}

#[derive(Debug)]
pub(in crate::server) struct Admission {
    places: Places,
    sources: Slab<PerSource>,
    numbers: HashMap<Source, usize>,
    /// The number of the source of a slot's connection. Four bytes a connection.
    number_of_slot: Vec<u32>,
    /// Sources with evictable connections: how many, the serial number of the oldest, and the source's number.
    by_size: BTreeSet<(usize, Reverse<u64>, usize)>,
}

impl Admission {
    pub(in crate::server) fn new(places: Places) -> Admission {
        Admission {
            places,
            sources: Slab::new(),
            numbers: HashMap::new(),
            number_of_slot: Vec::new(),
            by_size: BTreeSet::new(),
        }
    }

    /// Whether only an eviction can make a place, when so many are open and so many of them logged in.
    pub(in crate::server) fn is_full(&self, open: usize, logged_in: usize) -> bool {
        open >= self.places.all || open - logged_in >= self.places.before_login
    }

    /// Whether there are as many from this source as there may be.
    pub(in crate::server) fn is_full_for(&self, source: Source) -> bool {
        self.connections_from(source) >= self.places.per_address
    }

    pub(in crate::server) fn add(&mut self, id: ConnId, source: Source) {
        let number = *self.numbers.entry(source).or_insert_with(|| {
            self.sources.insert(PerSource { source, connections: 0, evictable: BTreeSet::new() })
        });
        self.sources[number].connections += 1;
        let slot = id.slot as usize;
        if self.number_of_slot.len() <= slot {
            self.number_of_slot.resize(slot + 1, 0);
        }
        self.number_of_slot[slot] = u32::try_from(number).expect("there are fewer sources than connections");
        self.mark_evictable(id);
    }

    pub(in crate::server) fn mark_evictable(&mut self, id: ConnId) {
        self.change_evictable(id, |evictable| evictable.insert((id.serial, id.slot)));
    }

    /// Not evictable from now on: the password is being checked, or was right.
    pub(in crate::server) fn protect(&mut self, id: ConnId) {
        self.change_evictable(id, |evictable| evictable.remove(&(id.serial, id.slot)));
    }

    pub(in crate::server) fn remove(&mut self, id: ConnId) {
        self.protect(id);
        let number = self.number(id);
        let known = &mut self.sources[number];
        known.connections -= 1;
        if known.connections == 0 {
            let known = self.sources.remove(number);
            self.numbers.remove(&known.source);
        }
    }

    pub(in crate::server) fn source_of(&self, id: ConnId) -> Source {
        self.sources[self.number(id)].source
    }

    fn connections_from(&self, source: Source) -> usize {
        self.numbers.get(&source).map_or(0, |&number| self.sources[number].connections)
    }

    /// The connection to evict if there are too many from this source.
    pub(in crate::server) fn oldest_from(&self, source: Source) -> Option<ConnId> {
        self.oldest(*self.numbers.get(&source)?)
    }

    /// The connection to evict if there are too many in all.
    pub(in crate::server) fn oldest_from_busiest(&self) -> Option<ConnId> {
        let &(.., number) = self.by_size.last()?;
        self.oldest(number)
    }

    fn oldest(&self, number: usize) -> Option<ConnId> {
        self.sources[number].evictable.first().map(|&(serial, slot)| ConnId { slot, serial })
    }

    fn number(&self, id: ConnId) -> usize {
        self.number_of_slot[id.slot as usize] as usize
    }

    fn change_evictable(&mut self, id: ConnId, change: impl FnOnce(&mut BTreeSet<(u64, u32)>) -> bool) {
        let number = self.number(id);
        let evictable = &mut self.sources[number].evictable;
        let rank =
            |evictable: &BTreeSet<(u64, u32)>| Some((evictable.len(), Reverse(evictable.first()?.0), number));
        if let Some(before) = rank(evictable) {
            self.by_size.remove(&before);
        }
        change(evictable);
        if let Some(after) = rank(evictable) {
            self.by_size.insert(after);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Source {
        Source::of(text.parse().expect("an address"))
    }

    fn id(slot: u32) -> ConnId {
        ConnId { slot, serial: u64::from(slot) + 100 }
    }

    #[test]
    fn sources() {
        assert_eq!(source("192.0.2.1"), source("::ffff:192.0.2.1"));
        assert_ne!(source("192.0.2.1"), source("192.0.2.2"));
        assert_eq!(source("2001:db8:0:7::1"), source("2001:db8:0:7:ffff::"));
        assert_ne!(source("2001:db8:0:7::1"), source("2001:db8:0:8::1"));
    }

    #[test]
    fn connections_that_are_not_logged_in_have_fewer_places() {
        let admission = Admission::new(Places { all: 9, before_login: 7, per_address: 2 });
        for (open, logged_in, is_full) in
            [(6, 0, false), (7, 0, true), (8, 2, false), (8, 1, true), (9, 9, true)]
        {
            assert_eq!(admission.is_full(open, logged_in), is_full, "{open} {logged_in}");
        }
    }

    #[test]
    fn the_oldest_from_the_busiest_source_is_evicted() {
        let mut admission = Admission::new(Places { all: 9, before_login: 7, per_address: 2 });
        let (one, two, three) = (source("192.0.2.1"), source("192.0.2.2"), source("192.0.2.3"));
        for (slot, from) in [one, two, two, three, two].into_iter().enumerate() {
            admission.add(id(u32::try_from(slot).expect("few")), from);
        }
        assert_eq!(admission.oldest_from_busiest(), Some(id(1)));
        admission.protect(id(1));
        assert_eq!(admission.oldest_from_busiest(), Some(id(2)));
        admission.remove(id(2));
        assert_eq!([one, two, three].map(|source| admission.is_full_for(source)), [false, true, false]);
        // One of each: the oldest of all.
        assert_eq!(admission.oldest_from_busiest(), Some(id(0)));
        assert_eq!((admission.connections_from(two), admission.oldest_from(two)), (2, Some(id(4))));
        admission.mark_evictable(id(1));
        assert_eq!(admission.oldest_from_busiest(), Some(id(1)));
        for slot in [0, 1, 3, 4] {
            admission.protect(id(slot));
            assert_eq!(admission.source_of(id(slot)), [one, two, two, three, two][slot as usize]);
        }
        assert_eq!(admission.oldest_from_busiest(), None);
        for slot in [0, 1, 3, 4] {
            admission.remove(id(slot));
        }
        assert!(admission.sources.is_empty() && admission.numbers.is_empty() && admission.by_size.is_empty());
    }
}
