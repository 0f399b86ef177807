//! Ending connections without losing their last words: what is owed is sent, then FIN, then what the peer
//! still says is read and dropped for a moment, and only then the socket is closed. Slots are freed at the
//! end of the turn and nowhere else.

use std::collections::VecDeque;
use std::time::Duration;

use log::debug;

use super::conn::{Inflow, Outflow};
use super::{Outcome, Server};
use crate::limits::{LEAVING_PATIENCE, LINGER};
use crate::room::{ConnId, Input};

/// Connections on their way out.
#[derive(Debug, Default)]
pub(super) struct Closing {
    /// Leaving ones, each looked at again at its time: whether it has taken anything since.
    leaving: VecDeque<(Duration, ConnId, u32)>,
    /// Shut down ones, each closed at its time.
    lingering: VecDeque<(Duration, ConnId)>,
    /// To be freed at the end of this turn.
    dead: Vec<ConnId>,
}

impl Closing {
    pub(super) fn next_deadline(&self) -> Option<Duration> {
        let leaving = self.leaving.front().map(|&(at, ..)| at);
        let lingering = self.lingering.front().map(|&(at, _)| at);
        leaving.into_iter().chain(lingering).min()
    }

    /// How many are freed at the end of this turn.
    pub(super) fn dead(&self) -> usize {
        self.dead.len()
    }
}

impl Server {
    /// If the room takes no more from this connection, it may not stay for ever without reading either.
    pub(super) fn note_leaving(&mut self, id: ConnId) {
        let Some(conn) = self.conns.get_mut(id.slot as usize).filter(|conn| conn.id == id) else { return };
        if conn.outflow == Outflow::Open && self.room.is_leaving(id) {
            if conn.is_handshaking() {
                debug!("TLS failed: no handshake in time: from={}", conn.origin());
                return self.bury(id);
            }
            conn.outflow = Outflow::Leaving;
            self.closing.leaving.push_back((self.now.mono + LEAVING_PATIENCE, id, conn.sent));
        }
    }

    /// All was sent: FIN, and a moment for the peer to read it. If the socket does not take TLS's own word for it,
    /// this is called again when it does.
    pub(super) fn hang_up(&mut self, id: ConnId) {
        let conn = &mut self.conns[id.slot as usize];
        if !conn.shut_down() {
            return;
        }
        conn.lines.clear();
        if conn.inflow == Inflow::Told {
            return self.bury(id);
        }
        if !std::mem::replace(&mut conn.in_ready, true) {
            self.ready.push_back(id);
            self.unfinished = true;
        }
        self.closing.lingering.push_back((self.now.mono + LINGER, id));
    }

    /// The peer takes nothing any more. What it said before it went still counts: its whole lines are taken,
    /// then it is buried.
    pub(super) fn go_deaf(&mut self, id: ConnId) {
        let conn = &mut self.conns[id.slot as usize];
        if self.room.is_leaving(id) || conn.inflow == Inflow::Told {
            return self.bury(id);
        }
        conn.outflow = Outflow::Broken;
        (conn.readable, conn.short_tells_nothing) = (true, true);
        // What has arrived so far is known by now; the kernel may not tell later.
        self.look_at(id);
        self.room.go_deaf(id);
        let conn = &mut self.conns[id.slot as usize];
        if !std::mem::replace(&mut conn.in_ready, true) {
            self.ready.push_back(id);
        }
        self.unfinished = true;
    }

    /// The socket is of no use any more; the slot is freed at the end of the turn.
    pub(super) fn bury(&mut self, id: ConnId) {
        let conn = &mut self.conns[id.slot as usize];
        if conn.outflow != Outflow::Dead {
            conn.outflow = Outflow::Dead;
            self.closing.dead.push(id);
        }
    }

    /// Closes what has had its time, frees slots, and goes on with stopping.
    pub(super) fn sweep(&mut self) -> Option<Outcome> {
        let now = self.now.mono;
        while let Some(&(at, id)) = self.closing.lingering.front()
            && at <= now
        {
            self.closing.lingering.pop_front();
            if self.is_open(id) {
                self.bury(id);
            }
        }
        while let Some(&(at, id, sent_then)) = self.closing.leaving.front()
            && at <= now
        {
            self.closing.leaving.pop_front();
            let Some(conn) = self.conns.get(id.slot as usize).filter(|conn| conn.id == id) else { continue };
            if conn.outflow == Outflow::Leaving && conn.sent == sent_then {
                debug!("{id:?} did not take its last lines");
                self.bury(id);
            } else if conn.outflow == Outflow::Leaving {
                self.closing.leaving.push_back((now + LEAVING_PATIENCE, id, conn.sent));
            }
        }
        for id in std::mem::take(&mut self.closing.dead) {
            // What its kernel acknowledged last decides where its device goes on.
            self.look_at(id);
            self.room.handle(self.now, Input::Gone(id), &mut self.effects);
            // Dropping closes the descriptor, and with it the kernel forgets its registration.
            self.conns.remove(id.slot as usize);
            self.door.leave(id);
            // A place is free: who waits at the door need not wait for the pause to end.
            self.unfinished |= self.accepting.note_place();
        }
        self.go_on_stopping()
    }

    pub(super) fn is_open(&self, id: ConnId) -> bool {
        self.conns.get(id.slot as usize).is_some_and(|conn| conn.id == id)
    }
}
