//! Passwords typed by hand into members.txt, and their hashes on the way into it. They are hashed one after the other, and
//! come last in the queue. What is made gathers: the file is replaced as a whole, for one hash or for a hundred.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use crate::limits::{TYPED_PER_EXCHANGE, TYPED_RETRY};
use crate::protocol::{Mail, Password};
use crate::room::Room;
use crate::room::group::roster::{Change, PasswordHash, SaveError, Secret};
use crate::room::ids::{Now, Version};
use crate::room::interface::{Effect, HashFor, HashJob, Ticket};

/// See the module.
#[derive(Debug, Default)]
pub(in crate::room) struct TypedPasswords {
    /// Whose hash is to be made first: until then nobody is let in, for it may be the password before.
    in_doubt: BTreeSet<Mail>,
    /// The others whose hash is to be made.
    waiting: BTreeSet<Mail>,
    /// One is being hashed.
    hashing: bool,
    /// What is to go into the file, and how many are on their way.
    made: VecDeque<Change>,
    filing: usize,
    /// There was no place in the queue: none is asked for before this.
    hash_at: Option<Duration>,
    /// The file did not take any: nothing is tried before this.
    file_at: Option<Duration>,
}

impl TypedPasswords {
    pub(in crate::room) fn retry_at(&self) -> Option<Duration> {
        self.hash_at.into_iter().chain(self.file_at).min()
    }

    /// The password of this member, if it is one, is to be replaced by its hash.
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
        // Those that are only for the file wait for it.
        let is_taken = self.file_at.is_none() && self.made.len() < TYPED_PER_EXCHANGE;
        self.in_doubt.pop_first().or_else(|| if is_taken { self.waiting.pop_first() } else { None })
    }
}

impl Room {
    /// Notes all whose passwords stand in the file as they were typed. For the start: later each tells of itself.
    pub(in crate::room) fn find_typed_passwords(&mut self) {
        let typed = self.group.page(None).filter(|(_, member)| member.is_typed());
        self.typed.waiting = typed.map(|(mail, _)| mail.clone()).collect();
    }

    /// Asks for the next hash, and has put into the file what is made.
    pub(in crate::room) fn go_on_with_typed(&mut self, effects: &mut Vec<Effect>) {
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

    /// The hash is made, of this password as it stood there then.
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
        // What stands there now has its own turn, if it was typed.
        let member = self.group.get_mut(&mail).filter(|member| member.version == version);
        match (member, hash) {
            (Some(member), Some(hash)) => {
                let expected = Secret::Typed(password);
                // From now on it is known which password it is, whether the file takes its hash or not.
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
        self.go_on_with_typed(effects);
    }

    /// The file's answer. More may follow in the same turn.
    pub(in crate::room) fn typed_filed(&mut self, now: Now, change: Change, result: &Result<(), SaveError>) {
        self.typed.filing -= 1;
        match result {
            Ok(()) => self.typed_replaced(change),
            // Another edit came between; its news are here or on their way.
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
        // If it is another here, it was one for the file, too, and that is told with this answer.
        let member = self.group.get(&mail).filter(|member| Some(member.secret()) == expected.as_ref());
        let Some(member) = member else { return };
        if member.hash_before.as_ref().is_some_and(|before| *before != hash) {
            return self.new_password(&mail, Secret::Hash(hash), None);
        }
        // The same password, or one that counts already: sessions go on.
        self.group.typed_is_now(&mail, hash);
    }

    /// The file may take by now what it did not take.
    pub(in crate::room) fn try_typed_again(&mut self) {
        (self.typed.hash_at, self.typed.file_at) = (None, None);
    }

    pub(in crate::room) fn retry_typed(&mut self, now: Now, effects: &mut Vec<Effect>) {
        let typed = &mut self.typed;
        for at in [&mut typed.hash_at, &mut typed.file_at] {
            at.take_if(|at| *at <= now.mono);
        }
        self.go_on_with_typed(effects);
    }
}
