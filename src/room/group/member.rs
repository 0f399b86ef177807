//! One member, and which connections are theirs.

use crate::protocol::{Role, Seq};
use crate::room::group::devices::Devices;
use crate::room::group::roster::{PasswordHash, Secret};
use crate::room::ids::{ConnId, MemberId, Version};
use crate::room::rate::Allowance;

#[derive(Debug)]
pub(in crate::room) struct Member {
    pub(in crate::room) id: MemberId,
    pub(super) secret: Secret,
    pub(in crate::room) role: Role,
    /// See [`Version`].
    pub(in crate::room) version: Version,
    /// While `secret` is a typed password: the hash before it, if that fits or may fit.
    pub(in crate::room) hash_before: Option<PasswordHash>,
    /// Whether it is still unknown if `hash_before` fits.
    pub(in crate::room) is_in_doubt: bool,
    /// The number of the member's ADDED line; 0 for the first members, who have none. `None`: it has no number yet.
    pub(in crate::room) added: Option<Seq>,
    /// How far each device has been served.
    pub(in crate::room) devices: Devices,
    /// How many lines the member may still send.
    pub(in crate::room) allowance: Allowance,
    /// In the order of their logins. A list, because most members have one connection, for which a tree would take 200 bytes.
    pub(super) connections: Vec<ConnId>,
    /// Connections that have left but are not closed: what was sent on them may still be acknowledged.
    pub(super) leaving: Vec<ConnId>,
}

impl Member {
    /// What the password is checked against.
    pub(in crate::room) fn secret(&self) -> &Secret {
        &self.secret
    }

    /// Whether the password in the file is a typed one.
    pub(in crate::room) fn is_typed(&self) -> bool {
        matches!(self.secret, Secret::Typed(_))
    }

    /// Whether the transcript, which ends with this line, has this member's ADDED line.
    pub(in crate::room) fn is_stored(&self, last: Seq) -> bool {
        self.added.is_some_and(|added| added <= last)
    }

    /// Whether the member was in the group at this event.
    pub(in crate::room) fn was_here_at(&self, seq: Seq) -> bool {
        self.added.is_some_and(|added| added < seq)
    }

    /// The hash that tokens depend on. For a typed password it is the hash before, until it is known not to fit.
    pub(in crate::room) fn token_hash(&self) -> Option<&PasswordHash> {
        match &self.secret {
            Secret::Hash(hash) => Some(hash),
            Secret::Typed(_) => self.hash_before.as_ref(),
        }
    }

    /// The connections of this member, with and without a feed, the newest first.
    pub(in crate::room) fn connections(&self) -> impl ExactSizeIterator<Item = ConnId> {
        self.connections.iter().rev().copied()
    }

    /// Connections that have left but are not closed.
    pub(in crate::room) fn leaving(&self) -> impl Iterator<Item = ConnId> {
        self.leaving.iter().rev().copied()
    }
}
