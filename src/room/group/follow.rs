//! Changes of members.txt, by commands, by hand and on other nodes. The group follows them here, and each difference but
//! that of a password is announced.

use crate::protocol::{Author, Bye, DisplayName, Event, Mail, Role, Verb, err, ok};
use crate::room::commands::answer::save_refused;
use crate::room::commands::invite;
use crate::room::{
    Change, ConnId, Difference, Edit, Effect, Feeds, Group, MembersNews, Record, SaveError, Secret, Ticket,
    typed,
};

/// Applies the answers to commands first, in order; what still differs then was an edit.
pub(crate) fn members_news(news: MembersNews, group: &mut Group, feeds: &mut Feeds) -> Vec<Effect> {
    let mut effects = Vec::new();
    for (ticket, change, result) in news.answers {
        match ticket {
            Ticket::Command(id, verb, by) => {
                feeds.saving.end(&change);
                if feeds.peers.answer_is_awaited(id) {
                    match (&change, &result) {
                        (Change::Invite { mail }, Ok(())) => {
                            invite::invited(id, by.clone(), mail.clone(), feeds);
                        }
                        (Change::Join { mail, .. }, result) => {
                            effects.extend(invite::joined(id, mail, result, group, feeds));
                        }
                        _ => feeds.reply(id, answer(verb, &change, &result)),
                    }
                }
                if result.is_ok() {
                    made(id, verb, Author::Member(by), change, group, feeds);
                }
            }
            Ticket::Typed => typed::filed(change, &result, group, feeds),
        }
    }
    if !news.edits.is_empty() || news.may_write_again {
        (group.typed.hash_at, group.typed.file_at) = (None, None);
    }
    let (gone, edited): (Vec<Edit>, Vec<Edit>) =
        news.edits.into_iter().partition(|(_, record)| record.is_none());
    for edit in gone.into_iter().chain(edited) {
        decided(Author::HandEdit, edit, group, feeds);
    }
    effects
}

/// Follows what was decided about a member by an edit, or on another node.
pub(crate) fn decided(by: Author, (mail, record): Edit, group: &mut Group, feeds: &mut Feeds) {
    match record {
        Some(record) => follow_record(mail, record, by, group, feeds),
        None if group.get(&mail).is_some() => {
            let has_left = matches!(&by, Author::Member(by) if *by == mail);
            remove_member(mail, by, if has_left { Bye::Left } else { Bye::Removed }, group, feeds);
        }
        None => {}
    }
}

/// The answer to the command that asked for a change.
fn answer(verb: Verb, change: &Change, result: &Result<(), SaveError>) -> Vec<u8> {
    match result {
        Ok(()) if matches!(verb, Verb::Leave | Verb::Passwd | Verb::Name) => ok(verb, ""),
        Ok(()) => ok(verb, change.mail()),
        Err(error) => {
            let (code, sentence) = save_refused(error);
            err(verb, code, sentence)
        }
    }
}

/// Follows a change that a command has made.
fn made(id: ConnId, verb: Verb, by: Author, change: Change, group: &mut Group, feeds: &mut Feeds) {
    match change {
        Change::Add { mail, hash } | Change::Join { mail, hash, .. } => {
            follow_unreported_removal(&mail, group, feeds);
            let record = Record { secret: Secret::Hash(hash), role: Role::Member, name: None };
            add_member(&mail, record, by.clone(), group, feeds);
            if verb == Verb::Join {
                group.record_change(&mail, Difference::Joined, by);
            }
        }
        Change::Invite { mail } => follow_unreported_removal(&mail, group, feeds),
        Change::Remove { mail } => {
            if group.get(&mail).is_none() {
                // An edit that was not reported yet had added the member.
                group.record_change(&mail, Difference::Added, Author::HandEdit);
                feeds.proposals.added(feeds.now, Author::HandEdit, mail.clone(), None);
            }
            let last_word = if verb == Verb::Leave { Bye::Left } else { Bye::Removed };
            remove_member(mail, by, last_word, group, feeds);
        }
        Change::SetPassword { mail, hash, .. } => {
            typed::new_password(&mail, Secret::Hash(hash), by, Some(id), group, feeds);
        }
        Change::SetRole { mail, role } => set_role(&mail, role, by, group, feeds),
        Change::SetName { mail, name } => set_name(&mail, name, by, group, feeds),
    }
}

