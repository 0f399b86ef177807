//! How far devices have come on each node: what a node tells the others, and what they tell it. It goes past the stream,
//! because what is lost is told again or comes again.

use crate::limits::PLACES_MESSAGE;
use crate::protocol::Mail;
use crate::server::log::cluster::asked::FromNode;
use crate::server::log::cluster::attendance::Here;
use crate::server::log::cluster::broker::Link;
use crate::server::log::cluster::ids::NodeName;
use crate::server::log::cluster::nats::{Message, Sid, Subject};
use crate::server::log::local::Delivered;

/// The subscription for all of this.
pub(super) const ELSEWHERE: Sid = Sid(3);

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
}

impl Exchange {
    pub(super) fn of(name: &NodeName) -> Exchange {
        Exchange {
            own: Subject::word(format!("where.{name}")),
            ask: Subject::word(format!("where.ask.{name}")),
            all: Subject::word("where.>"),
            has_begun: false,
            is_wanted: false,
        }
    }

    /// There is somebody to tell it to, from now on.
    pub(super) fn begin(&mut self, link: Option<&mut Link>) {
        self.has_begun = true;
        if let Some(link) = link {
            self.ask_and_tell(link);
        }
    }

    /// There is a connection again: some may have been missed, in both directions.
    pub(super) fn up(&mut self, link: &mut Link) {
        link.subscribe(&self.all, ELSEWHERE);
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
    pub(super) fn tell(&self, mut lines: &[u8], link: Option<&mut Link>) {
        let Some(link) = link else { return };
        while !lines.is_empty() {
            let most = lines.len().min(PLACES_MESSAGE);
            let end = memchr::memrchr(b'\n', &lines[..most]).map_or(lines.len(), |end| end + 1);
            let (now, later) = lines.split_at(end);
            link.publish(&self.own, None, now);
            lines = later;
        }
    }

    /// A node has told or asked something.
    pub(super) fn heard(&mut self, message: &Message) -> Option<FromNode> {
        if !self.has_begun || [&self.own, &self.ask].contains(&&message.subject) {
            return None;
        }
        if message.subject.after("where.ask.").is_some() {
            self.is_wanted = true;
            return None;
        }
        Some(FromNode::Places(message.payload.clone()))
    }

    /// Whether all of this node's places are wanted, since the last call.
    pub(super) fn take_wanted(&mut self) -> bool {
        std::mem::take(&mut self.is_wanted)
    }
}

/// What the loop has of all that goes past the stream.
#[derive(Debug, Default)]
pub(in crate::server) struct Aside {
    pub(in crate::server) places: Places,
    pub(in crate::server) here: Here,
}

/// What the loop has of it.
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
