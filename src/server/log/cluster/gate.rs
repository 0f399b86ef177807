//! The login gate. Before a member is let in here, everything that they have said before, on any node, has its place in the
//! stream or will never have one, so the last event that the answer names is certain.
//!
//! Every other node whose start is not over is asked, one question for many logins. It answers how far it has applied the stream,
//! and which of these members have something under way, up to which of its batches; the login waits for that. A node that does
//! not answer is fenced: nothing more of that start will count. That is done only by a node whose own batches still come back,
//! or after a partition the smaller part would end the larger one's starts.
//!
//! A login waits, too, until a batch of this node has come back that was sent after the member had asked: one probe is enough for
//! all who wait, and none is needed if members of this node say something. That batch is the proof of two things. This node's
//! start was not over when the member asked, which it may not know yet. And it knows every node that had let anybody in
//! before: the JOIN of that one comes earlier in the stream.
//!
//! The question names the devices that are new here. Once the others have answered, they are new to none of them, unless a member
//! has as many as are kept: wherever one goes on when this node is gone, it begins where it has been, not where its member's other
//! devices are by then.
//!
//! A node that reaches no quorum gets no proof, and can end nobody's start. It lets members in all the same, once it has sent
//! something and nothing has come back for a while, and tells them that their last event is not certain. Not so after a fence,
//! before its next start is in the stream: nobody would ask it about those members. Nor does it let in a device that is new here:
//! it is not certain that the others know of that.
//!
//! Pure: time comes in. Each input is followed by [`Gate::turn`] and then [`Gate::poll`] until there is nothing;
//! [`Gate::next_deadline`] says when to call [`Gate::turn`] even if nothing happens. `L` is a login.

mod question;
mod silence;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

pub use question::{Answer, Question, QuestionId};

use crate::limits::{CUT_OFF_AFTER, GATE_ASK_AGAIN, GATE_MAILS_MAX, GATE_QUESTIONS_MAX, GATE_SILENT};
use crate::protocol::{LastIs, Mail};
use crate::room::Delivered;
use crate::server::log::cluster::gate::silence::Silence;
use crate::server::log::cluster::ids::{BatchNumber, NodeName, Start};
use crate::server::log::cluster::replica::Replica;
use crate::server::log::cluster::state::State;

/// What to do, in this order.
#[derive(Debug)]
pub enum GateAct<L> {
    /// Ask this node.
    Ask(NodeName, Question),
    /// Send an empty batch.
    Probe,
    /// Propose the end of this start.
    Fence(NodeName, Start),
    /// These members are let in; what is known of what they have said before.
    Open(Vec<L>, LastIs),
}

/// See the module.
#[derive(Debug)]
pub struct Gate<L> {
    own: NodeName,
    /// Logins for the next round.
    gathering: Vec<Waiting<L>>,
    /// Those with a new device while this node is alone: they are asked about again when it is not. They keep nobody else waiting.
    held: Vec<Waiting<L>>,
    rounds: Vec<Round<L>>,
    last_id: QuestionId,
    /// Nodes that owe an answer.
    silent: BTreeMap<NodeName, Silence>,
    is_up: bool,
    acts: VecDeque<GateAct<L>>,
}

/// A login that waits.
#[derive(Debug)]
struct Waiting<L> {
    mail: Mail,
    login: L,
    /// Where its device begins at the earliest, if that is new here.
    new_device: Option<Delivered>,
}

/// Logins that the nodes are asked about together.
#[derive(Debug)]
struct Round<L> {
    id: QuestionId,
    began: Duration,
    mails: BTreeSet<Mail>,
    logins: Vec<Waiting<L>>,
    /// A batch of this start that is sent after they have asked, and after all that members have asked for here before.
    start: Start,
    proof: BatchNumber,
    asked: BTreeMap<NodeName, Duration>,
    answers: BTreeMap<NodeName, Answer>,
    /// Since when all have answered.
    answered_at: Option<Duration>,
}

