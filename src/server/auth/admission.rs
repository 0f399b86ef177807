//! Who came from where, and who gives way: when no place is left, a newcomer takes that of the oldest stranger
//! from the address with the most of them. So strangers may have every place that is free, and keep none: however
//! many sit there in silence, a member gets in. Who has left and is only here until all has arrived counts as one
//! of them. Who is having a password checked is not put out, for the queue of those is bounded; and members are never.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, Ipv4Addr};

use slab::Slab;

use crate::room::ConnId;

/// Where connections come from, as far as one place can be told from another: an IPv4 address, or the first 64
/// bits of an IPv6 address, for of the rest everybody has plenty.
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

/// A source that has connections here.
#[derive(Debug)]
struct Known {
    source: Source,
    connections: usize,
    /// Those of them that have not logged in and wait for nothing, and those that have left, by age.
    idle: BTreeSet<(u64, u32)>,
}

/// See the module.
#[derive(Debug, Default)]
pub(in crate::server) struct Admission {
    known: Slab<Known>,
    numbers: HashMap<Source, usize>,
    /// By slot: the number of its source. Four bytes a connection.
    came_from: Vec<u32>,
    /// Sources with idle strangers: how many, the oldest of them, and its number.
    crowds: BTreeSet<(usize, Reverse<u64>, usize)>,
}

impl Admission {
    /// Somebody has come in.
    pub(in crate::server) fn add(&mut self, id: ConnId, source: Source) {
        let number = *self
            .numbers
            .entry(source)
            .or_insert_with(|| self.known.insert(Known { source, connections: 0, idle: BTreeSet::new() }));
        self.known[number].connections += 1;
        let slot = id.slot as usize;
        if self.came_from.len() <= slot {
            self.came_from.resize(slot + 1, 0);
        }
        self.came_from[slot] = u32::try_from(number).expect("there are fewer sources than connections");
        self.mark_evictable(id);
    }

    /// An idle stranger, or somebody who has left: the place may be taken.
    pub(in crate::server) fn mark_evictable(&mut self, id: ConnId) {
        self.change_idle(id, |idle| idle.insert((id.serial, id.slot)));
    }

    /// Idle no more: a password is being checked, or was right.
    pub(in crate::server) fn protect(&mut self, id: ConnId) {
        self.change_idle(id, |idle| idle.remove(&(id.serial, id.slot)));
    }

    /// The connection is gone.
    pub(in crate::server) fn remove(&mut self, id: ConnId) {
        self.protect(id);
        let number = self.number(id);
        let known = &mut self.known[number];
        known.connections -= 1;
        if known.connections == 0 {
            let known = self.known.remove(number);
            self.numbers.remove(&known.source);
        }
    }

    /// Where a connection that is here comes from.
    pub(in crate::server) fn source_of(&self, id: ConnId) -> Source {
        self.known[self.number(id)].source
    }

    /// How many are here from there.
    pub(in crate::server) fn connections_from(&self, source: Source) -> usize {
        self.numbers.get(&source).map_or(0, |&number| self.known[number].connections)
    }

    /// Who gives way to somebody from there, because there are too many from there.
    pub(in crate::server) fn oldest_from(&self, source: Source) -> Option<ConnId> {
        self.oldest(*self.numbers.get(&source)?)
    }

    /// Who gives way to whomever.
    pub(in crate::server) fn oldest_from_busiest(&self) -> Option<ConnId> {
        let &(.., number) = self.crowds.last()?;
        self.oldest(number)
    }

    fn oldest(&self, number: usize) -> Option<ConnId> {
        self.known[number].idle.first().map(|&(serial, slot)| ConnId { slot, serial })
    }

    fn number(&self, id: ConnId) -> usize {
        self.came_from[id.slot as usize] as usize
    }

    fn change_idle(&mut self, id: ConnId, change: impl FnOnce(&mut BTreeSet<(u64, u32)>) -> bool) {
        let number = self.number(id);
        let idle = &mut self.known[number].idle;
        let rank = |idle: &BTreeSet<(u64, u32)>| Some((idle.len(), Reverse(idle.first()?.0), number));
        if let Some(before) = rank(idle) {
            self.crowds.remove(&before);
        }
        change(idle);
        if let Some(after) = rank(idle) {
            self.crowds.insert(after);
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
    fn neighbours() {
        assert_eq!(source("192.0.2.1"), source("::ffff:192.0.2.1"));
        assert_ne!(source("192.0.2.1"), source("192.0.2.2"));
        assert_eq!(source("2001:db8:0:7::1"), source("2001:db8:0:7:ffff::"));
        assert_ne!(source("2001:db8:0:7::1"), source("2001:db8:0:8::1"));
    }

    #[test]
    fn the_oldest_of_the_largest_crowd_gives_way() {
        let mut admission = Admission::default();
        let (one, two, three) = (source("192.0.2.1"), source("192.0.2.2"), source("192.0.2.3"));
        for (slot, from) in [one, two, two, three, two].into_iter().enumerate() {
            admission.add(id(u32::try_from(slot).expect("few")), from);
        }
        assert_eq!(admission.oldest_from_busiest(), Some(id(1)));
        admission.protect(id(1));
        assert_eq!(admission.oldest_from_busiest(), Some(id(2)));
        admission.remove(id(2));
        // One each: the oldest.
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
        assert!(admission.known.is_empty() && admission.numbers.is_empty() && admission.crowds.is_empty());
    }
}
