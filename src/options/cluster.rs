//! The options of a node of a cluster.

use std::path::PathBuf;

use getopts::Matches;

use crate::server::log::cluster::NodeName;
use crate::server::log::cluster::broker::{Addresses, Plaintext};
use crate::server::log::cluster::prove::Tolerance;

/// What this run is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To be a node.
    Serve,
    /// To make a new group: `--make-cluster`.
    Make,
    /// To make the group of a history: `--cluster-found`.
    Found,
}

/// How to be a node of a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterOptions {
    /// The brokers.
    pub brokers: Addresses,
    /// This node.
    pub node: NodeName,
    /// The file with the login; `None`: there is none.
    pub credentials: Option<PathBuf>,
    /// The file with the authority of the brokers' certificates; `None`: the system's.
    pub ca: Option<PathBuf>,
    /// Passwords and hashes may go to brokers beyond this machine in plain text.
    pub plaintext: Plaintext,
    /// Brokers are accepted that do not keep what is promised.
    pub tolerance: Tolerance,
    /// What for.
    pub purpose: Purpose,
}

pub(super) fn options(matches: &Matches) -> Result<Option<ClusterOptions>, String> {
    let Some(brokers) = matches.opt_str("cluster") else {
        let of_it =
            ["node", "cluster-credentials", "cluster-ca", "cluster-anyway", "make-cluster", "cluster-found"];
        return match of_it.into_iter().find(|name| matches.opt_present(name)) {
            Some(name) => Err(format!("--{name} has no meaning without --cluster")),
            None => Ok(None),
        };
    };
    if matches.opt_str("history").as_deref() == Some("none") {
        return Err("--cluster has no meaning with --history none".to_owned());
    }
    let purpose = match ["make-cluster", "cluster-found"].map(|name| matches.opt_present(name)) {
        [false, false] => Purpose::Serve,
        [true, false] => Purpose::Make,
        [false, true] => Purpose::Found,
        [true, true] => {
            let sentence =
                "--make-cluster makes a new group, --cluster-found one of a history: use one of them";
            return Err(sentence.to_owned());
        }
    };
    if matches.opt_present("max-line") && purpose == Purpose::Serve {
        let sentence = "--max-line has no meaning with --cluster: it is the group's, from --make-cluster or \
                        --cluster-found";
        return Err(sentence.to_owned());
    }
    let path = |name| matches.opt_str(name).map(PathBuf::from);
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let name =
        matches.opt_str("node").unwrap_or_else(|| host.split('.').next().unwrap_or_default().to_owned());
    let node = NodeName::parse(&name).map_err(|error| format!("--node cannot be '{name}': {error}"))?;
    Ok(Some(ClusterOptions {
        brokers: brokers.parse().map_err(|sentence| format!("--cluster: {sentence}"))?,
        node,
        credentials: path("cluster-credentials"),
        ca: path("cluster-ca"),
        plaintext: if matches.opt_present("plaintext-anyway") {
            Plaintext::Anyway
        } else {
            Plaintext::OnLoopback
        },
        tolerance: if matches.opt_present("cluster-anyway") { Tolerance::Anyway } else { Tolerance::None },
        purpose,
    }))
}
