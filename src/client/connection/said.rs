//! Lines of the server, parsed once. Whatever is not an event is cleaned first, so that all text in here can be shown.

use crate::client::display::clean;
use crate::protocol::{Bye, Code, Event, EventLine, Seq, Time, Verb, newer_event, split_word};

/// A line of the server.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::client) enum Said<'a> {
    /// Something happened in the group.
    Event(Happened<'a>),
    /// The answer to the oldest command that is not answered yet; of a verb that this client does not know, if it has none. The
    /// outcome is what follows the verb.
    Answer { verb: Option<Verb>, outcome: Result<String, Refusal> },
    /// `HISTORY <from> <to>` or `FOUND <n>`: the next events, up to the next answer, are a part of it.
    Range,
    /// The last words.
    Bye(LastWords),
    /// A line of an answer whose end is still to come, or something newer than this client.
    Other(String),
}

/// An event of any version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::client) struct Happened<'a> {
    pub(in crate::client) seq: Seq,
    pub(in crate::client) time: Time,
    /// `None`: of a kind that is newer than this client. It has its number like all others.
    pub(in crate::client) event: Option<Event<'a>>,
    pub(in crate::client) line: &'a [u8],
}

/// What follows `ERR VERB`.
pub(in crate::client) type Refusal = Reason<Code>;

impl Refusal {
    /// Whether the same command may succeed later.
    pub(in crate::client) fn may_pass(&self) -> bool {
        matches!(self.code, Some(Code::Busy | Code::Storage))
    }
}

/// What follows `BYE`.
pub(in crate::client) type LastWords = Reason<Bye>;

/// Why the server refused a command or ended the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::client) struct Reason<C> {
    /// `None`: it is newer than this client.
    pub(in crate::client) code: Option<C>,
    /// The code as it came.
    pub(in crate::client) word: String,
    /// For people.
    pub(in crate::client) sentence: String,
}

impl<C> Reason<C> {
    /// Reads a code and a sentence.
    pub(in crate::client) fn read(text: &str, parse: impl FnOnce(&str) -> Option<C>) -> Reason<C> {
        let (word, sentence) = split_word(text);
        Reason { code: parse(word), word: word.to_owned(), sentence: sentence.to_owned() }
    }
}

impl Happened<'_> {
    /// Reads a line without its end.
    pub(in crate::client) fn parse(line: &[u8]) -> Option<Happened<'_>> {
        if let Some(EventLine { seq, time, event }) = EventLine::parse(line) {
            return Some(Happened { seq, time, event: Some(event), line });
        }
        newer_event(line).map(|(seq, time)| Happened { seq, time, event: None, line })
    }
}

impl Said<'_> {
    /// Reads a line without its end.
    pub(in crate::client) fn parse(line: &[u8]) -> Said<'_> {
        if let Some(event) = Happened::parse(line) {
            return Said::Event(event);
        }
        let text = clean(line);
        let (first, rest) = split_word(&text);
        let answer = |outcome: fn(&str) -> Result<String, Refusal>| {
            let (verb, rest) = split_word(rest);
            Said::Answer { verb: Verb::parse(verb.as_bytes()), outcome: outcome(rest) }
        };
        match first {
            "OK" => answer(|rest| Ok(rest.to_owned())),
            "ERR" => answer(|rest| Err(Reason::read(rest, Code::parse))),
            "BYE" => Said::Bye(Reason::read(rest, Bye::parse)),
            "HISTORY" | "FOUND" => Said::Range,
            _ => Said::Other(text.into_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: &str) {
        let verb = |verb: Option<Verb>| verb.map_or("?".to_owned(), |verb| verb.to_string());
        let found = match Said::parse(line.as_bytes()) {
            Said::Event(event) => format!("event {}", event.seq),
            Said::Answer { verb: of, outcome: Ok(rest) } => format!("{} did {rest}", verb(of)),
            Said::Answer { verb: of, outcome: Err(Reason { word, sentence, .. }) } => {
                format!("{} did not ({word}) {sentence}", verb(of))
            }
            Said::Range => "range".to_owned(),
            Said::Bye(Reason { word, sentence, .. }) => format!("bye ({word}) {sentence}"),
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
        check("ERR - too-long cut it", "? did not (too-long) cut it");
        check("BYE shutdown see you", "bye (shutdown) see you");
        check("HISTORY 3 7", "range");
        check("FOUND 3", "range");
        check("WHO ann@x devices=1", "other WHO ann@x devices=1");
        check("", "other ");
    }

    #[test]
    fn what_is_newer_than_this_client_stays_as_it_is() {
        check("OK DANCE with=ann@x", "? did with=ann@x");
        check("ERR ADD brand-new who knows", "ADD did not (brand-new) who knows");
        check("BYE brand-new who knows", "bye (brand-new) who knows");
        let Said::Bye(bye) = Said::parse(b"BYE full no place") else { panic!("these are last words") };
        assert_eq!(bye.code, Some(Bye::Full));
    }

    #[test]
    fn what_controls_a_terminal_is_replaced() {
        check(
            "MSG 7 2026-01-02T03:04:05.678Z ann@x \x1b[2J",
            "other MSG 7 2026-01-02T03:04:05.678Z ann@x \u{fffd}[2J",
        );
        check("ERR MSG usage \x1b[2J", "MSG did not (usage) \u{fffd}[2J");
        check("BYE \x07 \u{202e}", "bye (\u{fffd}) \u{fffd}");
    }
}
