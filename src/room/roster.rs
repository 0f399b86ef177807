//! Who is in the group, as members.txt has it, and the changes a command makes to it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use argon2::password_hash::phc;

use crate::limits::{
    ARGON2_KIB_PASSES_MAX, ARGON2_LANES_MAX, ARGON2_MEMORY_KIB_MAX, ARGON2_PASSES_MAX, ARGON2_WEAK_KIB_PASSES,
};
use crate::protocol::{Mail, Password, Role};

/// An Argon2id hash as a PHC string, its cost within what we are ready to pay. Cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash {
    text: Arc<str>,
    cost: HashCost,
}

/// Why a string is no usable hash, for the admin who typed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashError {
    /// Not of the PHC form, or of another algorithm.
    Form,
    /// It would take more memory or time than we pay for a login.
    Cost,
}

impl fmt::Display for HashError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HashError::Form => {
                f.write_str("not an Argon2id PHC string ($argon2id$v=19$m=…,t=…,p=…$salt$hash)")
            }
            HashError::Cost => write!(
                f,
                "a hash that costs too much (at most m={ARGON2_MEMORY_KIB_MAX},t={ARGON2_PASSES_MAX},p={ARGON2_LANES_MAX}, \
                 and m times t at most {ARGON2_KIB_PASSES_MAX})"
            ),
        }
    }
}

impl PasswordHash {
    /// Reads a PHC string.
    pub fn parse(text: &str) -> Result<PasswordHash, HashError> {
        let cost = HashCost::of(text).ok_or(HashError::Form)?;
        if cost.memory > ARGON2_MEMORY_KIB_MAX
            || cost.passes > ARGON2_PASSES_MAX
            || cost.memory.saturating_mul(cost.passes) > ARGON2_KIB_PASSES_MAX
            || cost.lanes > ARGON2_LANES_MAX
        {
            return Err(HashError::Cost);
        }
        Ok(PasswordHash { text: text.into(), cost })
    }

    /// The PHC string.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What it takes to check a password against it.
    pub fn cost(&self) -> HashCost {
        self.cost
    }

    /// A hash that nobody has the password of and that takes as long as one of this cost: this one's salt and
    /// output with another cost.
    #[must_use]
    pub fn as_if_of(&self, cost: HashCost) -> PasswordHash {
        let HashCost { memory, passes, lanes } = cost;
        let (_, rest) = self.text.rsplit_once(",p=").expect("a PHC string has its lanes");
        let (_, end) = rest.split_once('$').expect("it has a salt");
        let text = format!("$argon2id$v=19$m={memory},t={passes},p={lanes}${end}");
        PasswordHash { text: text.into(), cost }
    }

    /// Cheaper to guess than half of our own cost: accepted, with a warning.
    pub fn is_weak(&self) -> bool {
        self.cost.memory.saturating_mul(self.cost.passes) < ARGON2_WEAK_KIB_PASSES
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<hash>")
    }
}

/// Memory in KiB, passes and lanes of Argon2id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HashCost {
    memory: u32,
    passes: u32,
    lanes: u32,
}

impl HashCost {
    fn of(text: &str) -> Option<HashCost> {
        let hash = phc::PasswordHash::new(text).ok()?;
        let whole = hash.algorithm.as_str() == "argon2id" && hash.salt.is_some() && hash.hash.is_some();
        // A version that nobody knows would fit no password.
        let known = hash.version.is_none_or(|version| argon2::Version::try_from(version).is_ok());
        let params = argon2::Params::try_from(&hash).ok()?;
        (whole && known).then(|| HashCost {
            memory: params.m_cost(),
            passes: params.t_cost(),
            lanes: params.p_cost(),
        })
    }
}

/// What a member's password is checked against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Secret {
    /// The usual case.
    Hash(PasswordHash),
    /// Typed by hand into members.txt and not yet replaced by its hash.
    Typed(Password),
}

/// One member, as the file has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// What lets the member in.
    pub secret: Secret,
    /// What the member may do.
    pub role: Role,
}

/// The whole group. At least one admin is among them.
pub type Roster = BTreeMap<Mail, Record>;

/// What a command changes in members.txt: one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A new line at the end.
    Add {
        /// Who.
        mail: Mail,
        /// With which password.
        hash: PasswordHash,
    },
    /// A line less.
    Remove {
        /// Who.
        mail: Mail,
    },
    /// Another password in the line.
    SetPassword {
        /// Whose.
        mail: Mail,
        /// The new one.
        hash: PasswordHash,
        /// What has to stand there for the change to be right; `None`: whatever stands there.
        expected: Option<Secret>,
    },
}

/// Why a change does not fit the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeError {
    /// Add, but the mail is there.
    AlreadyMember,
    /// The mail is not there.
    NoSuchMember,
    /// Nobody would be left who may add.
    LastAdmin,
    /// Another password stands there than expected.
    NotExpected,
}

/// Why a change of members.txt was not made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SaveError {
    /// The file says no.
    Refused(ChangeError),
    /// The file could not be read, understood or replaced; a sentence for a person.
    Storage(String),
    /// Too many changes are waiting.
    Busy,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_one_that_can_fit_and_can_be_paid_for() {
        let parsed = |head: &str| {
            let hash = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY";
            PasswordHash::parse(&format!("$argon2id${head}$c2FsdHNhbHQ${hash}")).err()
        };
        for (head, error) in [
            ("v=19$m=19456,t=2,p=1", None),
            ("v=16$m=19456,t=2,p=1", None),
            ("m=19456,t=2,p=1", None),
            ("v=17$m=19456,t=2,p=1", Some(HashError::Form)),
            ("v=0$m=19456,t=2,p=1", Some(HashError::Form)),
            ("v=19$m=262144,t=1,p=1", None),
            ("v=19$m=262144,t=2,p=1", Some(HashError::Cost)),
            ("v=19$m=38912,t=10,p=1", None),
            ("v=19$m=38912,t=11,p=1", Some(HashError::Cost)),
            ("v=19$m=64,t=17,p=1", Some(HashError::Cost)),
        ] {
            assert_eq!(parsed(head), error, "{head}");
        }
    }
}
