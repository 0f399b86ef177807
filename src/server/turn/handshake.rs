//! The room is told of a connection as soon as it can carry lines: of a plain one at once, of one with TLS after the
//! handshake, of a browser's when it has become a WebSocket. It learns nothing of a connection whose handshake fails or takes
//! too long, or that only fetches files.

use std::io;
use std::time::Instant;

use log::debug;

use crate::limits::{HANDSHAKES_SLICE, TIMEOUTS_PER_TURN};
use crate::room::{ConnId, Input, RefusedFor};
use crate::server::net::{Inflow, Outflow, ReadOutcome};
use crate::server::turn::{Hub, Work, read};

/// Advances handshakes: at least one, and as many as a slice of the turn allows. Closes those that took too long.
pub(in crate::server) fn advance(hub: &mut Hub) -> Work {
    let began = Instant::now();
    while let Some(id) = hub.conns.pop_handshake() {
        step(id, hub);
        if began.elapsed() >= HANDSHAKES_SLICE {
            break;
        }
    }
    for _ in 0..TIMEOUTS_PER_TURN {
        let Some(id) = hub.conns.handshakes.late(hub.now.mono) else { break };
        if let Some(conn) = hub.conns.get_mut(id) {
            conn.give_up();
            if !conn.transport.has_answered() {
                debug!("TLS failed: no handshake in time: from={}", conn.socket.origin());
                hub.log_refused(id, None, RefusedFor::Timeout);
            }
        }
        hub.conns.close(id);
    }
    Work::remains_if(!hub.conns.handshakes.readable.is_empty())
}

/// HTTP waits for its socket: sends more of an answer. What follows an answer is read, or ends the connection.
pub(super) fn answer(id: ConnId, hub: &mut Hub) -> Result<(), io::Error> {
    let Some(conn) = hub.conns.get_mut(id) else { return Ok(()) };
    conn.flush()?;
    if !conn.transport.is_answering() {
        if conn.transport.is_over() {
            hub.conns.ending.push_back(id);
        } else if conn.socket.readable {
            hub.conns.queue_reading(id);
        }
    }
    Ok(())
}

/// Reads once. Whatever follows the handshake in the same read counts, also the peer's end.
fn step(id: ConnId, hub: &mut Hub) {
    match hub.conns.get(id).map(|conn| conn.outflow) {
        None | Some(Outflow::Closed) => return,
        Some(Outflow::Open) => {}
        // HTTP has given its last answer.
        Some(_) => return read::drop_from(id, hub),
    }
    let outcome = hub.conns.read(id);
    let Some(conn) = hub.conns.get_mut(id) else { return };
    if !conn.is_handshaking() {
        if let Some(accepted) = hub.conns.handshakes.remove(id) {
            hub.tell(Input::Connected(id, accepted));
        }
        read::record_outcome(id, outcome, hub);
        return hub.conns.queue_reading(id);
    }
    let may_be_read = conn.socket.readable && !conn.transport.is_answering();
    match outcome {
        ReadOutcome::Bytes(_) | ReadOutcome::WouldBlock | ReadOutcome::Closed => {
            if conn.transport.is_over() {
                hub.conns.ending.push_back(id);
            } else if may_be_read {
                hub.conns.queue_reading(id);
            }
        }
        // A peer that asks and ends its side still gets the answer.
        ReadOutcome::Eof | ReadOutcome::CutOff if conn.transport.is_over() => {
            conn.inflow = Inflow::Reported;
            hub.conns.ending.push_back(id);
        }
        ReadOutcome::Eof | ReadOutcome::CutOff => {
            debug!("TLS failed: the peer ended during the handshake: from={}", conn.socket.origin());
            hub.conns.close(id);
        }
        ReadOutcome::Broken(why) => {
            hub.record_broken(id, why);
            hub.conns.close(id);
        }
    }
}
