//! members.txt has changed: by a command, by hand, or by both at once. The file is the truth; here the group
//! follows it, and each difference is announced.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::protocol::{Author, Bye, Mail, Password, Role, Verb, err, ok};
use crate::room::Room;
use crate::room::commands::history::{Announcement, Membership};
use crate::room::commands::refused::save_refused;
use crate::room::group::Member;
use crate::room::group::roster::{Change, PasswordHash, Record, Roster, SaveError, Secret};
use crate::room::ids::{ConnId, Now, Version};
use crate::room::interface::{
    Changed, CheckFor, CheckJob, Difference, Effect, HashFor, HashJob, MembersNews, Ticket, Verdict,
};
use crate::room::session::Ending;

/// How long a password typed by hand that could not be replaced by its hash is left alone.
const RETRY: Duration = Duration::from_secs(60);

/// Passwords typed by hand that wait for their hash, one under way at a time: they come last in the queue.
#[derive(Debug, Default)]
pub(in crate::room) struct TypedPasswords {
    waiting: BTreeSet<Mail>,
    /// Those that are known, but that the file does not take at present.
    later: BTreeSet<Mail>,
    under_way: bool,
    retry_at: Option<Duration>,
}

impl TypedPasswords {
    pub(in crate::room) fn retry_at(&self) -> Option<Duration> {
        self.retry_at
    }
}

impl Room {
    /// Answers first, in their order and in the names of those who asked; what is different after that was
    /// an edit.
    pub(in crate::room) fn members_news(&mut self, now: Now, news: MembersNews, effects: &mut Vec<Effect>) {
        for (ticket, change, result) in news.answers {
            match ticket {
                Ticket::Command(id, verb, by) => self.change_answered(now, id, verb, by, change, result),
                Ticket::Typed => self.typed_replaced(now, change, &result),
            }
        }
        if let Some(roster) = news.roster {
            self.follow(now, &roster);
            self.find_typed_passwords();
        }
        self.hash_next_typed(effects);
    }

    fn change_answered(
        &mut self,
        now: Now,
        id: ConnId,
        verb: Verb,
        by: Mail,
        change: Change,
        result: Result<(), SaveError>,
    ) {
        let awaited = self.answer_is_awaited(id);
        if let Err(error) = result {
            if awaited {
                let (code, sentence) = save_refused(&error);
                self.reply(id, err(verb, code, sentence));
            }
            return;
        }
        if awaited {
            let whom = match &change {
                Change::Add { mail, .. } | Change::Remove { mail } | Change::SetPassword { mail, .. } => mail,
            };
            let line = match verb {
                Verb::Leave | Verb::Passwd => ok(verb, ""),
                _ => ok(verb, whom),
            };
            self.reply(id, line);
        }
        let author = Author::Member(by);
        match change {
            Change::Add { mail, hash } => {
                if self.group.get(&mail).is_some() {
                    // An edit we had not seen took the member out before.
                    self.take_out(now, &mail, Author::HandEdit, Bye::Removed);
                }
                self.let_in(now, mail, Record { secret: Secret::Hash(hash), role: Role::Member }, author);
            }
            Change::Remove { mail } => {
                if self.group.get(&mail).is_none() {
                    // An edit we had not seen let the member in before.
                    let (what, by) = (Membership::Added, Author::HandEdit);
                    self.announce(now, Announcement { what, by: by.clone(), mail: mail.clone() });
                    self.note_changed(&mail, Difference::Added, by);
                }
                let last_word = if verb == Verb::Leave { Bye::Left } else { Bye::Removed };
                self.take_out(now, &mail, author, last_word);
            }
            Change::SetPassword { mail, hash, .. } => {
                self.new_password(&mail, Secret::Hash(hash), Some((id, author)));
            }
        }
    }

