//! Passwords typed by hand into members.txt, and their hashes. They are hashed one after another, last in the queue. Hashes are
//! collected before the file is replaced, because replacing it takes the same time for one hash or a hundred.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use crate::limits::{TYPED_PER_EXCHANGE, TYPED_RETRY};
use crate::protocol::{Mail, Password};
use crate::room::Room;
use crate::room::group::roster::{Change, PasswordHash, SaveError, Secret};
use crate::room::ids::{Now, Version};
use crate::room::interface::{Effect, HashFor, HashJob, Ticket};

#[derive(Debug, Default)]
pub(in crate::room) struct TypedPasswords {
    /// Members whose passwords are hashed first: until then they cannot log in, because the password may be unchanged.
    in_doubt: BTreeSet<Mail>,
    /// The others whose passwords have to be hashed.
    waiting: BTreeSet<Mail>,
    /// Whether one is being hashed.
    hashing: bool,
    /// Hashes for the file, and how many are being written.
    made: VecDeque<Change>,
    filing: usize,
    /// After the queue was full: when the next password may be hashed.
    hash_at: Option<Duration>,
    /// After the file took no hash: when the next may be tried.
    file_at: Option<Duration>,
}

impl TypedPasswords {
    pub(in crate::room) fn retry_at(&self) -> Option<Duration> {
        self.hash_at.into_iter().chain(self.file_at).min()
    }

    /// This member's password, if one is given, has to be replaced by its hash.
    pub(in crate::room) fn wait(&mut self, mail: Option<Mail>, is_in_doubt: bool) {
        let Some(mail) = mail else { return };
        self.waiting.remove(&mail);
        self.in_doubt.remove(&mail);
        if is_in_doubt { &mut self.in_doubt } else { &mut self.waiting }.insert(mail);
    }

    fn next(&mut self) -> Option<Mail> {
        if self.hashing || self.hash_at.is_some() {
            return None;
        }
        // Passwords that nobody waits for wait while the file takes no hashes.
        let is_taken = self.file_at.is_none() && self.made.len() < TYPED_PER_EXCHANGE;
        self.in_doubt.pop_first().or_else(|| if is_taken { self.waiting.pop_first() } else { None })
    }
}

impl Room {
    /// Finds all typed passwords, at the start; later each is reported as an edit.
    pub(in crate::room) fn find_typed_passwords(&mut self) {
        let typed = self.group.page(None).filter(|(_, member)| member.is_typed());
        self.typed.waiting = typed.map(|(mail, _)| mail.clone()).collect();
    }

    /// Requests the next hash, and writes collected ones to the file.
    pub(in crate::room) fn continue_typed(&mut self, effects: &mut Vec<Effect>) {
        while let Some(mail) = self.typed.next() {
            let Some(member) = self.group.get(&mail) else { continue };
            let Secret::Typed(password) = member.secret() else { continue };
            let (version, before) = (member.version, member.hash_before.clone());
            let purpose = HashFor::Typed { mail, version, before };
            effects.push(Effect::Hash(HashJob { password: password.clone(), purpose }));
            self.typed.hashing = true;
        }
        let typed = &mut self.typed;
        let is_due = !typed.hashing || typed.made.len() >= TYPED_PER_EXCHANGE;
        if is_due && typed.filing == 0 && typed.file_at.is_none() {
            typed.filing = typed.made.len().min(TYPED_PER_EXCHANGE);
            let changes = typed.made.drain(..typed.filing);
            effects.extend(changes.map(|change| Effect::Save(Ticket::Typed, change)));
        }
    }

    /// A typed password of this version was hashed.
    pub(in crate::room) fn typed_hashed(
        &mut self,
        now: Now,
        mail: Mail,
        version: Version,
        password: Password,
        hash: Option<PasswordHash>,
        effects: &mut Vec<Effect>,
    ) {
        self.typed.hashing = false;
        // With another version there is another password by now.
        let member = self.group.get_mut(&mail).filter(|member| member.version == version);
        match (member, hash) {
            (Some(member), Some(hash)) => {
                let expected = Secret::Typed(password);
                // From now on it is known whether the password has changed, even if the file does not take the hash.
                member.is_in_doubt = false;
                if member.hash_before.as_ref().is_some_and(|before| *before != hash) {
                    self.new_password(&mail, expected.clone(), None);
                }
                let change = Change::SetPassword { mail, hash, expected: Some(expected) };
                self.typed.made.push_back(change);
            }
            (Some(member), None) => {
                let is_in_doubt = member.is_in_doubt;
                self.typed.wait(Some(mail), is_in_doubt);
                self.typed.hash_at = Some(now.mono + TYPED_RETRY);
            }
            (None, _) => {}
        }
        self.continue_typed(effects);
    }

    /// The file has taken a hash or refused it.
    pub(in crate::room) fn typed_filed(&mut self, now: Now, change: Change, result: &Result<(), SaveError>) {
        self.typed.filing -= 1;
        match result {
            Ok(()) => self.typed_replaced(change),
            // Another edit came first; it is reported separately.
            Err(SaveError::Refused(_)) => {}
            Err(SaveError::Storage(_) | SaveError::Busy) => {
                self.typed.made.push_back(change);
                self.typed.file_at = Some(now.mono + TYPED_RETRY);
            }
        }
    }

    fn typed_replaced(&mut self, change: Change) {
        let Change::SetPassword { mail, hash, expected } = change else {
            unreachable!("a typed password is only ever replaced")
        };
        // With another password here, the file has another one, too, which is reported with this answer.
        let member = self.group.get(&mail).filter(|member| Some(member.secret()) == expected.as_ref());
        let Some(member) = member else { return };
        if member.hash_before.as_ref().is_some_and(|before| *before != hash) {
            return self.new_password(&mail, Secret::Hash(hash), None);
        }
        // The same password, or one that is in effect already: connections stay.
        self.group.typed_is_now(&mail, hash);
    }

    /// The file may take hashes again.
    pub(in crate::room) fn try_typed_again(&mut self) {
        (self.typed.hash_at, self.typed.file_at) = (None, None);
    }

    pub(in crate::room) fn retry_typed(&mut self, now: Now, effects: &mut Vec<Effect>) {
        let typed = &mut self.typed;
        for at in [&mut typed.hash_at, &mut typed.file_at] {
            at.take_if(|at| *at <= now.mono);
        }
        self.continue_typed(effects);
    }
}
