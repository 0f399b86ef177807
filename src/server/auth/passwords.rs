//! The loop's side of password checks: a bounded queue before the thread that hashes, and what needs neither, tokens
//! and the cache of verified logins.
//!
//! The cache is asked before a login is queued, and again when its turn comes. A password that is not in it is hashed,
//! whether the mail is a member's or not.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use mio::Waker;

use crate::protocol::{Password, Time};
use crate::room::{
    Changed, CheckJob, ConnId, Difference, HashCost, Input, JoinJob, Now, PasswordHash, Proof, TokenJob,
    Verdict,
};
use crate::server::auth::admission::Source;
use crate::server::auth::argon::Argon;
use crate::server::auth::decoy;
use crate::server::auth::hasher::Answer;
use crate::server::auth::queue::{HashQueue, Task};
use crate::server::auth::throttle::Throttle;
use crate::server::auth::tokens::Tokens;
use crate::server::auth::verified::VerifiedCache;
use crate::server::threads::priority::Priority;
use crate::server::threads::worker::{Answers, Worker};

/// Tasks handed to the thread: one that it works on, and one that follows without a wait. The others wait in the queue,
/// where a command can still go first and the cache may still answer.
const AT_THREAD_MAX: usize = 2;

pub(in crate::server) struct Passwords {
    queue: HashQueue,
    at_thread: usize,
    worker: Worker<(Task, PasswordHash), Answer>,
    throttle: Throttle,
    cache: VerifiedCache,
    pub(in crate::server) tokens: Tokens,
    /// With our own cost, for mails that no member has.
    decoy: PasswordHash,
}

impl Passwords {
    /// Starts the thread.
    pub(in crate::server) fn start(tokens: Tokens, waker: Arc<Waker>) -> io::Result<Passwords> {
        let mut argon = Argon::default();
        let decoy = argon.decoy()?;
        let body = move |tasks: Receiver<(Task, PasswordHash)>, answers: Answers<Answer>| {
            Priority::Background.assume();
            while let Ok((task, decoy)) = argon.wait(&tasks) {
                answers.send(argon.work(task, &decoy))?;
            }
            Ok(())
        };
        Ok(Passwords {
            queue: HashQueue::default(),
            at_thread: 0,
            worker: Worker::spawn("passwords", AT_THREAD_MAX, waker, body)?,
            throttle: Throttle::default(),
            cache: VerifiedCache::new()?,
            tokens,
            decoy,
        })
    }

    /// Takes a job, or answers it at once: a token, or from the cache. If the queue is full, the answer is that, to
    /// this job or to one that was evicted for it. `is_waiting` says whether a connection still waits for its answer.
    pub(in crate::server) fn check(
        &mut self,
        job: CheckJob,
        source: Source,
        now: Now,
        is_waiting: impl Fn(ConnId) -> bool,
    ) -> Option<Input<'static>> {
        let verdict = match &job.proof {
            Proof::Token(token) if self.tokens.fits(token, &job.mail, job.hash(), job.added, now.wall) => {
                Verdict::Match
            }
            Proof::Token(_) => Verdict::NoMatch,
            Proof::Password(_) if job.is_login() && self.cache.has(&job) => Verdict::Match,
            Proof::Password(_) => {
                let origin = job.is_login().then(|| self.throttle.origin(source, now.mono));
                return self.enqueue(Task::Check(job, origin), now, is_waiting);
            }
        };
        Some(Input::Checked(job, verdict))
    }

    pub(in crate::server) fn issue(&self, job: TokenJob, now: Time) -> Input<'static> {
        let token = self.tokens.issue(&job.mail, &job.hash, job.added, now);
        Input::Issued(job, token)
    }

    /// Takes a job: the new password is hashed when a login from there would be checked.
    pub(in crate::server) fn join(
        &mut self,
        job: JoinJob,
        source: Source,
        now: Now,
        is_waiting: impl Fn(ConnId) -> bool,
    ) -> Option<Input<'static>> {
        let origin = self.throttle.origin(source, now.mono);
        self.enqueue(Task::Join(job, origin), now, is_waiting)
    }

    /// Somebody at this address has guessed the word of an invitation.
    pub(in crate::server) fn record_wrong_word(&mut self, source: Source, now: Now) {
        self.throttle.record_wrong_password(source, now.mono);
    }

    /// Takes a task, or answers that the queue is full.
    pub(in crate::server) fn enqueue(
        &mut self,
        task: Task,
        now: Now,
        is_waiting: impl Fn(ConnId) -> bool,
    ) -> Option<Input<'static>> {
        Some(match self.queue.push(task, now.mono, is_waiting)? {
            Task::Check(job, _) => Input::Checked(job, Verdict::Busy),
            Task::Join(job, _) => Input::Joining(job, None, None),
            Task::Hash(job) => Input::Hashed(job, None),
        })
    }

    /// Forgets the verified passwords of members who were removed or have a new one.
    pub(in crate::server) fn forget(&mut self, changed: &[Changed]) {
        for changed in changed {
            if let Changed::Member { mail, what: Difference::Removed | Difference::Password, .. } = changed {
                self.cache.forget(mail);
            }
        }
    }

    /// Jobs that wait or are being worked on.
    pub(in crate::server) fn queued(&self) -> usize {
        self.queue.len() + self.at_thread
    }

    /// When the next job may go to the thread.
    pub(in crate::server) fn next_deadline(&self) -> Option<Duration> {
        if self.at_thread < AT_THREAD_MAX { self.queue.next_at() } else { None }
    }

    /// The next task, if the thread can take one.
    pub(in crate::server) fn next(&mut self, now: Now) -> Option<Task> {
        if self.at_thread < AT_THREAD_MAX { self.queue.pop(now.mono) } else { None }
    }

    /// Whether this password was verified before.
    pub(in crate::server) fn is_cached(&self, job: &CheckJob) -> bool {
        self.cache.has(job)
    }

    /// Hands a task to the thread. `costs` says how many members' hashes have each cost.
    pub(in crate::server) fn hand_over(&mut self, task: Task, costs: &BTreeMap<HashCost, usize>) {
        // Made for members' mails, too, so that it takes as long.
        let cost = match &task {
            Task::Check(job, _) => decoy::cost(costs, self.tokens.mail_hash(&job.mail)),
            Task::Join(..) | Task::Hash(_) => None,
        };
        let decoy = self.decoy.as_if_of(cost.unwrap_or(self.decoy.cost()));
        self.worker.try_send((task, decoy)).expect("the channel has room for all that may be at the thread");
        self.at_thread += 1;
    }

    /// Collects answers.
    pub(in crate::server) fn collect(&mut self, now: Now, inputs: &mut Vec<Input<'static>>) {
        while let Some(answer) = self.worker.try_recv() {
            self.at_thread -= 1;
            inputs.push(match answer {
                Answer::Checked(job, origin, verdict) => {
                    match origin {
                        Some(_) if verdict == Verdict::Match => self.cache.remember(&job),
                        Some(origin) => self.throttle.record_wrong_password(origin.source, now.mono),
                        None => {}
                    }
                    Input::Checked(job, verdict)
                }
                Answer::Joining(job, hash) => Input::Joining(job, Some(hash), None),
                Answer::Hashed(job, hash) => Input::Hashed(job, Some(hash)),
            });
        }
        if cfg!(debug_assertions) {
            self.queue.check();
        }
    }
}

/// Hashes a password on the calling thread, for `--init`. Fails if the system gives no random bytes.
pub fn hash_now(password: &Password) -> io::Result<PasswordHash> {
    Argon::default().hash(password)
}
