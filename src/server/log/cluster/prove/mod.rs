//! Whether brokers and stream keep what this program promises. [`ask`] collects what they say of themselves, [`prove`]
//! judges it and is pure. A node does both before it serves, and refuses with each [`Unfit`] that is found, one
//! sentence each.
//!
//! A broker says how it syncs only to those who may ask `$SYS.REQ.SERVER.PING.JSZ`. The system's account can export
//! that to the nodes' account, so that they need no login there: deploy/three-nodes/nats.conf shows how.

mod ask;
mod jsz;
mod judge;
mod settings;
mod stream;
mod unfit;

pub(in crate::server::log::cluster) use ask::ask_stream;
pub use ask::{ask, ask_beside};
pub(in crate::server::log::cluster) use judge::parse_stream;
pub use judge::{Evidence, Own, Proof, Tolerance, prove};
pub use stream::{ALL_JSZ, DIRECT_GET, PERMISSIONS, REPUBLISHED, STREAM, STREAM_INFO, SUBJECTS};
pub use unfit::{Tolerated, Unfit};

#[cfg(test)]
mod tests;
