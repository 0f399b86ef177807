//! What the hash thread does with its tasks.

use std::borrow::Cow;
use std::io;
use std::sync::mpsc::{Receiver, RecvError};

use base64ct::{Base64UrlUnpadded, Encoding as _};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::protocol::Password;
use crate::room::{CheckJob, HashFor, HashJob, JoinJob, PasswordHash, Proof, Secret, Verdict};
use crate::server::auth::argon::Argon;
use crate::server::auth::queue::{Origin, Task};
use crate::server::keys::random_key;

/// Why a hash can be made.
const HASHABLE: &str = "as at start: random bytes and 20 MB";

/// The answer to a task.
#[derive(Debug)]
pub(super) enum Answer {
    Checked(CheckJob, Option<Origin>, Verdict),
    Joining(JoinJob, PasswordHash),
    Hashed(HashJob, PasswordHash),
}

impl Argon {
    /// A hash with our own cost, of a random password.
    pub(super) fn decoy(&mut self) -> io::Result<PasswordHash> {
        let random = Zeroizing::new(Base64UrlUnpadded::encode_string(random_key()?.as_ref()));
        self.hash(&Password::parse(random.as_bytes()).expect("URL-safe characters"))
    }

    /// Waits for the next task. Frees the memory while there is none.
    pub(super) fn wait<T>(&mut self, tasks: &Receiver<T>) -> Result<T, RecvError> {
        tasks.try_recv().or_else(|_| {
            self.release();
            tasks.recv()
        })
    }

    /// `decoy` is computed when there is no hash to check against, so that it takes as long.
    pub(super) fn work(&mut self, task: Task, decoy: &PasswordHash) -> Answer {
        match task {
            Task::Check(mut job, origin) => {
                let verdict = self.check(&mut job, decoy);
                Answer::Checked(job, origin, verdict)
            }
            Task::Join(job, _) => {
                let hash = self.hash(&job.password).expect(HASHABLE);
                Answer::Joining(job, hash)
            }
            Task::Hash(job) => {
                let hash = match &job.purpose {
                    HashFor::Typed { before: Some(before), .. }
                        if self.fits(&job.password, before).is_some() =>
                    {
                        before.clone()
                    }
                    _ => self.hash(&job.password).expect(HASHABLE),
                };
                Answer::Hashed(job, hash)
            }
        }
    }

    /// If the password fits, the form that does stays in the job, for the cache.
    fn check(&mut self, job: &mut CheckJob, decoy: &PasswordHash) -> Verdict {
        let Proof::Password(password) = &mut job.proof else { unreachable!("tokens need no thread") };
        let form = match &job.against {
            Some((Secret::Hash(hash), _)) => self.fits(password, hash),
            Some((Secret::Typed(typed), _)) => {
                self.fits(password, decoy);
                let (typed, given) = (typed.composed(), password.composed());
                bool::from(typed.expose().as_bytes().ct_eq(given.expose().as_bytes())).then_some(given)
            }
            None => {
                self.fits(password, decoy);
                None
            }
        };
        let Some(form) = form.map(Cow::into_owned) else { return Verdict::NoMatch };
        *password = form;
        Verdict::Match
    }
}