    /// Makes the group what the file says, announcing each difference as an edit.
    pub(in crate::room) fn follow(&mut self, now: Now, roster: &Roster) {
        let gone: Vec<Mail> = self
            .group
            .page(None)
            .filter(|(mail, _)| !roster.contains_key(*mail))
            .map(|(mail, _)| mail.clone())
            .collect();
        for mail in gone {
            self.take_out(now, &mail, Author::HandEdit, Bye::Removed);
        }
        for (mail, record) in roster {
            let Some(member) = self.group.get_mut(mail) else {
                self.let_in(now, mail.clone(), record.clone(), Author::HandEdit);
                continue;
            };
            if std::mem::replace(&mut member.role, record.role) != record.role {
                self.note_changed(mail, Difference::Role(record.role), Author::HandEdit);
            }
            let Some(member) = self.group.get(mail) else { continue };
            let hash_before = match (&member.secret, &record.secret) {
                (before, after) if before == after => continue,
                // Whether it is another password is known when it is hashed.
                (Secret::Hash(hash), Secret::Typed(_)) => Some(hash.clone()),
                // Taken back before that. Meanwhile it has let nobody in.
                (Secret::Typed(_), Secret::Hash(hash)) if member.hash_before.as_ref() == Some(hash) => None,
                // The same one, its letters composed or not.
                (Secret::Typed(before), Secret::Typed(after)) if before.composed() == after.composed() => {
                    member.hash_before.clone()
                }
                // Of a password and another typed over it, one is not the one before.
                _ => {
                    self.new_password(mail, record.secret.clone(), None);
                    continue;
                }
            };
            self.group.set_secret(mail, record.secret.clone(), hash_before);
        }
    }

    /// A right password of a member whose ADDED line is not on the disk yet. All that a member reads begins with that
    /// line, and so does their token: the login waits until it is known which line it is. If the disk does not take it at
    /// present, it is known of the line that will be the next, and the others are told to come later.
    pub(in crate::room) fn unless_unstored(
        &mut self,
        now: Now,
        job: CheckJob,
        verdict: Verdict,
        effects: &mut Vec<Effect>,
    ) -> Option<CheckJob> {
        let is_login = matches!(job.purpose, CheckFor::Login(_));
        let is_right = is_login && verdict == Verdict::Match && self.is_waiting(job.conn);
        if !is_right || self.group.get(&job.mail).is_none_or(|member| self.is_stored(member)) {
            return Some(job);
        }
        if self.unannounced.is_empty() {
            self.unstored.push(job);
            return None;
        }
        if !self.is_announced_next(&job.mail) {
            self.refuse_unstored(now, job, effects);
            return None;
        }
        let next = self.transcript.durable_last().next();
        self.group.get_mut(&job.mail).expect("just found").added = next;
        Some(job)
    }

    /// Whether the line that announced this member is on the disk.
    pub(in crate::room) fn is_stored(&self, member: &Member) -> bool {
        member.added <= self.transcript.durable_last()
    }

    /// Whether of all that waits for the disk the first is this member's announcement, and nothing else is about them.
    fn is_announced_next(&self, mail: &Mail) -> bool {
        let mut waiting = self.unannounced.iter();
        waiting.next().is_some_and(|first| first.mail == *mail) && waiting.all(|later| later.mail != *mail)
    }

    /// What was appended is on the disk, or is not: those who waited for it go on.
    pub(in crate::room) fn go_on_with_unstored(&mut self, now: Now, effects: &mut Vec<Effect>) {
        for job in std::mem::take(&mut self.unstored) {
            self.checked(now, job, Verdict::Match, effects);
        }
    }

    fn let_in(&mut self, now: Now, mail: Mail, record: Record, by: Author) {
        self.note_changed(&mail, Difference::Added, by.clone());
        let added = self.announce(now, Announcement { what: Membership::Added, by, mail: mail.clone() });
        self.group.insert(mail, record, added);
    }

    /// All effects of a removal, in one turn: further lines of its connections are not taken, what they
    /// said stays, and nothing that is said after reaches them.
    fn take_out(&mut self, now: Now, mail: &Mail, by: Author, last_word: Bye) {
        self.note_changed(mail, Difference::Removed, by.clone());
        self.announce(now, Announcement { what: Membership::Removed, by, mail: mail.clone() });
        if let Some(member) = self.group.remove(mail) {
            for id in member.connections() {
                self.end(id, Ending::AtLineEnd, Some(last_word));
            }
        }
    }

    pub(in crate::room) fn note_changed(&mut self, mail: &Mail, what: Difference, by: Author) {
        self.changed.push(Changed { mail: mail.clone(), what, by });
    }

