//! The phases of a turn. Each is a function of the hub and of what else it may touch, and says whether it left work.

pub(super) mod accept;
pub(super) mod acks;
pub(super) mod close;
pub(super) mod edits;
pub(super) mod follow;
pub(super) mod handshake;
pub(super) mod hashes;
pub(super) mod joins;
pub(super) mod places;
pub(super) mod read;
pub(super) mod rewrite;
pub(super) mod stop;
#[cfg(test)]
mod tests;
pub(super) mod write;

use std::io::ErrorKind;
use std::ops::BitOrAssign;

use log::{debug, warn};

use crate::protocol::Mail;
use crate::room::{ConnId, Effect, Input, Now, RefusedFor, Room};
use crate::server::auth::admission::Admission;
use crate::server::histogram::Histogram;
use crate::server::net::connections::{CHECKED_MAX, Connections};
use crate::server::ops::refusals::Refusals;

/// The connections, and the room that decides what each of them is owed: what nearly every phase works on.
#[derive(Debug)]
pub(super) struct Hub {
    /// When the turn began.
    pub(super) now: Now,
    pub(super) conns: Connections,
    pub(super) admission: Admission,
    pub(super) refusals: Refusals,
    /// How long logins waited for their answers.
    pub(super) logins: Histogram,
    pub(super) room: Room,
    /// What the room wants done.
    pub(super) effects: Vec<Effect>,
}

impl Hub {
    pub(super) fn new(
        now: Now,
        conns: Connections,
        admission: Admission,
        room: Room,
        effects: Vec<Effect>,
    ) -> Hub {
        let (refusals, logins) = (Refusals::default(), Histogram::default());
        Hub { now, conns, admission, refusals, logins, room, effects }
    }

    pub(super) fn begin_turn(&mut self, now: Now) {
        self.now = now;
        self.room.begin_turn(now);
    }

    /// Panics if an invariant is broken. Debug builds call it in each turn.
    pub(super) fn check(&self) {
        self.conns.check();
        for id in self.conns.ids().take(CHECKED_MAX) {
            let slot = id.slot as usize;
            let is_listed = self.conns.unacknowledged.next(slot) == Some(slot);
            assert!(is_listed || self.room.bytes_sent(id).1 == 0, "the kernel will be asked about {id:?}");
        }
    }

    /// Tells the room.
    pub(super) fn tell(&mut self, input: Input<'_>) {
        self.room.handle(self.now, input, &mut self.effects);
    }

    /// Logs that a login on this connection was refused. `mail` is the one that was claimed, if any.
    pub(super) fn log_refused(&mut self, id: ConnId, mail: Option<&Mail>, why: RefusedFor) {
        if let Some(conn) = self.conns.get(id) {
            self.refusals.log(self.now, &conn.socket.origin(), mail, why);
        }
    }

    /// A connection broke. If the peer's system answered nothing, not even the kernel's probes, that is counted: many of
    /// these are a sign that something is wrong with the network.
    fn record_broken(&mut self, id: ConnId, why: ErrorKind) {
        if matches!(why, ErrorKind::TimedOut | ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable) {
            self.conns.counts.timed_out += 1;
            warn!("timed out: a peer's system did not answer, its connection is closed");
            // The kernel has forgotten the peer's address.
            debug!("timed out: {id:?} from={:?}", self.admission.source_of(id));
        }
    }
}

/// Whether a phase left work that no event will announce. If so, the next turn does not wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(super) enum Work {
    Done,
    Remains,
}

impl Work {
    pub(super) fn remains_if(remains: bool) -> Work {
        if remains { Work::Remains } else { Work::Done }
    }
}

impl BitOrAssign for Work {
    fn bitor_assign(&mut self, other: Work) {
        if other == Work::Remains {
            *self = Work::Remains;
        }
    }
}
