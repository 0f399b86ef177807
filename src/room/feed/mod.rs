//! Feeds: what every connection is owed, from a proposal on its way to the log to the bytes that a peer has acknowledged.

pub(super) mod ack_tracker;
pub(super) mod left_out;
pub(super) mod outbox;
pub(super) mod replies;

use std::ops::Range;

use crate::limits::{AHEAD_MAX, TRIES_MAX};
use crate::protocol::{Bye, Event, Mail, Verb, bye};
use crate::room::ids::MemberId;
use crate::room::saving::Saving;
use crate::room::searches::Searches;
use crate::room::settings::setting_in;
use crate::room::{
    Committed, CommittedEvent, ConnId, Effect, Ending, Group, GroupSettings, LogRefusal, Now, Peers, Placed,
    Pos, ProposalTicket, Proposals, Proposer, Transcript, Waiting, seconds,
};

/// The transcript, what is on its way to it, and the connections, each of which has a cursor into it.
#[derive(Debug)]
pub(crate) struct Feeds {
    /// The present turn.
    pub(crate) now: Now,
    pub(crate) transcript: Transcript,
    /// What the group has agreed on, by the transcript's events.
    pub(crate) settings: GroupSettings,
    pub(crate) proposals: Proposals,
    pub(crate) peers: Peers,
    pub(crate) searches: Searches,
    pub(crate) saving: Saving,
    /// Where the transcript ended when the present pass over all receivers began, or the last one. A pass serves each of them
    /// once, at least up to there, however much is said meanwhile.
    pub(crate) pass: Pos,
}

impl Feeds {
    pub(crate) fn new(transcript: Transcript) -> Feeds {
        let pass = transcript.end();
        let proposals = Proposals::after(transcript.last());
        let (settings, peers) = (GroupSettings::default(), Peers::default());
        let (searches, saving) = (Searches::default(), Saving::default());
        Feeds { now: Now::default(), transcript, settings, proposals, peers, searches, saving, pass }
    }

    /// Adds a reply to what a connection is owed.
    pub(crate) fn reply(&mut self, id: ConnId, lines: Vec<u8>) {
        if let Some(peer) = self.peers.get_mut(id) {
            peer.outbox.reply(&self.transcript, lines);
            self.peers.list(id);
        }
    }

    /// Proposes the event of this connection's command: a message, or what the group agrees on.
    pub(crate) fn propose(&mut self, id: ConnId, verb: Verb, event: &Event<'_>) {
        let by = if verb == Verb::Msg { Proposer::Speaker(id) } else { Proposer::Setter(id, verb) };
        self.proposals.push(self.now, by, event);
        self.peers.get_mut(id).expect("its line was taken").outbox.propose();
    }

    /// The log has committed these events. It may repeat events that are here already.
    pub(crate) fn committed(&mut self, committed: &Committed, group: &mut Group) {
        let Committed { first, lines, events } = committed;
        let (mut start, mut seq) = (self.transcript.end(), self.transcript.last());
        debug_assert!(*first <= seq.next(), "the log leaves nothing out");
        let known = usize::try_from(seq.next().0 - first.0).expect("few").min(events.len());
        let (known, new) = events.split_at(known);
        if new.is_empty() {
            return;
        }
        let known_len: usize = known.iter().map(|event| event.len).sum();
        let mut rest = &lines[known_len..];
        self.transcript.append(rest);
        for &CommittedEvent { len, time, ticket } in new {
            seq = seq.next();
            let placed = Placed { start, end: start.plus(len), seq, time };
            start = placed.end;
            let line = &rest[..len];
            rest = &rest[len..];
            if let Some(event) = setting_in(line) {
                self.settings.follow(&event);
                group.record_agreed(event);
            }
            if let Some(change) = self.proposals.committed(self.now, ticket) {
                group.announced(&change, seq, time);
            }
            match ticket.map(|ticket| ticket.by) {
                Some(Proposer::Speaker(id)) => self.settle(id, Verb::Msg, Ok(placed)),
                Some(Proposer::Setter(id, verb)) => self.settle(id, verb, Ok(placed)),
                Some(Proposer::Roster) | None => {}
            }
        }
    }

