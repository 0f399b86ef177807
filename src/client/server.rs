//! Where to connect to, and as whom.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use super::known::{self, Trusted};
use super::options::{Transport, host_and_port};
use crate::fingerprint::Fingerprint;
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

/// What somebody else needs to reach the servers.
#[derive(Debug, Default)]
pub(super) struct Reach {
    /// HOST:PORT of each.
    pub(super) servers: Vec<String>,
    pub(super) is_tls: bool,
    /// The file that vouches for their certificates.
    pub(super) ca: Option<PathBuf>,
    /// Of the certificates for which no authority vouches.
    pub(super) fingerprints: Vec<(String, Fingerprint)>,
}

impl Reach {
    /// With the file of known servers.
    pub(super) fn of(servers: &Servers, known_servers: Option<&Path>) -> Reach {
        let mut reach = Reach { servers: servers.names.clone(), ..Reach::default() };
        let Transport::Tls { ca } = &servers.transport else { return reach };
        (reach.is_tls, reach.ca) = (true, ca.clone());
        for name in &servers.names {
            let known = known_servers.and_then(|file| known::find(file, name).ok().flatten());
            match known.map(|known| known.trusted) {
                Some(Trusted::Fingerprint(fingerprint)) => {
                    reach.fingerprints.push((name.clone(), fingerprint));
                }
                Some(Trusted::File(file)) => reach.ca = Some(file),
                Some(Trusted::Authority | Trusted::Forgotten) | None => {}
            }
        }
        reach
    }

    /// Whether none of them is reached from another machine.
    pub(super) fn is_local(&self) -> bool {
        self.servers.iter().all(|server| is_local(server))
    }
}

/// Whether this host, with or without a port, is the machine that it is reached from.
pub(super) fn is_local(host: &str) -> bool {
    let host = host_and_port(host).map_or(host, |(host, _)| host);
    host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

/// The member that logs in at a group's servers, with a device or without a feed.
#[derive(Clone, Debug, derive_more::Display)]
#[display("{mail}{subscription}")]
pub(super) struct Identity {
    pub(super) mail: Mail,
    pub(super) servers: Servers,
    pub(super) subscription: Subscription,
}
