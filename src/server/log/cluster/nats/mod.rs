//! The client protocol of NATS, as far as a node needs it: bytes in, events out, and functions that write commands. No
//! socket and no clock. <https://docs.nats.io/reference/reference-protocols/nats-protocol>
//!
//! [`Parser`] is fed what a broker sends, in pieces of any size, and gives [`Event`]s. Whatever comes, it does not
//! panic, and keeps no more than one message. [`command`] writes what a client may say; a [`Subject`] is what may stand
//! in a command, so no command can be broken by its arguments.

pub mod command;
mod message;
mod parser;
mod subject;

pub use message::{Message, Sid};
pub use parser::{Event, Malformed, Parser};
pub use subject::Subject;

#[cfg(test)]
mod tests;
