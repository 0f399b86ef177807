//! Ends connections without losing their last lines, or the knowledge of what arrived: what is owed is sent, then FIN. A
//! device's socket stays open until the peer's kernel has acknowledged everything, because that decides where the device
//! continues. No member sees it any more, it costs nothing between events, and it can be evicted. If the peer has not
//! ended its side, what it still sends is read and dropped for a moment, and only then is the socket closed. Slots are
//! freed at the end of the turn and nowhere else.

use std::time::{Duration, Instant};

use log::debug;

use crate::limits::{LEAVING_PATIENCE, LINGER, SLICE};
use crate::room::{ConnId, Input};
use crate::server::net::{Conn, Inflow, Listeners, Outflow};
use crate::server::thinned::Thinned;
use crate::server::turn::acks::{self, AckState};
use crate::server::turn::{Hub, Work};

/// Connections that are ending, each with the time of the next step.
#[derive(Debug, Default)]
pub(in crate::server) struct Closing {
    /// Leaving ones. At its time each is checked: has its peer taken anything since?
    leaving: Thinned<Leaving>,
    /// Those with nothing more to learn. At its time each is closed.
    lingering: Thinned<(Duration, ConnId)>,
}

/// A leaving connection at the last check.
#[derive(Debug)]
struct Leaving {
    id: ConnId,
    /// When it is checked again.
    at: Duration,
    /// Bytes that had gone into the socket, and those of them that were not acknowledged.
    sent: u32,
    outstanding: u64,
}

impl Closing {
    pub(in crate::server) fn next_deadline(&self) -> Option<Duration> {
        let leaving = self.leaving.front().map(|leaving| leaving.at);
        let lingering = self.lingering.front().map(|&(at, _)| at);
        leaving.into_iter().chain(lingering).min()
    }

    /// If the room takes no more lines from this connection, its peer must keep reading, or it is closed.
    pub(in crate::server) fn start_leaving(&mut self, id: ConnId, hub: &mut Hub) {
        if let Some(conn) = hub.conns.get_mut(id)
            && conn.outflow == Outflow::Open
            && hub.room.is_leaving(id)
        {
            conn.outflow = Outflow::Leaving;
            let sent = conn.socket.sent;
            self.recheck_later(id, sent, hub);
        }
    }

    fn recheck_later(&mut self, id: ConnId, sent: u32, hub: &Hub) {
        let (_, outstanding) = hub.room.bytes_sent(id);
        let leaving = Leaving { id, at: hub.now.mono + LEAVING_PATIENCE, sent, outstanding };
        self.leaving.push_back(leaving, |leaving| {
            let conn = hub.conns.get(leaving.id);
            conn.is_some_and(|conn| matches!(conn.outflow, Outflow::Leaving | Outflow::ShutDown))
        });
    }

    /// All was sent: the peer has a moment to read it.
    fn linger(&mut self, id: ConnId, hub: &Hub) {
        self.lingering.push_back((hub.now.mono + LINGER, id), |(_, id)| {
            hub.conns.get(*id).is_some_and(|conn| conn.outflow == Outflow::Lingering)
        });
    }

    /// Closes the connections whose time is up.
    fn expire(&mut self, hub: &mut Hub) {
        let now = hub.now.mono;
        while let Some(&(at, id)) = self.lingering.front()
            && at <= now
        {
            self.lingering.pop_front();
            hub.conns.close(id);
        }
        while self.leaving.front().is_some_and(|leaving| leaving.at <= now)
            && let Some(Leaving { id, sent, outstanding, .. }) = self.leaving.pop_front()
        {
            let Some(conn) = hub.conns.get(id) else { continue };
            let sent_now = conn.socket.sent;
            if !matches!(conn.outflow, Outflow::Leaving | Outflow::ShutDown) {
                continue;
            }
            if sent_now == sent && hub.room.bytes_sent(id).1 == outstanding {
                debug!("{id:?} did not take its last lines");
                hub.conns.close(id);
            } else {
                self.recheck_later(id, sent_now, hub);
            }
        }
    }
}

/// Shuts down connections that were sent everything, closes those whose time is up, and frees slots. Each takes a slice
/// of the turn at most.
pub(in crate::server) fn close(hub: &mut Hub, listeners: &mut Listeners, closing: &mut Closing) -> Work {
    let mut work = Work::Done;
    let mut began = Instant::now();
    while let Some(id) = hub.conns.ending.pop_front() {
        work |= end(id, hub, closing);
        if began.elapsed() >= SLICE {
            began = Instant::now();
            break;
        }
    }
    work |= Work::remains_if(!hub.conns.ending.is_empty());
    closing.expire(hub);
    while let Some(id) = hub.conns.closed.pop_front() {
        // Where its device continues depends on what was acknowledged last.
        acks::query(id, hub);
        hub.tell(Input::Gone(id));
        hub.conns.remove(id);
        hub.admission.remove(id);
        // A place is free: accepting need not wait for the end of its pause.
        work |= Work::remains_if(listeners.end_pause());
        if began.elapsed() >= SLICE {
            break;
        }
    }
    work |= Work::remains_if(!hub.conns.closed.is_empty());
    work
}

/// Everything was sent: now FIN. If the socket does not take the transport's own end, this is called again when it does.
fn end(id: ConnId, hub: &mut Hub, closing: &mut Closing) -> Work {
    closing.start_leaving(id, hub);
    let why = hub.room.last_word(id);
    let Some(conn) = hub.conns.get_mut(id) else { return Work::Done };
    let mut work = Work::Done;
    if conn.outflow == Outflow::Leaving && conn.shut_down(why) {
        conn.lines.clear();
        if conn.inflow == Inflow::Open {
            hub.conns.queue_reading(id);
            work = Work::Remains;
        }
    }
    if hub.conns.get(id).is_some_and(Conn::has_shut_down) {
        finish(id, hub, closing);
    }
    work
}

/// FIN was sent. Closes the connection, or lets it linger, unless its acknowledgements still matter.
fn finish(id: ConnId, hub: &mut Hub, closing: &mut Closing) {
    let standing = acks::query(id, hub);
    let Some(conn) = hub.conns.get_mut(id) else { return };
    match standing {
        // The query has closed it.
        _ if !conn.has_shut_down() => {}
        AckState::Outstanding if hub.room.moves_a_place(id) => hub.admission.mark_evictable(id),
        AckState::Complete | AckState::Outstanding if conn.inflow != Inflow::Open => hub.conns.close(id),
        AckState::Complete | AckState::Outstanding if conn.outflow == Outflow::ShutDown => {
            conn.outflow = Outflow::Lingering;
            closing.linger(id, hub);
        }
        AckState::Complete | AckState::Outstanding => {}
        AckState::Closed => {
            if let Ok(Some(error)) = conn.socket.stream.take_error() {
                hub.record_broken(id, error.kind());
            }
            hub.conns.close(id);
        }
    }
}
