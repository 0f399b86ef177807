//! A node: its replica of the group, and its connection to the brokers. Whoever has it calls [`Node::turn`]: the start until
//! the node has joined, then a thread.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use log::{info, warn};
use mio::event::Source as _;
use mio::{Events, Interest, Poll, Token, Waker};

use crate::protocol::{Mail, Seq};
use crate::server::log::cluster::asked::{Asker, FromNode, Request, SettleJob};
use crate::server::log::cluster::batch;
use crate::server::log::cluster::broker::{
    Access, Addresses, Broken, Dialed, Dialer, Heard as LinkHeard, Link,
};
use crate::server::log::cluster::copies::Notes;
use crate::server::log::cluster::exchange::{Exchange, is_aside};
use crate::server::log::cluster::figures::Figures;
use crate::server::log::cluster::here::Devices;
use crate::server::log::cluster::ids::{NodeName, Start};
use crate::server::log::cluster::interface::{Act, Heard};
use crate::server::log::cluster::logins::{self, Logins, QUESTIONS};
use crate::server::log::cluster::replica::Replica;
use crate::server::log::cluster::state::State;
use crate::server::log::cluster::steps::Asked;
use crate::server::log::cluster::stream::Stream;

const LINK: Token = Token(0);
const WAKER: Token = Token(1);

/// See the module.
#[derive(Debug)]
pub struct Node {
    poll: Poll,
    events: Events,
    notes: Arc<Notes>,
    dialer: Dialer,
    link: Option<Box<Link>>,
    replica: Replica<Asked>,
    logins: Logins,
    /// Times are counted from here.
    began: Instant,
    stream: Stream,
    /// Why there is no connection, as it was last logged.
    complaint: Option<String>,
    exchange: Exchange,
    figures: Arc<Figures>,
}

