//! The members as members.txt has them, and changes of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use argon2::password_hash::phc;

use crate::limits::{
    ARGON2_KIB_PASSES_MAX, ARGON2_LANES_MAX, ARGON2_MEMORY_KIB_MAX, ARGON2_PASSES_MAX, ARGON2_WEAK_KIB_PASSES,
};
use crate::protocol::{Author, DisplayName, Look, Mail, Password, Role, Seq};

/// An Argon2id hash as a PHC string, with a cost within our limits. Cheap to clone.
#[derive(Clone, derive_more::Debug, PartialEq, Eq)]
#[debug("<hash>")]
pub struct PasswordHash {
    text: Arc<str>,
    cost: HashCost,
}

/// Why a string is not a usable hash.
#[derive(Clone, Copy, Debug, derive_more::Display, PartialEq, Eq)]
pub enum HashError {
    /// No PHC string, or another algorithm.
    #[display("not an Argon2id PHC string ($argon2id$v=19$m=…,t=…,p=…$salt$hash)")]
    Form,
    /// A part is missing or superfluous.
    #[display(
        "an Argon2id hash cut short, or with more after it: it has the form $argon2id$v=19$m=…,t=…,p=…$salt$hash"
    )]
    Parts,
    /// An unknown version.
    #[display("an Argon2id hash of an unknown version: v=19 and v=16 are known")]
    Version,
    /// A malformed cost.
    #[display(
        "an Argon2id hash with an invalid cost: it has the form m=…,t=…,p=…, and m is at least 8 times p"
    )]
    Parameters,
    /// A malformed salt.
    #[display("an Argon2id hash with an invalid salt: it has 8 to 48 bytes, as base64 without = at the end")]
    Salt,
    /// A malformed output.
    #[display(
        "an Argon2id hash with an invalid last part: it has 10 to 64 bytes, as base64 without = at the end"
    )]
    Output,
    /// A cost above our limits.
    #[display(
        "a hash that costs too much (at most m={ARGON2_MEMORY_KIB_MAX},t={ARGON2_PASSES_MAX},p={ARGON2_LANES_MAX}, \
         and m times t at most {ARGON2_KIB_PASSES_MAX})"
    )]
    Cost,
}

impl PasswordHash {
    /// Whether this is written as an Argon2id hash, valid or not.
    pub fn claims_to_be(text: &str) -> bool {
        text.starts_with(ARGON2ID)
    }

    /// Parses a PHC string.
    pub fn parse(text: &str) -> Result<PasswordHash, HashError> {
        let cost = HashCost::of(text)?;
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

    /// The cost of checking a password against it.
    pub fn cost(&self) -> HashCost {
        self.cost
    }

    /// A decoy with this cost: the salt and output of this hash, so that no known password fits.
    #[must_use]
    pub fn as_if_of(&self, cost: HashCost) -> PasswordHash {
        let HashCost { memory, passes, lanes } = cost;
        let (_, rest) = self.text.rsplit_once(",p=").expect("a PHC string has its lanes");
        let (_, end) = rest.split_once('$').expect("it has a salt");
        let text = format!("$argon2id$v=19$m={memory},t={passes},p={lanes}${end}");
        PasswordHash { text: text.into(), cost }
    }

    /// Whether the cost is less than half of our own: accepted, with a warning.
    pub fn is_weak(&self) -> bool {
        self.cost.memory.saturating_mul(self.cost.passes) < ARGON2_WEAK_KIB_PASSES
    }
}

/// Memory in KiB, passes and lanes of Argon2id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HashCost {
    memory: u32,
    passes: u32,
    lanes: u32,
}

/// The beginning of accepted hashes.
const ARGON2ID: &str = "$argon2id$";

