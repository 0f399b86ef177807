//! The members, their connections and their devices.

pub(super) mod check;
pub(super) mod devices;
pub(super) mod follow;
pub(super) mod foreign;
pub(super) mod presence;
pub(super) mod roster;
pub(super) mod text;
pub(super) mod typed;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use crate::protocol::{Mail, Role, Seq};
use crate::room::group::devices::Devices;
use crate::room::group::roster::{HashCost, PasswordHash, Record, Roster, Secret};
use crate::room::ids::{ConnId, MemberId, Version};
use crate::room::rate::Allowance;

/// One member.
#[derive(Debug)]
pub(in crate::room) struct Member {
    pub(in crate::room) id: MemberId,
    secret: Secret,
    pub(in crate::room) role: Role,
    /// See [`Version`].
    pub(in crate::room) version: Version,
    /// While `secret` is a typed password: the hash before it, if that fits or may fit.
    pub(in crate::room) hash_before: Option<PasswordHash>,
    /// Whether it is still unknown if `hash_before` fits.
    pub(in crate::room) is_in_doubt: bool,
    /// The number of the member's ADDED line; 0 for the first members, who have none. `None`: it has no number yet.
    pub(in crate::room) added: Option<Seq>,
    /// How far each device has been served.
    pub(in crate::room) devices: Devices,
    /// How many lines the member may still send.
    pub(in crate::room) allowance: Allowance,
    /// In the order of their logins. A list, because most members have one connection, for which a tree would take 200 bytes.
    connections: Vec<ConnId>,
    /// Connections that have left but are not closed: what was sent on them may still be acknowledged.
    leaving: Vec<ConnId>,
}

impl Member {
    /// What the password is checked against.
    pub(in crate::room) fn secret(&self) -> &Secret {
        &self.secret
    }

    /// Whether the password in the file is a typed one.
    pub(in crate::room) fn is_typed(&self) -> bool {
        matches!(self.secret, Secret::Typed(_))
    }

    /// Whether the member was in the group at this event.
    pub(in crate::room) fn was_here_at(&self, seq: Seq) -> bool {
        self.added.is_some_and(|added| added < seq)
    }

    /// The hash that tokens depend on. For a typed password it is the hash before, until it is known not to fit.
    pub(in crate::room) fn token_hash(&self) -> Option<&PasswordHash> {
        match &self.secret {
            Secret::Hash(hash) => Some(hash),
            Secret::Typed(_) => self.hash_before.as_ref(),
        }
    }

    /// The connections of this member, with and without a feed, the newest first.
    pub(in crate::room) fn connections(&self) -> impl ExactSizeIterator<Item = ConnId> {
        self.connections.iter().rev().copied()
    }

    /// Connections that have left but are not closed.
    pub(in crate::room) fn leaving(&self) -> impl Iterator<Item = ConnId> {
        self.leaving.iter().rev().copied()
    }
}

/// All members, in byte order of their mails.
#[derive(Debug)]
pub(in crate::room) struct Group {
    members: BTreeMap<Mail, Member>,
    /// Members with a connected device, for WHO: most of a large group is away.
    online: BTreeSet<Mail>,
    /// Members with a changed place that has to be recorded, each once.
    changed: Vec<Mail>,
    /// How many hashes have each cost, for the decoys.
    costs: BTreeMap<HashCost, usize>,
    next_version: Version,
}

impl Group {
    pub(in crate::room) fn new() -> Group {
        Group {
            members: BTreeMap::new(),
            online: BTreeSet::new(),
            changed: Vec::new(),
            costs: BTreeMap::new(),
            next_version: Version(0),
        }
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
