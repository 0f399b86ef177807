//! The brokers of a group on many nodes, and the connection to one of them.

use std::time::Duration;

/// A control line of a broker. The longest is INFO, which lists the addresses of all brokers: some KiB.
pub const NATS_LINE_MAX: usize = 64 << 10;
/// A message of a broker with its headers: what a broker by default lets anybody publish (`max_payload`).
pub const NATS_MESSAGE_MAX: usize = 1 << 20;
/// How long looking up a broker's name may take. A resolver that is cut off, too, is asked for half a minute.
pub const BROKER_RESOLVE_WAIT: Duration = Duration::from_secs(2);
/// How long after its address is known a broker may take until it has let us in: some round trips, and a handshake on a
/// machine that is busy.
pub const BROKER_LOGIN_WAIT: Duration = Duration::from_secs(4);
/// How long without a byte until a broker is sent PING, and after as long again given up: a frozen one is noticed
/// within four seconds, about as soon as the others have replaced it as leader.
pub const BROKER_SILENCE: Duration = Duration::from_secs(2);
/// How long to wait after all brokers in turn have failed; the time doubles with each further round.
pub const BROKER_RETRY_FIRST: Duration = Duration::from_millis(100);
/// The longest wait between rounds: a broker that comes back is found soon, by few nodes.
pub const BROKER_RETRY_LONGEST: Duration = Duration::from_secs(2);
/// Bytes for a broker that it does not take. Everything that waits to be stored, twice, is a quarter of it.
pub const BROKER_UNSENT_MAX: usize = 16 << 20;
/// Bytes read from a broker at once.
pub const BROKER_READ: usize = 64 << 10;
/// Addresses of brokers: five replicas, and some for a move to other machines.
pub const BROKERS_MAX: usize = 16;
/// The file with a login at the brokers: two lines.
pub const CREDENTIALS_FILE_MAX: u64 = 4 << 10;
/// How long one answer of a broker to a question at the start may take. A question is asked again after that, because a
/// frozen replica lets some of them hang.
pub const BROKER_ANSWER_WAIT: Duration = Duration::from_secs(2);
/// How long to wait before a question is asked again that nobody could answer.
pub const BROKER_ASK_AGAIN: Duration = Duration::from_millis(100);
/// How long the brokers may take to have a leader when a node starts: all restarted together they take 13 seconds.
pub const BROKERS_READY_WAIT: Duration = Duration::from_secs(30);
/// How long brokers may tell less than this node knows, because they have just started: for up to two seconds such a replica
/// answers for the leader, with what it had when it stopped (2.15.0,
/// findings/nats-server-restarted-replica-tells-old-stream.sh).
pub const BROKERS_STARTED_WAIT: Duration = Duration::from_secs(10);
/// Brokers that keep each message: with three, one may be lost.
pub const REPLICAS_MIN: u64 = 3;
/// A message of the stream, at most: a batch twice over.
pub const STREAM_MESSAGE_MAX: u64 = 512 << 10;
/// How long the stream keeps messages: a node that was away for less catches up from it alone.
pub const STREAM_AGE_DEFAULT: Duration = Duration::from_secs(30 * 24 * 60 * 60);