impl HashCost {
    /// Checks one part after another, so that the error names the first bad one.
    fn of(text: &str) -> Result<HashCost, HashError> {
        let mut parts: Vec<&str> = text.strip_prefix(ARGON2ID).ok_or(HashError::Form)?.split('$').collect();
        if parts.first().is_some_and(|part| part.starts_with("v=")) {
            // No password would fit an unknown version.
            if !["v=19", "v=16"].contains(&parts.remove(0)) {
                return Err(HashError::Version);
            }
        }
        let [params, salt, output] = parts[..] else { return Err(HashError::Parts) };
        let params: phc::ParamsString = params.parse().map_err(|_| HashError::Parameters)?;
        let params = argon2::Params::try_from(&params).map_err(|_| HashError::Parameters)?;
        phc::Salt::from_b64(salt).map_err(|_| HashError::Salt)?;
        phc::Output::decode(output).map_err(|_| HashError::Output)?;
        // As it is parsed when a password is checked.
        phc::PasswordHash::new(text).map_err(|_| HashError::Form)?;
        Ok(HashCost { memory: params.m_cost(), passes: params.t_cost(), lanes: params.p_cost() })
    }
}

/// What a member's password is checked against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Secret {
    /// A hash.
    Hash(PasswordHash),
    /// A password typed by hand into members.txt, not yet replaced by its hash.
    Typed(Password),
}

/// A member's password, role and name in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The password or its hash.
    pub secret: Secret,
    /// The role.
    pub role: Role,
    /// What they want to be called.
    pub name: Option<DisplayName>,
}

impl Record {
    /// What the name looks like.
    pub(super) fn look(&self) -> Option<Look> {
        self.name.as_ref().map(DisplayName::look)
    }
}

/// A member as all nodes of a cluster have them: no password is typed there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The password's hash.
    pub hash: PasswordHash,
    /// The role.
    pub role: Role,
    /// What they want to be called.
    pub name: Option<DisplayName>,
}

impl From<Standing> for Record {
    fn from(Standing { hash, role, name }: Standing) -> Record {
        Record { secret: Secret::Hash(hash), role, name }
    }
}

/// All members. At least one is an admin.
pub type Roster = BTreeMap<Mail, Record>;

/// What a member's line says now; `None`: it was removed.
pub type Edit = (Mail, Option<Record>);

/// The mails whose records differ between two lists, or that are in only one of them.
pub fn differences<'a>(
    before: impl IntoIterator<Item = (&'a Mail, &'a Record)>,
    after: impl IntoIterator<Item = (&'a Mail, &'a Record)>,
) -> Vec<Mail> {
    let mut gone: BTreeMap<&Mail, &Record> = before.into_iter().collect();
    let after = after.into_iter();
    let there = after.filter(|(mail, record)| gone.remove(mail) != Some(*record));
    let mut different: BTreeSet<Mail> = there.map(|(mail, _)| mail.clone()).collect();
    different.extend(gone.into_keys().cloned());
    different.into_iter().collect()
}

/// A command's change of members.txt, which affects one line.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are what is in the line, or will be")]
pub enum Change {
    /// Adds a line at the end.
    Add { mail: Mail, hash: PasswordHash },
    /// The same, by an invitation that was made after the event `made`.
    Join { mail: Mail, hash: PasswordHash, made: Seq },
    /// Changes nothing: whether this mail may be invited.
    Invite { mail: Mail },
    /// Removes a line.
    Remove { mail: Mail },
    /// Changes the password in a line, if that is the `expected` one; `None`: whatever it is.
    SetPassword { mail: Mail, hash: PasswordHash, expected: Option<Secret> },
    /// Changes the role in a line.
    SetRole { mail: Mail, role: Role },
    /// Changes the name in a line, or takes it away.
    SetName { mail: Mail, name: Option<DisplayName> },
}

impl Change {
    /// Whose line it is.
    pub fn mail(&self) -> &Mail {
        let (Change::Add { mail, .. }
        | Change::Join { mail, .. }
        | Change::Invite { mail }
        | Change::Remove { mail }
        | Change::SetPassword { mail, .. }
        | Change::SetRole { mail, .. }
        | Change::SetName { mail, .. }) = self;
        mail
    }

