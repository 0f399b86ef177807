//! Places of devices that have come further on other nodes than this node itself: each counts when this node has that event,
//! and so knows the member whose it is.

use std::collections::{BTreeMap, BTreeSet};

use crate::limits::PLACES_AHEAD_MAX;
use crate::protocol::{Device, Mail, Seq, Time};
use crate::room::Delivered;

#[derive(Debug, Default)]
pub(super) struct Ahead {
    devices: BTreeMap<(Mail, Device), (Seq, Time)>,
    /// The same by the event that has to be here.
    due: BTreeSet<(Seq, Mail, Device)>,
}

impl Ahead {
    /// Keeps a device's furthest place. Of more devices than a group has none is kept: what they have had comes again.
    pub(super) fn keep(&mut self, Delivered { mail, device, seq, time }: Delivered) {
        let key = (mail, device);
        let before = self.devices.get(&key).copied();
        if before.is_some_and(|(before, _)| before >= seq) || self.devices.len() >= PLACES_AHEAD_MAX {
            return;
        }
        self.devices.insert(key.clone(), (seq, time));
        let (mail, device) = key;
        if let Some((before, _)) = before {
            self.due.remove(&(before, mail.clone(), device.clone()));
        }
        self.due.insert((seq, mail, device));
    }

    /// Takes the next place that this node, which has all events up to this one, has come to.
    pub(super) fn pop(&mut self, last: Seq) -> Option<Delivered> {
        let (seq, ..) = self.due.first()?;
        if *seq > last {
            return None;
        }
        let (seq, mail, device) = self.due.pop_first()?;
        let found = self.devices.remove_entry(&(mail, device));
        let ((mail, device), (_, time)) = found.expect("each is in both");
        Some(Delivered { mail, device, seq, time })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_furthest_place_counts_when_it_is_reached() {
        let mut ahead = Ahead::default();
        let mail = Mail::parse(b"ann@x").expect("a mail");
        let at = |device, seq| {
            let time = Time::from_unix_ms(seq);
            Delivered { mail: mail.clone(), device, seq: Seq(seq), time }
        };
        let place = |seq| at(Device::Default, seq);
        for seq in [7, 9, 8] {
            ahead.keep(place(seq));
        }
        ahead.keep(at(Device::parse_named("tv").expect("a name"), 8));
        assert_eq!(ahead.pop(Seq(7)), None);
        assert_eq!(ahead.pop(Seq(8)).map(|place| place.device), Device::parse_named("tv"));
        assert_eq!((ahead.pop(Seq(8)), ahead.pop(Seq(20)), ahead.pop(Seq(20))), (None, Some(place(9)), None));
    }
}
