//! INVITE and JOIN. An invitation is nowhere but in its word: who is invited, by whom, until when, and the last event
//! then. What has ended it since is told by the events after that one.

use crate::protocol::{Code, Mail, Verb, err, ok};
use crate::room::commands::answer::{TOO_MANY_PASSWORDS, refused, save_refused};
use crate::room::commands::change::save;
use crate::room::{
    Answer, Change, ChangeError, Config, ConnId, Effect, Feeds, Group, Invitation, InviteJob, Invited,
    JoinJob, PasswordHash, Peer, Refused, RefusedFor, SaveError, Waiting, admin_only,
};

/// The same for every word that is not good, or no longer.
const BAD_INVITE: &str = "this invitation is not valid for this mail, or no longer; ask for another one";
/// Both are known when what is under way is answered.
const UNDER_WAY: &str = "the group is just being changed, try again";
/// Whoever is no member yet is not told what is wrong with the server's files.
const NO_CHANGES: &str = "the group cannot be changed at present, try again later";
/// The end of an earlier invitation has no number yet, and the disk gives none.
const UNSTORED: &str = "an earlier change of the group could not be stored yet, try again soon";

/// INVITE. Members.txt is asked, too, for an edit may not have been reported yet.
pub(crate) fn invite(id: ConnId, asker: Mail, mail: Mail, group: &Group) -> Result<Answer, Refused> {
    admin_only(&asker, group)?;
    Ok(save(id, Verb::Invite, asker, Change::Invite { mail }))
}

/// Makes the words of invitations that nothing stands in the way of: the ends of earlier invitations have numbers, so that
/// they come before this one.
pub(crate) fn make_words(config: &Config, group: &Group, feeds: &mut Feeds) -> Vec<Effect> {
    let mut effects = Vec::new();
    for invited in std::mem::take(&mut feeds.proposals.invited) {
        let Invited { conn, mail, by } = &invited;
        if !feeds.peers.get(*conn).is_some_and(Peer::awaits_answer) {
            continue;
        }
        let is_settled = ![mail, by].into_iter().any(|mail| feeds.proposals.ends(mail));
        if !is_settled && !feeds.proposals.is_stalled {
            feeds.proposals.invited.push(invited);
            continue;
        }
        let allowed = match group.get(mail) {
            _ if !is_settled => Err((Code::Storage, UNSTORED.to_owned())),
            Some(_) => Err(refused(ChangeError::AlreadyMember)),
            None => admin_only(by, group),
        };
        match allowed {
            Ok(()) => {
                let Invited { conn, mail, by } = invited;
                let (made, transcript) = (feeds.transcript.last(), config.transcript_id);
                effects.push(Effect::Invite(InviteJob { conn, mail, by, made, transcript }));
            }
            Err((code, sentence)) => {
                if feeds.peers.answer_is_awaited(*conn) {
                    feeds.reply(*conn, err(Verb::Invite, code, sentence));
                }
            }
        }
    }
    effects
}

/// A password was hashed (`None`: the queue was full), and the word was read.
pub(crate) fn joining(
    job: JoinJob,
    hash: Option<PasswordHash>,
    invitation: Option<Invitation>,
    group: &mut Group,
    feeds: &mut Feeds,
) -> Option<Effect> {
    let JoinJob { conn: id, mail, .. } = job;
    if !feeds.peers.answer_is_awaited(id) {
        return None;
    }
    let invitation = invitation.filter(|invitation| is_good(invitation, &mail, group, feeds));
    match (hash, invitation) {
        (None, _) => Some(refuse(id, mail, RefusedFor::Busy, TOO_MANY_PASSWORDS, group, feeds)),
        (Some(_), None) => Some(refuse(id, mail, RefusedFor::Invite, BAD_INVITE, group, feeds)),
        (Some(_), Some(Invitation { by, .. }))
            if [&mail, &by].iter().any(|one| feeds.saving.may_end(one)) =>
        {
            Some(refuse(id, mail, RefusedFor::Busy, UNDER_WAY, group, feeds))
        }
        (Some(hash), Some(Invitation { by, made })) => {
            save(id, Verb::Join, by, Change::Join { mail, hash, made }).give(id, feeds)
        }
    }
}

/// Whether nothing has ended it. What ends it later is seen by whoever makes the change.
fn is_good(Invitation { by, made }: &Invitation, mail: &Mail, group: &Group, feeds: &Feeds) -> bool {
    let has_ended = |whose: &Mail| feeds.proposals.ends(whose);
    group.get(mail).is_none()
        && admin_only(by, group).is_ok()
        && !has_ended(mail)
        && !has_ended(by)
        && !group.inviting.ended.has(*made, mail, by)
}

/// The change that JOIN has asked for was made, or was not.
pub(crate) fn joined(
    id: ConnId,
    mail: &Mail,
    result: &Result<(), SaveError>,
    group: &mut Group,
    feeds: &mut Feeds,
) -> Option<Effect> {
    let Err(error) = result else {
        feeds.reply(id, ok(Verb::Join, mail));
        feeds.peers.run_countdown(feeds.now, id);
        return None;
    };
    let mail = mail.clone();
    Some(match error {
        // There is an edit that the group has not heard of yet.
        SaveError::Refused(ChangeError::NotExpected) => {
            refuse(id, mail, RefusedFor::Busy, UNDER_WAY, group, feeds)
        }
        // Another change came first: the mail is a member's by now, or who has invited is no admin any more.
        SaveError::Refused(_) => refuse(id, mail, RefusedFor::Invite, BAD_INVITE, group, feeds),
        SaveError::Storage(_) => refuse(id, mail, RefusedFor::Storage, NO_CHANGES, group, feeds),
        SaveError::Busy => {
            let (_, sentence) = save_refused(error);
            refuse(id, mail, RefusedFor::Busy, &sentence, group, feeds)
        }
    })
}

/// What INVITE has asked for was allowed. The connection waits until the word is made.
pub(crate) fn invited(id: ConnId, by: Mail, mail: Mail, feeds: &mut Feeds) {
    feeds.peers.wait(id, Waiting::Worker);
    feeds.proposals.invited.push(Invited { conn: id, mail, by });
}

fn refuse(
    id: ConnId,
    mail: Mail,
    why: RefusedFor,
    sentence: &str,
    group: &mut Group,
    feeds: &mut Feeds,
) -> Effect {
    let code = match why {
        RefusedFor::Invite => Code::BadInvite,
        RefusedFor::Storage => Code::Storage,
        _ => Code::Busy,
    };
    feeds.reply(id, err(Verb::Join, code, sentence));
    feeds.peers.run_countdown(feeds.now, id);
    if code == Code::BadInvite {
        feeds.count_wrong(id, group);
    }
    Effect::Refused(id, Some(mail), why)
}
