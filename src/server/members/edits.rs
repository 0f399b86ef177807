//! Edits of a members.txt that follows the group, on their way to the group. One of each member waits: a later one takes its
//! place.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::limits::EDITS_RETRY;
use crate::protocol::{Mail, Password};
use crate::room::{PasswordHash, Record, Secret};
use crate::server::members::file::HandEdit;

#[derive(Debug, Default)]
pub(in crate::server) struct Edits {
    /// Those that need no hash.
    waiting: BTreeMap<Mail, HandEdit>,
    /// Those with a password that is to be hashed first. They can be many, and each hash takes a while.
    typed: BTreeMap<Mail, HandEdit>,
    /// How many changes of a member the group has not decided about, and the edit. Until then it is not known what a later
    /// edit changes.
    asked: BTreeMap<Mail, (usize, HandEdit)>,
    /// Whose typed password is being hashed.
    hashing: Option<Mail>,
    /// When there may be room again in the hasher's queue.
    retry_at: Option<Duration>,
}

impl Edits {
    /// When something is to be tried again.
    pub(in crate::server) fn retry_at(&self) -> Option<Duration> {
        self.retry_at
    }

    /// The thread has told this edit.
    pub(super) fn push(&mut self, edit: HandEdit) {
        let earlier = self.waiting.remove(&edit.mail).or_else(|| self.typed.remove(&edit.mail));
        let before = earlier.map_or(edit.before, |earlier| earlier.before);
        let edit = HandEdit { before, ..edit };
        let edits = if typed(&edit).is_some() { &mut self.typed } else { &mut self.waiting };
        edits.insert(edit.mail.clone(), edit);
    }

    /// Edits without a typed password, of members about whom the group has decided everything.
    pub(in crate::server) fn take_ready(&mut self) -> Vec<HandEdit> {
        let asked = &self.asked;
        let (waiting, ready) =
            std::mem::take(&mut self.waiting).into_iter().partition(|(mail, _)| asked.contains_key(mail));
        self.waiting = waiting;
        BTreeMap::into_values(ready).collect()
    }

    /// The group is asked for so many changes for this edit.
    pub(in crate::server) fn asked(&mut self, edit: HandEdit, changes: usize) {
        self.asked.insert(edit.mail.clone(), (changes, edit));
    }

    /// The group has decided about one of them.
    pub(in crate::server) fn decided(&mut self, mail: &Mail) {
        if let Some((changes, _)) = self.asked.get_mut(mail) {
            *changes -= 1;
            if *changes == 0 {
                self.asked.remove(mail);
            }
        }
    }

    /// Nobody has seen one of them: the edit is asked for once more, unless there is a later one.
    pub(in crate::server) fn lost(&mut self, mail: &Mail) {
        let edit = self.asked.get(mail).map(|(_, edit)| edit.clone());
        self.decided(mail);
        let has_later = self.waiting.contains_key(mail) || self.typed.contains_key(mail);
        if let Some(edit) = edit.filter(|_| !has_later) {
            self.waiting.insert(mail.clone(), edit);
        }
    }

    /// The next password to be hashed, if none is.
    pub(in crate::server) fn next_typed(&mut self, now: Duration) -> Option<(Mail, Password)> {
        self.retry_at.take_if(|at| *at <= now);
        if self.hashing.is_some() || self.retry_at.is_some() {
            return None;
        }
        let (mail, edit) = self.typed.first_key_value()?;
        let (mail, password) = (mail.clone(), typed(edit).expect("it was typed").clone());
        self.hashing = Some(mail.clone());
        Some((mail, password))
    }

    /// It was hashed; `None`: the queue was full.
    pub(in crate::server) fn hashed(
        &mut self,
        now: Duration,
        password: &Password,
        hash: Option<PasswordHash>,
    ) {
        let Some(mail) = self.hashing.take() else { return };
        let Some(hash) = hash else {
            self.retry_at = Some(now + EDITS_RETRY);
            return;
        };
        // With another password it was edited again meanwhile.
        if self.typed.get(&mail).and_then(typed) == Some(password)
            && let Some(mut edit) = self.typed.remove(&mail)
            && let Some(record) = &mut edit.after
        {
            record.secret = Secret::Hash(hash);
            self.waiting.insert(mail, edit);
        }
    }
}

fn typed(edit: &HandEdit) -> Option<&Password> {
    match &edit.after {
        Some(Record { secret: Secret::Typed(password), .. }) => Some(password),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Role;

    const HASH: &str = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$MDEyMzQ1Njc4OWFiY2RlZg";

    fn mail() -> Mail {
        Mail::parse(b"bob@x").expect("a mail")
    }

    fn password(text: &str) -> Password {
        Password::parse(text.as_bytes()).expect("a password")
    }

    fn record(secret: Secret) -> Record {
        Record { secret, role: Role::Member, name: None }
    }

    fn edit(text: &str) -> HandEdit {
        HandEdit { mail: mail(), before: None, after: Some(record(Secret::Typed(password(text)))) }
    }

    #[test]
    fn of_a_typed_password_the_group_gets_the_hash_of_the_latest() {
        let hash = PasswordHash::parse(HASH).expect("a hash");
        let mut edits = Edits::default();
        edits.push(edit("first-one"));
        assert!(edits.take_ready().is_empty());
        assert_eq!(edits.next_typed(Duration::ZERO), Some((mail(), password("first-one"))));
        edits.push(edit("second-one"));
        assert_eq!(edits.next_typed(Duration::ZERO), None, "one after the other");
        edits.hashed(Duration::ZERO, &password("first-one"), Some(hash.clone()));
        assert!(edits.take_ready().is_empty());
        assert_eq!(edits.next_typed(Duration::ZERO), Some((mail(), password("second-one"))));
        edits.hashed(Duration::ZERO, &password("second-one"), None);
        assert_eq!(edits.next_typed(Duration::ZERO), None, "the queue was full");
        assert_eq!(edits.next_typed(EDITS_RETRY), Some((mail(), password("second-one"))));
        edits.hashed(EDITS_RETRY, &password("second-one"), Some(hash.clone()));
        let ready = edits.take_ready();
        assert_eq!(ready.len(), 1);
        assert_eq!(ready[0].after, Some(record(Secret::Hash(hash))));

        // Until the group has decided about it, a later one waits.
        edits.asked(ready[0].clone(), 1);
        edits.push(HandEdit { mail: mail(), before: ready[0].after.clone(), after: None });
        assert!(edits.take_ready().is_empty());
        edits.lost(&mail());
        assert_eq!(edits.take_ready().len(), 1, "and takes the place of one that was lost");
    }
}
