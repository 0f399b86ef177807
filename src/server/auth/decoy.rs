//! How long a stranger's password is checked: as long as a member's.
//!
//! Where all hashes in members.txt have one cost, whatever it is, that is the stranger's, too. Where there are several
//! (hashes of another program, of other times), each mail that is nobody's has one of them, drawn by a keyed hash of
//! the mail and as often as members have it: a time tells which cost a mail has, and that says nothing of whether
//! it is a member's. A mail keeps its cost as long as members.txt stays; when that changes, a few strangers' change
//! with the shares, so that who asks for years, with every change, may find a few who are none.
//!
//! Not chosen: to make every wrong login as slow as the most expensive hash. One of ten times our cost would make
//! guessers ten times as heavy for all who log in.

use std::collections::BTreeMap;

use crate::room::{HashCost, Roster, Secret};

/// See the module.
#[derive(Debug, Default)]
pub(in crate::server) struct Strangers {
    /// How many members have each.
    costs: BTreeMap<HashCost, usize>,
}

impl Strangers {
    /// Among these members.
    pub(in crate::server) fn among(roster: &Roster) -> Strangers {
        let mut costs = BTreeMap::new();
        for record in roster.values() {
            if let Secret::Hash(hash) = &record.secret {
                *costs.entry(hash.cost()).or_default() += 1;
            }
        }
        Strangers { costs }
    }

    /// The cost for a mail of which the keyed hash is this; `None`: nobody has a hash yet.
    pub(in crate::server) fn cost(&self, drawn: u64) -> Option<HashCost> {
        let all: usize = self.costs.values().sum();
        let mut place = usize::try_from((u128::from(drawn) * all as u128) >> 64).expect("less than all");
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

    fn group(parts: &[(&str, usize)]) -> (Strangers, Vec<HashCost>) {
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
        (Strangers::among(&roster), costs)
    }

    /// Of 1000 mails, how many have which cost.
    fn shares(strangers: &Strangers, costs: &[HashCost]) -> Vec<usize> {
        let drawn = (0..1000u64).map(|n| strangers.cost(n * (u64::MAX / 999)).expect("somebody is there"));
        let drawn: Vec<HashCost> = drawn.collect();
        costs.iter().map(|cost| drawn.iter().filter(|drawn| *drawn == cost).count()).collect()
    }

    #[test]
    fn strangers_cost_what_members_do_and_as_often() {
        let (strangers, costs) = group(&[("m=4096,t=3,p=1", 5)]);
        assert_eq!(shares(&strangers, &costs), [1000]);
        let (strangers, costs) = group(&[("m=4096,t=3,p=1", 100), ("m=19456,t=2,p=1", 300)]);
        assert_eq!(shares(&strangers, &costs), [250, 750]);
        // One member more moves few.
        let (strangers, costs) = group(&[("m=4096,t=3,p=1", 101), ("m=19456,t=2,p=1", 300)]);
        assert_eq!(shares(&strangers, &costs), [252, 748]);
        assert_eq!(group(&[]).0.cost(7), None);
    }
}
