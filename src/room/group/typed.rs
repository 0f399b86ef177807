//! What follows when a password typed by hand into members.txt was hashed, and when the file has taken the hash or
//! not. Which is next: `typed_queue.rs`.

use crate::protocol::{Mail, Password};
use crate::room::group::Group;
use crate::room::group::password::new_password;
use crate::room::group::roster::{Change, PasswordHash, SaveError, Secret};
use crate::room::ids::{Now, Version};
use crate::room::interface::{Effect, Ticket};
use crate::room::jobs::{HashFor, HashJob};
use crate::room::peers::Peers;
use crate::room::transcript::window::Transcript;

/// Finds all typed passwords, at the start; later each is reported as an edit.
pub(in crate::room) fn find(group: &mut Group) {
    let typed = group.page(None).filter(|(_, member)| member.is_typed());
    for mail in typed.map(|(mail, _)| mail.clone()).collect::<Vec<_>>() {
        group.typed.wait(mail, false);
    }
}

/// Asks for the next hash, and for the hashes made so far to be put into the file.
pub(in crate::room) fn continue_hashing(group: &mut Group, effects: &mut Vec<Effect>) {
    while let Some(mail) = group.typed.next() {
        let Some(member) = group.get(&mail) else { continue };
        let Secret::Typed(password) = member.secret() else { continue };
        let (version, before) = (member.version, member.hash_before.clone());
        let purpose = HashFor::Typed { mail, version, before };
        effects.push(Effect::Hash(HashJob { password: password.clone(), purpose }));
        group.typed.set_hashing(true);
    }
    effects.extend(group.typed.take_made().map(|change| Effect::Save(Ticket::Typed, change)));
}

/// What had to wait until now is tried again.
pub(in crate::room) fn retry(now: Now, group: &mut Group, effects: &mut Vec<Effect>) {
    group.typed.end_waits(now);
    continue_hashing(group, effects);
}

/// A typed password of this version was hashed.
pub(in crate::room) fn hashed(
    mail: Mail,
    version: Version,
    password: Password,
    hash: PasswordHash,
    transcript: &Transcript,
    group: &mut Group,
    peers: &mut Peers,
) {
    group.typed.set_hashing(false);
    // With another version there is another password by now.
    let Some(member) = group.get_mut(&mail).filter(|member| member.version == version) else { return };
    let expected = Secret::Typed(password);
    // From now on it is known whether the password has changed, even if the file does not take the hash.
    member.is_in_doubt = false;
    if member.hash_before.as_ref().is_some_and(|before| *before != hash) {
        new_password(&mail, expected.clone(), None, transcript, group, peers);
    }
    group.typed.push_made(Change::SetPassword { mail, hash, expected: Some(expected) });
}

/// There was no place in the hasher's queue.
pub(in crate::room) fn not_hashed(now: Now, mail: Mail, version: Version, group: &mut Group) {
    group.typed.set_hashing(false);
    if let Some(member) = group.get(&mail).filter(|member| member.version == version) {
        let is_in_doubt = member.is_in_doubt;
        group.typed.wait(mail, is_in_doubt);
        group.typed.not_hashed(now);
    }
}

/// The file has taken a hash or refused it.
pub(super) fn filed(
    now: Now,
    change: Change,
    result: &Result<(), SaveError>,
    transcript: &Transcript,
    group: &mut Group,
    peers: &mut Peers,
) {
    group.typed.answered();
    match result {
        Ok(()) => replaced(change, transcript, group, peers),
        // Another edit came first; it is reported separately.
        Err(SaveError::Refused(_)) => {}
        Err(SaveError::Storage(_) | SaveError::Busy) => group.typed.not_filed(now, change),
    }
}

fn replaced(change: Change, transcript: &Transcript, group: &mut Group, peers: &mut Peers) {
    let Change::SetPassword { mail, hash, expected } = change else {
        unreachable!("a typed password is only ever replaced")
    };
    // With another password here, the file has another one, too, which is reported with this answer.
    let member = group.get(&mail).filter(|member| Some(member.secret()) == expected.as_ref());
    let Some(member) = member else { return };
    if member.hash_before.as_ref().is_some_and(|before| *before != hash) {
        return new_password(&mail, Secret::Hash(hash), None, transcript, group, peers);
    }
    // The same password, or one that is in effect already: connections stay.
    group.typed_is_now(&mail, hash);
}
