//! Keeps the thread that hashes busy: it gets the tasks whose turn has come, as long as somebody waits for the answer.
//! And what follows from a verdict.

use log::{Level, debug, log_enabled};

use crate::protocol::{Device, LastIs, Proof, Subscription};
use crate::room::{CheckFor, CheckJob, ConnId, Input, Now, Room, Verdict};
use crate::server::auth::passwords::Passwords;
use crate::server::auth::queue::Task;
use crate::server::log::Log;
use crate::server::log::cluster::SettleJob;
use crate::server::turn::{Hub, acks};

/// A password or a token is to be checked. Some are answered at once.
pub(in crate::server) fn ask(
    job: CheckJob,
    passwords: &mut Passwords,
    hub: &mut Hub,
) -> Option<Input<'static>> {
    // A connection that waits for that is not evicted.
    hub.admission.protect(job.conn);
    let source = hub.admission.source_of(job.conn);
    passwords.check(job, source, hub.now, |id| hub.room.is_waiting(id))
}

/// Answers from the cache in one turn: MACs for a millisecond.
pub(in crate::server) const CACHED_PER_TURN: usize = 256;

/// Hands tasks over as long as the thread takes them. Returns the answers of those that need no hash any more, at most
/// `from_cache`, which counts down.
pub(in crate::server) fn hand_over(
    now: Now,
    passwords: &mut Passwords,
    room: &Room,
    from_cache: &mut usize,
) -> Vec<Input<'static>> {
    let mut inputs = Vec::new();
    while *from_cache > 0
        && let Some(task) = next(now, passwords, room)
    {
        match task {
            Task::Check(job, Some(_)) if passwords.is_cached(&job) => {
                inputs.push(Input::Checked(job, Verdict::Match));
                *from_cache -= 1;
            }
            task => passwords.hand_over(task, room.hash_costs()),
        }
    }
    inputs
}

/// The next task whose answer is still awaited. A password is checked against the one that is valid now: since the job
/// came, a typed one may have been replaced by its hash, or the member may have got a new one.
fn next(now: Now, passwords: &mut Passwords, room: &Room) -> Option<Task> {
    loop {
        let mut task = passwords.next(now)?;
        if let Task::Check(job, _) = &mut task {
            room.renew(job);
        }
        if task.conn().is_none_or(|id| room.is_waiting(id)) {
            return Some(task);
        }
    }
}

/// A password or a token was checked: what is done before the room is told, and after.
pub(in crate::server) fn verdict(job: CheckJob, verdict: Verdict, hub: &mut Hub) {
    let id = job.conn;
    debug!("{} {id:?}: {verdict:?}", job.mail);
    if job.is_login() && verdict != Verdict::Match {
        hub.logins.observe(hub.now.mono.saturating_sub(job.asked));
    }
    if verdict == Verdict::Match
        && let Some(conn) = hub.conns.get_mut(id)
    {
        conn.trusted = true;
    }
    hub.tell(Input::Checked(job, verdict));
    may_be_evicted(id, hub);
}

/// A login is let in when all that its member has said so far is settled. On a server that has its group for itself the
/// transcript's end says that. On a node of a cluster the others hear of a device that is new here.
pub(in crate::server) fn settle(job: CheckJob, hub: &mut Hub, log: &mut Log) -> Option<Input<'static>> {
    let Some(cluster) = log.cluster() else { return Some(Input::Settled(job, LastIs::Certain)) };
    let new_device = match &job.purpose {
        CheckFor::Login(Subscription::Feed(device)) => acks::place_of_new(&job.mail, device, hub),
        CheckFor::Login(Subscription::Feedless) | CheckFor::Passwd(_) => None,
    };
    if let Some(place) = &new_device {
        hub.tell(Input::Expected(vec![place.clone()]));
    }
    cluster.settle(SettleJob { login: job, new_device });
    None
}

/// A login is let in, if it still may be.
pub(in crate::server) fn settled(job: CheckJob, last_is: LastIs, hub: &mut Hub) {
    // A device of this member comes back. Where it continues depends on what its other connections have acknowledged: the
    // kernel is asked about the latest of them.
    acks::query_all_of(&job.mail, hub);
    let id = job.conn;
    hub.logins.observe(hub.now.mono.saturating_sub(job.asked));
    let line = login_line(&job, hub);
    hub.tell(Input::Settled(job, last_is));
    if let Some(line) = line.filter(|_| !hub.room.is_before_login(id) && !hub.room.is_leaving(id)) {
        debug!("{line}");
    }
    may_be_evicted(id, hub);
}

/// What the log says once somebody is in, if it does. Programs parse this line, so its form must not change.
fn login_line(job: &CheckJob, hub: &Hub) -> Option<String> {
    let (CheckFor::Login(subscription), true) = (&job.purpose, log_enabled!(Level::Debug)) else {
        return None;
    };
    let device = match subscription {
        Subscription::Feed(Device::Default) => String::new(),
        Subscription::Feed(Device::Named(name)) => format!(" device={name}"),
        Subscription::Feedless => " device=-".to_owned(),
    };
    let proof = match job.proof {
        Proof::Password(_) => "password",
        Proof::Token(_) => "token",
    };
    let from = hub.conns.get(job.conn)?.socket.origin();
    Some(format!("login: mail={}{device} from={from} with={proof}", job.mail))
}

/// A connection that was not let in may have to give way again.
pub(super) fn may_be_evicted(id: ConnId, hub: &mut Hub) {
    if hub.room.is_before_login(id) && !hub.room.is_waiting(id) {
        hub.admission.mark_evictable(id);
    }
}

#[cfg(test)]
mod tests;
