//! Who is at which node: a node's part in telling that ([`Telling`]) and in hearing of it ([`Presence`]). It goes past the
//! stream, because what is lost is asked for.

use std::collections::VecDeque;
use std::time::Duration;

use crate::protocol::Mail;
use crate::server::log::cluster::asked::FromNode;
use crate::server::log::cluster::broker::Link;
use crate::server::log::cluster::here::Devices;
use crate::server::log::cluster::ids::{NodeName, Start, StreamSeq};
use crate::server::log::cluster::nats::{Message, Sid, Subject};
use crate::server::log::cluster::presence::{Act, Presence};
use crate::server::log::cluster::replica::Replica;
use crate::server::log::cluster::telling::Telling;

/// The subscription for all of this.
pub(super) const HERE: Sid = Sid(4);

/// What a node's thread has of it.
#[derive(Debug)]
pub(super) struct Attendance {
    name: NodeName,
    /// Where this node tells.
    own: Subject,
    /// Where it is asked. No node's name has a dot, so `here.ask.a` is no node's own.
    asked: Subject,
    all: Subject,
    presence: Presence,
    /// `None`: this node has not joined yet.
    telling: Option<Telling>,
    /// The stream is known up to here.
    next: StreamSeq,
}

impl Attendance {
    pub(super) fn of(name: &NodeName) -> Attendance {
        Attendance {
            name: name.clone(),
            own: Subject::word(format!("here.{name}")),
            asked: ask(name),
            all: Subject::word("here.>"),
            presence: Presence::new(),
            telling: None,
            next: StreamSeq(0),
        }
    }

    /// This node has joined.
    pub(super) fn begin(&mut self, start: Start) {
        self.telling = Some(Telling::new(start));
    }

    /// There is a connection to a broker again.
    pub(super) fn up(&mut self, link: &mut Link) {
        link.subscribe(&self.all, HERE);
        if let Some(telling) = &mut self.telling {
            telling.up();
        }
    }

    /// A node has told or asked something.
    pub(super) fn heard(&mut self, now: Duration, message: &Message) {
        let Some(telling) = &mut self.telling else { return };
        if message.subject == self.asked {
            return telling.asked();
        }
        let name = message.subject.after("here.").and_then(|name| str::from_utf8(name).ok());
        if let Some(name) = name.and_then(|name| NodeName::parse(name).ok()).filter(|name| *name != self.name)
        {
            self.presence.heard(now, &name, &message.payload);
        }
    }

    /// The connections of these members have these devices now; `None`: there is none.
    pub(super) fn members<T>(&mut self, changes: Vec<(Mail, Option<Devices>)>, replica: &Replica<T>) {
        let Some(telling) = &mut self.telling else { return };
        for (mail, connected) in changes {
            let is_unsettled = connected.is_none() && replica.has_undecided_of(&mail);
            telling.member(mail, connected, is_unsettled);
        }
    }

    /// This node stops.
    pub(super) fn leave<T>(&mut self, replica: &Replica<T>) {
        if let Some(telling) = &mut self.telling {
            telling.leave(|mail| replica.has_undecided_of(mail));
        }
    }

    /// Tells what is to be told, if there is a broker.
    pub(super) fn turn<T>(
        &mut self,
        now: Duration,
        replica: &mut Replica<T>,
        mut link: Option<&mut Link>,
        told: &mut Vec<FromNode>,
    ) {
        let Some(telling) = &mut self.telling else { return };
        let next = replica.state().next();
        if next != self.next {
            self.next = next;
            replica.take_settled().iter().for_each(|mail| telling.settled(mail));
            let others = replica.state().nodes().filter(|(name, _)| **name != self.name);
            self.presence.in_stream(now, others);
        }
        if let Some(start) = replica.start() {
            telling.starts(start);
        }
        if self.presence.next_deadline().is_some_and(|at| at <= now) {
            self.presence.tick(now);
        }
        while let Some(act) = self.presence.poll() {
            match (act, &mut link) {
                (Act::Ask(name), Some(link)) => link.publish(&ask(&name), None, b""),
                // It is asked again.
                (Act::Ask(_), None) => {}
                (Act::Greet, _) => telling.greeted(),
            }
        }
        let changes = self.presence.take_changes();
        if !changes.is_empty() {
            told.push(FromNode::Elsewhere(changes));
        }
        if let Some(link) = link
            && telling.next_deadline() <= now
        {
            telling.tell(now, next).iter().for_each(|message| link.publish(&self.own, None, message));
        }
    }

    /// When [`Attendance::turn`] has something to do even if nothing else happens. `is_up`: whether there is a broker.
    pub(super) fn next_deadline(&self, is_up: bool) -> Option<Duration> {
        let telling = self.telling.as_ref()?;
        is_up.then(|| telling.next_deadline()).into_iter().chain(self.presence.next_deadline()).min()
    }
}

/// Where a node is asked for everybody.
fn ask(name: &NodeName) -> Subject {
    Subject::word(format!("here.ask.{name}"))
}

/// What the loop has of it.
#[derive(Debug, Default)]
pub(in crate::server) struct Here {
    /// What the thread is to be told of members that are here.
    pub(super) own: Vec<(Mail, Option<Devices>)>,
    elsewhere: VecDeque<(Mail, Devices)>,
}

impl Here {
    /// The connections of these members have these devices now; `None`: there is none.
    pub(in crate::server) fn tell(&mut self, changes: Vec<(Mail, Option<Devices>)>) {
        self.own.extend(changes);
    }

    pub(super) fn hear(&mut self, changes: Vec<(Mail, Devices)>) {
        self.elsewhere.extend(changes);
    }

    /// Members who have these devices at other nodes now, at most so many, and whether there are more.
    pub(in crate::server) fn take_elsewhere(&mut self, max: usize) -> (Vec<(Mail, Devices)>, bool) {
        let changes = self.elsewhere.drain(..max.min(self.elsewhere.len())).collect();
        (changes, !self.elsewhere.is_empty())
    }
}
