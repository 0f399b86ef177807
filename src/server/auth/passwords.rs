//! Argon2id off the loop: a bounded queue, one thread, and what needs neither: tokens, and the cache of verified
//! logins.
//!
//! The cache holds a keyed MAC of mail, hash and password of logins that succeeded. It is asked before the
//! queue, and again when a login's turn has come: of ten thousand devices of one member that come back at
//! once, one pays. A mismatch takes the whole way, like a stranger.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvError};
use std::time::Duration;

use mio::Waker;
use subtle::{Choice, ConstantTimeEq as _};
use zeroize::Zeroizing;

use crate::protocol::{Mail, Password, Time};
use crate::room::{
    Changed, CheckFor, CheckJob, Difference, HashFor, HashJob, Input, Now, PasswordHash, Proof, Room, Roster,
    Secret, TokenJob, Verdict,
};
use crate::server::auth::admission::Source;
use crate::server::auth::argon::Argon;
use crate::server::auth::decoy::Strangers;
use crate::server::auth::queue::{Guest, HashQueue, Task};
use crate::server::auth::throttle::Guesses;
use crate::server::auth::tokens::{Tokens, keyed_mac};
use crate::server::keys::{Key, random_key};
use crate::server::threads::priority::Priority;
use crate::server::threads::worker::{Answers, Worker};

/// At the thread at once: one at work, one that follows without a wait. The others stay here, where the
/// cache is and where members' commands go first.
const AT_THREAD_MAX: usize = 2;

/// Answers given in one turn from the cache: a thousand microseconds of MACs.
const CACHED_PER_TURN: usize = 256;

/// What it answers.
#[derive(Debug)]
enum Answer {
    Login(CheckJob, Guest, Verdict),
    Checked(CheckJob, Verdict),
    Hashed(HashJob, PasswordHash),
}

/// The shell's end: see the module.
#[derive(Debug)]
pub(in crate::server) struct Passwords {
    queue: HashQueue,
    at_thread: usize,
    worker: Worker<(Task, PasswordHash), Answer>,
    guesses: Guesses,
    cache: VerifiedCache,
    tokens: Tokens,
    /// Of our own cost, and nobody's.
    nobody: PasswordHash,
    strangers: Strangers,
}

impl Passwords {
    /// Starts the thread.
    pub(in crate::server) fn start(
        tokens: Tokens,
        roster: &Roster,
        waker: Arc<Waker>,
    ) -> io::Result<Passwords> {
        let mut bench = Bench::default();
        let nobody = bench.nobody()?;
        let body = move |tasks: Receiver<(Task, PasswordHash)>, answers: Answers<Answer>| {
            Priority::Background.assume();
            while let Ok((task, nobody)) = bench.wait(&tasks) {
                if answers.send(bench.work(task, &nobody)).is_err() {
                    break;
                }
            }
        };
        Ok(Passwords {
            queue: HashQueue::default(),
            at_thread: 0,
            worker: Worker::spawn("passwords", AT_THREAD_MAX, waker, body)?,
            guesses: Guesses::default(),
            cache: VerifiedCache::new()?,
            tokens,
            nobody,
            strangers: Strangers::among(roster),
        })
    }

    /// Who is in the group from now on.
    pub(in crate::server) fn note_members(&mut self, roster: &Roster) {
        self.strangers = Strangers::among(roster);
    }

