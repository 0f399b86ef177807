//! A node's part in the login gate, its own and those of the others: what the gate wants is asked, and others are answered.

use std::time::Duration;

use log::warn;

use crate::limits::ALONE_AFTER;
use crate::protocol::LastIs;
use crate::room::CheckJob;
use crate::server::log::cluster::asked::{Asker, Fences, FromNode, SettleJob};
use crate::server::log::cluster::broker::Link;
use crate::server::log::cluster::command::Command;
use crate::server::log::cluster::exchange::pieces;
use crate::server::log::cluster::gate::{Answer, Gate, GateAct, Question};
use crate::server::log::cluster::ids::NodeName;
use crate::server::log::cluster::nats::{Message, Sid, Subject};
use crate::server::log::cluster::presence::Presence;
use crate::server::log::cluster::replica::Replica;
use crate::server::log::cluster::steps::Asked;

/// The subscription for what other nodes ask about members who log in.
pub(super) const QUESTIONS: Sid = Sid(6);
/// After the inbox: an answer of the node that follows, and places of devices that belong to one.
const GATE: &str = ".gate.";
const PLACES: &str = ".places";

/// Where a node is asked.
fn asked_at(node: &NodeName) -> Subject {
    Subject::word(format!("here.flush.{node}"))
}

/// See the module.
#[derive(Debug)]
pub(super) struct Logins {
    pub(super) gate: Gate<CheckJob>,
    /// Fences of this node's starts. What was asked for before one will not happen after it.
    pub(super) fences: Fences,
    own: Subject,
    /// Whether this node serves members.
    has_begun: bool,
    /// Whether those who were let in last were let in without proof.
    is_alone: bool,
}

impl Logins {
    pub(super) fn of(name: &NodeName) -> Logins {
        let gate = Gate::new(name.clone());
        let (fences, own) = (Fences::default(), asked_at(name));
        Logins { gate, fences, own, has_begun: false, is_alone: false }
    }

    /// From now on this node serves members, and the others have to ask about them.
    pub(super) fn begin(&mut self, link: Option<&mut Link>) {
        self.has_begun = true;
        if let Some(link) = link {
            link.subscribe(&self.own, QUESTIONS);
        }
    }

    /// There is a connection.
    pub(super) fn up(&mut self, now: Duration, link: &mut Link) {
        if self.has_begun {
            link.subscribe(&self.own, QUESTIONS);
        }
        self.gate.up(now);
    }

    /// Another node has ended this one's start.
    pub(super) fn fenced(&mut self) {
        warn!("another node could not hear this one and has ended its start");
        self.fences = self.fences.next();
        self.gate.close();
    }

    /// These members are to be let in.
    pub(super) fn wait(&mut self, jobs: Vec<SettleJob>) {
        for SettleJob { login, new_device } in jobs {
            self.gate.wait(login.mail.clone(), login, new_device);
        }
    }

    /// A message to this node's inbox. Returns what the loop is to know.
    pub(super) fn answered(&mut self, now: Duration, inbox: &str, message: &Message) -> Option<FromNode> {
        let words = str::from_utf8(message.subject.after(inbox)?).ok()?;
        if words == PLACES {
            return Some(FromNode::Places(message.payload.clone()));
        }
        let node = NodeName::parse(words.strip_prefix(GATE)?).ok()?;
        match (message.status(), Answer::parse(&message.payload)) {
            (Some(_), _) => self.gate.absent(now, &node),
            (None, Some(answer)) => self.gate.answered(&node, answer),
            (None, None) => {}
        }
        None
    }

    /// Does what the gate wants. Returns the logins that wait no longer.
    pub(super) fn turn(
        &mut self,
        now: Duration,
        replica: &mut Replica<Asked>,
        presence: &Presence,
        inbox: &str,
        mut link: Option<&mut Link>,
    ) -> Vec<FromNode> {
        self.gate.turn(now, replica);
        let mut settled = Vec::new();
        while let Some(act) = self.gate.poll() {
            match act {
                GateAct::Ask(node, question) => {
                    let reply = Subject::word(format!("{inbox}{GATE}{node}"));
                    if let Some(link) = &mut link {
                        link.publish(&asked_at(&node), Some(&reply), &question.text());
                    }
                }
                GateAct::Probe => replica.probe(now),
                GateAct::Fence(node, start) => {
                    let advice = if presence.is_heard(&node) {
                        ""
                    } else {
                        "; if it runs, have it log in to the same account of the brokers as this node"
                    };
                    warn!("node {node} does not answer: its start {start} is ended{advice}");
                    let last = replica.state().last();
                    replica.propose(now, last, [(Command::Fence { node, start }, Asked::Fence)]);
                }
                GateAct::Open(jobs, last_is) => {
                    self.tell(last_is);
                    settled.push(FromNode::Settled(jobs, last_is));
                }
            }
        }
        settled
    }

    /// Logs when members begin to be let in without proof, and no more until that is over.
    fn tell(&mut self, last_is: LastIs) {
        let is_alone = last_is == LastIs::Uncertain;
        if is_alone && !self.is_alone {
            let seconds = ALONE_AFTER.as_secs();
            warn!(
                "the brokers have committed nothing for {seconds} s: members are let in with quorum=no until they do"
            );
        }
        self.is_alone = is_alone;
    }
}

/// Another node asks. The loop has to say first what it has read of these members before.
pub(super) fn asked(message: &Message) -> Option<FromNode> {
    let (reply, question) = (message.reply.clone()?, Question::parse(&message.payload)?);
    Some(FromNode::Asked(Asker { reply, question }))
}

/// Answers another node, with the places of these members' devices.
pub(super) fn answer<T>(
    Asker { reply, question }: &Asker,
    places: &[u8],
    replica: &Replica<T>,
    link: Option<&mut Link>,
) {
    let Some(link) = link else { return };
    let answer = Answer::of(question.id, &question.mails, replica);
    if let Some(beside) = beside(reply) {
        pieces(places).for_each(|lines| link.publish(&beside, None, lines));
    }
    link.publish(reply, None, answer.text().as_bytes());
}

/// Where the places go that belong to an answer with this subject; `None`: it is no subject of an inbox.
fn beside(reply: &Subject) -> Option<Subject> {
    let text = str::from_utf8(reply.as_bytes()).ok()?;
    let (inbox, _) = text.rsplit_once(GATE)?;
    Subject::new(format!("{inbox}{PLACES}"))
}
