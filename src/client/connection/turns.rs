//! Which server of a group is tried next. Each gets its turn without a wait; after a round in which none took the login, there is
//! a pause.

use crate::client::failure::{Failure, LoginError};
use crate::protocol::Mail;

/// See the module.
#[derive(Debug)]
pub(in crate::client) struct Turns {
    /// HOST:PORT of each, as the command line has them.
    names: Vec<String>,
    /// The present one, or the next.
    pub(in crate::client) at: usize,
    /// So many more are tried in this round.
    left: usize,
    /// So many of this round are not trusted, or are not of the group.
    untrusted: usize,
    /// What a server of this round said about the login, if no wait changes it. Another one may know better: one that is behind
    /// does not know a new password yet.
    refused: Option<Failure>,
    /// Servers of which a person was told why they are passed over.
    told: Vec<usize>,
}

impl Turns {
    /// With the one that has taken the login first.
    pub(super) fn new(names: Vec<String>, at: usize) -> Turns {
        let left = names.len() - 1;
        Turns { names, at, left, untrusted: 0, refused: None, told: Vec::new() }
    }

    pub(super) fn are_many(&self) -> bool {
        self.names.len() > 1
    }

    /// The name of the present one, or of the next, where there are several.
    pub(in crate::client) fn name(&self) -> Option<&str> {
        self.are_many().then(|| self.names[self.at].as_str())
    }

    /// A connection that has lasted is gone: the others are tried without a wait.
    pub(super) fn begin(&mut self) {
        self.left = self.names.len() - 1;
        self.accepted();
    }

    /// A login has succeeded.
    pub(super) fn accepted(&mut self) {
        self.untrusted = 0;
        self.refused = None;
    }

    /// The login failed. A sentence for a person, if they do not know it yet.
    pub(super) fn failed(&mut self, why: &LoginError, me: &Mail) -> Option<String> {
        if why.may_pass() {
            return None;
        }
        let failure = why.failure(me);
        if !why.is_distrust() {
            self.refused = Some(failure);
            return None;
        }
        self.untrusted += 1;
        if self.untrusted == self.names.len() {
            self.refused = Some(failure);
            return None;
        }
        let is_news = !self.told.contains(&self.at);
        if is_news {
            self.told.push(self.at);
        }
        is_news.then(|| failure.sentence())
    }

    /// Goes on to the next. Whether without a wait. An error: no other attempt makes sense.
    pub(super) fn next(&mut self) -> Result<bool, Failure> {
        self.at = (self.at + 1) % self.names.len();
        if self.left > 0 {
            self.left -= 1;
            return Ok(true);
        }
        let refused = self.refused.take();
        self.begin();
        refused.map_or(Ok(false), Err)
    }
}
