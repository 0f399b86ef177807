//! What the owner of a replica asks it beside what to do.

use std::time::Duration;

use crate::protocol::Mail;
use crate::server::log::cluster::replica::Replica;

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

    /// How many messages of the stream this node knows of and has not applied.
    pub fn lag(&self) -> u64 {
        self.tail.lag(self.state.next())
    }
}
