//! A node's part in the stream: its proposals go out in batches and are sent again until they come back; what others say is
//! applied in order; and when the node hears nothing of itself any more, it says so.
//!
//! Pure: time comes in. Each input, [`Replica::propose`], [`Replica::heard`] and [`Replica::tick`], is followed by
//! [`Replica::poll`] until there is nothing; [`Replica::next_deadline`] says when to tick. `T` is the ticket of a proposal.
//!
//! Whether a batch that was sent is stored nobody knows until it comes back. So nothing is ever told as refused because of a
//! broker's answer or a time: only when the stream has refused it in its place, or when a fence of this node's start has come
//! back without it.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;

use crate::limits::{CUT_OFF_AFTER, PROBE_AFTER, SUM_EVERY, SUM_FIRST};
use crate::protocol::Seq;
use crate::server::log::cluster::applied::Stop;
use crate::server::log::cluster::batch::Head;
use crate::server::log::cluster::claims::Claims;
use crate::server::log::cluster::command::Command;
use crate::server::log::cluster::ids::{BatchNumber, NodeName, Start};
use crate::server::log::cluster::interface::{Act, Heard};
use crate::server::log::cluster::own::Own;
use crate::server::log::cluster::replica::phase::{Link, Phase, Reach};
use crate::server::log::cluster::state::State;
use crate::server::log::cluster::tail::{Message, Tail, Told};

/// A node's replica of the group.
#[derive(Debug)]
pub struct Replica<T> {
    state: State,
    own: Own<T>,
    tail: Tail,
    phase: Phase,
    link: Link,
    reach: Reach,
    /// The least start to begin.
    floor: Start,
    claims: Claims,
    /// When a message was applied last.
    heard_at: Duration,
    sum_at: Duration,
    acts: VecDeque<Act<T>>,
}

impl<T> Replica<T> {
    /// A node that continues after `state`. Its start will be at least `floor`, which has to be greater than all starts that
    /// this name has had: of an earlier process nothing may be stored yet.
    pub fn new(name: NodeName, floor: Start, state: State, now: Duration) -> Replica<T> {
        Replica {
            state,
            own: Own::new(name),
            tail: Tail::new(),
            phase: Phase::Replaying,
            link: Link::Down,
            reach: Reach::Quorum,
            floor,
            claims: Claims::default(),
            heard_at: now,
            sum_at: Duration::MAX,
            acts: VecDeque::new(),
        }
    }

    /// The group, with all that [`Replica::poll`] has returned or will return.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The present start; `None`: the node has not joined yet.
    pub fn start(&self) -> Option<Start> {
        (self.phase == Phase::Joined).then(|| self.own.start())
    }

    /// Proposes commands, in this order, after all earlier ones. Before the node has joined they wait. `shown` is the last change
    /// of the group that those who ask for them had been shown.
    pub fn propose<'a>(
        &mut self,
        now: Duration,
        shown: Seq,
        proposals: impl IntoIterator<Item = (Command<'a>, T)>,
    ) {
        if self.phase == Phase::Stopped {
            return;
        }
        for (command, ticket) in proposals {
            self.own.gather(now, shown, &command, ticket);
        }
        self.turn(now);
    }

    /// Something came from the broker.
    pub fn heard(&mut self, now: Duration, heard: Heard) {
        if self.phase == Phase::Stopped {
            return;
        }
        let next = self.state.next();
        match heard {
            Heard::Up => {
                self.link = Link::Up;
                self.tail.up(now);
                self.resend(now);
            }
            Heard::Down => {
                self.link = Link::Down;
                self.tail.down();
            }
            Heard::Live { seq, stamp, body } => self.tail.live(now, next, Message { seq, stamp, body }),
            Heard::Fetched { seq, stamp, body } => {
                self.tail.fetched(now, next, Message { seq, stamp, body });
            }
            Heard::FetchEnd { more } => match self.tail.ended(now, next, more) {
                Told::AtEnd if self.phase == Phase::Replaying && self.state.is_founded() => {
                    self.acts.push_back(Act::CaughtUp);
                }
                Told::AtEnd | Told::More => {}
                Told::Gone(first) => return self.stop(Stop::Gone { next, first }),
            },
            Heard::FetchFailed => self.tail.failed(now),
            Heard::Ack { seq } => self.tail.heard_of(now, next, seq),
            Heard::NoAck => self.own.was_refused(now),
        }
        self.turn(now);
    }

    /// Time has passed.
    pub fn tick(&mut self, now: Duration) {
        if self.phase != Phase::Stopped {
            self.turn(now);
        }
    }

    /// The next thing to do.
    pub fn poll(&mut self) -> Option<Act<T>> {
        self.acts.pop_front()
    }

    /// When to call [`Replica::tick`] even if nothing else happens.
    pub fn next_deadline(&self) -> Option<Duration> {
        if self.phase == Phase::Stopped {
            return None;
        }
        let resend = self.own.resend_at().filter(|_| self.link == Link::Up);
        let joined = [self.probe_at(), self.due_sum(), self.cut_off_at()];
        let joined = joined.into_iter().filter(|_| self.phase == Phase::Joined);
        joined.chain([resend, self.tail.deadline()]).flatten().min()
    }

    /// Panics if an invariant does not hold.
    pub fn check(&self) {
        self.state.check();
        self.own.check();
        if self.phase != Phase::Stopped {
            self.tail.check(self.state.next());
        }
    }

