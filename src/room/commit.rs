//! Proposals that the log has not answered yet, and what follows from its answers.

use std::collections::VecDeque;

use crate::protocol::{Author, Bye, Event, Mail, Seq};
use crate::room::Room;
use crate::room::group::Member;
use crate::room::ids::{ConnId, MemberId, Now};
use crate::room::interface::{CheckJob, Effect, Verdict};
use crate::room::proposal::{Batch, Committed, CommittedEvent, ProposalTicket, Proposer};
use crate::room::session::Ending;
use crate::room::transcript::window::Placed;

/// Proposals that the log has not answered yet.
#[derive(Debug, Default)]
pub(super) struct Proposals {
    /// Made in this turn, and not handed over yet.
    batch: Batch,
    /// The bytes of all of them, or slightly more.
    outstanding: usize,
    /// Changes of the group, in order. The log keeps that order.
    announcing: VecDeque<Announcing>,
    /// Whether the log takes nothing at present. When it does again, the first of `announcing` will be the next event.
    is_stalled: bool,
    /// Logins of members whose ADDED line has no number yet.
    logins: Vec<CheckJob>,
}

#[derive(Debug)]
struct Announcing {
    mail: Mail,
    /// The member who was added; `None`: removed.
    added: Option<MemberId>,
}

impl Proposals {
    /// Bytes on their way to the log, or waiting there.
    pub(super) fn outstanding(&self) -> usize {
        self.outstanding
    }

    fn push(&mut self, now: Now, by: Proposer, event: &Event<'_>) {
        self.outstanding += self.batch.push(by, now.wall, event);
    }

    fn answered(&mut self, ticket: ProposalTicket) {
        self.outstanding -= ticket.size;
    }

    /// Whether the transcript has all changes of the group.
    pub(super) fn is_group_settled(&self) -> bool {
        self.announcing.is_empty()
    }

    /// Whether the next event will be the addition of this member, with no other change of theirs after it.
    fn is_next(&self, mail: &Mail) -> bool {
        let mut announcing = self.announcing.iter();
        self.is_stalled
            && announcing.next().is_some_and(|first| first.mail == *mail)
            && announcing.all(|later| later.mail != *mail)
    }
}

impl Room {
    /// Hands the proposals of this turn to the log.
    pub fn poll_proposals(&mut self, effects: &mut Vec<Effect>) {
        if !self.proposals.batch.is_empty() {
            effects.push(Effect::Propose(std::mem::take(&mut self.proposals.batch)));
        }
    }

    pub(super) fn propose_message(&mut self, now: Now, id: ConnId, event: &Event<'_>) {
        self.proposals.push(now, Proposer::Speaker(id), event);
        self.peers.get_mut(id).expect("its line was taken").outbox.propose();
    }

    /// Proposes the ADDED event of a new member.
    pub(super) fn announce_added(&mut self, now: Now, by: Author, mail: Mail, member: Option<MemberId>) {
        self.proposals.push(now, Proposer::Roster, &Event::Added { by, mail: mail.clone() });
        self.proposals.announcing.push_back(Announcing { mail, added: member });
    }

    /// Proposes the REMOVED event of a former member.
    pub(super) fn announce_removed(&mut self, now: Now, by: Author, mail: Mail) {
        self.proposals.push(now, Proposer::Roster, &Event::Removed { by, mail: mail.clone() });
        self.proposals.announcing.push_back(Announcing { mail, added: None });
    }

