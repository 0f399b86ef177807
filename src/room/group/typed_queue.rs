//! Passwords typed by hand into members.txt that have to be hashed, and their hashes on the way into it. They are hashed one
//! after another, last in the queue. Hashes are collected before the file is replaced, because replacing it takes the same
//! time for one hash or a hundred.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use crate::limits::{TYPED_PER_EXCHANGE, TYPED_RETRY};
use crate::protocol::Mail;
use crate::room::group::roster::Change;
use crate::room::ids::Now;

#[derive(Debug, Default)]
pub(crate) struct TypedQueue {
    /// Members whose passwords are hashed first: until then they cannot log in, because the password may be unchanged.
    in_doubt: BTreeSet<Mail>,
    /// The others whose passwords have to be hashed.
    waiting: BTreeSet<Mail>,
    /// Whether one is being hashed.
    is_hashing: bool,
    /// Hashes for the file.
    made: VecDeque<Change>,
    /// How many the file has been given and not answered about.
    filing: usize,
    /// After the queue was full: when the next password may be hashed.
    hash_at: Option<Duration>,
    /// After the file took no hash: when the next may be tried.
    file_at: Option<Duration>,
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

    /// A hash is asked for, or has come.
    pub(super) fn set_hashing(&mut self, is_hashing: bool) {
        self.is_hashing = is_hashing;
    }

    /// A hash was made, and is to go into the file.
    pub(super) fn push_made(&mut self, change: Change) {
        self.made.push_back(change);
    }

    /// The hashes that go into the file now, all at once.
    pub(super) fn take_made(&mut self) -> impl Iterator<Item = Change> {
        let is_due = !self.is_hashing || self.made.len() >= TYPED_PER_EXCHANGE;
        let is_due = is_due && self.filing == 0 && self.file_at.is_none();
        let taken = if is_due { self.made.len().min(TYPED_PER_EXCHANGE) } else { 0 };
        self.filing += taken;
        self.made.drain(..taken)
    }

    /// The file has taken one of these, or has not.
    pub(super) fn answered(&mut self) {
        self.filing -= 1;
    }

    /// The file did not take this one, and it is tried again later.
    pub(super) fn not_filed(&mut self, now: Now, change: Change) {
        self.push_made(change);
        self.file_at = Some(now.mono + TYPED_RETRY);
    }

    /// There was no place in the hasher's queue.
    pub(super) fn not_hashed(&mut self, now: Now) {
        self.hash_at = Some(now.mono + TYPED_RETRY);
    }

    /// The file may take hashes again.
    pub(super) fn try_again(&mut self) {
        (self.hash_at, self.file_at) = (None, None);
    }

    /// What had to wait until now is tried again.
    pub(crate) fn end_waits(&mut self, now: Now) {
        for at in [&mut self.hash_at, &mut self.file_at] {
            at.take_if(|at| *at <= now.mono);
        }
    }
}
