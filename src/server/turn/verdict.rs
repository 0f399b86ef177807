//! The verdict on a password or a token: what is done before the room is told, and after.

use log::debug;

use crate::room::{CheckJob, Effect, Input, Now, Room, Verdict};
use crate::server::auth::admission::Admission;
use crate::server::net::connections::Connections;
use crate::server::turn::acks;

pub(in crate::server) fn apply(
    now: Now,
    job: CheckJob,
    verdict: Verdict,
    conns: &mut Connections,
    admission: &mut Admission,
    room: &mut Room,
    effects: &mut Vec<Effect>,
) {
    let id = job.conn;
    debug!("{} {id:?}: {verdict:?}", job.mail);
    if verdict == Verdict::Match {
        acks::query_member(now, &job.mail, conns, room);
        if let Some(conn) = conns.get_mut(id) {
            conn.trusted = true;
        }
    }
    room.handle(now, Input::Checked(job, verdict), effects);
    if room.is_before_login(id) && !room.is_waiting(id) {
        admission.mark_evictable(id);
    }
}
