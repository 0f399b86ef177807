//! Makes the stream of a group, once: `--make-cluster` and `--cluster-found`, with the keeper's login.

use std::fmt;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::limits::{
    BROKER_ANSWER_WAIT, BROKER_ASK_AGAIN, BROKERS_READY_WAIT, REPLICAS_MIN, STREAM_AGE_DEFAULT,
    STREAM_MESSAGE_MAX,
};
use crate::server::log::cluster::broker::{Asker, NoAnswer};
use crate::server::log::cluster::origin::message;
use crate::server::log::cluster::prove::{
    Evidence, Proof, REPUBLISHED, STREAM, SUBJECTS, Tolerance, Unfit, ask, ask_stream, prove,
};

/// Makes a stream.
const CREATE: &str = "$JS.API.STREAM.CREATE.ROOM";
/// JetStream's error: "no suitable peers for placement".
const NO_PEERS: u64 = 10_005;
/// What the first messages are published to. Which subject a message has means nothing.
const GENESIS: &str = "room.genesis";

/// When the stream forgets messages; a node that was away for longer gets them from another node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// When they are so old.
    For(Duration),
    /// When all of them together are larger, the oldest.
    Bytes(u64),
}

/// The stream that is wanted.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Brokers that keep each message.
    pub replicas: u64,
    /// How much it keeps.
    pub keep: Keep,
    /// The number of its first message, from 1. More than 1 if it continues one that was lost.
    pub first: u64,
}

impl Default for Plan {
    fn default() -> Plan {
        Plan { replicas: REPLICAS_MIN, keep: Keep::For(STREAM_AGE_DEFAULT), first: 1 }
    }
}

impl Plan {
    /// A broker without a cluster can only keep the stream alone.
    fn at(self, brokers: &Evidence) -> Plan {
        if brokers.info.in_cluster { self } else { Plan { replicas: 1, ..self } }
    }
}

/// Why there is no new stream. Displayed, it is one sentence, or one for each thing that is wrong.
#[derive(Debug)]
pub enum MakeError {
    /// There is one, with messages.
    Exists {
        /// When it was made.
        created: String,
    },
    /// Brokers, or a stream that was made before and is empty, cannot be used.
    Unfit(Vec<Unfit>),
    /// This login may not make it: the broker's words.
    NotKeeper(String),
    /// The first messages were not stored, as far as is known: JetStream's words, or why it does not answer.
    NotStored(String),
}

impl std::error::Error for MakeError {}

impl fmt::Display for MakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MakeError::Exists { created } => write!(
                f,
                "there is a stream {STREAM} already, made at {created}: start nodes with --cluster; if making it was \
                 interrupted, or to make another group, delete it first (nats stream rm {STREAM})"
            ),
            MakeError::Unfit(all) => {
                let all: Vec<String> = all.iter().map(ToString::to_string).collect();
                f.write_str(&all.join("\n"))
            }
            MakeError::NotKeeper(words) => write!(
                f,
                "this login may not make the stream {STREAM} ({words}): name the keeper's with --cluster-credentials, \
                 as in deploy/three-nodes/README.md"
            ),
            MakeError::NotStored(why) => write!(
                f,
                "the stream {STREAM} is made, but the group is not in it ({why}): try again; if it is said to exist \
                 then, delete it first (nats stream rm {STREAM})"
            ),
        }
    }
}

/// Makes the stream, with these batches as its first messages, and proves it as a node would. Nothing is made if the
/// brokers are of no use. A stream that exists is used only if it is empty and as it should be; of several who make it
/// at once, one succeeds.
///
/// The keeper may not be allowed to ask how the brokers sync. That is accepted here, as the nodes ask it, too.
pub fn make(
    asker: &mut Asker,
    plan: Plan,
    genesis: &[Vec<u8>],
    tolerance: Tolerance,
) -> Result<Proof, MakeError> {
    let before = ask(asker, None, BROKERS_READY_WAIT).map_err(unfit)?;
    let plan = plan.at(&before);
    if is_missing(&before, plan, tolerance)? {
        create(asker, plan)?;
    }
    let made = ask(asker, None, BROKERS_READY_WAIT).map_err(unfit)?;
    let proof = prove_for_keeper(&made, tolerance).map_err(MakeError::Unfit)?;
    // Another keeper was quicker.
    if proof.last >= proof.first {
        return Err(MakeError::Exists { created: proof.created });
    }
    for (last, batch) in (proof.last..).zip(genesis) {
        store(asker, batch, last, &proof.created)?;
    }
    let whole = ask(asker, None, BROKERS_READY_WAIT).map_err(unfit)?;
    prove_for_keeper(&whole, tolerance).map_err(MakeError::Unfit)
}

/// What a node's login lacks here, no node's login has.
fn unfit(why: Unfit) -> MakeError {
    match why {
        Unfit::Forbidden(words) => MakeError::NotKeeper(words),
        why => MakeError::Unfit(vec![why]),
    }
}

/// Whether [`make`] would begin, as far as it can be known without making anything.
pub fn check(asker: &mut Asker, plan: Plan, tolerance: Tolerance) -> Result<(), MakeError> {
    let before = ask(asker, None, BROKERS_READY_WAIT).map_err(unfit)?;
    is_missing(&before, plan.at(&before), tolerance).map(drop)
}

