//! What somebody wants to happen, on its way to the log: the log gives it its number and keeps it, or refuses it. Until
//! then it is no part of the transcript, and nobody but its speaker's outbox knows of it.

use bytes::Bytes;

use crate::limits::{SEQ_DIGITS_MAX, TIME_LEN};
use crate::protocol::{Event, Seq, Time};
use crate::room::ids::ConnId;

/// Who proposed an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proposer {
    /// Somebody spoke, on this connection.
    Speaker(ConnId),
    /// members.txt has changed. That has happened, so it is never refused.
    Roster,
}

/// Goes to the log with a proposal, and comes back with the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProposalTicket {
    /// Who is to be told.
    pub by: Proposer,
    /// About as many bytes as the line has.
    pub size: usize,
}

#[derive(Debug)]
struct Proposal {
    name: &'static str,
    time: Time,
    /// Bytes of the batch's text that are its own.
    len: usize,
    ticket: ProposalTicket,
}

/// Proposals, in the order in which they were made.
#[derive(Debug, Default)]
pub struct Batch {
    /// Of each what follows the number and the time in its line.
    text: Vec<u8>,
    proposals: Vec<Proposal>,
}

impl Batch {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.proposals.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.proposals.len()
    }

    /// About as many bytes as all their lines will have, and no less.
    pub fn size(&self) -> usize {
        self.proposals.iter().map(|proposal| proposal.ticket.size).sum()
    }

    /// One more. Gives its ticket's size.
    pub fn push(&mut self, by: Proposer, time: Time, event: &Event<'_>) -> usize {
        let (name, before) = (event.name(), self.text.len());
        event.write_rest(&mut self.text);
        let len = self.text.len() - before;
        let size = name.len() + 1 + SEQ_DIGITS_MAX + 1 + TIME_LEN + 1 + len;
        self.proposals.push(Proposal { name, time, len, ticket: ProposalTicket { by, size } });
        size
    }

    /// Those of `later` come after these.
    pub fn append(&mut self, mut later: Batch) {
        if self.is_empty() {
            *self = later;
        } else {
            self.text.append(&mut later.text);
            self.proposals.append(&mut later.proposals);
        }
    }

    /// Takes out what may be refused. Gives the tickets.
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

    /// Each with the first word of its line, the time at which it was made, and what follows the number and the time.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, Time, &[u8], ProposalTicket)> {
        let mut rest = &self.text[..];
        self.proposals.iter().map(move |proposal| {
            let (text, after) = rest.split_at(proposal.len);
            rest = after;
            (proposal.name, proposal.time, text, proposal.ticket)
        })
    }
}

/// Events that have their numbers, in the one order that there is, and are kept.
#[derive(Clone, Debug)]
pub struct Committed {
    /// The number of the first.
    pub first: Seq,
    /// Their lines, each with its LF.
    pub lines: Bytes,
    /// One for each line.
    pub events: Vec<CommittedEvent>,
}

/// One of them.
#[derive(Clone, Copy, Debug)]
pub struct CommittedEvent {
    /// Bytes of its line.
    pub len: usize,
    /// As its line says it.
    pub time: Time,
    /// Of the proposal that it was.
    pub ticket: ProposalTicket,
}
