//! An event as a JSON object in one line, for programs.

use serde_json::Value;

use crate::client::connection::said::Happened;
use crate::client::display::clean;
use crate::protocol::{Author, Event};

/// The object: `seq`, `time` and `kind`, and what an event of this kind has of `mail`, `by`, `name`, `title`, `mode` and `text`. Of a kind that is newer
/// than this client, `text` is what follows the time.
pub(super) fn object(happened: &Happened<'_>) -> String {
    let line = clean(happened.line);
    let mut words = line.splitn(4, ' ');
    let (kind, rest) = (words.next().unwrap_or_default(), words.nth(2).unwrap_or_default());
    let mut fields = vec![
        ("seq", Value::from(happened.seq.0)),
        ("time", Value::from(happened.time.to_string())),
        ("kind", Value::from(kind)),
    ];
    match &happened.event {
        Some(Event::Msg { mail, text }) => {
            fields.extend([("mail", mail.as_str().into()), ("text", text.as_str().into())]);
        }
        Some(Event::Added { by, mail } | Event::Removed { by, mail } | Event::Role { by, mail, .. }) => {
            fields.extend([("mail", mail.as_str().into()), ("by", author(by).into())]);
        }
        Some(Event::Named { by, mail, name }) => {
            fields.extend([("mail", mail.as_str().into()), ("by", author(by).into())]);
            fields.push(("name", name.as_ref().map_or(Value::Null, |name| name.as_str().into())));
        }
        Some(Event::Titled { by, title }) => {
            fields.extend([("by", by.as_str().into()), ("title", title.as_str().into())]);
        }
        Some(Event::Announce { by, mode }) => {
            fields.extend([("by", by.as_str().into()), ("mode", mode.word().into())]);
        }
        None => fields.push(("text", rest.into())),
    }
    // In this order, which a map would not keep.
    let fields: Vec<String> = fields.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
    format!("{{{}}}", fields.join(","))
}

fn author(by: &Author) -> &str {
    match by {
        Author::Member(mail) => mail.as_str(),
        Author::HandEdit => "-",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(line: &str, expected: &str) {
        let line = line.replace("TIME", "2026-01-02T03:04:05.678Z");
        let event = Happened::parse(line.as_bytes()).expect("an event");
        assert_eq!(object(&event), expected.replace("TIME", "2026-01-02T03:04:05.678Z"));
    }

    #[test]
    fn each_kind_with_what_it_has() {
        check(
            "MSG 7 TIME bob@x  say \"hi\"\t\\ /ü",
            r#"{"seq":7,"time":"TIME","kind":"MSG","mail":"bob@x","text":" say \"hi\"\t\\ /ü"}"#,
        );
        check(
            "NAMED 9 TIME - bob@x Bob  B.",
            r#"{"seq":9,"time":"TIME","kind":"NAMED","mail":"bob@x","by":"-","name":"Bob  B."}"#,
        );
        check(
            "NAMED 9 TIME bob@x",
            r#"{"seq":9,"time":"TIME","kind":"NAMED","mail":"bob@x","by":"bob@x","name":null}"#,
        );
        check(
            "TITLED 9 TIME ann@x The  Choir",
            r#"{"seq":9,"time":"TIME","kind":"TITLED","by":"ann@x","title":"The  Choir"}"#,
        );
        check(
            "ANNOUNCE 9 TIME ann@x on",
            r#"{"seq":9,"time":"TIME","kind":"ANNOUNCE","by":"ann@x","mode":"on"}"#,
        );
        check(
            "ADDED 8 TIME ann@x bob@x",
            r#"{"seq":8,"time":"TIME","kind":"ADDED","mail":"bob@x","by":"ann@x"}"#,
        );
        check(
            "REMOVED 9 TIME - bob@x",
            r#"{"seq":9,"time":"TIME","kind":"REMOVED","mail":"bob@x","by":"-"}"#,
        );
    }

    #[test]
    fn a_kind_that_is_not_known_as_it_is() {
        check(
            "POLL 7 TIME ann@x a \u{1b}[2J \u{9b} b",
            "{\"seq\":7,\"time\":\"TIME\",\"kind\":\"POLL\",\"text\":\"ann@x a \u{fffd}[2J \u{fffd} b\"}",
        );
        check(
            "POLL 18446744073709551614 TIME",
            r#"{"seq":18446744073709551614,"time":"TIME","kind":"POLL","text":""}"#,
        );
    }

    proptest! {
        /// Whatever the server sends, each line is an object that says the same, and nothing in it controls a terminal.
        #[test]
        fn valid_for_all_inputs(kind in "MSG|ADDED|POLL", seq in 1..u64::MAX, rest in proptest::collection::vec(any::<u8>(), 0..40)) {
            let rest = if kind == "MSG" { [b"bob@x ".as_slice(), &rest].concat() } else { rest };
            let line = [format!("{kind} {seq} 2026-01-02T03:04:05.678Z ").as_bytes(), &rest].concat();
            if let Some(event) = Happened::parse(&line) {
                let text = object(&event);
                prop_assert!(text.chars().all(crate::client::display::is_harmless), "{text:?}");
                prop_assert!(!text.contains('\n'));
                let parsed: Value = serde_json::from_str(&text).expect("JSON");
                prop_assert_eq!(&parsed["seq"], &Value::from(seq));
                if let Some(Event::Msg { text, .. }) = &event.event {
                    prop_assert_eq!(&parsed["text"], &Value::from(text.as_str()));
                }
            }
        }
    }
}
