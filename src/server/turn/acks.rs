//! What has arrived: asks the kernel how far each peer has acknowledged, tells the room, has it noted, and
//! gives up on peers that are dead.

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
use crate::server::turn::Left;
use crate::server::turn::rewrite::Rewriting;

/// Connections between two readings of the clock, which costs as much as looking at one that has everything.
const LOOKS_PER_CLOCK: usize = 16;

/// When what is next done.
#[derive(Debug, Default)]
pub(in crate::server) struct Receipts {
    /// The next slot of the look under way.
    look_at: Option<usize>,
    next_look: Duration,
    /// Devices that are new, and with which note each is noted.
    held: Vec<(u64, ConnId)>,
    /// What is noted as a whole now and then.
    pub(in crate::server) rewriting: Rewriting,
}

/// How it stands with what was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum Standing {
    /// The peer's kernel has all of it.
    Arrived,
    /// It does not have all of it.
    Outstanding,
    /// Nor will it ever: the connection is no more.
    Closed,
}

impl Receipts {
    /// When the next look is due.
    pub(in crate::server) fn next_look(&self) -> Duration {
        self.next_look
    }
}

/// New devices are noted; until that is done, nothing is written to them.
pub(in crate::server) fn note_new_devices(
    conns: &mut Connections,
    room: &mut Room,
    log: &mut Log,
    receipts: &mut Receipts,
) {
    let new = room.take_new_devices();
    if !new.is_empty() {
        note_delivered(room, log);
        let note = log.notes_asked();
        for id in new {
            conns.hold(id);
            receipts.held.push((note, id));
        }
    }
    let answered = log.notes_answered();
    for (_, id) in receipts.held.extract_if(.., |(note, _)| *note <= answered) {
        conns.release(id);
    }
}

/// Looks at connections with bytes outstanding, some in each turn, all of them every two seconds; then has
/// noted what is new.
pub(in crate::server) fn look_at_receipts(
    now: Now,
    conns: &mut Connections,
    room: &mut Room,
    log: &mut Log,
    receipts: &mut Receipts,
) -> Left {
    if receipts.look_at.is_none() {
        if now.mono < receipts.next_look {
            return Left::Nothing;
        }
        receipts.next_look = now.mono + ACKNOWLEDGED_LOOK;
        receipts.look_at = Some(0);
    }
    let began = Instant::now();
    let mut at = receipts.look_at.unwrap_or_default();
    while at < room.slots() {
        match conns.at(at).map(|conn| (conn.id, conn.has_hung_up())) {
            Some((id, true)) => conns.queue_ending(id),
            Some((id, false)) => _ = look_at(now, id, conns, room),
            None => {}
        }
        at += 1;
        if at.is_multiple_of(LOOKS_PER_CLOCK) && began.elapsed() >= ACKNOWLEDGED_SLICE {
            receipts.look_at = Some(at);
            return Left::Something;
        }
    }
    receipts.look_at = None;
    note_delivered(room, log);
    Left::Nothing
}

/// Asks the kernel about one connection. A dead one is closed.
pub(in crate::server) fn look_at(now: Now, id: ConnId, conns: &mut Connections, room: &mut Room) -> Standing {
    let (sent, outstanding) = room.bytes_sent(id);
    let Some(conn) = conns.get_mut(id) else { return Standing::Closed };
    if outstanding == 0 {
        conn.watch = None;
        return Standing::Arrived;
    }
    let Ok(info) = tcp_info::info(&conn.socket.stream) else { return Standing::Closed };
    let acknowledged = conn.acknowledged(&info, sent);
    room.acknowledged(now, id, acknowledged.bytes);
    if acknowledged.bytes == sent {
        // No watch is made for who has everything: nearly all, at every message.
        conn.watch = None;
        return Standing::Arrived;
    }
    if info.is_closed {
        return Standing::Closed;
    }
    let patience = Patience { silent: PEER_SILENT, stuck: PEER_STUCK };
    let watch = conn.watch.get_or_insert_default();
    let verdict = watch.look(now.mono, acknowledged.wire, &info, patience);
    if verdict != Liveness::Alive && conn.outflow != Outflow::Closed {
        info!("given up, its kernel is {verdict:?}: {id:?} from={}", conn.socket.origin());
        conns.counts.given_up += 1;
        conns.close(id);
    }
    Standing::Outstanding
}

/// A device of this member comes back: what its other connections have acknowledged decides where it goes
/// on. Those that came last are asked.
pub(in crate::server) fn look_at_member(now: Now, mail: &Mail, conns: &mut Connections, room: &mut Room) {
    for id in room.connections_of(mail, ACKNOWLEDGED_PER_LOGIN) {
        look_at(now, id, conns, room);
    }
}

/// Has noted how far devices have come.
fn note_delivered(room: &mut Room, log: &mut Log) {
    let changed: Vec<Delivered> = room
        .take_delivered()
        .into_iter()
        .map(|(mail, device, seq, time)| Delivered { mail, device, seq, time })
        .collect();
    log.deliver(&changed);
}

/// Everything is said: what has arrived is noted, the members too, and the files are closed.
pub(in crate::server) fn close_log(room: &mut Room, log: &mut Log) {
    note_delivered(room, log);
    if room.is_group_settled() {
        let members = room.members_from(None).filter_map(|(mail, added)| Some((mail.clone(), added?)));
        log.snapshot(MembersSnapshot { seq: room.transcript().last(), members: members.collect() });
    } else {
        warn!("the members could not be recorded beside the history; the next start reads them from it");
    }
    log.close();
}
