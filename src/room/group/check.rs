//! The invariants of the group between inputs.

use std::collections::{BTreeMap, BTreeSet};

use crate::room::group::Group;
use crate::room::group::member::Member;
use crate::room::group::roster::Secret;

impl Group {
    /// Panics if one does not hold. Visits all members.
    pub(crate) fn check(&self) {
        let online = self.members.iter().filter(|(_, member)| member.devices.online() > 0);
        assert!(online.map(|(mail, _)| mail).eq(&self.online), "those with a device connected are listed");
        let mut costs = BTreeMap::new();
        for member in self.members.values() {
            if let Secret::Hash(hash) = &member.secret {
                *costs.entry(hash.cost()).or_insert(0) += 1;
            }
        }
        assert_eq!(costs, self.costs, "hashes are counted by their cost");
        let unrecorded: BTreeSet<_> = self.unrecorded.iter().collect();
        for (mail, member) in &self.members {
            assert!(
                !member.devices.is_listed() || unrecorded.contains(mail),
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

impl Member {
    fn check(&self) {
        assert!(!self.is_in_doubt || self.is_typed(), "only a typed password is in doubt");
        assert!(
            !self.is_in_doubt || self.hash_before.is_some(),
            "the doubt is whether it is the password before"
        );
        assert!(self.hash_before.is_none() || self.is_typed(), "only a typed password has a hash before it");
        self.devices.check(self.connections.len(), self.leaving.len());
    }
}
