//! What the server says, parsed once. Whatever is no event is cleaned first, so all text in here may be shown.

use super::display::clean;
use crate::protocol::EventLine;

/// A line of the server.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said<'a> {
    /// Something happened in the group.
    Event(EventLine<'a>),
    /// The answer to the oldest thing that was asked and is not answered.
    Answer(Answer),
    /// The last words.
    Bye(String),
    /// A line of an answer that is still to come, or something newer than this client.
    Other(String),
}

/// `OK VERB …` or `ERR VERB code sentence`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// The verb it repeats.
    pub(super) verb: String,
    /// What stands behind the verb.
    pub(super) outcome: Result<String, Refused>,
}

/// What stands behind `ERR VERB`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refused {
    /// For programs.
    pub(super) code: String,
    /// For people.
    pub(super) sentence: String,
}

impl Said<'_> {
    /// Reads a line without its end.
    pub(super) fn parse(line: &[u8]) -> Said<'_> {
        if let Some(event) = EventLine::parse(line) {
            return Said::Event(event);
        }
        let text = clean(line);
        let (first, rest) = split_word(&text);
        let (second, rest) = split_word(rest);
        match first {
            "OK" => Said::Answer(Answer { verb: second.to_owned(), outcome: Ok(rest.to_owned()) }),
            "ERR" => {
                let (code, sentence) = split_word(rest);
                let refused = Refused { code: code.to_owned(), sentence: sentence.to_owned() };
                Said::Answer(Answer { verb: second.to_owned(), outcome: Err(refused) })
            }
            "BYE" => Said::Bye(rest.to_owned()),
            _ => Said::Other(text.into_owned()),
        }
    }
}

/// The first word and what stands behind the blank after it.
pub(super) fn split_word(text: &str) -> (&str, &str) {
    text.split_once(' ').unwrap_or((text, ""))
}

/// The value of `key=value` among the words.
pub(super) fn field<'a>(words: &'a str, key: &str) -> Option<&'a str> {
    words.split(' ').find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: &str) {
        let found = match Said::parse(line.as_bytes()) {
            Said::Event(event) => format!("event {}", event.seq),
            Said::Answer(Answer { verb, outcome: Ok(rest) }) => format!("{verb} did {rest}"),
            Said::Answer(Answer { verb, outcome: Err(Refused { code, sentence }) }) => {
                format!("{verb} did not ({code}) {sentence}")
            }
            Said::Bye(sentence) => format!("bye {sentence}"),
            Said::Other(text) => format!("other {text}"),
        };
        assert_eq!(found, expected, "{line:?}");
    }

    #[test]
    fn lines() {
        check("MSG 7 2026-01-02T03:04:05.678Z ann@x hi", "event 7");
        check("OK MSG 7 2026-01-02T03:04:05.678Z", "MSG did 7 2026-01-02T03:04:05.678Z");
        check("OK PING", "PING did ");
        check("ERR ADD bad-mail that is no mail", "ADD did not (bad-mail) that is no mail");
        check("BYE shutdown see you", "bye see you");
        check("WHO ann@x devices=1", "other WHO ann@x devices=1");
        check("", "other ");
    }

    #[test]
    fn what_acts_on_a_terminal_is_gone() {
        check(
            "MSG 7 2026-01-02T03:04:05.678Z ann@x \x1b[2J",
            "other MSG 7 2026-01-02T03:04:05.678Z ann@x \u{fffd}[2J",
        );
        check("ERR MSG usage \x1b[2J", "MSG did not (usage) \u{fffd}[2J");
        check("BYE \x07 \u{202e}", "bye \u{fffd}");
    }

    #[test]
    fn fields() {
        assert_eq!(field("2 more=bob@x", "more"), Some("bob@x"));
        assert_eq!(field("2 nomore=bob@x mor=e", "more"), None);
        assert_eq!(field("missed=", "missed"), Some(""));
    }
}
