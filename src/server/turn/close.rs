//! Ends connections without losing their last lines, or the knowledge of what arrived: what is owed is sent, then FIN. A
//! device's socket stays open until the peer's kernel has acknowledged everything, because that decides where the device
//! continues. No member sees it any more, it costs nothing between events, and it can be evicted. If the peer has not
//! ended its side, what it still sends is read and dropped for a moment, and only then is the socket closed. Slots are
//! freed at the end of the turn and nowhere else.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use log::debug;

use crate::limits::{LEAVING_PATIENCE, LINGER, SLICE};
use crate::room::{ConnId, Effect, Input, Now, Room};
use crate::server::auth::admission::Admission;
use crate::server::net::Net;
use crate::server::net::conn::{Conn, Inflow, Outflow};
use crate::server::net::connections::Connections;
use crate::server::turn::Work;
use crate::server::turn::acks::{self, AckState};

/// Connections that are ending, each with the time of the next step.
#[derive(Debug, Default)]
pub(in crate::server) struct Closing {
    /// Leaving ones. At its time each is checked: has its peer taken anything since?
    leaving: VecDeque<Leaving>,
    /// Those with nothing more to learn. At its time each is closed.
    lingering: VecDeque<(Duration, ConnId)>,
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
    pub(in crate::server) fn start_leaving(
        &mut self,
        now: Now,
        id: ConnId,
        conns: &mut Connections,
        room: &Room,
    ) {
        let Some(conn) = conns.get_mut(id) else { return };
        if conn.outflow == Outflow::Open && room.is_leaving(id) {
            conn.outflow = Outflow::Leaving;
            self.recheck_later(now, id, conn.socket.sent, room);
        }
    }

    fn recheck_later(&mut self, now: Now, id: ConnId, sent: u32, room: &Room) {
        let (_, outstanding) = room.bytes_sent(id);
        let at = now.mono + LEAVING_PATIENCE;
        self.leaving.push_back(Leaving { id, at, sent, outstanding });
    }

    /// Closes the connections whose time is up.
    fn expire(&mut self, now: Now, conns: &mut Connections, room: &Room) {
        while let Some(&(at, id)) = self.lingering.front()
            && at <= now.mono
        {
            self.lingering.pop_front();
            conns.close(id);
        }
        while self.leaving.front().is_some_and(|leaving| leaving.at <= now.mono)
            && let Some(Leaving { id, sent, outstanding, .. }) = self.leaving.pop_front()
        {
            let Some(conn) = conns.get(id) else { continue };
            if !matches!(conn.outflow, Outflow::Leaving | Outflow::ShutDown) {
                continue;
            }
            if conn.socket.sent == sent && room.bytes_sent(id).1 == outstanding {
                debug!("{id:?} did not take its last lines");
                conns.close(id);
            } else {
                self.recheck_later(now, id, conn.socket.sent, room);
            }
        }
    }
}

/// Shuts down connections that were sent everything, closes those whose time is up, and frees slots. Each takes a slice
/// of the turn at most.
pub(in crate::server) fn close(
    now: Now,
    net: &mut Net,
    admission: &mut Admission,
    room: &mut Room,
    effects: &mut Vec<Effect>,
    closing: &mut Closing,
) -> Work {
    let Net { listeners, conns, .. } = net;
    let mut work = Work::Done;
    let mut began = Instant::now();
    while let Some(id) = conns.pop_ending() {
        work |= end(now, id, conns, admission, room, closing);
        if began.elapsed() >= SLICE {
            began = Instant::now();
            break;
        }
    }
    work |= Work::remains_if(conns.is_any_ending());
    closing.expire(now, conns, room);
    for id in conns.counts.take_timed_out() {
        // The kernel has forgotten the peer's address.
        debug!("timed out: {id:?} from={:?}", admission.source_of(id));
    }
    while let Some(id) = conns.pop_closed() {
        // Where its device continues depends on what was acknowledged last.
        acks::query(now, id, conns, room);
        room.handle(now, Input::Gone(id), effects);
        conns.remove(id);
        admission.remove(id);
        // A place is free: accepting need not wait for the end of its pause.
        work |= Work::remains_if(listeners.end_pause());
        if began.elapsed() >= SLICE {
            break;
        }
    }
    work |= Work::remains_if(conns.to_free() > 0);
    work
}

/// Everything was sent: now FIN. If the socket does not take the transport's own end, this is called again when it does.
fn end(
    now: Now,
    id: ConnId,
    conns: &mut Connections,
    admission: &mut Admission,
    room: &mut Room,
    closing: &mut Closing,
) -> Work {
    closing.start_leaving(now, id, conns, room);
    let Some(conn) = conns.get_mut(id) else { return Work::Done };
    let mut work = Work::Done;
    if conn.outflow == Outflow::Leaving && conn.shut_down() {
        conn.lines.clear();
        if conn.inflow == Inflow::Open {
            conns.queue_reading(id);
            work = Work::Remains;
        }
    }
    if conns.get(id).is_some_and(Conn::has_shut_down) {
        finish(now, id, conns, admission, room, closing);
    }
    work
}

/// FIN was sent. Closes the connection, or lets it linger, unless its acknowledgements still matter.
fn finish(
    now: Now,
    id: ConnId,
    conns: &mut Connections,
    admission: &mut Admission,
    room: &mut Room,
    closing: &mut Closing,
) {
    let standing = acks::query(now, id, conns, room);
    let Some(conn) = conns.get_mut(id) else { return };
    match standing {
        // The query has closed it.
        _ if !conn.has_shut_down() => {}
        AckState::Outstanding if room.moves_a_place(id) => admission.mark_evictable(id),
        AckState::Complete | AckState::Outstanding if conn.inflow != Inflow::Open => conns.close(id),
        AckState::Complete | AckState::Outstanding if conn.outflow == Outflow::ShutDown => {
            conn.outflow = Outflow::Lingering;
            closing.lingering.push_back((now.mono + LINGER, id));
        }
        AckState::Complete | AckState::Outstanding => {}
        AckState::Closed => {
            if let Ok(Some(error)) = conn.socket.stream.take_error() {
                conns.counts.record_broken(id, error.kind());
            }
            conns.close(id);
        }
    }
}
