//! A group on many nodes. Its transcript is a stream that a quorum of brokers keeps; every node applies the same
//! messages in the same order, and so has the same events, numbers and bytes.
//!
//! Pure, without sockets, clock, disk or randomness: [`batch`] is the text of the stream's messages, [`state`] what
//! they mean, [`replica`] how a node adds its own and misses none, [`gate`] when a member is let in, [`nats`] the protocol of the
//! brokers.
//!
//! [`broker`] is a connection to one of them, and which one is next; [`prove`] says whether they keep what is promised,
//! and [`make`](mod@make) makes the stream. `origin` is what a stream continues from.
//!
//! A server joins in `start`. Then `numbers` is the loop's side of its `node`, whose thread is `worker`: what it tells goes
//! through `writing` into the files, and from there in `steps` to the room. `copies` are of histories, from node to node.

mod applied;
mod apply;
mod args;
mod asked;
mod asking;
mod attendance;
pub mod batch;
pub mod broker;
mod claims;
mod command;
mod command_error;
mod compare;
mod copies;
mod exchange;
mod figures;
pub mod gate;
mod here;
mod ids;
mod interface;
mod invitations;
mod logins;
pub mod make;
mod members;
mod named;
pub mod nats;
mod node;
mod numbers;
mod origin;
mod own;
mod places;
mod presence;
pub mod prove;
mod reach;
pub mod replica;
#[cfg(test)]
mod stage;
mod start;
pub mod state;
mod state_text;
mod steps;
mod stream;
mod tail;
mod telling;
mod worker;
mod writing;

pub use applied::{Applied, EventAt, GroupChange, Outcome, Refusal, Stop};
pub(in crate::server) use asked::SettleJob;
pub use attendance::{Attendance, Out};
pub use batch::{Batch, BatchError, Head, batches};
pub use command::{Command, Genesis};
pub use command_error::CommandError;
pub use compare::sum_of;
pub(in crate::server::log) use copies::Copies;
pub(in crate::server) use exchange::{Sharing, write_expected};
pub use gate::{Answer, Gate, GateAct, Question};
pub use here::Devices;
pub use ids::{BatchNumber, NodeName, NodeNameError, Start, StreamSeq, Sum, TokenKey, parse_stamp};
pub use interface::{Act, Heard};
pub use members::StateMember;
pub use named::Named;
pub use node::Node;
pub(in crate::server) use numbers::Cluster;
pub use origin::{History, last_note};
pub use presence::{Life, Presence};
pub use reach::Reach;
pub use replica::Replica;
pub(in crate::server::log) use start::give_copies;
pub use start::{join, recorded, standings};
pub use state::{Known, State};
pub use state_text::NoteError;
pub(in crate::server) use steps::{Decided, Step};
