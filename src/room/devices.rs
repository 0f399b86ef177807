//! How far each device of a member has been served: what its peer's kernel has acknowledged, in whole lines.

use super::clock::{heard, seen_by};
use crate::limits::DEVICES_PER_MEMBER_MAX;
use crate::protocol::{Device, Seq, Time};

/// Where in its member's list a device stands. Stable while the device is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DeviceIndex(u8);

/// Of which devices the places are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Places {
    /// Those that have changed since they were asked for last.
    Changed,
    /// All that are known.
    All,
}

#[derive(Debug)]
struct Entry {
    device: Device,
    /// Sessions.
    online: u32,
    /// Connections that still may tell of lines that have arrived, those on their way out among them.
    connections: u32,
    /// The last line that has arrived.
    delivered: Seq,
    /// When it was last heard of.
    seen: Time,
    /// Has changed since it was noted last.
    changed: bool,
}

/// The devices of one member.
#[derive(Debug, Default)]
pub(super) struct Devices {
    entries: Vec<Entry>,
}

impl Devices {
    /// How many are connected.
    pub(super) fn online(&self) -> usize {
        self.entries.iter().filter(|entry| entry.online > 0).count()
    }

    /// The last line that has arrived at any of them; `None` without devices.
    pub(super) fn furthest(&self) -> Option<Seq> {
        self.entries.iter().map(|entry| entry.delivered).max()
    }

    /// When any of them was last heard of.
    pub(super) fn seen(&self) -> Option<Time> {
        self.entries.iter().map(|entry| entry.seen).max()
    }

    /// One more connection of this device. One not seen before begins where the member's furthest is; the
    /// first of all behind `beginning`. `Err`: there is no place for one more.
    pub(super) fn connect(&mut self, device: Device, beginning: Seq, now: Time) -> Result<DeviceIndex, ()> {
        let index = match self.entries.iter().position(|entry| entry.device == device) {
            Some(known) => known,
            None => self.place(device, beginning)?,
        };
        let entry = &mut self.entries[index];
        entry.online += 1;
        entry.connections += 1;
        entry.seen = heard(entry.seen, now);
        entry.changed = true;
        Ok(DeviceIndex(u8::try_from(index).expect("there are few devices")))
    }

    /// One session less; its connection may still deliver.
    pub(super) fn go_offline(&mut self, DeviceIndex(index): DeviceIndex) {
        self.entries[usize::from(index)].online -= 1;
    }

    /// One connection less.
    pub(super) fn release(&mut self, DeviceIndex(index): DeviceIndex) {
        self.entries[usize::from(index)].connections -= 1;
    }

    /// Where a device stands, if it is known.
    pub(super) fn index(&self, device: &Device) -> Option<DeviceIndex> {
        let index = self.entries.iter().position(|entry| entry.device == *device)?;
        Some(DeviceIndex(u8::try_from(index).expect("there are few devices")))
    }

    /// The last line that has arrived at this device.
    pub(super) fn delivered(&self, DeviceIndex(index): DeviceIndex) -> Seq {
        self.entries[usize::from(index)].delivered
    }

    /// The same, of a device by its name.
    pub(super) fn delivered_to(&self, device: &Device) -> Option<Seq> {
        self.entries.iter().find(|entry| entry.device == *device).map(|entry| entry.delivered)
    }

    /// Everything up to `seq` has arrived. The furthest of a device's connections counts.
    pub(super) fn arrived(&mut self, DeviceIndex(index): DeviceIndex, seq: Seq, now: Time) {
        let entry = &mut self.entries[usize::from(index)];
        if seq > entry.delivered {
            entry.delivered = seq;
            entry.seen = heard(entry.seen, now);
            entry.changed = true;
        }
    }

    /// The clock was ahead, and is right now.
    pub(super) fn correct_seen(&mut self, now: Time) {
        for entry in &mut self.entries {
            let seen = seen_by(entry.seen, now);
            entry.changed |= seen != entry.seen;
            entry.seen = seen;
        }
    }

