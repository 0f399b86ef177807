//! Invitations, as the stream has them: which are still good where somebody accepts one. From the first INVITE on every node
//! remembers whose invitations have ended since. So nodes that began with notes of an earlier version come to the same.

use crate::protocol::{Author, Event, Mail, Seq};
use crate::room::Ended;
use crate::server::log::cluster::applied::{GroupChange, Refusal};
use crate::server::log::cluster::members::StateMember;
use crate::server::log::cluster::state::State;
use crate::server::log::lines::Last;

impl State {
    /// Whether they may invite this mail, after the event `last`: if they may add it.
    pub(super) fn invite(&mut self, by: &Author, mail: &Mail, last: Seq) -> Result<(), Refusal> {
        self.members.may_add(by, mail)?;
        self.ended.get_or_insert_with(|| Ended::since(last));
        Ok(())
    }

    /// Adds a member by an invitation that was made after the event `made`.
    pub(super) fn accept(
        &mut self,
        by: &Mail,
        mail: Mail,
        made: Seq,
        member: StateMember,
    ) -> Result<GroupChange, Refusal> {
        // Before the first INVITE there were no invitations.
        if self.ended.as_ref().is_none_or(|ended| ended.has(made, &mail, by)) {
            return Err(Refusal::NotAllowed);
        }
        self.members.add(&Author::Member(by.clone()), mail, member)
    }

    /// Ends the invitations that end with this event, whose number and time `at` has.
    pub(super) fn end_invitations(&mut self, at: Last, event: &Event<'_>) {
        if let Some(ended) = &mut self.ended {
            ended.follow(at.seq, at.time, event);
        }
    }
}
