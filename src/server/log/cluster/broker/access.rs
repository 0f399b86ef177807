//! How all brokers are reached.

use std::fmt;
use std::sync::Arc;

use rustls::ClientConfig;

use super::login::Login;

/// Where plain text may be spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plaintext {
    /// On this machine. Beyond it the brokers have to speak TLS, or are sent nothing.
    OnLoopback,
    /// Everywhere: `--plaintext-anyway`.
    Anyway,
}

/// How all brokers are reached.
#[derive(Clone)]
pub struct Access {
    /// As whom.
    pub login: Login,
    /// Whom to believe, from [`trust`](super::trust()).
    pub tls: Arc<ClientConfig>,
    /// Where it may go without.
    pub plaintext: Plaintext,
    /// What the brokers' lists of connections show: the node's name.
    pub name: String,
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} at the brokers as {}", self.login, self.name)
    }
}
