//! A replica's inputs from the broker, and what it does.

use bytes::Bytes;

use crate::protocol::{Seq, Time};
use crate::server::log::cluster::applied::{Applied, Stop};
use crate::server::log::cluster::ids::{NodeName, Start, StreamSeq};

/// What comes from the broker.
#[derive(Clone, Debug)]
pub enum Heard {
    /// There is a connection to a broker.
    Up,
    /// There is none any more.
    Down,
    /// A message of the stream, as it was stored or later.
    Live {
        /// Its number.
        seq: StreamSeq,
        /// When the engine stored it.
        stamp: Time,
        /// The batch.
        body: Bytes,
    },
    /// A message of an answer to [`Act::Fetch`].
    Fetched {
        /// Its number.
        seq: StreamSeq,
        /// When the engine stored it.
        stamp: Time,
        /// The batch.
        body: Bytes,
    },
    /// The end of that answer.
    FetchEnd {
        /// Whether the replica that has answered has more.
        more: bool,
    },
    /// Nobody answers at present.
    FetchFailed,
    /// A message is stored. A hint: only the stream itself tells what counts.
    Ack {
        /// Its number.
        seq: StreamSeq,
    },
    /// A message may be stored or not; nobody has said.
    NoAck,
}

/// What to do, in this order.
#[derive(Debug)]
pub enum Act<T> {
    /// Publish this batch.
    Publish(Bytes),
    /// Ask for messages from this one on. One question is open at a time; a new one replaces it.
    Fetch {
        /// The first message.
        from: StreamSeq,
    },
    /// A batch counts. If it is this node's, there is a ticket for each of its commands.
    Applied(Applied, Vec<T>),
    /// A fence has ended this node's start. These proposals are not in the stream and never will be, and nothing else may come
    /// of what members have said here: they may have been let in on another node, which counts on that.
    Fenced(Vec<T>),
    /// All that was committed when this was asked is applied, and nobody has heard of this node: it may join now.
    CaughtUp,
    /// This start of the node has begun, and all that was committed before is applied.
    Joined(Start),
    /// The node does not reach the quorum: its members should go to another node.
    CutOff,
    /// It does again.
    Back,
    /// This node's lines add up to something else than this one's, up to this event. Most are with this node.
    Differs {
        /// The node that should stop.
        node: NodeName,
        /// The event.
        event: Seq,
    },
    /// Nothing more can be applied, nor answered: the node has to stop.
    Stop(Stop),
}
