//! The members, which connections each of them has here at the moment, and their devices.

pub(super) mod check;
pub(super) mod devices;
pub(super) mod follow;
pub(super) mod foreign;
pub(super) mod roster;
pub(super) mod text;
pub(super) mod typed;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use crate::protocol::{Device, Mail, Role, Seq, Time};
use crate::room::group::devices::Devices;
use crate::room::group::roster::{HashCost, PasswordHash, Record, Roster, Secret};
use crate::room::ids::{ConnId, MemberId, Version};
use crate::room::rate::Allowance;
use crate::room::session::Seat;

/// One member.
#[derive(Debug)]
pub(in crate::room) struct Member {
    pub(in crate::room) id: MemberId,
    secret: Secret,
    /// What the member may do.
    pub(in crate::room) role: Role,
    /// See [`Version`].
    pub(in crate::room) version: Version,
    /// While `secret` stands as it was typed by hand: the hash before, if that fits it or may fit it.
    pub(in crate::room) hash_before: Option<PasswordHash>,
    /// Whether it fits is not known yet.
    pub(in crate::room) is_in_doubt: bool,
    /// The number of the line that announced the member; 0 for who was there before all lines. `None`: it has none yet.
    pub(in crate::room) added: Option<Seq>,
    /// How far each device has been served.
    pub(in crate::room) devices: Devices,
    /// What may still be asked.
    pub(in crate::room) allowance: Allowance,
    /// In the order of their logins. Nearly always few: a tree would take 200 bytes for the one that most have.
    connections: Vec<ConnId>,
    /// Connections of devices that have left and are not gone: what was sent to them may still arrive.
    leaving: Vec<ConnId>,
}

impl Member {
    /// What the password is checked against.
    pub(in crate::room) fn secret(&self) -> &Secret {
        &self.secret
    }

    /// The password in the file is as it was typed.
    pub(in crate::room) fn is_typed(&self) -> bool {
        matches!(self.secret, Secret::Typed(_))
    }

    /// Whether the member was in the group when this was said.
    pub(in crate::room) fn was_here_at(&self, seq: Seq) -> bool {
        self.added.is_some_and(|added| added < seq)
    }

    /// What tokens are made of. Those of a password typed by hand are of the hash before, until that is known not to fit.
    pub(in crate::room) fn token_hash(&self) -> Option<&PasswordHash> {
        match &self.secret {
            Secret::Hash(hash) => Some(hash),
            Secret::Typed(_) => self.hash_before.as_ref(),
        }
    }

    /// The connections logged in as this member, feedless ones included, the last to come first.
    pub(in crate::room) fn connections(&self) -> impl ExactSizeIterator<Item = ConnId> {
        self.connections.iter().rev().copied()
    }

    /// Those that have left and are not gone.
    pub(in crate::room) fn leaving(&self) -> impl Iterator<Item = ConnId> {
        self.leaving.iter().rev().copied()
    }
}

/// All members, in byte order of their mails.
#[derive(Debug)]
pub(in crate::room) struct Group {
    members: BTreeMap<Mail, Member>,
    /// Those with a device connected: WHO is asked often, and most of a large group is away.
    online: BTreeSet<Mail>,
    /// Those of whom a device has a place that is to be noted, each once: they are few of all who are in the group.
    changed: Vec<Mail>,
    /// How many hashes have each cost: a stranger's password takes as long to check.
    costs: BTreeMap<HashCost, usize>,
    next_version: Version,
}

impl Group {
    /// Nobody.
    pub(in crate::room) fn new() -> Group {
        Group {
            members: BTreeMap::new(),
            online: BTreeSet::new(),
            changed: Vec::new(),
            costs: BTreeMap::new(),
            next_version: Version(0),
        }
    }

    /// How many.
    pub(in crate::room) fn len(&self) -> usize {
        self.members.len()
    }

    /// The member of that mail.
    pub(in crate::room) fn get(&self, mail: &Mail) -> Option<&Member> {
        self.members.get(mail)
    }

    /// The member of that mail, to change what is theirs.
    pub(in crate::room) fn get_mut(&mut self, mail: &Mail) -> Option<&mut Member> {
        self.members.get_mut(mail)
    }

