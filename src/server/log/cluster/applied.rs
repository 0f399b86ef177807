//! What follows from a message of the stream.

use std::fmt;

use crate::protocol::{Author, DisplayName, Mail, Role, Seq, Time};
use crate::room::{ChangeError, PasswordHash};
use crate::server::log::cluster::batch::{BatchError, Head};
use crate::server::log::cluster::ids::{NodeName, StreamSeq, Sum};

/// A batch that counts, after it was applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// Its number in the stream.
    pub seq: StreamSeq,
    /// Whose it is.
    pub origin: Head,
    /// The number of its first line; of the next one, if it has none.
    pub first: Seq,
    /// Its lines of the transcript, each with its LF.
    pub lines: Vec<u8>,
    /// What became of each of its commands, in their order.
    pub outcomes: Vec<Outcome>,
}

impl Applied {
    /// The number of its last line; without any, of the line before it.
    pub fn last(&self) -> Seq {
        let is_line = |outcome: &&Outcome| {
            matches!(outcome, Outcome::Said(_) | Outcome::Changed { event: Some(_), .. })
        };
        Seq(self.first.0 + self.outcomes.iter().filter(is_line).count() as u64 - 1)
    }
}

/// What became of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A message, or what the group has agreed on, has its line.
    Said(EventAt),
    /// The group has changed.
    Changed {
        /// Who changed it.
        by: Author,
        /// What has changed.
        change: GroupChange,
        /// Its line, if it is one of the transcript.
        event: Option<EventAt>,
    },
    /// It was refused when it was judged in its place; it has no line and never will.
    Refused(Refusal),
    /// Its node has said what the lines up to this event add up to.
    Summed {
        /// The event.
        event: Seq,
        /// What it says.
        theirs: Sum,
        /// What that is here; `None`: it is too long ago, or not the last event of a batch.
        ours: Option<Sum>,
    },
    /// It was no message and no change, or a change to what was so already.
    Nothing,
}

/// A line of the transcript.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventAt {
    /// Its bytes, with its LF.
    pub len: usize,
    /// The time in it.
    pub time: Time,
}

/// A change of the group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupChange {
    /// A new member.
    Added {
        /// Their mail.
        mail: Mail,
        /// Their role.
        role: Role,
        /// Their password's hash.
        hash: PasswordHash,
    },
    /// A member no longer.
    Removed {
        /// Their mail.
        mail: Mail,
    },
    /// Another password.
    Password {
        /// Whose.
        mail: Mail,
        /// Its hash.
        hash: PasswordHash,
    },
    /// Another role, which has a line.
    Role {
        /// Whose.
        mail: Mail,
        /// The role.
        role: Role,
    },
    /// Another name, or none.
    Named {
        /// Whose.
        mail: Mail,
        /// The name.
        name: Option<DisplayName>,
    },
    /// Another role, without a line: by an edit, on a node of an earlier version.
    QuietRole {
        /// Whose.
        mail: Mail,
        /// The role.
        role: Role,
    },
}

/// Why a command was refused in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The author of a message is no member any more.
    NotAMember,
    /// Only admins speak, and the author of a message is none.
    AnnounceOnly,
    /// A message is longer than the group's `max-line` allows.
    TooLong,
    /// Whoever asked for a change may not ask for it any more.
    NotAllowed,
    /// A change does not apply.
    Change(ChangeError),
}

/// Why a node can apply nothing more. It must not go on: its history would differ from the others'.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The stream left out a message.
    Hole {
        /// The one that was to come.
        next: StreamSeq,
        /// The one that came.
        found: StreamSeq,
    },
    /// The stream no longer has the next message.
    Gone {
        /// That message.
        next: StreamSeq,
        /// The first one that it has.
        first: StreamSeq,
    },
    /// A message that this program does not understand.
    Unknown {
        /// Its number.
        seq: StreamSeq,
        /// What is wrong.
        error: BatchError,
    },
    /// The first message founds no group.
    NoGenesis {
        /// Its number.
        seq: StreamSeq,
    },
    /// Other nodes' lines add up to something else, and it is not certain that they are wrong.
    SumDiffers {
        /// One of them.
        node: NodeName,
        /// The last of the lines.
        event: Seq,
    },
    /// Another machine uses this node's name.
    NameTaken {
        /// The name.
        node: NodeName,
    },
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stop::Hole { next, found } => {
                write!(f, "the stream has left out message {next}: {found} came in its place")
            }
            Stop::Gone { next, first } => write!(
                f,
                "the stream begins with message {first}, and this node needs {next}: start it again, and it gets that from another node"
            ),
            Stop::Unknown { seq, error } => write!(
                f,
                "this program does not understand message {seq} of the stream ({error}): update this node"
            ),
            Stop::NoGenesis { seq } => write!(
                f,
                "message {seq}, the first of the stream, founds no group: use a stream made with --make-cluster"
            ),
            Stop::SumDiffers { node, event } => write!(
                f,
                "the events up to {event} are not the same here and on node {node}: compare the files of history/ on all \
                 nodes, and move history/ away on those that differ from the others: they get theirs"
            ),
            Stop::NameTaken { node } => write!(
                f,
                "another machine is node {node} now: start each node with a name of its own (--node)"
            ),
        }
    }
}