    /// The log will never commit these.
    pub(crate) fn refused(&mut self, tickets: &[ProposalTicket], why: LogRefusal) {
        self.proposals.refused(tickets, why);
        for ticket in tickets {
            match ticket.by {
                Proposer::Speaker(id) => self.settle(id, Verb::Msg, Err(why)),
                Proposer::Setter(id, verb) => self.settle(id, verb, Err(why)),
                Proposer::Roster => unreachable!("the log refuses no change of the group"),
            }
        }
    }

    /// The log has answered this connection's oldest unanswered message, TITLE or ANNOUNCE.
    fn settle(&mut self, id: ConnId, verb: Verb, answer: Result<Placed, LogRefusal>) {
        let Some(peer) = self.peers.get_mut(id) else { return };
        match answer {
            Ok(placed) if verb == Verb::Msg => peer.outbox.committed(&self.transcript, placed),
            Ok(placed) => peer.outbox.set(&self.transcript, Some(placed), self.settings.answer(verb)),
            Err(LogRefusal::SoAlready) => peer.outbox.set(&self.transcript, None, self.settings.answer(verb)),
            Err(why) => peer.outbox.refused(&self.transcript, verb, why),
        }
        if peer.has_waited() {
            self.peers.wake(id);
        }
        self.peers.list(id);
    }

    /// Whether what is said, or agreed on, has to wait: the receivers are too far behind, or what is on its way to the log
    /// decides who may speak.
    pub(crate) fn holds_what_is_said(&self) -> bool {
        self.is_far_ahead() || self.proposals.is_setting()
    }

    /// Whether the transcript, with what is on its way to the log, is too far ahead of the receivers.
    pub(crate) fn is_far_ahead(&self) -> bool {
        self.transcript.end().since(self.pass) + self.proposals.outstanding > AHEAD_MAX
    }

    /// The receivers may have caught up.
    pub(crate) fn wake_slowed(&mut self) {
        if !self.holds_what_is_said() {
            self.peers.wake_slowed();
        }
    }

    /// Whether this connection has to wait for the end of another search of its member's. If so, it is woken then.
    pub(crate) fn waits_for_search(&mut self, id: ConnId) -> bool {
        self.peers.member_of(id).is_some_and(|member| self.searches.wait(member, id))
    }

    /// The search of this member has ended.
    pub(crate) fn end_search(&mut self, member: MemberId) {
        let waiting = self.searches.end(member);
        self.peers.wake_from(Waiting::Search, waiting);
    }

    /// Blocks to be read from the files now.
    pub(crate) fn ask_blocks(&mut self) -> impl Iterator<Item = Effect> {
        self.transcript.blocks.ask().map(Effect::Block)
    }

    /// The peer's kernel has acknowledged `total` of all bytes sent.
    pub(crate) fn acknowledged(&mut self, id: ConnId, total: u64, group: &mut Group) {
        let Some(peer) = self.peers.get_mut(id) else { return };
        let before = peer.outbox.acks.outstanding();
        let arrived = peer.outbox.acknowledged(&self.transcript, total);
        if peer.outbox.acks.outstanding() < before {
            peer.heard = seconds(self.now);
        }
        if let (Some(seq), Some(seat)) = (arrived, peer.session.seat()) {
            group.arrived(seat, seq, self.now.wall);
        }
    }

    /// A password, a token or the word of an invitation was wrong. Too many end the connection.
    pub(crate) fn count_wrong(&mut self, id: ConnId, group: &mut Group) {
        let Some(peer) = self.peers.get_mut(id) else { return };
        peer.tries += 1;
        if peer.tries >= TRIES_MAX {
            self.end(id, Ending::AtEnd, Some(Bye::BadLogin), group);
        }
    }

