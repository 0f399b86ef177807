//! The loop's side of the thread of members.txt, and shorthands for its tests.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use chat_room::protocol::{Author, Mail, Role};
use chat_room::room::{Change, PasswordHash, Record, Roster, SaveError, Secret};
use chat_room::server::members::file::{Done, HandEdit, Job, Timing, read_at_start, spawn};
use chat_room::server::threads::worker::Worker;
use mio::{Events, Poll, Token, Waker};

/// Fast enough for a thousand edits.
pub(crate) const FAST: Timing = Timing {
    look: Duration::from_millis(2),
    settle: Duration::from_millis(3),
    probe: Duration::from_millis(20),
    old_watch: Duration::from_millis(250),
    patience: Duration::from_secs(2),
};

/// The thread, and what it has reported.
pub(crate) struct MembersThread {
    pub(crate) path: PathBuf,
    /// The group according to all changes that were made and all edits that were reported.
    pub(crate) roster: Roster,
    /// The problem that was reported last, unless it is solved.
    pub(crate) problem: Option<String>,
    /// How often an edit or a problem was reported.
    pub(crate) reports: usize,
    poll: Poll,
    worker: Worker<Job<usize>, Done<usize>>,
}

impl MembersThread {
    pub(crate) fn open(path: &Path, timing: Timing) -> MembersThread {
        let poll = Poll::new().expect("a poll");
        let waker = Arc::new(Waker::new(poll.registry(), Token(0)).expect("a waker"));
        let file = read_at_start(path).expect("a members.txt");
        let roster = file.roster();
        let worker = spawn(path.to_owned(), file, timing, waker).expect("a thread");
        MembersThread { path: path.to_owned(), roster, problem: None, reports: 0, poll, worker }
    }

    /// Requests a change.
    pub(crate) fn ask(&self, ticket: usize, change: Change) {
        self.ask_knowing(ticket, change, 0);
    }

    /// The same, by somebody who knows of so many reports of edits.
    pub(crate) fn ask_knowing(&self, ticket: usize, change: Change, reports: u64) {
        let job = Job::Change(ticket, Author::HandEdit, change, Instant::now(), reports);
        assert!(self.worker.try_send(job).is_ok(), "the queue has room");
    }

    pub(crate) fn reload(&self) {
        assert!(self.worker.try_send(Job::Reload).is_ok(), "the queue has room");
    }

