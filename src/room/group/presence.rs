//! Who is connected, here and at other nodes, and how far their devices have come.

use std::ops::Bound;

use crate::protocol::{Device, Mail, Seq, Time};
use crate::room::{ConnId, Connected, Delivered, Group, Member, Seat};

impl Group {
    /// Makes the connection this member's. `None` if the member has as many devices as are kept, and all are connected. `device`
    /// is `None` for a login without a feed.
    pub(crate) fn enter(
        &mut self,
        mail: &Mail,
        id: ConnId,
        device: Option<Device>,
        now: Time,
    ) -> Option<Seat> {
        // The group's own mail, which all connections share.
        let own_mail = self.members.get_key_value(mail).map(|(own, _)| own.clone());
        let own_mail = own_mail.expect("asked for right after the member was found");
        let member = self.members.get_mut(mail).expect("just found");
        let before_added =
            member.before_added().expect("nobody logs in before their ADDED line has a number");
        let device = match device {
            Some(device) => Some(member.devices.connect(device, before_added, now)?),
            None => None,
        };
        member.connections.push(id);
        if device.is_some() && member.devices.is_to_be_listed() {
            self.unrecorded.push(own_mail.clone());
        }
        if device.is_some() && !self.online.contains(mail) {
            self.online.insert(own_mail.clone());
        }
        self.elsewhere.is_to_hear_of(&own_mail);
        Some(Seat { mail: own_mail, member: member.id, device })
    }

    /// Where a device begins that this member has not had here; `None` if they have, or there is no place for it.
    pub(crate) fn place_of_new(&self, mail: &Mail, device: &Device, now: Time) -> Option<Delivered> {
        let (mail, member) = self.members.get_key_value(mail)?;
        let seq = member.devices.start_of_new(device, member.before_added()?)?;
        Some(Delivered { mail: mail.clone(), device: device.clone(), seq, time: now })
    }

    /// The connection is leaving. A removed member's devices are gone already.
    pub(crate) fn leave(&mut self, seat: &Seat, conn: ConnId) {
        let Some(member) = self.seated(seat) else { return };
        if !take_out(&mut member.connections, conn) {
            return;
        }
        if let Some(device) = seat.device {
            member.devices.go_offline(device);
            member.leaving.push(conn);
            self.follow_online(&seat.mail);
        }
        self.elsewhere.is_to_hear_of(&seat.mail);
    }

    /// A connection that has left is closed: nothing more of it can be acknowledged.
    pub(crate) fn release(&mut self, seat: &Seat, conn: ConnId) {
        if let Some(member) = self.seated(seat)
            && let Some(device) = seat.device
        {
            member.devices.release(device);
            take_out(&mut member.leaving, conn);
        }
    }

    /// Everything up to `seq` is acknowledged.
    pub(crate) fn arrived(&mut self, seat: &Seat, seq: Seq, now: Time) {
        if let Some(member) = self.seated(seat)
            && let Some(device) = seat.device
            && member.devices.arrived(device, seq, now)
            && member.devices.is_to_be_listed()
        {
            self.unrecorded.push(seat.mail.clone());
        }
    }

    /// So far these devices have come on other nodes: each goes on from where it is furthest. This node has all events up to
    /// `last`; where they have come further it is waited for.
    pub(crate) fn come_elsewhere(&mut self, places: Vec<Delivered>, last: Seq) {
        for place in places {
            // A member's first device begins before their ADDED line, which may be the next event here.
            let is_early = place.seq > last || place.seq == last && !self.members.contains_key(&place.mail);
            if is_early {
                self.ahead.keep(place);
            } else {
                self.restore(place);
            }
        }
    }

    /// These devices are about to log in for the first time, on this node or another one, and begin at these places or later.
    pub(crate) fn expect_devices(&mut self, places: Vec<Delivered>, last: Seq) {
        for place in places {
            match self.members.get_mut(&place.mail) {
                Some(member) if member.may_have_come_to(place.seq) => {
                    member.devices.await_first(place.device, place.seq, place.time);
                }
                // When the member is here, it counts as if the device had come so far.
                None if place.seq >= last => self.ahead.keep(place),
                Some(_) | None => {}
            }
        }
    }