    /// Does what can be done now.
    fn turn(&mut self, now: Duration) {
        let before = self.state.next();
        while let Some(message) = self.tail.take(self.state.next()) {
            if let Err(stop) = self.apply(now, &message) {
                return self.stop(stop);
            }
        }
        if self.state.next() > before {
            self.heard_at = now;
            self.tail.has_applied(now, self.state.next());
        }
        if let Err(stop) = self.settle() {
            return self.stop(stop);
        }
        if self.phase == Phase::Joined {
            self.send(now);
            if self.cut_off_at().is_some_and(|at| now >= at) {
                self.reach = Reach::Nobody;
                self.acts.push_back(Act::CutOff);
            }
        }
        if self.own.resend_at().is_some_and(|at| now >= at) {
            self.resend(now);
        }
        if let Some(from) = self.tail.ask(now, self.state.next()) {
            self.acts.push_back(Act::Fetch { from });
        }
    }

    /// Sends what has gathered, and what is due of the node's own.
    fn send(&mut self, now: Duration) {
        while let Some(body) = self.own.send_gathered(now) {
            self.publish(body);
        }
        while self.own.may_send()
            && let Some((event, sum)) = self.claims.next_to_say()
        {
            self.say_sum(now, event, sum);
        }
        if self.due_sum().is_some_and(|at| now >= at) {
            self.sum_at = now + SUM_EVERY;
            self.say_sum(now, self.state.last(), self.state.sum());
        }
        if self.probe_at().is_some_and(|at| now >= at) {
            let body = self.own.send_own(now, self.heard_at, None);
            self.publish(body);
        }
    }

    fn publish(&mut self, body: Bytes) {
        // Without a broker it waits until there is one.
        if self.link == Link::Up {
            self.acts.push_back(Act::Publish(body));
        }
    }

    fn resend(&mut self, now: Duration) {
        if self.link == Link::Up {
            self.acts.extend(self.own.resend(now).into_iter().map(Act::Publish));
        }
    }

    fn apply(&mut self, now: Duration, message: &Message) -> Result<(), Stop> {
        let Message { seq, stamp, body } = message;
        let Some(applied) = self.state.apply(*seq, *stamp, body)? else { return Ok(()) };
        let number = applied.origin.number;
        let (tickets, stop) = match self.own_tickets(now, &applied.origin, body) {
            Ok(tickets) => (tickets, None),
            Err(stop) => (None, Some(stop)),
        };
        if self.phase == Phase::Joined && applied.origin.node != *self.own.name() {
            self.hear_sums(now, &applied);
        }
        // What the state has is told, whatever follows; a probe or the like is nobody else's affair.
        let (is_own, is_affair) = (tickets.is_some(), tickets.as_ref().is_some_and(Vec::is_empty));
        if !is_affair && !applied.outcomes.is_empty() {
            self.acts.push_back(Act::Applied(applied, tickets.unwrap_or_default()));
        }
        if let Some(stop) = stop {
            return Err(stop);
        }
        if is_own {
            self.has_come_back(now, number);
        }
        self.look_for_fence(now);
        self.look_for_namesake(now);
        Ok(())
    }

    /// The tickets of a batch that counts, if it is of this process.
    fn own_tickets(&mut self, now: Duration, origin: &Head, body: &[u8]) -> Result<Option<Vec<T>>, Stop> {
        let Head { node, start, number, .. } = origin;
        if node != self.own.name() || *start < self.own.start() || self.phase == Phase::Replaying {
            return Ok(None);
        }
        let tickets = match self.phase {
            _ if *start == self.own.start() => self.own.came_back(now, *number, body),
            Phase::Joining => return Ok(None),
            _ => None,
        };
        tickets.map(Some).ok_or_else(|| Stop::NameTaken { node: node.clone() })
    }

    fn has_come_back(&mut self, now: Duration, number: BatchNumber) {
        if number == BatchNumber::FIRST {
            if self.phase == Phase::Joining {
                self.phase = Phase::Joined;
            }
            self.sum_at = now + SUM_FIRST;
            self.acts.push_back(Act::Joined(self.own.start()));
        }
        if self.reach == Reach::Nobody {
            self.reach = Reach::Quorum;
            self.acts.push_back(Act::Back);
        }
    }

    /// After a fence of the present start nothing that is pending will ever count: now that is certain.
    fn look_for_fence(&mut self, now: Duration) {
        let known = self.state.node(self.own.name()).filter(|_| self.phase != Phase::Replaying);
        let known = known.filter(|known| known.last.is_none() && known.start >= self.own.start());
        let Some(known) = known else { return };
        self.acts.push_back(Act::Fenced(self.own.take_tickets()));
        self.begin(now, known.start.next());
    }

    fn begin(&mut self, now: Duration, start: Start) {
        self.own.begin(start);
        self.claims = Claims::default();
        let body = self.own.send_own(now, now, Some(&Command::Join));
        self.publish(body);
    }

    fn stop(&mut self, stop: Stop) {
        self.phase = Phase::Stopped;
        self.acts.push_back(Act::Stop(stop));
    }

    fn probe_at(&self) -> Option<Duration> {
        let silent = self.heard_at + PROBE_AFTER;
        self.own.waits_since().is_none().then(|| self.claims.ends_at().map_or(silent, |at| at.min(silent)))
    }

    fn due_sum(&self) -> Option<Duration> {
        self.own.may_send().then_some(self.sum_at)
    }

    fn cut_off_at(&self) -> Option<Duration> {
        let since = self.own.waits_since().filter(|_| self.reach == Reach::Quorum);
        since.map(|since| since + CUT_OFF_AFTER)
    }
}

mod joining;
mod phase;
mod questions;
#[cfg(test)]
pub(super) mod stage;
mod sums;
#[cfg(test)]
mod tests;
