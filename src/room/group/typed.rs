//! What follows when a password typed by hand into members.txt was hashed, and when the file has taken the hash or
//! not. Which is next: `typed_queue.rs`.

use crate::limits::TYPED_RETRY;
use crate::protocol::{Author, Bye, Mail, Password};
use crate::room::{
    Change, ConnId, Difference, Effect, Feeds, Group, HashFor, HashJob, PasswordHash, SaveError, Secret,
    Ticket, Version,
};

/// Asks for the next hash, and for the hashes made so far to be put into the file.
pub(crate) fn continue_hashing(group: &mut Group, effects: &mut Vec<Effect>) {
    while let Some(mail) = group.typed.next() {
        let Some(member) = group.get(&mail) else { continue };
        let Secret::Typed(password) = member.secret() else { continue };
        let (version, before) = (member.version, member.hash_before.clone());
        let purpose = HashFor::Typed { mail, version, before };
        effects.push(Effect::Hash(HashJob { password: password.clone(), purpose }));
        group.typed.is_hashing = true;
    }
    effects.extend(group.typed.take_made().map(|change| Effect::Save(Ticket::Typed, change)));
}

/// A typed password of this version was hashed; `None`: there was no place in the hasher's queue.
pub(crate) fn hashed(
    mail: Mail,
    version: Version,
    password: Password,
    hash: Option<PasswordHash>,
    group: &mut Group,
    feeds: &mut Feeds,
) {
    group.typed.is_hashing = false;
    // With another version there is another password by now.
    let Some(member) = group.get_mut(&mail).filter(|member| member.version == version) else { return };
    let Some(hash) = hash else {
        let is_in_doubt = member.is_in_doubt;
        group.typed.wait(mail, is_in_doubt);
        group.typed.hash_at = Some(feeds.now.mono + TYPED_RETRY);
        return;
    };
    // Not what the member has now: an earlier hash of the same password may have replaced it, which keeps the version.
    let expected = Secret::Typed(password);
    // From now on it is known whether the password has changed, even if the file does not take the hash.
    member.is_in_doubt = false;
    if member.hash_before.as_ref().is_some_and(|before| *before != hash) {
        new_password(&mail, expected.clone(), Author::HandEdit, None, group, feeds);
    }
    group.typed.made.push_back(Change::SetPassword { mail, hash, expected: Some(expected) });
}

/// The file has taken a hash or refused it.
pub(crate) fn filed(change: Change, result: &Result<(), SaveError>, group: &mut Group, feeds: &mut Feeds) {
    group.typed.filing -= 1;
    match result {
        Ok(()) => replaced(change, group, feeds),
        // Another edit came first; it is reported separately.
        Err(SaveError::Refused(_)) => {}
        Err(SaveError::Storage(_) | SaveError::Busy) => {
            group.typed.made.push_back(change);
            group.typed.file_at = Some(feeds.now.mono + TYPED_RETRY);
        }
    }
}

fn replaced(change: Change, group: &mut Group, feeds: &mut Feeds) {
    let Change::SetPassword { mail, hash, expected } = change else {
        unreachable!("a typed password is only ever replaced")
    };
    // With another password here, the file has another one, too, which is reported with this answer.
    let member = group.get(&mail).filter(|member| Some(member.secret()) == expected.as_ref());
    let Some(member) = member else { return };
    if member.hash_before.as_ref().is_some_and(|before| *before != hash) {
        return new_password(&mail, Secret::Hash(hash), Author::HandEdit, None, group, feeds);
    }
    // The same password, or one that is in effect already: connections stay.
    group.typed_is_now(&mail, hash);
}

/// A member has another password: the connections end, except the one that has set it.
pub(crate) fn new_password(
    mail: &Mail,
    secret: Secret,
    by: Author,
    spared: Option<ConnId>,
    group: &mut Group,
    feeds: &mut Feeds,
) {
    group.record_change(mail, Difference::Password, by);
    group.set_secret(mail, secret, None);
    feeds.end_member(mail, spared, Bye::PasswordChanged, group);
}
