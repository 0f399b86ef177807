//! What each broker says of its JetStream: its version, and whether it syncs before it acknowledges.

use bytes::Bytes;
use serde_json::Value;

use super::unfit::Unfit;

/// The oldest version that can be used: older ones sync each message by itself, or never.
const VERSION_MIN: (u64, u64) = (2, 15);

/// `2.15.0`, `2.16.1-RC.2`.
pub(super) fn is_new_enough(version: &str) -> bool {
    let mut numbers = version.split('.').map(|number| number.parse::<u64>().ok());
    let version = numbers.next().flatten().zip(numbers.next().flatten());
    version.is_some_and(|version| version >= VERSION_MIN)
}

/// The name of the broker that gave this answer.
pub(super) fn name(answer: &[u8]) -> Option<String> {
    let answer: Value = serde_json::from_slice(answer).ok()?;
    answer["server"]["name"].as_str().map(str::to_owned)
}

/// Judges the brokers that keep the stream. Those of which nothing is known, if they are fewer than half: one may be
/// down.
pub(super) fn judge(answers: &[Bytes], replicas: &[String], unfit: &mut Vec<Unfit>) -> Vec<String> {
    let answers = answers.iter().filter_map(|answer| serde_json::from_slice::<Value>(answer).ok());
    let answers: Vec<Value> = answers.collect();
    let answer = |name: &String| answers.iter().find(|answer| answer["server"]["name"] == name.as_str());
    let (known, silent): (Vec<&String>, Vec<&String>) =
        replicas.iter().partition(|name| answer(name).is_some());
    let old = known.iter().filter_map(|name| {
        let version = answer(name)?["server"]["ver"].as_str().unwrap_or("of an unknown version");
        (!is_new_enough(version))
            .then(|| Unfit::Version { broker: (*name).clone(), version: version.to_owned() })
    });
    let told: Vec<String> = unfit.iter().map(ToString::to_string).collect();
    unfit.extend(old.filter(|old| !told.contains(&old.to_string())));
    let syncs =
        |name: &&&String| answer(name).is_some_and(|answer| answer["data"]["config"]["sync_always"] == true);
    let lazy: Vec<String> = known.iter().filter(|name| !syncs(name)).map(|name| (*name).clone()).collect();
    if !lazy.is_empty() {
        unfit.push(Unfit::LazySync(lazy));
    }
    let silent: Vec<String> = silent.into_iter().cloned().collect();
    if are_too_many(silent.len(), replicas) {
        unfit.push(Unfit::SyncUnknown(silent.clone()));
    }
    silent
}

/// So many brokers did not answer that nothing is known about what they keep.
pub(super) fn are_too_many(silent: usize, replicas: &[String]) -> bool {
    silent > 0 && 2 * silent >= replicas.len()
}
