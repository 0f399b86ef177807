//! Why there is no connection to a broker.

use std::fmt;
use std::io;

use rustls::{CertificateError, Error as TlsError};

use super::address::{Address, Scheme};
use crate::limits::{BROKER_LOGIN_WAIT, BROKER_SILENCE, BROKER_UNSENT_MAX};
use crate::server::log::cluster::nats::Malformed;

/// A connection that has failed or ended. Displayed, it is one sentence that says what to do unless that is obvious.
#[derive(Debug)]
pub struct Broken {
    /// Which broker.
    pub broker: Address,
    /// What happened.
    pub why: Why,
}

/// What happened to a connection.
#[derive(Debug)]
pub enum Why {
    /// The name cannot be looked up.
    Unknown(io::Error),
    /// Nothing answers there.
    Unreachable(io::Error),
    /// Nothing came of the first steps in [`BROKER_LOGIN_WAIT`]; `greeted`: the broker has spoken.
    Slow {
        /// INFO has come.
        greeted: bool,
    },
    /// It is not what TLS should be, or its certificate is not trusted.
    Tls(TlsError),
    /// It speaks plain text where that is not allowed, so nothing was sent.
    Plaintext,
    /// It does not let us in.
    Login(String),
    /// It does not speak the protocol.
    Malformed(Malformed),
    /// The first line tells nothing of a broker.
    NoInfo,
    /// It has ended the connection, perhaps with some last words; `greeted`: the broker has spoken.
    Ended {
        /// `-ERR`.
        words: Option<String>,
        /// INFO has come.
        greeted: bool,
    },
    /// The network failed.
    Failed(io::Error),
    /// It has sent nothing for twice [`BROKER_SILENCE`], although it was sent PING.
    Silent,
    /// It does not take what it is sent.
    Stuck,
}

impl Why {
    /// Whether trying again is no use until a person has changed something.
    pub fn needs_a_person(&self) -> bool {
        matches!(
            self,
            Why::Tls(_) | Why::Plaintext | Why::Login(_) | Why::NoInfo | Why::Malformed(Malformed::Verb)
        )
    }
}

/// What to do about a certificate that is not trusted.
fn advice(why: &CertificateError) -> &'static str {
    match why {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "renew it, or set this machine's clock right"
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "set the clock right, here or where it was made"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "use a name that is in it, or make one with the name that is used"
        }
        _ => "name the authority that signed it with --cluster-ca",
    }
}

impl std::error::Error for Broken {}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Broken { broker, why } = self;
        write!(f, "no connection to {broker}: ")?;
        // A broker that waits for TLS says nothing.
        let perhaps_tls = match (broker.scheme, why) {
            (Scheme::Nats, Why::Slow { greeted: false } | Why::Ended { greeted: false, .. }) => {
                "; if it begins with TLS (handshake_first), use tls://"
            }
            _ => "",
        };
        match why {
            Why::Unknown(why) => write!(f, "its name cannot be looked up: {why}"),
            Why::Unreachable(why) => write!(f, "{why}"),
            Why::Slow { .. } => {
                write!(f, "it has not let us in within {} s{perhaps_tls}", BROKER_LOGIN_WAIT.as_secs())
            }
            Why::Tls(TlsError::InvalidCertificate(why)) => {
                write!(f, "its certificate is not trusted: {why}; {}", advice(why))
            }
            Why::Tls(TlsError::InvalidMessage(_)) if broker.scheme == Scheme::Tls => f.write_str(
                "it does not begin with TLS; use nats://, or configure the broker with handshake_first: true",
            ),
            Why::Tls(why) => write!(f, "TLS failed: {why}"),
            Why::Plaintext => f.write_str(
                "the login would cross the network unencrypted; configure the broker with TLS, or add \
                 --plaintext-anyway if that network is safe",
            ),
            Why::Login(words) => write!(f, "it refuses the login ({words}); see --cluster-credentials"),
            Why::Malformed(why) => write!(f, "{why}"),
            Why::NoInfo => f.write_str("what answers is not a broker of NATS; is that its port for clients?"),
            Why::Ended { words: Some(words), .. } => write!(f, "it has ended the connection ({words})"),
            Why::Ended { words: None, .. } => write!(f, "it has ended the connection{perhaps_tls}"),
            Why::Failed(why) => write!(f, "it was lost: {why}"),
            Why::Silent => write!(f, "it has been silent for {} s", 2 * BROKER_SILENCE.as_secs()),
            Why::Stuck => write!(f, "it has not taken {} MiB that it was sent", BROKER_UNSENT_MAX >> 20),
        }
    }
}
