//! How far each device of a member has come: up to which line its peer's kernel has acknowledged the feed.

use std::collections::BTreeSet;
use std::num::NonZeroU32;

use crate::limits::DEVICES_PER_MEMBER_MAX;
use crate::protocol::{Device, Mail, Seq, Time};
use crate::room::Delivered;
use crate::room::clock::{heard, seen_by};

/// A device's index in its member's list. Stable while the device has a session. While a connection is leaving, another device
/// may take the place; then the connection's acknowledgements no longer count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DeviceIndex {
    at: u8,
    holder: Holder,
}

/// Tells apart the devices that have had the same place one after another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Holder(NonZeroU32);

impl Holder {
    const FIRST: Holder = Holder(NonZeroU32::MIN);

    fn next(self) -> Holder {
        Holder(self.0.checked_add(1).unwrap_or(NonZeroU32::MIN))
    }
}

#[derive(Debug)]
struct Entry {
    device: Device,
    holder: Holder,
    /// Connections that are logged in.
    online: u32,
    /// These, and connections that are leaving: acknowledgements may come from all of them.
    connections: u32,
    /// The last acknowledged line.
    delivered: Seq,
    /// When it was last active.
    seen: Time,
    /// Whether it has changed since it was last recorded.
    changed: bool,
    /// It is about to log in for the first time, here or on another node, and begins there or later. Not recorded, and anything
    /// that is known of it counts instead.
    is_expected: bool,
}

impl Entry {
    fn place(&self, mail: &Mail) -> Delivered {
        Delivered { mail: mail.clone(), device: self.device.clone(), seq: self.delivered, time: self.seen }
    }
}

/// The devices of one member.
#[derive(Debug, Default)]
pub(crate) struct Devices {
    entries: Vec<Entry>,
    /// Whether the member is on the group's list of those with a changed place.
    pub(super) is_listed: bool,
}

impl Devices {
    /// How many devices are connected.
    pub(crate) fn online(&self) -> usize {
        self.connected().count()
    }

    /// The devices that are connected.
    pub(crate) fn connected(&self) -> impl Iterator<Item = &Device> {
        self.entries.iter().filter(|entry| entry.online > 0).map(|entry| &entry.device)
    }

