//! A login for a mail that no member has is checked against a decoy hash, so that it takes as long as a member's.
//!
//! If all hashes in members.txt have the same cost, whatever it is, the decoy has it, too. If there are several (hashes
//! made by another program, or long ago), each mail without a member is given one of them, chosen by a keyed hash of
//! the mail and in the same proportions as among the members. So the time of an answer tells the cost of a mail's hash,
//! but not whether it is a member's. A mail keeps its cost until members.txt changes; then the proportions change, and
//! with them the costs of a few mails. Somebody who asked after each change, for years, could tell those few.
//!
//! Rejected: to make every wrong login as slow as the most expensive hash. With one hash of ten times our cost each
//! guess would take ten times as much of the thread that all logins share.

use std::collections::BTreeMap;

use crate::room::{HashCost, Roster, Secret};

/// The costs of the members' hashes.
#[derive(Debug, Default)]
pub(in crate::server) struct DecoyCosts {
    /// How many members have each.
    costs: BTreeMap<HashCost, usize>,
}

impl DecoyCosts {
    pub(in crate::server) fn of(roster: &Roster) -> DecoyCosts {
        let mut costs = BTreeMap::new();
        for record in roster.values() {
            if let Secret::Hash(hash) = &record.secret {
                *costs.entry(hash.cost()).or_default() += 1;
            }
        }
        DecoyCosts { costs }
    }

    /// The cost for a mail with this keyed hash; `None` if no member has a hash yet.
    pub(in crate::server) fn cost(&self, mail_hash: u64) -> Option<HashCost> {
        let all: usize = self.costs.values().sum();
        let mut place = usize::try_from((u128::from(mail_hash) * all as u128) >> 64).expect("less than all");
        for (cost, members) in &self.costs {
            match place.checked_sub(*members) {
                Some(rest) => place = rest,
                None => return Some(*cost),
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Mail, Role};
    use crate::room::{PasswordHash, Record};

    fn group(parts: &[(&str, usize)]) -> (DecoyCosts, Vec<HashCost>) {
        let (mut roster, mut costs) = (Roster::new(), Vec::new());
        for (cost, members) in parts {
            let hash = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY";
            let hash =
                PasswordHash::parse(&format!("$argon2id$v=19${cost}$c2FsdHNhbHQ${hash}")).expect("a hash");
            costs.push(hash.cost());
            for _ in 0..*members {
                let mail = Mail::parse(format!("m{}@x", roster.len()).as_bytes()).expect("a mail");
                roster.insert(mail, Record { secret: Secret::Hash(hash.clone()), role: Role::Member });
            }
        }
        (DecoyCosts::of(&roster), costs)
    }

    /// How many of 1000 mails are given each cost.
    fn shares(decoys: &DecoyCosts, costs: &[HashCost]) -> Vec<usize> {
        let given = (0..1000u64).map(|n| decoys.cost(n * (u64::MAX / 999)).expect("there are members"));
        let given: Vec<HashCost> = given.collect();
        costs.iter().map(|cost| given.iter().filter(|given| *given == cost).count()).collect()
    }

    #[test]
    fn decoys_have_the_members_costs_in_the_same_proportions() {
        let (decoys, costs) = group(&[("m=4096,t=3,p=1", 5)]);
        assert_eq!(shares(&decoys, &costs), [1000]);
        let (decoys, costs) = group(&[("m=4096,t=3,p=1", 100), ("m=19456,t=2,p=1", 300)]);
        assert_eq!(shares(&decoys, &costs), [250, 750]);
        // One more member changes little.
        let (decoys, costs) = group(&[("m=4096,t=3,p=1", 101), ("m=19456,t=2,p=1", 300)]);
        assert_eq!(shares(&decoys, &costs), [252, 748]);
        assert_eq!(group(&[]).0.cost(7), None);
    }
}