    /// Takes no further line of this connection. `ending` says what it is still sent.
    pub(crate) fn end(&mut self, id: ConnId, ending: Ending, last_word: Option<Bye>, group: &mut Group) {
        self.peers.end_session(id, group);
        let Some(peer) = self.peers.get_mut(id) else { return };
        let (was_leaving, waits) = (peer.outbox.is_leaving(), peer.waiting != Waiting::No);
        match ending {
            Ending::AtEnd => peer.outbox.leave_at_end(&self.transcript),
            Ending::Answered => peer.outbox.leave_at_line_end(&self.transcript),
            Ending::AtLineEnd => peer.outbox.break_off(&self.transcript),
        }
        if let Some(last_word) = last_word.filter(|_| !was_leaving) {
            peer.outbox.reply(&self.transcript, bye(last_word));
            peer.last_word = Some(last_word);
        }
        if waits {
            self.peers.wake(id);
        }
        self.peers.list(id);
    }

    /// The same for this member's connections, each after the line that is being sent to it. One may be spared.
    pub(crate) fn end_member(&mut self, mail: &Mail, spared: Option<ConnId>, why: Bye, group: &mut Group) {
        let Some(member) = group.get(mail) else { return };
        let ids: Vec<ConnId> = member.connections().filter(|id| Some(*id) != spared).collect();
        let is_out = matches!(why, Bye::Removed | Bye::Left);
        let ending = if is_out { Ending::Answered } else { Ending::AtLineEnd };
        for id in ids {
            self.end(id, ending, Some(why), group);
        }
    }

    /// What became of the messages that the log has not answered will be known too late for their connections: ends all of them,
    /// with the line that is being sent. Who has half-closed and waits for such an answer is told, too, that none comes.
    pub(crate) fn break_off(&mut self, why: Bye, group: &mut Group) {
        let ids: Vec<ConnId> = (0..self.peers.slots()).filter_map(|slot| self.peers.at(slot)).collect();
        let half_closed = |id: &ConnId| {
            self.peers.get(*id).is_some_and(|peer| {
                let outbox = &peer.outbox;
                peer.last_word.is_none() && outbox.is_leaving() && outbox.replies.has_tickets()
            })
        };
        let unanswered: Vec<ConnId> = ids.into_iter().filter(half_closed).collect();
        self.peers.forget_tickets(self.transcript.end());
        self.end_slots(0..self.peers.slots(), Ending::AtLineEnd, why, group);
        for id in unanswered {
            if let Some(peer) = self.peers.get_mut(id) {
                peer.outbox.reply(&self.transcript, bye(why));
                peer.last_word = Some(why);
            }
        }
    }

    /// A removed member's connections that are leaving already get no later event. In a cluster the answers that they wait for
    /// may come long after the removal.
    pub(crate) fn end_leaving(&mut self, mail: &Mail, group: &Group) {
        let Some(member) = group.get(mail) else { return };
        for id in member.leaving() {
            if let Some(peer) = self.peers.get_mut(id) {
                peer.outbox.leave_without_later_events(&self.transcript);
                self.peers.list(id);
            }
        }
    }

    /// Ends the connections in these slots.
    pub(crate) fn end_slots(
        &mut self,
        slots: Range<usize>,
        ending: Ending,
        last_word: Bye,
        group: &mut Group,
    ) {
        for id in slots.filter_map(|slot| self.peers.at(slot)).collect::<Vec<_>>() {
            self.end(id, ending, Some(last_word), group);
        }
    }

    /// Panics if an invariant does not hold.
    pub(crate) fn check(&self) {
        self.transcript.check();
        self.proposals.check(self.transcript.last());
        self.peers.check(&self.transcript, self.holds_what_is_said());
        self.searches.check(self.peers.waiting_to_search());
    }
}
