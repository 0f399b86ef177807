//! What the stream means: a pure function of its messages. On every node that has applied the same ones it is the same, to
//! the byte of its text.

use std::collections::{BTreeMap, VecDeque};

use crate::limits::SUMS_KEPT;
use crate::protocol::{Mail, Seq, Time};
use crate::room::{Ended, GroupSettings, KnownGroup, KnownMember};
use crate::server::log::cluster::ids::{BatchNumber, NodeName, Start, StreamSeq, Sum, TokenKey};
use crate::server::log::cluster::members::{Members, StateMember};
use crate::server::log::lines::Last;

/// The group after a message of the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// When the stream was made: whether it is the same one.
    pub(super) created: Box<str>,
    pub(super) next: StreamSeq,
    pub(super) last: Last,
    /// Sums of the lines up to some events, the last one among them, for comparing.
    pub(super) sums: VecDeque<(Seq, Sum)>,
    /// `None`: there was no GENESIS yet.
    pub(super) founded: Option<Founded>,
    pub(super) nodes: BTreeMap<NodeName, Known>,
    pub(super) members: Members,
    /// Whose invitations have ended; `None`: nobody was invited yet.
    pub(super) ended: Option<Ended>,
    pub(super) settings: GroupSettings,
}

/// What GENESIS says for all nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Founded {
    pub(super) transcript: u32,
    pub(super) token_key: TokenKey,
    pub(super) line_max: usize,
    /// The node that founds the group, and how many of its MEMBER lines are still to come. Until then only its batches
    /// count.
    pub(super) founder: NodeName,
    pub(super) missing: u64,
}

/// What is known of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// Its newest start.
    pub start: Start,
    /// The last batch of that start; `None`: a fence has ended it, and no more of its batches count.
    pub last: Option<BatchNumber>,
}

impl State {
    /// Before the first message of a stream that was made at `created` and begins with the message `next`.
    pub fn new(created: &str, next: StreamSeq) -> State {
        State {
            created: created.into(),
            next,
            last: Last { seq: Seq(0), time: Time::default() },
            sums: VecDeque::new(),
            founded: None,
            nodes: BTreeMap::new(),
            members: Members::default(),
            ended: None,
            settings: GroupSettings::default(),
        }
    }

    /// When the stream was made, as its engine writes it.
    pub fn created(&self) -> &str {
        &self.created
    }

    /// The message to apply next.
    pub fn next(&self) -> StreamSeq {
        self.next
    }

    /// The last event.
    pub fn last(&self) -> Seq {
        self.last.seq
    }

    /// Its time.
    pub fn time(&self) -> Time {
        self.last.time
    }

    /// What the lines up to it add up to.
    pub fn sum(&self) -> Sum {
        self.sums.back().map_or(Sum::default(), |(_, sum)| *sum)
    }

    /// Sums of the lines up to some events, each of the one before and the lines between, the last ones.
    pub fn sums(&self) -> impl Iterator<Item = (Seq, Sum)> {
        self.sums.iter().copied()
    }

    /// Whether the group is complete: GENESIS and all its members have come.
    pub fn is_founded(&self) -> bool {
        self.founded.as_ref().is_some_and(|founded| founded.missing == 0)
    }

    /// The transcript's id.
    pub fn transcript(&self) -> Option<u32> {
        self.founded.as_ref().map(|founded| founded.transcript)
    }

    /// The key of tokens.
    pub fn token_key(&self) -> Option<&TokenKey> {
        self.founded.as_ref().map(|founded| &founded.token_key)
    }

    /// The group's `max-line`.
    pub fn line_max(&self) -> Option<usize> {
        self.founded.as_ref().map(|founded| founded.line_max)
    }

    /// All members, in byte order of their mails.
    pub fn members(&self) -> impl Iterator<Item = (&Mail, &StateMember)> {
        self.members.iter()
    }

    /// The group as all nodes know it.
    pub fn known(&self) -> KnownGroup {
        let known = |(mail, member): (&Mail, &StateMember)| {
            let (added, role) = (member.added, Some(member.role));
            (mail.clone(), KnownMember { added, role, name: member.name() })
        };
        let ended = self.ended.clone().unwrap_or_else(|| Ended::since(self.last()));
        KnownGroup { members: self.members().map(known).collect(), ended, settings: self.settings.clone() }
    }

    /// What they have agreed on.
    pub fn settings(&self) -> &GroupSettings {
        &self.settings
    }

    /// A member.
    pub fn member(&self, mail: &Mail) -> Option<&StateMember> {
        self.members.get(mail)
    }

    /// What is known of a node; `None`: it has sent nothing that counts.
    pub fn node(&self, name: &NodeName) -> Option<Known> {
        self.nodes.get(name).copied()
    }

    /// All nodes that have sent something, or that a fence has ended.
    pub fn nodes(&self) -> impl Iterator<Item = (&NodeName, Known)> {
        self.nodes.iter().map(|(name, known)| (name, *known))
    }

    /// The nodes whose newest start is not over, as far as is known, and that start.
    pub fn running(&self) -> impl Iterator<Item = (&NodeName, Start)> {
        let founder = self.founded.as_ref().map(|founded| (&founded.founder, Start::FOUNDING));
        let running = self.nodes.iter().filter(|(_, known)| known.last.is_some());
        running.map(|(name, known)| (name, known.start)).filter(move |node| Some(*node) != founder)
    }

    /// Whether this batch of a node has its place in what is applied, or will never have one.
    pub fn has_decided(&self, node: &NodeName, start: Start, number: BatchNumber) -> bool {
        self.nodes.get(node).is_some_and(|known| {
            known.start > start || known.start == start && known.last.is_none_or(|last| last >= number)
        })
    }

    /// Panics if an invariant does not hold. Visits all members.
    pub fn check(&self) {
        assert_eq!(self.fault(), None);
    }

    /// The first invariant that does not hold.
    pub(super) fn fault(&self) -> Option<&'static str> {
        let last = self.last.seq;
        let sums = || self.sums.iter().map(|(seq, _)| *seq);
        let is_first = self.members().next().is_none()
            && self.nodes.is_empty()
            && self.settings == GroupSettings::default();
        [
            (self.members.counts_its_admins(), "the admins are counted"),
            (sums().is_sorted_by(|a, b| a < b), "sums are of one event after the other"),
            (sums().len() <= SUMS_KEPT, "only some sums are kept"),
            (sums().len() > 0 || self.founded.is_none(), "GENESIS brings the first sum"),
            (sums().next_back().unwrap_or_default() == last, "the last sum is that of all lines"),
            (self.founded.is_some() || is_first, "GENESIS is the first of all"),
            (self.ended.as_ref().is_none_or(Ended::is_sound), "invitations end one after the other"),
            (self.members().all(|(_, member)| member.added <= last), "ADDED lines are among the lines"),
            (
                self.nodes().all(|(_, known)| known.last.is_none_or(|last| last >= BatchNumber::FIRST)),
                "batches are counted from the first on",
            ),
        ]
        .into_iter()
        .find_map(|(holds, what)| (!holds).then_some(what))
    }
}

#[cfg(test)]
mod tests;
