//! What is wrong with brokers or stream, for the person who can change it.

use std::fmt;

use super::stream::{ALL_JSZ, PERMISSIONS, STREAM};
use crate::limits::{REPLICAS_MIN, STREAM_MESSAGE_MAX};
use crate::server::log::cluster::broker::Broken;

/// A reason not to use these brokers or this stream. Displayed, it is one sentence that says what to do.
#[derive(Debug)]
pub enum Unfit {
    /// The connection broke while they were asked.
    Lost(Broken),
    /// An answer that this program does not understand.
    Unreadable,
    /// This login may not ask: the broker's words.
    Forbidden(String),
    /// This login may not tell the other nodes something beside the stream, or not hear it: the broker's words.
    Apart(String),
    /// A broker is too old.
    Version {
        /// Which.
        broker: String,
        /// Its version.
        version: String,
    },
    /// A broker takes messages of at most so many bytes.
    SmallPayload {
        /// Which.
        broker: String,
        /// Its `max_payload`.
        most: u64,
    },
    /// The brokers do not offer JetStream to this login.
    NoJetStream,
    /// No stream was made.
    NoStream,
    /// Nobody answers for the stream.
    NoLeader,
    /// JetStream's own words.
    Refused(String),
    /// The stream is configured in another way than a group needs.
    Setting {
        /// The setting.
        name: &'static str,
        /// What it is.
        is: String,
        /// What it should be.
        wanted: &'static str,
        /// What happens otherwise.
        why: &'static str,
    },
    /// So many brokers keep each message.
    FewReplicas(u64),
    /// These brokers acknowledge what is not on their disks.
    LazySync(Vec<String>),
    /// It is not known of these brokers, half of all or more.
    SyncUnknown(Vec<String>),
    /// The stream was made again.
    OtherStream {
        /// When the node's own was made.
        own: String,
        /// When this one was made.
        found: String,
    },
    /// The stream ends before what this node has.
    Shorter {
        /// The last message that the node has.
        own: u64,
        /// The stream's last message.
        last: u64,
    },
}

impl Unfit {
    /// From an error of JetStream's API.
    pub(super) fn of_error(code: u64, description: &str) -> Unfit {
        match code {
            10_059 => Unfit::NoStream,
            10_039 | 10_076 => Unfit::NoJetStream,
            // Not available now, no leader, no quorum.
            10_008 | 10_009 | 10_023 => Unfit::NoLeader,
            _ => Unfit::Refused(description.to_owned()),
        }
    }

    /// Whether messages are safe on one machine that does not fail: enough for trying.
    pub fn is_tolerable(&self) -> bool {
        matches!(self, Unfit::FewReplicas(_) | Unfit::LazySync(_) | Unfit::SyncUnknown(_))
    }
}

impl std::error::Error for Unfit {}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.sentence(f)?;
        if self.is_tolerable() { f.write_str(", or --cluster-anyway to try it out") } else { Ok(()) }
    }
}

/// What is accepted, because `--cluster-anyway` was given. Displayed, it is a warning, which does not advise to give that.
#[derive(Debug)]
pub struct Tolerated(pub Unfit);

impl fmt::Display for Tolerated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.sentence(f)
    }
}

impl Unfit {
    fn sentence(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unfit::Lost(broken) => write!(f, "{broken}"),
            Unfit::Unreadable => f.write_str("a broker's answer is not understood; is it nats-server?"),
            Unfit::Forbidden(words) => write!(
                f,
                "the brokers do not let this login ask about the stream ({words}); {PERMISSIONS}"
            ),
            Unfit::Apart(words) => write!(
                f,
                "the brokers do not let this login tell the other nodes who is here, or hear it ({words}); {PERMISSIONS}"
            ),
            Unfit::Version { broker, version } => write!(
                f,
                "broker {broker} is nats-server {version}, and a group needs 2.15 or newer, which syncs many messages \
                 together: install the release of nats.io"
            ),
            Unfit::SmallPayload { broker, most } => write!(
                f,
                "broker {broker} has max_payload {most}, and a group needs {STREAM_MESSAGE_MAX}, or long batches would be \
                 refused: change it in the configuration of all brokers and restart them"
            ),
            Unfit::NoJetStream => f.write_str(
                "the brokers have no JetStream for this login: configure jetstream, in the brokers and in the account",
            ),
            Unfit::NoStream => write!(
                f,
                "there is no stream {STREAM}; --make-cluster makes it, once, or --cluster-found from a history"
            ),
            Unfit::NoLeader => write!(
                f,
                "nobody answers for the stream {STREAM}: most brokers have to run and reach each other; see \
                 http://127.0.0.1:8222/healthz on their machines"
            ),
            Unfit::Refused(words) => write!(f, "JetStream refuses: {words}"),
            Unfit::Setting { name, is, wanted, why } => {
                write!(f, "the stream {STREAM} has {name} {is}, and a group needs {wanted}, or {why}; change it")
            }
            Unfit::FewReplicas(1) => write!(
                f,
                "only one broker keeps the stream {STREAM}, so losing it would lose the group: use three brokers"
            ),
            Unfit::FewReplicas(count) => write!(
                f,
                "{count} brokers keep the stream {STREAM}, so it stands still without one of them: use \
                 {REPLICAS_MIN}"
            ),
            Unfit::LazySync(brokers) => write!(
                f,
                "{} would lose acknowledged messages in a power cut: add sync_interval: always to jetstream in the \
                 broker's configuration and restart it",
                listed(brokers)
            ),
            Unfit::SyncUnknown(brokers) => write!(
                f,
                "it is not known whether {} would lose acknowledged messages in a power cut: let this login ask \
                 {}, as in deploy/three-nodes/nats.conf",
                listed(brokers),
                ALL_JSZ
            ),
            Unfit::OtherStream { own, found } => write!(
                f,
                "the stream {STREAM} was made at {found}, and this node's history belongs to one made at {own}: use \
                 its own brokers, or move this history and the members file away to join the other group"
            ),
            Unfit::Shorter { own, last } => write!(
                f,
                "the stream {STREAM} ends with message {last}, and this node has message {own}: the brokers have lost \
                 what was acknowledged, so keep this history and restore them from a backup, or make the stream again \
                 from it (--cluster-found)"
            ),
        }
    }
}

/// `broker n1`, `brokers n1 and n2`.
fn listed(brokers: &[String]) -> String {
    match brokers {
        [] => "any broker".to_owned(),
        [one] => format!("broker {one}"),
        [most @ .., last] => format!("brokers {} and {last}", most.join(", ")),
    }
}