    /// Members in byte order, behind `after` if it is given.
    pub(in crate::room) fn page(&self, after: Option<&Mail>) -> impl Iterator<Item = (&Mail, &Member)> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.members.range::<Mail, _>((from, Bound::Unbounded))
    }

    /// Members with a device connected, in byte order, behind `after` if it is given.
    pub(in crate::room) fn online(&self, after: Option<&Mail>) -> impl Iterator<Item = (&Mail, &Member)> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let online = self.online.range::<Mail, _>((from, Bound::Unbounded));
        online.map(|mail| (mail, &self.members[mail]))
    }

    /// The clock was ahead: of so many members, behind `after` if it is given, nobody was seen later than now. The last of
    /// them, unless these were all.
    pub(in crate::room) fn correct_seen(
        &mut self,
        now: Time,
        after: Option<&Mail>,
        max: usize,
    ) -> Option<Mail> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut last = None;
        for (mail, member) in self.members.range_mut::<Mail, _>((from, Bound::Unbounded)).take(max) {
            if member.devices.correct_seen(now) && member.devices.is_to_be_listed() {
                self.changed.push(mail.clone());
            }
            last = Some(mail);
        }
        last.cloned()
    }

    /// A new member, with a version of its own. Whoever had the mail before must have been removed.
    pub(in crate::room) fn insert(&mut self, mail: Mail, record: Record, added: Option<Seq>) -> MemberId {
        let version = self.new_version();
        let Record { secret, role } = record;
        let id = MemberId(version.0);
        let member = Member {
            id,
            secret,
            role,
            version,
            hash_before: None,
            is_in_doubt: false,
            added,
            devices: Devices::default(),
            allowance: Allowance::default(),
            connections: Vec::new(),
            leaving: Vec::new(),
        };
        count_in(&mut self.costs, &member.secret);
        let before = self.members.insert(mail, member);
        debug_assert!(before.is_none());
        id
    }

    /// Takes a member out; the connections are the caller's to end.
    pub(in crate::room) fn remove(&mut self, mail: &Mail) -> Option<Member> {
        self.online.remove(mail);
        let member = self.members.remove(mail)?;
        count_out(&mut self.costs, &member.secret);
        Some(member)
    }

    /// What lets this member in is this from now on, as far as is known.
    pub(in crate::room) fn set_secret(
        &mut self,
        mail: &Mail,
        secret: Secret,
        hash_before: Option<PasswordHash>,
    ) {
        let version = self.new_version();
        if let Some(member) = self.members.get_mut(mail) {
            count_out(&mut self.costs, &member.secret);
            count_in(&mut self.costs, &secret);
            (member.secret, member.version) = (secret, version);
            (member.is_in_doubt, member.hash_before) = (hash_before.is_some(), hash_before);
        }
    }

    /// The password that was typed for this member is the one of this hash: who was let in stays.
    pub(in crate::room) fn typed_is_now(&mut self, mail: &Mail, hash: PasswordHash) {
        if let Some(member) = self.members.get_mut(mail) {
            debug_assert!(member.is_typed());
            member.secret = Secret::Hash(hash);
            count_in(&mut self.costs, &member.secret);
            (member.hash_before, member.is_in_doubt) = (None, false);
        }
    }

    /// How many hashes have each cost.
    pub(in crate::room) fn hash_costs(&self) -> &BTreeMap<HashCost, usize> {
        &self.costs
    }

    /// A version nobody had before.
    fn new_version(&mut self) -> Version {
        self.next_version.0 += 1;
        self.next_version
    }

    /// The file's form of the group.
    pub(in crate::room) fn roster(&self) -> Roster {
        let record = |member: &Member| Record { secret: member.secret.clone(), role: member.role };
        self.members.iter().map(|(mail, member)| (mail.clone(), record(member))).collect()
    }

    /// The connection is this member's from now on. `Err` if the member has as many devices as are kept, all
    /// of them connected. `device` is `None` for a feedless login, which is no device.
    pub(in crate::room) fn enter(
        &mut self,
        mail: &Mail,
        conn: ConnId,
        device: Option<Device>,
        now: Time,
    ) -> Result<Seat, ()> {
        let (own_mail, _) =
            self.members.get_key_value(mail).expect("asked for right after the member was found");
        // The group's, which all its connections share: the one that was typed goes.
        let own_mail = own_mail.clone();
        let member = self.members.get_mut(mail).expect("just found");
        let added = member.added.expect("nobody comes in before their line is known");
        let before_added = Seq(added.0.saturating_sub(1));
        let device = device.map(|device| member.devices.connect(device, before_added, now)).transpose()?;
        member.connections.push(conn);
        if device.is_some() && member.devices.is_to_be_listed() {
            self.changed.push(own_mail.clone());
        }
        if device.is_some() && !self.online.contains(mail) {
            self.online.insert(own_mail.clone());
        }
        Ok(Seat { mail: own_mail, member: member.id, device })
    }

    /// The connection is nobody's any more. A member who was removed has taken its devices along.
    pub(in crate::room) fn leave(&mut self, seat: &Seat, conn: ConnId) {
        if let Some(member) = self.seated(seat)
            && take_out(&mut member.connections, conn)
            && let Some(device) = seat.device
        {
            member.devices.go_offline(device);
            member.leaving.push(conn);
            if member.devices.online() == 0 {
                self.online.remove(&seat.mail);
            }
        }
    }

    /// The connection, which has left before, is gone: nothing more can arrive at its device.
    pub(in crate::room) fn release(&mut self, seat: &Seat, conn: ConnId) {
        if let Some(member) = self.seated(seat)
            && let Some(device) = seat.device
        {
            member.devices.release(device);
            take_out(&mut member.leaving, conn);
        }
    }

    /// Everything up to `seq` has arrived there.
    pub(in crate::room) fn arrived(&mut self, seat: &Seat, seq: Seq, now: Time) {
        if let Some(member) = self.seated(seat)
            && let Some(device) = seat.device
            && member.devices.arrived(device, seq, now)
            && member.devices.is_to_be_listed()
        {
            self.changed.push(seat.mail.clone());
        }
    }

    /// Takes the places of devices that have changed since they were taken last.
    pub(in crate::room) fn take_places(&mut self) -> Vec<(Mail, Device, Seq, Time)> {
        let mut places = Vec::new();
        for mail in std::mem::take(&mut self.changed) {
            // Somebody who was removed has no places any more.
            if let Some(member) = self.members.get_mut(&mail) {
                let changed = member.devices.take_changed();
                places.extend(changed.map(|(device, seq, time)| (mail.clone(), device.clone(), seq, time)));
            }
        }
        places
    }

    fn seated(&mut self, seat: &Seat) -> Option<&mut Member> {
        self.members.get_mut(&seat.mail).filter(|member| member.id == seat.member)
    }
}