    /// This node has all events up to `last` now.
    pub(crate) fn has_come(&mut self, last: Seq) {
        let mut places = Vec::new();
        while let Some(place) = self.ahead.pop(last) {
            places.push(place);
        }
        self.come_elsewhere(places, last);
    }

    fn restore(&mut self, Delivered { mail, device, seq, time }: Delivered) {
        let member = self.members.get_mut(&mail);
        if let Some(member) = member.filter(|member| member.may_have_come_to(seq))
            && let Some((seq, time)) = member.devices.restore(device.clone(), seq, time)
        {
            self.elsewhere.moved.push(Delivered { mail, device, seq, time });
        }
    }

    /// How far devices have come on other nodes, where that was news, since the last call: each at least as far as it was told
    /// to be before.
    pub(crate) fn take_moved_elsewhere(&mut self) -> Vec<Delivered> {
        std::mem::take(&mut self.elsewhere.moved)
    }

    /// The places of devices that have changed since the last call.
    pub(crate) fn take_places(&mut self) -> Vec<Delivered> {
        let mut places = Vec::new();
        for mail in std::mem::take(&mut self.unrecorded) {
            // A removed member has no places.
            if let Some(member) = self.members.get_mut(&mail) {
                places.extend(member.devices.take_changed(&mail));
            }
        }
        places
    }

    /// There are other nodes, which are told who is connected here, from now on.
    pub(crate) fn tell_other_nodes(&mut self) {
        self.elsewhere.begin();
    }

    /// Members whose connections have changed since the last call.
    pub(crate) fn take_connected(&mut self) -> Vec<Connected> {
        let changed = self.elsewhere.take_changed();
        changed.into_iter().map(|mail| (mail.clone(), self.connected(&mail))).collect()
    }

    fn connected(&self, mail: &Mail) -> Option<Vec<Device>> {
        let member = self.get(mail).filter(|member| member.connections().len() > 0)?;
        let mut devices: Vec<Device> = member.devices.connected().cloned().collect();
        devices.sort_unstable();
        Some(devices)
    }

    /// These members have these devices at other nodes now.
    pub(crate) fn connected_elsewhere(&mut self, changes: Vec<(Mail, Vec<Device>)>) {
        for (mail, devices) in changes {
            if devices.is_empty() {
                self.elsewhere.devices.remove(&mail);
            } else {
                self.elsewhere.devices.insert(mail.clone(), devices);
            }
            self.follow_online(&mail);
        }
    }

    /// How many devices of this member are connected, here and at other nodes.
    pub(crate) fn devices_of(&self, mail: &Mail, member: &Member) -> usize {
        let here = member.devices.online();
        let Some(devices) = self.elsewhere.devices.get(mail) else { return here };
        let only_there =
            devices.iter().filter(|device| member.devices.connected().all(|here| here != *device));
        here + only_there.count()
    }

    /// Whether a device of this member is connected, here or at another node.
    pub(crate) fn is_online(&self, mail: &Mail) -> bool {
        self.online.contains(mail)
    }

    /// The list of those who are online follows what has changed about this member.
    pub(super) fn follow_online(&mut self, mail: &Mail) {
        let here = self.members.get_key_value(mail);
        let online =
            here.filter(|(mail, member)| self.devices_of(mail, member) > 0).map(|(mail, _)| mail.clone());
        match online {
            Some(mail) if !self.online.contains(&mail) => drop(self.online.insert(mail)),
            Some(_) => {}
            None => drop(self.online.remove(mail)),
        }
    }

    fn seated(&mut self, seat: &Seat) -> Option<&mut Member> {
        self.members.get_mut(&seat.mail).filter(|member| member.id == seat.member)
    }

