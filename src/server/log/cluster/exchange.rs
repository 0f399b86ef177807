//! What the nodes tell each other outside the stream, because what is lost is told again or comes again: how far devices have
//! come on each, and who is where.

use std::collections::VecDeque;
use std::time::Duration;

use crate::limits::PLACES_MESSAGE;
use crate::protocol::Mail;
use crate::room::Delivered;
use crate::server::log::cluster::asked::{Asker, FromNode};
use crate::server::log::cluster::attendance::{Attendance, Out};
use crate::server::log::cluster::broker::Link;
use crate::server::log::cluster::here::Devices;
use crate::server::log::cluster::ids::{NodeName, Start};
use crate::server::log::cluster::nats::{Message, Sid, Subject};
use crate::server::log::cluster::replica::Replica;

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
    /// Where it is asked for all. No node's name has a dot, so `where.ask.a` is no node's own.
    asked: Subject,
    all: Subject,
    /// Where this node tells who is here, and where it is asked.
    own_here: Subject,
    asked_here: Subject,
    all_here: Subject,
    pub(super) attendance: Attendance,
}

/// The node whose name is the end of a subject.
fn node(name: &[u8]) -> Option<NodeName> {
    NodeName::parse(str::from_utf8(name).ok()?).ok()
}

/// Where a node is asked for all places.
fn ask(name: &NodeName) -> Subject {
    Subject::word(format!("where.ask.{name}"))
}

/// Where a node is asked who is there.
fn ask_here(name: &NodeName) -> Subject {
    Subject::word(format!("here.ask.{name}"))
}

impl Exchange {
    pub(super) fn of(name: &NodeName) -> Exchange {
        Exchange {
            own: Subject::word(format!("where.{name}")),
            asked: ask(name),
            all: Subject::word("where.>"),
            own_here: Subject::word(format!("here.{name}")),
            asked_here: ask_here(name),
            all_here: Subject::word("here.*"),
            attendance: Attendance::of(name),
        }
    }

    /// There is a connection again.
    pub(super) fn up(&mut self, link: &mut Link) {
        link.subscribe(&self.all, PLACES);
        link.subscribe(&self.all_here, HERE);
        link.subscribe(&self.asked_here, HERE_ASKED);
        self.attendance.up();
    }

    /// Tells lines of places. What nobody hears is asked for.
    pub(super) fn tell(&mut self, lines: &[u8], mut link: Option<&mut Link>) {
        for lines in pieces(lines) {
            let Some((start, number)) = self.attendance.tell_places() else { return };
            if let Some(link) = &mut link {
                let mut message = format!("{start} {number}\n").into_bytes();
                message.extend_from_slice(lines);
                link.publish(&self.own, None, &message);
            }
        }
    }

    /// A node has told or asked something.
    pub(super) fn heard(&mut self, now: Duration, message: &Message) -> Option<FromNode> {
        if message.sid != PLACES {
            self.heard_here(now, message);
            return None;
        }
        if message.subject == self.asked {
            let up_to = str::from_utf8(&message.payload).ok().and_then(|text| text.parse().ok());
            self.attendance.asked_places(up_to?);
            return None;
        }
        let name = message.subject.after("where.").and_then(node)?;
        if name == *self.attendance.name() {
            return None;
        }
        let at = memchr::memchr(b'\n', &message.payload)?;
        let (start, number) = str::from_utf8(&message.payload[..at]).ok()?.split_once(' ')?;
        self.attendance.heard_places(&name, Start(start.parse().ok()?), number.parse().ok()?);
        Some(FromNode::Places(message.payload.slice(at + 1..)))
    }

    fn heard_here(&mut self, now: Duration, message: &Message) {
        if message.subject == self.asked_here {
            return self.attendance.asked();
        }
        if let Some(name) = message.subject.after("here.").and_then(node) {
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
                (Out::AskPlaces(name, up_to), Some(link)) => {
                    link.publish(&ask(&name), None, up_to.to_string().as_bytes());
                }
                (Out::Tell(_) | Out::Ask(_) | Out::AskPlaces(..), None) => {}
                (Out::TellPlaces(number), _) => told.push(FromNode::PlacesWanted(number)),
                (Out::Elsewhere(changes), _) => told.push(FromNode::Elsewhere(changes)),
            }
        }
    }
}

/// After the line of a place: the device is only expected.
const EXPECTED: &str = " expected";

/// Appends the line of a device that is only expected.
pub(in crate::server) fn write_expected(place: &Delivered, lines: &mut Vec<u8>) {
    place.write(lines);
    let end = lines.len() - 1;
    lines.splice(end..end, EXPECTED.bytes());
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

/// What the loop has of all that goes outside the stream.
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
    expected: Vec<Delivered>,
    pub(in crate::server) sharing: Sharing,
}

/// Whether all places are being told to the other nodes.
#[derive(Debug, Default)]
pub(in crate::server) enum Sharing {
    #[default]
    No,
    /// Next are those of the members after this one, or of the first ones. When all are told, the thread hears of it with this
    /// number.
    After(Option<Mail>, u64),
    /// They are, and the thread is to hear of it.
    Done(u64),
}

impl Places {
    /// Has this place told to the other nodes.
    pub(in crate::server) fn tell(&mut self, place: &Delivered) {
        place.write(&mut self.own);
    }

    /// Another node has told these lines. One that is none is skipped: those events come again.
    pub(super) fn hear(&mut self, lines: &[u8]) {
        for line in lines.split(|&b| b == b'\n').filter_map(|line| str::from_utf8(line).ok()) {
            match line.strip_suffix(EXPECTED) {
                Some(line) => self.expected.extend(Delivered::parse(line)),
                None => self.elsewhere.extend(Delivered::parse(line)),
            }
        }
    }

    /// What other nodes have told since the last call, of devices, and of those that are about to log in for the first time.
    pub(in crate::server) fn take_elsewhere(&mut self) -> (Vec<Delivered>, Vec<Delivered>) {
        (std::mem::take(&mut self.elsewhere), std::mem::take(&mut self.expected))
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