    /// A device as it was noted earlier. Where there is no place for one more, the longest unused is forgotten, as
    /// it was when that one came.
    pub(super) fn restore(&mut self, device: Device, delivered: Seq, seen: Time) {
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.device == device) {
            entry.delivered = entry.delivered.max(delivered);
            entry.seen = seen;
            return;
        }
        let has_place = self.has_place(&device);
        let entry = Entry { device, online: 0, connections: 0, delivered, seen, changed: false };
        if has_place {
            self.entries.push(entry);
        } else if let Some(longest_unused) = self.longest_unused()
            && self.entries[longest_unused].seen <= seen
        {
            self.entries[longest_unused] = entry;
        }
    }

    /// Their member was announced behind this line: none of them has a claim to what was said before.
    pub(super) fn begin_behind(&mut self, before_added: Seq) {
        for entry in self.entries.iter_mut().filter(|entry| entry.delivered < before_added) {
            (entry.delivered, entry.changed) = (before_added, true);
        }
    }

    /// All of them, or those that have changed since they were taken last.
    pub(super) fn take(&mut self, which: Places) -> impl Iterator<Item = (&Device, Seq, Time)> {
        let taken = self.entries.iter_mut().filter_map(move |entry| {
            let has_changed = std::mem::take(&mut entry.changed);
            (has_changed || which == Places::All).then_some(&*entry)
        });
        taken.map(|entry| (&entry.device, entry.delivered, entry.seen))
    }

    /// The default device has a place beside the named ones.
    fn has_place(&self, device: &Device) -> bool {
        let named = self.entries.iter().filter(|entry| entry.device != Device::Default).count();
        *device == Device::Default || named < DEVICES_PER_MEMBER_MAX
    }

    fn place(&mut self, device: Device, beginning: Seq) -> Result<usize, ()> {
        let delivered = self.furthest().unwrap_or(beginning);
        let has_place = self.has_place(&device);
        let entry =
            Entry { device, online: 0, connections: 0, delivered, seen: Time::default(), changed: true };
        if has_place {
            self.entries.push(entry);
            return Ok(self.entries.len() - 1);
        }
        let longest_unused = self.longest_unused().ok_or(())?;
        self.entries[longest_unused] = entry;
        Ok(longest_unused)
    }

    fn longest_unused(&self) -> Option<usize> {
        let unused = self.entries.iter().enumerate();
        let unused = unused.filter(|(_, e)| e.connections == 0 && e.device != Device::Default);
        unused.min_by_key(|(_, e)| e.seen).map(|(index, _)| index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(n: u64) -> Device {
        Device::parse_named(&n.to_string()).expect("a name")
    }

    #[test]
    fn sixteen_named_devices_and_the_default_one() {
        let mut devices = Devices::default();
        let mut connect = |device, now| devices.connect(device, Seq(0), Time::from_unix_ms(now));
        let first = connect(named(0), 0).expect("there is place");
        for n in 1..16 {
            assert!(connect(named(n), n).is_ok(), "{n}");
        }
        assert_eq!(connect(named(16), 16), Err(()));
        let third = connect(named(3), 17).expect("known ones connect as often as they like");
        assert!(connect(Device::Default, 18).is_ok());
        devices.release(first);
        devices.release(third);
        devices.release(third);
        let index = devices.connect(named(16), Seq(0), Time::from_unix_ms(20)).expect("two are unused");
        assert_eq!(index, first, "the longest unused is forgotten first");
    }

    #[test]
    fn of_many_noted_devices_the_last_used_are_restored() {
        let mut devices = Devices::default();
        for n in 0..40 {
            devices.restore(named(n), Seq(n), Time::from_unix_ms(n));
        }
        let kept = |n| devices.delivered_to(&named(n)).is_some();
        assert!((0..24).all(|n| !kept(n)) && (24..40).all(kept));
    }

    #[test]
    fn a_new_device_begins_where_the_furthest_is() {
        let mut devices = Devices::default();
        let time = Time::from_unix_ms(1);
        let first = devices.connect(named(1), Seq(7), time).expect("there is place");
        assert_eq!(devices.delivered(first), Seq(7));
        devices.arrived(first, Seq(12), time);
        devices.arrived(first, Seq(9), time);
        let second = devices.connect(named(2), Seq(7), time).expect("there is place");
        assert_eq!(devices.delivered(second), Seq(12));
    }
}
