//! What the loop and the thread of a node tell each other.

use bytes::Bytes;

use crate::protocol::{LastIs, Mail, Seq};
use crate::room::{CheckJob, Delivered};
use crate::server::log::cluster::applied::Applied;
use crate::server::log::cluster::gate::Question;
use crate::server::log::cluster::here::Devices;
use crate::server::log::cluster::nats::Subject;
use crate::server::log::cluster::steps::Asked;

/// Counts the fences that have ended a start of this node while it runs. What was asked for before one will not happen after it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Fences(u64);

impl Fences {
    /// And one more.
    pub(super) fn next(self) -> Fences {
        Fences(self.0 + 1)
    }
}

/// Commands, and what each was asked for.
#[derive(Debug, Default)]
pub(super) struct Request {
    /// So many the loop knew of.
    pub(super) after: Fences,
    /// The last change of the group that the room had been told.
    pub(super) shown: Seq,
    /// Lines, each with its LF.
    pub(super) lines: Vec<u8>,
    /// One for each line.
    pub(super) asked: Vec<Asked>,
}

/// A login that waits until all that its member has said so far is settled.
#[derive(Debug)]
pub(in crate::server) struct SettleJob {
    pub(in crate::server) login: CheckJob,
    /// Where its device begins at the earliest, if it is new here.
    pub(in crate::server) new_device: Option<Delivered>,
}

/// Another node with its question, and where the answer goes.
#[derive(Debug)]
pub(in crate::server) struct Asker {
    pub(super) reply: Subject,
    pub(super) question: Question,
}

impl Asker {
    /// The members it asks about.
    pub(in crate::server) fn mails(&self) -> impl Iterator<Item = &Mail> {
        self.question.mails.iter()
    }

    /// Their devices that are new where they log in.
    pub(in crate::server) fn take_new_devices(&mut self) -> Vec<Delivered> {
        std::mem::take(&mut self.question.new)
    }
}

/// What the loop wants of the thread.
#[derive(Debug)]
pub(super) enum ToNode {
    /// Propose this.
    Ask(Request),
    /// Tell the note of how far the stream is applied.
    Note,
    /// Tell when all that these logins' members have said so far is settled.
    Settle(Vec<SettleJob>),
    /// Answer another node, with the lines of these places.
    Answer(Asker, Vec<u8>),
    /// Tell the other nodes how far these devices have come: lines of [`Delivered`](crate::room::Delivered).
    Places(Vec<u8>),
    /// All places are told, as [`FromNode::PlacesWanted`] has asked for with this number.
    AllPlaces(u64),
    /// These members are connected here with these devices; `None`: no longer. What was asked for before includes all that
    /// they have asked for.
    Here(Vec<(Mail, Option<Devices>)>),
    /// The server stops: all its connections end.
    Leave,
}

/// What the thread tells.
#[derive(Debug)]
pub(in crate::server::log) enum FromNode {
    /// A batch counts. If it is this node's, there is one `Asked` for each command.
    Applied(Box<Applied>, Vec<Asked>),
    /// These will never be in the stream, and nobody has seen them.
    Refused(Vec<Asked>),
    /// A fence has ended this node's start, after what was told so far; nor will what is asked for without knowing of it be in
    /// the stream.
    Fenced,
    /// The node does not reach the quorum.
    CutOff,
    /// It does again.
    Back,
    /// The state after this event, as text.
    Note(Seq, Vec<u8>),
    /// All that these logins' members have said before is settled, and was told; or the node cannot find out.
    Settled(Vec<CheckJob>, LastIs),
    /// Another node asks about members. What the loop has read of theirs has to be asked for first.
    Asked(Asker),
    /// Another node tells how far these devices have come.
    Places(Bytes),
    /// These members are at other nodes with these devices.
    Elsewhere(Vec<(Mail, Devices)>),
    /// All places are to be told, because another node has missed some.
    PlacesWanted(u64),
    /// The stream was read to its end, and the node may join.
    CaughtUp,
    /// The node has joined: all that was committed before is applied.
    Joined,
    /// The node can apply nothing more; a sentence.
    Stop(String),
}

impl From<(Seq, Vec<u8>)> for FromNode {
    fn from((event, note): (Seq, Vec<u8>)) -> FromNode {
        FromNode::Note(event, note)
    }
}
