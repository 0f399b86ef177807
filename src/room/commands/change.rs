//! ADD, REMOVE, RESET, LEAVE, PASSWD: requests to change members.txt. What follows from a change is in
//! `group/follow.rs`.

use crate::protocol::{Code, Mail, Password, Verb, err};
use crate::room::commands::answer::Answer;
use crate::room::commands::refused::{PASSWORD_CHANGED, Refused, TOO_MANY_PASSWORDS, admin_only, refused};
use crate::room::group::Group;
use crate::room::group::roster::{Change, ChangeError, PasswordHash};
use crate::room::ids::{ConnId, Version};
use crate::room::interface::{Effect, Ticket};
use crate::room::jobs::{HashFor, HashJob, NewPassword};
use crate::room::peers::Peers;

/// ADD.
pub(in crate::room) fn add(
    id: ConnId,
    asker: &Mail,
    mail: Mail,
    password: Password,
    group: &Group,
) -> Result<Answer, Refused> {
    admin_only(asker, group)?;
    Ok(Answer::Await(Effect::Hash(HashJob {
        password,
        purpose: HashFor::Command(id, NewPassword::Add(mail)),
    })))
}

/// RESET.
pub(in crate::room) fn reset(
    id: ConnId,
    asker: &Mail,
    mail: Mail,
    password: Password,
    group: &Group,
) -> Result<Answer, Refused> {
    admin_only(asker, group)?;
    if group.get(&mail).is_none() {
        return Err(refused(ChangeError::NoSuchMember));
    }
    Ok(Answer::Await(Effect::Hash(HashJob {
        password,
        purpose: HashFor::Command(id, NewPassword::Reset(mail)),
    })))
}

/// REMOVE.
pub(in crate::room) fn remove(id: ConnId, asker: Mail, mail: Mail, group: &Group) -> Result<Answer, Refused> {
    admin_only(&asker, group)?;
    Ok(save(id, Verb::Remove, asker, Change::Remove { mail }))
}

/// LEAVE.
pub(in crate::room) fn leave(id: ConnId, asker: Mail) -> Answer {
    let change = Change::Remove { mail: asker.clone() };
    save(id, Verb::Leave, asker, change)
}

/// The old password was right, in this version: hashes the new one.
pub(in crate::room) fn old_password_fits(id: ConnId, mail: Mail, version: Version, new: Password) -> Answer {
    let purpose = HashFor::Command(id, NewPassword::Passwd(mail, version));
    Answer::Await(Effect::Hash(HashJob { password: new, purpose }))
}

/// The password was hashed; `None`: the queue was full.
pub(in crate::room) fn hashed(
    id: ConnId,
    command: NewPassword,
    hash: Option<PasswordHash>,
    group: &Group,
    peers: &Peers,
) -> Answer {
    let verb = command.verb();
    let Some(hash) = hash else { return Answer::Lines(err(verb, Code::Busy, TOO_MANY_PASSWORDS)) };
    let change = match command {
        NewPassword::Add(mail) => Change::Add { mail, hash },
        NewPassword::Reset(mail) => Change::SetPassword { mail, hash, expected: None },
        NewPassword::Passwd(mail, version) => {
            let member = group.get(&mail).filter(|member| member.version == version);
            let Some(expected) = member.map(|member| member.secret().clone()) else {
                return Answer::Lines(err(verb, Code::Busy, PASSWORD_CHANGED));
            };
            Change::SetPassword { mail, hash, expected: Some(expected) }
        }
    };
    let Some(asker) = peers.mail_of(id).cloned() else { return Answer::Given };
    // The role may have changed while the hash was made.
    match admin_only(&asker, group) {
        Err((code, sentence)) if verb != Verb::Passwd => Answer::Lines(err(verb, code, sentence)),
        _ => save(id, verb, asker, change),
    }
}

fn save(id: ConnId, verb: Verb, asker: Mail, change: Change) -> Answer {
    Answer::Await(Effect::Save(Ticket::Command(id, verb, asker), change))
}
