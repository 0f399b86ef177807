//! Whether a password or a token is right by now.

use std::time::Duration;

use crate::protocol::{Mail, Seq};
use crate::room::commands::answer::{PASSWORD_CHANGED, TOO_MANY_PASSWORDS};
use crate::room::{
    Answer, CheckFor, CheckJob, ConnId, Effect, Feeds, Group, Peer, Proof, Secret, Verdict, Version,
};

/// Until a password typed by hand is hashed, it is not known whether it has changed.
pub(crate) const PASSWORD_IN_DOUBT: &str = "the password in members.txt is being hashed, try again soon";

/// What a verdict means by now.
#[derive(Clone, Copy)]
pub(crate) enum Fit {
    /// It fits the password of this version, which is still valid.
    Yes(Version),
    No,
    /// Unknown, for this reason; another attempt may succeed.
    Unknown(&'static str),
    /// It fits, but the member's ADDED line has no number yet.
    NotYetStored,
    /// It fits, but the log does not take that line at present, and its number is not known.
    NotStored,
}

/// Asks for a check against the present password.
pub(crate) fn ask(
    now: Duration,
    conn: ConnId,
    mail: Mail,
    proof: Proof,
    purpose: CheckFor,
    group: &Group,
) -> Answer {
    let mut job = CheckJob { conn, mail, against: None, added: Seq(0), proof, purpose, asked: now };
    renew(&mut job, group);
    Answer::Await(Effect::Check(job))
}

/// What the job must fit, as of now.
pub(crate) fn renew(job: &mut CheckJob, group: &Group) {
    let member = group.get(&job.mail);
    let added = member.and_then(|member| member.added);
    job.added = added.unwrap_or(Seq(0));
    job.against = member.and_then(|member| {
        let secret = match &job.proof {
            // There are no tokens for a membership whose ADDED line has no number yet.
            Proof::Token(_) => Secret::Hash(member.token_hash().filter(|_| added.is_some())?.clone()),
            Proof::Password(_) => member.secret().clone(),
        };
        Some((secret, member.version))
    });
}

/// What a verdict means now. If the password was changed since, what was wrong is still wrong, but what was right admits
/// nobody.
///
/// A login waits if the password is right but the member's ADDED line has no number yet: what members may read, and their
/// tokens, begin with that number. While the log takes nothing, only the line that will be the next has a known number; the
/// logins of other new members are refused for now.
pub(crate) fn fit(job: &CheckJob, verdict: Verdict, group: &mut Group, feeds: &Feeds) -> Fit {
    let (is_login, last) = (job.is_login(), feeds.transcript.last());
    let member = match (verdict, group.get_mut(&job.mail)) {
        (Verdict::Busy, _) => return Fit::Unknown(TOO_MANY_PASSWORDS),
        (Verdict::NoMatch, _) | (Verdict::Match, None) => return Fit::No,
        (Verdict::Match, Some(member)) => member,
    };
    if is_login && !member.is_stored(last) && feeds.peers.get(job.conn).is_some_and(Peer::awaits_answer) {
        if !feeds.proposals.is_stalled {
            return Fit::NotYetStored;
        } else if !feeds.proposals.is_next(&job.mail) {
            return Fit::NotStored;
        }
        // Nothing else can come before it, so that the login may go on with this number.
        member.added = Some(last.next());
    }
    match job.against {
        Some((_, version)) if version != member.version => Fit::Unknown(PASSWORD_CHANGED),
        Some(_) if is_login && member.is_in_doubt => Fit::Unknown(PASSWORD_IN_DOUBT),
        Some((_, version)) => Fit::Yes(version),
        None => Fit::No,
    }
}
