//! Connections whose lines cannot begin yet, because their transport is being set up: a TLS handshake. Nobody inside
//! hears of them. Each has as long as a login may take, from when it was accepted.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::room::ConnId;

/// See the module.
#[derive(Debug)]
pub(super) struct SettingUp {
    timeout: Duration,
    /// The slot of each and when it was accepted, by its serial number: that is the order in which they were.
    accepted: BTreeMap<u64, (u32, Duration)>,
    /// Those with something to be read.
    readable: VecDeque<ConnId>,
}

impl SettingUp {
    pub(super) fn new(timeout: Duration) -> SettingUp {
        SettingUp { timeout, accepted: BTreeMap::new(), readable: VecDeque::new() }
    }

    pub(super) fn add(&mut self, id: ConnId, now: Duration) {
        self.accepted.insert(id.serial, (id.slot, now));
    }

    /// It is set up, or closed. When it was accepted.
    pub(super) fn remove(&mut self, id: ConnId) -> Option<Duration> {
        self.accepted.remove(&id.serial).map(|(_, accepted)| accepted)
    }

    pub(super) fn len(&self) -> usize {
        self.accepted.len()
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = ConnId> {
        self.accepted.iter().map(|(&serial, &(slot, _))| ConnId { slot, serial })
    }

    /// When the first of them has had its time.
    pub(super) fn next_deadline(&self) -> Option<Duration> {
        self.accepted.first_key_value().map(|(_, &(_, accepted))| accepted + self.timeout)
    }

    /// The first of them, if it has had its time.
    pub(super) fn late(&self, now: Duration) -> Option<ConnId> {
        self.ids().next().filter(|_| self.next_deadline().is_some_and(|at| at <= now))
    }

    /// It is to be read.
    pub(super) fn push_readable(&mut self, id: ConnId) {
        self.readable.push_back(id);
    }

    pub(super) fn pop_readable(&mut self) -> Option<ConnId> {
        self.readable.pop_front()
    }

    pub(super) fn readable(&self) -> usize {
        self.readable.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_time_from_when_it_was_accepted() {
        let second = Duration::from_secs;
        let id = |n: u32| ConnId { slot: 9 - n, serial: n.into() };
        let mut setting_up = SettingUp::new(second(60));
        assert_eq!((setting_up.next_deadline(), setting_up.late(second(99))), (None, None));
        for n in 0..3 {
            setting_up.add(id(n), second(n.into()));
        }
        assert_eq!((setting_up.next_deadline(), setting_up.late(second(59))), (Some(second(60)), None));
        assert_eq!(setting_up.late(second(60)), Some(id(0)));
        // Those that are set up in time are told with when they came.
        assert_eq!((setting_up.remove(id(1)), setting_up.remove(id(1))), (Some(second(1)), None));
        assert_eq!(setting_up.remove(id(0)), Some(second(0)));
        assert_eq!(
            (setting_up.next_deadline(), setting_up.late(second(62))),
            (Some(second(62)), Some(id(2)))
        );
        assert_eq!((setting_up.len(), setting_up.ids().collect::<Vec<_>>()), (1, vec![id(2)]));
    }
}
