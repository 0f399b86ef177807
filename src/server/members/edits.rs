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
    waiting: BTreeMap<Mail, HandEdit>,
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
        let earlier = self.waiting.remove(&edit.mail);
        let before = earlier.map_or(edit.before, |earlier| earlier.before);
        self.waiting.insert(edit.mail.clone(), HandEdit { before, ..edit });
    }

    /// Edits without a typed password, of members about whom the group has decided everything.
    pub(in crate::server) fn take_ready(&mut self) -> Vec<HandEdit> {
        let is_ready =
            |(mail, edit): &(&Mail, &HandEdit)| typed(edit).is_none() && !self.asked.contains_key(*mail);
        let ready: Vec<Mail> = self.waiting.iter().filter(is_ready).map(|(mail, _)| mail.clone()).collect();
        ready.iter().filter_map(|mail| self.waiting.remove(mail)).collect()
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
        if let Some(edit) = edit.filter(|_| !self.waiting.contains_key(mail)) {
            self.waiting.insert(mail.clone(), edit);
        }
    }

    /// The next password to be hashed, if none is.
    pub(in crate::server) fn next_typed(&mut self, now: Duration) -> Option<(Mail, Password)> {
        self.retry_at.take_if(|at| *at <= now);
        if self.hashing.is_some() || self.retry_at.is_some() {
            return None;
        }
        let mut all = self.waiting.iter();
        let (mail, password) = all.find_map(|(mail, edit)| Some((mail.clone(), typed(edit)?.clone())))?;
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
        if let Some(edit) = self.waiting.get_mut(&mail)
            && typed(edit) == Some(password)
            && let Some(record) = &mut edit.after
        {
            record.secret = Secret::Hash(hash);
        }
    }
}

fn typed(edit: &HandEdit) -> Option<&Password> {
    match &edit.after {
        Some(Record { secret: Secret::Typed(password), .. }) => Some(password),
        _ => None,
    }
}
