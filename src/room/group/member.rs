//! One member, and which connections are theirs.

use crate::protocol::{DisplayName, Role, Seq};
use crate::room::group::devices::Devices;
use crate::room::{Allowance, ConnId, KnownMember, MemberId, PasswordHash, Secret, Version};

#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) id: MemberId,
    pub(super) secret: Secret,
    pub(crate) role: Role,
    pub(crate) name: Option<DisplayName>,
    /// See [`Version`].
    pub(crate) version: Version,
    /// While `secret` is a typed password: the hash before it, if that fits or may fit.
    pub(crate) hash_before: Option<PasswordHash>,
    /// Whether it is still unknown if `hash_before` fits.
    pub(crate) is_in_doubt: bool,
    /// The number of the member's ADDED line; 0 for the first members, who have none. `None`: it has no number yet.
    pub(crate) added: Option<Seq>,
    /// How far each device has been served.
    pub(crate) devices: Devices,
    /// How many lines the member may still send.
    pub(crate) allowance: Allowance,
    /// In the order of their logins. A list, because most members have one connection, for which a tree would take 200 bytes.
    pub(super) connections: Vec<ConnId>,
    /// Connections that have left but are not closed: what was sent on them may still be acknowledged.
    pub(super) leaving: Vec<ConnId>,
}

impl Member {
    /// What the password is checked against.
    pub(crate) fn secret(&self) -> &Secret {
        &self.secret
    }

    /// Whether the password in the file is a typed one.
    pub(crate) fn is_typed(&self) -> bool {
        matches!(self.secret, Secret::Typed(_))
    }

    /// What the history knows once it has all events; `None` while the ADDED line has no number.
    pub(crate) fn known(&self) -> Option<KnownMember> {
        Some(KnownMember { added: self.added?, role: Some(self.role), name: self.name.clone() })
    }

    /// Whether the transcript, which ends with this line, has this member's ADDED line.
    pub(crate) fn is_stored(&self, last: Seq) -> bool {
        self.added.is_some_and(|added| added <= last)
    }

    /// Whether the member was in the group at this event.
    pub(crate) fn was_here_at(&self, seq: Seq) -> bool {
        self.added.is_some_and(|added| added < seq)
    }

    /// Where the member's first device begins: before the ADDED line. `None` while that has no number.
    pub(super) fn before_added(&self) -> Option<Seq> {
        self.added.map(|added| Seq(added.0.saturating_sub(1)))
    }

    /// Whether a device that has come so far may be this member's. One that is further back than the ADDED line was that of an
    /// earlier member with this mail, and went with the removal.
    pub(crate) fn may_have_come_to(&self, seq: Seq) -> bool {
        Some(seq.next()) >= self.added
    }

    /// The hash that tokens depend on. For a typed password it is the hash before, until it is known not to fit.
    pub(crate) fn token_hash(&self) -> Option<&PasswordHash> {
        match &self.secret {
            Secret::Hash(hash) => Some(hash),
            Secret::Typed(_) => self.hash_before.as_ref(),
        }
    }

    /// The connections of this member, with and without a feed, the newest first.
    pub(crate) fn connections(&self) -> impl ExactSizeIterator<Item = ConnId> {
        self.connections.iter().rev().copied()
    }

    /// Connections that have left but are not closed.
    pub(crate) fn leaving(&self) -> impl Iterator<Item = ConnId> {
        self.leaving.iter().rev().copied()
    }

    /// Panics if an invariant does not hold.
    pub(super) fn check(&self) {
        assert!(!self.is_in_doubt || self.is_typed(), "only a typed password is in doubt");
        assert!(
            !self.is_in_doubt || self.hash_before.is_some(),
            "the doubt is whether it is the password before"
        );
        assert!(self.hash_before.is_none() || self.is_typed(), "only a typed password has a hash before it");
        self.devices.check(self.connections.len(), self.leaving.len());
    }
}
