//! Who gets in: passwords are hashed on a thread of their own, tokens are checked at once, guessers are throttled.

pub(super) mod admission;
mod argon;
mod decoy;
mod fair;
mod hasher;
pub mod passwords;
pub(super) mod queue;
mod throttle;
pub mod tokens;
mod verified;

use crate::room::{CheckJob, ConnId, Input, Now};
use crate::server::auth::admission::Admission;
use crate::server::auth::passwords::Passwords;

/// The wing that decides about logins and places.
#[derive(Debug)]
pub(in crate::server) struct Auth {
    pub(in crate::server) passwords: Passwords,
    pub(in crate::server) admission: Admission,
}

impl Auth {
    /// A password or a token is to be checked. A connection that waits for that is not evicted.
    pub(in crate::server) fn check(
        &mut self,
        job: CheckJob,
        now: Now,
        is_waiting: impl Fn(ConnId) -> bool,
    ) -> Option<Input<'static>> {
        let source = self.admission.source_of(job.conn);
        self.admission.protect(job.conn);
        self.passwords.check(job, source, now, is_waiting)
    }
}
