//! Where to connect to, and as whom.

use std::fmt;

use super::options::Transport;
use crate::protocol::{Device, Mail, Subscription};

/// A server and how to reach it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Server {
    /// HOST:PORT.
    pub(super) name: String,
    pub(super) transport: Transport,
}

/// As a person reads it.
impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let transport = if self.transport == Transport::Plain { "" } else { " with TLS" };
        write!(f, "{}{transport}", self.name)
    }
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
#[derive(Clone, Debug)]
pub(super) struct Identity {
    pub(super) mail: Mail,
    pub(super) servers: Servers,
    pub(super) subscription: Subscription,
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.subscription {
            Subscription::Feed(Device::Default) => write!(f, "{}", self.mail),
            Subscription::Feed(Device::Named(device)) => write!(f, "{}/{device}", self.mail),
            Subscription::Feedless => write!(f, "{}/-", self.mail),
        }
    }
}