    /// Corrects up to `max` members, from this one on, so that none was seen later than now. Returns the last of them, unless
    /// none was left.
    pub(crate) fn correct_seen(&mut self, now: Time, from: Bound<&Mail>, max: usize) -> Option<Mail> {
        let mut last = None;
        for (mail, member) in self.members.range_mut::<Mail, _>((from, Bound::Unbounded)).take(max) {
            if member.devices.correct_seen(now) && member.devices.is_to_be_listed() {
                self.unrecorded.push(mail.clone());
            }
            last = Some(mail);
        }
        last.cloned()
    }
}

/// Removes a connection from a list, and returns whether it was there. An empty list has no memory.
fn take_out(list: &mut Vec<ConnId>, conn: ConnId) -> bool {
    let at = list.iter().position(|id| *id == conn);
    if let Some(at) = at {
        list.remove(at);
    }
    if list.is_empty() {
        *list = Vec::new();
    }
    at.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Password, Role};
    use crate::room::group::roster::{Record, Secret};

    /// A hundred members.
    fn group() -> (Group, Vec<Mail>) {
        let mails: Vec<Mail> =
            (0..100).map(|n| Mail::parse(format!("m{n}@x").as_bytes()).expect("a mail")).collect();
        let mut group = Group::default();
        for mail in &mails {
            let secret = Secret::Typed(Password::parse(b"password").expect("a password"));
            group.insert(mail.clone(), Record { secret, role: Role::Member, name: None }, Some(Seq(0)));
        }
        (group, mails)
    }

    #[test]
    fn a_wrong_clock_is_corrected_a_part_at_a_time() {
        let (mut group, mails) = group();
        let (ahead, now) = (Time::from_unix_ms(1 << 50), Time::from_unix_ms(1 << 41));
        for (mail, slot) in mails.iter().zip(0..) {
            let conn = ConnId { slot, serial: slot.into() };
            group.enter(mail, conn, Some(Device::Default), ahead).expect("there is place");
        }
        group.take_places();
        let mut from = Bound::Unbounded;
        for corrected in [30, 60, 90] {
            let last = group.correct_seen(now, from.as_ref(), 30);
            from = Bound::Excluded(last.expect("some are left"));
            assert_eq!(group.unrecorded.len(), corrected);
        }
        assert!(group.correct_seen(now, from.as_ref(), 30).is_some());
        let last = Bound::Excluded(mails.iter().max().expect("there are some"));
        let (places, rest) = (group.take_places(), group.correct_seen(now, last, 30));
        assert_eq!((places.len(), rest), (100, None));
        assert!(places.iter().all(|place| place.time == now));
    }

    #[test]
    fn only_those_whose_place_has_changed_are_visited() {
        let (mut group, mails) = group();
        let (time, device) = (Time::from_unix_ms(1), Device::Default);
        let mut seats = Vec::new();
        for (mail, slot) in mails.iter().zip(0..) {
            let conn = ConnId { slot, serial: slot.into() };
            seats.push(group.enter(mail, conn, Some(device.clone()), time).expect("there is place"));
        }
        assert_eq!(group.take_places().len(), 100);
        for seq in 1..=3 {
            group.arrived(&seats[7], Seq(seq), time);
        }
        group.arrived(&seats[9], Seq(2), time);
        group.arrived(&seats[9], Seq(2), time);
        assert_eq!(group.unrecorded, [mails[7].clone(), mails[9].clone()]);
        let places = |group: &mut Group| -> Vec<(Mail, Seq)> {
            group.take_places().into_iter().map(|place| (place.mail, place.seq)).collect()
        };
        assert_eq!(places(&mut group), [(mails[7].clone(), Seq(3)), (mails[9].clone(), Seq(2))]);
        assert!(group.unrecorded.is_empty() && places(&mut group).is_empty());
        group.arrived(&seats[9], Seq(6), time);
        group.remove(&mails[7]);
        assert_eq!(places(&mut group), [(mails[9].clone(), Seq(6))]);
    }
}