impl<L> Round<L> {
    /// Whether the batch has come back that is sent after these members have asked.
    fn is_proven<T>(&self, own: &NodeName, replica: &Replica<T>) -> bool {
        replica.own_start() == self.start && replica.state().has_decided(own, self.start, self.proof)
    }

    /// When these members are let in without proof if the node is alone by then. The others get a moment to tell how far devices
    /// have come there.
    fn opens_alone_at<T>(&self, replica: &Replica<T>) -> Option<Duration> {
        let heard = if self.answered_at.is_some() { self.began } else { self.began + GATE_ASK_AGAIN };
        replica.alone_at().map(|at| at.max(heard))
    }

    /// Takes all, and tells those whose device is new here from the others.
    fn take_logins(&mut self) -> (Vec<Waiting<L>>, Vec<Waiting<L>>) {
        let logins = std::mem::take(&mut self.logins).into_iter();
        logins.partition(|waiting| waiting.new_device.is_some())
    }
}

impl<L> Gate<L> {
    /// The gate of this node.
    pub fn new(own: NodeName) -> Gate<L> {
        Gate {
            own,
            gathering: Vec::new(),
            held: Vec::new(),
            rounds: Vec::new(),
            last_id: QuestionId(0),
            silent: BTreeMap::new(),
            is_up: false,
            acts: VecDeque::new(),
        }
    }

    /// A member wants to be let in. `new_device`: where their device begins at the earliest, if it has not been here before.
    pub fn wait(&mut self, mail: Mail, login: L, new_device: Option<Delivered>) {
        self.gathering.push(Waiting { mail, login, new_device });
    }

    /// There is a connection to a broker again: the others may need a moment to find theirs.
    pub fn up(&mut self, now: Duration) {
        self.is_up = true;
        for silence in self.silent.values_mut() {
            *silence = Silence::of(silence.start, now);
        }
        self.rounds.iter_mut().for_each(|round| round.asked.clear());
    }

    /// There is none.
    pub fn down(&mut self) {
        self.is_up = false;
    }

    /// A node has answered.
    pub fn answered(&mut self, node: &NodeName, answer: Answer) {
        if self.silent.get(node).is_some_and(|silence| answer.start < silence.start) {
            // It was late, and is that of an earlier start.
            return;
        }
        // If its end is proposed, that is so for good.
        self.silent.retain(|other, silence| other != node || silence.is_fenced);
        if let Some(round) = self.rounds.iter_mut().find(|round| round.id == answer.id) {
            round.answers.insert(node.clone(), answer);
        }
    }

    /// This node has no connection to the brokers, as far as these know.
    pub fn absent(&mut self, now: Duration, node: &NodeName) {
        if let Some(Silence { absent, .. }) = self.silent.get_mut(node) {
            // After a question that a broker did not return, it is counted anew.
            let before = absent.filter(|(_, last)| now <= *last + 3 * GATE_ASK_AGAIN / 2);
            *absent = Some((before.map_or(now, |(first, _)| first), now));
        }
    }

    /// A fence has ended this node's own start, or it is cut off: everybody's connection has ended.
    pub fn close(&mut self) {
        self.gathering.clear();
        self.held.clear();
        self.rounds.clear();
        self.silent.clear();
    }

    /// Does what can be done now.
    pub fn turn<T>(&mut self, now: Duration, replica: &Replica<T>) {
        if replica.alone_at().is_none_or(|at| now < at) {
            self.gathering.append(&mut self.held);
        }
        if self.gathering.is_empty() && self.rounds.is_empty() {
            return self.silent.clear();
        }
        let peers = self.peers(replica.state());
        self.silent.retain(|node, silence| peers.get(node) == Some(&silence.start));
        self.ask(now, &peers);
        self.open(now, replica);
        if self.begin(now, replica) {
            self.ask(now, &peers);
            self.open(now, replica);
        }
        self.lose_patience(now, &peers);
        self.fence(now, replica);
        self.prove(now, replica);
        if self.rounds.is_empty() {
            self.silent.clear();
        }
    }

