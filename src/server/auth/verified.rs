//! The cache of verified logins: of ten thousand devices of one member that come back at once, one is hashed.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io;

use subtle::{Choice, ConstantTimeEq as _};
use zeroize::Zeroizing;

use crate::protocol::{Mail, Password};
use crate::room::{CheckJob, PasswordHash, Proof};
use crate::server::auth::tokens::keyed_mac;
use crate::server::keys::{Key, random_key};

/// For each member a keyed MAC of mail, hash and the last password that was right.
pub(super) struct VerifiedCache {
    key: Key,
    macs: HashMap<Mail, Zeroizing<[u8; 32]>>,
}

impl VerifiedCache {
    pub(super) fn new() -> io::Result<VerifiedCache> {
        Ok(VerifiedCache { key: random_key()?, macs: HashMap::new() })
    }

    /// Whether this password was right before. Takes as long for unknown mails and for members who have not logged in.
    pub(super) fn has(&self, job: &CheckJob) -> bool {
        let known = self.macs.get(&job.mail).map_or([0; 32], |known| **known);
        let is_known = |form: Cow<'_, Password>| self.mac(job, &form).ct_eq(&known);
        let any =
            password_of(job).forms().map(is_known).fold(Choice::from(0), |any, is_known| any | is_known);
        bool::from(any) && job.hash().is_some()
    }

    /// Keeps a password that was right, in the form that fits the hash.
    pub(super) fn remember(&mut self, job: &CheckJob) {
        if job.hash().is_some() {
            self.macs.insert(job.mail.clone(), self.mac(job, password_of(job)));
        }
    }

    /// Forgets a member who was removed or has a new password.
    pub(super) fn forget(&mut self, mail: &Mail) {
        self.macs.remove(mail);
    }

    fn mac(&self, job: &CheckJob, password: &Password) -> Zeroizing<[u8; 32]> {
        let hash = job.hash().map_or("", PasswordHash::as_str);
        keyed_mac(&self.key, &[job.mail.as_str().as_bytes(), hash.as_bytes(), password.expose().as_bytes()])
    }
}

fn password_of(job: &CheckJob) -> &Password {
    let Proof::Password(password) = &job.proof else { unreachable!("tokens are not cached") };
    password
}
