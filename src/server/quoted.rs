//! What people chose, in a line of the log.

use serde_json::Value;

/// The text as a value of a line, `name="Ann B."`: its blanks, quotes and equals signs are no other values'.
pub(in crate::server) fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}
