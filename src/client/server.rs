//! Where to connect to, and as whom.

use super::options::Transport;
use crate::protocol::{Mail, Subscription};

/// A server and how to reach it.
#[derive(Clone, Debug, derive_more::Display, PartialEq, Eq)]
#[display("{name}{}", if *transport == Transport::Plain { "" } else { " with TLS" })]
pub(super) struct Server {
    /// HOST:PORT.
    pub(super) name: String,
    pub(super) transport: Transport,
}

/// The servers of one group: its nodes, or the only one. All are reached in the same way. What is saved about the group has the
/// name of the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Servers {
    /// HOST:PORT of each; at least one.
    pub(super) names: Vec<String>,
    pub(super) transport: Transport,
}

impl Servers {
    pub(super) fn get(&self, at: usize) -> Server {
        Server { name: self.names[at].clone(), transport: self.transport.clone() }
    }

    /// All of them, in the order in which they are tried.
    pub(super) fn all(&self) -> impl Iterator<Item = Server> {
        (0..self.names.len()).map(|at| self.get(at))
    }

    pub(super) fn are_many(&self) -> bool {
        self.names.len() > 1
    }
}

/// The member that logs in at a group's servers, with a device or without a feed.
#[derive(Clone, Debug, derive_more::Display)]
#[display("{mail}{subscription}")]
pub(super) struct Identity {
    pub(super) mail: Mail,
    pub(super) servers: Servers,
    pub(super) subscription: Subscription,
}