    /// Takes a job, or answers it at once: a token, or from the cache. Or because the queue is full; then perhaps
    /// it is another that gave way. `source` is where the job comes from.
    pub(in crate::server) fn check(
        &mut self,
        job: CheckJob,
        source: Source,
        now: Now,
        room: &Room,
    ) -> Option<Input<'static>> {
        if let Proof::Token(token) = &job.proof {
            let hash = match &job.against {
                Some((Secret::Hash(hash), _)) => Some(hash),
                _ => None,
            };
            let fits = self.tokens.fits(token, &job.mail, hash, job.added, now.wall);
            return Some(Input::Checked(job, if fits { Verdict::Match } else { Verdict::NoMatch }));
        }
        if matches!(job.purpose, CheckFor::Passwd(_)) {
            return self.take(Task::Check(job), now, room);
        }
        if self.cache.has(&job) {
            return Some(Input::Checked(job, Verdict::Match));
        }
        self.take(Task::Login(job, self.guesses.guest(source, now.mono)), now, room)
    }

    /// Makes a token.
    pub(in crate::server) fn issue(&self, job: TokenJob, now: Time) -> Input<'static> {
        let token = self.tokens.issue(&job.mail, &job.hash, job.added, now);
        Input::Issued(job, token)
    }

    /// Takes a job, or answers that the queue is full.
    pub(in crate::server) fn hash(&mut self, job: HashJob, now: Now, room: &Room) -> Option<Input<'static>> {
        self.take(Task::Hash(job), now, room)
    }

    fn take(&mut self, task: Task, now: Now, room: &Room) -> Option<Input<'static>> {
        let refused = self.queue.push(task, now.mono, |id| room.is_waiting(id));
        while self.at_thread < AT_THREAD_MAX
            && let Some(task) = self.next(now, room)
        {
            self.send(task);
        }
        Some(match refused? {
            Task::Login(job, _) | Task::Check(job) => Input::Checked(job, Verdict::Busy),
            Task::Hash(job) => Input::Hashed(job, None),
        })
    }

    /// Passwords of these are another's, or nobody's, by now.
    pub(in crate::server) fn forget(&mut self, changed: &[Changed]) {
        for Changed { mail, what, .. } in changed {
            if matches!(what, Difference::Removed | Difference::Password) {
                self.cache.forget(mail);
            }
        }
    }

    /// Jobs that wait or are at work.
    pub(in crate::server) fn queued(&self) -> usize {
        self.queue.len() + self.at_thread
    }

    /// When a job that has to wait may go to the thread.
    pub(in crate::server) fn next_deadline(&self) -> Option<Duration> {
        if self.at_thread < AT_THREAD_MAX { self.queue.next_at() } else { None }
    }

    /// The task whose turn has come, of somebody who still waits for it. It is about what lets in now: a password that
    /// was typed into the file when the job came has its hash by now, or is another.
    fn next(&mut self, now: Now, room: &Room) -> Option<Task> {
        loop {
            let mut task = self.queue.pop(now.mono)?;
            if let Task::Login(job, _) | Task::Check(job) = &mut task {
                room.renew(job);
            }
            if task.conn().is_none_or(|id| room.is_waiting(id)) {
                return Some(task);
            }
        }
    }

    /// Collects answers and keeps the thread busy. Whether there is more to collect at once.
    pub(in crate::server) fn collect(
        &mut self,
        now: Now,
        room: &Room,
        inputs: &mut Vec<Input<'static>>,
    ) -> bool {
        while let Some(answer) = self.worker.try_recv() {
            self.at_thread -= 1;
            inputs.push(match answer {
                Answer::Login(job, guest, verdict) => {
                    if verdict == Verdict::Match {
                        self.cache.remember(&job);
                    } else {
                        self.guesses.note(guest.source, now.mono);
                    }
                    Input::Checked(job, verdict)
                }
                Answer::Checked(job, verdict) => Input::Checked(job, verdict),
                Answer::Hashed(job, hash) => Input::Hashed(job, Some(hash)),
            });
        }
        let mut cached = 0;
        while self.at_thread < AT_THREAD_MAX {
            let Some(task) = self.next(now, room) else { return false };
            match task {
                Task::Login(job, _) if self.cache.has(&job) => {
                    inputs.push(Input::Checked(job, Verdict::Match));
                    cached += 1;
                    if cached == CACHED_PER_TURN {
                        return true;
                    }
                }
                task => self.send(task),
            }
        }
        false
    }

    fn send(&mut self, task: Task) {
        // For members too, so that it takes as long.
        let cost = task.mail().and_then(|mail| self.strangers.cost(self.tokens.draw(mail)));
        let nobody = self.nobody.as_if_of(cost.unwrap_or(self.nobody.cost()));
        self.worker.try_send((task, nobody)).expect("the channel has room for all that may be at the thread");
        self.at_thread += 1;
    }
}

/// What the thread works with.
#[derive(Default)]
struct Bench {
    argon: Argon,
}

impl Bench {
    /// A hash of our own cost which nobody has the password of.
    fn nobody(&mut self) -> io::Result<PasswordHash> {
        let random = Zeroizing::new(format!("{:032x}{:032x}", random()?, random()?));
        self.argon.hash(&Password::parse(random.as_bytes()).expect("hex digits are no blanks"))
    }

