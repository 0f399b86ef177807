//! Edits of members.txt on a node of a cluster: each becomes changes that the group decides about. A password that was typed
//! is hashed here first: only hashes leave the machine.

use log::warn;

use crate::protocol::{Author, Mail, Role};
use crate::room::{ChangeError, HashFor, HashJob, Input, Record, Room, Secret, Standing, Version};
use crate::server::auth::passwords::Passwords;
use crate::server::auth::queue::Task;
use crate::server::log::Log;
use crate::server::log::cluster::{Command, Named};
use crate::server::members::Members;
use crate::server::members::file::HandEdit;
use crate::server::turn::Hub;

/// Asks the group for what is ready. Returns whether that is anything.
pub(in crate::server) fn ask(members: &mut Members, log: &mut Log, room: &Room) -> bool {
    let (Some(edits), Some(cluster)) = (members.edits(), log.cluster()) else { return false };
    let mut all = Vec::new();
    for edit in edits.take_ready() {
        let standing = room.standing(&edit.mail);
        let wanted = wanted(&edit, standing.as_ref());
        if wanted.is_empty() {
            if standing.is_none() && edit.after.is_some() {
                log_refused(&edit.mail, ChangeError::NoSuchMember);
            }
            // The file may still have the password as it was typed, or a member who was removed meanwhile.
            members.follow(edit.mail, standing);
            continue;
        }
        all.extend(wanted.iter().map(|command| (edit.mail.clone(), command.clone())));
        if let Some(edits) = members.edits() {
            edits.asked(edit, wanted.len());
        }
    }
    // So that there is an admin after each of them, if there is one in the end.
    all.sort_by_key(|(_, command)| match command {
        Command::Add { .. } => 0,
        Command::SetRole { role: Role::Admin, .. } => 1,
        Command::Remove { .. } => 3,
        _ => 2,
    });
    let has_asked = !all.is_empty();
    for (mail, command) in all {
        cluster.ask_for_edit(mail, &command);
    }
    has_asked
}

/// The file follows the group again, so the log is the only trace of what somebody has typed.
pub(super) fn log_refused(mail: &Mail, why: ChangeError) {
    let why = match why {
        ChangeError::AlreadyMember => "the group has added this member meanwhile",
        ChangeError::NoSuchMember => "the group has removed this member meanwhile",
        ChangeError::LastAdmin => "no admin would be left",
        ChangeError::NameTaken => "somebody else has that name, or one that looks like it",
        ChangeError::NotExpected | ChangeError::NotAllowed => "another change came first",
    };
    warn!("the members file: the group has refused an edit of {mail}, and the file follows the group: {why}");
}

/// Has the next typed password hashed. Answered at once if there is no place in the hasher's queue.
pub(in crate::server) fn hash_next(
    hub: &Hub,
    members: &mut Members,
    passwords: &mut Passwords,
) -> Option<Input<'static>> {
    let (mail, password) = members.edits()?.next_typed(hub.now.mono)?;
    let before = hub.room.standing(&mail).map(|standing| standing.hash);
    let purpose = HashFor::Typed { mail, version: Version::default(), before };
    passwords.enqueue(Task::Hash(HashJob { password, purpose }), hub.now, |_| true)
}

/// What makes the group follow this edit, if the member has this standing.
fn wanted(edit: &HandEdit, standing: Option<&Standing>) -> Vec<Command<'static>> {
    let HandEdit { mail, before, after } = edit;
    let (by, mail): (Author, Mail) = (Author::HandEdit, mail.clone());
    match (before, after, standing) {
        (Some(_), None, Some(_)) => vec![Command::Remove { by, mail }],
        (None, Some(Record { secret: Secret::Hash(hash), role, name }), None) => {
            let named = name.clone().map(|name| Command::Name {
                by: by.clone(),
                mail: mail.clone(),
                named: Some(Named::of(name)),
            });
            let is_admin = (*role == Role::Admin).then(|| Command::SetRole {
                by: by.clone(),
                mail: mail.clone(),
                role: *role,
            });
            let added = Command::Add { by, mail, role: Role::Member, hash: hash.clone() };
            [added].into_iter().chain(is_admin).chain(named).collect()
        }
        (before, Some(Record { secret, role, name }), Some(now)) => {
            let mut commands = Vec::new();
            let was = before.as_ref();
            if let Secret::Hash(hash) = secret
                && *hash != now.hash
                && was.is_none_or(|was| was.secret != *secret)
            {
                let (by, mail, hash) = (by.clone(), mail.clone(), hash.clone());
                commands.push(Command::Pass { by, mail, hash, expected: None });
            }
            if *role != now.role && was.is_none_or(|was| was.role != *role) {
                let (by, mail) = (by.clone(), mail.clone());
                commands.push(Command::SetRole { by, mail, role: *role });
            }
            if *name != now.name && was.is_none_or(|was| was.name != *name) {
                commands.push(Command::Name { by, mail, named: name.clone().map(Named::of) });
            }
            commands
        }
        _ => Vec::new(),
    }
}
