//! One write to one connection.

use std::io;

use log::{debug, info};

use crate::limits::{FEW_CATCHING_UP, WRITE_CATCHING_UP, WRITE_MAX};
use crate::room::{Chunk, ConnId, Missing};
use crate::server::net::conn::{Inflow, Outflow};
use crate::server::turn::{Hub, acks, handshake};

/// One write to this connection, if it is owed anything and its socket takes it.
pub(super) fn write_to(id: ConnId, hub: &mut Hub, scratch: &mut Vec<u8>) -> Wrote {
    let Hub { conns, room, effects, .. } = hub;
    let is_one_of_few = conns.sending.len() < FEW_CATCHING_UP;
    let Some(conn) = conns.get_mut(id) else { return Wrote::No };
    if !conn.may_be_written_to() {
        return Wrote::No;
    }
    let sent = conn.socket.sent;
    if conn.is_handshaking() {
        if let Err(error) = handshake::answer(id, hub) {
            write_failed(id, &error, hub);
        }
        return Wrote::Yes;
    }
    match conn.flush() {
        Ok(true) => {}
        Ok(false) if conn.socket.sent != sent => return Wrote::Yes,
        Ok(false) => {
            // No block is fetched for a peer that takes nothing, but it may have fallen out of the window.
            if room.is_lagging(id) {
                cut_lagging(id, hub);
            }
            return Wrote::No;
        }
        Err(error) => {
            write_failed(id, &error, hub);
            return Wrote::No;
        }
    }
    // Others wait for each write, and a connection that is catching up always has another to come. When many are, the
    // slice bounds that wait, whatever a write carries.
    let most = if is_one_of_few && room.is_catching_up(id) { WRITE_CATCHING_UP } else { WRITE_MAX };
    let mut wrote = Wrote::No;
    let mut delivered = 0;
    let after = loop {
        let bytes = match room.chunk(id, scratch, most) {
            Chunk::Bytes(bytes) if conn.socket.writable => bytes,
            Chunk::Bytes(_) | Chunk::Nothing => break After::Open,
            Chunk::Missing(missing) => break After::Missing(missing),
            Chunk::Finished => break After::Finished,
        };
        if wrote == Wrote::Yes {
            // The socket took everything and there is more: others come first.
            break After::More;
        }
        wrote = Wrote::Yes;
        match conn.write(bytes) {
            Ok(n) => {
                delivered = n;
                room.advance(id, n);
            }
            Err(error) => break After::Broken(error),
        }
        if !conn.socket.writable {
            break After::Open;
        }
    };
    if delivered > 0 {
        conns.unacknowledged.insert(id.slot as usize);
    }
    if wrote == Wrote::Yes {
        conns.counts.writes += 1;
        conns.counts.bytes_delivered += delivered as u64;
    }
    match after {
        After::Open => {}
        // In a flood some are owed more than one write carries. The rest was committed after this pass began, so another
        // pass follows and takes it along.
        After::More if room.is_served(id) => {}
        After::More => conns.queue_sending(id),
        After::Missing(Missing::Block(block)) => room.wait_for_block(id, block, effects),
        After::Finished => conns.ending.push_back(id),
        After::Missing(Missing::Forgotten) => cut_lagging(id, hub),
        After::Broken(error) => write_failed(id, &error, hub),
    }
    wrote
}

/// What the peer would get next is no longer there.
fn cut_lagging(id: ConnId, hub: &mut Hub) {
    if hub.room.leap(id) {
        info!("what it had not read was dropped, so it goes on with the oldest event: {id:?}");
        return hub.conns.queue_sending(id);
    }
    hub.conns.counts.cut_lagging += 1;
    let origin = hub.conns.get(id).map(|conn| conn.socket.origin()).unwrap_or_default();
    info!("cut, fell behind the window: {id:?} from={origin}");
    hub.conns.close(id);
}

/// The peer takes nothing any more. Whole lines that it sent before still count: they are read, then the connection is
/// closed.
fn write_failed(id: ConnId, error: &io::Error, hub: &mut Hub) {
    debug!("{id:?} broke: {error}");
    hub.record_broken(id, error.kind());
    let Some(conn) = hub.conns.get_mut(id) else { return };
    if hub.room.is_leaving(id) || conn.inflow == Inflow::Reported {
        return hub.conns.close(id);
    }
    conn.outflow = Outflow::Broken;
    (conn.socket.readable, conn.socket.more_after_short_read) = (true, true);
    // The kernel knows now what has arrived, and may not later.
    acks::query(id, hub);
    hub.room.discard_output(id);
    hub.conns.queue_reading(id);
}

/// Whether a write was made.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrote {
    Yes,
    No,
}

/// What follows after a write.
enum After {
    Open,
    Missing(Missing),
    More,
    Finished,
    Broken(io::Error),
}
