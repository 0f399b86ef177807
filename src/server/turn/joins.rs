//! INVITE and JOIN: the words of invitations, and connections that have waited for a change of the group before their login.

use crate::protocol::{InviteOk, Mail, Origin, Verb};
use crate::room::{ConnId, Input, InviteJob, JoinJob, MembersNews, Now, PasswordHash, RefusedFor, Ticket};
use crate::server::auth::passwords::Passwords;
use crate::server::turn::Hub;
use crate::server::turn::hashes::may_be_evicted;

/// The word of an invitation, and where the page is.
pub(in crate::server) fn invite(
    job: InviteJob,
    passwords: &Passwords,
    page: Option<&Origin>,
    now: Now,
) -> Input<'static> {
    let word = passwords.tokens.invite(&job, now.wall);
    Input::Invited(job, InviteOk { word, page: page.cloned() })
}

/// Somebody wants to join. Answered at once if too many wait.
pub(in crate::server) fn ask(
    job: JoinJob,
    passwords: &mut Passwords,
    hub: &mut Hub,
) -> Option<Input<'static>> {
    // As with a login: a connection that waits for that is not evicted.
    hub.admission.protect(job.conn);
    let source = hub.admission.source_of(job.conn);
    passwords.join(job, source, hub.now, |id| hub.room.is_waiting(id))
}

/// The password was hashed; `None`: the queue was full. Only now the word is read: whatever it is worth, the answer takes as
/// long.
pub(in crate::server) fn hashed(
    job: JoinJob,
    hash: Option<PasswordHash>,
    passwords: &Passwords,
    hub: &mut Hub,
) {
    let admins = |mark| hub.room.admins_marked(mark);
    let invitation = passwords.tokens.read_invitation(&job, admins, hub.now.wall);
    let id = job.conn;
    hub.tell(Input::Joining(job, hash, invitation));
    may_be_evicted(id, hub);
}

/// Changes of the group were made or refused.
pub(in crate::server) fn members_news(news: MembersNews, hub: &mut Hub) {
    let joining = |(ticket, ..): &(Ticket, _, _)| match ticket {
        Ticket::Command(id, Verb::Join, _) => Some(*id),
        Ticket::Command(..) | Ticket::Typed => None,
    };
    let joining: Vec<ConnId> = news.answers.iter().filter_map(joining).collect();
    hub.tell(Input::Members(news));
    for id in joining {
        may_be_evicted(id, hub);
    }
}

/// A login or a JOIN was refused. A wrong word makes the next ones from that address wait, as a wrong password does.
pub(in crate::server) fn refused(
    id: ConnId,
    mail: Option<&Mail>,
    why: RefusedFor,
    passwords: &mut Passwords,
    hub: &mut Hub,
) {
    if why == RefusedFor::Invite && hub.conns.get(id).is_some() {
        passwords.record_wrong_word(hub.admission.source_of(id), hub.now);
    }
    hub.log_refused(id, mail, why);
}
