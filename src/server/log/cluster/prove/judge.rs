//! Judges what brokers say of themselves and of the stream.

use bytes::Bytes;
use serde_json::Value;

use super::unfit::{Tolerated, Unfit};
use super::{jsz, settings};
use crate::limits::{REPLICAS_MIN, STREAM_MESSAGE_MAX};
use crate::server::log::cluster::broker::Info;

/// What the brokers have said, as JSON.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// INFO of the broker that was asked.
    pub info: Info,
    /// Its answer to [`STREAM_INFO`](super::STREAM_INFO).
    pub stream: Bytes,
    /// The answers to [`ALL_JSZ`](super::ALL_JSZ).
    pub brokers: Vec<Bytes>,
}

/// What a node has of the stream.
#[derive(Clone, Copy, Debug)]
pub struct Own<'a> {
    /// When the stream was made, as [`Proof::created`] told.
    pub created: &'a str,
    /// The number of the first message that it has not applied.
    pub next: u64,
}

/// What does not keep the promises, but is good enough for trying it on one machine: `--cluster-anyway`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tolerance {
    /// All promises are kept.
    None,
    /// Fewer replicas and lazy syncs are accepted: [`Unfit::is_tolerable`].
    Anyway,
}

/// The brokers and the stream can be used.
#[derive(Debug)]
pub struct Proof {
    /// The broker that was asked.
    pub broker: String,
    /// When the stream was made: a stream that was made again is another one.
    pub created: String,
    /// The number of its first message that is still there; what comes before has to be had from another node. One more
    /// than `last` if there is none.
    pub first: u64,
    /// The number of its last message.
    pub last: u64,
    /// The brokers that keep it, the leader first.
    pub replicas: Vec<String>,
    /// Those of them that did not answer, so that it is not known how they sync: fewer than half.
    pub silent: Vec<String>,
    /// To be warned of; there are some only with [`Tolerance::Anyway`].
    pub tolerated: Vec<Tolerated>,
}

/// Judges. An error has all that is wrong and not accepted, at least one.
pub fn prove(evidence: &Evidence, own: Option<Own<'_>>, tolerance: Tolerance) -> Result<Proof, Vec<Unfit>> {
    let is_accepted = |unfit: &Unfit| tolerance == Tolerance::Anyway && unfit.is_tolerable();
    let mut unfit = Vec::new();
    if !jsz::is_new_enough(&evidence.info.version) {
        unfit.push(Unfit::Version {
            broker: evidence.info.name.clone(),
            version: evidence.info.version.clone(),
        });
    }
    if let Some(most) = evidence.info.max_payload.filter(|most| *most < STREAM_MESSAGE_MAX) {
        unfit.push(Unfit::SmallPayload { broker: evidence.info.name.clone(), most });
    }
    let stream = match parse_stream(&evidence.stream) {
        Ok(stream) => stream,
        Err(why) => {
            // Nothing tells which of them would keep it: all that have answered.
            let all: Vec<String> = evidence.brokers.iter().filter_map(|answer| jsz::name(answer)).collect();
            jsz::judge(&evidence.brokers, &all, &mut unfit);
            unfit.retain(|unfit| !is_accepted(unfit));
            unfit.push(why);
            return Err(unfit);
        }
    };
    unfit.extend(settings::wrong(&stream["config"]));
    let count = stream["config"]["num_replicas"].as_u64().unwrap_or_default();
    if count < REPLICAS_MIN {
        unfit.push(Unfit::FewReplicas(count));
    }
    let replicas = replicas(&stream, &evidence.info);
    let silent = jsz::judge(&evidence.brokers, &replicas, &mut unfit);

    let (first, last) = (number(&stream, "first_seq"), number(&stream, "last_seq"));
    let created = created(&stream).to_owned();
    match own {
        Some(own) if own.created != created => {
            unfit.push(Unfit::OtherStream { own: own.created.to_owned(), found: created.clone() });
        }
        Some(own) if is_shorter(&stream, own) => unfit.push(Unfit::Shorter { own: own.next - 1, last }),
        _ => {}
    }
    let (tolerated, unfit): (Vec<Unfit>, Vec<Unfit>) = unfit.into_iter().partition(is_accepted);
    if !unfit.is_empty() {
        return Err(unfit);
    }
    let tolerated = tolerated.into_iter().map(Tolerated).collect();
    // A new stream says 0.
    let first = first.max(1);
    Ok(Proof { broker: evidence.info.name.clone(), created, first, last, replicas, silent, tolerated })
}

fn number(stream: &Value, name: &str) -> u64 {
    stream["state"][name].as_u64().unwrap_or_default()
}

fn created(stream: &Value) -> &str {
    stream["created"].as_str().unwrap_or_default()
}

/// The stream that this node knows ends before what this node has of it.
pub(super) fn is_shorter(stream: &Value, own: Own<'_>) -> bool {
    created(stream) == own.created && number(stream, "last_seq").saturating_add(1) < own.next
}

/// The answer to [`STREAM_INFO`](super::STREAM_INFO), if it tells of a stream. A replica that has just started gives its
/// own answer, which may be an old one, and does not know of a leader then (seen with 2.15.0).
pub(in crate::server::log::cluster) fn parse_stream(answer: &[u8]) -> Result<Value, Unfit> {
    let stream: Value = serde_json::from_slice(answer).map_err(|_| Unfit::Unreadable)?;
    if let Some(code) = stream["error"]["err_code"].as_u64() {
        let description = stream["error"]["description"].as_str().unwrap_or_default();
        return Err(Unfit::of_error(code, description));
    }
    let is_stream =
        stream["config"].is_object() && stream["state"].is_object() && stream["created"].is_string();
    let cluster = &stream["cluster"];
    match is_stream {
        true if cluster.is_object() && !cluster["leader"].is_string() => Err(Unfit::NoLeader),
        true => Ok(stream),
        false => Err(Unfit::Unreadable),
    }
}

/// The brokers that keep a stream, the leader first. One that is no cluster tells of none.
pub(super) fn replicas(stream: &Value, info: &Info) -> Vec<String> {
    let cluster = &stream["cluster"];
    let others = cluster["replicas"].as_array().into_iter().flatten().map(|replica| &replica["name"]);
    let names = std::iter::once(&cluster["leader"]).chain(others).filter_map(Value::as_str);
    let names: Vec<String> = names.map(str::to_owned).collect();
    if names.is_empty() { vec![info.name.clone()] } else { names }
}
