//! Acknowledgements: asks the kernel how far each peer has acknowledged, tells the room, has the places of devices
//! recorded, and closes connections of dead peers.

use std::time::{Duration, Instant};

use log::{info, warn};

use crate::limits::{ACKNOWLEDGED_LOOK, ACKNOWLEDGED_PER_LOGIN, ACKNOWLEDGED_SLICE, PEER_SILENT, PEER_STUCK};
use crate::protocol::Mail;
use crate::room::{ConnId, Now, Room};
use crate::server::log::Log;
use crate::server::log::local::{Delivered, MembersSnapshot};
use crate::server::net::conn::Outflow;
use crate::server::net::connections::Connections;
use crate::server::net::tcp_info;
use crate::server::net::tcp_info::{Liveness, Patience};
use crate::server::turn::Work;
use crate::server::turn::rewrite::Rewriting;

/// Connections asked about between two readings of the clock: a reading costs as much as a connection with nothing
/// outstanding.
const QUERIES_PER_CLOCK: usize = 16;

/// What is done when, and what waits for a record.
#[derive(Debug, Default)]
pub(in crate::server) struct Receipts {
    /// The next slot of the round under way.
    next_slot: Option<usize>,
    /// When the next round begins.
    next_round: Duration,
    /// Connections of new devices, each with the number of the record that has its device.
    held: Vec<(u64, ConnId)>,
    /// What is rewritten as a whole now and then.
    pub(in crate::server) rewriting: Rewriting,
}

/// How much of what was sent is acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum AckState {
    /// All of it.
    Complete,
    /// Not all of it yet.
    Outstanding,
    /// No more will be: the connection is gone.
    Closed,
}

impl Receipts {
    pub(in crate::server) fn next_round(&self) -> Duration {
        self.next_round
    }
}

/// Has new devices recorded. Nothing is written to them before that is done.
pub(in crate::server) fn hold_new_devices(
    conns: &mut Connections,
    room: &mut Room,
    log: &mut Log,
    receipts: &mut Receipts,
) {
    let new = room.take_new_devices();
    if !new.is_empty() {
        save_places(room, log);
        let record = log.records_requested();
        for id in new {
            conns.hold(id);
            receipts.held.push((record, id));
        }
    }
    let answered = log.records_answered();
    for (_, id) in receipts.held.extract_if(.., |(record, _)| *record <= answered) {
        conns.release(id);
    }
}

/// Asks about connections with bytes outstanding, some in each turn, all of them every two seconds; then has the places
/// that moved recorded.
pub(in crate::server) fn query_due(
    now: Now,
    conns: &mut Connections,
    room: &mut Room,
    log: &mut Log,
    receipts: &mut Receipts,
) -> Work {
    if receipts.next_slot.is_none() {
        if now.mono < receipts.next_round {
            return Work::Done;
        }
        receipts.next_round = now.mono + ACKNOWLEDGED_LOOK;
        receipts.next_slot = Some(0);
    }
    let began = Instant::now();
    let mut at = receipts.next_slot.unwrap_or_default();
    while at < room.slots() {
        match conns.at(at).map(|conn| (conn.id, conn.has_shut_down())) {
            Some((id, true)) => conns.queue_ending(id),
            Some((id, false)) => _ = query(now, id, conns, room),
            None => {}
        }
        at += 1;
        if at.is_multiple_of(QUERIES_PER_CLOCK) && began.elapsed() >= ACKNOWLEDGED_SLICE {
            receipts.next_slot = Some(at);
            return Work::Remains;
        }
    }
    receipts.next_slot = None;
    save_places(room, log);
    Work::Done
}

/// Asks the kernel about one connection, and closes it if the peer is dead.
pub(in crate::server) fn query(now: Now, id: ConnId, conns: &mut Connections, room: &mut Room) -> AckState {
    let (sent, outstanding) = room.bytes_sent(id);
    let Some(conn) = conns.get_mut(id) else { return AckState::Closed };
    if outstanding == 0 {
        conn.watch = None;
        return AckState::Complete;
    }
    let Ok(info) = tcp_info::info(&conn.socket.stream) else { return AckState::Closed };
    let acknowledged = conn.acknowledged(&info, sent);
    room.acknowledged(now, id, acknowledged.bytes);
    if acknowledged.bytes == sent {
        // Nearly always, so no watch is made before this is known.
        conn.watch = None;
        return AckState::Complete;
    }
    if info.is_closed {
        return AckState::Closed;
    }
    let patience = Patience { silent: PEER_SILENT, stuck: PEER_STUCK };
    let watch = conn.watch.get_or_insert_default();
    let verdict = watch.look(now.mono, acknowledged.wire, &info, patience);
    if verdict != Liveness::Alive && conn.outflow != Outflow::Closed {
        info!("given up, its kernel is {verdict:?}: {id:?} from={}", conn.socket.origin());
        conns.counts.given_up += 1;
        conns.close(id);
    }
    AckState::Outstanding
}

/// A device of this member comes back. Where it continues depends on what its other connections have acknowledged: the
/// kernel is asked about the latest of them.
pub(in crate::server) fn query_member(now: Now, mail: &Mail, conns: &mut Connections, room: &mut Room) {
    for id in room.connections_of(mail, ACKNOWLEDGED_PER_LOGIN) {
        query(now, id, conns, room);
    }
}

/// Has the places recorded that have moved.
fn save_places(room: &mut Room, log: &mut Log) {
    let changed: Vec<Delivered> = room
        .take_delivered()
        .into_iter()
        .map(|(mail, device, seq, time)| Delivered { mail, device, seq, time })
        .collect();
    log.deliver(&changed);
}

/// Nothing more will be sent: has the last places and the members recorded, and the files closed.
pub(in crate::server) fn close_log(room: &mut Room, log: &mut Log) {
    save_places(room, log);
    if room.is_group_settled() {
        let members = room.members_from(None).filter_map(|(mail, added)| Some((mail.clone(), added?)));
        log.snapshot(MembersSnapshot { seq: room.transcript().last(), members: members.collect() });
    } else {
        warn!("the members could not be recorded beside the history; the next start reads them from it");
    }
    log.close();
}
