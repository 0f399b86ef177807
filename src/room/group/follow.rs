//! Changes of members.txt, by commands and by hand. The file is authoritative: the group follows it here, and each difference
//! is announced.

use crate::protocol::{Author, Bye, Mail, Role, Verb, err, ok};
use crate::room::Room;
use crate::room::commands::refused::save_refused;
use crate::room::group::roster::{Change, Edit, Record, SaveError, Secret};
use crate::room::ids::{ConnId, Now};
use crate::room::interface::{Changed, Difference, Effect, MembersNews, Ticket};
use crate::room::session::Ending;

impl Room {
    /// Applies the answers to commands first, in order; what still differs then was an edit.
    pub(in crate::room) fn members_news(&mut self, now: Now, news: MembersNews, effects: &mut Vec<Effect>) {
        for (ticket, change, result) in news.answers {
            match ticket {
                Ticket::Command(id, verb, by) => self.change_answered(now, id, verb, by, change, result),
                Ticket::Typed => self.typed_filed(now, change, &result),
            }
        }
        if !news.edits.is_empty() || news.may_write_again {
            self.try_typed_again();
        }
        self.follow(now, news.edits);
        self.continue_typed(effects);
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
        let awaited = self.peers.answer_is_awaited(id);
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
                    // An edit that was not reported yet had removed the member.
                    self.remove_member(now, &mail, Author::HandEdit, Bye::Removed);
                }
                self.add_member(now, mail, Record { secret: Secret::Hash(hash), role: Role::Member }, author);
            }
            Change::Remove { mail } => {
                if self.group.get(&mail).is_none() {
                    // An edit that was not reported yet had added the member.
                    self.announce_added(now, Author::HandEdit, mail.clone(), None);
                    self.record_change(&mail, Difference::Added, Author::HandEdit);
                }
                let last_word = if verb == Verb::Leave { Bye::Left } else { Bye::Removed };
                self.remove_member(now, &mail, author, last_word);
            }
            Change::SetPassword { mail, hash, .. } => {
                self.new_password(&mail, Secret::Hash(hash), Some((id, author)));
            }
        }
    }

    /// Makes the group follow these edits, and announces each difference.
    pub(in crate::room) fn follow(&mut self, now: Now, edits: Vec<Edit>) {
        let (gone, edited): (Vec<Edit>, Vec<Edit>) =
            edits.into_iter().partition(|(_, record)| record.is_none());
        for (mail, _) in gone {
            if self.group.get(&mail).is_some() {
                self.remove_member(now, &mail, Author::HandEdit, Bye::Removed);
            }
        }
        for (mail, record) in edited {
            if let Some(record) = record {
                self.follow_record(now, mail, record);
            }
        }
    }

    /// Makes the group follow a member's line. A line that it follows already changes nothing, so an edit may repeat what an
    /// answer has told.
    pub(in crate::room) fn follow_record(&mut self, now: Now, mail: Mail, record: Record) {
        let Some(member) = self.group.get_mut(&mail) else {
            let typed = matches!(record.secret, Secret::Typed(_)).then(|| mail.clone());
            self.add_member(now, mail, record, Author::HandEdit);
            return self.typed.wait(typed, false);
        };
        let Record { secret, role } = record;
        if std::mem::replace(&mut member.role, role) != role {
            self.record_change(&mail, Difference::Role(role), Author::HandEdit);
        }
        let Some(member) = self.group.get(&mail) else { return };
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
        let is_typed = matches!(secret, Secret::Typed(_));
        match hash_before {
            Some(hash_before) => self.group.set_secret(&mail, secret, hash_before),
            None => self.new_password(&mail, secret, None),
        }
        let is_in_doubt = self.group.get(&mail).is_some_and(|member| member.is_in_doubt);
        self.typed.wait(is_typed.then_some(mail), is_in_doubt);
    }

    fn add_member(&mut self, now: Now, mail: Mail, record: Record, by: Author) {
        self.record_change(&mail, Difference::Added, by.clone());
        let id = self.group.insert(mail.clone(), record, None);
        self.announce_added(now, by, mail, Some(id));
    }

    /// Removes a member: no further lines of the connections are taken, and they get no later events. Their messages stay.
    fn remove_member(&mut self, now: Now, mail: &Mail, by: Author, last_word: Bye) {
        self.record_change(mail, Difference::Removed, by.clone());
        self.announce_removed(now, by, mail.clone());
        if let Some(member) = self.group.remove(mail) {
            for id in member.connections() {
                self.end(id, Ending::AtLineEnd, Some(last_word));
            }
        }
    }

    pub(in crate::room) fn record_change(&mut self, mail: &Mail, what: Difference, by: Author) {
        self.changed.push(Changed { mail: mail.clone(), what, by });
    }

    /// Sets a new password and ends the member's connections, except the one that changed it. `changed_by` is `None` for an
    /// edit.
    pub(in crate::room) fn new_password(
        &mut self,
        mail: &Mail,
        secret: Secret,
        changed_by: Option<(ConnId, Author)>,
    ) {
        let (changed_by, by) = changed_by.map_or((None, Author::HandEdit), |(id, by)| (Some(id), by));
        self.record_change(mail, Difference::Password, by);
        self.group.set_secret(mail, secret, None);
        let Some(member) = self.group.get(mail) else { return };
        let others: Vec<ConnId> = member.connections().filter(|id| Some(*id) != changed_by).collect();
        for id in others {
            self.end(id, Ending::AtLineEnd, Some(Bye::PasswordChanged));
        }
    }
}