    /// Whether a member who is no admin may ask for it: it is about their own line, and gives them nothing.
    pub fn is_own_of(&self, by: &Author) -> bool {
        let is_open =
            matches!(self, Change::Remove { .. } | Change::SetPassword { .. } | Change::SetName { .. });
        is_open && matches!(by, Author::Member(by) if by == self.mail())
    }
}

/// Why a change does not apply to the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeError {
    /// The mail is a member's already.
    AlreadyMember,
    /// No member has the mail.
    NoSuchMember,
    /// No admin would be left.
    LastAdmin,
    /// The line has another password than expected, or the file was edited.
    NotExpected,
    /// Somebody else has this name, or one that looks like it.
    NameTaken,
    /// Whoever asked for it is no admin any more: another change came first.
    NotAllowed,
}

/// Why a change of members.txt was not made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SaveError {
    /// The change does not apply.
    Refused(ChangeError),
    /// The file could not be read, parsed or replaced; a sentence for a person.
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
            ("v=17$m=19456,t=2,p=1", Some(HashError::Version)),
            ("v=0$m=19456,t=2,p=1", Some(HashError::Version)),
            ("v=19$m=262144,t=1,p=1", None),
            ("v=19$m=262144,t=2,p=1", Some(HashError::Cost)),
            ("v=19$m=38912,t=10,p=1", None),
            ("v=19$m=38912,t=11,p=1", Some(HashError::Cost)),
            ("v=19$m=64,t=17,p=1", Some(HashError::Cost)),
            ("v=19$m=7,t=1,p=1", Some(HashError::Parameters)),
            ("v=19$m=19456,t=0,p=1", Some(HashError::Parameters)),
            ("v=19$m=19456,t=2,x=1", Some(HashError::Parameters)),
            ("v=19$19456", Some(HashError::Parameters)),
            ("v=19", Some(HashError::Parts)),
            ("v=19$m=19456,t=2,p=1$more", Some(HashError::Parts)),
        ] {
            assert_eq!(parsed(head), error, "{head}");
        }
    }

    #[test]
    fn the_part_that_is_wrong_is_named() {
        let hash = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY";
        let long = "A".repeat(90);
        for (salt_and_hash, error) in [
            (format!("c2FsdHNhbHQ${hash}"), None),
            ("c2FsdHNhbHQ".to_owned(), Some(HashError::Parts)),
            (format!("c2FsdHNhbHQ${hash}$"), Some(HashError::Parts)),
            (format!("c2FsdA${hash}"), Some(HashError::Salt)),
            (format!("c2FsdHNhbHQ=${hash}"), Some(HashError::Salt)),
            (format!("{long}${hash}"), Some(HashError::Salt)),
            // The shortest that libargon2 makes.
            ("c29tZXNhbHRzYWx0$eV0upg".to_owned(), Some(HashError::Output)),
            (format!("c2FsdHNhbHQ${hash}="), Some(HashError::Output)),
            (format!("c2FsdHNhbHQ${long}"), Some(HashError::Output)),
            (format!("c2FsdHNhbHQ${}", hash.replace('N', "!")), Some(HashError::Output)),
            ("c2FsdHNhbHQ$".to_owned(), Some(HashError::Output)),
        ] {
            let text = format!("$argon2id$v=19$m=19456,t=2,p=1${salt_and_hash}");
            assert_eq!(PasswordHash::parse(&text).err(), error, "{text}");
        }
        for (text, error) in [
            ("$argon2i$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$x", HashError::Form),
            ("$argon2id", HashError::Form),
            ("$argon2id$", HashError::Parts),
        ] {
            assert_eq!(PasswordHash::parse(text).err(), Some(error), "{text}");
        }
    }
}
