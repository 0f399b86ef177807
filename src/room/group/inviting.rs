//! Whose invitations may be good: who may invite, and whose have ended. The admins are found by a mark, for which the word of
//! an invitation has room: so whose it is need not be tried with all of them.

use std::collections::{BTreeMap, BTreeSet};

use crate::protocol::{Mail, Role};
use crate::room::Ended;

/// Tells a mail from most others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark(pub [u8; 2]);

impl Mark {
    /// Of this mail: its FNV-1a hash, folded.
    pub fn of(mail: &Mail) -> Mark {
        let hash = mail
            .as_str()
            .bytes()
            .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
        let [a, b, c, d] = hash.to_le_bytes();
        Mark([a ^ c, b ^ d])
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Inviting {
    admins: BTreeMap<Mark, BTreeSet<Mail>>,
    /// Whose have ended, as far as the transcript tells.
    pub(crate) ended: Ended,
}

impl Inviting {
    /// This member has this role now, or is no member any more.
    pub(super) fn set_role(&mut self, mail: &Mail, role: Option<Role>) {
        let mark = Mark::of(mail);
        let alike = self.admins.entry(mark).or_default();
        match role {
            Some(Role::Admin) => alike.insert(mail.clone()),
            Some(Role::Member) | None => alike.remove(mail),
        };
        if alike.is_empty() {
            self.admins.remove(&mark);
        }
    }

    /// The admins with this mark.
    pub(crate) fn admins_marked(&self, mark: Mark) -> impl Iterator<Item = &Mail> {
        self.admins.get(&mark).into_iter().flatten()
    }

    /// Panics if these are not all admins, or an invariant does not hold.
    pub(super) fn check<'a>(&self, all: impl Iterator<Item = &'a Mail>) {
        assert!(self.ended.is_sound(), "invitations end one after the other");
        let all: BTreeSet<&Mail> = all.collect();
        assert_eq!(self.admins.values().flatten().collect::<BTreeSet<_>>(), all, "the admins are listed");
    }
}