/// The file has no such member: if the group has, an edit that was not reported yet has removed them.
fn follow_unreported_removal(mail: &Mail, group: &mut Group, feeds: &mut Feeds) {
    if group.get(mail).is_some() {
        remove_member(mail.clone(), Author::HandEdit, Bye::Removed, group, feeds);
    }
}

/// Makes the group follow a member's line. A line that it follows already changes nothing, so an edit may repeat what an
/// answer has told.
pub(crate) fn follow_record(mail: Mail, record: Record, by: Author, group: &mut Group, feeds: &mut Feeds) {
    if group.get(&mail).is_none() {
        return add_member(&mail, record, by, group, feeds);
    }
    let Record { secret, role, name } = record;
    set_role(&mail, role, by.clone(), group, feeds);
    set_name(&mail, name, by.clone(), group, feeds);
    let Some(member) = group.get(&mail) else { return };
    let is_typed = matches!(secret, Secret::Typed(_));
    let hash_before = match (member.secret(), &secret) {
        (before, after) if before == after => return,
        // Whether the password has changed is known when it is hashed.
        (Secret::Hash(hash), Secret::Typed(_)) => Some(Some(hash.clone())),
        // Undone before it was hashed; nobody has logged in with it.
        (Secret::Typed(_), Secret::Hash(hash)) if member.hash_before.as_ref() == Some(hash) => Some(None),
        // The same password in another Unicode form.
        (Secret::Typed(before), Secret::Typed(after)) if before.composed() == after.composed() => {
            Some(member.hash_before.clone())
        }
        // At least one of the two differs from the password before.
        _ => None,
    };
    match hash_before {
        Some(hash_before) => group.set_secret(&mail, secret, hash_before),
        None => typed::new_password(&mail, secret, by, None, group, feeds),
    }
    if is_typed {
        let is_in_doubt = group.get(&mail).is_some_and(|member| member.is_in_doubt);
        group.typed.wait(mail, is_in_doubt);
    }
}

/// Whoever is new is a member like others first, without a name, so that the events tell of a role and a name.
fn add_member(mail: &Mail, record: Record, by: Author, group: &mut Group, feeds: &mut Feeds) {
    group.record_change(mail, Difference::Added, by.clone());
    let Record { secret, role, name } = record;
    let id = group.insert(mail.clone(), Record { secret, role: Role::Member, name: None }, None);
    feeds.proposals.added(feeds.now, by.clone(), mail.clone(), Some(id));
    set_role(mail, role, by.clone(), group, feeds);
    set_name(mail, name, by, group, feeds);
}

/// Gives a member this role. If it is theirs already, or they are no member, nothing has happened.
fn set_role(mail: &Mail, role: Role, by: Author, group: &mut Group, feeds: &mut Feeds) {
    if !group.set_role(mail, role) {
        return;
    }
    group.record_change(mail, Difference::Role(role), by.clone());
    feeds.proposals.changed(feeds.now, &Event::Role { by, mail: mail.clone(), role });
}

/// Gives a member this name, or takes it. If it is theirs already, or they are no member, nothing has happened.
fn set_name(mail: &Mail, name: Option<DisplayName>, by: Author, group: &mut Group, feeds: &mut Feeds) {
    let Some(member) = group.get_mut(mail).filter(|member| member.name != name) else { return };
    member.name.clone_from(&name);
    group.record_change(mail, Difference::Name(name.clone()), by.clone());
    feeds.proposals.changed(feeds.now, &Event::Named { by, mail: mail.clone(), name });
}

/// Gives a member a role that an earlier version has decided about: it has made no event of that. The next event, whatever it
/// is, counts as the end of this admin's invitations.
pub(crate) fn set_quiet_role(mail: &Mail, role: Role, group: &mut Group, feeds: &Feeds) {
    if !group.set_role(mail, role) {
        return;
    }
    group.record_change(mail, Difference::Role(role), Author::HandEdit);
    if role == Role::Member {
        group.inviting.ended.end(feeds.transcript.last().next(), feeds.now.wall, mail.clone());
    }
}

/// Removes a member. The connections end in this turn: no further lines of them are taken, and they get no later events. Their
/// messages stay.
fn remove_member(mail: Mail, by: Author, last_word: Bye, group: &mut Group, feeds: &mut Feeds) {
    feeds.end_leaving(&mail, group);
    feeds.end_member(&mail, None, last_word, group);
    group.record_change(&mail, Difference::Removed, by.clone());
    group.remove(&mail);
    feeds.proposals.removed(feeds.now, by, mail);
}
