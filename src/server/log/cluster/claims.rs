//! What nodes say their lines add up to. Of nodes that differ, those go on that have a majority: a node cannot tell by itself
//! whether it or another one is wrong. Only what was said since the node's own start began counts: what differed before was
//! settled then, and whoever was wrong has other lines by now.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::limits::{CLAIMS_KEPT, CLAIMS_WAIT};
use crate::protocol::Seq;
use crate::server::log::cluster::ids::{NodeName, Sum};

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Claims(BTreeMap<Seq, Claim>);

/// What was said of the lines up to an event.
#[derive(Debug)]
struct Claim {
    ours: Sum,
    /// This node has to say so, even if it has before: whoever is against it may have started since.
    is_asked: bool,
    /// What the others have said.
    theirs: BTreeMap<NodeName, Sum>,
    /// Since when somebody is against it, until it is settled.
    disputed: Option<Duration>,
}

/// How a dispute ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Settled {
    /// Most say what this node says, and this one does not.
    Right(Seq, NodeName),
    /// This node may be wrong; one that says otherwise.
    Wrong(Seq, NodeName),
}

impl Claims {
    /// Another node has said this, of what is `ours` here.
    pub(super) fn heard(&mut self, now: Duration, node: &NodeName, event: Seq, theirs: Sum, ours: Sum) {
        if self.0.len() == CLAIMS_KEPT && !self.0.contains_key(&event) {
            self.0.pop_first();
        }
        let fresh = || Claim { ours, is_asked: false, theirs: BTreeMap::new(), disputed: None };
        let claim = self.0.entry(event).or_insert_with(fresh);
        let before = claim.theirs.insert(node.clone(), theirs);
        if theirs != ours && before != Some(theirs) {
            claim.disputed.get_or_insert(now);
            claim.is_asked = true;
        }
    }

    /// What this node has to say because another one has said something else.
    pub(super) fn next_to_say(&mut self) -> Option<(Seq, Sum)> {
        let (event, claim) = self.0.iter_mut().find(|(_, claim)| claim.is_asked)?;
        claim.is_asked = false;
        Some((*event, claim.ours))
    }

    /// Whether a dispute has ended: as soon as most of so many nodes say the same; or when those have had their time that have
    /// not spoken, and all is known here that was said up to then, because the quorum took what this node sent at `reached`.
    pub(super) fn settle(&mut self, nodes: usize, reached: Option<Duration>) -> Option<Settled> {
        self.0.iter_mut().find_map(|(event, claim)| {
            let since = claim.disputed?;
            let is_late = reached >= Some(since + CLAIMS_WAIT);
            let said = 1 + claim.theirs.len();
            let majority = if is_late { said } else { said.max(nodes) } / 2 + 1;
            let with = |sum: &Sum| claim.theirs.values().filter(|theirs| *theirs == sum).count();
            let is_right = 1 + with(&claim.ours) >= majority;
            let is_outvoted = claim.theirs.values().any(|sum| *sum != claim.ours && with(sum) >= majority);
            if !is_right && !is_outvoted && !is_late {
                return None;
            }
            claim.disputed = None;
            let (other, _) = claim.theirs.iter().find(|(_, theirs)| **theirs != claim.ours)?;
            let settled = if is_right { Settled::Right } else { Settled::Wrong };
            Some(settled(*event, other.clone()))
        })
    }

