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

use crate::room::HashCost;

/// The cost for a mail with this keyed hash, where so many members have each cost; `None` if none has a hash yet.
pub(super) fn cost(members: &BTreeMap<HashCost, usize>, mail_hash: u64) -> Option<HashCost> {
    let all: usize = members.values().sum();
    let mut place = usize::try_from((u128::from(mail_hash) * all as u128) >> 64).expect("less than all");
    for (cost, members) in members {
        match place.checked_sub(*members) {
            Some(rest) => place = rest,
            None => return Some(*cost),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::room::PasswordHash;

    fn cost_of(text: &str) -> HashCost {
        let hash = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY";
        PasswordHash::parse(&format!("$argon2id$v=19${text}$c2FsdHNhbHQ${hash}")).expect("a hash").cost()
    }

    /// How many of 1000 mails are given each cost.
    fn shares(members: &[(&str, usize)]) -> Vec<usize> {
        let counts = members.iter().map(|(text, count)| (cost_of(text), *count)).collect();
        let given = (0..1000u64).map(|n| cost(&counts, n * (u64::MAX / 999)).expect("there are members"));
        let given: Vec<HashCost> = given.collect();
        let having = |text| given.iter().filter(|given| **given == cost_of(text)).count();
        members.iter().map(|(text, _)| having(text)).collect()
    }

    #[test]
    fn decoys_have_the_members_costs_in_the_same_proportions() {
        assert_eq!(shares(&[("m=4096,t=3,p=1", 5)]), [1000]);
        assert_eq!(shares(&[("m=4096,t=3,p=1", 100), ("m=19456,t=2,p=1", 300)]), [250, 750]);
        // One more member changes little.
        assert_eq!(shares(&[("m=4096,t=3,p=1", 101), ("m=19456,t=2,p=1", 300)]), [252, 748]);
        assert_eq!(cost(&BTreeMap::new(), 7), None);
    }
}
