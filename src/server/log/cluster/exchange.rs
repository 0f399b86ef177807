//! What the nodes tell each other past the stream, because what is lost is told again or comes again: how far devices have
//! come on each, and who is where.

use std::collections::VecDeque;
use std::time::Duration;

use crate::limits::PLACES_MESSAGE;
use crate::protocol::Mail;
use crate::server::log::cluster::asked::{Asker, FromNode};
use crate::server::log::cluster::attendance::{Attendance, Out};
use crate::server::log::cluster::broker::Link;
use crate::server::log::cluster::here::Devices;
use crate::server::log::cluster::ids::{NodeName, Start};
use crate::server::log::cluster::nats::{Message, Sid, Subject};
use crate::server::log::cluster::replica::Replica;
use crate::server::log::local::Delivered;

/// The subscriptions for places, for who is where, and for being asked that. The last two are not one for all that begins with
/// `here.`: a broker would not say then that a node which is asked at `here.flush.` is not there.
const PLACES: Sid = Sid(3);
const HERE: Sid = Sid(4);
const HERE_ASKED: Sid = Sid(5);

/// Whether a message is one of these.
pub(super) fn is_aside(message: &Message) -> bool {
    [PLACES, HERE, HERE_ASKED].contains(&message.sid)
}

/// What a node's thread has of it.
#[derive(Debug)]
pub(super) struct Exchange {
    /// Where this node tells places.
    own: Subject,
    /// Where it asks for those of the others. No node's name has a dot, so `where.ask.a` is no node's own.
    ask: Subject,
    all: Subject,
    has_begun: bool,
    /// Somebody wants to know of all of this node's.
    is_wanted: bool,
    /// Where this node tells who is here, and where it is asked.
    own_here: Subject,
    asked_here: Subject,
    all_here: Subject,
    pub(super) attendance: Attendance,
}

/// Where a node is asked who is there.
fn ask_here(name: &NodeName) -> Subject {
    Subject::word(format!("here.ask.{name}"))
}

impl Exchange {
    pub(super) fn of(name: &NodeName) -> Exchange {
        Exchange {
            own: Subject::word(format!("where.{name}")),
            ask: Subject::word(format!("where.ask.{name}")),
            all: Subject::word("where.>"),
            has_begun: false,
            is_wanted: false,
            own_here: Subject::word(format!("here.{name}")),
            asked_here: ask_here(name),
            all_here: Subject::word("here.*"),
            attendance: Attendance::of(name),
        }
    }

    /// The node has joined: there is somebody to tell it to, from now on.
    pub(super) fn begin(&mut self, start: Start, link: Option<&mut Link>) {
        self.has_begun = true;
        self.attendance.begin(start);
        if let Some(link) = link {
            self.ask_and_tell(link);
        }
    }

    /// There is a connection again: some may have been missed, in both directions.
    pub(super) fn up(&mut self, link: &mut Link) {
        link.subscribe(&self.all, PLACES);
        link.subscribe(&self.all_here, HERE);
        link.subscribe(&self.asked_here, HERE_ASKED);
        self.attendance.up();
        if self.has_begun {
            self.ask_and_tell(link);
        }
    }

    fn ask_and_tell(&mut self, link: &mut Link) {
        link.publish(&self.ask, None, b"");
        self.is_wanted = true;
    }

    /// Some of what was told may be lost, although there was a connection all the time: all is told again.
    pub(super) fn repeat(&mut self) {
        self.is_wanted = self.has_begun;
    }

    /// Tells lines of places. Without a connection they are told with all others when there is one.
    pub(super) fn tell(&self, lines: &[u8], link: Option<&mut Link>) {
        let Some(link) = link else { return };
        pieces(lines).for_each(|lines| link.publish(&self.own, None, lines));
    }