    /// When those have had their time that have not spoken: then this node has to send something.
    pub(super) fn ends_at(&self) -> Option<Duration> {
        self.0.values().filter_map(|claim| claim.disputed).min().map(|since| since + CLAIMS_WAIT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(7);

    fn node(name: &str) -> NodeName {
        NodeName::parse(name).expect("a name")
    }

    /// What is said about event 5, `b=1` by node b; ours, of node a, is 1. How it ends at once with so many nodes, and later.
    fn check(nodes: usize, said: &str, at_once: &str, later: &str) {
        let sum = |text: &str| Sum::default().after(text.as_bytes());
        let settles = |reached: Option<Duration>| {
            let mut claims = Claims::default();
            for word in said.split(' ') {
                let (name, said) = word.split_once('=').expect("NODE=SUM");
                claims.heard(NOW, &node(name), Seq(5), sum(said), sum("1"));
            }
            let told = match claims.settle(nodes, reached) {
                Some(Settled::Right(_, node)) => format!("{node} is wrong"),
                Some(Settled::Wrong(..)) => "stop".to_owned(),
                None => "-".to_owned(),
            };
            if told != "-" {
                assert_eq!((claims.settle(nodes, reached), claims.ends_at()), (None, None), "settled once");
            }
            told
        };
        let ends = NOW + CLAIMS_WAIT;
        let just_before = Some(ends.saturating_sub(Duration::from_nanos(1)));
        assert_eq!(
            [settles(None), settles(just_before), settles(Some(ends))],
            [at_once, at_once, later],
            "{said}"
        );
    }

    #[test]
    fn those_go_on_that_have_a_majority() {
        check(3, "b=1", "-", "-");
        check(3, "b=2 c=1", "b is wrong", "b is wrong");
        check(3, "b=2 c=2", "stop", "stop");
        check(5, "b=2 c=1 d=1", "b is wrong", "b is wrong");
        // Two may not have spoken yet.
        check(5, "b=2 c=2", "-", "stop");
        check(5, "b=2 c=1", "-", "b is wrong");
        check(5, "b=2 c=1 d=1 e=2", "b is wrong", "b is wrong");
        check(5, "b=2 c=2 d=2", "stop", "stop");
        // More than were known to run.
        check(2, "b=2 c=2 d=1 e=1", "b is wrong", "b is wrong");
        // Nobody knows.
        check(2, "b=2", "-", "stop");
        check(4, "b=2 c=1 d=2", "-", "stop");
        check(3, "b=2 c=3", "-", "stop");
        check(5, "b=2 c=1 d=2 e=3", "-", "stop");
    }

    #[test]
    fn what_is_disputed_is_said() {
        let (mut claims, ours) = (Claims::default(), Sum::default().after(b"1"));
        claims.heard(NOW, &node("b"), Seq(5), ours, ours);
        assert_eq!(claims.next_to_say(), None);
        claims.heard(NOW, &node("c"), Seq(5), Sum::default(), ours);
        assert_eq!((claims.next_to_say(), claims.next_to_say()), (Some((Seq(5), ours)), None));
        // Once for each who says something else.
        claims.heard(NOW, &node("c"), Seq(5), Sum::default(), ours);
        assert_eq!(claims.next_to_say(), None);
        claims.heard(NOW, &node("b"), Seq(5), Sum::default(), ours);
        assert_eq!((claims.next_to_say(), claims.next_to_say()), (Some((Seq(5), ours)), None));
        for event in 10..10 + CLAIMS_KEPT as u64 {
            claims.heard(NOW, &node("b"), Seq(event), ours, ours);
        }
        assert_eq!((claims.0.len(), claims.ends_at()), (CLAIMS_KEPT, None));
    }

    /// Whoever speaks after a dispute was settled can begin it again.
    #[test]
    fn a_late_word_counts() {
        let (mut claims, ours, other) = (Claims::default(), Sum::default().after(b"1"), Sum::default());
        let late = Some(NOW + CLAIMS_WAIT);
        claims.heard(NOW, &node("b"), Seq(5), other, ours);
        claims.heard(NOW, &node("c"), Seq(5), ours, ours);
        assert_eq!(claims.settle(5, late), Some(Settled::Right(Seq(5), node("b"))));
        claims.heard(NOW, &node("b"), Seq(5), other, ours);
        assert_eq!(claims.settle(5, late), None, "nothing new");
        claims.heard(NOW, &node("d"), Seq(5), other, ours);
        assert_eq!(claims.settle(5, late), Some(Settled::Wrong(Seq(5), node("b"))));
    }
}
