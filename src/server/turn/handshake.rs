//! The room is told of a connection as soon as it can carry lines: of a plain one at once, of one with TLS after the
//! handshake. It learns nothing of a connection whose handshake fails or takes too long.

use std::time::Instant;

use log::debug;

use crate::limits::{HANDSHAKES_SLICE, TIMEOUTS_PER_TURN};
use crate::room::{ConnId, Effect, Input, Now, RefusedFor, Room};
use crate::server::net::conn::Outflow;
use crate::server::net::connections::Connections;
use crate::server::net::socket::ReadOutcome;
use crate::server::ops::refusals::Refusals;
use crate::server::turn::{Work, read};

/// Advances handshakes: at least one, and as many as a slice of the turn allows. Closes those that took too long.
pub(in crate::server) fn advance(now: Now, conns: &mut Connections, refusals: &mut Refusals) -> Work {
    let began = Instant::now();
    while let Some(id) = conns.pop_handshake() {
        step(id, conns);
        if began.elapsed() >= HANDSHAKES_SLICE {
            break;
        }
    }
    for _ in 0..TIMEOUTS_PER_TURN {
        let Some(id) = conns.late_handshake(now.mono) else { break };
        if let Some(conn) = conns.get(id) {
            let origin = conn.socket.origin();
            debug!("TLS failed: no handshake in time: from={origin}");
            refusals.log(now, &origin, None, RefusedFor::Timeout);
        }
        conns.close(id);
    }
    Work::remains_if(conns.readable_handshakes() > 0)
}

/// Tells the room which connections can carry lines now.
pub(in crate::server) fn announce(
    now: Now,
    conns: &mut Connections,
    room: &mut Room,
    effects: &mut Vec<Effect>,
) {
    for (id, accepted) in conns.take_established() {
        // It may have been evicted in this turn.
        if conns.get(id).is_some_and(|conn| conn.outflow != Outflow::Closed) {
            room.handle(now, Input::Connected(id, accepted), effects);
        }
    }
}

/// Reads once. Whatever follows the handshake in the same read counts, also the peer's end.
fn step(id: ConnId, conns: &mut Connections) {
    if conns.get(id).is_none_or(|conn| conn.outflow == Outflow::Closed) {
        return;
    }
    let outcome = conns.read(id);
    let Some(conn) = conns.get(id) else { return };
    if !conn.is_handshaking() {
        conns.finish_handshake(id);
        read::record_outcome(id, outcome, conns);
        return conns.queue_reading(id);
    }
    match outcome {
        ReadOutcome::Bytes(_) | ReadOutcome::WouldBlock if conn.socket.readable => conns.queue_reading(id),
        ReadOutcome::Bytes(_) | ReadOutcome::WouldBlock => {}
        ReadOutcome::Eof | ReadOutcome::CutOff => {
            debug!("TLS failed: the peer ended during the handshake: from={}", conn.socket.origin());
            conns.close(id);
        }
        ReadOutcome::Broken(why) => {
            conns.counts.record_broken(id, why);
            conns.close(id);
        }
    }
}
