//! Who is at which node: a node's part in telling that ([`Telling`]) and in hearing of it ([`Presence`]). It goes
//! outside the stream, because what is lost is asked for.
//!
//! Pure: time comes in, and [`Attendance::turn`] says what to do.

use std::time::Duration;

use crate::protocol::Mail;
use crate::server::log::cluster::here::Devices;
use crate::server::log::cluster::ids::{NodeName, Start, StreamSeq};
use crate::server::log::cluster::presence::{Act, Presence};
use crate::server::log::cluster::replica::Replica;
use crate::server::log::cluster::telling::Telling;

/// See the module.
#[derive(Debug)]
pub struct Attendance {
    name: NodeName,
    presence: Presence,
    /// `None`: this node has not joined yet.
    telling: Option<Telling>,
    /// The stream is known up to here.
    next: StreamSeq,
}

/// What to do.
#[derive(Debug)]
pub enum Out {
    /// Tell all other nodes this.
    Tell(Vec<u8>),
    /// Ask this node for everybody.
    Ask(NodeName),
    /// Ask this node for all its places: some that it has told up to this message were missed.
    AskPlaces(NodeName, u64),
    /// Tell all places, and say so with this number when that is done.
    TellPlaces(u64),
    /// These members have these devices at other nodes now.
    Elsewhere(Vec<(Mail, Devices)>),
}

impl Attendance {
    /// Of this node.
    pub fn of(name: &NodeName) -> Attendance {
        Attendance { name: name.clone(), presence: Presence::new(), telling: None, next: StreamSeq(0) }
    }

    /// This node.
    pub(super) fn name(&self) -> &NodeName {
        &self.name
    }

    /// This node has joined. Nothing is told or heard before.
    pub fn begin(&mut self, start: Start) {
        self.telling = Some(Telling::new(start));
    }

    /// There is a connection to a broker again.
    pub fn up(&mut self) {
        if let Some(telling) = &mut self.telling {
            telling.up();
        }
    }

    /// A node has told this.
    pub fn heard(&mut self, now: Duration, name: &NodeName, message: &[u8]) {
        if self.telling.is_some() && *name != self.name {
            self.presence.heard(now, name, message);
        }
    }

    /// A node has told its message with places of this start and number.
    pub fn heard_places(&mut self, name: &NodeName, start: Start, number: u64) {
        self.presence.heard_places(name, start, number);
    }

    /// The start and the number of the next message with places; `None`: this node has not joined.
    pub fn tell_places(&mut self) -> Option<(Start, u64)> {
        let telling = self.telling.as_mut()?;
        Some((telling.start, telling.places.next()))
    }

    /// A node has missed messages with places of this start up to this one.
    pub fn asked_places(&mut self, up_to: u64) {
        if let Some(telling) = &mut self.telling {
            telling.places.asked(up_to);
        }
    }

    /// All places are told: [`Out::TellPlaces`].
    pub fn all_places_told(&mut self, number: u64) {
        if let Some(telling) = &mut self.telling {
            telling.places.completed(number);
            telling.greeted();
        }
    }

    /// A node asks this one for everybody.
    pub fn asked(&mut self) {
        if let Some(telling) = &mut self.telling {
            telling.asked();
        }
    }

    /// The connections of these members have these devices now; `None`: there is none.
    pub fn members<T>(&mut self, changes: Vec<(Mail, Option<Devices>)>, replica: &Replica<T>) {
        let Some(telling) = &mut self.telling else { return };
        for (mail, connected) in changes {
            let is_unsettled = connected.is_none() && replica.has_undecided_of(&mail);
            telling.member(mail, connected, is_unsettled);
        }
    }

    /// This node stops.
    pub fn leave<T>(&mut self, replica: &Replica<T>) {
        if let Some(telling) = &mut self.telling {
            telling.leave(|mail| replica.has_undecided_of(mail));
        }
    }

    /// What the others know.
    pub fn presence(&self) -> &Presence {
        &self.presence
    }

    /// What to do now. `is_up`: whether there is a broker, to whom it can be told.
    pub fn turn<T>(&mut self, now: Duration, replica: &mut Replica<T>, is_up: bool) -> Vec<Out> {
        let mut out = Vec::new();
        let Some(telling) = &mut self.telling else { return out };
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
            match act {
                Act::Ask(name) => out.push(Out::Ask(name)),
                Act::AskPlaces(name, up_to) => out.push(Out::AskPlaces(name, up_to)),
                Act::Greet => telling.greeted(),
            }
        }
        out.extend(telling.places.begin().map(Out::TellPlaces));
        let changes = self.presence.take_changes();
        if !changes.is_empty() {
            out.push(Out::Elsewhere(changes));
        }
        if is_up && telling.next_deadline() <= now {
            out.extend(telling.tell(now, next).into_iter().map(Out::Tell));
        }
        out
    }

    /// When [`Attendance::turn`] has something to do even if nothing else happens.
    pub fn next_deadline(&self, is_up: bool) -> Option<Duration> {
        let telling = self.telling.as_ref()?;
        is_up.then(|| telling.next_deadline()).into_iter().chain(self.presence.next_deadline()).min()
    }
}
