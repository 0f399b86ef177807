//! What the server says, parsed once. Whatever is no event is cleaned first, so all text in here may be shown.

use super::display::clean;
use crate::protocol::{EventLine, Seq, Time};

/// A line of the server.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said<'a> {
    /// Something happened in the group.
    Event(EventLine<'a>),
    /// The answer to the oldest thing that was asked and is not answered.
    Answer(Answer),
    /// The next events, up to the next answer, are a part of it.
    Range,
    /// The last words.
    Bye(Bye),
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

/// What stands behind `BYE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bye {
    /// For programs.
    pub(super) code: String,
    /// For people.
    pub(super) sentence: String,
}

/// What stands behind `OK LOGIN mail`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Welcome {
    /// `admin` or `member`.
    pub(super) role: String,
    /// The number of the last event so far.
    pub(super) last: Seq,
    /// How many events this device has missed.
    pub(super) missed: u64,
    /// The number of the first event that can be read, or of the next one if there is none.
    pub(super) first: Seq,
    /// Which transcript the numbers belong to.
    pub(super) transcript: String,
}

impl Welcome {
    /// `None` if a number is missing.
    pub(super) fn parse(rest: &str) -> Option<Welcome> {
        let number = |key| field(rest, key)?.parse().ok();
        Some(Welcome {
            role: field(rest, "role")?.to_owned(),
            last: Seq(number("last")?),
            missed: number("missed")?,
            first: Seq(number("first")?),
            transcript: field(rest, "transcript")?.to_owned(),
        })
    }
}

/// The number and time behind `OK MSG`.
pub(super) fn said_at(rest: &str) -> Option<(Seq, Time)> {
    let (seq, time) = split_word(rest);
    Some((Seq(seq.parse().ok()?), Time::parse(split_word(time).0)?))
}

/// What stands behind `ERR VERB`.
#[derive(Clone, Debug, PartialEq, Eq)]
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
            "BYE" => Said::Bye(Bye { code: second.to_owned(), sentence: rest.to_owned() }),
            "HISTORY" => Said::Range,
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
            Said::Range => "range".to_owned(),
            Said::Bye(Bye { code, sentence }) => format!("bye ({code}) {sentence}"),
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
        check("BYE shutdown see you", "bye (shutdown) see you");
        check("HISTORY 3 7", "range");
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
        check("BYE \x07 \u{202e}", "bye (\u{fffd}) \u{fffd}");
    }

    #[test]
    fn welcomes() {
        let rest = "ann@x role=admin last=7 missed=2 first=1 transcript=0123abcd";
        let welcome = Welcome::parse(rest).expect("it has all");
        assert_eq!((welcome.last, welcome.missed, welcome.first), (Seq(7), 2, Seq(1)));
        assert_eq!(Welcome::parse(&rest.replace("missed=2", "missed=many")), None);
        assert_eq!(said_at("7 2026-01-02T03:04:05.678Z").map(|(seq, _)| seq), Some(Seq(7)));
        assert_eq!(said_at("7"), None);
    }

    #[test]
    fn fields() {
        assert_eq!(field("2 more=bob@x", "more"), Some("bob@x"));
        assert_eq!(field("2 nomore=bob@x mor=e", "more"), None);
        assert_eq!(field("missed=", "missed"), Some(""));
    }
}
