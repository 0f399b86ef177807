//! What a connection's next line waits for. Waiting connections are not visited; each is woken when what it waits for has
//! happened.

use crate::limits::OWED_PAUSE;
use crate::protocol::Verb;
use crate::room::Room;
use crate::room::ids::ConnId;
use crate::room::peers::Peers;
use crate::room::session::{Peer, Waiting};

impl Room {
    /// What has to happen before a line with this verb is taken, apart from the rate limit.
    pub(super) fn waits_for(&self, id: ConnId, verb: Option<Verb>) -> Waiting {
        let Some(peer) = self.peers.get(id) else { return Waiting::No };
        // These answers include the connection's own messages, which have to be committed first.
        let includes_own_messages = matches!(verb, Some(Verb::History | Verb::Info | Verb::Stats));
        if peer.outbox.owed() >= OWED_PAUSE {
            Waiting::Replies
        } else if verb == Some(Verb::Msg) && self.is_far_ahead() {
            Waiting::Pass
        } else if includes_own_messages && peer.outbox.has_tickets() {
            Waiting::OwnMessages
        } else {
            Waiting::No
        }
    }

    /// The receivers may have caught up: wakes connections that may send messages again, in order.
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

    /// Panics if a connection waits that will not be woken.
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
    /// Makes the next line of this connection wait.
    pub(super) fn stop(&mut self, id: ConnId, waiting: Waiting) {
        if let Some(peer) = self.get_mut(id) {
            peer.waiting = waiting;
        }
        if waiting == Waiting::Pass {
            self.slowed.push(id);
        }
    }

    /// Replies were sent, or own messages answered: wakes the connection if it waits for that.
    pub(super) fn resume(&mut self, id: ConnId) {
        if self.get(id).is_some_and(is_over) {
            self.wake(id);
        }
    }
}

/// Whether what it waits for has happened, as far as its outbox shows that.
fn is_over(peer: &Peer) -> bool {
    match peer.waiting {
        Waiting::Replies => peer.outbox.owed() < OWED_PAUSE,
        Waiting::OwnMessages => !peer.outbox.has_tickets(),
        Waiting::No | Waiting::Worker | Waiting::Allowance | Waiting::Pass => false,
    }
}
