//! A node's own batches: what gathers, what is under way, and when that is sent again.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use bytes::Bytes;

use crate::limits::{BATCH_HEAD_MAX, BATCH_MAX, BATCH_RESEND, BATCH_RESEND_REFUSED, BATCHES_UNDER_WAY_MAX};
use crate::protocol::{Mail, Seq};
use crate::server::histogram::Histogram;
use crate::server::log::cluster::batch::{Head, has_place};
use crate::server::log::cluster::command::Command;
use crate::server::log::cluster::ids::{BatchNumber, NodeName, Start};

#[derive(Debug)]
pub(super) struct Own<T> {
    name: NodeName,
    start: Start,
    /// The number of the next batch.
    next: BatchNumber,
    /// Batches that gather; all but the last are full.
    gathering: VecDeque<Gathering<T>>,
    /// Batches that were sent and have not come back, the oldest first. Whether they are stored nobody knows.
    under_way: VecDeque<UnderWay<T>>,
    resend_at: Duration,
    /// When one came back last.
    back_at: Duration,
    /// How long that one took.
    round_trip: Option<Duration>,
    /// How long all of them took.
    round_trips: Histogram,
    /// When that one was sent first.
    reached_at: Option<Duration>,
    /// Members for whom something was decided since [`Own::take_settled`].
    settled: Vec<Mail>,
}

#[derive(Debug)]
struct Gathering<T> {
    lines: Vec<u8>,
    /// See [`Head::shown`]: the same for all of them.
    shown: Option<Seq>,
    tickets: Vec<T>,
    /// The members who have asked for them.
    authors: BTreeSet<Mail>,
    /// When the first of them was proposed.
    since: Duration,
}

#[derive(Debug)]
struct UnderWay<T> {
    number: BatchNumber,
    body: Bytes,
    /// One for each command; none if it is the node's own affair.
    tickets: Vec<T>,
    authors: BTreeSet<Mail>,
    since: Duration,
    /// When it was sent first.
    sent_at: Duration,
}

impl<T> Own<T> {
    /// Nothing can be sent before [`Own::begin`].
    pub(super) fn new(name: NodeName) -> Own<T> {
        Own {
            name,
            start: Start(0),
            next: BatchNumber::FIRST,
            gathering: VecDeque::new(),
            under_way: VecDeque::new(),
            resend_at: Duration::MAX,
            back_at: Duration::ZERO,
            round_trip: None,
            round_trips: Histogram::default(),
            reached_at: None,
            settled: Vec::new(),
        }
    }

    pub(super) fn name(&self) -> &NodeName {
        &self.name
    }

    /// The start whose batches are under way.
    pub(super) fn start(&self) -> Start {
        self.start
    }

    /// The batch that has the last of what waits to be sent; if nothing does, the one that is sent next.
    pub(super) fn next_batch(&self) -> BatchNumber {
        BatchNumber(self.next.0 + (self.gathering.len() as u64).saturating_sub(1))
    }

    /// Whether nothing is under way but the node's own affairs, and one more of them may be sent.
    pub(super) fn owes_nothing(&self) -> bool {
        self.may_send() && self.under_way.iter().all(|batch| batch.tickets.is_empty())
    }

    /// Begins this start. Batches of an earlier one that are under way are forgotten: none of them will count.
    pub(super) fn begin(&mut self, start: Start) {
        self.start = start;
        self.next = BatchNumber::FIRST;
        self.under_way.clear();
    }

    /// Takes the tickets of all that was proposed and has not come back, in order.
    pub(super) fn take_tickets(&mut self) -> Vec<T> {
        let under_way = self.under_way.drain(..).map(|batch| (batch.tickets, batch.authors));
        let gathering = self.gathering.drain(..).map(|batch| (batch.tickets, batch.authors));
        let (tickets, authors): (Vec<_>, Vec<_>) = under_way.chain(gathering).unzip();
        self.settled.extend(authors.into_iter().flatten());
        tickets.into_iter().flatten().collect()
    }

    /// Adds a command after all earlier ones.
    pub(super) fn gather(&mut self, now: Duration, shown: Seq, command: &Command<'_>, ticket: T) {
        let author = command.author();
        let fresh = |lines, ticket| {
            let authors = author.cloned().into_iter().collect();
            Gathering { lines, shown: Some(shown), tickets: vec![ticket], authors, since: now }
        };
        let Some(batch) = self.gathering.back_mut().filter(|batch| batch.shown == Some(shown)) else {
            let mut lines = Vec::new();
            command.write(&mut lines);
            return self.gathering.push_back(fresh(lines, ticket));
        };
        let before = batch.lines.len();
        command.write(&mut batch.lines);
        if has_place(before, batch.lines.len() - before) {
            batch.tickets.push(ticket);
            if let Some(author) = author.filter(|author| !batch.authors.contains(*author)) {
                batch.authors.insert(author.clone());
            }
        } else {
            let lines = batch.lines.split_off(before);
            self.gathering.push_back(fresh(lines, ticket));
        }
    }

    /// Whether something that this member has asked for is not decided.
    pub(super) fn has_of(&self, mail: &Mail) -> bool {
        let under_way = self.under_way.iter().map(|batch| &batch.authors);
        under_way.chain(self.gathering.iter().map(|batch| &batch.authors)).any(|of| of.contains(mail))
    }

    /// Members for whom the last of all was decided since the last call.
    pub(super) fn take_settled(&mut self) -> Vec<Mail> {
        let mut settled = std::mem::take(&mut self.settled);
        settled.retain(|mail| !self.has_of(mail));
        settled
    }