fn count_in(costs: &mut BTreeMap<HashCost, usize>, secret: &Secret) {
    if let Secret::Hash(hash) = secret {
        *costs.entry(hash.cost()).or_default() += 1;
    }
}

fn count_out(costs: &mut BTreeMap<HashCost, usize>, secret: &Secret) {
    if let Secret::Hash(hash) = secret
        && let Entry::Occupied(mut count) = costs.entry(hash.cost())
    {
        *count.get_mut() -= 1;
        if *count.get() == 0 {
            count.remove();
        }
    }
}

/// Whether it was there. The others keep their order, and an empty list owns nothing.
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
    use crate::protocol::Password;

    /// A hundred members.
    fn group() -> (Group, Vec<Mail>) {
        let mails: Vec<Mail> =
            (0..100).map(|n| Mail::parse(format!("m{n}@x").as_bytes()).expect("a mail")).collect();
        let mut group = Group::new();
        for mail in &mails {
            let secret = Secret::Typed(Password::parse(b"password").expect("a password"));
            group.insert(mail.clone(), Record { secret, role: Role::Member }, Some(Seq(0)));
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
        let mut after = None;
        for corrected in [30, 60, 90] {
            after = group.correct_seen(now, after.as_ref(), 30);
            assert!(after.is_some());
            assert_eq!(group.changed.len(), corrected);
        }
        assert!(group.correct_seen(now, after.as_ref(), 30).is_some());
        let (places, rest) = (group.take_places(), group.correct_seen(now, mails.iter().max(), 30));
        assert_eq!((places.len(), rest), (100, None));
        assert!(places.iter().all(|(.., seen)| *seen == now));
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
        assert_eq!(group.changed, [mails[7].clone(), mails[9].clone()]);
        let places = |group: &mut Group| -> Vec<(Mail, Seq)> {
            group.take_places().into_iter().map(|(mail, _, seq, _)| (mail, seq)).collect()
        };
        assert_eq!(places(&mut group), [(mails[7].clone(), Seq(3)), (mails[9].clone(), Seq(2))]);
        assert!(group.changed.is_empty() && places(&mut group).is_empty());
        group.arrived(&seats[9], Seq(6), time);
        group.remove(&mails[7]);
        assert_eq!(places(&mut group), [(mails[9].clone(), Seq(6))]);
    }
}
