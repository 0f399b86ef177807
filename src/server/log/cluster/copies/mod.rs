//! Copies of a history: a node that lacks a part which the stream no longer has gets it from another node, outside the stream.
//!
//! Pure: `text` is what they say to each other, `window` which blocks are asked for, `offers` which node is best.
//! `serve` is a thread of each node that has joined, and gets states from the node's by way of `notes`. A node that
//! starts chooses another one in `fetch`, has what that has in `copying`, by the connection in `talk`, and `compare` of
//! the cluster says whether it can be trusted.

mod copying;
mod fetch;
mod notes;
mod offers;
mod serve;
mod talk;
mod text;
mod window;

pub(super) use fetch::{Lacking, fetch};
pub(super) use notes::Notes;
pub(in crate::server::log) use serve::Copies;
pub(super) use serve::{Source, spawn};

use crate::server::log::cluster::ids::NodeName;
use crate::server::log::cluster::nats::Subject;

/// The subject on which all nodes are asked, with the asking node's name after it. No node's name has a dot, so it is no
/// node's own.
const ASK: &str = "hist.ask.";

/// The subject on which one node is asked.
fn node_subject(node: &NodeName) -> Subject {
    Subject::word(format!("hist.{node}"))
}