    /// The thread's next answer or report, if one comes in time.
    pub(crate) fn hear(&mut self, patience: Duration) -> Option<Done<usize>> {
        let deadline = Instant::now() + patience;
        let mut events = Events::with_capacity(1);
        loop {
            if let Some(done) = self.worker.try_recv() {
                self.take_in(&done);
                return Some(done);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            match self.poll.poll(&mut events, Some(left)) {
                // Stopped and continued, by a debugger or a frozen machine (signal(7)).
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                polled => polled.expect("a poll"),
            }
        }
    }

    fn take_in(&mut self, done: &Done<usize>) {
        for (_, change, _) in done.answers.iter().filter(|(.., result)| result.is_ok()) {
            apply(&mut self.roster, change);
        }
        for HandEdit { mail, after, .. } in &done.news.edits {
            match after {
                Some(record) => self.roster.insert(mail.clone(), record.clone()),
                None => self.roster.remove(mail),
            };
        }
        match &done.news.readable {
            Some(Ok(())) => self.problem = None,
            Some(Err(problem)) => self.problem = Some(in_folder(&self.path, problem)),
            None => {}
        }
        self.reports += usize::from(!done.news.edits.is_empty() || done.news.readable.is_some());
    }

    /// Makes a change and waits for its answer.
    pub(crate) fn change(&mut self, change: Change) -> Result<(), SaveError> {
        self.ask(0, change);
        self.answers(1).remove(0).1
    }

    /// Waits for so many answers.
    pub(crate) fn answers(&mut self, count: usize) -> Vec<(usize, Result<(), SaveError>)> {
        let mut answers = Vec::new();
        while answers.len() < count {
            let done = self.hear(Duration::from_secs(20)).expect("an answer");
            answers.extend(done.answers.into_iter().map(|(ticket, _, result)| (ticket, result)));
        }
        answers
    }

    /// Waits until an edit is reported, and returns the group after it.
    pub(crate) fn news(&mut self) -> &Roster {
        while self.hear(Duration::from_secs(20)).expect("news").news.edits.is_empty() {}
        &self.roster
    }

    /// Waits until what was reported satisfies this condition.
    pub(crate) fn until(&mut self, what: &str, is_met: impl Fn(&MembersThread) -> bool) {
        while !is_met(self) {
            assert!(self.hear(Duration::from_secs(20)).is_some(), "waited in vain: {what}");
        }
    }

    pub(crate) fn knows(&self, who: &str) -> bool {
        self.roster.contains_key(&mail(who))
    }
}

/// Applies a change that was made, as far as its effect is known.
fn apply(roster: &mut Roster, change: &Change) {
    match change {
        Change::Invite { .. } => {}
        Change::Add { mail, hash } | Change::Join { mail, hash, .. } => {
            let record = Record { secret: Secret::Hash(hash.clone()), role: Role::Member, name: None };
            roster.insert(mail.clone(), record);
        }
        Change::Remove { mail } => {
            roster.remove(mail);
        }
        Change::SetPassword { mail, hash, expected } => {
            let record = roster.get_mut(mail);
            let is_expected = |record: &&mut Record| expected.as_ref().is_none_or(|e| *e == record.secret);
            if let Some(record) = record.filter(is_expected) {
                record.secret = Secret::Hash(hash.clone());
            }
        }
        Change::SetRole { mail, role } => {
            if let Some(record) = roster.get_mut(mail) {
                record.role = *role;
            }
        }
        Change::SetName { mail, name } => {
            if let Some(record) = roster.get_mut(mail) {
                record.name.clone_from(name);
            }
        }
    }
}

/// A sentence about a file, without the folder in its path.
pub(crate) fn in_folder(path: &Path, told: impl std::fmt::Display) -> String {
    let folder = path.parent().expect("a file in a folder").display();
    told.to_string().replacen(&format!("{folder}/"), "", 1)
}

pub(crate) fn mail(text: &str) -> Mail {
    Mail::parse(text.as_bytes()).expect("a mail")
}

/// A PHC string, a different one for each number.
pub(crate) fn phc(number: usize) -> String {
    let hash = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY";
    format!("$argon2id$v=19$m=19456,t=2,p=1${number:08}c2FsdHNh${hash}")
}

pub(crate) fn hash(number: usize) -> PasswordHash {
    PasswordHash::parse(&phc(number)).expect("a hash")
}

pub(crate) fn add(who: &str, number: usize) -> Change {
    Change::Add { mail: mail(who), hash: hash(number) }
}

pub(crate) fn remove(who: &str) -> Change {
    Change::Remove { mail: mail(who) }
}

pub(crate) fn reset(who: &str, number: usize) -> Change {
    Change::SetPassword { mail: mail(who), hash: hash(number), expected: None }
}

/// The names of the other files in its folder.
pub(crate) fn beside(path: &Path) -> Vec<String> {
    let folder = std::fs::read_dir(path.parent().expect("a folder")).expect("a folder");
    let names = folder.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
    let own = path.file_name().expect("a name").to_string_lossy().into_owned();
    names.filter(|name| *name != own).collect()
}

/// Waits until no other file is in its folder: a thread that is in the midst of a replacement has one, and the new file is
/// already in its place while the old one is still to be removed.
pub(crate) fn until_alone(path: &Path) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !beside(path).is_empty() {
        assert!(Instant::now() < deadline, "left behind: {:?}", beside(path));
        std::thread::sleep(Duration::from_millis(1));
    }
}
