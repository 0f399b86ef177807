//! What the owner of a replica asks it beside what to do.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::limits::ALONE_AFTER;
use crate::protocol::Mail;
use crate::server::histogram::Histogram;
use crate::server::log::cluster::command::Command;
use crate::server::log::cluster::ids::{BatchNumber, Start};
use crate::server::log::cluster::replica::{Phase, Replica};

impl<T> Replica<T> {
    /// Batches of this node that were sent and have not come back.
    pub fn under_way(&self) -> usize {
        self.own.under_way()
    }

    /// Whether something that this member has asked for here is not decided.
    pub fn has_undecided_of(&self, mail: &Mail) -> bool {
        self.own.has_of(mail)
    }

    /// Members for whom the last of all that they have asked for was decided since the last call.
    pub fn take_settled(&mut self) -> Vec<Mail> {
        self.own.take_settled()
    }

    /// How long the last batch was under way, from its sending until it came back.
    pub fn round_trip(&self) -> Option<Duration> {
        self.own.round_trip()
    }

    /// How long all its batches took.
    pub(in crate::server::log::cluster) fn round_trips(&self) -> &Histogram {
        self.own.round_trips()
    }

    /// How many messages of the stream this node knows of and has not applied.
    pub fn lag(&self) -> u64 {
        self.tail.lag(self.state.next())
    }

    /// Which of these members have proposed something here that has not come back, and the last batch that has something of
    /// theirs, or will have it.
    pub fn pending_of(&self, mails: &BTreeSet<Mail>) -> BTreeMap<Mail, BatchNumber> {
        self.own.pending_of(mails)
    }

    /// The start whose batches are under way, if it has begun or not.
    pub fn own_start(&self) -> Start {
        self.own.start()
    }

    /// The newest moment of which it is known that the quorum took what this node sent then.
    pub fn reached_at(&self) -> Option<Duration> {
        self.own.reached_at()
    }

    /// When this node counts as alone, unless one of its batches comes back before; `None`: nothing of it is under way, or it is
    /// not known whether others know of its start. Whoever is let in under a start of which others do not know is one whom they
    /// do not wait for.
    pub fn alone_at(&self) -> Option<Duration> {
        let since = self.own.unanswered_since().filter(|_| self.is_known());
        since.map(|since| since + ALONE_AFTER)
    }

    /// Whether the JOIN of the present start is in the stream, and no fence after it, as far as is applied.
    fn is_known(&self) -> bool {
        let known = self.state.node(self.own.name());
        known.is_some_and(|known| known.start == self.own.start() && known.last.is_some())
    }

    /// The node ends, and nothing that anybody has asked for is under way: says so to the others, who need not find that out by its silence. Whether
    /// they hear it is not waited for. Nothing is applied after that.
    pub fn leave(&mut self, now: Duration) {
        if self.phase == Phase::Joined && self.own.owes_nothing() {
            let end = Command::Fence { node: self.own.name().clone(), start: self.own.start() };
            let body = self.own.send_own(now, now, Some(&end));
            self.publish(body);
            self.phase = Phase::Stopped;
        }
    }

    /// The batch that has the last of what waits to be sent; if nothing does, the one that is sent next.
    pub fn next_batch(&self) -> BatchNumber {
        self.own.next_batch()
    }

    /// Sends an empty batch, unless so many are under way that one has to come back first.
    pub fn probe(&mut self, now: Duration) {
        if self.phase == Phase::Joined && self.own.may_send() {
            let body = self.own.send_own(now, now, None);
            self.publish(body);
        }
    }
}