    /// The next batch of what has gathered, if there is any and not too many are under way.
    pub(super) fn send_gathered(&mut self, now: Duration) -> Option<Bytes> {
        if !self.may_send() {
            return None;
        }
        let batch = self.gathering.pop_front()?;
        Some(self.send(now, batch))
    }

    /// A batch of the node's own: of one command, or of none.
    pub(super) fn send_own(
        &mut self,
        now: Duration,
        since: Duration,
        command: Option<&Command<'_>>,
    ) -> Bytes {
        let mut lines = Vec::new();
        if let Some(command) = command {
            command.write(&mut lines);
        }
        debug_assert!(
            self.gathering.is_empty() || self.next == BatchNumber::FIRST,
            "those have their numbers"
        );
        self.send(now, Gathering { lines, shown: None, tickets: Vec::new(), authors: BTreeSet::new(), since })
    }

    fn send(&mut self, now: Duration, batch: Gathering<T>) -> Bytes {
        let Gathering { lines, shown, tickets, authors, since } = batch;
        let number = self.next;
        self.next = number.next();
        let mut body = Vec::with_capacity(BATCH_HEAD_MAX + lines.len());
        Head { node: self.name.clone(), start: self.start, number, shown }.write(&mut body);
        body.extend_from_slice(&lines);
        let body = Bytes::from(body);
        if self.under_way.is_empty() {
            self.resend_at = now + BATCH_RESEND;
        }
        self.under_way.push_back(UnderWay {
            number,
            body: body.clone(),
            tickets,
            authors,
            since,
            sent_at: now,
        });
        body
    }

    /// A batch of this node and this start has come back, and counts. Returns its tickets; `None`: it is not ours, so another
    /// machine has our name.
    pub(super) fn came_back(&mut self, now: Duration, number: BatchNumber, body: &[u8]) -> Option<Vec<T>> {
        self.under_way.front().filter(|batch| batch.number == number && batch.body == body)?;
        let batch = self.under_way.pop_front()?;
        self.back_at = now;
        let took = now.saturating_sub(batch.sent_at);
        self.round_trip = Some(took);
        self.round_trips.observe(took);
        self.reached_at = Some(batch.sent_at);
        self.resend_at = now + BATCH_RESEND;
        self.settled.extend(batch.authors);
        Some(batch.tickets)
    }

    /// All that is under way, the oldest first, to be sent again.
    pub(super) fn resend(&mut self, now: Duration) -> Vec<Bytes> {
        self.resend_at = now + BATCH_RESEND;
        self.under_way.iter().map(|batch| batch.body.clone()).collect()
    }

    /// A broker has said that it takes none.
    pub(super) fn was_refused(&mut self, now: Duration) {
        self.resend_at = self.resend_at.min(now + BATCH_RESEND_REFUSED);
    }

    /// When to send all again, if anything is under way.
    pub(super) fn resend_at(&self) -> Option<Duration> {
        (!self.under_way.is_empty()).then_some(self.resend_at)
    }

    /// Since when the oldest proposal has waited, while nothing came back.
    pub(super) fn waits_since(&self) -> Option<Duration> {
        let under_way = self.under_way.front().map(|batch| batch.since);
        under_way.or(self.gathering.front().map(|batch| batch.since)).map(|since| since.max(self.back_at))
    }

    /// Since when something that was sent has had no answer, while nothing came back.
    pub(super) fn unanswered_since(&self) -> Option<Duration> {
        self.under_way.front().map(|batch| batch.sent_at.max(self.back_at))
    }

    /// Whether one more batch may be sent.
    pub(super) fn may_send(&self) -> bool {
        self.under_way.len() < BATCHES_UNDER_WAY_MAX
    }

    /// How long the batch that came back last was under way.
    pub(super) fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }

    pub(super) fn round_trips(&self) -> &Histogram {
        &self.round_trips
    }

    /// When the batch that came back last was sent first.
    pub(super) fn reached_at(&self) -> Option<Duration> {
        self.reached_at
    }

    /// Which of these members have proposed something that has not come back, and the number of the last batch with something
    /// of theirs. What gathers has its numbers already: a batch of the node's own is sent only when nothing gathers.
    pub(super) fn pending_of(&self, mails: &BTreeSet<Mail>) -> BTreeMap<Mail, BatchNumber> {
        let under_way = self.under_way.iter().map(|batch| (batch.number, &batch.authors));
        let gathering =
            (self.next.0..).zip(&self.gathering).map(|(number, batch)| (BatchNumber(number), &batch.authors));
        let all = under_way.chain(gathering);
        let of =
            all.flat_map(|(number, authors)| authors.intersection(mails).map(move |mail| (mail, number)));
        of.map(|(mail, number)| (mail.clone(), number)).collect()
    }

    /// Batches under way.
    pub(super) fn under_way(&self) -> usize {
        self.under_way.len()
    }

    /// Panics if an invariant does not hold.
    pub(super) fn check(&self) {
        assert!(self.under_way.len() <= BATCHES_UNDER_WAY_MAX, "not too many are under way");
        let after_all = self.under_way.back().is_none_or(|last| last.number.next() == self.next);
        assert!(after_all && self.under_way.iter().is_sorted_by(|a, b| a.number.next() == b.number));
        let bodies = self.under_way.iter().map(|batch| batch.body.len());
        let gathering = self.gathering.iter().map(|batch| BATCH_HEAD_MAX + batch.lines.len());
        assert!(bodies.chain(gathering).all(|len| len <= BATCH_MAX), "no batch is too long");
    }
}
