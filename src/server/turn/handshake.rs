//! The room is told of a connection as soon as it can carry lines: of a plain one at once, of one with TLS after the
//! handshake. It learns nothing of a connection whose handshake fails or takes too long.

use std::time::Instant;

use log::debug;

use crate::limits::{HANDSHAKES_SLICE, TIMEOUTS_PER_TURN};
use crate::room::{ConnId, Input, RefusedFor};
use crate::server::net::{Outflow, ReadOutcome};
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
        if let Some(conn) = hub.conns.get(id) {
            debug!("TLS failed: no handshake in time: from={}", conn.socket.origin());
        }
        hub.log_refused(id, None, RefusedFor::Timeout);
        hub.conns.close(id);
    }
    Work::remains_if(!hub.conns.handshakes.readable.is_empty())
}

/// Reads once. Whatever follows the handshake in the same read counts, also the peer's end.
fn step(id: ConnId, hub: &mut Hub) {
    if hub.conns.get(id).is_none_or(|conn| conn.outflow == Outflow::Closed) {
        return;
    }
    let outcome = hub.conns.read(id);
    let Some(conn) = hub.conns.get(id) else { return };
    if !conn.is_handshaking() {
        if let Some(accepted) = hub.conns.handshakes.remove(id) {
            hub.tell(Input::Connected(id, accepted));
        }
        read::record_outcome(id, outcome, hub);
        return hub.conns.queue_reading(id);
    }
    match outcome {
        ReadOutcome::Bytes(_) | ReadOutcome::WouldBlock if conn.socket.readable => {
            hub.conns.queue_reading(id);
        }
        ReadOutcome::Bytes(_) | ReadOutcome::WouldBlock => {}
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
