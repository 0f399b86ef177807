//! What the shell sends: who has something new, what each is owed next, and the passes over all of them.

use crate::limits::AHEAD_MAX;
use crate::room::{Chunk, ConnId, Room};

impl Room {
    /// Whether there is something that the present pass over all receivers, or the last, did not have to serve.
    pub fn is_pass_due(&self) -> bool {
        self.transcript.end() > self.pass_began
    }

    /// A new pass over all receivers begins. It serves everybody at least up to the transcript's end of now.
    pub fn begin_pass(&mut self) {
        self.pass_began = self.transcript.end();
        self.resume_slowed();
    }

    /// Whether nothing is outstanding here, but perhaps what the next pass serves.
    pub fn is_served(&self, id: ConnId) -> bool {
        self.peers.get(id).is_none_or(|peer| peer.outbox.is_served(self.pass_began))
    }

    /// Whether the present pass has left more than a flood may be ahead, counting what is on its way to the log.
    pub(in crate::room) fn is_far_ahead(&self) -> bool {
        self.transcript.end().since(self.pass_began) + self.proposals.outstanding() > AHEAD_MAX
    }

    /// The next connection that has something new to be sent beside what others say.
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

    /// Whether [`Room::chunk`] would give bytes. Cheaper than asking for them.
    pub fn is_due(&self, id: ConnId) -> bool {
        self.peers.get(id).is_some_and(|peer| peer.outbox.is_due(&self.transcript))
    }

    /// Whether more events wait for this connection than a flood leaves over.
    pub fn is_catching_up(&self, id: ConnId) -> bool {
        self.peers.get(id).is_some_and(|peer| peer.outbox.is_catching_up(&self.transcript))
    }

    /// Whether what this connection would get next is forgotten.
    pub fn is_lagging(&self, id: ConnId) -> bool {
        self.peers.get(id).is_some_and(|peer| peer.outbox.is_lagging(&self.transcript))
    }

    /// What this connection would get next went with a file that was dropped: it goes on where the history begins
    /// now. False: it cannot, and is to be cut.
    pub fn leap(&mut self, id: ConnId) -> bool {
        self.peers.get_mut(id).is_some_and(|peer| peer.outbox.leap(&self.transcript))
    }

    /// Of the last chunk, `n` bytes are on their way.
    pub fn advance(&mut self, id: ConnId, n: usize) {
        if let Some(peer) = self.peers.get_mut(id) {
            peer.outbox.advance(&self.transcript, n);
            self.peers.resume(id);
        }
    }

    /// Bytes sent to this connection, and those of them of which its kernel has said nothing yet.
    pub fn bytes_sent(&self, id: ConnId) -> (u64, u64) {
        self.peers.get(id).map_or((0, 0), |peer| (peer.outbox.bytes_sent(), peer.outbox.outstanding()))
    }
}
