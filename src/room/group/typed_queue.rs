//! Passwords typed by hand into members.txt that have to be hashed, and their hashes on the way into it. They are hashed one
//! after another, last in the queue. Hashes are collected before the file is replaced, because replacing it takes the same
//! time for one hash or a hundred.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use crate::limits::TYPED_PER_EXCHANGE;
use crate::protocol::Mail;
use crate::room::{Change, Now};

#[derive(Debug, Default)]
pub(crate) struct TypedQueue {
    /// Members whose passwords are hashed first: until then they cannot log in, because the password may be unchanged.
    in_doubt: BTreeSet<Mail>,
    /// The others whose passwords have to be hashed.
    waiting: BTreeSet<Mail>,
    /// Whether one is being hashed.
    pub(super) is_hashing: bool,
    /// Hashes for the file.
    pub(super) made: VecDeque<Change>,
    /// How many the file has been given and not answered about.
    pub(super) filing: usize,
    /// After the hasher's queue was full: when the next password may be hashed.
    pub(super) hash_at: Option<Duration>,
    /// After the file took no hash: when the next may be tried.
    pub(super) file_at: Option<Duration>,
}

impl TypedQueue {
    /// When something is to be tried again.
    pub(crate) fn retry_at(&self) -> Option<Duration> {
        self.hash_at.into_iter().chain(self.file_at).min()
    }

    /// This member's password has to be replaced by its hash.
    pub(super) fn wait(&mut self, mail: Mail, is_in_doubt: bool) {
        self.waiting.remove(&mail);
        self.in_doubt.remove(&mail);
        if is_in_doubt { &mut self.in_doubt } else { &mut self.waiting }.insert(mail);
    }

    /// Whose password is to be hashed now.
    pub(super) fn next(&mut self) -> Option<Mail> {
        if self.is_hashing || self.hash_at.is_some() {
            return None;
        }
        // Passwords that nobody waits for wait while the file takes no hashes.
        let is_taken = self.file_at.is_none() && self.made.len() < TYPED_PER_EXCHANGE;
        self.in_doubt.pop_first().or_else(|| if is_taken { self.waiting.pop_first() } else { None })
    }

    /// The hashes that go into the file now, all at once.
    pub(super) fn take_made(&mut self) -> impl Iterator<Item = Change> {
        let is_due = !self.is_hashing || self.made.len() >= TYPED_PER_EXCHANGE;
        let is_due = is_due && self.filing == 0 && self.file_at.is_none();
        let taken = if is_due { self.made.len().min(TYPED_PER_EXCHANGE) } else { 0 };
        self.filing += taken;
        self.made.drain(..taken)
    }

    /// What had to wait until now is tried again.
    pub(crate) fn end_waits(&mut self, now: Now) {
        for at in [&mut self.hash_at, &mut self.file_at] {
            at.take_if(|at| *at <= now.mono);
        }
    }
}
