//! Ending connections without losing their last words, or what becomes of them: what is owed is sent, then FIN. A
//! device's socket stays until the peer's kernel has acknowledged all of it, for that decides where the device goes on:
//! nobody sees it any more, it costs nothing until the kernel tells of something, and it gives way to a newcomer. If the
//! peer has not ended itself, what it still says is read and dropped for a moment, and only then the socket is closed.
//! Slots are freed at the end of the turn and nowhere else.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use log::debug;

use crate::limits::{LEAVING_PATIENCE, LINGER, SLICE};
use crate::room::{ConnId, Input};
use crate::server::Server;
use crate::server::net::conn::{Inflow, Outflow};
use crate::server::turn::acks::Standing;
use crate::server::turn::stop::Outcome;

/// Connections on their way out.
#[derive(Debug, Default)]
pub(in crate::server) struct Closing {
    /// Leaving ones, each looked at again at its time: whether its peer has taken anything since.
    leaving: VecDeque<Leaving>,
    /// Those of which nothing more can be learned, each closed at its time.
    lingering: VecDeque<(Duration, ConnId)>,
    /// Closed; their slots are freed at the end of this turn, or of the next ones.
    to_free: VecDeque<ConnId>,
}

/// How things stood with a connection on its way out.
#[derive(Debug)]
struct Leaving {
    id: ConnId,
    /// When it is looked at again.
    at: Duration,
    /// What had gone into the socket by then, and what of it had not arrived.
    sent: u32,
    outstanding: u64,
}

impl Closing {
    pub(in crate::server) fn next_deadline(&self) -> Option<Duration> {
        let leaving = self.leaving.front().map(|leaving| leaving.at);
        let lingering = self.lingering.front().map(|&(at, _)| at);
        leaving.into_iter().chain(lingering).min()
    }

    /// How many slots wait to be freed.
    pub(in crate::server) fn to_free(&self) -> usize {
        self.to_free.len()
    }
}

impl Server {
    /// If the room takes no more from this connection, it may not stay for ever without reading either.
    pub(in crate::server) fn note_leaving(&mut self, id: ConnId) {
        let Some(conn) = self.conns.get_mut(id.slot as usize).filter(|conn| conn.id == id) else { return };
        if conn.outflow == Outflow::Open && self.room.is_leaving(id) {
            if !conn.is_set_up() {
                debug!("TLS failed: no handshake in time: from={}", conn.socket.origin());
                return self.close(id);
            }
            conn.outflow = Outflow::Leaving;
            self.look_again(id);
        }
    }

    /// Later, at whether it has taken anything from now on.
    fn look_again(&mut self, id: ConnId) {
        let (_, outstanding) = self.room.bytes_sent(id);
        let sent = self.conns[id.slot as usize].socket.sent;
        let at = self.now.mono + LEAVING_PATIENCE;
        self.closing.leaving.push_back(Leaving { id, at, sent, outstanding });
    }

    /// All was sent: FIN. If the socket does not take TLS's own word for it, this is called again when it does.
    pub(in crate::server) fn hang_up(&mut self, id: ConnId) {
        self.note_leaving(id);
        let conn = &mut self.conns[id.slot as usize];
        if !conn.shut_down() {
            return;
        }
        conn.lines.clear();
        if conn.inflow == Inflow::Open && !std::mem::replace(&mut conn.in_ready, true) {
            self.ready.push_back(id);
            self.unfinished = true;
        }
        self.see_off(id);
    }

    /// We have said our last, and perhaps the peer's kernel has more of it by now. Where nothing more can be learned
    /// the connection ends.
    pub(in crate::server) fn see_off(&mut self, id: ConnId) {
        let standing = self.look_at(id);
        let conn = &mut self.conns[id.slot as usize];
        match standing {
            _ if !conn.has_hung_up() => {}
            Standing::Outstanding if self.room.moves_a_place(id) => self.admission.mark_evictable(id),
            Standing::Arrived | Standing::Outstanding if conn.inflow != Inflow::Open => self.close(id),
            Standing::Arrived | Standing::Outstanding if conn.outflow == Outflow::ShutDown => {
                conn.outflow = Outflow::Lingering;
                self.closing.lingering.push_back((self.now.mono + LINGER, id));
            }
            Standing::Arrived | Standing::Outstanding => {}
            Standing::Closed => {
                if let Ok(Some(error)) = conn.socket.stream.take_error() {
                    self.note_broken(id, error.kind());
                }
                self.close(id);
            }
        }
    }

    /// The peer takes nothing any more. Whole lines that it sent before still count; they are read, then the
    /// connection is closed.
    pub(in crate::server) fn write_failed(&mut self, id: ConnId) {
        let conn = &mut self.conns[id.slot as usize];
        if self.room.is_leaving(id) || conn.inflow == Inflow::Told {
            return self.close(id);
        }
        conn.outflow = Outflow::Broken;
        (conn.socket.readable, conn.socket.short_tells_nothing) = (true, true);
        // What has arrived so far is known by now; the kernel may not tell later.
        self.look_at(id);
        self.room.discard_output(id);
        let conn = &mut self.conns[id.slot as usize];
        if !std::mem::replace(&mut conn.in_ready, true) {
            self.ready.push_back(id);
        }
        self.unfinished = true;
    }

    /// Takes nothing more from the socket and gives it nothing; the slot is freed at the end of the turn.
    pub(in crate::server) fn close(&mut self, id: ConnId) {
        let conn = &mut self.conns[id.slot as usize];
        if conn.outflow != Outflow::Closed {
            conn.outflow = Outflow::Closed;
            self.closing.to_free.push_back(id);
        }
    }

    /// Closes what has had its time, frees slots, as many as a slice of the turn lets, and goes on with stopping.
    pub(in crate::server) fn sweep(&mut self) -> Option<Outcome> {
        let now = self.now.mono;
        while let Some(&(at, id)) = self.closing.lingering.front()
            && at <= now
        {
            self.closing.lingering.pop_front();
            if self.is_open(id) {
                self.close(id);
            }
        }
        while self.closing.leaving.front().is_some_and(|leaving| leaving.at <= now)
            && let Some(leaving) = self.closing.leaving.pop_front()
        {
            let id = leaving.id;
            let Some(conn) = self.conns.get(id.slot as usize).filter(|conn| conn.id == id) else { continue };
            if !matches!(conn.outflow, Outflow::Leaving | Outflow::ShutDown) {
                continue;
            }
            let (_, outstanding) = self.room.bytes_sent(id);
            if conn.socket.sent == leaving.sent && outstanding == leaving.outstanding {
                debug!("{id:?} did not take its last lines");
                self.close(id);
            } else {
                self.look_again(id);
            }
        }
        let began = Instant::now();
        while let Some(id) = self.closing.to_free.pop_front() {
            // What its kernel acknowledged last decides where its device goes on.
            self.look_at(id);
            self.room.handle(self.now, Input::Gone(id), &mut self.effects);
            // Dropping closes the descriptor, and with it the kernel forgets its registration.
            self.conns.remove(id.slot as usize);
            self.admission.remove(id);
            // A place is free: who waits at the door need not wait for the pause to end.
            self.unfinished |= self.accepting.note_place();
            if began.elapsed() >= SLICE {
                break;
            }
        }
        self.unfinished |= !self.closing.to_free.is_empty();
        self.go_on_stopping()
    }

    pub(in crate::server) fn is_open(&self, id: ConnId) -> bool {
        self.conns.get(id.slot as usize).is_some_and(|conn| conn.id == id)
    }
}
