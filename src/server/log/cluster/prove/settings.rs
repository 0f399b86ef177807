//! How the stream has to be configured.

use serde_json::{Value, json};

use super::stream::{REPUBLISHED, SUBJECTS};
use super::unfit::Unfit;
use crate::limits::STREAM_MESSAGE_MAX;

/// A setting, how it should be, and why.
struct Rule {
    name: &'static str,
    wanted: &'static str,
    /// Completes "…, or …".
    why: &'static str,
    fits: fn(&Value) -> bool,
}

const LOST: &str = "messages would be lost";
const REMOVED: &str = "messages could be removed from within it";
const FOREIGN: &str = "it would hold messages that are none of the group's";

const RULES: &[Rule] = &[
    rule("subjects", "[\"room.>\"]", "nodes would publish to nobody", |value| *value == json!([SUBJECTS])),
    rule("retention", "\"limits\"", LOST, |value| value == "limits"),
    rule("discard", "\"old\"", "it would stand still when it is full", |value| value == "old"),
    rule("storage", "\"file\"", LOST, |value| value == "file"),
    rule("persist_mode", "\"default\"", LOST, |value| value.is_null() || value == "default" || value == ""),
    rule("no_ack", "false", "nobody would know what is stored", is_off),
    rule("sealed", "false", "nothing could be published", is_off),
    rule(
        "republish",
        "{\"src\":\"room.>\",\"dest\":\"live.>\"}",
        "nodes would not hear of messages",
        |value| value["src"] == SUBJECTS && value["dest"] == REPUBLISHED && is_off(&value["headers_only"]),
    ),
    rule("allow_direct", "true", "nodes could not read it", |value| *value == true),
    rule("deny_delete", "true", REMOVED, |value| *value == true),
    rule("deny_purge", "true", REMOVED, |value| *value == true),
    rule("allow_rollup_hdrs", "false", REMOVED, is_off),
    rule("allow_msg_ttl", "false", REMOVED, is_off),
    rule("max_msgs_per_subject", "-1", REMOVED, |value| value.as_i64().is_none_or(|most| most <= 0)),
    rule("max_msg_size", "524288", "long batches would be refused", |value| {
        value.as_i64().is_none_or(|most| most <= 0 || most.cast_unsigned() >= STREAM_MESSAGE_MAX)
    }),
    rule("allow_msg_counter", "false", "it would take nothing but counters", is_off),
    rule("mirror", "null", FOREIGN, Value::is_null),
    rule("sources", "null", FOREIGN, |value| value.is_null() || *value == json!([])),
    rule("subject_transform", "null", "nodes would not hear of messages", Value::is_null),
];

const fn rule(name: &'static str, wanted: &'static str, why: &'static str, fits: fn(&Value) -> bool) -> Rule {
    Rule { name, wanted, why, fits }
}

/// False, or left out.
fn is_off(value: &Value) -> bool {
    value.is_null() || *value == false
}

/// What is wrong with a stream's configuration.
pub(super) fn wrong(config: &Value) -> impl Iterator<Item = Unfit> {
    RULES.iter().filter(|rule| !(rule.fits)(&config[rule.name])).map(|rule| {
        let Rule { name, wanted, why, .. } = *rule;
        Unfit::Setting { name, is: config[name].to_string(), wanted, why }
    })
}
