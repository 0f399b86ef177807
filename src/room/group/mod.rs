//! The members, their connections and their devices.

pub(super) mod check;
pub(super) mod devices;
pub(super) mod follow;
pub(super) mod foreign;
pub(super) mod member;
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
use crate::room::clock::is_ahead;
use crate::room::config::PastShown;
use crate::room::group::devices::Devices;
use crate::room::group::member::Member;
use crate::room::group::roster::{HashCost, PasswordHash, Record, Roster, Secret};
use crate::room::group::typed_queue::TypedQueue;
use crate::room::ids::{ConnId, MemberId, Version};
use crate::room::interface::{Changed, Difference};
use crate::room::rate::Allowance;
use crate::room::session::Seat;
use crate::room::transcript::window::Transcript;

/// All members, in byte order of their mails.
#[derive(Debug, Default)]
pub(crate) struct Group {
    members: BTreeMap<Mail, Member>,
    /// Members with a connected device, for WHO: most of a large group is away.
    online: BTreeSet<Mail>,
    /// Members with a changed place that has to be recorded, each once.
    unrecorded: Vec<Mail>,
    /// How many hashes have each cost, for the decoys.
    costs: BTreeMap<HashCost, usize>,
    next_version: Version,
    /// The wall clock as it was last read.
    wall: Time,
    /// After it was ahead: the next members of whom it is corrected when they were seen, some in each turn.
    uncorrected: Option<Bound<Mail>>,
    pub(crate) typed: TypedQueue,
    /// Changes of members that [`crate::room::Room::take_changed`] has not returned yet.
    changes: Vec<Changed>,
}

impl Group {
    /// A change of a member.
    pub(crate) fn record_change(&mut self, mail: &Mail, what: Difference, by: Author) {
        self.changes.push(Changed { mail: mail.clone(), what, by });
    }

    /// Changes of members since the last call.
    pub(crate) fn take_changes(&mut self) -> Vec<Changed> {
        std::mem::take(&mut self.changes)
    }

    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }

    pub(crate) fn get(&self, mail: &Mail) -> Option<&Member> {
        self.members.get(mail)
    }

    pub(crate) fn get_mut(&mut self, mail: &Mail) -> Option<&mut Member> {
        self.members.get_mut(mail)
    }

    /// Members in byte order, after `after` if it is given.
    pub(crate) fn page(&self, after: Option<&Mail>) -> impl Iterator<Item = (&Mail, &Member)> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.members.range::<Mail, _>((from, Bound::Unbounded))
    }

    /// Members with a connected device, in byte order, after `after` if it is given.
    pub(crate) fn online(&self, after: Option<&Mail>) -> impl Iterator<Item = (&Mail, &Member)> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let online = self.online.range::<Mail, _>((from, Bound::Unbounded));
        online.map(|mail| (mail, &self.members[mail]))
    }

    /// A turn has read the clock. If it was ahead, some members are corrected in each turn.
    pub(crate) fn clock_says(&mut self, now: Time) {
        if is_ahead(self.wall, now) {
            self.uncorrected = Some(Bound::Unbounded);
        }
        self.wall = now;
        if let Some(from) = self.uncorrected.take() {
            self.uncorrected = self.correct_seen(now, from.as_ref(), MEMBERS_PER_TURN).map(Bound::Excluded);
        }
    }

    /// When a member was seen, for answers: never later than now, even before it is corrected.
    pub(crate) fn shown_seen(&self, member: &Member) -> Option<Time> {
        member.devices.seen().map(|seen| seen.min(self.wall))
    }

    /// The oldest line that this member may read; the next line if there is none. Everything that shows a member a part of the
    /// transcript begins here.
    pub(crate) fn first_for(&self, mail: &Mail, past: PastShown, transcript: &Transcript) -> Seq {
        let own = match past {
            PastShown::Own => self.get(mail).and_then(|member| member.added).unwrap_or(Seq(u64::MAX)),
            PastShown::All => Seq(0),
        };
        transcript.first().max(own)
    }

    /// The ADDED line of this membership has this number.
    pub(crate) fn announced(&mut self, mail: &Mail, id: MemberId, seq: Seq) {
        if let Some(member) = self.get_mut(mail).filter(|member| member.id == id) {
            debug_assert!(member.added.is_none_or(|added| added == seq), "it was expected to be the next");
            member.added = Some(seq);
        }
    }

    /// The last line acknowledged by a device, if the device is known.
    pub(crate) fn delivered(&self, mail: &Mail, device: &Device) -> Option<Seq> {
        self.get(mail)?.devices.delivered_to(device)
    }

    /// The newest connections of this member, at most `max`, and as many that are leaving.
    pub(crate) fn connections_of(&self, mail: &Mail, max: usize) -> Vec<ConnId> {
        let of = |member: &Member| member.connections().take(max).chain(member.leaving().take(max)).collect();
        self.get(mail).map_or(Vec::new(), of)
    }

    /// Adds a member, with a new version. The mail must not be a member's already.
    pub(crate) fn insert(
        &mut self,
        mail: Mail,
        Record { secret, role }: Record,
        added: Option<Seq>,
    ) -> MemberId {
        let version = self.new_version();
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
        if member.is_typed() {
            self.typed.wait(mail.clone(), false);
        }
        let before = self.members.insert(mail, member);
        debug_assert!(before.is_none());
        id
    }

    /// Removes a member, whose connections have ended.
    pub(crate) fn remove(&mut self, mail: &Mail) {
        if let Some(member) = self.members.remove(mail) {
            count_out(&mut self.costs, &member.secret);
        }
    }

    /// Sets the password, with a new version. `hash_before` is the old hash if it may still fit.
    pub(crate) fn set_secret(&mut self, mail: &Mail, secret: Secret, hash_before: Option<PasswordHash>) {
        let version = self.new_version();
        if let Some(member) = self.members.get_mut(mail) {
            count_out(&mut self.costs, &member.secret);
            count_in(&mut self.costs, &secret);
            (member.secret, member.version) = (secret, version);
            (member.is_in_doubt, member.hash_before) = (hash_before.is_some(), hash_before);
        }
    }

    /// Replaces a typed password by its hash. The version stays, and so do the member's connections.
    pub(crate) fn typed_is_now(&mut self, mail: &Mail, hash: PasswordHash) {
        if let Some(member) = self.members.get_mut(mail) {
            debug_assert!(member.is_typed());
            member.secret = Secret::Hash(hash);
            count_in(&mut self.costs, &member.secret);
            (member.hash_before, member.is_in_doubt) = (None, false);
        }
    }

    pub(crate) fn hash_costs(&self) -> &BTreeMap<HashCost, usize> {
        &self.costs
    }

    fn new_version(&mut self) -> Version {
        self.next_version.0 += 1;
        self.next_version
    }

    pub(crate) fn roster(&self) -> Roster {
        let record = |member: &Member| Record { secret: member.secret.clone(), role: member.role };
        self.members.iter().map(|(mail, member)| (mail.clone(), record(member))).collect()
    }

    /// Whether acknowledgements of this connection move a device's place.
    pub(crate) fn has_place(&self, seat: &Seat) -> bool {
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
