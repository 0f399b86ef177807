//! What a connection's next line waits for. Nobody who waits is visited: each is woken when that has happened.

use crate::limits::OWED_PAUSE;
use crate::protocol::Verb;
use crate::room::Room;
use crate::room::ids::ConnId;
use crate::room::peers::Peers;
use crate::room::session::{Peer, Waiting};

impl Room {
    /// What has to happen before a line with this verb is taken, beside what its member may ask.
    pub(super) fn waits_for(&self, id: ConnId, verb: Option<Verb>) -> Waiting {
        let Some(peer) = self.peers.get(id) else { return Waiting::No };
        // Who asks what was said is told of what they have just said, too.
        let asks_what_was_said = matches!(verb, Some(Verb::History | Verb::Info | Verb::Stats));
        if peer.outbox.owed() >= OWED_PAUSE {
            Waiting::Replies
        } else if verb == Some(Verb::Msg) && self.is_far_ahead() {
            Waiting::Pass
        } else if asks_what_was_said && peer.outbox.has_tickets() {
            Waiting::OwnMessages
        } else {
            Waiting::No
        }
    }

    /// The transcript is less far ahead of the receivers, perhaps: those who may speak again come in their order.
    pub(super) fn resume_slowed(&mut self) {
        if self.peers.slowed.is_empty() || self.is_far_ahead() {
            return;
        }
        for id in std::mem::take(&mut self.peers.slowed) {
            if self.peers.get(id).is_some_and(|peer| peer.waiting == Waiting::Pass) {
                self.peers.wake(id);
            }
        }
    }

    /// Panics unless whoever waits will be woken.
    pub(super) fn check_waits(&self) {
        for peer in self.peers.iter() {
            assert!(!is_over(peer), "{:?} is over", peer.waiting);
        }
        let slowed = self.peers.slowed.len();
        assert!(slowed == 0 || self.is_far_ahead(), "the slowed may speak");
        let is_slowed = |peer: &&Peer| peer.waiting == Waiting::Pass;
        assert!(self.peers.iter().filter(is_slowed).count() <= slowed, "one is not woken");
    }
}

impl Peers {
    /// The next line of this connection waits for something.
    pub(super) fn stop(&mut self, id: ConnId, waiting: Waiting) {
        if let Some(peer) = self.get_mut(id) {
            peer.waiting = waiting;
        }
        if waiting == Waiting::Pass {
            self.slowed.push(id);
        }
    }

    /// Replies to this connection have left, or its messages were answered: if its next line waits for that, it may be
    /// taken.
    pub(super) fn resume(&mut self, id: ConnId) {
        if self.get(id).is_some_and(is_over) {
            self.wake(id);
        }
    }
}

/// Whether what it waits for has happened, where its own outbox tells that.
fn is_over(peer: &Peer) -> bool {
    match peer.waiting {
        Waiting::Replies => peer.outbox.owed() < OWED_PAUSE,
        Waiting::OwnMessages => !peer.outbox.has_tickets(),
        Waiting::No | Waiting::Worker | Waiting::Allowance | Waiting::Pass => false,
    }
}
