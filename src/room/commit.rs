//! Proposals that the log has not answered yet, and what follows from its answers.

use std::collections::VecDeque;

use crate::protocol::{Author, Event, Mail, Seq};
use crate::room::commands::last_minute::LastMinute;
use crate::room::group::Group;
use crate::room::ids::{ConnId, MemberId, Now};
use crate::room::jobs::CheckJob;
use crate::room::peers::Peers;
use crate::room::proposal::{Batch, Committed, CommittedEvent, ProposalTicket, Proposer};
use crate::room::transcript::window::{Placed, Transcript};

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
    /// Events committed in the last minute.
    last_minute: LastMinute,
}

/// What is known of the ADDED line of a member, which has no number yet.
pub(super) enum Announced {
    /// The log will commit it soon.
    Soon,
    /// The log takes nothing at present; when it does again, this will be the next event.
    Next,
    /// The log takes nothing at present, and others come first.
    Later,
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

    /// Proposes a message from this connection.
    pub(super) fn message(&mut self, now: Now, id: ConnId, event: &Event<'_>, peers: &mut Peers) {
        self.push(now, Proposer::Speaker(id), event);
        peers.get_mut(id).expect("its line was taken").outbox.propose();
    }

    /// Proposes the ADDED event of a new member.
    pub(super) fn added(&mut self, now: Now, by: Author, mail: Mail, member: Option<MemberId>) {
        self.push(now, Proposer::Roster, &Event::Added { by, mail: mail.clone() });
        self.announcing.push_back(Announcing { mail, added: member });
    }

    /// Proposes the REMOVED event of a former member.
    pub(super) fn removed(&mut self, now: Now, by: Author, mail: Mail) {
        self.push(now, Proposer::Roster, &Event::Removed { by, mail: mail.clone() });
        self.announcing.push_back(Announcing { mail, added: None });
    }

    fn push(&mut self, now: Now, by: Proposer, event: &Event<'_>) {
        self.outstanding += self.batch.push(by, now.wall, event);
    }

    /// What was proposed in this turn, if anything was.
    pub(super) fn take_batch(&mut self) -> Option<Batch> {
        (!self.batch.is_empty()).then(|| std::mem::take(&mut self.batch))
    }

    /// Whether the transcript has all changes of the group.
    pub(super) fn is_group_settled(&self) -> bool {
        self.announcing.is_empty()
    }

    /// What is known of the ADDED line of this member, which has no number yet.
    pub(super) fn announced(&self, mail: &Mail) -> Announced {
        if !self.is_stalled {
            return Announced::Soon;
        }
        let mut announcing = self.announcing.iter();
        let is_first = announcing.next().is_some_and(|first| first.mail == *mail);
        // With a later change of the same member the line in question is that later addition, which has no number yet.
        if is_first && announcing.all(|later| later.mail != *mail) {
            Announced::Next
        } else {
            Announced::Later
        }
    }

    /// This login waits until the log has answered.
    pub(super) fn postpone(&mut self, login: CheckJob) {
        self.logins.push(login);
    }

    /// The log has answered: logins that waited for that.
    pub(super) fn take_logins(&mut self) -> Vec<CheckJob> {
        std::mem::take(&mut self.logins)
    }

    /// Events of the last minute.
    pub(super) fn committed_lately(&mut self, now: Now) -> u64 {
        self.last_minute.total(now)
    }
}

/// The log has committed these events. It may repeat events that are here already.
pub(super) fn committed(
    now: Now,
    committed: &Committed,
    transcript: &mut Transcript,
    group: &mut Group,
    proposals: &mut Proposals,
    peers: &mut Peers,
) {
    let Committed { first, lines, events } = committed;
    debug_assert!(*first <= transcript.last().next(), "the log leaves nothing out");
    let known = usize::try_from(transcript.last().next().0 - first.0).expect("few");
    let known_len = events.iter().take(known).map(|event| event.len).sum::<usize>();
    if known >= events.len() {
        return;
    }
    let (mut start, mut seq) = (transcript.end(), transcript.last());
    transcript.append(&lines[known_len..]);
    proposals.is_stalled = false;
    for &CommittedEvent { len, time, ticket } in &events[known..] {
        seq = seq.next();
        let placed = Placed { start, end: start.plus(len), seq, time };
        start = placed.end;
        proposals.last_minute.count(now);
        proposals.outstanding -= ticket.size;
        match ticket.by {
            Proposer::Speaker(id) => settle(id, Some(placed), transcript, peers),
            Proposer::Roster => announced(seq, group, proposals),
        }
    }
}

/// The log will never commit these, and takes nothing else at present. It keeps changes of the group for later.
pub(super) fn refused(
    tickets: &[ProposalTicket],
    transcript: &Transcript,
    proposals: &mut Proposals,
    peers: &mut Peers,
) {
    for &ticket in tickets {
        proposals.outstanding -= ticket.size;
        match ticket.by {
            Proposer::Speaker(id) => settle(id, None, transcript, peers),
            Proposer::Roster => unreachable!("the log refuses no change of the group"),
        }
    }
    proposals.is_stalled = !proposals.announcing.is_empty();
}

/// The log has answered this connection's oldest unanswered message.
fn settle(id: ConnId, placed: Option<Placed>, transcript: &Transcript, peers: &mut Peers) {
    let Some(peer) = peers.get_mut(id) else { return };
    match placed {
        Some(placed) => peer.outbox.committed(transcript, placed),
        None => peer.outbox.refused(transcript),
    }
    if peer.has_waited() {
        peers.wake(id);
    }
    peers.list(id);
}

/// The oldest change of the group without a number has this one.
fn announced(seq: Seq, group: &mut Group, proposals: &mut Proposals) {
    let announced = proposals.announcing.pop_front().expect("the log keeps their order");
    if let Some(id) = announced.added
        && let Some(member) = group.get_mut(&announced.mail).filter(|member| member.id == id)
    {
        debug_assert!(member.added.is_none_or(|added| added == seq), "it was expected to be the next");
        member.added = Some(seq);
    }
}