    /// The log has committed these events. It may repeat events that are here already.
    pub(super) fn committed(&mut self, now: Now, committed: &Committed, effects: &mut Vec<Effect>) {
        let Committed { first, lines, events } = committed;
        debug_assert!(*first <= self.transcript.last().next(), "the log leaves nothing out");
        let known = usize::try_from(self.transcript.last().next().0 - first.0).expect("few");
        let known_len = events.iter().take(known).map(|event| event.len).sum::<usize>();
        if known >= events.len() {
            return;
        }
        let (mut start, mut seq) = (self.transcript.end(), self.transcript.last());
        self.transcript.append(&lines[known_len..]);
        self.proposals.is_stalled = false;
        for &CommittedEvent { len, time, ticket } in &events[known..] {
            seq = seq.next();
            let placed = Placed { start, end: start.plus(len), seq, time };
            start = placed.end;
            self.minute.count(now);
            self.proposals.answered(ticket);
            match ticket.by {
                Proposer::Speaker(id) => self.settle(id, Some(placed)),
                Proposer::Roster => self.announced(seq),
            }
        }
        self.continue_logins(now, effects);
        self.resume_slowed();
    }

    /// The log will never commit these, and takes nothing else at present. It keeps changes of the group for later.
    pub(super) fn refused(&mut self, now: Now, tickets: &[ProposalTicket], effects: &mut Vec<Effect>) {
        for &ticket in tickets {
            self.proposals.answered(ticket);
            match ticket.by {
                Proposer::Speaker(id) => self.settle(id, None),
                Proposer::Roster => unreachable!("the log refuses no change of the group"),
            }
        }
        self.proposals.is_stalled = !self.proposals.announcing.is_empty();
        self.continue_logins(now, effects);
        self.resume_slowed();
    }

    /// What the log has kept is unknown, and it takes nothing more.
    pub(super) fn log_failed(&mut self) {
        self.peers.forget_tickets();
        self.end_all(Ending::AtLineEnd, Bye::Storage);
    }

    /// The log has answered this connection's oldest unanswered message.
    fn settle(&mut self, id: ConnId, placed: Option<Placed>) {
        let Some(peer) = self.peers.get_mut(id) else { return };
        match placed {
            Some(placed) => peer.outbox.committed(&self.transcript, placed),
            None => peer.outbox.refused(&self.transcript),
        }
        self.peers.resume(id);
        self.peers.list(id);
    }

    /// The oldest change of the group without a number has this one.
    fn announced(&mut self, seq: Seq) {
        let announced = self.proposals.announcing.pop_front().expect("the log keeps their order");
        if let Some(id) = announced.added
            && let Some(member) = self.group.get_mut(&announced.mail).filter(|member| member.id == id)
        {
            debug_assert!(member.added.is_none_or(|added| added == seq), "it was expected to be the next");
            member.added = Some(seq);
        }
    }

    /// Holds a login back if the password is right but the member's ADDED line has no number yet: what members may read, and
    /// their tokens, begin with that number. While the log takes nothing, only the line that will be the next has a known
    /// number; the logins of other new members are refused for now. Returns the job if the login may go on.
    pub(super) fn hold_until_added(
        &mut self,
        now: Now,
        job: CheckJob,
        verdict: Verdict,
        effects: &mut Vec<Effect>,
    ) -> Option<CheckJob> {
        let is_right = job.is_login() && verdict == Verdict::Match && self.is_waiting(job.conn);
        if !is_right || self.group.get(&job.mail).is_none_or(|member| self.is_stored(member)) {
            return Some(job);
        }
        if !self.proposals.is_stalled {
            self.proposals.logins.push(job);
            return None;
        }
        if !self.proposals.is_next(&job.mail) {
            self.refuse_unstored(now, job, effects);
            return None;
        }
        self.group.get_mut(&job.mail).expect("just found").added = Some(self.transcript.last().next());
        Some(job)
    }

    /// Whether the transcript has this member's ADDED line.
    pub(super) fn is_stored(&self, member: &Member) -> bool {
        member.added.is_some_and(|added| added <= self.transcript.last())
    }

    /// Continues the logins that waited for the log.
    fn continue_logins(&mut self, now: Now, effects: &mut Vec<Effect>) {
        for job in std::mem::take(&mut self.proposals.logins) {
            self.checked(now, job, Verdict::Match, effects);
        }
    }
}
