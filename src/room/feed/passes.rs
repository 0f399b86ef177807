//! What the shell sends: who has something new, what each is owed next, and the passes over all of them.

use crate::limits::AHEAD_MAX;
use crate::room::session::Session;
use crate::room::{Chunk, ConnId, Room};

impl Room {
    /// Whether there is something that the present pass over all receivers, or the last, did not have to serve.
    pub fn is_pass_due(&self) -> bool {
        self.transcript.end() > self.pass_began
    }

    /// A new pass over all receivers begins. It serves everybody at least up to the transcript's end of now.
    pub fn begin_pass(&mut self) {
        self.pass_began = self.transcript.end();
    }

    /// Whether nothing is outstanding here, but perhaps what the next pass serves.
    pub fn is_served(&self, id: ConnId) -> bool {
        self.peer(id).is_none_or(|peer| peer.outbox.is_served(self.pass_began))
    }

    /// Whether the present pass has left more than a flood may be ahead, counting what is on its way to the log.
    pub(in crate::room) fn is_far_ahead(&self) -> bool {
        self.transcript.end().since(self.pass_began) + self.proposals.outstanding() > AHEAD_MAX
    }

    /// The next connection that has something new to be sent beside what others say: in turns one that is logged in
    /// and one that is not, so that the answers to many strangers keep no member waiting.
    pub fn pop_due(&mut self) -> Option<ConnId> {
        loop {
            self.outside_next = !self.outside_next;
            let (first, second) = if self.outside_next {
                (&mut self.due_outside, &mut self.due)
            } else {
                (&mut self.due, &mut self.due_outside)
            };
            let id = first.pop_front().or_else(|| second.pop_front())?;
            if let Some(peer) = self.peer_mut(id) {
                peer.listed = false;
                return Some(id);
            }
        }
    }

    pub(in crate::room) fn list(&mut self, id: ConnId) {
        if let Some(peer) = self.peer_mut(id)
            && !std::mem::replace(&mut peer.listed, true)
        {
            let is_inside = matches!(peer.session, Session::Member(_));
            if is_inside { &mut self.due } else { &mut self.due_outside }.push_back(id);
        }
    }

    /// What this connection is owed next, see [`Outbox::chunk`](crate::room::Outbox::chunk).
    pub fn chunk<'a>(&'a self, id: ConnId, scratch: &'a mut Vec<u8>, max: usize) -> Chunk<'a> {
        match self.peer(id) {
            Some(peer) => peer.outbox.chunk(&self.transcript, scratch, max),
            None => Chunk::Nothing,
        }
    }

    /// Whether [`Room::chunk`] would give bytes. Cheaper than asking for them.
    pub fn is_due(&self, id: ConnId) -> bool {
        self.peer(id).is_some_and(|peer| peer.outbox.is_due(&self.transcript))
    }

    /// Whether more events wait for this connection than a flood leaves over.
    pub fn is_catching_up(&self, id: ConnId) -> bool {
        self.peer(id).is_some_and(|peer| peer.outbox.is_catching_up(&self.transcript))
    }

    /// Whether what this connection would get next is forgotten.
    pub fn is_lagging(&self, id: ConnId) -> bool {
        self.peer(id).is_some_and(|peer| peer.outbox.is_lagging(&self.transcript))
    }

    /// What this connection would get next went with a file that was dropped: it goes on where the history begins
    /// now. False: it cannot, and is to be cut.
    pub fn leap(&mut self, id: ConnId) -> bool {
        let transcript = &self.transcript;
        let peer = self.peers.get_mut(id.slot as usize).and_then(Option::as_mut);
        peer.filter(|peer| peer.serial == id.serial).is_some_and(|peer| peer.outbox.leap(transcript))
    }

    /// Of the last chunk, `n` bytes are on their way.
    pub fn advance(&mut self, id: ConnId, n: usize) {
        let slot = id.slot as usize;
        if let Some(peer) = self.peers.get_mut(slot).and_then(Option::as_mut)
            && peer.serial == id.serial
        {
            peer.outbox.advance(&self.transcript, n);
        }
    }

    /// Bytes sent to this connection, and those of them of which its kernel has said nothing yet.
    pub fn bytes_sent(&self, id: ConnId) -> (u64, u64) {
        self.peer(id).map_or((0, 0), |peer| (peer.outbox.bytes_sent(), peer.outbox.outstanding()))
    }
}
