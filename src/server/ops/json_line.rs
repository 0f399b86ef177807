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

/// The object: `time`, `level` and `message`, and a member for each word `name=value` at the message's end. The message has these,
/// too. A line of another form, which only the log itself writes, is a message of level WARN.
pub(super) fn json_line(line: &[u8]) -> Vec<u8> {
    let line = String::from_utf8_lossy(line);
    let line = line.trim_end_matches('\n');
    let (time, level, message) = parts(line).unwrap_or(("", "WARN", line));
    let mut object = Map::new();
    let fields = message.rsplit(' ').map_while(field);
    for (name, value) in [("time", time), ("level", level), ("message", message)].into_iter().chain(fields) {
        if !value.is_empty() {
            object.entry(name).or_insert_with(|| Value::from(value));
        }
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

fn field(word: &str) -> Option<(&str, &str)> {
    let (name, value) = word.split_once('=')?;
    let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase());
    is_name.then_some((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

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
    }
}
