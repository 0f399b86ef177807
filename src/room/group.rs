//! The members, and which connections and devices each of them has here at the moment.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use super::ConnId;
use super::roster::{PasswordHash, Record, Roster, Secret};
use crate::limits::DEVICES_PER_MEMBER_MAX;
use crate::protocol::{Device, Mail, Role};

/// Which membership: another one after a removal and a new addition, or after a change of the password.
/// Travels with every job, so that a verdict that comes late can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(u64);

/// Where in its member's list a device stands. Stable while the device is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DeviceIndex(u8);

/// One member.
#[derive(Debug)]
pub(super) struct Member {
    /// What the password is checked against.
    pub(super) secret: Secret,
    /// What the member may do.
    pub(super) role: Role,
    /// See [`Version`].
    pub(super) version: Version,
    /// While `secret` was typed by hand: the hash before, which the typed password may still fit.
    pub(super) hash_before: Option<PasswordHash>,
    connections: BTreeSet<ConnId>,
    devices: Vec<DeviceEntry>,
}

#[derive(Debug)]
struct DeviceEntry {
    device: Device,
    connections: u32,
}

impl Member {
    /// The connections logged in as this member, feedless ones included.
    pub(super) fn connections(&self) -> impl Iterator<Item = ConnId> + '_ {
        self.connections.iter().copied()
    }

    /// How many devices are connected.
    pub(super) fn devices_online(&self) -> usize {
        self.devices.iter().filter(|entry| entry.connections > 0).count()
    }
}

/// All members, in byte order of their mails.
#[derive(Debug)]
pub(super) struct Group {
    members: BTreeMap<Mail, Member>,
    next_version: Version,
}

impl Group {
    /// The group that the file describes, nobody connected.
    pub(super) fn new(roster: Roster) -> Group {
        let mut group = Group { members: BTreeMap::new(), next_version: Version(0) };
        for (mail, record) in roster {
            group.insert(mail, record);
        }
        group
    }

    /// How many.
    pub(super) fn len(&self) -> usize {
        self.members.len()
    }

    /// The member of that mail.
    pub(super) fn get(&self, mail: &Mail) -> Option<&Member> {
        self.members.get(mail)
    }

    /// The member of that mail, to change secret or role.
    pub(super) fn get_mut(&mut self, mail: &Mail) -> Option<&mut Member> {
        self.members.get_mut(mail)
    }

    /// Members in byte order, behind `after` if it is given.
    pub(super) fn page(&self, after: Option<&Mail>) -> impl Iterator<Item = (&Mail, &Member)> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.members.range::<Mail, _>((from, Bound::Unbounded))
    }

    /// A new member, with a version of its own. Whoever had the mail before must have been removed.
    pub(super) fn insert(&mut self, mail: Mail, record: Record) {
        let version = self.new_version();
        let Record { secret, role } = record;
        let member = Member {
            secret,
            role,
            version,
            hash_before: None,
            connections: BTreeSet::new(),
            devices: Vec::new(),
        };
        let before = self.members.insert(mail, member);
        debug_assert!(before.is_none());
    }

    /// Takes a member out; the connections are the caller's to end.
    pub(super) fn remove(&mut self, mail: &Mail) -> Option<Member> {
        self.members.remove(mail)
    }

    /// A version nobody had before.
    pub(super) fn new_version(&mut self) -> Version {
        self.next_version.0 += 1;
        self.next_version
    }

    /// The file's form of the group.
    pub(super) fn roster(&self) -> Roster {
        let record = |member: &Member| Record { secret: member.secret.clone(), role: member.role };
        self.members.iter().map(|(mail, member)| (mail.clone(), record(member))).collect()
    }

    /// The connection is this member's from now on. `Err` if the member has as many devices as are kept, all
    /// of them connected. `device` is `None` for a feedless login, which is no device.
    pub(super) fn enter(
        &mut self,
        mail: &Mail,
        conn: ConnId,
        device: Option<Device>,
    ) -> Result<Option<DeviceIndex>, ()> {
        let member = self.members.get_mut(mail).expect("asked for right after the member was found");
        let index = device.map(|device| member.connect_device(device)).transpose()?;
        member.connections.insert(conn);
        Ok(index)
    }

    /// The connection is nobody's any more. A member who was removed has taken its devices along.
    pub(super) fn leave(&mut self, mail: &Mail, conn: ConnId, device: Option<DeviceIndex>) {
        let Some(member) = self.members.get_mut(mail) else { return };
        if !member.connections.remove(&conn) {
            return;
        }
        if let Some(DeviceIndex(index)) = device {
            member.devices[usize::from(index)].connections -= 1;
        }
    }
}

impl Member {
    fn connect_device(&mut self, device: Device) -> Result<DeviceIndex, ()> {
        let index = match self.devices.iter().position(|entry| entry.device == device) {
            Some(known) => known,
            None => self.new_device(device)?,
        };
        self.devices[index].connections += 1;
        Ok(DeviceIndex(u8::try_from(index).expect("there are few devices")))
    }

    fn new_device(&mut self, device: Device) -> Result<usize, ()> {
        // The default device has a place beside the named ones.
        let named = self.devices.iter().filter(|entry| entry.device != Device::Default).count();
        let place = device == Device::Default || named < DEVICES_PER_MEMBER_MAX;
        let entry = DeviceEntry { device, connections: 0 };
        if place {
            self.devices.push(entry);
            return Ok(self.devices.len() - 1);
        }
        let free = self.devices.iter().position(|e| e.connections == 0 && e.device != Device::Default);
        let free = free.ok_or(())?;
        self.devices[free] = entry;
        Ok(free)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Password;

    #[test]
    fn sixteen_named_devices_and_the_default_one() {
        let ann = Mail::parse(b"ann@x").expect("a mail");
        let secret = Secret::Typed(Password::parse(b"secret").expect("a password"));
        let roster = Roster::from([(ann.clone(), Record { secret, role: Role::Admin })]);
        let mut group = Group::new(roster);
        let mut enter = |serial, device| group.enter(&ann, ConnId { slot: 0, serial }, device);
        let named = |n: u64| Device::parse_named(&n.to_string());

        let first = enter(0, named(0)).expect("there is place");
        for n in 1..16 {
            assert!(enter(n, named(n)).is_ok(), "{n}");
        }
        assert_eq!(enter(16, named(16)), Err(()));
        assert!(enter(17, named(3)).is_ok(), "known ones connect as often as they like");
        assert!(enter(18, Some(Device::Default)).is_ok());
        assert_eq!(enter(19, None), Ok(None), "no feed is no device");
        group.leave(&ann, ConnId { slot: 0, serial: 0 }, first);
        assert_eq!(group.enter(&ann, ConnId { slot: 0, serial: 20 }, named(16)), Ok(first));
    }
}
