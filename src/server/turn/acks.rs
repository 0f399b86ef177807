//! Acknowledgements: asks the kernel how far each peer has acknowledged, tells the room, has the places of devices
//! recorded, and closes connections of dead peers.

use std::time::{Duration, Instant};

use log::{info, warn};

use crate::limits::{ACKNOWLEDGED_LOOK, ACKNOWLEDGED_PER_LOGIN, ACKNOWLEDGED_SLICE, PEER_SILENT, PEER_STUCK};
use crate::protocol::{Device, Mail};
use crate::room::{ConnId, Delivered, KnownGroup, Room};
use crate::server::log::Log;
use crate::server::log::local::{MembersSnapshot, WriterJob};
use crate::server::net::conn::Outflow;
use crate::server::net::tcp_info::{self, Liveness, Patience};
use crate::server::turn::rewrite::Rewriting;
use crate::server::turn::{Hub, Work};

/// Connections asked about between two readings of the clock.
const QUERIES_PER_CLOCK: usize = 16;

/// What is done when, and what waits for a record.
#[derive(Debug, Default)]
pub(in crate::server) struct Receipts {
    /// The next slot of the round under way.
    next_slot: Option<usize>,
    /// When the next round begins.
    pub(in crate::server) next_round: Duration,
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

/// Has new devices recorded. Nothing is written to them before that is done.
pub(in crate::server) fn hold_new_devices(hub: &mut Hub, log: &mut Log, receipts: &mut Receipts) {
    let new = hub.room.take_new_devices();
    if !new.is_empty() {
        let record = save_places(&mut hub.room, log);
        for id in new {
            hub.conns.hold(id);
            receipts.held.push((record, id));
        }
    }
    let answered = log.files.as_ref().map_or(0, |files| files.records_answered);
    for (_, id) in receipts.held.extract_if(.., |(record, _)| *record <= answered) {
        hub.conns.release(id);
    }
}

/// Asks about connections with bytes outstanding, some in each turn, all of them every two seconds; then has the places
/// that moved recorded.
pub(in crate::server) fn query_due(hub: &mut Hub, log: &mut Log, receipts: &mut Receipts) -> Work {
    let mut at = match receipts.next_slot {
        Some(at) => at,
        None if hub.now.mono < receipts.next_round => return Work::Done,
        None => {
            receipts.next_round = hub.now.mono + ACKNOWLEDGED_LOOK;
            0
        }
    };
    let (began, mut queries) = (Instant::now(), 0_usize);
    while let Some(slot) = hub.conns.unacknowledged.next(at) {
        let state = match hub.conns.at(slot).map(|conn| (conn.id, conn.has_shut_down())) {
            Some((id, true)) => {
                hub.conns.ending.push_back(id);
                AckState::Outstanding
            }
            Some((id, false)) => query(id, hub),
            None => AckState::Complete,
        };
        if state == AckState::Complete {
            hub.conns.unacknowledged.remove(slot);
        }
        (at, queries) = (slot + 1, queries + 1);
        if queries.is_multiple_of(QUERIES_PER_CLOCK) && began.elapsed() >= ACKNOWLEDGED_SLICE {
            receipts.next_slot = Some(at);
            return Work::Remains;
        }
    }
    receipts.next_slot = None;
    save_places(&mut hub.room, log);
    Work::Done
}

/// Asks the kernel about the latest connections of a member.
pub(in crate::server) fn query_all_of(mail: &Mail, hub: &mut Hub) {
    for id in hub.room.connections_of(mail, ACKNOWLEDGED_PER_LOGIN) {
        query(id, hub);
    }
}

/// Where this device begins, as the kernel says at this moment, if it is new here.
pub(in crate::server) fn place_of_new(mail: &Mail, device: &Device, hub: &mut Hub) -> Option<Delivered> {
    let now = hub.now.wall;
    hub.room.place_of_new(mail, device, now)?;
    query_all_of(mail, hub);
    hub.room.place_of_new(mail, device, now)
}

/// Asks the kernel about one connection, and closes it if the peer is dead.
pub(in crate::server) fn query(id: ConnId, hub: &mut Hub) -> AckState {
    let Hub { now, conns, room, .. } = hub;
    let (sent, outstanding) = room.bytes_sent(id);
    let Some(conn) = conns.get_mut(id) else { return AckState::Closed };
    if outstanding == 0 {
        conn.watch = None;
        return AckState::Complete;
    }
    let Ok(info) = tcp_info::info(&conn.socket.stream) else { return AckState::Closed };
    let wire = conn.transport.wire(sent);
    let acknowledged = conn.transport.acknowledged(info.acknowledged(wire));
    room.acknowledged(*now, id, acknowledged);
    if acknowledged == sent {
        // Nearly always, so no watch is made before this is known.
        conn.watch = None;
        return AckState::Complete;
    }
    if info.is_closed {
        return AckState::Closed;
    }
    let patience = Patience { silent: PEER_SILENT, stuck: PEER_STUCK };
    let verdict = conn.watch.get_or_insert_default().look(now.mono, wire, &info, patience);
    if verdict != Liveness::Alive && conn.outflow != Outflow::Closed {
        info!("given up, its kernel is {verdict:?}: {id:?} from={}", conn.socket.origin());
        conns.counts.given_up += 1;
        conns.close(id);
    }
    AckState::Outstanding
}

/// Has the places recorded that have moved. Returns the number of that record.
fn save_places(room: &mut Room, log: &mut Log) -> u64 {
    let changed = room.take_delivered();
    if let Some(cluster) = log.cluster() {
        for place in &changed {
            cluster.aside.places.tell(place);
        }
    }
    log.files.as_mut().map_or(0, |files| files.record_places(&changed))
}

/// Nothing more will be sent: has the last places and the members recorded, and the files closed.
pub(in crate::server) fn close_log(room: &mut Room, log: &mut Log) {
    save_places(room, log);
    let Some(files) = &mut log.files else { return };
    if room.is_group_settled() {
        let known = room.members_from(None).filter_map(|(mail, known)| Some((mail.clone(), known?)));
        let group = KnownGroup {
            members: known.collect(),
            ended: room.ended().clone(),
            settings: room.settings().clone(),
        };
        let snapshot = MembersSnapshot { seq: room.transcript().last(), group };
        files.writer.push(WriterJob::Snapshot(snapshot));
    } else {
        warn!("the members could not be recorded beside the history; the next start reads them from it");
    }
    files.close();
}
