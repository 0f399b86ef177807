//! Proposals: events on their way to the log, which gives each a number and keeps it, or refuses it. Until then a proposal is
//! no part of the transcript, and only its author's outbox knows of it.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::limits::TIME_LEN;
use crate::protocol::{Author, Event, Mail, Role, Seq, Time, Verb};
use crate::room::{CheckJob, ConnId, LastMinute, MemberId, Now};

/// The origin of a proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proposer {
    /// A message from this connection.
    Speaker(ConnId),
    /// This connection's TITLE or ANNOUNCE.
    Setter(ConnId, Verb),
    /// A change of members.txt. It has happened already, so it is never refused.
    Roster,
}

/// Goes to the log with a proposal and comes back with the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProposalTicket {
    /// The origin, which is told the answer.
    pub by: Proposer,
    /// The bytes of the line. If other nodes' events come first, its number can have more digits than are counted here.
    pub size: usize,
}

#[derive(Debug)]
struct Proposal {
    name: &'static str,
    time: Time,
    /// Its bytes of the batch's text.
    len: usize,
    ticket: ProposalTicket,
}

/// Proposals, in the order in which they were made.
#[derive(Debug, Default)]
pub struct Batch {
    /// For each proposal, the part of its line after number and time.
    text: Vec<u8>,
    proposals: Vec<Proposal>,
}

impl Batch {
    /// Whether there are no proposals.
    pub fn is_empty(&self) -> bool {
        self.proposals.is_empty()
    }

    /// How many proposals there are.
    pub fn len(&self) -> usize {
        self.proposals.len()
    }

    /// The bytes of all lines, as their tickets count them.
    pub fn size(&self) -> usize {
        self.proposals.iter().map(|proposal| proposal.ticket.size).sum()
    }

    /// Adds a proposal, whose event gets this number if no other comes first. Returns its ticket's size.
    pub fn push(&mut self, by: Proposer, time: Time, seq: Seq, event: &Event<'_>) -> usize {
        let (name, before) = (event.name(), self.text.len());
        event.write_rest(&mut self.text);
        let len = self.text.len() - before;
        let size = name.len() + 1 + seq.digits() + 1 + TIME_LEN + 1 + len;
        self.proposals.push(Proposal { name, time, len, ticket: ProposalTicket { by, size } });
        size
    }

    /// Adds all of `later` after these.
    pub fn append(&mut self, mut later: Batch) {
        if self.is_empty() {
            *self = later;
        } else {
            self.text.append(&mut later.text);
            self.proposals.append(&mut later.proposals);
        }
    }

    /// Takes out the proposals that may be refused, and returns their tickets.
    pub fn take_refusable(&mut self) -> Vec<ProposalTicket> {
        let mut refused = Vec::new();
        for (name, time, text, ticket) in std::mem::take(self).iter() {
            match ticket.by {
                Proposer::Speaker(_) | Proposer::Setter(..) => refused.push(ticket),
                Proposer::Roster => {
                    self.text.extend_from_slice(text);
                    self.proposals.push(Proposal { name, time, len: text.len(), ticket });
                }
            }
        }
        refused
    }

    /// For each proposal: the first word of its line, the time when it was made, the part after number and time, the ticket.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, Time, &[u8], ProposalTicket)> {
        let mut rest = &self.text[..];
        self.proposals.iter().map(move |proposal| {
            let (text, after) = rest.split_at(proposal.len);
            rest = after;
            (proposal.name, proposal.time, text, proposal.ticket)
        })
    }
}

/// Events that the log has given their numbers and keeps, in their order.
#[derive(Clone, Debug)]
pub struct Committed {
    /// The number of the first event.
    pub first: Seq,
    /// The lines, each with its LF.
    pub lines: Bytes,
    /// One for each line.
    pub events: Vec<CommittedEvent>,
}

/// A committed event.
#[derive(Clone, Copy, Debug)]
pub struct CommittedEvent {
    /// Bytes of its line.
    pub len: usize,
    /// The time in its line.
    pub time: Time,
    /// The ticket of its proposal; `None`: another node proposed it.
    pub ticket: Option<ProposalTicket>,
}

/// Why the log will never commit a message, or another command's event. Nobody has seen it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogRefusal {
    /// It could not be stored. The log takes nothing at present; it keeps changes of the group and commits them before
    /// anything later.
    Storage,
    /// Its author is no member any more: another node's removal came first.
    NotAMember,
    /// It is longer than the lines of the group may be.
    TooLong,
    /// Only admins speak, and its author is none, in its place.
    AnnounceOnly,
    /// Its author is no admin any more, in its place.
    NotAllowed,
    /// It would say what is so already: the command has succeeded.
    SoAlready,
}

/// Whether the log can commit, as far as it has said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Quorum {
    #[default]
    Held,
    /// The node is cut off from the others.
    Lost,
    /// Held again, but what was proposed before is not all answered: whoever logs in now could say again what will still be
    /// committed.
    Regained,
}

/// A change of the group whose event has no number yet.
#[derive(Debug)]
pub(super) enum Announced {
    /// The new member; `None`: a later change has removed them.
    Added(Mail, Option<MemberId>),
    Removed(Mail),
    /// No admin any more.
    Demoted(Mail),
    Other,
}

impl Announced {
    /// The mail, if it tells who is in the group.
    fn member(&self) -> Option<&Mail> {
        match self {
            Announced::Added(mail, _) | Announced::Removed(mail) => Some(mail),
            Announced::Demoted(_) | Announced::Other => None,
        }
    }

    /// Whose invitations end with it.
    pub(super) fn end(&self) -> Option<&Mail> {
        match self {
            Announced::Removed(mail) | Announced::Demoted(mail) => Some(mail),
            Announced::Added(..) | Announced::Other => None,
        }
    }
}