/// Whether the stream is still to be made. `false`: it is there, and empty.
fn is_missing(before: &Evidence, plan: Plan, tolerance: Tolerance) -> Result<bool, MakeError> {
    match prove_for_keeper(before, tolerance) {
        Ok(proof) if proof.last >= proof.first => Err(MakeError::Exists { created: proof.created }),
        Ok(_) => Ok(false),
        // Whatever it is like, it is somebody's.
        Err(_) if has_messages(before) => Err(MakeError::Exists { created: created(before) }),
        Err(mut wrong) => {
            let is_missing = wrong.iter().any(|wrong| matches!(wrong, Unfit::NoStream));
            wrong.retain(|wrong| !matches!(wrong, Unfit::NoStream));
            wrong.extend((plan.replicas < REPLICAS_MIN).then_some(Unfit::FewReplicas(plan.replicas)));
            wrong.retain(|wrong| tolerance == Tolerance::None || !wrong.is_tolerable());
            if wrong.is_empty() && is_missing { Ok(true) } else { Err(MakeError::Unfit(wrong)) }
        }
    }
}

fn create(asker: &mut Asker, plan: Plan) -> Result<(), MakeError> {
    let configuration = configuration(plan).to_string();
    let begin = Instant::now();
    loop {
        let answer =
            ask_stream(asker, CREATE, configuration.as_bytes(), BROKERS_READY_WAIT).map_err(unfit)?;
        let answer: Value = serde_json::from_slice(&answer).unwrap_or_default();
        let Some(words) = answer["error"]["description"].as_str() else { return Ok(()) };
        // Brokers that have just started are healthy before their leader takes all of them for online.
        let has_no_peers = answer["error"]["err_code"].as_u64() == Some(NO_PEERS);
        if !has_no_peers || begin.elapsed() >= BROKERS_READY_WAIT {
            return Err(unfit(Unfit::Refused(words.to_owned())));
        }
        std::thread::sleep(BROKER_ASK_AGAIN);
    }
}

/// As [`prove`]; that nothing is known about syncs is no reason.
fn prove_for_keeper(evidence: &Evidence, tolerance: Tolerance) -> Result<Proof, Vec<Unfit>> {
    let strict = prove(evidence, None, tolerance);
    let Err(mut wrong) = strict else { return strict };
    wrong.retain(|wrong| !matches!(wrong, Unfit::SyncUnknown(_)));
    if wrong.is_empty() { prove(evidence, None, Tolerance::Anyway) } else { Err(wrong) }
}

fn stream(evidence: &Evidence) -> Value {
    serde_json::from_slice(&evidence.stream).unwrap_or_default()
}

fn has_messages(evidence: &Evidence) -> bool {
    stream(evidence)["state"]["messages"].as_u64().is_some_and(|messages| messages > 0)
}

fn created(evidence: &Evidence) -> String {
    stream(evidence)["created"].as_str().unwrap_or("an unknown time").to_owned()
}

fn configuration(plan: Plan) -> Value {
    let nanoseconds = |age: Duration| u64::try_from(age.as_nanos()).unwrap_or(u64::MAX >> 1);
    let (age, bytes) = match plan.keep {
        Keep::For(age) => (nanoseconds(age), -1),
        Keep::Bytes(bytes) => (0, i64::try_from(bytes).unwrap_or(i64::MAX)),
    };
    json!({
        "name": STREAM,
        "subjects": [SUBJECTS],
        "storage": "file",
        "num_replicas": plan.replicas,
        "retention": "limits",
        "discard": "old",
        "max_age": age,
        "max_bytes": bytes,
        "max_msgs": -1,
        "max_msgs_per_subject": -1,
        "max_msg_size": STREAM_MESSAGE_MAX,
        "first_seq": plan.first,
        "republish": { "src": SUBJECTS, "dest": REPUBLISHED },
        "allow_direct": true,
        "deny_delete": true,
        "deny_purge": true,
    })
}

/// Stores a batch after the message `last`, and nowhere else: so it is stored once, however often it is sent.
fn store(asker: &mut Asker, batch: &[u8], last: u64, created: &str) -> Result<(), MakeError> {
    let (begin, expected) = (Instant::now(), last.to_string());
    loop {
        let headers = [("Nats-Expected-Last-Sequence", expected.as_str())];
        let why = match asker.ask_with(GENESIS, &headers, batch, BROKER_ANSWER_WAIT) {
            Ok(answer) => {
                let answer: Value = serde_json::from_slice(&answer.payload).unwrap_or_default();
                match (&answer["seq"], answer["error"]["err_code"].as_u64()) {
                    (Value::Number(_), None) => return Ok(()),
                    // Something follows it already: this very batch, if an answer was lost, or another's.
                    (_, Some(10_071)) if is_stored(asker, batch, last + 1)? => return Ok(()),
                    (_, Some(10_071)) => return Err(MakeError::Exists { created: created.to_owned() }),
                    (_, _) => answer["error"]["description"].as_str().unwrap_or("no reason").to_owned(),
                }
            }
            Err(why @ (NoAnswer::Broken(_) | NoAnswer::Forbidden(_))) => {
                return Err(MakeError::NotStored(why.to_string()));
            }
            Err(why) => why.to_string(),
        };
        if begin.elapsed() >= BROKERS_READY_WAIT {
            return Err(MakeError::NotStored(why));
        }
        std::thread::sleep(BROKER_ASK_AGAIN);
    }
}

fn is_stored(asker: &mut Asker, batch: &[u8], number: u64) -> Result<bool, MakeError> {
    message(asker, number).map(|stored| stored == batch).map_err(MakeError::NotStored)
}
