//! A log that several nodes share, as one of them sees it: what its room says waits for its place among what others say;
//! what changes the group has its place already, and its line follows at once.

use std::collections::VecDeque;

use chat_room::protocol::{Event, Seq, Time};
use chat_room::room::{Batch, Committed, CommittedEvent, ProposalTicket, Proposer, next_time};

/// An event without its number.
pub(super) struct Unnumbered {
    name: &'static str,
    clock: Time,
    /// What comes after number and time, with its LF.
    pub(super) rest: Vec<u8>,
    pub(super) ticket: Option<ProposalTicket>,
}

impl Unnumbered {
    /// Another node's.
    pub(super) fn of(event: &Event<'_>, clock: Time) -> Unnumbered {
        let mut rest = Vec::new();
        event.write_rest(&mut rest);
        Unnumbered { name: event.name(), clock, rest, ticket: None }
    }
}

pub(super) struct SharedLog {
    last: Seq,
    time: Time,
    /// The room's messages that have no place yet, in their order.
    pub(super) own: VecDeque<Unnumbered>,
}

impl SharedLog {
    pub(super) fn new(last: Seq, time: Time) -> SharedLog {
        SharedLog { last, time, own: VecDeque::new() }
    }

    /// Takes what the room has proposed, and returns the changes of the group in it.
    pub(super) fn propose(&mut self, batch: &Batch) -> Vec<Unnumbered> {
        let all = batch.iter().map(|(name, clock, rest, ticket)| Unnumbered {
            name,
            clock,
            rest: rest.to_vec(),
            ticket: Some(ticket),
        });
        let is_change = |event: &Unnumbered| event.ticket.is_some_and(|ticket| ticket.by == Proposer::Roster);
        let (changes, messages): (Vec<_>, Vec<_>) = all.partition(is_change);
        self.own.extend(messages);
        changes
    }

    /// Gives these the next numbers.
    pub(super) fn commit(&mut self, events: impl IntoIterator<Item = Unnumbered>) -> Committed {
        let (first, mut lines, mut committed) = (self.last.next(), Vec::new(), Vec::new());
        for Unnumbered { name, clock, rest, ticket } in events {
            self.last = self.last.next();
            self.time = next_time(self.time, clock);
            let before = lines.len();
            lines.extend_from_slice(format!("{name} {} {} ", self.last, self.time).as_bytes());
            lines.extend_from_slice(&rest);
            committed.push(CommittedEvent { len: lines.len() - before, time: self.time, ticket });
        }
        Committed { first, lines: lines.into(), events: committed }
    }

    /// The room's messages that have no place will never have one.
    pub(super) fn refuse_own(&mut self) -> Vec<ProposalTicket> {
        self.own.drain(..).filter_map(|event| event.ticket).collect()
    }
}