/// An invitation that was allowed, whose word is not made yet.
#[derive(Debug)]
pub(super) struct Invited {
    /// The connection that waits.
    pub(super) conn: ConnId,
    pub(super) mail: Mail,
    pub(super) by: Mail,
}

/// Proposals that the log has not answered yet.
#[derive(Debug, Default)]
pub(super) struct Proposals {
    /// Made in this turn, and not handed over yet.
    batch: Batch,
    /// The bytes of their lines, as their tickets count them.
    pub(super) outstanding: usize,
    /// The number that the next one gets if no other event comes first.
    next: Seq,
    /// Changes of the group, in order. The log keeps that order.
    announcing: VecDeque<Announced>,
    /// How many of TITLE and ANNOUNCE the log has not answered. What is said after them is judged after them.
    setting: usize,
    /// Whether the log takes nothing at present. When it does again, the first of `announcing` will be the next event.
    pub(super) is_stalled: bool,
    pub(super) quorum: Quorum,
    /// Logins of members whose ADDED line has no number yet.
    pub(super) logins: Vec<CheckJob>,
    /// They wait until the ends of earlier invitations have their numbers.
    pub(super) invited: Vec<Invited>,
    pub(super) last_minute: LastMinute,
}

impl Proposals {
    /// None, after the event with this number.
    pub(super) fn after(last: Seq) -> Proposals {
        Proposals { next: last.next(), ..Proposals::default() }
    }

    /// Proposes an event.
    pub(super) fn push(&mut self, now: Now, by: Proposer, event: &Event<'_>) {
        self.setting += usize::from(matches!(by, Proposer::Setter(..)));
        self.outstanding += self.batch.push(by, now.wall, self.next, event);
        self.next = self.next.next();
    }

    /// Proposes the ADDED event of a new member.
    pub(super) fn added(&mut self, now: Now, by: Author, mail: Mail, member: Option<MemberId>) {
        self.push(now, Proposer::Roster, &Event::Added { by, mail: mail.clone() });
        self.announcing.push_back(Announced::Added(mail, member));
    }

    /// Proposes the REMOVED event of a former member.
    pub(super) fn removed(&mut self, now: Now, by: Author, mail: Mail) {
        self.push(now, Proposer::Roster, &Event::Removed { by, mail: mail.clone() });
        self.announcing.push_back(Announced::Removed(mail));
    }

    /// Proposes the event of another change of the group.
    pub(super) fn changed(&mut self, now: Now, event: &Event<'_>) {
        self.push(now, Proposer::Roster, event);
        self.announcing.push_back(match event {
            Event::Role { mail, role: Role::Member, .. } => Announced::Demoted(mail.clone()),
            _ => Announced::Other,
        });
    }

    /// What was proposed in this turn, if anything was.
    pub(super) fn take_batch(&mut self) -> Option<Batch> {
        (!self.batch.is_empty()).then(|| std::mem::take(&mut self.batch))
    }

    /// Whether what the group agrees on may be about to change.
    pub(super) fn is_setting(&self) -> bool {
        self.setting > 0
    }

    /// Whether the transcript has all changes of the group.
    pub(super) fn is_group_settled(&self) -> bool {
        self.announcing.is_empty()
    }

    /// While the log takes nothing: whether the ADDED line of this member will be the next event.
    pub(super) fn is_next(&self, mail: &Mail) -> bool {
        let mut announcing = self.announcing.iter().map(Announced::member);
        let is_first = announcing.next() == Some(Some(mail));
        // With a later change of the same member the line in question is that later addition, which has no number yet.
        is_first && announcing.flatten().all(|later| later != mail)
    }

    /// Whether invitations of this mail, or by this member, end with an event that has no number yet.
    pub(super) fn ends(&self, mail: &Mail) -> bool {
        self.announcing.iter().any(|change| change.end() == Some(mail))
    }

    /// The log has committed an event of its own, or another node's. Returns the change of the group that it was proposed to
    /// tell.
    pub(super) fn committed(&mut self, now: Now, ticket: Option<ProposalTicket>) -> Option<Announced> {
        self.is_stalled = false;
        self.last_minute.count(now);
        let Some(ticket) = ticket else {
            self.next = self.next.next();
            return None;
        };
        self.answered(&[ticket]);
        let is_change = ticket.by == Proposer::Roster;
        is_change.then(|| self.announcing.pop_front().expect("the log keeps their order"))
    }

    /// The log will never commit these messages.
    pub(super) fn refused(&mut self, tickets: &[ProposalTicket], why: LogRefusal) {
        self.answered(tickets);
        self.next.0 -= tickets.len() as u64;
        if why == LogRefusal::Storage {
            self.is_stalled = !self.announcing.is_empty();
        }
    }

    fn answered(&mut self, tickets: &[ProposalTicket]) {
        self.outstanding -= tickets.iter().map(|ticket| ticket.size).sum::<usize>();
        self.setting -= tickets.iter().filter(|ticket| matches!(ticket.by, Proposer::Setter(..))).count();
        if self.outstanding == 0 && self.quorum == Quorum::Regained {
            self.quorum = Quorum::Held;
        }
    }

    /// Panics if an invariant does not hold. `last`: the number of the last committed event.
    pub(super) fn check(&self, last: Seq) {
        let is_none_under_way = self.outstanding == 0;
        assert!(self.next > last && (!is_none_under_way || self.next == last.next()), "numbers are foretold");
    }

    /// The node has found the others again.
    pub(super) fn rejoined(&mut self) {
        self.quorum = Quorum::Regained;
        self.answered(&[]);
    }
}
