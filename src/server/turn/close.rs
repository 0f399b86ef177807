//! Ending connections without losing their last words, or what becomes of them: what is owed is sent, then FIN. A
//! device's socket stays until the peer's kernel has acknowledged all of it, for that decides where the device goes on:
//! nobody sees it any more, it costs nothing until the kernel tells of something, and it gives way to a newcomer. If the
//! peer has not ended itself, what it still says is read and dropped for a moment, and only then the socket is closed.
//! Slots are freed at the end of the turn and nowhere else.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use log::debug;

use crate::limits::{LEAVING_PATIENCE, LINGER, SLICE};
use crate::room::{ConnId, Effect, Input, Now, Room};
use crate::server::auth::admission::Admission;
use crate::server::net::Net;
use crate::server::net::conn::{Conn, Inflow, Outflow};
use crate::server::net::connections::Connections;
use crate::server::turn::Left;
use crate::server::turn::acks::{self, Standing};

/// Connections on their way out, each with a time at which something follows.
#[derive(Debug, Default)]
pub(in crate::server) struct Closing {
    /// Leaving ones, each looked at again at its time: whether its peer has taken anything since.
    leaving: VecDeque<Leaving>,
    /// Those of which nothing more can be learned, each closed at its time.
    lingering: VecDeque<(Duration, ConnId)>,
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

    /// If the room takes no more from this connection, it may not stay for ever without reading either.
    pub(in crate::server) fn note_leaving(
        &mut self,
        now: Now,
        id: ConnId,
        conns: &mut Connections,
        room: &Room,
    ) {
        let Some(conn) = conns.get_mut(id) else { return };
        if conn.outflow == Outflow::Open && room.is_leaving(id) {
            conn.outflow = Outflow::Leaving;
            self.look_again(now, id, conn.socket.sent, room);
        }
    }

    /// Later, at whether it has taken anything from now on.
    fn look_again(&mut self, now: Now, id: ConnId, sent: u32, room: &Room) {
        let (_, outstanding) = room.bytes_sent(id);
        let at = now.mono + LEAVING_PATIENCE;
        self.leaving.push_back(Leaving { id, at, sent, outstanding });
    }

    /// Closes those who have had their time.
    fn end_waits(&mut self, now: Now, conns: &mut Connections, room: &Room) {
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
                self.look_again(now, id, conn.socket.sent, room);
            }
        }
    }
}

/// Says the end to those to whom all was sent, closes what has had its time, and frees slots: as many as a slice of the
/// turn lets.
pub(in crate::server) fn close(
    now: Now,
    net: &mut Net,
    admission: &mut Admission,
    room: &mut Room,
    effects: &mut Vec<Effect>,
    closing: &mut Closing,
) -> Left {
    let Net { listeners, conns, .. } = net;
    let mut left = Left::Nothing;
    let began = Instant::now();
    while began.elapsed() < SLICE
        && let Some(id) = conns.pop_ending()
    {
        left |= end(now, id, conns, admission, room, closing);
    }
    left |= Left::when(conns.is_any_ending());
    closing.end_waits(now, conns, room);
    for id in conns.counts.take_timed_out() {
        // Where it came from the kernel has forgotten.
        debug!("timed out: {id:?} from={:?}", admission.source_of(id));
    }
    let began = Instant::now();
    while let Some(id) = conns.pop_closed() {
        // What its kernel acknowledged last decides where its device goes on.
        acks::look_at(now, id, conns, room);
        room.handle(now, Input::Gone(id), effects);
        conns.remove(id);
        admission.remove(id);
        // A place is free: who waits for one need not wait for the pause to end.
        left |= Left::when(listeners.end_pause());
        if began.elapsed() >= SLICE {
            break;
        }
    }
    left |= Left::when(conns.to_free() > 0);
    left
}

/// All was sent: FIN, and the connection is seen off. If the socket does not take TLS's own word for it, this is called
/// again when it does.
fn end(
    now: Now,
    id: ConnId,
    conns: &mut Connections,
    admission: &mut Admission,
    room: &mut Room,
    closing: &mut Closing,
) -> Left {
    closing.note_leaving(now, id, conns, room);
    let Some(conn) = conns.get_mut(id) else { return Left::Nothing };
    let mut left = Left::Nothing;
    if conn.outflow == Outflow::Leaving && conn.shut_down() {
        conn.lines.clear();
        if conn.inflow == Inflow::Open {
            conns.queue_reading(id);
            left = Left::Something;
        }
    }
    if conns.get(id).is_some_and(Conn::has_hung_up) {
        see_off(now, id, conns, admission, room, closing);
    }
    left
}

/// We have said our last, and perhaps the peer's kernel has more of it by now. Where nothing more can be learned
/// the connection ends.
fn see_off(
    now: Now,
    id: ConnId,
    conns: &mut Connections,
    admission: &mut Admission,
    room: &mut Room,
    closing: &mut Closing,
) {
    let standing = acks::look_at(now, id, conns, room);
    let Some(conn) = conns.get_mut(id) else { return };
    match standing {
        // It was given up.
        _ if !conn.has_hung_up() => {}
        Standing::Outstanding if room.moves_a_place(id) => admission.mark_evictable(id),
        Standing::Arrived | Standing::Outstanding if conn.inflow != Inflow::Open => conns.close(id),
        Standing::Arrived | Standing::Outstanding if conn.outflow == Outflow::ShutDown => {
            conn.outflow = Outflow::Lingering;
            closing.lingering.push_back((now.mono + LINGER, id));
        }
        Standing::Arrived | Standing::Outstanding => {}
        Standing::Closed => {
            if let Ok(Some(error)) = conn.socket.stream.take_error() {
                conns.counts.note_broken(id, error.kind());
            }
            conns.close(id);
        }
    }
}
