//! What the shell asks for when it sends: which connections are due, what each is owed next, and passes over all of them.

use crate::limits::AHEAD_MAX;
use crate::room::{Chunk, ConnId, Room};

impl Room {
    /// Whether events have come since the last pass over the receivers began: they need another pass.
    pub fn is_pass_due(&self) -> bool {
        self.transcript.end() > self.pass_began
    }

    /// Begins a pass over all receivers. It serves each of them at least up to the present end of the transcript.
    pub fn begin_pass(&mut self) {
        self.pass_began = self.transcript.end();
        self.resume_slowed();
    }

    /// Whether this connection is owed nothing but what the next pass serves.
    pub fn is_served(&self, id: ConnId) -> bool {
        self.peers.get(id).is_none_or(|peer| peer.outbox.is_served(self.pass_began))
    }

    /// Whether the transcript, with what is on its way to the log, is too far ahead of the present pass.
    pub(in crate::room) fn is_far_ahead(&self) -> bool {
        self.transcript.end().since(self.pass_began) + self.proposals.outstanding() > AHEAD_MAX
    }

    /// The next connection that is owed something other than new events.
    pub fn pop_due(&mut self) -> Option<ConnId> {
        self.peers.pop_due()
    }

    /// What this connection is owed next, see [`Outbox::chunk`](crate::room::Outbox::chunk).
    pub fn chunk<'a>(&'a self, id: ConnId, scratch: &'a mut Vec<u8>, max: usize) -> Chunk<'a> {
        match self.peers.get(id) {
            Some(peer) => peer.outbox.chunk(&self.transcript, scratch, max),
            None => Chunk::Nothing,
        }
    }

    /// Whether [`Room::chunk`] has bytes. Cheaper than asking for them.
    pub fn is_due(&self, id: ConnId) -> bool {
        self.peers.get(id).is_some_and(|peer| peer.outbox.is_due(&self.transcript))
    }

    /// Whether more events wait for this connection than a flood alone explains.
    pub fn is_catching_up(&self, id: ConnId) -> bool {
        self.peers.get(id).is_some_and(|peer| peer.outbox.is_catching_up(&self.transcript))
    }

    /// Whether what this connection would get next is no longer kept.
    pub fn is_lagging(&self, id: ConnId) -> bool {
        self.peers.get(id).is_some_and(|peer| peer.outbox.is_lagging(&self.transcript))
    }

    /// What this connection would get next was dropped from the files: it continues where the history begins now. False if it
    /// cannot, and has to be closed.
    pub fn leap(&mut self, id: ConnId) -> bool {
        self.peers.get_mut(id).is_some_and(|peer| peer.outbox.leap(&self.transcript))
    }

    /// The transport has taken `n` bytes of the last chunk.
    pub fn advance(&mut self, id: ConnId, n: usize) {
        if let Some(peer) = self.peers.get_mut(id) {
            peer.outbox.advance(&self.transcript, n);
            self.peers.resume(id);
        }
    }

    /// Bytes sent to this connection, and how many of them are not acknowledged.
    pub fn bytes_sent(&self, id: ConnId) -> (u64, u64) {
        self.peers.get(id).map_or((0, 0), |peer| (peer.outbox.bytes_sent(), peer.outbox.outstanding()))
    }
}
