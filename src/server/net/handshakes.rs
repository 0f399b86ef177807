//! Connections that cannot carry lines yet, because the handshake of their transport is under way. The room does not know
//! them. Each has as long as a login may take, from the time it was accepted.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::room::ConnId;

/// See the module.
#[derive(Debug)]
pub(in crate::server) struct Handshakes {
    timeout: Duration,
    /// The slot of each, and when it was accepted; by serial number, which is the order in which they were accepted.
    accepted: BTreeMap<u64, (u32, Duration)>,
    /// The queue of those to be read.
    pub(in crate::server) readable: VecDeque<ConnId>,
}

impl Handshakes {
    pub(super) fn new(timeout: Duration) -> Handshakes {
        Handshakes { timeout, accepted: BTreeMap::new(), readable: VecDeque::new() }
    }

    pub(super) fn add(&mut self, id: ConnId, now: Duration) {
        self.accepted.insert(id.serial, (id.slot, now));
    }

    /// Its handshake is done, or it is closed. Returns when it was accepted.
    pub(in crate::server) fn remove(&mut self, id: ConnId) -> Option<Duration> {
        self.accepted.remove(&id.serial).map(|(_, accepted)| accepted)
    }

    pub(in crate::server) fn len(&self) -> usize {
        self.accepted.len()
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = ConnId> {
        self.accepted.iter().map(|(&serial, &(slot, _))| ConnId { slot, serial })
    }

    /// When the first of them is late.
    pub(in crate::server) fn next_deadline(&self) -> Option<Duration> {
        self.accepted.first_key_value().map(|(_, &(_, accepted))| accepted + self.timeout)
    }

    /// The first of them, if it is late.
    pub(in crate::server) fn late(&self, now: Duration) -> Option<ConnId> {
        self.ids().next().filter(|_| self.next_deadline().is_some_and(|at| at <= now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_time_from_when_it_was_accepted() {
        let second = Duration::from_secs;
        let id = |n: u32| ConnId { slot: 9 - n, serial: n.into() };
        let mut handshakes = Handshakes::new(second(60));
        assert_eq!((handshakes.next_deadline(), handshakes.late(second(99))), (None, None));
        for n in 0..3 {
            handshakes.add(id(n), second(n.into()));
        }
        assert_eq!((handshakes.next_deadline(), handshakes.late(second(59))), (Some(second(60)), None));
        assert_eq!(handshakes.late(second(60)), Some(id(0)));
        assert_eq!((handshakes.remove(id(1)), handshakes.remove(id(1))), (Some(second(1)), None));
        assert_eq!(handshakes.remove(id(0)), Some(second(0)));
        assert_eq!(
            (handshakes.next_deadline(), handshakes.late(second(62))),
            (Some(second(62)), Some(id(2)))
        );
        assert_eq!((handshakes.len(), handshakes.ids().collect::<Vec<_>>()), (1, vec![id(2)]));
    }
}
