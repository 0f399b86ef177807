//! The members, their connections and their devices.

pub(super) mod check;
pub(super) mod devices;
pub(super) mod follow;
pub(super) mod foreign;
pub(super) mod member;
pub(super) mod password;
pub(super) mod presence;
pub(super) mod roster;
pub(super) mod text;
pub(super) mod typed;
pub(super) mod typed_queue;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use crate::limits::MEMBERS_PER_TURN;
use crate::protocol::{Author, Device, Mail, Seq, Time};
use crate::room::clock::{Clock, Correction};
use crate::room::group::devices::Devices;
use crate::room::group::member::Member;
use crate::room::group::roster::{HashCost, PasswordHash, Record, Roster, Secret};
use crate::room::group::typed_queue::TypedQueue;
use crate::room::ids::{ConnId, MemberId, Version};
use crate::room::interface::{Changed, Difference};
use crate::room::rate::Allowance;
use crate::room::session::Seat;

/// All members, in byte order of their mails.
#[derive(Debug, Default)]
pub(in crate::room) struct Group {
    members: BTreeMap<Mail, Member>,
    /// Members with a connected device, for WHO: most of a large group is away.
    online: BTreeSet<Mail>,
    /// Members with a changed place that has to be recorded, each once.
    unrecorded: Vec<Mail>,
    /// How many hashes have each cost, for the decoys.
    costs: BTreeMap<HashCost, usize>,
    next_version: Version,
    clock: Clock,
    pub(in crate::room) typed: TypedQueue,
    /// Changes of members that [`Room::take_changed`] has not returned yet.
    changes: Vec<Changed>,
}

impl Group {
    /// A change of a member.
    pub(in crate::room) fn record_change(&mut self, mail: &Mail, what: Difference, by: Author) {
        self.changes.push(Changed { mail: mail.clone(), what, by });
    }

    /// Changes of members since the last call.
    pub(in crate::room) fn take_changes(&mut self) -> Vec<Changed> {
        std::mem::take(&mut self.changes)
    }

    pub(in crate::room) fn len(&self) -> usize {
        self.members.len()
    }

    pub(in crate::room) fn get(&self, mail: &Mail) -> Option<&Member> {
        self.members.get(mail)
    }

    pub(in crate::room) fn get_mut(&mut self, mail: &Mail) -> Option<&mut Member> {
        self.members.get_mut(mail)
    }

    /// Members in byte order, after `after` if it is given.
    pub(in crate::room) fn page(&self, after: Option<&Mail>) -> impl Iterator<Item = (&Mail, &Member)> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.members.range::<Mail, _>((from, Bound::Unbounded))
    }

    /// Members with a connected device, in byte order, after `after` if it is given.
    pub(in crate::room) fn online(&self, after: Option<&Mail>) -> impl Iterator<Item = (&Mail, &Member)> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let online = self.online.range::<Mail, _>((from, Bound::Unbounded));
        online.map(|mail| (mail, &self.members[mail]))
    }

    /// A turn has read the clock. If it was ahead, some members are corrected in each turn.
    pub(in crate::room) fn clock_says(&mut self, now: Time) {
        if let Correction::After(after) = self.clock.says(now) {
            let last = self.correct_seen(now, after.as_ref(), MEMBERS_PER_TURN);
            self.clock.corrected(last);
        }
    }

    /// When a member was seen, for answers: never later than now, even before it is corrected.
    pub(in crate::room) fn shown_seen(&self, member: &Member) -> Option<Time> {
        member.devices.seen().map(|seen| self.clock.shown(seen))
    }

    /// The last line acknowledged by a device, if the device is known.
    pub(in crate::room) fn delivered(&self, mail: &Mail, device: &Device) -> Option<Seq> {
        self.get(mail)?.devices.delivered_to(device)
    }

    /// The newest connections of this member, at most `max`, and as many that are leaving.
    pub(in crate::room) fn connections_of(&self, mail: &Mail, max: usize) -> Vec<ConnId> {
        let of = |member: &Member| member.connections().take(max).chain(member.leaving().take(max)).collect();
        self.get(mail).map_or(Vec::new(), of)
    }

    /// Adds a member, with a new version. The mail must not be a member's already.
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

    /// Removes a member. The caller has to end the connections.
    pub(in crate::room) fn remove(&mut self, mail: &Mail) -> Option<Member> {
        self.online.remove(mail);
        let member = self.members.remove(mail)?;
        count_out(&mut self.costs, &member.secret);
        Some(member)
    }

    /// Sets the password, with a new version. `hash_before` is the old hash if it may still fit.
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

    /// Replaces a typed password by its hash. The version stays, and so do the member's connections.
    pub(in crate::room) fn typed_is_now(&mut self, mail: &Mail, hash: PasswordHash) {
        if let Some(member) = self.members.get_mut(mail) {
            debug_assert!(member.is_typed());
            member.secret = Secret::Hash(hash);
            count_in(&mut self.costs, &member.secret);
            (member.hash_before, member.is_in_doubt) = (None, false);
        }
    }

    pub(in crate::room) fn hash_costs(&self) -> &BTreeMap<HashCost, usize> {
        &self.costs
    }

    fn new_version(&mut self) -> Version {
        self.next_version.0 += 1;
        self.next_version
    }

    pub(in crate::room) fn roster(&self) -> Roster {
        let record = |member: &Member| Record { secret: member.secret.clone(), role: member.role };
        self.members.iter().map(|(mail, member)| (mail.clone(), record(member))).collect()
    }

    /// Whether acknowledgements of this connection move a device's place.
    pub(in crate::room) fn has_place(&self, seat: &Seat) -> bool {
        seat.device.is_some() && self.get(&seat.mail).is_some_and(|member| member.id == seat.member)
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