    /// Those that have logged in somewhere.
    fn known(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| !entry.is_expected)
    }

    /// The last line acknowledged by any device; `None` without devices.
    pub(crate) fn furthest(&self) -> Option<Seq> {
        self.known().map(|entry| entry.delivered).max()
    }

    /// When any device was last active.
    pub(crate) fn seen(&self) -> Option<Time> {
        self.known().map(|entry| entry.seen).max()
    }

    /// Adds a connection of this device. A new device begins where it is expected to, or where the member's furthest one is, the
    /// first of all after `before_first`. `None` if there is no place for a new device.
    pub(crate) fn connect(&mut self, device: Device, before_first: Seq, now: Time) -> Option<DeviceIndex> {
        let known = self.entries.iter().position(|entry| entry.device == device);
        let delivered = self.start(before_first);
        let index = known.or_else(|| self.place(device, delivered, Time::default()))?;
        let entry = &mut self.entries[index];
        entry.online += 1;
        entry.connections += 1;
        entry.seen = heard(entry.seen, now);
        (entry.changed, entry.is_expected) = (true, false);
        Some(self.index_of(index))
    }

    /// Where this device would begin as a new one; `None` if it is known, or if there is no place for it.
    pub(crate) fn start_of_new(&self, device: &Device, before_first: Seq) -> Option<Seq> {
        if let Some(entry) = self.entries.iter().find(|entry| entry.device == *device) {
            return entry.is_expected.then_some(entry.delivered);
        }
        let has_place = self.has_place(device) || self.longest_unused().is_some();
        has_place.then(|| self.start(before_first))
    }

    fn start(&self, before_first: Seq) -> Seq {
        self.furthest().unwrap_or(before_first)
    }

    /// A connection is leaving; it may still acknowledge.
    pub(crate) fn go_offline(&mut self, index: DeviceIndex) {
        if let Some(entry) = self.entry(index) {
            entry.online -= 1;
        }
    }

    /// A connection is closed.
    pub(crate) fn release(&mut self, index: DeviceIndex) {
        if let Some(entry) = self.entry(index) {
            entry.connections -= 1;
        }
    }

    /// A device's index, if it is known.
    pub(crate) fn index(&self, device: &Device) -> Option<DeviceIndex> {
        let index = self.entries.iter().position(|entry| entry.device == *device && !entry.is_expected)?;
        Some(self.index_of(index))
    }

    fn index_of(&self, index: usize) -> DeviceIndex {
        let at = u8::try_from(index).expect("there are few devices");
        DeviceIndex { at, holder: self.entries[index].holder }
    }

    /// `None` if another device has its place.
    fn entry(&mut self, index: DeviceIndex) -> Option<&mut Entry> {
        let entry = &mut self.entries[usize::from(index.at)];
        (entry.holder == index.holder).then_some(entry)
    }

    /// The last line acknowledged by this device, which has a session.
    pub(crate) fn delivered(&self, index: DeviceIndex) -> Seq {
        self.entries[usize::from(index.at)].delivered
    }

    /// Everything up to `seq` is acknowledged; the furthest of a device's connections counts. Returns whether that is news.
    pub(crate) fn arrived(&mut self, index: DeviceIndex, seq: Seq, now: Time) -> bool {
        let Some(entry) = self.entry(index).filter(|entry| seq > entry.delivered) else { return false };
        entry.delivered = seq;
        entry.seen = heard(entry.seen, now);
        entry.changed = true;
        true
    }

    /// A place has changed. Returns whether the caller has to put the member on the group's list, on which it is once; from
    /// now on it counts as listed.
    pub(crate) fn is_to_be_listed(&mut self) -> bool {
        !std::mem::replace(&mut self.is_listed, true)
    }

    /// Panics if an invariant does not hold, for a member with so many connections.
    pub(crate) fn check(&self, connections: usize, leaving: usize) {
        let devices: BTreeSet<_> = self.entries.iter().map(|entry| &entry.device).collect();
        assert_eq!(devices.len(), self.entries.len(), "a device has one place");
        let named = devices.iter().filter(|device| ***device != Device::Default).count();
        assert!(named <= DEVICES_PER_MEMBER_MAX, "there are few devices");
        assert!(
            self.entries.iter().all(|entry| entry.online <= entry.connections),
            "a session has a connection"
        );
        let online: u32 = self.entries.iter().map(|entry| entry.online).sum();
        let all: u32 = self.entries.iter().map(|entry| entry.connections).sum();
        // Connections without a feed have no device, and a forgotten device's connections are no longer counted.
        assert!(online as usize <= connections, "a session is a connection");
        assert!(all as usize <= connections + leaving, "a device's connections are its member's");
        assert!(
            self.is_listed || self.entries.iter().all(|entry| !entry.changed),
            "what has changed is listed"
        );
    }

    /// Corrects times after the clock was ahead. Returns whether any has changed.
    pub(crate) fn correct_seen(&mut self, now: Time) -> bool {
        let mut is_news = false;
        for entry in self.entries.iter_mut().filter(|entry| !entry.is_expected) {
            let seen = seen_by(entry.seen, now);
            is_news |= seen != entry.seen;
            entry.changed |= seen != entry.seen;
            entry.seen = seen;
        }
        is_news
    }

    /// Restores a recorded device. If there is no place for it, the one unused for longest is forgotten, as it was then.
    /// Returns where it is now if that is news.
    pub(crate) fn restore(&mut self, device: Device, delivered: Seq, seen: Time) -> Option<(Seq, Time)> {
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.device == device) {
            if std::mem::take(&mut entry.is_expected) {
                (entry.delivered, entry.seen) = (delivered, seen);
                return Some((delivered, seen));
            }
            let before = (entry.delivered, entry.seen);
            (entry.delivered, entry.seen) = (before.0.max(delivered), before.1.max(seen));
            return Some((entry.delivered, entry.seen)).filter(|now| *now != before);
        }
        let is_older = |at: usize| self.entries[at].is_expected || self.entries[at].seen <= seen;
        let may_stay = self.has_place(&device) || self.longest_unused().is_some_and(is_older);
        may_stay.then(|| self.place(device, delivered, seen))?;
        Some((delivered, seen))
    }

    /// This device is about to log in for the first time, here or on another node, and begins at this place or later. No other is
    /// forgotten for it.
    pub(crate) fn await_first(&mut self, device: Device, begins: Seq, now: Time) {
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.device == device) {
            if entry.is_expected {
                entry.delivered = entry.delivered.max(begins);
            }
        } else if self.has_place(&device)
            && let Some(index) = self.place(device, begins, now)
        {
            self.entries[index].is_expected = true;
        }
    }

    /// The places of this member's devices that have changed since the last call.
    pub(crate) fn take_changed(&mut self, mail: &Mail) -> impl Iterator<Item = Delivered> {
        self.is_listed = false;
        let entries = self.entries.iter_mut();
        entries.filter_map(|entry| std::mem::take(&mut entry.changed).then(|| entry.place(mail)))
    }

    /// The places of all devices of this member.
    pub(crate) fn places(&self, mail: &Mail) -> impl Iterator<Item = Delivered> {
        self.known().map(|entry| entry.place(mail))
    }

    /// Where those begin at the earliest that are only expected.
    pub(crate) fn expected(&self, mail: &Mail) -> impl Iterator<Item = Delivered> {
        self.entries.iter().filter(|entry| entry.is_expected).map(|entry| entry.place(mail))
    }

    /// The default device always has a place.
    fn has_place(&self, device: &Device) -> bool {
        let named = self.entries.iter().filter(|entry| entry.device != Device::Default).count();
        *device == Device::Default || named < DEVICES_PER_MEMBER_MAX
    }

    /// Adds a device, in the place of the one unused for longest if there is no other.
    fn place(&mut self, device: Device, delivered: Seq, seen: Time) -> Option<usize> {
        let has_place = self.has_place(&device);
        let holder = Holder::FIRST;
        let (changed, is_expected) = (false, false);
        let entry =
            Entry { device, holder, online: 0, connections: 0, delivered, seen, changed, is_expected };
        if has_place {
            self.entries.push(entry);
            return Some(self.entries.len() - 1);
        }
        let longest_unused = self.longest_unused()?;
        let holder = self.entries[longest_unused].holder.next();
        self.entries[longest_unused] = Entry { holder, ..entry };
        Some(longest_unused)
    }

    /// The device to forget. Those that are only expected come first, those that may still be acknowledged last.
    fn longest_unused(&self) -> Option<usize> {
        let unused = self.entries.iter().enumerate();
        let unused = unused.filter(|(_, e)| e.online == 0 && e.device != Device::Default);
        unused.min_by_key(|(_, e)| (!e.is_expected, e.connections > 0, e.seen)).map(|(index, _)| index)
    }
}

#[cfg(test)]
mod tests;
