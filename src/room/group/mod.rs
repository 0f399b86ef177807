//! The members, their connections and their devices.

pub(super) mod ahead;
pub(super) mod devices;
pub(super) mod elsewhere;
pub(super) mod follow;
pub(super) mod foreign;
pub(super) mod inviting;
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
use crate::protocol::{Author, Event, Mail, Role, Seq, Time};
use crate::room::group::ahead::Ahead;
use crate::room::group::devices::Devices;
use crate::room::group::elsewhere::Elsewhere;
use crate::room::group::inviting::Inviting;
use crate::room::group::typed_queue::TypedQueue;
use crate::room::{
    Allowance, Announced, Changed, Difference, HashCost, Member, MemberId, PasswordHash, PastShown, Record,
    Secret, Transcript, Version, is_ahead,
};

/// All members, in byte order of their mails.
#[derive(Debug, Default)]
pub(crate) struct Group {
    members: BTreeMap<Mail, Member>,
    pub(crate) inviting: Inviting,
    /// Members with a connected device, here or at another node, for WHO: most of a large group is away.
    online: BTreeSet<Mail>,
    elsewhere: Elsewhere,
    ahead: Ahead,
    /// Members with a changed place that has to be recorded, each once.
    unrecorded: Vec<Mail>,
    /// How many hashes have each cost, for the decoys.
    pub(crate) costs: BTreeMap<HashCost, usize>,
    next_version: Version,
    /// The wall clock as it was last read.
    wall: Time,
    /// After it was ahead: the next members of whom it is corrected when they were seen, some in each turn.
    uncorrected: Option<Bound<Mail>>,
    pub(crate) typed: TypedQueue,
    /// Changes that [`crate::room::Room::take_changed`] has not returned yet.
    pub(crate) changes: Vec<Changed>,
}

impl Group {
    /// A change of a member.
    pub(crate) fn record_change(&mut self, mail: &Mail, what: Difference, by: Author) {
        self.changes.push(Changed::Member { mail: mail.clone(), what, by });
    }

    /// A change of what the group has agreed on.
    pub(crate) fn record_agreed(&mut self, event: Event<'static>) {
        self.changes.push(Changed::Settings(event));
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

    /// Members with a connected device, here or at another node, in byte order, after `after` if it is given.
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

    /// The line of this change has this number.
    pub(crate) fn announced(&mut self, change: &Announced, seq: Seq, time: Time) {
        if let Announced::Added(mail, Some(id)) = change
            && let Some(member) = self.get_mut(mail).filter(|member| member.id == *id)
        {
            debug_assert!(member.added.is_none_or(|added| added == seq), "it was expected to be the next");
            member.added = Some(seq);
        }
        if let Some(mail) = change.end() {
            self.inviting.ended.end(seq, time, mail.clone());
        }
    }

    /// Gives a member this role. Returns whether it is another one.
    pub(crate) fn set_role(&mut self, mail: &Mail, role: Role) -> bool {
        let Some(member) = self.members.get_mut(mail).filter(|member| member.role != role) else {
            return false;
        };
        member.role = role;
        self.inviting.set_role(mail, Some(role));
        true
    }

    /// Adds a member, with a new version. The mail must not be a member's already.
    pub(crate) fn insert(&mut self, mail: Mail, record: Record, added: Option<Seq>) -> MemberId {
        let Record { secret, role, name } = record;
        let version = self.new_version();
        let id = MemberId(version.0);
        let member = Member {
            id,
            secret,
            role,
            name,
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
        self.inviting.set_role(&mail, Some(role));
        if member.is_typed() {
            self.typed.wait(mail.clone(), false);
        }
        if self.elsewhere.has(&mail) {
            self.online.insert(mail.clone());
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
        self.inviting.set_role(mail, None);
        self.online.remove(mail);
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

    fn new_version(&mut self) -> Version {
        self.next_version.0 += 1;
        self.next_version
    }

    /// Panics if an invariant does not hold. Visits all members.
    pub(crate) fn check(&self) {
        let online = self.members.iter().filter(|(mail, member)| self.devices_of(mail, member) > 0);
        assert!(online.map(|(mail, _)| mail).eq(&self.online), "those with a device connected are listed");
        let mut costs = BTreeMap::new();
        for member in self.members.values() {
            count_in(&mut costs, &member.secret);
        }
        assert_eq!(costs, self.costs, "hashes are counted by their cost");
        let admins = self.members.iter().filter(|(_, member)| member.role == Role::Admin);
        self.inviting.check(admins.map(|(mail, _)| mail));
        let unrecorded: BTreeSet<_> = self.unrecorded.iter().collect();
        for (mail, member) in &self.members {
            assert!(
                !member.devices.is_listed || unrecorded.contains(mail),
                "{mail}: a place is to be recorded"
            );
            assert!(member.version <= self.next_version, "{mail}: versions are counted");
            member.check();
        }
        let ids: BTreeSet<_> = self.members.values().map(|member| member.id.0).collect();
        assert_eq!(ids.len(), self.members.len(), "a membership has a number of its own");
        let all = || self.members.values().flat_map(|member| member.connections().chain(member.leaving()));
        assert_eq!(all().collect::<BTreeSet<_>>().len(), all().count(), "a connection is one member's, once");
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
