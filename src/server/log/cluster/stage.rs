//! A state that a test talks to.

use std::path::Path;

use crate::protocol::{Seq, Time};
use crate::server::log::cluster::applied::{Outcome, Refusal, Stop};
use crate::server::log::cluster::ids::{StreamSeq, Sum};
use crate::server::log::cluster::state::State;
use crate::server::log::local::{Incoming, SharedSegments};

pub(super) const PHC: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY";

/// A group of the admin ann and of bob, before any event.
pub(super) fn genesis() -> String {
    let (key, sum) = ("07".repeat(32), Sum::default());
    format!(
        "v1 keeper 1 1\nGENESIS 0123abcd {key} 100 0 1970-01-01T00:00:00.000Z {sum} 2\n\
         MEMBER ann@x admin {PHC} 0\nMEMBER bob@x member {PHC} 0\n"
    )
}

/// A state, and the milliseconds that its stream's clock shows.
pub(super) struct Stage {
    pub(super) state: State,
    pub(super) clock: u64,
}

impl Stage {
    pub(super) fn new() -> Stage {
        let mut stage = Stage { state: State::new("2026-01-02T03:04:05.6Z", StreamSeq(7)), clock: 1000 };
        assert_eq!(stage.say(&genesis()), "Nothing, Nothing, Nothing");
        stage
    }

    /// What follows from a message: its lines, with times in milliseconds, and what became of those of its commands that
    /// have none. `-`: it does not count.
    pub(super) fn say(&mut self, body: &str) -> String {
        let body = body.replace("PHC", PHC);
        let before = self.state.founded.is_some().then(|| self.state.last());
        let stamp = Time::from_unix_ms(self.clock);
        let applied = self.state.apply(self.state.next(), stamp, body.as_bytes()).expect("it is understood");
        self.state.check();
        let text = text_of(&self.state);
        assert_eq!(State::parse(text.as_bytes()).as_ref(), Ok(&self.state), "{text}");
        let Some(applied) = applied else { return "-".to_owned() };
        assert!(before.is_none_or(|before| applied.first == before.next()));
        let mut rest = std::str::from_utf8(&applied.lines).expect("lines are text");
        let told = applied.outcomes.iter().map(|outcome| {
            let event = match outcome {
                Outcome::Said(event) | Outcome::Changed { event: Some(event), .. } => event,
                Outcome::Changed { change, .. } => {
                    let change = format!("{change:?}");
                    return change.split([',', '{']).take(2).collect::<Vec<_>>().concat();
                }
                Outcome::Refused(Refusal::Change(why)) => return format!("{why:?}"),
                Outcome::Refused(why) => return format!("{why:?}"),
                Outcome::Summed { theirs, ours: Some(ours), .. } if ours == theirs => {
                    return "the same".to_owned();
                }
                Outcome::Summed { ours: Some(_), .. } => return "differs".to_owned(),
                Outcome::Summed { .. } | Outcome::Nothing => return "Nothing".to_owned(),
            };
            let (line, after) = rest.split_at(event.len);
            rest = after;
            let line = line.strip_suffix('\n').expect("it is a line");
            line.replace(&event.time.to_string(), &event.time.unix_ms().to_string())
        });
        let told = told.collect::<Vec<_>>().join(", ");
        assert_eq!(rest, "", "each line has its command");
        told
    }

    pub(super) fn stop(&mut self, body: &str) -> Stop {
        let before = self.state.clone();
        let stamp = Time::from_unix_ms(self.clock);
        let stop = self.state.apply(self.state.next(), stamp, body.as_bytes()).expect_err("it stops");
        assert_eq!(self.state, before, "after an error the state is as it was");
        stop
    }
}

/// The text of a state.
pub(super) fn text_of(state: &State) -> String {
    let mut text = String::new();
    state.write(&mut text);
    text
}

/// Files with these lines, and the number of each one's first.
pub(super) fn files(folder: &Path, files: &[(u64, &str)]) -> SharedSegments {
    let mut incoming = Incoming::open(folder, None).expect("a folder");
    for (first, lines) in files {
        incoming.begin(Seq(*first)).expect("made");
        incoming.append(lines.as_bytes()).expect("written");
        incoming.verify().expect("synced").expect("good lines");
    }
    incoming.segments().expect("some")
}

pub(super) fn line(number: u64, ms: u64, text: &str) -> String {
    format!("MSG {number} 1970-01-01T00:00:0{}.000Z ann@x {text}\n", ms / 1000)
}
