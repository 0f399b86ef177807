//! The verdict on a password or a token: what is done before the room is told, and after.

use log::debug;

use crate::limits::ACKNOWLEDGED_PER_LOGIN;
use crate::room::{CheckJob, Input, Verdict};
use crate::server::turn::{Hub, acks};

pub(in crate::server) fn apply(job: CheckJob, verdict: Verdict, hub: &mut Hub) {
    let id = job.conn;
    debug!("{} {id:?}: {verdict:?}", job.mail);
    if verdict == Verdict::Match {
        // A device of this member comes back. Where it continues depends on what its other connections have acknowledged:
        // the kernel is asked about the latest of them.
        for other in hub.room.connections_of(&job.mail, ACKNOWLEDGED_PER_LOGIN) {
            acks::query(other, hub);
        }
        if let Some(conn) = hub.conns.get_mut(id) {
            conn.trusted = true;
        }
    }
    hub.tell(Input::Checked(job, verdict));
    if hub.room.is_before_login(id) && !hub.room.is_waiting(id) {
        hub.admission.mark_evictable(id);
    }
}