    /// A node has told or asked something.
    pub(super) fn heard(&mut self, now: Duration, message: &Message) -> Option<FromNode> {
        if message.sid != PLACES {
            self.heard_here(now, message);
            return None;
        }
        if !self.has_begun || [&self.own, &self.ask].contains(&&message.subject) {
            return None;
        }
        if message.subject.after("where.ask.").is_some() {
            self.is_wanted = true;
            return None;
        }
        Some(FromNode::Places(message.payload.clone()))
    }

    fn heard_here(&mut self, now: Duration, message: &Message) {
        if message.subject == self.asked_here {
            return self.attendance.asked();
        }
        let name = message.subject.after("here.").and_then(|name| str::from_utf8(name).ok());
        if let Some(name) = name.and_then(|name| NodeName::parse(name).ok()) {
            self.attendance.heard(now, &name, &message.payload);
        }
    }

    /// Tells who is here, and what others have told of that.
    pub(super) fn turn<T>(
        &mut self,
        now: Duration,
        replica: &mut Replica<T>,
        mut link: Option<&mut Link>,
        told: &mut Vec<FromNode>,
    ) {
        for out in self.attendance.turn(now, replica, link.is_some()) {
            match (out, &mut link) {
                (Out::Tell(message), Some(link)) => link.publish(&self.own_here, None, &message),
                (Out::Ask(name), Some(link)) => link.publish(&ask_here(&name), None, b""),
                // It is asked again.
                (Out::Tell(_) | Out::Ask(_), None) => {}
                (Out::Elsewhere(changes), _) => told.push(FromNode::Elsewhere(changes)),
            }
        }
        if self.take_wanted() {
            told.push(FromNode::PlacesWanted);
        }
    }

    /// Whether all of this node's places are wanted, since the last call.
    fn take_wanted(&mut self) -> bool {
        std::mem::take(&mut self.is_wanted)
    }
}

/// Whole lines, as many as fit a message.
pub(super) fn pieces(mut lines: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let most = lines.len().min(PLACES_MESSAGE);
        let end = memchr::memrchr(b'\n', &lines[..most]).map_or(lines.len(), |end| end + 1);
        let (now, later) = lines.split_at(end);
        lines = later;
        (!now.is_empty()).then_some(now)
    })
}

/// What the loop has of all that goes past the stream.
#[derive(Debug, Default)]
pub(in crate::server) struct Aside {
    pub(in crate::server) questions: Questions,
    pub(in crate::server) places: Places,
    pub(in crate::server) here: Here,
}

/// What other nodes ask about members who log in there, and the answers, each with lines of places. Everything that such a member
/// had sent when they were asked about was read by the turn's end, and is asked for before the answer.
#[derive(Debug, Default)]
pub(in crate::server) struct Questions {
    pub(in crate::server) asked: Vec<Asker>,
    pub(in crate::server) answers: Vec<(Asker, Vec<u8>)>,
}

/// What the loop has of places.
#[derive(Debug, Default)]
pub(in crate::server) struct Places {
    /// Lines for the other nodes.
    pub(super) own: Vec<u8>,
    elsewhere: Vec<Delivered>,
    pub(in crate::server) sharing: Sharing,
}

/// Whether all places are being told to the other nodes.
#[derive(Debug, Default)]
pub(in crate::server) enum Sharing {
    #[default]
    No,
    /// Next are those of the members after this one, or of the first ones.
    After(Option<Mail>),
}

impl Places {
    /// Has this place told to the other nodes.
    pub(in crate::server) fn tell(&mut self, place: &Delivered) {
        place.write(&mut self.own);
    }

    /// Another node has told these lines. One that is none is skipped: those events come again.
    pub(super) fn hear(&mut self, lines: &[u8]) {
        let lines = lines.split(|&b| b == b'\n').filter_map(|line| str::from_utf8(line).ok());
        self.elsewhere.extend(lines.filter_map(Delivered::parse));
    }

    /// What other nodes have told since the last call.
    pub(in crate::server) fn take_elsewhere(&mut self) -> Vec<Delivered> {
        std::mem::take(&mut self.elsewhere)
    }
}

/// What the loop has of who is where.
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
