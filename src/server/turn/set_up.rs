//! Connections whose lines can begin: plain ones at once, those with TLS after the handshake. The room hears of a
//! connection here, and nothing of one that does not come so far.

use std::time::Instant;

use log::debug;

use crate::limits::{HANDSHAKES_SLICE, TIMEOUTS_PER_TURN};
use crate::room::{ConnId, Effect, Input, Now, RefusedFor, Room};
use crate::server::net::conn::Outflow;
use crate::server::net::connections::Connections;
use crate::server::net::socket::ReadOutcome;
use crate::server::ops::refusals::Refusals;
use crate::server::turn::{Left, read};

/// Goes on with handshakes, as many as a slice of the turn lets and at least one, and ends those that have had their
/// time.
pub(in crate::server) fn shake_hands(now: Now, conns: &mut Connections, refusals: &mut Refusals) -> Left {
    let began = Instant::now();
    while let Some(id) = conns.pop_setting_up() {
        go_on(id, conns);
        if began.elapsed() >= HANDSHAKES_SLICE {
            break;
        }
    }
    for _ in 0..TIMEOUTS_PER_TURN {
        let Some(id) = conns.late(now.mono) else { break };
        if let Some(conn) = conns.get(id) {
            let origin = conn.socket.origin();
            debug!("TLS failed: no handshake in time: from={origin}");
            refusals.log(now, &origin, None, RefusedFor::Timeout);
        }
        conns.close(id);
    }
    Left::when(conns.to_set_up() > 0)
}

/// Tells the room whose lines can begin.
pub(in crate::server) fn tell(now: Now, conns: &mut Connections, room: &mut Room, effects: &mut Vec<Effect>) {
    for (id, accepted) in conns.take_new() {
        // It may have been evicted in this very turn.
        if conns.get(id).is_some_and(|conn| conn.outflow != Outflow::Closed) {
            room.handle(now, Input::Connected(id, accepted), effects);
        }
    }
}

/// Reads once. What comes behind the end of the handshake is for the lines, also that nothing more will come.
fn go_on(id: ConnId, conns: &mut Connections) {
    if conns.get(id).is_none_or(|conn| conn.outflow == Outflow::Closed) {
        return;
    }
    let outcome = conns.read(id);
    let Some(conn) = conns.get(id) else { return };
    if conn.is_set_up() {
        conns.note_set_up(id);
        read::note_outcome(id, outcome, conns);
        return conns.queue_reading(id);
    }
    match outcome {
        ReadOutcome::Bytes(_) | ReadOutcome::WouldBlock if conn.socket.readable => conns.queue_reading(id),
        ReadOutcome::Bytes(_) | ReadOutcome::WouldBlock => {}
        ReadOutcome::Eof | ReadOutcome::CutOff => {
            debug!("TLS failed: it ended during the handshake: from={}", conn.socket.origin());
            conns.close(id);
        }
        ReadOutcome::Broken(why) => {
            conns.counts.note_broken(id, why);
            conns.close(id);
        }
    }
}
