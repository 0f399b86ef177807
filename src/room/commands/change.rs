//! ADD, REMOVE, RESET, LEAVE, PASSWD, PROMOTE, DEMOTE, NAME: requests to change members.txt. What follows from a change is in
//! `group/follow.rs`.

use crate::protocol::{Code, DisplayName, Mail, Password, Role, Text, Verb, err};
use crate::room::commands::answer::{PASSWORD_CHANGED, TOO_MANY_PASSWORDS, refused};
use crate::room::{
    Answer, Change, ChangeError, ConnId, Effect, Feeds, Group, HashFor, HashJob, NewPassword, PasswordHash,
    Refused, Ticket, admin_only,
};

/// ADD and RESET, which only admins may ask.
pub(crate) fn set_password(
    id: ConnId,
    asker: &Mail,
    command: NewPassword,
    password: Password,
    group: &Group,
) -> Result<Answer, Refused> {
    admin_only(asker, group)?;
    match &command {
        NewPassword::Reset(mail) if group.get(mail).is_none() => Err(refused(ChangeError::NoSuchMember)),
        _ => Ok(hash(id, command, password)),
    }
}

/// Hashes the new password. For PASSWD the old one was right.
pub(crate) fn hash(id: ConnId, command: NewPassword, password: Password) -> Answer {
    Answer::Await(Effect::Hash(HashJob { password, purpose: HashFor::Command(id, command) }))
}

/// The password was hashed; `None`: the queue was full.
pub(crate) fn hashed(
    id: ConnId,
    command: NewPassword,
    hash: Option<PasswordHash>,
    group: &Group,
    feeds: &Feeds,
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
    let Some(asker) = feeds.peers.mail_of(id).cloned() else { return Answer::Given };
    // The role may have changed while the hash was made.
    match admin_only(&asker, group) {
        Err((code, sentence)) if verb != Verb::Passwd => Answer::Lines(err(verb, code, sentence)),
        _ => save(id, verb, asker, change),
    }
}

/// PROMOTE and DEMOTE.
pub(crate) fn set_role(
    id: ConnId,
    verb: Verb,
    asker: Mail,
    mail: Mail,
    role: Role,
    group: &Group,
) -> Result<Answer, Refused> {
    admin_only(&asker, group)?;
    Ok(save(id, verb, asker, Change::SetRole { mail, role }))
}

/// NAME.
pub(crate) fn set_name(id: ConnId, asker: Mail, text: Option<Text<'_>>) -> Result<Answer, Refused> {
    let name = text.map(|text| DisplayName::parse(text.as_str().as_bytes())).transpose();
    let name = name.map_err(|why| (Code::BadName, why.to_string()))?;
    Ok(save(id, Verb::Name, asker.clone(), Change::SetName { mail: asker, name }))
}

/// Changes members.txt: at once, unless a password had to be hashed first.
pub(crate) fn save(id: ConnId, verb: Verb, asker: Mail, change: Change) -> Answer {
    Answer::Await(Effect::Save(Ticket::Command(id, verb, asker), change))
}
