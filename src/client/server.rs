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

/// The member that logs in at a server, with a device or without a feed.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    pub(super) mail: Mail,
    pub(super) server: Server,
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
