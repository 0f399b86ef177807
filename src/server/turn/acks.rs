//! What has arrived: asks the kernel how far each peer has acknowledged, tells the room, has it noted, and
//! gives up on peers that are dead.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use log::{debug, info, warn};

use crate::limits::{
    ACKNOWLEDGED_LOOK, ACKNOWLEDGED_PER_LOGIN, ACKNOWLEDGED_SLICE, MEMBERS_SNAPSHOT_EVERY, PEER_SILENT,
    PEER_STUCK,
};
use crate::protocol::Mail;
use crate::room::ConnId;
use crate::server::Server;
use crate::server::log::local::Delivered;
use crate::server::net::conn::Outflow;
use crate::server::net::tcp_info;
use crate::server::net::tcp_info::{Liveness, Patience};

/// Connections between two readings of the clock, which costs as much as looking at one that has everything.
const LOOKS_PER_CLOCK: usize = 16;

/// When what is next done.
#[derive(Debug, Default)]
pub(in crate::server) struct Receipts {
    /// The next slot of the look under way.
    look_at: Option<usize>,
    next_look: Duration,
    next_snapshot: Duration,
    /// Devices that are new, and with which note each is noted.
    held: Vec<(u64, ConnId)>,
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

impl Server {
    /// New devices are noted; until that is done, nothing is written to them.
    pub(in crate::server) fn note_new_devices(&mut self) {
        let new = self.room.take_new_devices();
        if !new.is_empty() {
            self.note_delivered();
            let note = self.store.notes_asked();
            for id in new {
                if let Some(conn) = self.conns.get_mut(id.slot as usize).filter(|conn| conn.id == id) {
                    conn.is_held = true;
                    self.receipts.held.push((note, id));
                }
            }
        }
        let answered = self.store.notes_answered();
        let noted = self.receipts.held.extract_if(.., |(note, _)| *note <= answered);
        for (_, id) in noted {
            if let Some(conn) = self.conns.get_mut(id.slot as usize).filter(|conn| conn.id == id) {
                conn.is_held = false;
                self.delivery.resume(conn);
            }
        }
    }

    /// Looks at connections with bytes outstanding, some in each turn, all of them every two seconds; then has
    /// noted what is new.
    pub(in crate::server) fn look_at_receipts(&mut self) {
        let now = self.now.mono;
        if self.receipts.look_at.is_none() {
            if now < self.receipts.next_look {
                return;
            }
            self.receipts.next_look = now + ACKNOWLEDGED_LOOK;
            self.receipts.look_at = Some(0);
        }
        let began = Instant::now();
        let mut at = self.receipts.look_at.unwrap_or_default();
        while at < self.room.slots() {
            match self.conns.get(at) {
                Some(conn) if conn.has_hung_up() => self.see_off(conn.id),
                Some(conn) => _ = self.look_at(conn.id),
                None => {}
            }
            at += 1;
            if at.is_multiple_of(LOOKS_PER_CLOCK) && began.elapsed() >= ACKNOWLEDGED_SLICE {
                self.receipts.look_at = Some(at);
                self.unfinished = true;
                return;
            }
        }
        self.receipts.look_at = None;
        self.note_delivered();
        if now >= self.receipts.next_snapshot
            && let Some((seq, members)) = self.room.members_snapshot()
        {
            self.receipts.next_snapshot = now + MEMBERS_SNAPSHOT_EVERY;
            self.store.snapshot(seq, members);
        }
    }

    /// Asks the kernel about one connection. A dead one is closed.
    pub(in crate::server) fn look_at(&mut self, id: ConnId) -> Standing {
        let (sent, outstanding) = self.room.bytes_sent(id);
        let Some(conn) = self.conns.get_mut(id.slot as usize).filter(|conn| conn.id == id) else {
            return Standing::Closed;
        };
        if outstanding == 0 {
            conn.watch = None;
            return Standing::Arrived;
        }
        let Ok(info) = tcp_info::info(&conn.socket.stream) else { return Standing::Closed };
        let acknowledged = conn.acknowledged(&info, sent);
        self.room.acknowledged(self.now, id, acknowledged.bytes);
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
        let verdict = watch.look(self.now.mono, acknowledged.wire, &info, patience);
        if verdict != Liveness::Alive && conn.outflow != Outflow::Closed {
            info!("given up, its kernel is {verdict:?}: {id:?} from={}", conn.socket.origin());
            self.figures.given_up += 1;
            self.close(id);
        }
        Standing::Outstanding
    }

    /// The connection broke. That of a peer whose system answers nothing, not even the kernel's probes, is counted, and many
    /// of them are a sign that something is wrong between here and there. Where it came from the kernel has forgotten.
    pub(in crate::server) fn note_broken(&mut self, id: ConnId, why: ErrorKind) {
        if matches!(why, ErrorKind::TimedOut | ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable) {
            self.figures.timed_out += 1;
            warn!("timed out: a peer's system did not answer, its connection is closed");
            debug!("timed out: {id:?} from={:?}", self.admission.source_of(id));
        }
    }

    /// A device of this member comes back: what its other connections have acknowledged decides where it goes
    /// on. Those that came last are asked.
    pub(in crate::server) fn look_at_member(&mut self, mail: &Mail) {
        for id in self.room.connections_of(mail, ACKNOWLEDGED_PER_LOGIN) {
            self.look_at(id);
        }
    }

    /// Has noted how far devices have come.
    pub(in crate::server) fn note_delivered(&mut self) {
        let which = self.store.wants();
        let changed: Vec<Delivered> = self
            .room
            .take_delivered(which)
            .into_iter()
            .map(|(mail, device, seq, time)| Delivered { mail, device, seq, time })
            .collect();
        self.store.deliver(&changed, which);
    }

    /// Everything is said: what has arrived is noted, the members too, and the files are closed.
    pub(in crate::server) fn close_store(&mut self) {
        self.note_delivered();
        match self.room.members_snapshot() {
            Some((seq, members)) => self.store.snapshot(seq, members),
            None => {
                warn!(
                    "the members could not be recorded beside the history; the next start reads them from it"
                );
            }
        }
        self.store.close();
    }
}