impl Node {
    /// A node that continues after `state`. Nothing is connected before the first [`Node::turn`].
    pub(super) fn new(
        name: &NodeName,
        brokers: &Addresses,
        access: Arc<Access>,
        state: State,
        floor: Start,
    ) -> io::Result<Node> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
        let began = Instant::now();
        let figures = Figures::of(name.clone());
        Ok(Node {
            dialer: Dialer::new(brokers, access, Arc::clone(&waker), began),
            poll,
            events: Events::with_capacity(16),
            notes: Arc::new(Notes::of(waker)),
            link: None,
            replica: Replica::new(name.clone(), floor, state, Duration::ZERO),
            logins: Logins::of(name),
            began,
            stream: Stream::of(name),
            complaint: None,
            exchange: Exchange::of(name),
            figures: Arc::new(figures),
        })
    }

    /// Wakes the node's thread.
    pub(super) fn waker(&self) -> Arc<Waker> {
        self.notes.waker()
    }

    /// Through which other threads get the state.
    pub(super) fn notes(&self) -> Arc<Notes> {
        Arc::clone(&self.notes)
    }

    pub(super) fn figures(&self) -> Arc<Figures> {
        Arc::clone(&self.figures)
    }

    /// The group as far as it is applied.
    pub fn state(&self) -> &State {
        self.replica.state()
    }

    /// Why there is no connection, if there was none yet, or what the broker has refused.
    pub(super) fn complaint(&self) -> Option<&str> {
        self.complaint.as_deref().or_else(|| self.stream.refusal())
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// Joins the group.
    pub(super) fn join(&mut self) {
        self.replica.join_group(self.began.elapsed());
    }

    /// The node has joined: it and the others tell each other how far devices have come, and who is where.
    pub(super) fn begin_exchange(&mut self) {
        self.logins.begin(self.link.as_deref_mut().filter(|link| link.is_up()));
        self.exchange.attendance.begin(self.replica.start().expect("it has joined"));
    }

    /// The connections of these members have these devices now; `None`: there is none.
    pub(super) fn tell_presence(&mut self, changes: Vec<(Mail, Option<Devices>)>) {
        self.exchange.attendance.members(changes, &self.replica);
    }

    /// Tells the other nodes that nobody is here any more, and that nothing more will come of this start.
    pub(super) fn leave(&mut self) {
        self.exchange.attendance.leave(&self.replica);
        self.replica.leave(self.began.elapsed());
    }

    /// Tells the other nodes these lines of places.
    pub(super) fn tell_places(&mut self, lines: &[u8]) {
        self.exchange.tell(lines, self.link.as_deref_mut().filter(|link| link.is_up()));
    }

    /// All places were told, as was asked for with this number.
    pub(super) fn all_places_told(&mut self, number: u64) {
        self.exchange.attendance.all_places_told(number);
    }

    /// Proposes what the loop asks for. Returns what will never be in the stream.
    pub(super) fn ask(&mut self, request: Request) -> Option<FromNode> {
        let Request { after, shown, lines, asked } = request;
        if after != self.logins.fences {
            return Some(FromNode::Refused(asked));
        }
        let commands = batch::commands(&lines).expect("the loop writes what it asks for as commands");
        self.replica.propose(self.began.elapsed(), shown, commands.into_iter().zip(asked));
        None
    }

    /// These members are to be let in.
    pub(super) fn settle(&mut self, jobs: Vec<SettleJob>) {
        self.logins.wait(jobs);
    }

    /// Another node's question is answered, with the places of these members' devices.
    pub(super) fn answer(&mut self, asker: &Asker, places: &[u8]) {
        let link = self.link.as_deref_mut().filter(|link| link.is_up());
        logins::answer(asker, places, &self.replica, link);
    }

    /// The state as text, and its last event.
    pub(super) fn note(&self) -> (Seq, Vec<u8>) {
        let mut text = String::new();
        self.state().write(&mut text);
        (self.state().last(), text.into_bytes())
    }

    /// Waits for something to happen, at most so long, and returns what the loop is to know.
    pub(super) fn turn(&mut self, wait: Duration, told: &mut Vec<FromNode>) -> io::Result<()> {
        self.act(told);
        let wait = if told.is_empty() { self.wait(wait) } else { Duration::ZERO };
        match self.poll.poll(&mut self.events, Some(wait)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            polled => polled?,
        }
        if let Some(link) = &mut self.link {
            self.events.iter().filter(|event| event.token() == LINK).for_each(|event| link.ready(event));
        }
        self.dial();
        self.read(told);
        let now = self.now();
        if self.replica.next_deadline().is_some_and(|at| at <= now) {
            self.replica.tick(now);
        }
        self.act(told);
        self.notes.answer(|| (self.state().next(), self.note().1));
        Ok(())
    }

    /// How long nothing has to be done if nothing happens.
    fn wait(&mut self, most: Duration) -> Duration {
        let (instant, now) = (Instant::now(), self.now());
        let gate = self.logins.gate.next_deadline(now, &self.replica);
        let pure = self.replica.next_deadline().into_iter().chain(gate).min();
        let pure = pure.map(|at| at.saturating_sub(now));
        let link = self.link.as_ref().map(|link| link.next_deadline().saturating_duration_since(instant));
        let dialer = match &self.link {
            Some(_) => None,
            None => self.dial(),
        };
        let dialer = dialer.map(|until| until.saturating_duration_since(instant));
        let is_up = self.link.as_ref().is_some_and(|link| link.is_up());
        let attendance = self.exchange.attendance.next_deadline(is_up).map(|at| at.saturating_sub(now));
        // A poll waits whole milliseconds. One more, so that the deadline has passed when it returns.
        let next = [pure, link, dialer, attendance].into_iter().flatten().min();
        next.map_or(most, |next| most.min(next + Duration::from_millis(1)))
    }

    /// Opens the next connection if there is none. Returns when to try again.
    fn dial(&mut self) -> Option<Instant> {
        while self.link.is_none() {
            match self.dialer.poll(Instant::now()) {
                Dialed::Link(mut link) => {
                    let both = Interest::READABLE | Interest::WRITABLE;
                    match link.register(self.poll.registry(), LINK, both) {
                        Ok(()) => self.link = Some(link),
                        Err(error) => {
                            warn!("a connection to a broker could not be registered: {error}");
                            self.dialer.lost(Instant::now());
                        }
                    }
                }
                Dialed::Failed(broken) => self.complain(&broken),
                Dialed::Wait(until) => return until,
            }
        }
        None
    }

    fn complain(&mut self, broken: &Broken) {
        let sentence = broken.to_string();
        if self.complaint.as_ref() != Some(&sentence) {
            warn!("{sentence}");
            self.complaint = Some(sentence);
        }
    }

    /// Tells the replica what the broker says.
    fn read(&mut self, told: &mut Vec<FromNode>) {
        while let Some(link) = &mut self.link {
            match link.next(Instant::now()) {
                Ok(Some(LinkHeard::Up)) => self.up(),
                Ok(Some(LinkHeard::Message(message))) if is_aside(&message) => {
                    told.extend(self.exchange.heard(self.began.elapsed(), &message));
                }
                Ok(Some(LinkHeard::Message(message))) if message.sid == QUESTIONS => {
                    told.extend(logins::asked(&message));
                }
                Ok(Some(LinkHeard::Message(message))) => match self.stream.heard(&message) {
                    Some(heard) => self.replica.heard(self.began.elapsed(), heard),
                    None => {
                        let now = self.began.elapsed();
                        told.extend(self.logins.answered(now, self.stream.inbox(), &message));
                    }
                },
                Ok(Some(LinkHeard::Forbidden(words))) => self.stream.forbidden(link.broker(), &words),
                Ok(None) => return,
                Err(broken) => self.lost(&broken),
            }
        }
    }

    fn up(&mut self) {
        let Some(link) = &mut self.link else { return };
        self.dialer.up(Instant::now());
        self.stream.subscribe(link);
        self.exchange.up(link);
        self.logins.up(self.began.elapsed(), link);
        info!("connected to broker {}", link.broker());
        self.figures.set_broker(Some(link.broker().to_string()));
        self.complaint = None;
        self.replica.heard(self.began.elapsed(), Heard::Up);
    }

    fn lost(&mut self, broken: &Broken) {
        if let Some(mut link) = self.link.take() {
            let _ = link.deregister(self.poll.registry());
        }
        self.complain(broken);
        self.figures.set_broker(None);
        self.dialer.lost(Instant::now());
        self.replica.heard(self.began.elapsed(), Heard::Down);
        self.logins.gate.down();
    }

    /// Does what the replica wants, and then the gate, which sees what was applied, and so on.
    fn act(&mut self, told: &mut Vec<FromNode>) {
        self.act_for_replica(told);
        loop {
            let (now, link) = (self.now(), self.link.as_deref_mut());
            let presence = self.exchange.attendance.presence();
            told.extend(self.logins.turn(now, &mut self.replica, presence, self.stream.inbox(), link));
            if !self.act_for_replica(told) {
                break;
            }
        }
        let (now, link) = (self.now(), self.link.as_deref_mut().filter(|link| link.is_up()));
        self.exchange.turn(now, &mut self.replica, link, told);
        self.figures.update(&self.replica);
        if let Some(link) = &mut self.link
            && let Err(broken) = link.flush()
        {
            self.lost(&broken);
        }
    }

    /// Whether it wanted anything.
    fn act_for_replica(&mut self, told: &mut Vec<FromNode>) -> bool {
        let mut has_acted = false;
        while let Some(act) = self.replica.poll() {
            has_acted = true;
            match act {
                Act::Publish(body) => {
                    if let Some(link) = &mut self.link {
                        self.stream.publish(&body, link);
                    }
                }
                Act::Fetch { from } => {
                    if let Some(link) = &mut self.link {
                        self.stream.fetch(from, link);
                    }
                }
                Act::Applied(applied, asked) => told.push(FromNode::Applied(Box::new(applied), asked)),
                Act::Fenced(asked) => {
                    self.logins.fenced();
                    told.extend([FromNode::Refused(asked), FromNode::Fenced]);
                }
                Act::CaughtUp => told.push(FromNode::CaughtUp),
                Act::Joined(start) => {
                    info!("this node has joined the group, start {start}");
                    told.push(FromNode::Joined);
                }
                Act::CutOff => {
                    self.stream.ask_what_it_is(self.link.as_deref_mut());
                    self.logins.gate.close();
                    told.push(FromNode::CutOff);
                }
                Act::Back => told.push(FromNode::Back),
                Act::Differs { node, event } => warn!(
                    "the events up to {event} are not the same on node {node} as here and on the others: it should have \
                     stopped"
                ),
                Act::Stop(why) => told.push(FromNode::Stop(why.to_string())),
            }
        }
        has_acted
    }
}
