//! A group on many nodes. Its transcript is a stream that a quorum of brokers keeps; every node applies the same messages in
//! the same order, and so has the same events, numbers and bytes.
//!
//! Pure, without sockets, clock, disk or randomness: [`batch`] is the text of the stream's messages, [`state`] what they
//! mean.

mod applied;
mod apply;
pub mod batch;
mod command;
mod ids;
mod members;
#[cfg(test)]
mod stage;
pub mod state;
mod state_text;

pub use applied::{Applied, EventAt, GroupChange, Outcome, Refusal, Stop};
pub use batch::{Batch, BatchError, Head, batches};
pub use command::{Command, CommandError, Genesis};
pub use ids::{BatchNumber, NodeName, NodeNameError, Start, StreamSeq, Sum, TokenKey, parse_stamp};
pub use members::StateMember;
pub use state::State;
pub use state_text::NoteError;
