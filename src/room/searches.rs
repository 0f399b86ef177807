//! A member searches once at a time: which searches are under way, and who waits for their end.

use std::collections::BTreeMap;

use crate::room::ConnId;
use crate::room::ids::MemberId;

/// The members whose search is under way, each with the connections whose FIND waits for its end.
#[derive(Debug, Default)]
pub(super) struct Searches(BTreeMap<MemberId, Vec<ConnId>>);

impl Searches {
    /// A search of this member begins.
    pub(super) fn begin(&mut self, member: MemberId) {
        let before = self.0.insert(member, Vec::new());
        debug_assert!(before.is_none(), "the one before has ended");
    }

    /// If a search of this member is under way, the connection waits for its end.
    pub(super) fn wait(&mut self, member: MemberId, id: ConnId) -> bool {
        let Some(waiting) = self.0.get_mut(&member) else { return false };
        waiting.push(id);
        true
    }

    /// The search of this member has ended. Returns who has waited for that.
    pub(super) fn end(&mut self, member: MemberId) -> Vec<ConnId> {
        self.0.remove(&member).unwrap_or_default()
    }

    /// Panics if fewer wait than these, who say so.
    pub(super) fn check(&self, waiting: usize) {
        assert!(waiting <= self.0.values().map(Vec::len).sum(), "one is not woken");
    }
}