    /// The next thing to do.
    pub fn poll(&mut self) -> Option<GateAct<L>> {
        self.acts.pop_front()
    }

    /// When to call [`Gate::turn`] even if nothing else happens.
    pub fn next_deadline<T>(&self, now: Duration, replica: &Replica<T>) -> Option<Duration> {
        let alone = self.rounds.iter().filter_map(|round| round.opens_alone_at(replica));
        let alone = alone.chain(self.probe_at(replica));
        if !self.is_up {
            return alone.filter(|at| *at > now).min();
        }
        let unanswered = self.rounds.iter().filter(|round| round.answered_at.is_none());
        let asked = unanswered.flat_map(|round| {
            let owed = round.asked.iter().filter(|(node, _)| !round.answers.contains_key(node));
            owed.map(|(_, at)| *at + GATE_ASK_AGAIN)
        });
        let ends = self.silent.values().map(Silence::ends);
        let late = self.rounds.iter().filter_map(|round| round.answered_at).map(|at| at + CUT_OFF_AFTER);
        // What is over waits for a proof that comes by itself.
        asked.chain(ends.chain(late).chain(alone).filter(|at| *at > now)).min()
    }

    /// The other nodes with a start that is not over.
    fn peers(&self, state: &State) -> BTreeMap<NodeName, Start> {
        let others = state.running().filter(|(node, _)| **node != self.own);
        others.map(|(node, start)| (node.clone(), start)).collect()
    }

    /// The logins that have gathered are the next rounds, unless there are many already. Whether one has begun.
    fn begin<T>(&mut self, now: Duration, replica: &Replica<T>) -> bool {
        let is_open = |round: &&Round<L>| round.answered_at.is_none() || !round.is_proven(&self.own, replica);
        let mut open = self.rounds.iter().filter(is_open).count();
        let before = self.rounds.len();
        while !self.gathering.is_empty() && open < GATE_QUESTIONS_MAX {
            let some = self.gathering.len().min(GATE_MAILS_MAX);
            let logins: Vec<Waiting<L>> = self.gathering.drain(..some).collect();
            let mails: BTreeSet<Mail> = logins.iter().map(|waiting| waiting.mail.clone()).collect();
            self.last_id = QuestionId(self.last_id.0 + 1);
            let (asked, answers) = (BTreeMap::new(), BTreeMap::new());
            let (id, start, proof) = (self.last_id, replica.own_start(), replica.next_batch());
            let (began, answered_at) = (now, None);
            self.rounds.push(Round { id, began, mails, logins, start, proof, asked, answers, answered_at });
            open += 1;
        }
        self.rounds.len() > before
    }

    fn ask(&mut self, now: Duration, peers: &BTreeMap<NodeName, Start>) {
        for round in &mut self.rounds {
            // A node that has started anew since is asked anew.
            let Round { answers, asked, .. } = round;
            answers.retain(|node, answer| {
                let is_old = peers.get(node).is_some_and(|start| answer.start < *start);
                if is_old {
                    asked.remove(node);
                }
                !is_old
            });
            round.asked.retain(|node, _| peers.contains_key(node));
            let mut is_answered = true;
            for (node, start) in peers.iter().filter(|(node, _)| !round.answers.contains_key(node)) {
                is_answered = false;
                let is_due = round.asked.get(node).is_none_or(|at| now >= *at + GATE_ASK_AGAIN);
                if self.is_up && is_due {
                    round.asked.insert(node.clone(), now);
                    self.silent.entry(node.clone()).or_insert(Silence::of(*start, now));
                    let new = round.logins.iter().filter_map(|waiting| waiting.new_device.clone()).collect();
                    let question = Question { id: round.id, mails: round.mails.clone(), new };
                    self.acts.push_back(GateAct::Ask(node.clone(), question));
                }
            }
            let since = *round.answered_at.get_or_insert(now);
            round.answered_at = is_answered.then_some(since);
        }
    }