    /// Another password: whoever came in with the one before leaves, but the connection that changed it. `None`: it was
    /// typed into the file.
    fn new_password(&mut self, mail: &Mail, secret: Secret, changed_by: Option<(ConnId, Author)>) {
        let (changed_by, by) = changed_by.map_or((None, Author::HandEdit), |(id, by)| (Some(id), by));
        self.note_changed(mail, Difference::Password, by);
        self.group.set_secret(mail, secret, None);
        let Some(member) = self.group.get(mail) else { return };
        let others: Vec<ConnId> = member.connections().filter(|id| Some(*id) != changed_by).collect();
        for id in others {
            self.end(id, Ending::AtLineEnd, Some(Bye::PasswordChanged));
        }
    }

    /// Notes whose passwords stand in the file as they were typed.
    pub(in crate::room) fn find_typed_passwords(&mut self) {
        let typed = self.group.page(None).filter(|(_, member)| member.is_typed());
        self.typed.waiting = typed.map(|(mail, _)| mail.clone()).collect();
        self.typed.later.clear();
        self.typed.retry_at = None;
    }

    /// Asks for the next hash of a typed password, if none is under way. While the file takes none, only of those of which
    /// it has to be known whether they are others.
    pub(in crate::room) fn hash_next_typed(&mut self, effects: &mut Vec<Effect>) {
        while !self.typed.under_way
            && let Some(mail) = self.typed.waiting.pop_first()
        {
            let Some(member) = self.group.get(&mail) else { continue };
            let Secret::Typed(password) = &member.secret else { continue };
            if self.typed.retry_at.is_some() && !member.is_in_doubt {
                self.typed.later.insert(mail);
                continue;
            }
            let (version, before) = (member.version, member.hash_before.clone());
            let purpose = HashFor::Typed { mail, version, before };
            effects.push(Effect::Hash(HashJob { password: password.clone(), purpose }));
            self.typed.under_way = true;
        }
    }

    /// The hash is made, of this password as it stood there then: into the file with it, if it still does.
    pub(in crate::room) fn typed_hashed(
        &mut self,
        now: Now,
        mail: Mail,
        version: Version,
        password: Password,
        hash: Option<PasswordHash>,
        effects: &mut Vec<Effect>,
    ) {
        let Some(hash) = hash else { return self.typed_later(now, mail) };
        let member = self.group.get_mut(&mail);
        let Some(member) = member.filter(|member| member.version == version) else {
            // What stands there now has its own turn, if it was typed.
            self.typed.under_way = false;
            return self.hash_next_typed(effects);
        };
        let expected = Secret::Typed(password);
        // From now on it is known which password it is, whether the file takes its hash or not.
        member.is_in_doubt = false;
        if member.hash_before.as_ref().is_some_and(|before| *before != hash) {
            self.new_password(&mail, expected.clone(), None);
        }
        let change = Change::SetPassword { mail, hash, expected: Some(expected) };
        effects.push(Effect::Save(Ticket::Typed, change));
    }

    fn typed_replaced(&mut self, now: Now, change: Change, result: &Result<(), SaveError>) {
        self.typed.under_way = false;
        let Change::SetPassword { mail, hash, expected } = change else {
            unreachable!("a typed password is only ever replaced")
        };
        match result {
            Ok(()) => {
                self.typed.retry_at = None;
                self.typed.waiting.append(&mut self.typed.later);
                let member = self.group.get_mut(&mail);
                // If it is another here, it was one for the file, too, and that is told with this answer.
                let Some(member) = member.filter(|member| Some(&member.secret) == expected.as_ref()) else {
                    return;
                };
                if member.hash_before.as_ref().is_some_and(|before| *before != hash) {
                    return self.new_password(&mail, Secret::Hash(hash), None);
                }
                // The same password, or one that counts already: sessions go on.
                member.secret = Secret::Hash(hash);
                (member.hash_before, member.is_in_doubt) = (None, false);
            }
            // Another edit came between; its news are here or on their way.
            Err(SaveError::Refused(_)) => {}
            Err(SaveError::Storage(_) | SaveError::Busy) => self.typed_later(now, mail),
        }
    }

    fn typed_later(&mut self, now: Now, mail: Mail) {
        self.typed.under_way = false;
        self.typed.later.insert(mail);
        self.typed.retry_at = Some(now.mono + RETRY);
    }

    pub(in crate::room) fn retry_typed(&mut self, now: Now, effects: &mut Vec<Effect>) {
        if self.typed.retry_at.is_some_and(|at| at <= now.mono) {
            self.typed.retry_at = None;
            self.typed.waiting.append(&mut self.typed.later);
            self.hash_next_typed(effects);
        }
    }
}
