//! Changes of members.txt, by commands and by hand. The file is authoritative: the group follows it here, and each difference
//! is announced.

use crate::protocol::{Author, Bye, Mail, Role, Verb, err, ok};
use crate::room::commands::refused::save_refused;
use crate::room::commit::Proposals;
use crate::room::group::password::new_password;
use crate::room::group::roster::{Change, Edit, Record, SaveError, Secret};
use crate::room::group::{Group, typed};
use crate::room::ids::{ConnId, Now};
use crate::room::interface::{Difference, Effect, MembersNews, Ticket};
use crate::room::peers::Peers;
use crate::room::transcript::window::Transcript;

/// Applies the answers to commands first, in order; what still differs then was an edit.
pub(in crate::room) fn members_news(
    now: Now,
    news: MembersNews,
    transcript: &Transcript,
    group: &mut Group,
    proposals: &mut Proposals,
    peers: &mut Peers,
    effects: &mut Vec<Effect>,
) {
    for (ticket, change, result) in news.answers {
        match &ticket {
            Ticket::Command(id, verb, _) => {
                if peers.answer_is_awaited(*id) {
                    peers.reply(*id, answer(*verb, &change, &result), transcript);
                }
                if result.is_ok() {
                    made(now, &ticket, change, transcript, group, proposals, peers);
                }
            }
            Ticket::Typed => typed::filed(now, change, &result, transcript, group, peers),
        }
    }
    if !news.edits.is_empty() || news.may_write_again {
        group.typed.try_again();
    }
    follow(now, news.edits, transcript, group, proposals, peers);
    typed::continue_hashing(group, effects);
}

/// The answer to the command that asked for a change.
fn answer(verb: Verb, change: &Change, result: &Result<(), SaveError>) -> Vec<u8> {
    let mail = match change {
        Change::Add { mail, .. } | Change::Remove { mail } | Change::SetPassword { mail, .. } => mail,
    };
    match result {
        Ok(()) if matches!(verb, Verb::Leave | Verb::Passwd) => ok(verb, ""),
        Ok(()) => ok(verb, mail),
        Err(error) => {
            let (code, sentence) = save_refused(error);
            err(verb, code, sentence)
        }
    }
}

/// Follows a change that a command has made.
fn made(
    now: Now,
    ticket: &Ticket,
    change: Change,
    transcript: &Transcript,
    group: &mut Group,
    proposals: &mut Proposals,
    peers: &mut Peers,
) {
    let by = ticket.author();
    match change {
        Change::Add { mail, hash } => {
            if group.get(&mail).is_some() {
                // An edit that was not reported yet had removed the member.
                let connections = remove_member(now, &mail, Author::HandEdit, group, proposals);
                peers.end_each(&connections, Bye::Removed, transcript, group);
            }
            let record = Record { secret: Secret::Hash(hash), role: Role::Member };
            add_member(now, mail, record, by, group, proposals);
        }
        Change::Remove { mail } => {
            if group.get(&mail).is_none() {
                // An edit that was not reported yet had added the member.
                proposals.added(now, Author::HandEdit, mail.clone(), None);
                group.record_change(&mail, Difference::Added, Author::HandEdit);
            }
            let has_left = matches!(ticket, Ticket::Command(_, Verb::Leave, _));
            let connections = remove_member(now, &mail, by, group, proposals);
            let last_word = if has_left { Bye::Left } else { Bye::Removed };
            peers.end_each(&connections, last_word, transcript, group);
        }
        Change::SetPassword { mail, hash, .. } => {
            let changed_by = ticket.conn().map(|id| (id, by));
            new_password(&mail, Secret::Hash(hash), changed_by, transcript, group, peers);
        }
    }
}

/// Makes the group follow these edits, and announces each difference.
fn follow(
    now: Now,
    edits: Vec<Edit>,
    transcript: &Transcript,
    group: &mut Group,
    proposals: &mut Proposals,
    peers: &mut Peers,
) {
    let (gone, edited): (Vec<Edit>, Vec<Edit>) = edits.into_iter().partition(|(_, record)| record.is_none());
    for (mail, _) in gone {
        if group.get(&mail).is_some() {
            let connections = remove_member(now, &mail, Author::HandEdit, group, proposals);
            peers.end_each(&connections, Bye::Removed, transcript, group);
        }
    }
    for (mail, record) in edited {
        if let Some(record) = record {
            follow_record(now, mail, record, transcript, group, proposals, peers);
        }
    }
}

/// Makes the group follow a member's line. A line that it follows already changes nothing, so an edit may repeat what an
/// answer has told.
pub(in crate::room) fn follow_record(
    now: Now,
    mail: Mail,
    record: Record,
    transcript: &Transcript,
    group: &mut Group,
    proposals: &mut Proposals,
    peers: &mut Peers,
) {
    let is_typed = matches!(record.secret, Secret::Typed(_));
    let Some(member) = group.get_mut(&mail) else {
        if is_typed {
            group.typed.wait(mail.clone(), false);
        }
        return add_member(now, mail, record, Author::HandEdit, group, proposals);
    };
    let Record { secret, role } = record;
    if std::mem::replace(&mut member.role, role) != role {
        group.record_change(&mail, Difference::Role(role), Author::HandEdit);
    }
    let Some(member) = group.get(&mail) else { return };
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
        None => new_password(&mail, secret, None, transcript, group, peers),
    }
    if is_typed {
        let is_in_doubt = group.get(&mail).is_some_and(|member| member.is_in_doubt);
        group.typed.wait(mail, is_in_doubt);
    }
}

fn add_member(
    now: Now,
    mail: Mail,
    record: Record,
    by: Author,
    group: &mut Group,
    proposals: &mut Proposals,
) {
    group.record_change(&mail, Difference::Added, by.clone());
    let id = group.insert(mail.clone(), record, None);
    proposals.added(now, by, mail, Some(id));
}

/// Removes a member, and returns the connections to be ended in this turn: no further lines of them are taken, and they get
/// no later events. Their messages stay.
fn remove_member(
    now: Now,
    mail: &Mail,
    by: Author,
    group: &mut Group,
    proposals: &mut Proposals,
) -> Vec<ConnId> {
    group.record_change(mail, Difference::Removed, by.clone());
    proposals.removed(now, by, mail.clone());
    group.remove(mail).map_or(Vec::new(), |member| member.connections().collect())
}
