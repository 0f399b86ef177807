//! A line of the log as an object of JSON, for programs that collect logs.

use serde_json::{Map, Value};

/// What `--log-format` asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// Lines for people: `TIME [LEVEL] sentence`.
    #[default]
    Text,
    /// Objects, one a line.
    Json,
}

impl std::str::FromStr for LogFormat {
    type Err = ();

    fn from_str(text: &str) -> Result<LogFormat, ()> {
        match text {
            "text" => Ok(LogFormat::Text),
            "json" => Ok(LogFormat::Json),
            _ => Err(()),
        }
    }
}

/// The object: `time`, `level` and `message`, and a member for each `name=value` at the message's end; a value is a word, or
/// quoted if it is one of [`QUOTED`]. The message has these, too. A line of another form, which only the log itself writes, is a
/// message of level WARN.
pub(super) fn json_line(line: &[u8]) -> Vec<u8> {
    let line = String::from_utf8_lossy(line);
    let line = line.trim_end_matches('\n');
    let (time, level, message) = parts(line).unwrap_or(("", "WARN", line));
    let mut object = Map::new();
    for (name, value) in [("time", time), ("level", level), ("message", message)] {
        if !value.is_empty() {
            object.insert(name.to_owned(), Value::from(value));
        }
    }
    let mut rest = message;
    while let Some((before, name, value)) = last_field(rest) {
        object.entry(name).or_insert(value);
        rest = before;
    }
    let mut bytes = Value::Object(object).to_string().into_bytes();
    bytes.push(b'\n');
    bytes
}

fn parts(line: &str) -> Option<(&str, &str, &str)> {
    let (time, rest) = line.split_once(" [")?;
    let (level, message) = rest.split_once("] ")?;
    Some((time, level, message))
}

/// The values that people chose freely: only these are quoted. A mail is a word, also one that has quotation marks.
const QUOTED: [&str; 2] = ["name", "title"];

/// The last field of a message, and what is before it.
fn last_field(message: &str) -> Option<(&str, &str, Value)> {
    quoted_field(message).or_else(|| {
        let (before, word) = message.rsplit_once(' ').unwrap_or(("", message));
        let (name, value) = word.split_once('=')?;
        let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase());
        (is_name && !value.is_empty()).then(|| (before, name, Value::from(value)))
    })
}

fn quoted_field(message: &str) -> Option<(&str, &str, Value)> {
    // Within quotes there are no bare ones.
    let at = message.strip_suffix('"')?.rfind("=\"")?;
    let (before, name) = message[..at].rsplit_once(' ').unwrap_or(("", &message[..at]));
    let value: Value = serde_json::from_str(&message[at + 1..]).ok()?;
    (QUOTED.contains(&name) && value != "").then_some((before, name, value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::quoted::quoted;

    #[track_caller]
    fn check(line: &str, json: &str) {
        let told = json_line(line.as_bytes());
        assert_eq!(String::from_utf8(told).expect("text"), format!("{json}\n"));
    }

    #[test]
    fn objects_have_what_the_line_has() {
        let time = "2026-11-22T15:04:05.123456789Z";
        check(
            &format!("{time} [INFO] login refused: mail=bob@example.org from=192.0.2.7:50412 why=password\n"),
            &format!(
                r#"{{"from":"192.0.2.7:50412","level":"INFO","mail":"bob@example.org","message":"login refused: mail=bob@example.org from=192.0.2.7:50412 why=password","time":"{time}","why":"password"}}"#
            ),
        );
        check(
            &format!("{time} [WARN] members.txt:7: \"x\" is no mail\n"),
            &format!(r#"{{"level":"WARN","message":"members.txt:7: \"x\" is no mail","time":"{time}"}}"#),
        );
        check(
            "3 log lines were dropped because their reader was too slow\n",
            r#"{"level":"WARN","message":"3 log lines were dropped because their reader was too slow"}"#,
        );
        // Nothing that somebody has typed takes the place of what the log says.
        check(
            &format!("{time} [INFO] x level=y time=z a=1\n"),
            &format!(r#"{{"a":"1","level":"INFO","message":"x level=y time=z a=1","time":"{time}"}}"#),
        );
        for typed in ["Bob", "Bob B", r#"a" by=- b=""#, r#"=""#, "a\\", "by=-", r#"\" by="-"#] {
            let name = quoted(typed);
            let told =
                json_line(format!("{time} [INFO] name changed: mail=b@x by=b@x name={name}").as_bytes());
            let told: Value = serde_json::from_slice(&told).expect("JSON");
            let has = |name: &str, value: &str| told.get(name).is_some_and(|told| told == value);
            assert!(has("name", typed) && has("by", "b@x") && has("mail", "b@x"), "{typed}: {told}");
            assert_eq!(told.as_object().expect("one").len(), 6, "{told}");
        }
    }

    #[test]
    fn mails_may_have_quotation_marks() {
        for mail in [
            r#""b@x"#,
            r#"b@x""#,
            r#""b@x""#,
            r#"b"@x"#,
            r#"b="@x"#,
            r#"="b@x""#,
            r#"name="b@x""#,
            "name=b@x",
        ] {
            for rest in [format!("by={mail}"), format!("by={mail} name=\"B\"")] {
                let line = format!("t [INFO] x: mail={mail} {rest}\n");
                let told: Value = serde_json::from_slice(&json_line(line.as_bytes())).expect("JSON");
                assert!(told["mail"] == mail && told["by"] == mail, "{mail}: {told}");
                let name = rest.ends_with('"') && rest.contains(' ');
                assert_eq!(told.get("name").is_some(), name, "{mail}: {told}");
            }
        }
    }
}
