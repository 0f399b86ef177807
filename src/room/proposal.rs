//! Proposals: events on their way to the log, which gives each a number and keeps it, or refuses it. Until then a proposal is
//! no part of the transcript, and only its author's outbox knows of it.

use bytes::Bytes;

use crate::limits::{SEQ_DIGITS_MAX, TIME_LEN};
use crate::protocol::{Event, Seq, Time};
use crate::room::ids::ConnId;

/// The origin of a proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proposer {
    /// A message from this connection.
    Speaker(ConnId),
    /// A change of members.txt. It has happened already, so it is never refused.
    Roster,
}

/// Goes to the log with a proposal and comes back with the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProposalTicket {
    /// The origin, which is told the answer.
    pub by: Proposer,
    /// The bytes of the line, or slightly more.
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

    /// The bytes of all lines, or slightly more.
    pub fn size(&self) -> usize {
        self.proposals.iter().map(|proposal| proposal.ticket.size).sum()
    }

    /// Adds a proposal and returns its ticket's size.
    pub fn push(&mut self, by: Proposer, time: Time, event: &Event<'_>) -> usize {
        let (name, before) = (event.name(), self.text.len());
        event.write_rest(&mut self.text);
        let len = self.text.len() - before;
        let size = name.len() + 1 + SEQ_DIGITS_MAX + 1 + TIME_LEN + 1 + len;
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
        let Batch { text, proposals } = std::mem::take(self);
        let (mut refused, mut rest) = (Vec::new(), &text[..]);
        for proposal in proposals {
            let (text, after) = rest.split_at(proposal.len);
            rest = after;
            match proposal.ticket.by {
                Proposer::Speaker(_) => refused.push(proposal.ticket),
                Proposer::Roster => {
                    self.text.extend_from_slice(text);
                    self.proposals.push(proposal);
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
    /// The ticket of its proposal.
    pub ticket: ProposalTicket,
}