    /// Proposes the end of those that have been silent for too long, if this node has reached the quorum since.
    fn fence<T>(&mut self, now: Duration, replica: &Replica<T>) {
        for (node, silence) in &mut self.silent {
            let is_over = silence.is_over(now) && self.is_up;
            if is_over && !silence.is_fenced && replica.reached_at() >= Some(silence.ends()) {
                silence.is_fenced = true;
                self.acts.push_back(GateAct::Fence(node.clone(), silence.start));
            }
        }
    }

    /// Anything that is sent is a proof. As long as somebody waits, something is sent from time to time: whoever waits for another
    /// node has to learn, too, whether this one is alone.
    fn prove<T>(&mut self, now: Duration, replica: &Replica<T>) {
        let next = (replica.own_start(), replica.next_batch());
        let is_first = self.rounds.iter().any(|round| (round.start, round.proof) == next);
        let mut ended = self.silent.values().filter(|silence| silence.is_over(now) && !silence.is_fenced);
        let is_due = |at| now >= at || self.is_up && ended.next().is_some();
        if is_first || self.probe_at(replica).is_some_and(is_due) {
            self.acts.push_back(GateAct::Probe);
        }
    }

    /// When one more empty batch is due; `None`: nobody waits, or something is under way.
    fn probe_at<T>(&self, replica: &Replica<T>) -> Option<Duration> {
        let last = replica.reached_at().unwrap_or_default();
        (!self.rounds.is_empty() && replica.under_way() == 0).then_some(last + GATE_ASK_AGAIN)
    }

    /// A node that answers, and whose batches do not come, does not reach the quorum. Its start ends as that of a silent one.
    fn lose_patience(&mut self, now: Duration, peers: &BTreeMap<NodeName, Start>) {
        let late =
            self.rounds.iter().filter(|round| round.answered_at.is_some_and(|at| now >= at + CUT_OFF_AFTER));
        for (node, answer) in late.flat_map(|round| &round.answers) {
            let start = peers.get(node).filter(|start| **start == answer.start && !answer.pending.is_empty());
            if let Some(start) = start {
                let since = now.saturating_sub(GATE_SILENT);
                self.silent.entry(node.clone()).or_insert(Silence::of(*start, since));
            }
        }
    }

    fn open<T>(&mut self, now: Duration, replica: &Replica<T>) {
        let state = replica.state();
        let mut open = Vec::new();
        let has_all =
            |round: &&mut Round<L>| round.answered_at.is_some() && round.is_proven(&self.own, replica);
        for Round { answers, logins, .. } in self.rounds.iter_mut().filter(has_all) {
            // Also those of nodes whose start is over by now: they have told what they had applied.
            let is_settled =
                |mail: &Mail| answers.iter().all(|(node, answer)| answer.is_settled(node, mail, state));
            let settled = logins.extract_if(.., |waiting| is_settled(&waiting.mail));
            open.extend(settled.map(|waiting| waiting.login));
        }
        let is_alone = |round: &&mut Round<L>| round.opens_alone_at(replica).is_some_and(|at| now >= at);
        let mut unproven = Vec::new();
        for round in self.rounds.iter_mut().filter(is_alone) {
            let (new, known) = round.take_logins();
            self.held.extend(new);
            unproven.extend(known.into_iter().map(|waiting| waiting.login));
        }
        self.rounds.retain(|round| !round.logins.is_empty());
        let both = [(open, LastIs::Certain), (unproven, LastIs::Uncertain)];
        let some = both.into_iter().filter(|(logins, _)| !logins.is_empty());
        self.acts.extend(some.map(|(logins, last_is)| GateAct::Open(logins, last_is)));
    }
}

#[cfg(test)]
mod tests;
