//! Which node a history is copied from.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::text::Offer;
use crate::protocol::Seq;
use crate::server::log::cluster::ids::{NodeName, StreamSeq};

/// What is wanted of a node.
#[derive(Clone, Copy, Debug)]
pub(super) struct Need<'a> {
    /// When the stream was made.
    pub(super) created: &'a str,
    /// The transcript's id, if this node has some of it.
    pub(super) transcript: Option<u32>,
    /// The stream begins with this message.
    pub(super) stream_first: StreamSeq,
    /// The first event of the file to continue with, and the last event here; `None`: there is none.
    pub(super) here: Option<(Seq, Seq)>,
}

/// Why none of them is of use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unfit {
    /// None has answered that is as far as the stream's first message.
    Nobody,
    /// They have this transcript.
    OtherTranscript(u32),
    /// None ends with this node's last event, or a later one. The last of all.
    Shorter(Seq),
    /// The files that follow on this node's are gone everywhere. The first event that there is.
    Gone(Seq),
}

impl Need<'_> {
    /// The best of them: the one that keeps most. Those that have failed so many times come last.
    pub(super) fn choose<'o>(
        &self,
        offers: &'o [Offer],
        failed: &BTreeMap<NodeName, u32>,
    ) -> Result<&'o Offer, Unfit> {
        let usable = |offer: &&Offer| offer.created == self.created && offer.next >= self.stream_first;
        let usable: Vec<&Offer> = offers.iter().filter(usable).collect();
        let Some(any) = usable.first() else { return Err(Unfit::Nobody) };
        let is_ours = |offer: &&&Offer| self.transcript.is_none_or(|id| id == offer.transcript);
        let ours: Vec<&Offer> = usable.iter().filter(is_ours).copied().collect();
        let Some(last) = ours.iter().map(|offer| offer.last).max() else {
            return Err(Unfit::OtherTranscript(any.transcript));
        };
        let (from, to) = self.here.unwrap_or((Seq(u64::MAX), Seq(0)));
        if last < to {
            return Err(Unfit::Shorter(last));
        }
        let fitting = ours.iter().filter(|offer| offer.first <= from && offer.last >= to).copied();
        let rank =
            |offer: &&Offer| (failed.get(&offer.node), offer.first, Reverse(offer.last), offer.node.clone());
        let first = ours.iter().map(|offer| offer.first).min().unwrap_or_default();
        fitting.min_by_key(rank).ok_or(Unfit::Gone(first))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Node, transcript, next message, first and last event.
    fn offers(all: &[(&str, u32, u64, u64, u64)]) -> Vec<Offer> {
        let offer = |&(node, transcript, next, first, last): &(&str, u32, u64, u64, u64)| Offer {
            node: NodeName::parse(node).expect("a name"),
            transcript,
            next: StreamSeq(next),
            first: Seq(first),
            last: Seq(last),
            created: "now".to_owned(),
        };
        all.iter().map(offer).collect()
    }

    #[test]
    fn the_one_that_keeps_most_is_chosen() {
        let need = Need { created: "now", transcript: None, stream_first: StreamSeq(10), here: None };
        let mine = Need { transcript: Some(7), here: Some((Seq(50), Seq(60))), ..need };
        let all = [("a", 7, 20, 40, 90), ("b", 7, 20, 30, 80), ("c", 7, 20, 30, 90), ("d", 7, 9, 1, 90)];
        let check = |need: Need<'_>, offers: &[Offer], failed: &[&str], expected: Result<&str, Unfit>| {
            let failed = failed.iter().map(|name| (NodeName::parse(name).expect("a name"), 1)).collect();
            let chosen = need.choose(offers, &failed).map(|offer| offer.node.as_str());
            assert_eq!(chosen, expected, "{offers:?}");
        };
        check(need, &offers(&all), &[], Ok("c"));
        check(need, &offers(&all), &["c"], Ok("b"));
        check(need, &offers(&all), &["a", "b", "c"], Ok("c"));
        check(mine, &offers(&all), &[], Ok("c"));
        check(need, &[], &[], Err(Unfit::Nobody));
        // Another stream, or not as far as this one begins.
        check(Need { created: "then", ..need }, &offers(&all), &[], Err(Unfit::Nobody));
        check(need, &offers(&all[3..]), &[], Err(Unfit::Nobody));
        let here = |first, last| Need { here: Some((Seq(first), Seq(last))), ..mine };
        check(here(20, 60), &offers(&all), &[], Err(Unfit::Gone(Seq(30))));
        check(here(35, 60), &offers(&all), &[], Ok("c"));
        check(here(50, 85), &offers(&all), &["c"], Ok("a"));
        check(here(50, 91), &offers(&all), &[], Err(Unfit::Shorter(Seq(90))));
        check(Need { transcript: Some(8), ..mine }, &offers(&all), &[], Err(Unfit::OtherTranscript(7)));
    }
}