    /// The next task. While there is none, the memory is the system's.
    fn wait<T>(&mut self, tasks: &Receiver<T>) -> Result<T, RecvError> {
        tasks.try_recv().or_else(|_| {
            self.argon.release();
            tasks.recv()
        })
    }

    /// `nobody`: what a stranger is checked against, so that it takes as long.
    fn work(&mut self, task: Task, nobody: &PasswordHash) -> Answer {
        match task {
            Task::Login(mut job, guest) => {
                let verdict = self.check(&mut job, nobody);
                Answer::Login(job, guest, verdict)
            }
            Task::Check(mut job) => {
                let verdict = self.check(&mut job, nobody);
                Answer::Checked(job, verdict)
            }
            Task::Hash(job) => {
                let before = match &job.purpose {
                    HashFor::Typed { before: Some(before), .. } => Some(before.clone()),
                    _ => None,
                };
                let hash = match before {
                    Some(before) if self.argon.fits(&job.password, &before).is_some() => before,
                    _ => self.argon.hash(&job.password).expect("as at start: random bytes and 20 MB"),
                };
                Answer::Hashed(job, hash)
            }
        }
    }

    /// The job keeps of the password the form that fits, for the cache.
    fn check(&mut self, job: &mut CheckJob, nobody: &PasswordHash) -> Verdict {
        let Proof::Password(password) = &mut job.proof else { unreachable!("tokens need no thread") };
        let form = match &job.against {
            Some((Secret::Hash(hash), _)) => self.argon.fits(password, hash),
            Some((Secret::Typed(typed), _)) => {
                self.argon.fits(password, nobody);
                let (typed, given) = (typed.composed(), password.composed());
                bool::from(typed.expose().as_bytes().ct_eq(given.expose().as_bytes())).then_some(given)
            }
            None => {
                self.argon.fits(password, nobody);
                None
            }
        };
        let Some(form) = form.map(Cow::into_owned) else { return Verdict::NoMatch };
        *password = form;
        Verdict::Match
    }
}

fn password_of(job: &CheckJob) -> &Password {
    let Proof::Password(password) = &job.proof else { unreachable!("tokens are looked at elsewhere") };
    password
}

fn random() -> io::Result<u128> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    Ok(u128::from_le_bytes(bytes))
}

/// Hashes a password with our cost, on this thread. For `--init`. Fails when the system gives no random bytes.
pub fn hash_now(password: &Password) -> io::Result<PasswordHash> {
    Argon::default().hash(password)
}

/// One MAC a member: the last password that was right.
struct VerifiedCache {
    key: Key,
    macs: HashMap<Mail, Zeroizing<[u8; 32]>>,
}

impl std::fmt::Debug for VerifiedCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "VerifiedCache of {}", self.macs.len())
    }
}

impl VerifiedCache {
    fn new() -> io::Result<VerifiedCache> {
        Ok(VerifiedCache { key: random_key()?, macs: HashMap::new() })
    }

    /// Takes as long for strangers, and for members who have not been here.
    fn has(&self, job: &CheckJob) -> bool {
        let known = self.macs.get(&job.mail).map_or([0; 32], |known| **known);
        let is_known = |form: Cow<'_, Password>| self.mac(job, &form).ct_eq(&known);
        let any =
            password_of(job).forms().map(is_known).fold(Choice::from(0), |any, is_known| any | is_known);
        bool::from(any) && matches!(job.against, Some((Secret::Hash(_), _)))
    }

    /// The password is in the form that was found to fit.
    fn remember(&mut self, job: &CheckJob) {
        if matches!(job.against, Some((Secret::Hash(_), _))) {
            self.macs.insert(job.mail.clone(), self.mac(job, password_of(job)));
        }
    }

    /// The member is gone, or has another password.
    fn forget(&mut self, mail: &Mail) {
        self.macs.remove(mail);
    }

    fn mac(&self, job: &CheckJob, password: &Password) -> Zeroizing<[u8; 32]> {
        let hash = match &job.against {
            Some((Secret::Hash(hash), _)) => hash.as_str(),
            _ => "",
        };
        keyed_mac(&self.key, &[job.mail.as_str().as_bytes(), hash.as_bytes(), password.expose().as_bytes()])
    }
}

#[cfg(test)]
mod tests;
